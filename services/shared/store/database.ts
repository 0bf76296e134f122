/** Connections to PostgreSQL, one role per service, the user set per transaction for row-level security. */
import postgres from "postgres";
import type { PoolUse } from "../telemetry/metrics.ts";
import { formatArray, parseArray } from "./arrays.ts";
import { splitSocket } from "./socket.ts";

export type Sql = postgres.Sql;
/** Builds statements and runs them: a pool for itself, a transaction as a part of it. */
export type Tx = postgres.ISql;
/** A piece of a statement, to be put into another. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

export interface ConnectOptions {
  /** Its parameter `socket` is the path of a socket that is used instead of TCP. */
  url: string;
  /** The role to act as; absent when the URL's user is that role already. */
  role?: string;
  /** What `pg_stat_activity` shows. */
  name: string;
  /** Connections at most (default 10). */
  max?: number;
  /** The schema that unqualified names mean. */
  searchPath?: string;
  /** True: dates come as `Date`, for a library that wants them so. */
  nativeTypes?: boolean;
  /**
   * True: a commit is not waited for until it is on disk. A crash of PostgreSQL may undo the latest commits then,
   * but none that is older than one that it kept.
   */
  asyncCommit?: boolean;
}

/** The lanes of each pool: reads and writes have their own, so that writes that wait for a lock hold up no read. */
const lanes = new WeakMap<Sql, { reads: Lanes; writes: Lanes; held: () => PoolUse }>();

/** A pool. Dates come back as text (`YYYY-MM-DD`, `HH:MM:SS`, ISO instants), never as `Date`; bigint as number. */
export function connect(options: ConnectOptions): Sql {
  const max = options.max ?? 10;
  const sql = open(options, { max, onnotice: () => {} });
  const make = () =>
    new Lanes(
      (events) => open({ ...options, readOnly: true }, { max: 1, max_lifetime: null, ...events }),
      Math.ceil(max / 2),
    );
  const own = { reads: make(), writes: make(), held: countHeld(sql, max) };
  const endPool = sql.end;
  sql.end = async (how) => void await Promise.all([endPool(how), own.reads.end(), own.writes.end()]);
  lanes.set(sql, own);
  return sql;
}

/**
 * How much of a pool is in use, its lanes apart. Of the pool itself that is transactions and reserved connections: a
 * statement by itself holds one for a moment only. The pool is one that `connect` made.
 */
export function poolUse(sql: Sql): Record<"pool" | "reads" | "writes", () => PoolUse> {
  const { reads, writes, held } = lanesOf(sql);
  return { pool: held, reads: () => reads.use(), writes: () => writes.use() };
}

/** Counts who holds a connection of a pool, or asks for one: the driver does not tell. */
function countHeld(sql: Sql, most: number): () => PoolUse {
  let held = 0;
  const { begin, reserve } = sql;
  sql.begin = (async (...given: Parameters<typeof begin>) => {
    held++;
    try {
      return await begin(...given);
    } finally {
      held--;
    }
  }) as typeof begin;
  sql.reserve = async () => {
    held++;
    try {
      const reserved = await reserve();
      const { release } = reserved;
      reserved.release = () => {
        reserved.release = release;
        held--;
        return release();
      };
      return reserved;
    } catch (cause) {
      held--;
      throw cause;
    }
  };
  return () => ({ used: Math.min(held, most), most, waiting: Math.max(0, held - most) });
}

/** Makes the database of an address whose user may do that, unless it is there. */
export async function createDatabase(url: string): Promise<void> {
  const admin = new URL(url);
  const name = admin.pathname.slice(1);
  admin.pathname = "/postgres";
  const sql = connect({ url: admin.href, name: "create", max: 1 });
  try {
    const [known] = await sql`select 1 from pg_database where datname = ${name}`;
    if (known === undefined) await sql`create database ${sql(name)}`;
  } finally {
    await sql.end();
  }
}

type Settings = Pick<
  postgres.Options<Record<string, postgres.PostgresType>>,
  "max" | "max_lifetime" | "onnotice" | "onclose"
>;
type LaneEvents = Required<Pick<Settings, "onnotice" | "onclose">>;

