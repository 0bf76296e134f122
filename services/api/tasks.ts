/** What can be done to tasks: every function changes them through a unit of work. */
import { generateKeyBetween, generateNKeysBetween } from "fractional-indexing";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import {
  CivilDateInput,
  type DueInput,
  type Reminder,
  type TaskInput,
  type TaskPatch,
} from "../shared/contracts/task.ts";
import { normalizeRecurrence } from "../shared/domain/recurrence.ts";
import { formatInstant } from "../shared/domain/time.ts";
import { invalid, notFound, ProblemError } from "../shared/http/problem.ts";
import { dueAtOf, same, type TaskState } from "./task_state.ts";
import type { Unit } from "./unit.ts";

/** What an import can say of a task beyond what a client can. */
export interface CreateExtras {
  status?: "open" | "completed";
  completedAt?: string;
  createdAt?: string;
}

/** Creates tasks in order; each one without a position goes to the end of its list. */
export async function createTasks(
  unit: Unit,
  inputs: readonly (TaskInput & { extras?: CreateExtras; id?: string })[],
  at: (index: number) => string = () => "",
): Promise<TaskState[]> {
  const zone = await unit.timeZone();
  const inbox = await unit.inboxId();
  const known = await ownLists(unit, inputs.flatMap((input) => input.listId ?? []));
  const ids = new Set(inputs.flatMap((input) => input.id ?? []));
  const parents = await unit.loadTasks(
    inputs.flatMap((input) => input.parentId ?? []).filter((id) => !ids.has(id)),
  );
  const made = new Map<string, TaskState>();
  const planned = inputs.map((input, index) => {
    const path = at(index);
    const listId = input.listId ?? inbox;
    if (listId !== inbox && !known.has(listId)) throw invalid(`${path}listId`, "must be one of your lists");
    const parent = input.parentId == null ? null : parents.get(input.parentId) ?? made.get(input.parentId);
    if (parent === undefined || parent?.deletedAt != null) {
      throw invalid(`${path}parentId`, "must be one of your tasks");
    }
    const due = toDue(input.due ?? null);
    const recurrence = input.recurrence == null ? null : normalizeRecurrence(input.recurrence);
    if (recurrence !== null && due === null) throw invalid(`${path}recurrence`, "needs due");
    const status = input.extras?.status ?? "open";
    const state: TaskState = {
      id: input.id ?? uuidv7(),
      listId: parent?.listId ?? listId,
      parentId: parent?.id ?? null,
      title: input.title,
      notes: input.notes ?? "",
      priority: input.priority ?? "medium",
      tags: unique(input.tags ?? []),
      status,
      due,
      dueAt: dueAtOf(due, zone),
      recurrence,
      ...newSeries(recurrence, due),
      reminders: (input.reminders ?? []).map(toReminder),
      position: input.position ?? "",
      version: 1,
      createdAt: input.extras?.createdAt ?? unit.at,
      updatedAt: unit.at,
      completedAt: status === "completed" ? input.extras?.completedAt ?? unit.at : null,
      deletedAt: null,
    };
    made.set(state.id, state);
    return state;
  });
  await placeAtEnd(unit, planned);
  return planned.map((state) => unit.createTask(state));
}

/** Gives every task without a position one behind the last of its list. */
async function placeAtEnd(unit: Unit, states: TaskState[]): Promise<void> {
  const waiting = Map.groupBy(states.filter(({ position }) => position === ""), ({ listId }) => listId);
  for (const [listId, group] of waiting) {
    const keys = generateNKeysBetween(await unit.lastPosition(listId), null, group.length);
    group.forEach((state, index) => state.position = keys[index] ?? "a0");
  }
}

