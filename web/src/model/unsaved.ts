/** What an operation would have done, in words: for the list of those that could not be saved. */
import type { ListWithCount, TaskPatch } from "../api/types.ts";
import { type Calendar, dayInSentence, reminderText } from "./dates.ts";
import type { Operation } from "./intents.ts";
import { priorityLabel } from "./priorities.ts";
import { quoted } from "./wording.ts";

/** One field that the change would have set. */
export interface KeptField {
  name: string;
  value: string;
}

export interface OperationWords {
  what: string;
  fields: KeptField[];
}

/** Says an operation. */
export function wordsOf(
  { intent, title }: Operation,
  lists: readonly ListWithCount[],
  calendar: Calendar,
): OperationWords {
  const task = quoted(title);
  switch (intent.kind) {
    case "create": {
      const { title: _, position: __, ...rest } = intent.body;
      return { what: `Add ${task}`, fields: fieldsOf(rest, lists, calendar) };
    }
    case "patch":
      return { what: `Change ${task}`, fields: fieldsOf(intent.patch, lists, calendar) };
    case "complete":
      return { what: `Complete ${task}`, fields: [] };
    case "reopen":
      return { what: `Reopen ${task}`, fields: [] };
    case "delete":
      return { what: `Move ${task} to the trash`, fields: [] };
    case "restore":
      return { what: `Restore ${task}`, fields: [] };
    case "skip":
      return { what: `Skip this occurrence of ${task}`, fields: [] };
    case "create-list":
      return { what: `Make the list ${task}`, fields: [] };
    case "patch-list":
      return { what: `Change the list ${task}`, fields: named(intent.change) };
    case "delete-list":
      return { what: `Delete the list ${task}`, fields: [] };
    case "create-filter":
      return { what: `Save the filter ${task}`, fields: [{ name: "Query", value: intent.filter.query }] };
    case "patch-filter":
      return { what: `Change the filter ${task}`, fields: named(intent.change) };
    case "delete-filter":
      return { what: `Delete the filter ${task}`, fields: [] };
    case "profile":
      return { what: "Change your settings", fields: [] };
  }
}

function named({ name, colour, query }: { name?: string; colour?: string; query?: string }): KeptField[] {
  return [
    ...name === undefined ? [] : [{ name: "Name", value: name }],
    ...colour === undefined ? [] : [{ name: "Colour", value: colour }],
    ...query === undefined ? [] : [{ name: "Query", value: query }],
  ];
}

function fieldsOf(patch: TaskPatch, lists: readonly ListWithCount[], calendar: Calendar): KeptField[] {
  const fields: KeptField[] = [];
  const add = (name: string, value: string) => fields.push({ name, value: value === "" ? "none" : value });
  if (patch.title !== undefined) add("Title", patch.title);
  if (patch.notes !== undefined) add("Notes", patch.notes);
  if (patch.priority !== undefined) add("Priority", priorityLabel(patch.priority));
  if (patch.tags !== undefined) add("Tags", patch.tags.map((tag) => `#${tag}`).join(" "));
  if (patch.listId !== undefined) {
    add("List", lists.find((list) => list.id === patch.listId)?.name ?? "a list that is gone");
  }
  if (patch.due === null) add("Date", "");
  else if (patch.due !== undefined) {
    const day = dayInSentence(Temporal.PlainDate.from(patch.due.date), calendar);
    add("Date", patch.due.time ? `${day} at ${patch.due.time}` : day);
  }
  if (patch.recurrence === null) add("Repeats", "");
  else if (patch.recurrence !== undefined) add("Repeats", patch.recurrence.rule);
  if (patch.reminders !== undefined) {
    add("Reminders", patch.reminders.map((one) => reminderText(one, calendar)).join(", "));
  }
  if (patch.position !== undefined && fields.length === 0) add("Place in the list", "another one");
  return fields;
}
