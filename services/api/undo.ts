/** Undo: changes that put things back, unless a later change stands in the way. */
import type { ChangeType } from "../shared/contracts/events.ts";
import type { Filter, List, Profile } from "../shared/contracts/resources.ts";
import { notFound, ProblemError } from "../shared/http/problem.ts";
import { refloat } from "./profile.ts";
import { findFilters, findLists } from "./lists.ts";
import { dueAtOf, same, type TaskState } from "./task_state.ts";
import type { Unit } from "./unit.ts";

interface Done {
  seq: number;
  event_id: string;
  type: ChangeType;
  entity_id: string;
  causation_id: string;
  before: Record<string, unknown> | null;
  data: Record<string, unknown>;
}

/** What to undo: one event (with the next occurrence it made), or all that has one cause. */
export type UndoTarget = { eventId: string } | { causationId: string };

/**
 * Undoes the target, newest change first, all or nothing.
 *
 * @throws ProblemError 404 for an unknown target, 409 naming the change in the way
 */
export async function undo(unit: Unit, target: UndoTarget): Promise<void> {
  // Waits for the user's lock, so that no change slips in between reading and undoing.
  await unit.flush();
  const done = "eventId" in target
    ? await ofEvent(unit, target.eventId)
    : await ofCause(unit, target.causationId);
  if (done.length === 0) throw notFound("There is no such change");
  const ids = new Set(done.map(({ event_id }) => event_id));
  const states = await unit.loadTasks(done.filter(isTask).map(({ entity_id }) => entity_id));
  const lists = new Map(
    (await findLists(unit, done.map(({ entity_id }) => entity_id))).map((list) => [list.id, list]),
  );
  const filters = new Map(
    (await findFilters(unit, done.map(({ entity_id }) => entity_id))).map((filter) => [filter.id, filter]),
  );
  for (const change of done) {
    const kind = change.type.split(".")[0];
    if (kind === "task") {
      const now = states.get(change.entity_id);
      if (now === undefined) {
        throw new ProblemError(409, `The task of change ${change.event_id} is gone for good`);
      }
      states.set(now.id, await undoTask(unit, change, now, ids));
    } else if (kind === "list") {
      const now = lists.get(change.entity_id);
      if (now !== undefined) lists.set(now.id, await undoList(unit, change, now, ids));
    } else if (kind === "filter") {
      const now = filters.get(change.entity_id);
      if (now !== undefined) filters.set(now.id, await undoFilter(unit, change, now, ids));
    } else {
      await undoProfile(unit, change, ids);
    }
  }
}

const isTask = ({ type }: Done): boolean => type.startsWith("task.");

async function undoTask(unit: Unit, change: Done, now: TaskState, ids: Set<string>): Promise<TaskState> {
  const after = { ...change.data.task as TaskState, series: change.data.series as TaskState["series"] };
  if (change.before === null) {
    await refuseUnlessSame(unit, change, now, after, FREEZING, ids);
    if (now.deletedAt !== null) return now;
    return unit.changeTask("task.deleted.v1", now, { ...now, deletedAt: unit.at });
  }
  await refuseUnlessSame(unit, change, now, after, Object.keys(change.before), ids);
  const back: TaskState = { ...now, ...change.before };
  back.dueAt = dueAtOf(back.due, await unit.timeZone());
  return unit.changeTask(typeOf(now, back), now, back);
}

/** A created task may be taken back only as it was made; its place in the list does not matter. */
const FREEZING = [
  "title",
  "notes",
  "priority",
  "tags",
  "listId",
  "parentId",
  "status",
  "due",
  "recurrence",
  "reminders",
  "deletedAt",
];

function typeOf(now: TaskState, back: TaskState): ChangeType {
  if (now.deletedAt === null && back.deletedAt !== null) return "task.deleted.v1";
  if (now.deletedAt !== null && back.deletedAt === null) return "task.restored.v1";
  if (now.status !== back.status) {
    return back.status === "completed" ? "task.completed.v1" : "task.reopened.v1";
  }
  return "task.updated.v1";
}

async function undoList(unit: Unit, change: Done, now: List, ids: Set<string>): Promise<List> {
  const after = change.data.list as List;
  if (change.before === null) {
    await refuseUnlessSame(unit, change, now, after, ["name", "colour", "deletedAt"], ids);
    await refuseFullList(unit, now);
    return unit.changeList("list.deleted.v1", now, { ...now, deletedAt: unit.at });
  }
  await refuseUnlessSame(unit, change, now, after, Object.keys(change.before), ids);
  const back: List = { ...now, ...change.before };
  const type = now.deletedAt !== null && back.deletedAt === null
    ? "list.restored.v1"
    : now.deletedAt === null && back.deletedAt !== null
    ? "list.deleted.v1"
    : "list.updated.v1";
  return unit.changeList(type, now, back);
}