/** @param options.readOnly what is not in a transaction that says otherwise may only read */
function open(options: ConnectOptions & { readOnly?: boolean }, settings: Settings): Sql {
  const { url, path } = splitSocket(options.url);
  return postgres(url, {
    ...settings,
    path,
    connect_timeout: 10,
    // The driver would ask each new connection for all array types, and end the process when one dies meanwhile.
    fetch_types: options.nativeTypes ?? false,
    connection: {
      application_name: options.name,
      TimeZone: "UTC",
      DateStyle: "ISO, YMD",
      ...(options.role === undefined ? {} : { role: options.role }),
      ...(options.searchPath === undefined ? {} : { search_path: options.searchPath }),
      ...(options.readOnly ? { default_transaction_read_only: true } : {}),
      ...(options.asyncCommit ? { synchronous_commit: "off" } : {}),
    },
    types: options.nativeTypes ? {} : {
      date: { to: 1082, from: [1082], serialize: String, parse: String },
      time: { to: 1083, from: [1083], serialize: String, parse: (text: string) => text.slice(0, 5) },
      timestamptz: { to: 1184, from: [1184], serialize: String, parse: parseInstant },
      texts: { to: 1009, from: [1009], serialize: formatArray, parse: parseArray },
      uuids: { to: 2951, from: [2951], serialize: formatArray, parse: parseArray },
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
    },
  }) as unknown as Sql;
}

/** What PostgreSQL writes of an instant in UTC. */
const STORED_INSTANT = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;

/** PostgreSQL's `2027-01-31 08:00:00.5+00` as RFC 3339 with milliseconds only where there are some. */
export function parseInstant(text: string): string {
  const [, date, time, fraction = ""] = STORED_INSTANT.exec(text) ?? [];
  if (date === undefined) {
    return Temporal.Instant.from(text.replace(" ", "T"))
      .round({ smallestUnit: "millisecond", roundingMode: "trunc" }).toString();
  }
  // A page of tasks has hundreds of them, and this form can be rewritten without reading it.
  const milliseconds = fraction.slice(0, 3).replace(/0+$/, "");
  return `${date}T${time}${milliseconds === "" ? "" : `.${milliseconds}`}Z`;
}

