/** Jobs of one service: rows in a table, fired by the one process that owns the service's jobs at the time. */
import type { Clock } from "../../domain/time.ts";
import type { Sql } from "../../store/database.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Job } from "../ports.ts";
import type { SessionLocks } from "../../store/session_locks.ts";
import { bounded, pause, Wakeup } from "../waiting.ts";

export type JobHandler = (job: Job, signal: AbortSignal) => Promise<void>;

/** Writes a job, over one of the same name. */
export async function writeJob(
  sql: Sql,
  service: string,
  job: Job & { dueAt: Temporal.Instant },
): Promise<void> {
  await sql`
    insert into broker.jobs (service, name, due_at, data)
    values (${service}, ${job.name}, ${job.dueAt.toString()}, ${JSON.stringify(job.data)}::text::json)
    on conflict (service, name) do update
    set due_at = excluded.due_at, data = excluded.data, attempts = 0, version = excluded.version`;
}

export async function deleteJob(sql: Sql, service: string, name: string): Promise<void> {
  await sql`delete from broker.jobs where service = ${service} and name = ${name}`;
}

export interface JobRunnerOptions {
  sql: Sql;
  locks: SessionLocks;
  log: Log;
  clock: Clock;
  service: string;
  handler: JobHandler;
  /** Milliseconds between two attempts. */
  retryMs: number;
  /** Milliseconds that one run may take. */
  timeoutMs: number;
  stopping: AbortSignal;
  abandoned: AbortSignal;
}

export interface JobRunner {
  readonly service: string;
  /** Tells of a job due at that time; the runner looks when it would have slept past it. */
  due(at: Temporal.Instant): void;
  readonly ended: Promise<void>;
}

interface JobRow {
  name: string;
  dueAt: string;
  data: Record<string, unknown>;
  version: string;
}

const CONCURRENCY = 32;
/** A timer's range is 24 days, and the machine may sleep meanwhile: look once an hour at least. */
const LONGEST_SLEEP_MS = 3_600_000;
const OUTAGE_PAUSE_MS = 500;

/**
 * Starts the runner. It owns all jobs of its service and knows in memory which run, so a job holds no lock and
 * no lease while it runs: its handler may schedule or cancel that very job, and after a crash the next owner
 * fires it at once.
 */
export function startJobRunner(options: JobRunnerOptions): JobRunner {
  const { sql, locks, log, clock, service, handler, retryMs, timeoutMs, stopping, abandoned } = options;
  const wakeup = new Wakeup();
  const running = new Map<string, Promise<void>>();
  /** Null: it is looking, or will when a run ends. */
  let sleepsUntil: Temporal.Instant | null = null;
  return {
    service,
    due(at) {
      if (sleepsUntil === null || Temporal.Instant.compare(at, sleepsUntil) < 0) wakeup.wake();
    },
    ended: run(),
  };

  async function run(): Promise<void> {
    while (!stopping.aborted) {
      const lease = await locks.take(`rondo.broker/jobs/${service}`, stopping);
      if (lease === null) break;
      const signal = AbortSignal.any([stopping, lease.lost]);
      try {
        while (!signal.aborted) await step(signal);
        await Promise.all(running.values());
      } catch (cause) {
        log.warn("the jobs start over", { jobsOf: service, cause });
        await pause(signal, OUTAGE_PAUSE_MS);
      } finally {
        await lease.release();
      }
    }
    await Promise.all(running.values());
  }

  /** Fires what is due as far as there is room, then waits for the next due time, a wake-up or the end of a run. */
  async function step(signal: AbortSignal): Promise<void> {
    sleepsUntil = null;
    const room = CONCURRENCY - running.size;
    if (room === 0) return await wakeup.wait(signal);
    const rows = await sql<JobRow[]>`
      select name, due_at as "dueAt", data, version from broker.jobs
      where service = ${service}
        and name not in (
          select value from json_array_elements_text(${JSON.stringify([...running.keys()])}::text::json)
        )
      order by due_at limit ${room + 1}`;
    if (signal.aborted) return;
    const now = clock.now();
    for (const row of rows) {
      const dueAt = Temporal.Instant.from(row.dueAt);
      if (Temporal.Instant.compare(dueAt, now) > 0) {
        sleepsUntil = dueAt;
        // A timer may fire a moment early: the extra millisecond saves a second look.
        const sleep = Math.ceil(dueAt.since(now).total("milliseconds")) + 1;
        return await wakeup.wait(signal, Math.min(sleep, LONGEST_SLEEP_MS));
      }
      if (running.size === CONCURRENCY) return await wakeup.wait(signal);
      fire(row);
    }
    sleepsUntil = now.add({ milliseconds: LONGEST_SLEEP_MS });
    await wakeup.wait(signal, LONGEST_SLEEP_MS);
  }

  function fire(row: JobRow): void {
    const done = attempt(row).catch((cause) => {
      if (!abandoned.aborted) {
        log.warn("a job's end was not recorded; it runs again", { job: row.name, cause });
      }
    }).finally(() => {
      running.delete(row.name);
      wakeup.wake();
    });
    running.set(row.name, done);
  }

  async function attempt({ name, data, version }: JobRow): Promise<void> {
    try {
      await bounded(timeoutMs, abandoned, async (signal) => await handler({ name, data }, signal));
    } catch (cause) {
      abandoned.throwIfAborted();
      log.warn("a job failed and is tried again", { job: name, cause });
      const again = clock.now().add({ milliseconds: retryMs }).toString();
      await sql`
        update broker.jobs set due_at = ${again}, attempts = attempts + 1
        where service = ${service} and name = ${name} and version = ${version}`;
      return;
    }
    await sql`
      delete from broker.jobs where service = ${service} and name = ${name} and version = ${version}`;
  }
}