async function refuseFullList(unit: Unit, list: List): Promise<void> {
  const [task] = await unit.findTasks((tx) => tx`list_id = ${list.id} and deleted_at is null`);
  if (task !== undefined) {
    throw new ProblemError(409, `Task ${task.id} was put into the list since`, {
      errors: [{ path: "eventId", message: "the list holds tasks now" }],
    });
  }
}

async function undoFilter(unit: Unit, change: Done, now: Filter, ids: Set<string>): Promise<Filter> {
  const after = change.data.filter as Filter;
  if (change.before === null) {
    await refuseUnlessSame(unit, change, now, after, ["name", "query", "deletedAt"], ids);
    return unit.changeFilter("filter.deleted.v1", now, { ...now, deletedAt: unit.at });
  }
  await refuseUnlessSame(unit, change, now, after, Object.keys(change.before), ids);
  const back: Filter = { ...now, ...change.before };
  const type = now.deletedAt !== null && back.deletedAt === null
    ? "filter.restored.v1"
    : now.deletedAt === null && back.deletedAt !== null
    ? "filter.deleted.v1"
    : "filter.updated.v1";
  return unit.changeFilter(type, now, back);
}

async function undoProfile(unit: Unit, change: Done, ids: Set<string>): Promise<void> {
  const now = await unit.profile();
  const fields = Object.keys(change.before ?? {});
  await refuseUnlessSame(unit, change, now, change.data.profile as Profile, fields, ids);
  const back: Profile = { ...now, ...change.before };
  unit.changeProfile(now, back);
  if (back.timeZone !== now.timeZone) await refloat(unit, back.timeZone);
}

/** @throws ProblemError 409 naming the latest change of this thing when a field is not as this change left it */
async function refuseUnlessSame(
  unit: Unit,
  change: Done,
  now: object,
  after: object,
  fields: readonly string[],
  ids: Set<string>,
): Promise<void> {
  const [present, left] = [new Map(Object.entries(now)), new Map(Object.entries(after))];
  const field = fields.find((name) => !same(present.get(name), left.get(name)));
  if (field === undefined) return;
  const later = await unit.tx<{ event_id: string; type: string; before: Record<string, unknown> | null }[]>`
    select event_id, type, before from tasks.changes
    where user_id = ${unit.userId} and entity_id = ${change.entity_id} and seq > ${change.seq}
      and event_id <> all(${[...ids]}::uuid[])
    order by seq desc`;
  const way = later.find(({ before }) => before !== null && Object.hasOwn(before, field)) ?? later[0];
  throw new ProblemError(
    409,
    `Change ${way?.event_id ?? "of another kind"} (${way?.type ?? "unknown"}) stands in the way`,
    {
      errors: [{ path: field, message: `was changed since by ${way?.event_id ?? "another change"}` }],
    },
  );
}

async function ofCause(unit: Unit, causationId: string): Promise<Done[]> {
  return [
    ...await unit.tx<Done[]>`
    select seq, event_id, type, entity_id, causation_id, before, data from tasks.changes
    where user_id = ${unit.userId} and causation_id = ${causationId} order by seq desc`,
  ];
}

/** One change, and with an occurrence that was completed or skipped (or brought back) the next one it made. */
async function ofEvent(unit: Unit, eventId: string): Promise<Done[]> {
  return [
    ...await unit.tx<Done[]>`
    with one as (
      select * from tasks.changes where user_id = ${unit.userId} and event_id = ${eventId}
    )
    select c.seq, c.event_id, c.type, c.entity_id, c.causation_id, c.before, c.data
    from one join tasks.changes c on c.user_id = one.user_id and c.causation_id = one.causation_id
    where c.event_id = one.event_id
       or (c.data -> 'task' ->> 'seriesId' = one.data -> 'task' ->> 'seriesId'
         and (c.data -> 'task' ->> 'occurrence')::int = (one.data -> 'task' ->> 'occurrence')::int + 1
         and c.type in ('task.created.v1', 'task.restored.v1', 'task.deleted.v1')
         and one.type in ('task.completed.v1', 'task.reopened.v1', 'task.skipped.v1', 'task.restored.v1'))
    order by c.seq desc`,
  ];
}
