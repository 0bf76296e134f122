/** Reads: every one scoped to its user in the query, and below it by row-level security. */
import { z } from "zod";
import type { Actor, ChangeType } from "../shared/contracts/events.ts";
import type { Filter, List, Profile } from "../shared/contracts/resources.ts";
import { isStorable, type Task } from "../shared/contracts/task.ts";
import { decodeCursor, encodeCursor } from "../shared/http/cursor.ts";
import { notFound } from "../shared/http/problem.ts";
import { asUser, type Fragment, selectAsUser, type Sql, type Tx } from "../shared/store/database.ts";
import { type FilterRow, type ListRow, toFilter, toList } from "./lists.ts";
import { fromRow, PRIORITIES, TASK_COLUMNS, type TaskRow, type TaskState, toTask } from "./task_state.ts";
import { type Change, type ChangeRow, type ProfileRow, toChange, toProfile } from "./unit.ts";

/** What `GET /api/tasks` takes. */
export interface TaskQuery {
  status: "open" | "completed" | "all";
  priority?: Task["priority"];
  tag?: string[];
  list?: string;
  parent?: string;
  due?: "today" | "overdue" | "upcoming" | "none";
  dueFrom?: string;
  dueTo?: string;
  q?: string;
  sort?: "due" | "priority" | "created" | "updated" | "title" | "position" | "relevance";
  order?: "asc" | "desc";
  limit: number;
  cursor?: string;
  /** True: the trash instead. */
  deleted?: boolean;
}

interface SortPlan {
  /** The expression that an index holds. */
  by(tx: Tx): Fragment;
  /** Casts a cursor's value back. */
  type: "timestamptz" | "smallint" | "text" | "real";
  order: "asc" | "desc";
}

const SORTS: Record<NonNullable<TaskQuery["sort"]> | "trash", SortPlan> = {
  due: { by: (tx) => tx`coalesce(t.due_at, 'infinity')`, type: "timestamptz", order: "asc" },
  priority: { by: (tx) => tx`t.priority`, type: "smallint", order: "desc" },
  created: { by: (tx) => tx`t.created_at`, type: "timestamptz", order: "desc" },
  updated: { by: (tx) => tx`t.updated_at`, type: "timestamptz", order: "desc" },
  title: { by: (tx) => tx`lower(left(t.title, 200)) collate "C"`, type: "text", order: "asc" },
  position: { by: (tx) => tx`t.position`, type: "text", order: "asc" },
  relevance: { by: (tx) => tx`hit.rank`, type: "real", order: "desc" },
  trash: { by: (tx) => tx`t.deleted_at`, type: "timestamptz", order: "desc" },
};

const TaskCursor = z.tuple([z.string(), z.string(), z.string(), z.uuid()]);

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** One page of tasks. @param now decides what today and overdue are */
export async function listTasks(
  sql: Sql,
  userId: string,
  query: TaskQuery,
  now: Temporal.Instant,
): Promise<Page<Task>> {
  const { name, order } = sortOf(query);
  const zone = await zoneFor(
    query,
    () => selectAsUser(sql, userId, (statements) => zoneStatement(statements, userId)),
  );
  const rows = await selectAsUser(
    sql,
    userId,
    (statements) => pageStatement(statements, userId, query, { now, zone }),
  );
  const page = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? page.at(-1) : undefined;
  return {
    items: page.map((row) => toTask(fromRow(row))),
    nextCursor: last === undefined ? null : encodeCursor([name, order, last.cursor_value, last.id]),
  };
}

function sortOf(query: TaskQuery): { name: keyof typeof SORTS; order: "asc" | "desc" } {
  const sort = query.sort ?? (query.deleted ? "trash" : query.q === undefined ? "created" : "relevance");
  // Without words to search for there is no relevance: the newest come first.
  const name = sort === "relevance" && query.q === undefined ? "created" : sort;
  return { name, order: query.order ?? SORTS[name].order };
}

/** The statement behind a page of tasks; it asks for one row more than the page holds. */
export async function taskStatement(
  tx: Tx,
  userId: string,
  query: TaskQuery,
  now: Temporal.Instant,
): Promise<{ statement: ReturnType<typeof pageStatement> }> {
  const zone = await zoneFor(query, () => zoneStatement(tx, userId));
  // In an object, since a statement that a promise gives would be sent at once.
  return { statement: pageStatement(tx, userId, query, { now, zone }) };
}

interface Present {
  now: Temporal.Instant;
  zone: string;
}

