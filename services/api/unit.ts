/**
 * The unit of work of one command: alone with its user's data from the first read to the commit, it gathers
 * changes in memory and writes things, change log and outbox in one statement.
 */
import { createHash } from "node:crypto";
import postgres from "postgres";
import type { Actor, ChangeType, Topic } from "../shared/contracts/events.ts";
import type { Filter, List, Profile } from "../shared/contracts/resources.ts";
import { formatInstant } from "../shared/domain/time.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import type { Preview } from "../shared/contracts/preview.ts";
import { keyUsedForAnother } from "../shared/http/idempotency.ts";
import { ProblemError } from "../shared/http/problem.ts";
import { type Fragment, setUser, type Sql, transact, type Tx } from "../shared/store/database.ts";
import { buildEnvelopes, type EventDraft } from "../shared/store/outbox.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import { digestOf, type Effect, previewed } from "./preview.ts";
import type { Seal } from "./seal.ts";
import {
  changedFields,
  fromRow,
  same,
  TASK_COLUMNS,
  type TaskRow,
  type TaskState,
  toRow,
  toTask,
} from "./task_state.ts";
import { createTurns } from "./turns.ts";

/** The topics that carry a change. */
const CHANGE_TOPICS: readonly Topic[] = ["task-events", "task-updates"];
/** Rows written at once at most: a large import goes in slices of one transaction. */
const SLICE = 2_000;
/** Commands of one user that wait for their turn at most. */
const MAX_WAITING = 200;
/** How long a command waits for a lock that another process holds. */
const LOCK_TIMEOUT_MS = 10_000;

/** A change as `GET /api/changes` and the stream give it. */
export interface Change {
  seq: number;
  eventId: string;
  type: ChangeType;
  taskId: string | null;
  task: unknown;
  list?: unknown;
  filter?: unknown;
  profile?: unknown;
  at: string;
  actor: Actor;
  causationId: string;
}

/** Whose command it is, and what it answers to. */
export interface UnitOptions {
  userId: string;
  actor: Actor;
  /** What this work is a consequence of; default: its own first event. */
  causationId?: string;
  /** The `Idempotency-Key` of the request and what it is bound to. */
  idempotency?: { key: string; request: string };
  foreseen?: Foreseen;
  /** True: nothing stays, and the answer is a preview. A digest: commit only what that preview said. */
  preview?: true | string;
}

/** What a command is going to read: it is asked for together with the lock instead of after it. */
export interface Foreseen {
  taskId?: string;
  /** A list to whose end a task will go; null is the Inbox. */
  endOf?: string | null;
}

/** What a command answers over HTTP; kept for a repeat of its key. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** An answer as it goes out: `body` is text already. */
export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Where commands run. */
export interface Units {
  /**
   * Runs a command in its transaction; a repeat of an idempotency key gives the first answer again.
   *
   * @throws ProblemError 412 when it comes to something else than the preview that it is held to
   */
  answer(options: UnitOptions, work: (unit: Unit) => Promise<Answer>): Promise<StoredAnswer>;
  /** Runs work in a transaction without an HTTP answer to keep. */
  run<T>(options: UnitOptions, work: (unit: Unit) => Promise<T>): Promise<T>;
}

/** What units of work are built from. */
export interface UnitsDependencies {
  sql: Sql;
  runtime: Pick<Runtime, "wake">;
  metrics: Metrics;
  now(): Temporal.Instant;
  /** What is kept of an answer is sealed: it may hold a new API key. */
  seal: Seal;
  /** How long a command waits for another replica's work on the same user (default 10,000). */
  lockTimeoutMs?: number;
}

type Entity =
  | { kind: "task"; before: TaskState | null; after: TaskState }
  | { kind: "list"; before: List | null; after: List }
  | { kind: "filter"; before: Filter | null; after: Filter }
  | { kind: "profile"; before: Profile; after: Profile };

interface Pending {
  type: ChangeType;
  entity: Entity;
}

