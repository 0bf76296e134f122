/** Import of files into tasks, and export of tasks into files. */
import { uuidv7 } from "uuidv7";
import type { List } from "../shared/contracts/resources.ts";
import type { TaskInput } from "../shared/contracts/task.ts";
import {
  formatICal,
  formatTodoTxt,
  type ImportedTask,
  type ImportResult,
} from "../shared/domain/formats/mod.ts";
import { createLists, type ListRow, toList } from "./lists.ts";
import { toTask } from "./task_state.ts";
import type { exportTasks } from "./queries.ts";
import { type CreateExtras, createTasks } from "./tasks.ts";
import type { Unit } from "./unit.ts";

/** Problems that an answer lists at most; of a file without any sense every line is one. */
const MAX_PROBLEMS = 1_000;
const MAX_LIST_NAME = 100;
/** Lists that one import makes at most: a column that holds something else would make one of each line. */
const MAX_NEW_LISTS = 500;
export const EXPORT_FORMATS = ["json", "todotxt", "ical"] as const;
/** What `GET /api/export` can write. */
export type ExportFormat = typeof EXPORT_FORMATS[number];

/** What an import did: `skipped` counts entries that hold no task or one that can't be taken. */
export interface ImportSummary {
  imported: number;
  skipped: number;
  problems: { line: number; message: string }[];
}

/** Creates the tasks of a file that was read, all with one cause; bad lines are reported and the rest is taken. */
export async function importTasks(unit: Unit, parsed: ImportResult): Promise<ImportSummary> {
  const { lists, problems } = await listsByName(unit, parsed.tasks);
  const ids = parsed.tasks.map(() => uuidv7());
  await createTasks(unit, parsed.tasks.map((task, index) => toInput(task, ids, ids[index], lists)));
  return {
    imported: parsed.tasks.length,
    skipped: parsed.skipped,
    problems: firstOf([...parsed.problems, ...problems].sort((a, b) => a.line - b.line)),
  };
}

/** The first problems, and at the end how many more there are. */
function firstOf(problems: ImportSummary["problems"]): ImportSummary["problems"] {
  const next = problems[MAX_PROBLEMS];
  if (next === undefined) return problems;
  return [
    ...problems.slice(0, MAX_PROBLEMS),
    { line: next.line, message: `${problems.length - MAX_PROBLEMS} more problems, from this line on` },
  ];
}

function toInput(
  task: ImportedTask,
  ids: readonly string[],
  id: string | undefined,
  lists: ReadonlyMap<string, List>,
): TaskInput & { extras: CreateExtras; id?: string } {
  return {
    id,
    title: task.title,
    notes: task.notes,
    priority: task.priority,
    tags: task.tags,
    listId: task.listName === undefined ? undefined : lists.get(keyOf(task.listName))?.id,
    parentId: task.parentIndex === undefined ? undefined : ids[task.parentIndex],
    due: task.due,
    recurrence: task.recurrence,
    reminders: task.reminders,
    extras: { status: task.status, completedAt: task.completedAt, createdAt: task.createdAt },
  };
}

/** The lists that the file names, by lower-case name; those that do not exist are made, up to a limit. */
async function listsByName(
  unit: Unit,
  tasks: readonly ImportedTask[],
): Promise<{ lists: Map<string, List>; problems: ImportSummary["problems"] }> {
  const wanted = new Map<string, { name: string; line: number }>();
  for (const { listName, line } of tasks) {
    if (listName === undefined || wanted.has(keyOf(listName))) continue;
    wanted.set(keyOf(listName), { name: listNameOf(listName), line });
  }
  if (wanted.size === 0) return { lists: new Map(), problems: [] };
  const rows = await unit.tx<ListRow[]>`
    select * from tasks.lists where user_id = ${unit.userId} and deleted_at is null`;
  const known = new Map(rows.map((row) => [keyOf(row.name), toList(row)]));
  const missing = [...wanted].filter(([key]) => !known.has(key)).map(([, list]) => list);
  const made = await createLists(unit, missing.slice(0, MAX_NEW_LISTS));
  // The tasks' own lists are looked up in the database.
  await unit.flush();
  for (const list of made) known.set(keyOf(list.name), list);
  const problems = missing.slice(MAX_NEW_LISTS).map(({ name, line }) => ({
    line,
    message:
      `the list "${name}" was not made, its tasks are in the Inbox: an import makes at most ${MAX_NEW_LISTS} lists`,
  }));
  return { lists: known, problems };
}

/** A name as a list can have it: no longer, and with no half of a character at its end. */
const listNameOf = (name: string): string =>
  name.trim().slice(0, MAX_LIST_NAME).replace(/[\uD800-\uDBFF]$/, "").trim();
const keyOf = (name: string): string => listNameOf(name).toLowerCase();

/** The file of an export and its media type. */
export function formatExport(
  format: ExportFormat,
  { tasks, lists, profile }: Awaited<ReturnType<typeof exportTasks>>,
): { text: string; contentType: string; fileName: string } {
  const items = tasks.map(toTask);
  switch (format) {
    case "json":
      return {
        text: JSON.stringify({ profile, lists, tasks: items }, null, 2),
        contentType: "application/json",
        fileName: "rondo.json",
      };
    case "todotxt":
      return {
        text: formatTodoTxt(items, lists, { timeZone: profile.timeZone }),
        contentType: "text/plain; charset=utf-8",
        fileName: "todo.txt",
      };
    case "ical":
      return {
        text: formatICal(items, lists),
        contentType: "text/calendar; charset=utf-8",
        fileName: "rondo.ics",
      };
  }
}
