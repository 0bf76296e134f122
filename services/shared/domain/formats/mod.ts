/** Import and export of todo.txt, Todoist CSV and iCalendar: pure, text in, values out. */
export type { ImportedTask, ImportOptions, ImportResult, Problem } from "./imported.ts";
export { formatTodoTxt, parseTodoTxt, type TodoTxtOptions } from "./todotxt.ts";
export { parseTodoistCsv } from "./todoist_csv.ts";
export { type FeedOptions, type FeedTask, formatFeed, formatICal, parseICal } from "./ical.ts";