/** Units of work over a pool: one of each user at a time, and none holds a connection before its turn. */
export function createUnits(dependencies: UnitsDependencies): Units {
  const { sql, runtime, seal } = dependencies;
  const turn = createTurns(MAX_WAITING);

  async function run<T>(options: UnitOptions, work: (unit: Unit) => Promise<T>): Promise<T> {
    let changed = false;
    const result = await turn(options.userId, () =>
      transact(sql, async (tx) => {
        const unit = new Unit(tx, dependencies, options);
        const result = await work(unit);
        await unit.send();
        changed = unit.changes.length > 0;
        return { result, begun: unit.begun };
      })).catch((cause) => {
        throw isLockTimeout(cause) ? busy(cause) : cause;
      });
    if (changed) runtime.wake("outbox");
    return result;
  }

  /** The same work in the same kind of transaction, which is undone as the last thing. */
  async function dryRun(options: UnitOptions, work: (unit: Unit) => Promise<Answer>): Promise<StoredAnswer> {
    try {
      return await run(options, async (unit) => {
        await work(unit);
        // What the database refuses is refused here, too.
        await unit.flush();
        const changes = previewed(unit.effects);
        const preview = digestOf(changes);
        throw new RolledBack({ dryRun: true, preview, seq: await unit.seqBefore(), changes });
      });
    } catch (cause) {
      if (!(cause instanceof RolledBack)) throw cause;
      return { status: 200, headers: {}, body: JSON.stringify(cause.preview) };
    }
  }

  return {
    run,
    async answer(options, work) {
      const { idempotency, preview } = options;
      if (preview === true) return await dryRun(options, work);
      const fingerprint = idempotency === undefined
        ? ""
        : createHash("sha256").update(idempotency.request).digest("hex");
      return await run(options, async (unit) => {
        const kept = idempotency === undefined
          ? undefined
          : await unit.keptAnswer(idempotency.key, fingerprint);
        if (kept !== undefined) return { ...kept, body: open(options, kept.body) };
        const { status, body, headers = {} } = await work(unit);
        if (preview !== undefined) {
          await unit.flush();
          refuseUnlessPreviewed(unit.effects, preview);
        }
        const answer: StoredAnswer = { status, headers, body: JSON.stringify(body) };
        if (idempotency === undefined) return answer;
        const sealed = { ...answer, body: seal.seal(answer.body, contextOf(options)) };
        unit.keepAnswer(idempotency.key, fingerprint, sealed);
        return answer;
      });
    },
  };

  function open(options: UnitOptions, sealed: string): string {
    try {
      return seal.open(sealed, contextOf(options));
    } catch (cause) {
      // Only its secret opens it. The work was done, so it must not be done again either.
      throw new ProblemError(409, "This was done before, but its answer can't be read any more", { cause });
    }
  }
}

/** Carries a preview out of a transaction that it undoes. */
class RolledBack extends Error {
  constructor(readonly preview: Preview) {
    super("A dry run ends here");
  }
}

function refuseUnlessPreviewed(effects: readonly Effect[], digest: string): void {
  if (digestOf(previewed(effects)) === digest) return;
  throw new ProblemError(412, "This would do something else by now than was previewed; nothing was changed", {
    errors: [{ path: "If-Preview", message: "must name a preview of what is there now" }],
  });
}

/** Where an answer is kept: it opens in its own row alone. */
const contextOf = ({ userId, idempotency }: UnitOptions): string => `${userId} ${idempotency?.key ?? ""}`;

/** PostgreSQL's lock_not_available. */
const isLockTimeout = (cause: unknown): boolean =>
  cause instanceof postgres.PostgresError && cause.code === "55P03";

const busy = (cause: unknown): ProblemError =>
  new ProblemError(503, "Another change of this account takes long; try again soon", {
    headers: { "retry-after": "5" },
    cause,
  });

