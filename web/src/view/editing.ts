/** Everything that edits a task, in one piece: who opens one soon needs the rest. */
export { Detail } from "./detail.tsx";
export { DueEditor, RemindersEditor } from "./due.tsx";
export { RecurrenceEditor } from "./recurrence.tsx";
