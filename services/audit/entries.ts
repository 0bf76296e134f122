/** Appending to and reading from the chain. */
import type { Envelope, NotificationEvent, ReminderEvent } from "../shared/contracts/events.ts";
import type { Task } from "../shared/contracts/task.ts";
import { formatInstant } from "../shared/domain/time.ts";
import { settled } from "../shared/runtime/loop.ts";
import { asUser, setUser, type Sql, type Tx } from "../shared/store/database.ts";
import type { UserEvents } from "../shared/store/inbox.ts";
import {
  type Entry,
  genesis,
  hashOf,
  type Head,
  type LinkedEntry,
  type Verdict,
  verifyChain,
} from "./chain.ts";

const VERIFY_PAGE = 500;

/**
 * Appends events to the chains of their users, in order, in the transaction of the inbox; an event that is there
 * already adds nothing. The statements of all users travel together, once to read and once to write.
 */
export async function appendEntries(tx: Tx, users: ReadonlyMap<string, UserEvents>): Promise<void> {
  const heads = await settled([...users].map(([userId, events]) => lockHead(tx, userId, events)));
  for (const [index, [userId, events]] of [...users].entries()) {
    heads[index] ??= await beginChain(tx, userId, events);
  }
  await settled([...users].flatMap(([userId, events], index) => append(tx, userId, events, heads[index])));
}

/** The head of a chain, and which of some events are in it. */
type Place = Head & { appended: string[] };

/** The statements that put events at the end of their user's chain; begun. */
function append(tx: Tx, userId: string, events: UserEvents, head: Place | undefined): Promise<unknown>[] {
  if (head === undefined) throw new Error("Cannot append as the head did not come back");
  const known = new Set(head.appended);
  let { n, hash } = head;
  const rows = events.filter(({ id }) => !known.has(id)).map((event) => {
    const entry: Entry = {
      userId,
      n: ++n,
      eventId: event.id,
      type: event.type,
      at: formatInstant(Temporal.Instant.from(event.time)),
      actor: event.data.actor ?? null,
      correlationId: event.correlationid,
      causationId: event.causationid,
      ...contentOf(event),
    };
    const prevHash = hash;
    hash = hashOf(prevHash, entry);
    return { ...entry, prevHash, hash };
  });
  if (rows.length === 0) return [];
  const scoped = setUser(tx, userId);
  const appended = tx`
    insert into audit.entries (
      user_id, n, event_id, type, at, actor, task_id, correlation_id, causation_id, before, after, prev_hash, hash
    )
    select ${userId}, r.n, r."eventId", r.type, r.at, coalesce(r.actor, 'null'::jsonb), r."taskId",
      r."correlationId", r."causationId", nullif(r.before, 'null'::jsonb), nullif(r.after, 'null'::jsonb),
      r."prevHash", r.hash
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as r (
      n bigint, "eventId" uuid, type text, at timestamptz, actor jsonb, "taskId" uuid, "correlationId" text,
      "causationId" text, before jsonb, after jsonb, "prevHash" text, hash text
    )`.execute();
  // Not one statement: the head's trigger looks for the entry that it moves to.
  const moved = tx`update audit.heads set n = ${n}, hash = ${hash} where user_id = ${userId}`.execute();
  return [scoped, appended, moved];
}

/** The head, locked to the end of the transaction: appending is one at a time per user. Undefined: there is no chain yet. */
async function lockHead(tx: Tx, userId: string, events: UserEvents): Promise<Place | undefined> {
  const scoped = setUser(tx, userId);
  const read = tx<Place[]>`
    select n, hash, array(
      select event_id from audit.entries
      where user_id = ${userId} and event_id = any(${events.map(({ id }) => id)}::uuid[])
    ) as appended
    from audit.heads where user_id = ${userId} for update`.execute();
  const [, [head]] = await Promise.all([scoped, read]);
  return head;
}

/** Makes the head of a chain, unless somebody else just did. */
async function beginChain(tx: Tx, userId: string, events: UserEvents): Promise<Place | undefined> {
  const first = genesis(userId);
  const scoped = setUser(tx, userId);
  const made = tx`
    insert into audit.heads (user_id, n, hash) values (${userId}, ${first.n}, ${first.hash})
    on conflict (user_id) do nothing`.execute();
  await settled([scoped, made]);
  return await lockHead(tx, userId, events);
}

/** What the event is about, before and after; reminders and notifications have no before. */
function contentOf(event: Envelope): Pick<Entry, "taskId" | "before" | "after"> {
  if (event.type.startsWith("reminder.")) {
    const { reminder } = event.data as ReminderEvent["data"];
    return { taskId: reminder.taskId, before: null, after: reminder };
  }
  if (event.type.startsWith("notification.")) {
    const { notification } = event.data as NotificationEvent["data"];
    return { taskId: notification.taskId, before: null, after: notification };
  }
  const { list, filter, profile } = event.data;
  const { task, before } = event.data as { task: Task | null; before: unknown };
  return {
    taskId: task?.id ?? null,
    before: before ?? null,
    after: task ?? list ?? filter ?? profile ?? null,
  };
}

/** What a reader may narrow the log by; instants are RFC 3339, `from` inclusive, `to` exclusive. */
export interface EntryFilter {
  taskId?: string | undefined;
  type?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** An actor's id or kind. */
  actor?: string | undefined;
  /** Only entries before this number. */
  below?: number | undefined;
  limit: number;
}

/** The newest entries first. */
export function listEntries(sql: Sql, userId: string, filter: EntryFilter): Promise<LinkedEntry[]> {
  const { taskId, type, from, to, actor, below, limit } = filter;
  return asUser(sql, userId, (tx) =>
    tx<LinkedEntry[]>`
      select ${columns(tx)} from audit.entries
      where user_id = ${userId}
        ${taskId === undefined ? tx`` : tx`and task_id = ${taskId}`}
        ${type === undefined ? tx`` : tx`and type = ${type}`}
        ${from === undefined ? tx`` : tx`and at >= ${from}`}
        ${to === undefined ? tx`` : tx`and at < ${to}`}
        ${actor === undefined ? tx`` : tx`and (actor ->> 'id' = ${actor} or actor ->> 'kind' = ${actor})`}
        ${below === undefined ? tx`` : tx`and n < ${below}`}
      order by n desc
      limit ${limit}`);
}

/** Walks a user's whole chain, as it stands at one moment. */
export function verifyUser(sql: Sql, userId: string): Promise<Verdict> {
  // One snapshot for head and entries: an append meanwhile must not look like tampering.
  return sql.begin("isolation level repeatable read read only", async (tx) => {
    await setUser(tx, userId);
    const [head] = await tx<Head[]>`select n, hash from audit.heads where user_id = ${userId}`;
    return await verifyChain(userId, pages(tx, userId), head ?? null);
  }) as Promise<Verdict>;
}

async function* pages(tx: Tx, userId: string): AsyncGenerator<LinkedEntry[]> {
  let after = 0;
  for (;;) {
    const page = await tx<LinkedEntry[]>`
      select ${columns(tx)} from audit.entries
      where user_id = ${userId} and n > ${after}
      order by n
      limit ${VERIFY_PAGE}`;
    yield page;
    const last = page.at(-1);
    if (page.length < VERIFY_PAGE || last === undefined) return;
    after = last.n;
  }
}

const columns = (tx: Tx) =>
  tx`user_id as "userId", n, event_id as "eventId", type, at, actor, task_id as "taskId",
    correlation_id as "correlationId", causation_id as "causationId", before, after, prev_hash as "prevHash", hash`;