/** The user's zone; UTC without asking for a query that no zone changes. */
async function zoneFor(query: TaskQuery, read: () => PromiseLike<{ time_zone: string }[]>): Promise<string> {
  const { due, dueFrom, dueTo } = query;
  if ((due === undefined || due === "none") && dueFrom === undefined && dueTo === undefined) return "UTC";
  return (await read())[0]?.time_zone ?? "UTC";
}

const zoneStatement = (statements: Tx, userId: string) =>
  statements<{ time_zone: string }[]>`select time_zone from tasks.profiles where user_id = ${userId}`;

function pageStatement(tx: Tx, userId: string, query: TaskQuery, present: Present) {
  const { name, order } = sortOf(query);
  const plan = SORTS[name];
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, name, order);
  const conditions = taskConditions(tx, userId, query, present);
  if (after !== undefined) {
    const [value, id] = after;
    const cast = tx`${value}::text::${tx.unsafe(plan.type)}`;
    conditions.push(
      order === "asc"
        ? tx`(${plan.by(tx)}, t.id) > (${cast}, ${id})`
        : tx`(${plan.by(tx)}, t.id) < (${cast}, ${id})`,
    );
  }
  const direction = tx.unsafe(order);
  // Hits are looked up one by one: how few they are is nothing that the planner could know of a function.
  return tx<(TaskRow & { cursor_value: string })[]>`
    select ${tx(TASK_COLUMNS.map((column) => `t.${column}`))}, (${plan.by(tx)})::text as cursor_value
    from ${
    query.q === undefined ? tx`tasks.tasks t` : tx`tasks.search(${query.q}) hit
          cross join lateral (select * from tasks.tasks one where one.id = hit.id offset 0) t`
  }
    where ${conditions.reduce((all, condition) => tx`${all} and ${condition}`)}
    order by ${plan.by(tx)} ${direction}, t.id ${direction}
    limit ${query.limit === PAGE ? tx`${tx.unsafe(String(PAGE + 1))}` : tx`${query.limit + 1}`}`;
}

/** The page that clients ask for; written out, like the status, it lets PostgreSQL keep one plan for every user. */
const PAGE = 50;
const STATUSES: Record<TaskQuery["status"], (tx: Tx) => Fragment> = {
  open: (tx) => tx`t.status = 'open'`,
  completed: (tx) => tx`t.status = 'completed'`,
  all: (tx) => tx`t.status in ('open', 'completed')`,
};

function readCursor(cursor: string, sort: string, order: string): [string, string] {
  const shape = TaskCursor.refine(([name, direction]) => name === sort && direction === order)
    .refine(([name, , value]) => readable(name, value));
  const [, , value, id] = decodeCursor(cursor, shape);
  return [value, id];
}

/** Whether a cursor's value is one that its column can hold: a forged one is refused before PostgreSQL sees it. */
function readable(sort: string, value: string): boolean {
  const plan = SORTS[sort as keyof typeof SORTS];
  switch (plan?.type) {
    case "timestamptz":
      return value === "infinity" ||
        /^(?!0000)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00$/.test(value) &&
          z.iso.datetime({ offset: true }).safeParse(`${value.replace(" ", "T")}:00`).success;
    case "smallint":
      return /^[0-3]$/.test(value);
    case "real":
      // A rank lies between 0 and 1, at times in the notation of small numbers.
      return /^\d(\.\d{1,12})?(e-[0-3]?\d)?$/.test(value);
    case "text":
      return isStorable(value);
    default:
      return false;
  }
}

function taskConditions(
  tx: Tx,
  userId: string,
  query: TaskQuery,
  { now, zone }: Present,
): Fragment[] {
  const conditions = [tx`t.user_id = ${userId}`];
  conditions.push(query.deleted ? tx`t.deleted_at is not null` : tx`t.deleted_at is null`);
  if (!query.deleted) {
    conditions.push(STATUSES[query.status](tx));
  }
  if (query.priority !== undefined) conditions.push(tx`t.priority = ${PRIORITIES.indexOf(query.priority)}`);
  if (query.tag !== undefined && query.tag.length > 0) conditions.push(tx`t.tags @> ${query.tag}::text[]`);
  if (query.list !== undefined) conditions.push(tx`t.list_id = ${query.list}`);
  if (query.parent !== undefined) conditions.push(tx`t.parent_id = ${query.parent}`);
  if (query.due === "none") conditions.push(tx`t.due_date is null`);
  if (
    query.due !== undefined && query.due !== "none" || query.dueFrom !== undefined ||
    query.dueTo !== undefined
  ) {
    const today = now.toZonedDateTimeISO(zone).toPlainDate().toString();
    if (query.due === "today") conditions.push(onOrAfter(tx, today, zone), before(tx, nextDay(today), zone));
    if (query.due === "upcoming") conditions.push(onOrAfter(tx, nextDay(today), zone));
    if (query.due === "overdue") {
      conditions.push(
        tx`t.status = 'open' and ${before(tx, today, zone, now)}`,
      );
    }
    if (query.dueFrom !== undefined) conditions.push(onOrAfter(tx, query.dueFrom, zone));
    if (query.dueTo !== undefined) conditions.push(before(tx, nextDay(query.dueTo), zone));
  }
  return conditions;
}