/** Runs `work` in one transaction in which row-level security sees only `userId`. */
export function asUser<T>(
  sql: Sql,
  userId: string,
  work: (tx: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  return sql.begin(async (tx) => {
    // Not awaited before the work: it travels in the same packet as the work's first query, in order.
    const scoped = setUser(tx, userId);
    const [result] = await Promise.all([work(tx), scoped]);
    return result;
  }) as Promise<T>;
}

/**
 * One select for which row-level security sees only `userId`; both travel in one packet, on a connection on which
 * everybody says first who they are. The pool is one that `connect` made.
 */
export async function selectAsUser<T extends readonly (object | undefined)[]>(
  sql: Sql,
  userId: string,
  select: Select<T>,
): Promise<T> {
  return await lanesOf(sql).reads.select(userId, select);
}

/** What a transaction gives, and statements that it has begun (`execute()`) and left for the commit to wait for. */
export interface Finished<T> {
  result: T;
  begun?: readonly Promise<unknown>[];
}

/**
 * One transaction whose begin travels with the first statements of `work`, and whose commit with the last ones. A
 * rejection, of `work` or of what it has begun, undoes it, and so does a connection that is lost meanwhile: this
 * rejects then, whatever `work` made of it. The pool is one that `connect` made.
 */
export async function transact<T>(sql: Sql, work: (tx: Tx) => Promise<Finished<T>>): Promise<T> {
  return await lanesOf(sql).writes.transact(work);
}

function lanesOf(sql: Sql): { reads: Lanes; writes: Lanes; held: () => PoolUse } {
  const own = lanes.get(sql);
  if (own === undefined) throw new Error("Cannot use the pool's lanes as it was not made by connect()");
  return own;
}

/** Points row-level security of this transaction at another user (`*`: every user, for roles whose policies take it). */
export function setUser(tx: Tx, userId: string): Promise<unknown> {
  return tx`select set_config('rondo.user_id', ${userId}, true)`.execute();
}

/** What `setUser` takes in place of one user, where a policy lets a sweep look across them. */
export const EVERY_USER = "*";

/**
 * Waits until nobody else writes this user's rows of a schema, to the end of the transaction. Transactions of a
 * consumer, of a sweep and of a job touch the same rows and the stream in different orders: with this lock first,
 * they can't wait for each other.
 */
export function lockUser(tx: Tx, schema: string, userId: string): Promise<unknown> {
  // Executed here, so that it is sent before whatever the caller sends next without awaiting it.
  return tx`select pg_advisory_xact_lock(hashtext(${schema}), hashtext(${userId}))`.execute();
}

/** As `lockUser`, for many users, in the order of their ids: whoever else locks some of them waits, and is not waited for. */
export function lockUsers(tx: Tx, schema: string, userIds: readonly string[]): Promise<unknown> {
  return tx`
    select pg_advisory_xact_lock(hashtext(${schema}), hashtext(value))
    from (
      select value from json_array_elements_text(${JSON.stringify(userIds.toSorted())}::text::json)
    ) as users`.execute();
}

/** As `lockUser`, for those of many users whom nobody else holds now; waits for none. Gives those it holds then. */
export function tryLockUsers(
  tx: Tx,
  schema: string,
  userIds: readonly string[],
): Promise<readonly { userId: string }[]> {
  return tx<{ userId: string }[]>`
    select value as "userId" from json_array_elements_text(${JSON.stringify(userIds)}::text::json)
    where pg_try_advisory_xact_lock(hashtext(${schema}), hashtext(value))`;
}

/** Makes one select, without sending it. */
export type Select<T extends readonly (object | undefined)[]> = (
  tx: Tx,
) => postgres.PendingQuery<T>;

/** One connection with one transaction at a time. */
interface Lane {
  sql: Sql;
  /** The connection was lost, or PostgreSQL said that a transaction did not begin or end where it should. */
  torn: boolean;
  /** Tells who uses the lane that the connection was lost. */
  tell: ((cause: Error) => void) | null;
}

/** Notices of `begin` inside of a transaction and of `commit` outside of one. */
const TORN = new Set(["25001", "25P01"]);

/**
 * Connections on which statements are sent without waiting for the ones before: the driver keeps their order. A lane
 * serves one caller at a time; one that lost its connection, or whose transaction was torn, is closed and another
 * takes its place.
 */
class Lanes {
  readonly #open: (events: LaneEvents) => Sql;
  readonly #most: number;
  readonly #idle: Lane[] = [];
  readonly #taken = new Set<Lane>();
  readonly #waiting: PromiseWithResolvers<Lane>[] = [];
  #ended = false;

  constructor(open: (events: LaneEvents) => Sql, most: number) {
    this.#open = open;
    this.#most = most;
  }

  async select<T extends readonly (object | undefined)[]>(userId: string, select: Select<T>): Promise<T> {
    const lane = await this.#take();
    let sound = false;
    try {
      const rows = await unlessLost(lane, send(lane, userId, select));
      // A new connection, which the driver may have opened between the two, knows no user.
      if (lane.torn) throw lost();
      sound = true;
      return rows;
    } catch (cause) {
      sound = !lane.torn && isRefusal(cause);
      throw cause;
    } finally {
      this.#give(lane, sound);
    }
  }

  async transact<T>(work: (tx: Tx) => Promise<Finished<T>>): Promise<T> {
    const lane = await this.#take();
    let sound = false;
    try {
      return await unlessLost(lane, run(lane, work, (answered) => sound = answered));
    } finally {
      this.#give(lane, sound && !lane.torn);
    }
  }

  use(): PoolUse {
    return { used: this.#taken.size, most: this.#most, waiting: this.#waiting.length };
  }

  async end(): Promise<void> {
    this.#ended = true;
    for (const { reject } of this.#waiting.splice(0)) reject(ended());
    const open = [...this.#idle.splice(0), ...this.#taken];
    await Promise.all(open.map(({ sql }) => sql.end({ timeout: 5 })));
  }

  async #take(): Promise<Lane> {
    if (this.#ended) throw ended();
    if (this.#idle.length === 0 && this.#taken.size >= this.#most) {
      const turn = Promise.withResolvers<Lane>();
      this.#waiting.push(turn);
      return await turn.promise;
    }
    let lane = this.#idle.pop();
    while (lane?.torn) {
      void lane.sql.end({ timeout: 0 });
      lane = this.#idle.pop();
    }
    lane ??= this.#make();
    this.#taken.add(lane);
    return lane;
  }

  #give(lane: Lane, sound: boolean): void {
    this.#taken.delete(lane);
    if (!sound || this.#ended) void lane.sql.end({ timeout: 0 });
    const next = this.#waiting.shift();
    if (next === undefined) {
      if (sound && !this.#ended) this.#idle.push(lane);
      return;
    }
    const given = sound ? lane : this.#make();
    this.#taken.add(given);
    next.resolve(given);
  }

  #make(): Lane {
    const lane: Lane = {
      torn: false,
      tell: null,
      sql: this.#open({
        onnotice: (notice) => {
          if (TORN.has(String(notice.code))) lane.torn = true;
        },
        onclose: () => {
          lane.torn = true;
          lane.tell?.(lost());
        },
      }),
    };
    return lane;
  }
}

/**
 * The result of `work` on a lane: of a connection that is lost the driver leaves some statements unanswered for ever.
 * No race with a promise of the lane, which would keep every result for as long as the lane lives.
 */
function unlessLost<T>(lane: Lane, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    lane.tell = reject;
    work.then(resolve, reject);
  }).finally(() => lane.tell = null);
}

