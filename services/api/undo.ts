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
  await refuseLooseEnds(unit, [...states.values()], [...lists.values()]);
}

/**
 * What was put back must have its place: a live task lies in a live list, below a live parent in the same list, in no
 * circle.
 *
 * @throws ProblemError 409 naming the last change of the thing that is missing or left over
 */
async function refuseLooseEnds(
  unit: Unit,
  tasks: readonly TaskState[],
  lists: readonly List[],
): Promise<void> {
  const [live, gone] = [tasks.filter(isLive), tasks.filter((task) => !isLive(task)).map(({ id }) => id)];
  const liveIds = live.map(({ id }) => id);
  const closed = lists.filter((list) => !isLive(list)).map(({ id }) => id);
  const [left] = await unit.findTasks((tx) =>
    tx`deleted_at is null and (
      list_id = any(${closed}::uuid[]) or parent_id = any(${gone}::uuid[]) or exists (
        select from tasks.tasks as parent
        where parent.id = tasks.parent_id and parent.id = any(${liveIds}::uuid[])
          and parent.list_id <> tasks.list_id
      )
    )`
  );
  if (left !== undefined) {
    throw await inTheWay(unit, left.id, gone.includes(left.parentId ?? "") ? "parentId" : "listId");
  }
  const homes = new Set(
    (await findLists(unit, live.map(({ listId }) => listId))).filter(isLive).map(({ id }) => id),
  );
  await unit.loadTasks(live.flatMap(({ parentId }) => parentId ?? []));
  for (const task of live) {
    if (!homes.has(task.listId)) throw await inTheWay(unit, task.listId, "listId");
    const above = new Set([task.id]);
    for (let child = task; child.parentId !== null;) {
      const parent: TaskState | undefined = (await unit.loadTasks([child.parentId])).get(child.parentId);
      if (parent === undefined || !isLive(parent)) throw await inTheWay(unit, child.parentId, "parentId");
      if (child === task && parent.listId !== task.listId) throw await inTheWay(unit, parent.id, "listId");
      if (above.has(parent.id)) throw await inTheWay(unit, child.id, "parentId");
      above.add(parent.id);
      child = parent;
    }
  }
}

const isLive = ({ deletedAt }: { deletedAt: string | null }): boolean => deletedAt === null;

async function inTheWay(unit: Unit, entityId: string, path: string): Promise<ProblemError> {
  const [last] = await unit.tx<{ event_id: string; type: string }[]>`
    select event_id, type from tasks.changes
    where user_id = ${unit.userId} and entity_id = ${entityId}
      and causation_id is distinct from ${unit.causationId ?? null}::uuid
    order by seq desc limit 1`;
  return standsInTheWay(last, path);
}

function standsInTheWay(change: { event_id: string; type: string } | undefined, path: string): ProblemError {
  return new ProblemError(
    409,
    `Change ${change?.event_id ?? "of another kind"} (${change?.type ?? "unknown"}) stands in the way`,
    { errors: [{ path, message: `was changed since by ${change?.event_id ?? "another change"}` }] },
  );
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
  await refuseTakenOccurrence(unit, now, back);
  const type = typeOf(now, back);
  const again = type === "task.deleted.v1" && await endedBySkip(unit, change);
  return unit.changeTask(again ? "task.skipped.v1" : type, now, back);
}

/** Whether what brought a task back took back a skip: the series goes on only when that is said again. */
async function endedBySkip(unit: Unit, change: Done): Promise<boolean> {
  const [last] = await unit.tx<{ type: string }[]>`
    select type from tasks.changes
    where user_id = ${unit.userId} and entity_id = ${change.entity_id} and seq < ${change.seq}
      and type in ('task.deleted.v1', 'task.skipped.v1')
    order by seq desc limit 1`;
  return last?.type === "task.skipped.v1";
}

/** @throws ProblemError 409 when another task has become that occurrence of the series */
async function refuseTakenOccurrence(unit: Unit, now: TaskState, back: TaskState): Promise<void> {
  if (back.seriesId === null || back.seriesId === now.seriesId) return;
  const [taken] = await unit.findTasks((tx) =>
    tx`series_id = ${back.seriesId} and occurrence = ${back.occurrence} and id <> ${back.id}`
  );
  if (taken !== undefined) throw await inTheWay(unit, taken.id, "recurrence");
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
  throw standsInTheWay(
    later.find(({ before }) => before !== null && Object.hasOwn(before, field)) ?? later[0],
    field,
  );
}

async function ofCause(unit: Unit, causationId: string): Promise<Done[]> {
  return [
    ...await unit.tx<Done[]>`
    select seq, event_id, type, entity_id, causation_id, before, data from tasks.changes
    where user_id = ${unit.userId} and causation_id = ${causationId} order by seq desc`,
  ];
}

/**
 * One change, and what went along with it for the same cause: the next occurrence of one that was completed,
 * skipped or brought back, the tasks of a list, the subtasks of a task.
 */
async function ofEvent(unit: Unit, eventId: string): Promise<Done[]> {
  return [
    ...await unit.tx<Done[]>`
    with recursive one as (
      select * from tasks.changes where user_id = ${unit.userId} and event_id = ${eventId}
    ), along as (
      select c.user_id, c.seq, c.causation_id, c.type, c.entity_id, c.before ? 'listId' as moved
      from one join tasks.changes c on c.user_id = one.user_id and c.causation_id = one.causation_id
      where c.event_id = one.event_id
         or (c.data -> 'task' ->> 'seriesId' = one.data -> 'task' ->> 'seriesId'
           and (c.data -> 'task' ->> 'occurrence')::int = (one.data -> 'task' ->> 'occurrence')::int + 1
           and (one.type, c.type) in (
             ('task.completed.v1', 'task.created.v1'), ('task.completed.v1', 'task.restored.v1'),
             ('task.skipped.v1', 'task.created.v1'), ('task.skipped.v1', 'task.restored.v1'),
             ('task.deleted.v1', 'task.restored.v1'), ('task.reopened.v1', 'task.deleted.v1'),
             ('task.restored.v1', 'task.deleted.v1')))
         or (c.data -> 'task' ->> 'listId' = one.entity_id::text
           and (one.type, c.type) in (
             ('list.deleted.v1', 'task.deleted.v1'), ('list.restored.v1', 'task.restored.v1')))
      union
      select c.user_id, c.seq, c.causation_id, c.type, c.entity_id, c.before ? 'listId'
      from along a join tasks.changes c on c.user_id = a.user_id and c.causation_id = a.causation_id
      where c.data -> 'task' ->> 'parentId' = a.entity_id::text
        and ((a.type, c.type) in (('task.deleted.v1', 'task.deleted.v1'), ('task.skipped.v1', 'task.deleted.v1'),
            ('task.restored.v1', 'task.restored.v1'))
          or (a.type = 'task.updated.v1' and c.type = 'task.updated.v1' and a.moved and c.before ? 'listId'))
    )
    select c.seq, c.event_id, c.type, c.entity_id, c.causation_id, c.before, c.data
    from along join tasks.changes c using (user_id, seq)
    order by c.seq desc`,
  ];
}
