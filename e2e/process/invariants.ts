/** What must be true of Rondo once it is quiet, whatever happened to it before. */
import { isDeepStrictEqual } from "node:util";
import type { Task } from "../../services/shared/contracts/task.ts";
import { planReminders } from "../../services/shared/domain/reminders.ts";
import type { DeadLetter } from "../../services/shared/runtime/dead_letters.ts";
import type { Sql } from "../../services/shared/store/database.ts";
import type { Answer, Client } from "../support/client.ts";
import type { Follower } from "../support/follow.ts";
import type { BrokerEvent, BrokerView } from "./broker_view.ts";
import { type BulkAnswer, type Operation, tasksOf } from "./workload.ts";

export interface World {
  /** The superuser's: row-level security does not hide anything. */
  sql: Sql;
  broker: BrokerView;
  clients: readonly Client[];
  operations: readonly Operation[];
  followers: readonly { client: Client; follower: Follower }[];
  /** Ids of events that nobody can take: each is a dead letter of every consumer of its topic, and there is no other. */
  poison?: readonly { id: string; topic: string; consumers: readonly string[] }[];
}

/** What is wrong, in words; empty when every invariant holds. */
export type Problems = string[];

/** A gap larger than this is not replayed on a stream: the client is told to read everything anew. */
const MAX_GAP = 5_000;
const SHOWN = 25;
const POLL_MS = 100;
/** Who takes the changes themselves, by schema. */
const CONSUMERS = ["recurrence", "reminders", "audit", "webhooks"];

interface Change {
  seq: number;
  eventId: string;
  type: string;
  taskId: string | null;
  task: Task | null;
  actor: { kind: string; id: string };
}
interface StoredChange extends Change {
  correlationId: string;
  before: Record<string, unknown> | null;
}

export interface RestOptions {
  /** Milliseconds without less being left after which it is given up: a backlog may take as long as it moves. */
  patienceMs: number;
  /** Told again and again what is left. */
  hear?: (left: string) => void;
  signal?: AbortSignal;
}

/**
 * Waits until nothing is on its way any more; gives the instant of which that is true.
 *
 * @throws Error with what is left when nothing moves
 */