/** A zone's day can begin up to this long before or after UTC's, so this bound lets an index do the coarse work. */
const MARGIN = Temporal.Duration.from({ hours: 27 });

/** Due on `date` or later: by the civil date where there is no time (it never moves), else by the instant. */
function onOrAfter(tx: Tx, date: string, zone: string): Fragment {
  const start = startOf(date, zone);
  return tx`(coalesce(t.due_at, 'infinity') >= ${start.subtract(MARGIN).toString()}
    and case when t.due_time is null then t.due_date >= ${date} else t.due_at >= ${start.toString()} end)`;
}

/** Due before `date`; a task with a time is so from `instant` on, where one is given (overdue). */
function before(tx: Tx, date: string, zone: string, instant?: Temporal.Instant): Fragment {
  const end = instant ?? startOf(date, zone);
  return tx`(coalesce(t.due_at, 'infinity') < ${end.add(MARGIN).toString()}
    and case when t.due_time is null then t.due_date < ${date} else t.due_at < ${end.toString()} end)`;
}

const startOf = (date: string, zone: string): Temporal.Instant =>
  Temporal.PlainDate.from(date).toZonedDateTime(zone).toInstant();
const nextDay = (date: string): string => Temporal.PlainDate.from(date).add({ days: 1 }).toString();

/** A task, trash included; with `at`, as it was then. @throws ProblemError 404 */
export async function getTask(sql: Sql, userId: string, id: string, at?: string): Promise<Task> {
  if (at !== undefined) return await asUser(sql, userId, (tx) => taskAt(tx, userId, id, at));
  const [row] = await selectAsUser(sql, userId, (statements) =>
    statements<TaskRow[]>`
      select ${statements(TASK_COLUMNS)} from tasks.tasks where id = ${id} and user_id = ${userId}`);
  if (row === undefined) throw notFound("There is no such task");
  return toTask(fromRow(row));
}

async function taskAt(tx: Tx, userId: string, id: string, at: string): Promise<Task> {
  const [row] = await tx<{ task: Task }[]>`
    select data -> 'task' as task from tasks.changes
    where user_id = ${userId} and entity_id = ${id} and type like 'task.%' and at <= ${at}
    order by seq desc limit 1`;
  if (row === undefined) throw notFound("There was no such task then");
  return row.task;
}

/** Tasks of an export: everything that is not in the trash, lists in order. */
export async function exportTasks(
  sql: Sql,
  userId: string,
): Promise<{ tasks: TaskState[]; lists: List[]; profile: Profile }> {
  return await asUser(sql, userId, async (tx) => {
    const rows = await tx<TaskRow[]>`
      select ${tx(TASK_COLUMNS)} from tasks.tasks
      where user_id = ${userId} and deleted_at is null order by created_at, id`;
    const lists = await tx<ListRow[]>`
      select * from tasks.lists where user_id = ${userId} and deleted_at is null order by position`;
    return { tasks: rows.map(fromRow), lists: lists.map(toList), profile: await readProfile(tx, userId) };
  });
}

export async function getProfile(sql: Sql, userId: string): Promise<Profile> {
  return await asUser(sql, userId, (tx) => readProfile(tx, userId));
}

async function readProfile(tx: Tx, userId: string): Promise<Profile> {
  const [row] = await tx<ProfileRow[]>`select * from tasks.profiles where user_id = ${userId}`;
  if (row === undefined) throw notFound("There is no such account");
  return toProfile(row);
}

/** Tags with the number of open tasks that carry each, most used first. */
export async function listTags(sql: Sql, userId: string): Promise<{ tag: string; open: number }[]> {
  return await asUser(sql, userId, async (tx) => [
    ...await tx<{ tag: string; open: number }[]>`
      select tag, count(*) as open
      from tasks.tasks t, unnest(t.tags) as tag
      where t.user_id = ${userId} and t.status = 'open' and t.deleted_at is null
      group by tag order by open desc, tag`,
  ]);
}

