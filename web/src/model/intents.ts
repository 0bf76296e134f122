/** What a user wants done, as data: it is shown, kept, sent and shown again after a reload from this. */
import type { Method } from "../api/client.ts";
import type { Colour, Filter, List, Me, ProfilePatch, Task, TaskInput, TaskPatch } from "../api/types.ts";
import { wholeDue } from "./dates.ts";

export type TaskIntent =
  | { kind: "create"; task: Task; body: TaskInput }
  | { kind: "patch"; id: string; patch: TaskPatch }
  /** `at` is sent only when it is not now: the server's clock is the better one. */
  | { kind: "complete"; id: string; at: string; sendAt: boolean }
  | { kind: "reopen"; id: string }
  | { kind: "delete"; id: string; at: string }
  | { kind: "restore"; id: string }
  | { kind: "skip"; id: string };

/** What is done to lists, filters and settings while there is no connection. */
export type OtherIntent =
  | { kind: "create-list"; list: List }
  | { kind: "patch-list"; id: string; change: { name?: string; colour?: Colour } }
  | { kind: "delete-list"; id: string }
  | { kind: "create-filter"; filter: Filter }
  | { kind: "patch-filter"; id: string; change: { name?: string; query?: string } }
  | { kind: "delete-filter"; id: string }
  | { kind: "profile"; patch: ProfilePatch };

export type Intent = TaskIntent | OtherIntent;
/** What the server says to one of the others. */
export type OtherAnswer = List | Filter | Me | null;

const OTHERS: ReadonlySet<Intent["kind"]> = new Set<OtherIntent["kind"]>([
  ...["create-list", "patch-list", "delete-list"] as const,
  ...["create-filter", "patch-filter", "delete-filter"] as const,
  "profile",
]);
export const isOfTask = (intent: Intent): intent is TaskIntent => !OTHERS.has(intent.kind);

/** One intent on its way to the server. */
export interface Operation {
  /** The order in which they were made, over all tabs. */
  readonly id: number;
  /** The idempotency key: every try of this operation is the same write. */
  readonly key: string;
  readonly intent: Intent;
  /** When it was made. */
  readonly at: string;
  /** What the task was called then. */
  readonly title: string;
  /** Whether it has been sent, so that the server may have it although no answer came. */
  readonly attempted: boolean;
}

export type NewOperation = Omit<Operation, "id" | "attempted">;

/** Why the server did not take an operation. */
export interface Reason {
  status: number;
  /** One or two sentences for a person. */
  text: string;
}

/** An operation that was not taken: kept until somebody has seen it. */
export interface Refusal extends Reason {
  readonly operation: Operation;
  readonly at: string;
}

const TEMPORARY = "new-";

/** The id of a task that the server has not named yet. */
export const temporaryId = (random: string) => TEMPORARY + random;
export const isTemporary = (id: string) => id.startsWith(TEMPORARY);

/** The task, list or filter an intent is about; of settings there is one. */
export function subjectOf(intent: Intent): string {
  switch (intent.kind) {
    case "create":
      return intent.task.id;
    case "create-list":
      return intent.list.id;
    case "create-filter":
      return intent.filter.id;
    case "profile":
      return "";
    default:
      return intent.id;
  }
}

/** The temporary id that the answer to an intent replaces. */
export const madeBy = (intent: Intent): string | null =>
  intent.kind === "create" || intent.kind === "create-list" || intent.kind === "create-filter"
    ? subjectOf(intent)
    : null;

/** Temporary ids that must have become real before an intent can be sent. */
export function temporaryIdsOf(intent: Intent): string[] {
  const ids = madeBy(intent) === null ? [subjectOf(intent)] : [];
  const fields = intent.kind === "create" ? intent.body : intent.kind === "patch" ? intent.patch : {};
  for (const id of [fields.parentId, fields.listId]) if (id) ids.push(id);
  return ids.filter(isTemporary);
}

