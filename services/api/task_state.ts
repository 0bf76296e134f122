/** A task as the api holds it: what clients see, and the series behind it. Pure. */
import type { Due, Priority, Task } from "../shared/contracts/task.ts";
import { formatInstant, resolveDue } from "../shared/domain/time.ts";

/** The grid of a recurring task. */
export interface Series {
  /** The due of the first occurrence. */
  anchor: Due;
  /** The grid date (`YYYY-MM-DD`) that this occurrence stands for, also when its due was moved by hand. */
  scheduled: string;
}

export interface TaskState extends Task {
  series: Series | null;
}

export const PRIORITIES: readonly Priority[] = ["low", "medium", "high", "urgent"];

/** Fields that a change of a task can touch; what is derived or bookkeeping is not among them. */
const FIELDS = [
  "listId",
  "parentId",
  "title",
  "notes",
  "priority",
  "tags",
  "status",
  "due",
  "recurrence",
  "seriesId",
  "occurrence",
  "series",
  "reminders",
  "position",
  "completedAt",
  "deletedAt",
] as const satisfies readonly (keyof TaskState)[];

/** The fields in which two states differ, with their value in `before`; null when there are none. */
export function changedFields(before: TaskState, after: TaskState): Partial<TaskState> | null {
  const changed = FIELDS.filter((field) => !same(before[field], after[field]));
  if (changed.length === 0) return null;
  return Object.fromEntries(changed.map((field) => [field, before[field]]));
}

/** Whether two JSON values are equal, whatever the order of their keys. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size &&
    left.every(([key, value]) => right.has(key) && same(value, right.get(key)));
}

/** `dueAt` of a due in the user's zone. */
export function dueAtOf(due: Due | null, userZone: string): string | null {
  return due === null ? null : formatInstant(resolveDue(due, userZone));
}

/** What clients see. */
export function toTask(state: TaskState): Task {
  const { series: _series, ...task } = state;
  return task;
}

/** A row of `tasks.tasks` as the driver gives it. */
export interface TaskRow {
  id: string;
  list_id: string;
  parent_id: string | null;
  title: string;
  notes: string;
  priority: number;
  tags: string[];
  status: "open" | "completed";
  due_date: string | null;
  due_time: string | null;
  due_zone: string | null;
  due_at: string | null;
  rule: string | null;
  mode: "schedule" | "completion" | null;
  series_id: string | null;
  occurrence: number | null;
  anchor: Due | null;
  scheduled: string | null;
  reminders: Task["reminders"];
  position: string;
  version: number;
  created_at: string;
  updated_at: string;
  completed_at: string | null;
  deleted_at: string | null;
}

export const TASK_COLUMNS = [
  "id",
  "list_id",
  "parent_id",
  "title",
  "notes",
  "priority",
  "tags",
  "status",
  "due_date",
  "due_time",
  "due_zone",
  "due_at",
  "rule",
  "mode",
  "series_id",
  "occurrence",
  "anchor",
  "scheduled",
  "reminders",
  "position",
  "version",
  "created_at",
  "updated_at",
  "completed_at",
  "deleted_at",
] as const satisfies readonly (keyof TaskRow)[];

/** The state of a row. */
export function fromRow(row: TaskRow): TaskState {
  return {
    id: row.id,
    listId: row.list_id,
    parentId: row.parent_id,
    title: row.title,
    notes: row.notes,
    priority: PRIORITIES[row.priority] ?? "medium",
    tags: row.tags,
    status: row.status,
    due: row.due_date === null ? null : { date: row.due_date, time: row.due_time, timeZone: row.due_zone },
    dueAt: row.due_at,
    recurrence: row.rule === null || row.mode === null ? null : { rule: row.rule, mode: row.mode },
    seriesId: row.series_id,
    occurrence: row.occurrence,
    reminders: row.reminders,
    position: row.position,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    completedAt: row.completed_at,
    deletedAt: row.deleted_at,
    series: row.anchor === null || row.scheduled === null
      ? null
      : { anchor: row.anchor, scheduled: row.scheduled },
  };
}

/** The row of a state. */
export function toRow(state: TaskState): TaskRow {
  return {
    id: state.id,
    list_id: state.listId,
    parent_id: state.parentId,
    title: state.title,
    notes: state.notes,
    priority: PRIORITIES.indexOf(state.priority),
    tags: state.tags,
    status: state.status,
    due_date: state.due?.date ?? null,
    due_time: state.due?.time ?? null,
    due_zone: state.due?.timeZone ?? null,
    due_at: state.dueAt,
    rule: state.recurrence?.rule ?? null,
    mode: state.recurrence?.mode ?? null,
    series_id: state.seriesId,
    occurrence: state.occurrence,
    anchor: state.series?.anchor ?? null,
    scheduled: state.series?.scheduled ?? null,
    reminders: state.reminders,
    position: state.position,
    version: state.version,
    created_at: state.createdAt,
    updated_at: state.updatedAt,
    completed_at: state.completedAt,
    deleted_at: state.deletedAt,
  };
}