/** Applies a merge patch: only the fields it names change. */
export async function patchTask(unit: Unit, id: string, patch: TaskPatch, path = ""): Promise<TaskState> {
  const before = await liveTask(unit, id);
  const zone = await unit.timeZone();
  const after: TaskState = { ...before };
  if (patch.title !== undefined) after.title = patch.title;
  if (patch.notes !== undefined) after.notes = patch.notes ?? "";
  if (patch.priority !== undefined) after.priority = patch.priority ?? "medium";
  if (patch.tags !== undefined) after.tags = unique(patch.tags ?? []);
  if (patch.position !== undefined) after.position = patch.position;
  if (patch.reminders !== undefined) {
    after.reminders = mergeReminders(before.reminders, patch.reminders ?? []);
  }
  if (patch.listId !== undefined && patch.listId !== before.listId) {
    await moveToList(unit, after, patch, path);
  }
  if (patch.parentId !== undefined) await moveBelow(unit, after, patch.parentId, path);
  if (after.listId !== before.listId && patch.position === undefined) {
    // Known only now: a subtask goes where its parent is.
    after.position = "";
    await placeAtEnd(unit, [after]);
  }
  if (patch.due !== undefined) after.due = mergeDue(before.due, patch.due, path);
  if (patch.recurrence !== undefined) {
    after.recurrence = mergeRecurrence(before.recurrence, patch.recurrence, path);
  }
  if (after.due === null && after.recurrence !== null) {
    // Clearing the due of a repeating task ends the repeating; asking for a rule without a due is a mistake.
    if (patch.recurrence !== undefined) throw invalid(`${path}recurrence`, "needs due");
    after.recurrence = null;
  }
  if (!same(after.recurrence, before.recurrence)) {
    // A new rule begins a new grid at this occurrence's due; the series stays one series.
    const series = newSeries(after.recurrence, after.due);
    after.series = series.series;
    after.seriesId = after.recurrence === null ? null : before.seriesId ?? series.seriesId;
    after.occurrence = after.recurrence === null ? null : before.occurrence ?? series.occurrence;
  }
  after.dueAt = dueAtOf(after.due, zone);
  const changed = unit.changeTask("task.updated.v1", before, after);
  if (after.listId !== before.listId) await moveSubtasks(unit, changed);
  return changed;
}

/** RFC 7396 inside of `due`: what is not named stays. */
function mergeDue(
  before: TaskState["due"],
  patch: NonNullable<TaskPatch["due"]> | null,
  path: string,
): TaskState["due"] {
  if (patch === null) return null;
  const date = patch.date ?? before?.date;
  if (date === undefined) throw invalid(`${path}due.date`, "is required");
  return toDue({ ...before, ...patch, date });
}

/** RFC 7396 inside of `recurrence`; a word is a rule of its own. */
function mergeRecurrence(
  before: TaskState["recurrence"],
  patch: NonNullable<TaskPatch["recurrence"]> | null,
  path: string,
): TaskState["recurrence"] {
  if (patch === null || typeof patch === "string") return patch === null ? null : normalizeRecurrence(patch);
  const rule = patch.rule ?? before?.rule;
  if (rule === undefined) throw invalid(`${path}recurrence.rule`, "is required");
  return normalizeRecurrence({ ...before, ...patch, rule });
}

async function moveToList(unit: Unit, after: TaskState, patch: TaskPatch, path: string): Promise<void> {
  const listId = patch.listId ?? after.listId;
  const lists = await ownLists(unit, [listId]);
  if (!lists.has(listId)) throw invalid(`${path}listId`, "must be one of your lists");
  after.listId = listId;
  if (patch.parentId === undefined) after.parentId = null;
}

async function moveSubtasks(unit: Unit, parent: TaskState): Promise<void> {
  for (const child of await childrenOf(unit, [parent.id])) {
    const moved = unit.changeTask("task.updated.v1", child, { ...child, listId: parent.listId });
    await moveSubtasks(unit, moved);
  }
}