export async function listLists(sql: Sql, userId: string): Promise<(List & { open: number })[]> {
  return await asUser(sql, userId, async (tx) => {
    const rows = await tx<(ListRow & { open: number })[]>`
      with counts as (
        select list_id, count(*) as open from tasks.tasks
        where user_id = ${userId} and status = 'open' and deleted_at is null group by list_id
      )
      select l.*, coalesce(c.open, 0) as open
      from tasks.lists l left join counts c on c.list_id = l.id
      where l.user_id = ${userId} and l.deleted_at is null
      order by l.inbox desc, l.position, l.id`;
    return rows.map((row) => ({ ...toList(row), open: Number(row.open) }));
  });
}

/** One list. @throws ProblemError 404 */
export async function getList(sql: Sql, userId: string, id: string): Promise<List & { open: number }> {
  const list = (await listLists(sql, userId)).find((each) => each.id === id);
  if (list === undefined) throw notFound("There is no such list");
  return list;
}

export async function listFilters(sql: Sql, userId: string): Promise<Filter[]> {
  return await asUser(sql, userId, async (tx) => {
    const rows = await tx<FilterRow[]>`
      select * from tasks.filters where user_id = ${userId} and deleted_at is null order by position, id`;
    return rows.map(toFilter);
  });
}

/** One saved filter. @throws ProblemError 404 */
export async function getFilter(sql: Sql, userId: string, id: string): Promise<Filter> {
  const filter = (await listFilters(sql, userId)).find((each) => each.id === id);
  if (filter === undefined) throw notFound("There is no such filter");
  return filter;
}

export interface HistoryEntry {
  eventId: string;
  seq: number;
  type: ChangeType;
  at: string;
  actor: Actor;
  causationId: string;
  before: Record<string, unknown> | null;
  after: unknown;
}

const HistoryCursor = z.tuple([z.int().min(1)]);

/** The changes of one task, newest first. @throws ProblemError 404 */
export async function taskHistory(
  sql: Sql,
  userId: string,
  id: string,
  options: { limit: number; cursor?: string },
): Promise<Page<HistoryEntry>> {
  const [below] = options.cursor === undefined ? [null] : decodeCursor(options.cursor, HistoryCursor);
  return await asUser(sql, userId, async (tx) => {
    const rows = await tx<(ChangeRow & { before: Record<string, unknown> | null })[]>`
      select seq, event_id, type, at, actor, causation_id, before, data from tasks.changes
      where user_id = ${userId} and entity_id = ${id} and type like 'task.%'
        and (${below}::bigint is null or seq < ${below}::bigint)
      order by seq desc limit ${options.limit + 1}`;
    if (rows.length === 0 && below === null) throw notFound("There is no such task");
    const page = rows.slice(0, options.limit);
    const last = rows.length > options.limit ? page.at(-1) : undefined;
    return {
      items: page.map((row) => ({
        eventId: row.event_id,
        seq: row.seq,
        type: row.type,
        at: row.at,
        actor: row.actor,
        causationId: row.causation_id,
        before: row.before,
        after: row.data.task ?? null,
      })),
      nextCursor: last === undefined ? null : encodeCursor([last.seq]),
    };
  });
}

/** Changes after `since`, in order. */
export async function listChanges(
  sql: Sql,
  userId: string,
  options: { since: number; limit: number },
): Promise<{ changes: Change[]; nextSeq: number; hasMore: boolean }> {
  return await asUser(sql, userId, async (tx) => {
    const rows = await tx<ChangeRow[]>`
      select seq, event_id, type, at, actor, causation_id, data from tasks.changes
      where user_id = ${userId} and seq > ${options.since} order by seq limit ${options.limit + 1}`;
    const page = rows.slice(0, options.limit);
    return {
      changes: page.map(toChange),
      nextSeq: page.at(-1)?.seq ?? options.since,
      hasMore: rows.length > options.limit,
    };
  });
}

/** The number of the user's last change; 0 before the first. */
export async function currentSeq(sql: Sql, userId: string): Promise<number> {
  return await asUser(sql, userId, async (tx) => {
    const [row] = await tx<{ seq: number }[]>`select seq from tasks.streams where user_id = ${userId}`;
    return row?.seq ?? 0;
  });
}