export async function rest(
  { sql, broker }: Pick<World, "sql" | "broker">,
  options: RestOptions,
): Promise<Temporal.Instant> {
  const { patienceMs, hear, signal } = options;
  let least = Infinity;
  let movedAt = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const asked = Temporal.Now.instant();
    const left = await unsettled(sql, broker).catch((cause) => String(cause));
    const sum = typeof left === "string" ? Infinity : Object.values(left).reduce((all, one) => all + one, 0);
    if (sum === 0) return asked.subtract({ seconds: 2 });
    const now = performance.now();
    // What is not due yet passes by itself, and the next minute's may come after it.
    const early = typeof left !== "string" && (left.soon ?? 0) > 0;
    if (sum < least || early) [least, movedAt] = [Math.min(sum, least), now];
    hear?.(JSON.stringify(left));
    if (now - movedAt > patienceMs) {
      throw new Error(`Rondo did not come to rest: ${JSON.stringify(left)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/**
 * How much is still on its way: rows of outboxes, deliveries behind, work that waits. A reminder of the next minute
 * counts: the world has to stand still while it is looked at.
 */
async function unsettled(sql: Sql, broker: BrokerView): Promise<Record<string, number>> {
  const [row] = await sql<Record<string, number>[]>`
    select
      (select count(*) from tasks.outbox) + (select count(*) from reminders.outbox)
        + (select count(*) from notifications.outbox) as outbox,
      (select count(*) from recurrence.occurrences where status = 'pending') as occurrences,
      (select count(*) from reminders.ledger where status = 'scheduled' and fire_at <= now()) as reminders,
      (select count(*) from reminders.ledger
        where status = 'scheduled' and fire_at > now() and fire_at <= now() + interval '1 minute') as soon,
      (select count(*) from notifications.deliveries where status = 'pending') as deliveries`;
  // What is still to be published would be behind next; and asking a broker again and again costs what it needs itself.
  const counts = row ?? {};
  return Object.values(counts).some((count) => count > 0)
    ? counts
    : { ...counts, behind: await broker.behind() };
}

/** Checks everything. @param quietSince reminders of before this instant have fired */
export async function violations(world: World, quietSince: Temporal.Instant): Promise<Problems> {
  const problems: Problems = [];
  const events = Map.groupBy(await world.broker.events(["reminders", "notifications"]), ({ key }) => key);
  for (const client of world.clients) {
    const name = client.name;
    const changes = await changesOf(client);
    const stored = await storedChanges(world.sql, client.id);
    const tell = (what: string, found: readonly unknown[]): void => {
      if (found.length === 0) return;
      problems.push(`${name}: ${what} (${found.length}): ${JSON.stringify(found.slice(0, SHOWN))}`);
    };
    checkNumbers(changes, stored, tell);
    checkReplay(stored, await tasksOfUser(client), tell);
    checkOperations(world.operations.filter((one) => one.client.id === client.id), changes, stored, tell);
    const told = events.get(client.id) ?? [];
    await checkAudit(world.sql, client, stored, told, tell);
    await checkInboxes(world.sql, client.id, tell);
    await checkSeries(world.sql, client.id, stored, tell);
    await checkReminders(world.sql, client, stored, told, quietSince, tell);
    for (const { client: reader, follower } of world.followers) {
      if (reader.id === client.id) checkStream(follower, changes, tell);
    }
  }
  problems.push(...await checkDeadLetters(world));
  return problems;
}

type Tell = (what: string, found: readonly unknown[]) => void;

/** Numbers 1 to n without a hole, and HTTP tells what is stored. */
function checkNumbers(changes: readonly Change[], stored: readonly StoredChange[], tell: Tell): void {
  tell(
    "change numbers with holes",
    changes.filter(({ seq }, index) => seq !== index + 1).map(({ seq }) => seq),
  );
  tell("events with the number of another", duplicates(changes.map(({ eventId }) => eventId)));
  tell(
    "changes that HTTP and the store tell differently",
    [...new Set([...changes.keys(), ...stored.keys()])].filter((index) =>
      changes[index]?.eventId !== stored[index]?.eventId ||
      !isDeepStrictEqual(changes[index]?.task, stored[index]?.task)
    ),
  );
}

/** The state of each task is its last change's; versions count up; `before` says what was there. */
function checkReplay(stored: readonly StoredChange[], tasks: ReadonlyMap<string, Task>, tell: Tell): void {
  const replayed = new Map<string, Task>();
  const versions: string[] = [];
  const befores: unknown[] = [];
  for (const { seq, task, before } of stored) {
    if (task === null) continue;
    const last = replayed.get(task.id);
    if (task.version !== (last?.version ?? 0) + 1) versions.push(`${seq}: ${task.id} v${task.version}`);
    if ((before === null) !== (last === undefined)) befores.push({ seq, before });
    if (last !== undefined) {
      const was = new Map<string, unknown>(Object.entries(last));
      const wrong = Object.entries(before ?? {}).find(([field, value]) =>
        field !== "series" && !isDeepStrictEqual(value, was.get(field))
      );
      if (wrong !== undefined) befores.push({ seq, field: wrong[0], said: wrong[1], was: was.get(wrong[0]) });
    }
    replayed.set(task.id, task);
  }
  tell("versions that do not count up", versions);
  tell("values before that were not", befores);
  tell(
    "tasks that differ from the replay of their changes",
    [...new Set([...replayed.keys(), ...tasks.keys()])].filter((id) =>
      !isDeepStrictEqual(replayed.get(id), tasks.get(id))
    ).map((id) => ({ id, replayed: replayed.get(id), task: tasks.get(id) })),
  );
}

/** Every acknowledged write is there, once; refused ones did nothing; nobody else did anything. */
function checkOperations(
  operations: readonly Operation[],
  changes: readonly Change[],
  stored: readonly StoredChange[],
  tell: Tell,
): void {
  const states = new Map(
    changes.flatMap(({ task }) => task === null ? [] : [[`${task.id} ${task.version}`, task]]),
  );
  const effects = Map.groupBy(
    stored.filter(({ actor }) => actor.kind !== "system"),
    ({ correlationId }) => correlationId,
  );
  const known = new Set(operations.map(({ key }) => key));
  tell("changes that nobody asked for", [...effects.keys()].filter((key) => !known.has(key)));
  tell("writes without an acknowledgement", operations.filter(({ answer }) => answer === undefined));
  for (const { key, kind, answer, attempts } of operations) {
    if (answer === undefined) continue;
    const done = effects.get(key) ?? [];
    const shown = {
      kind,
      key,
      attempts,
      status: answer.status,
      done: done.map(({ type, taskId }) => [type, taskId]),
    };
    if (answer.status >= 300) {
      if (done.length > 0) tell("a refused write with an effect", [shown]);
      if (![409, 404].includes(answer.status)) tell("a refusal", [{ ...shown, body: answer.body }]);
      continue;
    }
    const lost = tasksOf(kind, answer.body).filter((task) =>
      !isDeepStrictEqual(states.get(`${task.id} ${task.version}`), task)
    );
    if (lost.length > 0) tell("an acknowledged state that is not in the change log", [{ ...shown, lost }]);
    const wrong = wrongEffect(kind, answer.body, done);
    if (wrong !== null) tell(`a write that ${wrong}`, [shown]);
  }
}

/** What is wrong with the changes that an acknowledged write made, or null. */
function wrongEffect(kind: Operation["kind"], body: unknown, done: readonly StoredChange[]): string | null {
  const types = done.map(({ type }) => type);
  const twice = duplicates(done.map(({ type, taskId }) => `${type} ${taskId}`));
  if (kind !== "undo" && twice.length > 0) return "did the same twice";
  switch (kind) {
    case "create":
      return types.length === 1 && types[0] === "task.created.v1" ? null : "did not create one task";
    case "patch":
      return types.length === 1 && types[0] === "task.updated.v1" ? null : "did not change one task";
    case "complete":
      return types.every((type) => type === "task.completed.v1") ? null : "did more than complete";
    case "delete":
      return types.every((type) => type === "task.deleted.v1") ? null : "did more than delete";
    case "skip":
      return types.every((type) => type === "task.skipped.v1") ? null : "did more than skip";
    case "restore":
      return types.every((type) => type === "task.restored.v1") ? null : "did more than restore";
    case "reopen":
      return types.length <= 2 ? null : "did more than reopen";
    case "bulk": {
      const { created } = body as BulkAnswer;
      const made = types.filter((type) => type === "task.created.v1").length;
      return made === created.length ? null : "did not create what it said";
    }
    case "undo": {
      const said = (body as { changes: Change[] }).changes.map(({ eventId }) => eventId);
      return isDeepStrictEqual(said, done.map(({ eventId }) => eventId)) ? null : "did not undo what it said";
    }
    case "import": {
      const { imported } = body as { imported: number };
      return types.filter((type) => type === "task.created.v1").length === imported
        ? null
        : "did not import what it said";
    }
  }
}

/** One audit row for each event of the change log, of reminders and of notifications; in order; the chain holds. */
async function checkAudit(
  sql: Sql,
  client: Client,
  stored: readonly StoredChange[],
  told: readonly BrokerEvent[],
  tell: Tell,
): Promise<void> {
  const events = [...stored.map(({ eventId: id, type }) => ({ id, type })), ...told];
  const rows = await sql<{ id: string }[]>`
    select event_id as id from audit.entries where user_id = ${client.id} order by n`;
  const audited = new Set(rows.map(({ id }) => id));
  const wanted = new Set(events.map(({ id }) => id));
  tell("events without an audit row", events.filter(({ id }) => !audited.has(id)));
  tell("audit rows without an event", rows.filter(({ id }) => !wanted.has(id)));
  tell("events with two audit rows", duplicates(rows.map(({ id }) => id)));
  const seqs = new Map(stored.map(({ eventId, seq }) => [eventId, seq]));
  const order = rows.flatMap(({ id }) => seqs.get(id) ?? []);
  tell("changes that were audited out of order", order.filter((seq, at) => seq < (order[at - 1] ?? 0)));
  const { status, body } = await client.call("GET", "/api/audit/verify");
  if (status !== 200 || body.ok !== true || body.checked !== rows.length) {
    tell("a chain that does not verify", [{ status, body, rows: rows.length }]);
  }
}

/** Every consumer of changes has taken every one. */
async function checkInboxes(sql: Sql, userId: string, tell: Tell): Promise<void> {
  for (const schema of CONSUMERS) {
    const rows = await sql<{ seq: number }[]>`
      select seq from tasks.changes as c
      where user_id = ${userId} and not exists (select from ${sql(schema)}.inbox where event_id = c.event_id)
      order by seq`;
    tell(`changes that ${schema} did not take`, rows.map(({ seq }) => seq));
  }
}

/** Occurrences of a series count from 1 without holes; who was completed or skipped has a successor. */
async function checkSeries(
  sql: Sql,
  userId: string,
  stored: readonly StoredChange[],
  tell: Tell,
): Promise<void> {
  const rows = await sql<
    {
      id: string;
      series: string;
      occurrence: number;
      status: string;
      rule: string | null;
      deleted: boolean;
    }[]
  >`
    select id, series_id as series, occurrence, status, rule, deleted_at is not null as deleted
    from tasks.tasks where user_id = ${userId} and series_id is not null order by series_id, occurrence`;
  const last = new Map(stored.map((change) => [change.taskId, change]));
  // An import can bring a task that was completed elsewhere: nothing follows from that.
  const completed = new Set(
    stored.filter(({ type }) => type === "task.completed.v1").map(({ taskId }) => taskId),
  );
  const made = stored.filter(({ type, actor, task }) =>
    type === "task.created.v1" && actor.kind === "system" && task !== null
  );
  tell(
    "occurrences that were made twice",
    duplicates(made.map(({ task }) => `${task?.seriesId} ${task?.occurrence}`)),
  );
  for (const [series, occurrences] of Map.groupBy(rows, (row) => row.series)) {
    const numbers = occurrences.map(({ occurrence }) => occurrence);
    if (numbers.some((number, index) => number !== index + 1)) {
      tell("a series with holes or doubles", [{ series, numbers }]);
    }
    for (const one of occurrences) {
      const ended = one.status === "completed" && completed.has(one.id) ||
        last.get(one.id)?.type === "task.skipped.v1";
      const over = /COUNT=(\d+)/.exec(one.rule ?? "")?.[1];
      if (!ended || one.rule === null || (over !== undefined && one.occurrence >= Number(over))) continue;
      const next = occurrences.find(({ occurrence }) => occurrence === one.occurrence + 1);
      if (next === undefined) tell("an ended occurrence without a next one", [one]);
      // The user may have sent it away again; nobody else may.
      else if (next.deleted && last.get(next.id)?.actor.kind === "system") {
        tell("a next occurrence that is gone", [{ one, next }]);
      }
    }
  }
}

/**
 * Each reminder that is due fired once, told once, and none waits for what is over. One that came due after
 * `quietSince` may still be on its way: of it, nothing happened more than once.
 */
async function checkReminders(
  sql: Sql,
  client: Client,
  stored: readonly StoredChange[],
  events: readonly BrokerEvent[],
  quietSince: Temporal.Instant,
  tell: Tell,
): Promise<void> {
  type Row = {
    id: string;
    taskId: string;
    occurrence: number;
    reminderId: string;
    round: number;
    fireAt: string;
    status: string;
    notifications: string[];
    shown: number;
  };
  const rows = await sql<Row[]>`
    select l.id, l.task_id as "taskId", l.occurrence, l.reminder_id as "reminderId", l.round,
      l.fire_at as "fireAt", l.status,
      (select coalesce(json_agg(n.id), '[]') from notifications.notifications n where n.reminder_id = l.id)
        as notifications,
      (select count(*) from notifications.notifications n join notifications.deliveries d on d.notification_id = n.id
        where n.reminder_id = l.id and d.channel = 'in-app' and d.status = 'delivered') as shown
    from reminders.ledger l where l.user_id = ${client.id}`;
  const due = eventsOf(events, "reminder.due.v1", ({ reminder }) => reminder?.id);
  const told = eventsOf(events, "notification.created.v1", ({ notification }) => notification?.id);
  const isSettled = ({ fireAt }: Row) =>
    Temporal.Instant.compare(Temporal.Instant.from(fireAt), quietSince) < 0;
  for (const row of rows) {
    const most = row.status === "delivered" ? 1 : 0;
    const least = isSettled(row) ? most : 0;
    const counts = {
      due: due.get(row.id)?.size ?? 0,
      notifications: row.notifications.length,
      told: row.notifications.reduce((sum, id) => sum + (told.get(id)?.size ?? 0), 0),
      shown: row.shown,
    };
    if (Object.values(counts).some((count) => count < least || count > most)) {
      tell("a reminder that was not told once", [{ ...row, ...counts }]);
    }
    if (row.status === "scheduled" && isSettled(row)) tell("a reminder that is overdue", [row]);
  }
  const moved = new Set(
    stored.filter(({ before }) => before !== null && ("due" in before || "reminders" in before))
      .map(({ taskId }) => taskId),
  );
  tell(
    "reminders that fired again though nobody moved them",
    rows.filter(({ round, taskId }) => round > 1 && !moved.has(taskId)),
  );
  const ofTask = Map.groupBy(rows, ({ taskId }) => taskId);
  for (const task of new Map(stored.map((change) => [change.taskId, change.task])).values()) {
    if (task === null) continue;
    const ledger = (ofTask.get(task.id) ?? []).filter(({ occurrence }) =>
      occurrence === (task.occurrence ?? 1)
    );
    const active = task.status === "open" && task.deletedAt === null;
    if (!active) {
      tell(
        "reminders that wait for a task that is over",
        ledger.filter(({ status }) => status === "scheduled"),
      );
      continue;
    }
    for (const { reminderId, fireAt } of planReminders({ ...task, userZone: "UTC" })) {
      const at = fireAt.round("millisecond");
      const kept = ledger.some((row) =>
        row.status === "delivered" && row.reminderId === reminderId &&
          Temporal.Instant.compare(at, quietSince) < 0 ||
        (row.status === "delivered" || row.status === "scheduled") &&
          Temporal.Instant.from(row.fireAt).epochMilliseconds === at.epochMilliseconds
      );
      if (!kept) tell("a reminder without its row", [{ task, reminderId, at: at.toString(), ledger }]);
    }
  }
  const page = await client.call<{ unread: number }>("GET", "/api/notifications?limit=1");
  const delivered = rows.filter((row) => row.status === "delivered" && isSettled(row)).length;
  const mayFollow = rows.filter((row) => row.status !== "cancelled" && !isSettled(row)).length;
  const { unread } = page.body;
  if (page.status !== 200 || unread < delivered || unread > delivered + mayFollow) {
    tell("notifications that are not as many as reminders", [{ body: page.body, delivered, mayFollow }]);
  }
}

/** A stream showed each number once, in order; a jump only where the gap was too large to be replayed. */
function checkStream(follower: Follower, changes: readonly Change[], tell: Tell): void {
  let last = 0;
  for (const { event, id, data } of follower.events) {
    if (event === "notification" || id === null) continue;
    if (event === "resync" ? id - last <= MAX_GAP : id !== last + 1) {
      tell("a stream that jumped", [{ event, id, last }]);
    } else if (event === "change" && !isDeepStrictEqual(data, changes[id - 1])) {
      tell("a stream that tells another change", [{ id, data, change: changes[id - 1] }]);
    }
    last = id;
  }
  if (last !== changes.length) tell("a stream that ended early", [{ last, changes: changes.length }]);
}

type Subject = Record<string, { id: string } | undefined>;

/** The ids of the events of a type by what they are about. */
function eventsOf(
  events: readonly BrokerEvent[],
  type: string,
  subject: (data: Subject) => string | undefined,
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const event of events) {
    if (event.type !== type) continue;
    const id = subject(event.data as Subject) ?? "";
    found.set(id, (found.get(id) ?? new Set()).add(event.id));
  }
  return found;
}

/** Every consumer gave up on what nobody can take, and on nothing else. */
async function checkDeadLetters({ broker, poison = [] }: World): Promise<Problems> {
  const letters = await broker.deadLetters();
  const poisonous = new Set(poison.map(({ id }) => id));
  const given = new Set(letters.map((letter) => `${idOf(letter)} ${letter.consumer}`));
  return [
    ...letters.filter((letter) => !poisonous.has(idOf(letter)))
      .map((letter) => `a dead letter: ${JSON.stringify(letter)}`),
    ...poison.flatMap(({ id, topic, consumers }) =>
      consumers.filter((consumer) => !given.has(`${id} ${consumer}`))
        .map((consumer) => `no dead letter of ${consumer} for the poison ${id} on ${topic}`)
    ),
  ];
}

const idOf = ({ event }: DeadLetter): string => String((event as { id?: unknown }).id);

/** Every change that HTTP tells of. */
export async function changesOf(client: Client): Promise<Change[]> {
  const changes: Change[] = [];
  for (;;) {
    const { status, body } = await client.call<{ changes: Change[]; nextSeq: number; hasMore: boolean }>(
      "GET",
      `/api/changes?since=${changes.at(-1)?.seq ?? 0}&limit=500`,
    );
    if (status !== 200) throw new Error(`Cannot read the changes: ${JSON.stringify(body)}`);
    changes.push(...body.changes);
    if (!body.hasMore) return changes;
  }
}

async function storedChanges(sql: Sql, userId: string): Promise<StoredChange[]> {
  return [
    ...await sql<StoredChange[]>`
      select seq, event_id as "eventId", type, data -> 'task' as task, actor,
        case when type like 'task.%' then entity_id end as "taskId",
        correlation_id as "correlationId", before
      from tasks.changes where user_id = ${userId} order by seq`,
  ].map((row) => ({ ...row, task: row.task ?? null }));
}

/** Every task that HTTP shows, trash included. */
async function tasksOfUser(client: Client): Promise<Map<string, Task>> {
  const tasks = new Map<string, Task>();
  for (const view of ["status=all", "deleted=true"]) {
    for (let cursor: string | null = ""; cursor !== null;) {
      const { status, body }: Answer<{ items: Task[]; nextCursor: string | null }> = await client.call(
        "GET",
        `/api/tasks?${view}&limit=200${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      if (status !== 200) throw new Error(`Cannot read the tasks: ${JSON.stringify(body)}`);
      for (const task of body.items) tasks.set(task.id, task);
      cursor = body.nextCursor;
    }
  }
  return tasks;
}

function duplicates(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.has(value) || !seen.add(value));
}