const lost = (): Error => new Error("Cannot go on as the connection to the database was lost");

/** @param answered told whether PostgreSQL has ended the transaction, one way or the other */
async function run<T>(
  lane: Lane,
  work: (tx: Tx) => Promise<Finished<T>>,
  answered: (is: boolean) => void,
): Promise<T> {
  const { sql } = lane;
  let over = false;
  // Work that failed in one place may still go on in another: the connection is somebody else's by then.
  const tx = new Proxy(sql, {
    apply(target, _this, statement: Parameters<typeof sql>) {
      if (over) throw new Error("Cannot send a statement as its transaction is over");
      // The driver would count it against the statement before it, and never answer this one.
      if (statement.includes(undefined as never)) {
        throw new TypeError("Cannot send a statement as one of its values is undefined");
      }
      return target(...statement);
    },
  });
  // A lane alone can't write: what the driver sends on a new connection, its transaction lost, changes nothing.
  const begin = begun(sql`begin read write`.execute());
  let finished: Finished<T>;
  try {
    finished = await work(tx);
    over = true;
  } catch (cause) {
    over = true;
    await begin;
    await sql`rollback`;
    answered(true);
    // Whatever it says, it had lost its transaction when it said it.
    throw lane.torn ? new Error("Cannot finish a transaction whose connection was lost", { cause }) : cause;
  }
  const commit = begun(sql`commit`.execute());
  const statements = [begin, ...(finished.begun ?? []).map(begun)];
  try {
    // What failed first says why: what comes after it only says that the transaction has failed.
    for (const statement of statements) await statement;
  } finally {
    answered(await commit.then(() => true, () => false));
  }
  const { command } = await commit;
  if (command !== "COMMIT" || lane.torn) throw new Error("Cannot commit a transaction that has failed");
  return finished.result;
}

/** Sends the user and the select as one. The lane's connection keeps the user until the next caller's. */
async function send<T extends readonly (object | undefined)[]>(
  { sql }: Lane,
  userId: string,
  select: Select<T>,
): Promise<T> {
  // Made before anything is sent: a statement that can't be made must not be waited for.
  const query = select(sql);
  const sent = [
    sql`select set_config('rondo.user_id', ${userId}, false)`.execute(),
    query.execute(),
  ] as const;
  try {
    // Whichever fails: a value that can't be sent the driver counts against the statement before it.
    const [, rows] = await Promise.all(sent);
    return rows;
  } catch (cause) {
    if (isRefusal(cause)) await Promise.allSettled(sent);
    throw cause;
  }
}

/** A statement that was sent and is awaited later; until then its failure must not end the process. */
function begun<T extends Promise<unknown>>(statement: T): T {
  statement.catch(() => {});
  return statement;
}

/** Whether PostgreSQL refused a statement and goes on; it says 57P… when it ends the connection. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof postgres.PostgresError && !cause.code.startsWith("57P");
}

const ended = (): Error => new Error("Cannot read as the pool has ended");