async function moveBelow(unit: Unit, after: TaskState, parentId: string | null, path: string): Promise<void> {
  after.parentId = parentId;
  // Walks up from the new parent: meeting the task itself would make a circle.
  let above: string | null = parentId;
  while (above !== null) {
    if (above === after.id) {
      throw invalid(`${path}parentId`, "must not be the task itself or one of its subtasks");
    }
    const parent: TaskState | undefined = (await unit.loadTasks([above])).get(above);
    if (parent === undefined || parent.deletedAt !== null) {
      throw invalid(`${path}parentId`, "must be one of your tasks");
    }
    // A subtask is where its parent is, whatever list was asked for.
    if (above === parentId) after.listId = parent.listId;
    above = parent.parentId;
  }
}

/** Completes once: a completed task comes back as it is. */
export async function completeTask(
  unit: Unit,
  id: string,
  options: { completedAt?: string } = {},
): Promise<TaskState> {
  const before = await liveTask(unit, id);
  if (before.status === "completed") return before;
  const completedAt = options.completedAt === undefined
    ? unit.now
    : Temporal.Instant.from(options.completedAt).round({
      smallestUnit: "millisecond",
      roundingMode: "trunc",
    });
  if (Temporal.Instant.compare(completedAt, unit.now) > 0) {
    throw invalid("completedAt", "must not be in the future");
  }
  return unit.changeTask("task.completed.v1", before, {
    ...before,
    status: "completed",
    completedAt: formatInstant(completedAt),
  });
}

/** Opens a completed task again; a next occurrence that nobody has touched yet goes back with it. */
export async function reopenTask(unit: Unit, id: string): Promise<TaskState> {
  const before = await liveTask(unit, id);
  if (before.status === "open") return before;
  const reopened = unit.changeTask("task.reopened.v1", before, {
    ...before,
    status: "open",
    completedAt: null,
  });
  const next = await nextOf(unit, before);
  if (
    next !== null && next.deletedAt === null && next.status === "open" && await isAsMade(unit, next, id)
  ) {
    unit.changeTask("task.deleted.v1", next, { ...next, deletedAt: unit.at });
  }
  return reopened;
}

/** Whether nothing happened to an occurrence since the end of the one before it made it or brought it back. */
async function isAsMade(unit: Unit, next: TaskState, previousId: string): Promise<boolean> {
  // A change that names no field is one of the zone in which a floating due lies.
  const [last] = await unit.tx<{ made: boolean }[]>`
    select c.type in ('task.created.v1', 'task.restored.v1') and exists (
      select from tasks.changes cause
      where cause.user_id = c.user_id and cause.causation_id = c.causation_id and cause.entity_id = ${previousId}
    ) as made
    from tasks.changes c
    where c.user_id = ${unit.userId} and c.entity_id = ${next.id} and c.before is distinct from '{}'
    order by c.seq desc limit 1`;
  return last?.made === true && (await childrenOf(unit, [next.id])).length === 0;
}

/** Passes over this occurrence: it goes to trash, the next one is made by the recurrence service. */
export async function skipTask(unit: Unit, id: string): Promise<TaskState> {
  const before = await ownTask(unit, id);
  if (before.recurrence === null) {
    throw new ProblemError(409, "Only an occurrence of a repeating task can be skipped");
  }
  if (before.deletedAt !== null && await lastChangeType(unit, id) === "task.skipped.v1") return before;
  if (before.deletedAt !== null) throw inTrash();
  if (before.status === "completed") throw new ProblemError(409, "A completed occurrence can't be skipped");
  const skipped = unit.changeTask("task.skipped.v1", before, { ...before, deletedAt: unit.at });
  await deleteSubtasks(unit, [id]);
  return skipped;
}

/** Moves a task and its subtasks to trash; one that is there comes back as it is. */
export async function deleteTask(unit: Unit, id: string): Promise<TaskState> {
  const before = await ownTask(unit, id);
  if (before.deletedAt !== null) return before;
  const deleted = unit.changeTask("task.deleted.v1", before, { ...before, deletedAt: unit.at });
  await deleteSubtasks(unit, [id]);
  return deleted;
}

