/**
 * Names that one process at a time owns: session-level advisory locks of PostgreSQL, held by a connection
 * outside the pool. A killed process loses its connection and with it every name at once, so nobody waits for
 * a lease to run out; a process that merely lost its connection learns it by the lease's `lost`.
 */
import postgres from "postgres";
import type { Sql } from "./database.ts";
import type { Log } from "../telemetry/log.ts";
import { pause, Wakeup } from "../runtime/waiting.ts";

/** A name that is owned until it is released or lost. */
export interface Lease {
  /** Aborts when the connection that held the name is gone: somebody else may own it by now. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface SessionLocksOptions {
  /** A pool whose settings the session's own connection takes over. */
  sql: Sql;
  log: Log;
  /** Held in shared mode by every session of its kind, so that they can be counted. */
  membership: string;
  /** Notifications to listen to. */
  listen?: { channel: string; onNotify(payload: string): void };
}

export interface SessionLocks extends AsyncDisposable {
  /** Waits until `name` is owned; null when `signal` aborts first. */
  take(name: string, signal: AbortSignal): Promise<Lease | null>;
  /** Takes those of `names` that nobody owns, in one round trip. Rejects when the database does not answer. */
  acquire(names: readonly string[]): Promise<Map<string, Lease>>;
  /** How many sessions of this membership there are, this one included. Rejects when the database does not answer. */
  members(): Promise<number>;
  close(): Promise<void>;
}

interface Waiter {
  name: string;
  grant(lease: Lease): void;
}

const FIRST_RETRY_MS = 25;
/** How long a name stays ownerless at most after its owner in another process died. */
const RETRY_MS = 500;

/** Opens a session; it connects at its first use and again whenever the connection was lost. */
export function openSessionLocks(options: SessionLocksOptions): SessionLocks {
  const { log, membership, listen } = options;
  const closing = new AbortController();
  const owned = new Map<string, AbortController>();
  const waiters = new Set<Waiter>();
  const wakeup = new Wakeup();
  let joined: Promise<void> | null = null;

  // The pool would recycle a connection by its age, and the locks with it: as `sql.listen` does, a client of its own.
  const session = postgres({
    ...options.sql.options,
    max: 1,
    idle_timeout: null,
    max_lifetime: null,
    fetch_types: false,
    onclose: lose,
    onnotify: (channel: string, payload: string) => {
      if (channel === listen?.channel) listen.onNotify(payload);
    },
  } as unknown as postgres.Options<Record<string, postgres.PostgresType>>);
  const granting = grantLoop();

  return { take, acquire, members, close, [Symbol.asyncDispose]: close };

  function lose(): void {
    joined = null;
    for (const controller of owned.values()) controller.abort(new Error("The lock session was lost"));
    owned.clear();
    wakeup.wake();
  }

  function join(): Promise<void> {
    joined ??= (async () => {
      // Whoever is gone without a word, as a pod whose network went first, keeps its locks until PostgreSQL asks.
      await session`
        select set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '3', false),
          set_config('tcp_keepalives_count', '3', false)`;
      await session`select pg_advisory_lock_shared(hashtextextended(${membership}, 0))`;
      if (listen !== undefined) await session`listen ${session(listen.channel)}`;
    })().catch((cause) => {
      joined = null;
      throw cause;
    });
    return joined;
  }

  async function acquire(names: readonly string[]): Promise<Map<string, Lease>> {
    const free = [...new Set(names)].filter((name) => !owned.has(name));
    // Advisory locks are counted per session: without this a second taker of this process would get the name too.
    const pending = new Map(free.map((name) => [name, new AbortController()]));
    for (const [name, controller] of pending) owned.set(name, controller);
    try {
      await join();
      const rows = free.length === 0 ? [] : await session<{ name: string; got: boolean }[]>`
        select n.name, pg_try_advisory_lock(hashtextextended(n.name, 0)) as got
        from json_array_elements_text(${JSON.stringify(free)}::text::json) as n (name)`;
      const got = new Set(rows.filter((row) => row.got).map((row) => row.name));
      const leases = new Map<string, Lease>();
      for (const [name, controller] of pending) {
        if (got.has(name)) leases.set(name, lease(name, controller));
        else forget(name, controller);
      }
      return leases;
    } catch (cause) {
      for (const [name, controller] of pending) forget(name, controller);
      throw cause;
    }
  }

  function lease(name: string, controller: AbortController): Lease {
    return {
      lost: controller.signal,
      async release() {
        if (owned.get(name) !== controller) return;
        await session`select pg_advisory_unlock(hashtextextended(${name}, 0))`.catch(() => {});
        forget(name, controller);
        wakeup.wake();
      },
    };
  }

  function forget(name: string, controller: AbortController): void {
    if (owned.get(name) === controller) owned.delete(name);
  }

  async function take(name: string, signal: AbortSignal): Promise<Lease | null> {
    if (signal.aborted || closing.signal.aborted) return null;
    return await new Promise<Lease | null>((resolve) => {
      const end = (answer: Lease | null): void => {
        waiters.delete(waiter);
        signal.removeEventListener("abort", give);
        closing.signal.removeEventListener("abort", give);
        resolve(answer);
      };
      const give = (): void => end(null);
      const waiter: Waiter = { name, grant: end };
      waiters.add(waiter);
      signal.addEventListener("abort", give);
      closing.signal.addEventListener("abort", give);
      wakeup.wake();
    });
  }

  async function grantLoop(): Promise<void> {
    let delay = FIRST_RETRY_MS;
    while (!closing.signal.aborted) {
      // Nobody waits: nothing is asked of the database.
      await wakeup.wait(closing.signal, waiters.size === 0 ? undefined : delay);
      if (waiters.size === 0 || closing.signal.aborted) {
        delay = FIRST_RETRY_MS;
        continue;
      }
      delay = Math.min(delay * 2, RETRY_MS);
      try {
        const leases = await acquire([...waiters].map((waiter) => waiter.name));
        for (const [name, granted] of leases) {
          const waiter = [...waiters].find((candidate) => candidate.name === name);
          if (waiter === undefined) await granted.release();
          else waiter.grant(granted);
        }
      } catch (cause) {
        if (closing.signal.aborted) return;
        log.warn("the lock session does not answer", { cause });
        await pause(closing.signal, RETRY_MS);
      }
    }
  }

  async function members(): Promise<number> {
    await join();
    const [row] = await session<{ count: number }[]>`
      select count(*) as count from pg_locks
      where locktype = 'advisory' and mode = 'ShareLock' and granted and objsubid = 1
        and database = (select oid from pg_database where datname = current_database())
        and ((classid::bigint << 32) | objid::bigint) = hashtextextended(${membership}, 0)`;
    return row?.count ?? 1;
  }

  async function close(): Promise<void> {
    closing.abort();
    await granting;
    await session.end({ timeout: 1 });
  }
}