/** What one command sees and changes: its user's data, still until the commit. */
export class Unit {
  readonly now: Temporal.Instant;
  /** `now` as the API writes it. */
  readonly at: string;
  readonly userId: string;
  readonly actor: Actor;
  /** The changes written so far, in order. */
  readonly changes: Change[] = [];
  /** What the changes did, for a unit whose options name a preview. */
  readonly effects: Effect[] = [];
  readonly #tx: Tx;
  readonly #options: UnitOptions;
  readonly #metrics: Metrics;
  /** Statements that were sent and have not been answered. */
  readonly begun: Promise<unknown>[] = [];
  #causationId: string | undefined;
  #pending: Pending[] = [];
  #tasks = new Map<string, TaskState>();
  #locked: Promise<number>;
  #seq: number | undefined;
  #profile: Promise<Profile>;
  #inboxId: Promise<string>;
  /** The foreseen task, if there is one; then it is among `#tasks`. */
  #foreseen: Promise<unknown> | undefined;
  /** The last position of the foreseen list as it is stored. */
  #end: Promise<{ listId: string; position: string | null } | undefined> | undefined;

  constructor(tx: Tx, dependencies: UnitsDependencies, options: UnitOptions) {
    this.#tx = tx;
    this.#options = options;
    this.#metrics = dependencies.metrics;
    this.userId = options.userId;
    this.actor = options.actor;
    this.#causationId = options.causationId;
    this.now = dependencies.now().round({ smallestUnit: "millisecond", roundingMode: "trunc" });
    this.at = formatInstant(this.now);
    // All leave with the transaction's first packet; the lock makes everything read after it stand still.
    this.#begin(setUser(tx, this.userId));
    const patience = `${dependencies.lockTimeoutMs ?? LOCK_TIMEOUT_MS}ms`;
    const locking = tx<{ seq: number }[]>`
      select s.seq from set_config('lock_timeout', ${patience}, true), tasks.streams s
      where s.user_id = ${this.userId} for update of s`.execute();
    this.#locked = quiet(locking.then(([row]) => {
      if (row === undefined) throw new ProblemError(401, "This account no longer exists");
      return row.seq;
    }));
    const account = this.#ask(
      tx<(ProfileRow & { inbox_id: string })[]>`
        select p.*, l.id as inbox_id
        from tasks.profiles p join tasks.lists l on l.user_id = p.user_id and l.inbox
        where p.user_id = ${this.userId}`,
      ([row]) => {
        if (row === undefined) throw new ProblemError(401, "This account no longer exists");
        return row;
      },
    );
    this.#profile = quiet(account.then(toProfile));
    this.#inboxId = quiet(account.then((row) => row.inbox_id));
    this.#foresee(options.foreseen ?? {});
  }

  #foresee({ taskId, endOf }: Foreseen): void {
    if (taskId !== undefined) {
      this.#foreseen = this.#ask(this.#selectTasks([taskId]), (rows) => this.#remember(rows));
    }
    if (endOf === undefined) return;
    const tx = this.#tx;
    this.#end = this.#ask(
      tx<{ listId: string; position: string | null }[]>`
        select l.id as "listId", (${this.#lastPosition(tx`l.id`)}) as position
        from tasks.lists l where l.user_id = ${this.userId} and ${
        endOf === null ? tx`l.inbox` : tx`l.id = ${endOf}`
      }`,
      ([row]) => row,
    );
  }

  /** Sends a query now; when the lock is not had, that is why it fails too. */
  #ask<Row extends object, T>(query: postgres.PendingQuery<Row[]>, read: (rows: Row[]) => T): Promise<T> {
    const sent = query.execute();
    return quiet(Promise.all([sent, this.#locked]).then(([rows]) => read(rows)));
  }

  /** Sends a statement now; the commit waits for it. */
  #begin(statement: Promise<unknown>): void {
    this.begun.push(quiet(statement));
  }

  get tx(): Tx {
    return this.#tx;
  }

  /** The number of the user's last change before this unit. */
  seqBefore(): Promise<number> {
    return this.#locked;
  }

  profile(): Promise<Profile> {
    return this.#profile;
  }

  /** The zone of floating dues. */
  async timeZone(): Promise<string> {
    return (await this.#profile).timeZone;
  }

  /** The list of tasks that name none. */
  inboxId(): Promise<string> {
    return this.#inboxId;
  }

  get #dry(): boolean {
    return this.#options.preview === true;
  }

  get causationId(): string | undefined {
    return this.#causationId;
  }

  /** The tasks of these ids that this user has, trash included, as they are inside this unit. */
  async loadTasks(ids: readonly string[]): Promise<Map<string, TaskState>> {
    await this.#foreseen;
    const missing = ids.filter((id) => !this.#tasks.has(id));
    if (missing.length > 0) this.#remember(await this.#selectTasks(missing));
    return new Map(ids.flatMap((id) => {
      const state = this.#tasks.get(id);
      return state === undefined ? [] : [[id, state]];
    }));
  }

  #selectTasks(ids: readonly string[]) {
    return this.#tx<TaskRow[]>`
      select ${this.#tx(TASK_COLUMNS)} from tasks.tasks
      where user_id = ${this.userId} and id = any(${ids}::uuid[])`;
  }

  /** Takes stored rows in, except where this unit has a newer state. */
  #remember(rows: readonly TaskRow[]): void {
    for (const row of rows) if (!this.#tasks.has(row.id)) this.#tasks.set(row.id, fromRow(row));
  }

  #lastPosition(listId: Fragment): Fragment {
    return this.#tx`
      select position from tasks.tasks
      where user_id = ${this.userId} and list_id = ${listId} and deleted_at is null
      order by position desc limit 1`;
  }

  /** Tasks by a condition on the stored rows, overlaid with what this unit changed. */
  async findTasks(where: (tx: Tx) => Fragment): Promise<TaskState[]> {
    await this.flush();
    const rows = await this.#tx<TaskRow[]>`
      select ${this.#tx(TASK_COLUMNS)} from tasks.tasks
      where user_id = ${this.userId} and ${where(this.#tx)} order by id`;
    return rows.map((row) => {
      const state = this.#tasks.get(row.id) ?? fromRow(row);
      this.#tasks.set(row.id, state);
      return state;
    });
  }

  /** The last position of a list, with what this unit has placed there; null when it is empty. */
  async lastPosition(listId: string): Promise<string | null> {
    const foreseen = await this.#end;
    let last = foreseen?.listId === listId
      ? foreseen.position
      : (await this.#tx<{ position: string }[]>`${this.#lastPosition(this.#tx`${listId}`)}`)[0]?.position ??
        null;
    for (const { entity } of this.#pending) {
      if (entity.kind !== "task" || entity.after.listId !== listId) continue;
      if (last === null || entity.after.position > last) last = entity.after.position;
    }
    return last;
  }

  /** Records a new task. */
  createTask(state: TaskState): TaskState {
    this.#tasks.set(state.id, state);
    this.#pending.push({ type: "task.created.v1", entity: { kind: "task", before: null, after: state } });
    if (!this.#dry) {
      this.#metrics.tasksCreated.inc({
        priority: state.priority,
        has_recurrence: String(state.recurrence !== null),
      });
    }
    return state;
  }

  /** Records `after` as a change of `before`; nothing when they do not differ. Gives the task as it is then. */
  changeTask(type: ChangeType, before: TaskState, after: TaskState): TaskState {
    if (changedFields(before, after) === null && before.dueAt === after.dueAt) return before;
    const next = { ...after, version: before.version + 1, updatedAt: this.at };
    this.#tasks.set(next.id, next);
    this.#pending.push({ type, entity: { kind: "task", before, after: next } });
    if (type === "task.completed.v1" && !this.#dry) this.#metrics.tasksCompleted.inc();
    if (type === "task.deleted.v1" && !this.#dry) this.#metrics.tasksDeleted.inc();
    return next;
  }

  changeList(type: ChangeType, before: List | null, after: List): List {
    if (before !== null && same(before, after)) return before;
    const next = before === null ? after : { ...after, version: before.version + 1, updatedAt: this.at };
    this.#pending.push({ type, entity: { kind: "list", before, after: next } });
    return next;
  }

  changeFilter(type: ChangeType, before: Filter | null, after: Filter): Filter {
    if (before !== null && same(before, after)) return before;
    const next = before === null ? after : { ...after, version: before.version + 1, updatedAt: this.at };
    this.#pending.push({ type, entity: { kind: "filter", before, after: next } });
    return next;
  }

  changeProfile(before: Profile, after: Profile): Profile {
    if (same(before, after)) return before;
    this.#profile = Promise.resolve(after);
    this.#pending.push({ type: "profile.updated.v1", entity: { kind: "profile", before, after } });
    return after;
  }

  /** Writes what is pending: rows, numbered changes and outbox together. */
  async flush(): Promise<void> {
    await this.send();
    await Promise.all(this.begun);
  }

  /** Sends what is pending to be written; the commit waits for it. */
  async send(): Promise<void> {
    this.#seq ??= await this.#locked;
    const { timeZone } = await this.#profile;
    while (this.#pending.length > 0) {
      // What was foreseen is older than this.
      this.#end = undefined;
      this.#begin(this.#write(this.#pending.splice(0, SLICE), timeZone));
      // One slice at a time: a large import is not to lie in memory as a whole.
      if (this.#pending.length > 0) await this.begun.at(-1);
    }
  }

  #write(pending: readonly Pending[], timeZone: string): Promise<unknown> {
    const first = (this.#seq ?? 0) + 1;
    const drafts = pending.map((entry) => this.#draft(entry, timeZone));
    const envelopes = buildEnvelopes(drafts, first, {
      source: "api",
      userId: this.userId,
      now: this.now,
      causationId: this.#causationId,
    });
    this.#causationId ??= envelopes[0]?.causationid;
    if (this.#options.preview !== undefined) {
      this.effects.push(...envelopes.map(({ type, data }) => ({ type: type as ChangeType, data })));
    }
    const changes = envelopes.map((event, index) => ({
      seq: first + index,
      event_id: event.id,
      type: event.type,
      entity_id: event.subject,
      at: event.time,
      actor: this.actor,
      causation_id: event.causationid,
      correlation_id: event.correlationid,
      before: event.data.before,
      data: event.data,
      topics: CHANGE_TOPICS,
      event,
    }));
    const of = <K extends Entity["kind"]>(kind: K) =>
      // The last state of each: a thing that changed twice is written once.
      [...new Map(
        pending.flatMap(({ entity }) => entity.kind === kind ? [[entity.after.id, entity.after]] : []),
      )
        .values()] as Extract<Entity, { kind: K }>["after"][];
    const rows = {
      changes,
      tasks: of("task").map(toRow),
      lists: of("list").map(listRow),
      filters: of("filter").map(filterRow),
      profiles: of("profile").map(({ name, timeZone, preferences }) => ({
        name,
        time_zone: timeZone,
        preferences,
      })),
    };
    this.#seq = first + pending.length - 1;
    this.changes.push(...envelopes.map((event) =>
      toChange({
        seq: Number(event.data.seq),
        event_id: event.id,
        type: event.type as ChangeType,
        at: event.time,
        actor: this.actor,
        causation_id: event.causationid,
        data: event.data,
      })
    ));
    return writeRows(this.#tx, this.userId, rows, pending.length);
  }

  #draft({ type, entity }: Pending, timeZone: string): EventDraft {
    return {
      type,
      subject: entity.after.id,
      topics: CHANGE_TOPICS,
      actor: this.actor,
      data: entityData(entity, timeZone),
    };
  }

  /** The answer kept under this key, its body sealed, if there is one. @throws ProblemError 422 when another request has the key */
  async keptAnswer(key: string, fingerprint: string): Promise<StoredAnswer | undefined> {
    // Sent behind the lock without waiting for it: PostgreSQL keeps the order, and reads when it has the lock.
    const asked = this.#tx<
      { fingerprint: string; status: number; headers: Record<string, string>; body: string }[]
    >`
      select fingerprint, status, headers, body from tasks.idempotency
      where user_id = ${this.userId} and key = ${key} and created_at > ${this.at}::timestamptz - interval '24 hours'`;
    const [[kept]] = await Promise.all([asked, this.#locked]);
    if (kept === undefined) return undefined;
    if (kept.fingerprint !== fingerprint) throw keyUsedForAnother();
    return {
      status: kept.status,
      headers: { ...kept.headers, "idempotent-replayed": "true" },
      body: kept.body,
    };
  }

  /** Keeps an answer, its body sealed, for a repeat of its key. */
  keepAnswer(key: string, fingerprint: string, answer: StoredAnswer): void {
    this.#begin(this.#tx`
      insert into tasks.idempotency (user_id, key, fingerprint, status, headers, body, created_at)
      values (${this.userId}, ${key}, ${fingerprint}, ${answer.status}, ${this.#tx.json(answer.headers)},
        ${answer.body}, ${this.at})
      on conflict (user_id, key) do update set fingerprint = excluded.fingerprint, status = excluded.status,
        headers = excluded.headers, body = excluded.body, created_at = excluded.created_at`.execute());
  }
}

/** A promise whose rejection is its awaiter's matter, if it has one. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function entityData(entity: Entity, timeZone: string): Record<string, unknown> {
  switch (entity.kind) {
    case "task":
      return {
        task: toTask(entity.after),
        before: entity.before === null ? null : changedFields(entity.before, entity.after) ?? {},
        timeZone,
        series: entity.after.series,
      };
    case "list":
      return { task: null, list: entity.after, before: difference(entity.before, entity.after) };
    case "filter":
      return { task: null, filter: entity.after, before: difference(entity.before, entity.after) };
    case "profile":
      return { task: null, profile: entity.after, before: difference(entity.before, entity.after) };
  }
}

function difference<T extends object>(before: T | null, after: T): Partial<T> | null {
  if (before === null) return null;
  const now = new Map(Object.entries(after));
  return Object.fromEntries(
    Object.entries(before).filter(([key, value]) =>
      key !== "version" && key !== "updatedAt" && !same(value, now.get(key))
    ),
  ) as Partial<T>;
}

interface Rows {
  changes: unknown[];
  tasks: TaskRow[];
  lists: unknown[];
  filters: unknown[];
  profiles: unknown[];
}

function writeRows(tx: Tx, userId: string, rows: Rows, count: number): Promise<unknown> {
  // What nothing is written to is left out: PostgreSQL would open each table and its indexes all the same.
  const parts = [
    rows.profiles.length === 0 ? [] : [tx`, profile as (
      update tasks.profiles p set name = r.name, time_zone = r.time_zone, preferences = r.preferences
      from given, json_to_recordset(given.rows -> 'profiles') as r (name text, time_zone text, preferences jsonb)
      where p.user_id = ${userId}
    )`],
    rows.lists.length === 0 ? [] : [tx`, list as (
      insert into tasks.lists (id, user_id, name, colour, inbox, position, version, created_at, updated_at, deleted_at)
      select r.id, ${userId}, r.name, r.colour, r.inbox, r.position, r.version, r.created_at, r.updated_at, r.deleted_at
      from given, json_populate_recordset(null::tasks.lists, given.rows -> 'lists') as r
      on conflict (id) do update set name = excluded.name, colour = excluded.colour, position = excluded.position,
        version = excluded.version, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at
    )`],
    rows.filters.length === 0 ? [] : [tx`, filter as (
      insert into tasks.filters (id, user_id, name, query, position, version, created_at, updated_at, deleted_at)
      select r.id, ${userId}, r.name, r.query, r.position, r.version, r.created_at, r.updated_at, r.deleted_at
      from given, json_populate_recordset(null::tasks.filters, given.rows -> 'filters') as r
      on conflict (id) do update set name = excluded.name, query = excluded.query, position = excluded.position,
        version = excluded.version, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at
    )`],
    rows.tasks.length === 0 ? [] : [tx`, task as (
      insert into tasks.tasks (id, user_id, list_id, parent_id, title, notes, priority, tags, status, due_date,
        due_time, due_zone, due_at, rule, mode, series_id, occurrence, anchor, scheduled, reminders, position,
        version, created_at, updated_at, completed_at, deleted_at)
      select r.id, ${userId}, r.list_id, r.parent_id, r.title, r.notes, r.priority, r.tags, r.status, r.due_date,
        r.due_time, r.due_zone, r.due_at, r.rule, r.mode, r.series_id, r.occurrence, r.anchor, r.scheduled,
        r.reminders, r.position, r.version, r.created_at, r.updated_at, r.completed_at, r.deleted_at
      from given, json_populate_recordset(null::tasks.tasks, given.rows -> 'tasks') as r
      on conflict (id) do update set list_id = excluded.list_id, parent_id = excluded.parent_id,
        title = excluded.title, notes = excluded.notes, priority = excluded.priority, tags = excluded.tags,
        status = excluded.status, due_date = excluded.due_date, due_time = excluded.due_time,
        due_zone = excluded.due_zone, due_at = excluded.due_at, rule = excluded.rule, mode = excluded.mode,
        series_id = excluded.series_id, occurrence = excluded.occurrence, anchor = excluded.anchor,
        scheduled = excluded.scheduled, reminders = excluded.reminders, position = excluded.position,
        version = excluded.version, updated_at = excluded.updated_at, completed_at = excluded.completed_at,
        deleted_at = excluded.deleted_at
    )`],
  ].flat();
  return tx`
    with given as (
      select ${JSON.stringify(rows)}::text::json as rows
    ), numbered as (
      update tasks.streams set seq = seq + ${count} where user_id = ${userId} returning seq
    )${parts}, change as (
      insert into tasks.changes (user_id, seq, event_id, type, entity_id, at, actor, causation_id, correlation_id,
        before, data)
      select ${userId}, r.seq, r.event_id, r.type, r.entity_id, r.at, r.actor, r.causation_id, r.correlation_id,
        nullif(r.before, 'null'::jsonb), r.data
      from given, json_to_recordset(given.rows -> 'changes') as r (seq bigint, event_id uuid, type text,
        entity_id uuid, at timestamptz, actor jsonb, causation_id uuid, correlation_id text, before jsonb, data jsonb)
    )
    insert into tasks.outbox (user_id, seq, topics, event)
    select ${userId}, r.seq, r.topics, r.event
    from given, json_to_recordset(given.rows -> 'changes') as r (seq bigint, topics text[], event json)
    order by r.seq`.execute();
}

/** A row of `tasks.changes`, or an event that will be one. */
export interface ChangeRow {
  seq: number;
  event_id: string;
  type: ChangeType;
  at: string;
  actor: Actor;
  causation_id: string;
  data: Record<string, unknown>;
}

/** A change as `GET /api/changes` gives it. */
export function toChange(row: ChangeRow): Change {
  const { task, list, filter, profile } = row.data;
  return {
    seq: row.seq,
    eventId: row.event_id,
    type: row.type,
    taskId: typeof task === "object" && task !== null && "id" in task ? String(task.id) : null,
    task: task ?? null,
    ...(list === undefined ? {} : { list }),
    ...(filter === undefined ? {} : { filter }),
    ...(profile === undefined ? {} : { profile }),
    at: row.at,
    actor: row.actor,
    causationId: row.causation_id,
  };
}

/** A row of `tasks.profiles`. */
export interface ProfileRow {
  user_id: string;
  name: string;
  email: string;
  time_zone: string;
  preferences: Profile["preferences"];
}

/** The profile of a row. */
export function toProfile(row: ProfileRow): Profile {
  return {
    id: row.user_id,
    name: row.name,
    email: row.email,
    timeZone: row.time_zone,
    preferences: row.preferences,
  };
}

function listRow(list: List) {
  return {
    id: list.id,
    name: list.name,
    colour: list.colour,
    inbox: list.inbox,
    position: list.position,
    version: list.version,
    created_at: list.createdAt,
    updated_at: list.updatedAt,
    deleted_at: list.deletedAt,
  };
}

function filterRow(filter: Filter) {
  return {
    id: filter.id,
    name: filter.name,
    query: filter.query,
    position: filter.position,
    version: filter.version,
    created_at: filter.createdAt,
    updated_at: filter.updatedAt,
    deleted_at: filter.deletedAt,
  };
}