async function deleteSubtasks(unit: Unit, ids: readonly string[]): Promise<void> {
  const children = await childrenOf(unit, ids);
  if (children.length === 0) return;
  for (const child of children) {
    unit.changeTask("task.deleted.v1", child, { ...child, deletedAt: unit.at });
  }
  await deleteSubtasks(unit, children.map(({ id }) => id));
}

/** Brings a task back from trash, with the subtasks that went with it. */
export async function restoreTask(unit: Unit, id: string): Promise<TaskState> {
  const before = await ownTask(unit, id);
  const { deletedAt } = before;
  if (deletedAt === null) return before;
  // In the trash a floating due did not go along with the zone.
  const dueAt = dueAtOf(before.due, await unit.timeZone());
  const after: TaskState = { ...before, ...await homeOf(unit, before), dueAt, deletedAt: null };
  const restored = unit.changeTask("task.restored.v1", before, after);
  const together = await unit.findTasks((tx) => tx`parent_id = ${id} and deleted_at = ${deletedAt}`);
  for (const child of together) await restoreTask(unit, child.id);
  return restored;
}

/** Where a task can lie: with its parent when that is live, else in its own list, or the Inbox when that is gone. */
async function homeOf(unit: Unit, task: TaskState): Promise<Pick<TaskState, "listId" | "parentId">> {
  const parent = task.parentId === null
    ? undefined
    : (await unit.loadTasks([task.parentId])).get(task.parentId);
  if (parent !== undefined && parent.deletedAt === null) {
    return { listId: parent.listId, parentId: parent.id };
  }
  const lists = await ownLists(unit, [task.listId]);
  return { listId: lists.has(task.listId) ? task.listId : await unit.inboxId(), parentId: null };
}

/** What the end of one occurrence asks for. */
export interface NextOccurrence {
  /** The task that was completed or skipped. */
  taskId: string;
  /** The event that said so. */
  eventId: string;
  next: { date: string; time: string | null };
}

/**
 * Makes the next occurrence of a series, once: a repeat, a task that was opened again and a completion that is
 * no longer the last one make nothing.
 */
export async function createOccurrence(unit: Unit, wanted: NextOccurrence): Promise<TaskState | null> {
  const done = await ownTask(unit, wanted.taskId);
  const [last] = await unit.tx<{ event_id: string }[]>`
    select event_id from tasks.changes
    where user_id = ${unit.userId} and entity_id = ${wanted.taskId}
      and type in ('task.completed.v1', 'task.skipped.v1')
    order by seq desc limit 1`;
  const openAgain = done.status === "open" && done.deletedAt === null;
  if (openAgain || last?.event_id !== wanted.eventId) {
    throw new ProblemError(409, "The task was opened again: its next occurrence is not wanted");
  }
  if (
    done.recurrence === null || done.series === null || done.seriesId === null || done.occurrence === null
  ) {
    throw new ProblemError(409, "The task does not repeat any more");
  }
  const zone = await unit.timeZone();
  const due = {
    date: wanted.next.date,
    time: wanted.next.time,
    // The grid's zone: an occurrence that was moved to another one was moved alone.
    timeZone: done.series.anchor.timeZone,
  };
  if (!CivilDateInput.safeParse(due.date).success) {
    throw new ProblemError(409, "The series goes beyond the calendar that tasks can have");
  }
  // As the task is now, also where it comes back: what was edited since is not to be lost.
  const next: TaskState = {
    ...done,
    id: uuidv7(),
    ...await homeOf(unit, done),
    status: "open",
    due,
    dueAt: dueAtOf(due, zone),
    occurrence: done.occurrence + 1,
    series: { anchor: done.series.anchor, scheduled: wanted.next.date },
    // A reminder at a fixed instant was for that occurrence alone.
    reminders: done.reminders.filter(({ before }) => before !== undefined),
    version: 1,
    createdAt: unit.at,
    updatedAt: unit.at,
    completedAt: null,
    deletedAt: null,
  };
  const existing = await nextOf(unit, done);
  if (existing === null) return unit.createTask(next);
  if (existing.deletedAt === null || await lastChangeType(unit, existing.id) === "task.skipped.v1") {
    return null;
  }
  const { id, createdAt } = existing;
  return unit.changeTask("task.restored.v1", existing, { ...next, id, createdAt });
}