/** The intent with real ids in the place of temporary ones, or null when one of them is not known. */
export function withRealIds(intent: Intent, realId: (id: string) => string | undefined): Intent | null {
  let unknown = false;
  const real = <T extends string | null | undefined>(id: T): T => {
    if (typeof id !== "string" || !isTemporary(id)) return id;
    const found = realId(id);
    if (found === undefined) unknown = true;
    return (found ?? id) as T;
  };
  const fields = <T extends TaskPatch>(patch: T): T => ({
    ...patch,
    ...(patch.parentId !== undefined && { parentId: real(patch.parentId) }),
    ...(patch.listId !== undefined && { listId: real(patch.listId) }),
  });
  const known = (): Intent => {
    switch (intent.kind) {
      case "create":
        return { ...intent, body: fields(intent.body) };
      case "patch":
        return { ...intent, id: real(intent.id), patch: fields(intent.patch) };
      case "create-list":
      case "create-filter":
      case "profile":
        return intent;
      default:
        return { ...intent, id: real(intent.id) };
    }
  };
  const result = known();
  return unknown ? null : result;
}

export interface IntentRequest {
  method: Method;
  path: string;
  body?: unknown;
}

/** The call that carries an intent out. */
export function requestOf(intent: Intent): IntentRequest {
  const at = (id: string) => `/api/tasks/${encodeURIComponent(id)}`;
  const listAt = (id: string) => `/api/lists/${encodeURIComponent(id)}`;
  const filterAt = (id: string) => `/api/filters/${encodeURIComponent(id)}`;
  switch (intent.kind) {
    case "create-list": {
      const { name, colour } = intent.list;
      return { method: "POST", path: "/api/lists", body: { name, colour } };
    }
    case "patch-list":
      return { method: "PATCH", path: listAt(intent.id), body: intent.change };
    case "delete-list":
      return { method: "DELETE", path: listAt(intent.id) };
    case "create-filter": {
      const { name, query } = intent.filter;
      return { method: "POST", path: "/api/filters", body: { name, query } };
    }
    case "patch-filter":
      return { method: "PATCH", path: filterAt(intent.id), body: intent.change };
    case "delete-filter":
      return { method: "DELETE", path: filterAt(intent.id) };
    case "profile":
      return { method: "PATCH", path: "/api/me", body: intent.patch };
    case "create":
      return { method: "POST", path: "/api/tasks", body: intent.body };
    case "patch":
      return { method: "PATCH", path: at(intent.id), body: intent.patch };
    case "complete":
      return {
        method: "POST",
        path: `${at(intent.id)}/complete`,
        body: intent.sendAt ? { completedAt: intent.at } : {},
      };
    case "delete":
      return { method: "DELETE", path: at(intent.id) };
    default:
      return { method: "POST", path: `${at(intent.id)}/${intent.kind}`, body: {} };
  }
}

/** The task as it will look once the server has taken the intent. */
export function shownWith(task: Task, intent: TaskIntent): Task {
  switch (intent.kind) {
    case "create":
    case "skip":
      return task;
    case "patch":
      return applyPatch(task, intent.patch);
    case "complete":
      return { ...task, status: "completed", completedAt: intent.at };
    case "reopen":
      return { ...task, status: "open", completedAt: null };
    case "delete":
      return { ...task, deletedAt: intent.at };
    case "restore":
      return { ...task, deletedAt: null };
  }
}

/** The patch as the task will look with it; what the server alone decides keeps its value. */
export function applyPatch(task: Task, patch: TaskPatch): Task {
  const { due, reminders, recurrence, ...rest } = patch;
  const next: Task = { ...task, ...rest };
  if (due !== undefined) {
    next.due = due === null ? null : wholeDue(due);
  }
  if (recurrence !== undefined) next.recurrence = recurrence;
  if (reminders !== undefined) {
    next.reminders = reminders.map((reminder, index) => ({ ...reminder, id: reminder.id ?? `new-${index}` }));
  }
  return next;
}

/**
 * The intent that takes another one back, made from the task as it was before; null when only the server can, since
 * more than this task is changed by it.
 */
export function inverseOf(
  intent: Exclude<TaskIntent, { kind: "create" }>,
  before: Task,
  at: string,
): Intent | null {
  const { id } = intent;
  switch (intent.kind) {
    case "complete":
      return before.recurrence === null ? { kind: "reopen", id } : null;
    case "reopen":
      return before.completedAt === null
        ? null
        : { kind: "complete", id, at: before.completedAt, sendAt: true };
    case "delete":
      return { kind: "restore", id };
    case "restore":
      return { kind: "delete", id, at };
    case "skip":
      return null;
    case "patch": {
      const names = Object.keys(intent.patch) as (keyof TaskPatch)[];
      return { kind: "patch", id, patch: Object.fromEntries(names.map((name) => [name, before[name]])) };
    }
  }
}