/** The occurrence behind this one, trash included. */
async function nextOf(unit: Unit, task: TaskState): Promise<TaskState | null> {
  const { seriesId, occurrence } = task;
  if (seriesId === null || occurrence === null) return null;
  const [next] = await unit.findTasks((tx) => tx`series_id = ${seriesId} and occurrence = ${occurrence + 1}`);
  return next ?? null;
}

async function lastChangeType(unit: Unit, id: string): Promise<string | undefined> {
  const [last] = await unit.tx<{ type: string }[]>`
    select type from tasks.changes where user_id = ${unit.userId} and entity_id = ${id} order by seq desc limit 1`;
  return last?.type;
}

async function childrenOf(unit: Unit, ids: readonly string[]): Promise<TaskState[]> {
  return await unit.findTasks((tx) => tx`parent_id = any(${[...ids]}::uuid[]) and deleted_at is null`);
}

/** A task of this user, trash included. @throws ProblemError 404 */
export async function ownTask(unit: Unit, id: string): Promise<TaskState> {
  const state = (await unit.loadTasks([id])).get(id);
  if (state === undefined) throw notFound("There is no such task");
  return state;
}

async function liveTask(unit: Unit, id: string): Promise<TaskState> {
  const state = await ownTask(unit, id);
  if (state.deletedAt !== null) throw inTrash();
  return state;
}

const inTrash = () => new ProblemError(409, "The task is in the trash: restore it first");

async function ownLists(unit: Unit, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await unit.tx<{ id: string }[]>`
    select id from tasks.lists
    where user_id = ${unit.userId} and id = any(${[...new Set(ids)]}::uuid[]) and deleted_at is null`;
  return new Set(rows.map(({ id }) => id));
}

function newSeries(recurrence: TaskState["recurrence"], due: TaskState["due"]) {
  if (recurrence === null || due === null) return { seriesId: null, occurrence: null, series: null };
  return { seriesId: uuidv7(), occurrence: 1, series: { anchor: due, scheduled: due.date } };
}

function toDue(due: z.infer<typeof DueInput> | null): TaskState["due"] {
  return due === null ? null : { date: due.date, time: due.time ?? null, timeZone: due.timeZone ?? null };
}

function toReminder(input: { id?: string; before?: string; at?: string }): Reminder {
  const id = input.id ?? uuidv7();
  if (input.at !== undefined) return { id, at: formatInstant(Temporal.Instant.from(input.at)) };
  return { id, before: input.before ?? "PT0S" };
}

/** Keeps the identity of reminders that stay: by id when one is given, else by what they say. */
function mergeReminders(
  present: readonly Reminder[],
  given: readonly { id?: string; before?: string; at?: string }[],
): Reminder[] {
  const named = new Set(given.flatMap(({ id }) => id ?? []));
  // An id that is asked for is nobody else's, whatever the order.
  const left = present.filter(({ id }) => !named.has(id));
  return given.map((input) => {
    const wanted = toReminder(input);
    if (input.id !== undefined) return wanted;
    const index = left.findIndex(({ before, at }) => before === wanted.before && at === wanted.at);
    const [kept] = index < 0 ? [] : left.splice(index, 1);
    return kept ?? wanted;
  });
}

const unique = (tags: readonly string[]): string[] => [...new Set(tags)];

/** A position behind the last of `positions` rows. */
export function positionAfter(last: string | undefined): string {
  return generateKeyBetween(last ?? null, null);
}
