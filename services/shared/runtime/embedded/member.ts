/** One member of a consumer group at one partition: delivers in order per key, retries, dead-letters. */
import type { Sql } from "../../store/database.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Delivery, Outcome, Subscription } from "../ports.ts";
import type { SessionLocks } from "../../store/session_locks.ts";
import { judge } from "../outcomes.ts";
import { type LogEntry, type PartitionId, read } from "./topic_log.ts";
import { bounded, pause, reason, Wakeup } from "../waiting.ts";

export interface RetryOptions {
  /** Deliveries of one event before it is a dead letter (default 5). */
  attempts: number;
  /** Milliseconds before the second delivery (default 200); doubles each time, so five take 3 s. */
  firstDelayMs: number;
  /** Milliseconds between two deliveries at most (default 5,000). */
  maxDelayMs: number;
  /** Milliseconds that a handler may take for one batch (default 15,000). */
  timeoutMs: number;
}

export interface MemberOptions {
  sql: Sql;
  locks: SessionLocks;
  log: Log;
  metrics: Metrics;
  retry: RetryOptions;
  subscription: Subscription;
  at: PartitionId;
  now(): Temporal.Instant;
  /** Aborts when no more work is to be begun. */
  stopping: AbortSignal;
  /** Aborts when running handlers are to be given up, their work uncommitted. */
  abandoned: AbortSignal;
}

/** A delivery loop. */
export interface Loop {
  readonly at: PartitionId;
  /** The consumer group; null for a broadcast. */
  readonly consumer: string | null;
  /** The offset to be read next. */
  position(): number;
  wake(): void;
  /** Asks for dead letters that are to be delivered again. */
  wakeForReplay(): void;
  /** Settles when the loop has ended. */
  readonly ended: Promise<void>;
}

interface Entry extends LogEntry {
  /** Taken, or a dead letter. */
  settled: boolean;
  /** Was in a batch whose handler failed as a whole: delivered alone, so that it answers only for itself. */
  alone: boolean;
}

/** The event at which a key stands still. */
interface Failure {
  offset: number;
  attempts: number;
  /** `performance.now()` */
  notBefore: number;
}

interface Replay {
  id: string;
  key: string;
  event: unknown;
  attempts: number;
  notBefore: number;
}

interface Letter {
  offset: number;
  key: string;
  event: unknown;
  error: string;
  attempts: number;
}

/** Another member moved this group's offset: this one had lost its lock without noticing. */
class Superseded extends Error {
  override name = "Superseded";
}

/** How far other keys may run ahead of one that stands still. */
const WINDOW = 2_000;
const READ = 500;
const OUTAGE_PAUSE_MS = 500;
/** How long the first event after a rest waits for others: nobody looks at what these consumers do, screens have their own. */
const LINGER_MS = 100;

/** Starts the loop of one member; it waits until no other process has a member at this partition. */
export function startMember(options: MemberOptions): Loop {
  const { sql, locks, log, metrics, retry, subscription, at, stopping, abandoned } = options;
  const { consumer } = subscription;
  const maxBatch = subscription.maxBatch ?? 100;
  const wakeup = new Wakeup();
  let replaysWanted = true;
  let position = 0;
  const ended = run();
  return {
    at,
    consumer,
    position: () => position,
    wake: () => wakeup.wake(),
    wakeForReplay: () => {
      replaysWanted = true;
      wakeup.wake();
    },
    ended,
  };

  async function run(): Promise<void> {
    while (!stopping.aborted) {
      const lease = await locks.take(`rondo.broker/${consumer}/${at.topic}/${at.partition}`, stopping);
      if (lease === null) return;
      const signal = AbortSignal.any([stopping, lease.lost]);
      try {
        await consume(signal);
      } catch (cause) {
        if (!abandoned.aborted) {
          // What was not committed is delivered again from the committed offset.
          log.warn("a consumer starts over", { consumer, ...at, cause });
          await pause(signal, cause instanceof Superseded ? 0 : OUTAGE_PAUSE_MS);
        }
      } finally {
        await lease.release();
      }
    }
  }

  async function consume(signal: AbortSignal): Promise<void> {
    let head = await committedOffset();
    position = head;
    const letters = await lettersFrom(head);
    const window: Entry[] = [];
    const failures = new Map<string, Failure>();
    const replays: Replay[] = [];
    replaysWanted = true;
    let more = true;
    while (!signal.aborted) {
      if (replaysWanted) {
        replaysWanted = false;
        await addReplays(replays);
      }
      await deliverReplays(replays);
      if (signal.aborted) return;
      let { batch, notBefore } = pick(window, failures);
      if (more && batch.length < maxBatch && window.length < WINDOW) {
        const entries = await read(sql, at, position, READ);
        more = entries.length === READ;
        for (const entry of entries) {
          window.push({ ...entry, settled: letters.has(entry.offset), alone: false });
          position = entry.offset + 1;
        }
        ({ batch, notBefore } = pick(window, failures));
      }
      const found = batch.length > 0 ? await attempt(batch, failures) : [];
      const next = advance(window, head);
      if (next > head || found.length > 0) {
        await commit(head, next, found);
        for (const letter of found) report(letter);
        head = next;
      }
      if (batch.length === 0) {
        const due = Math.min(notBefore, ...replays.map((replay) => replay.notBefore));
        await wakeup.wait(signal, due === Infinity ? undefined : due - performance.now());
        // What comes next in these moments goes into the same batch, whose cost is hardly that of one event.
        await pause(signal, LINGER_MS);
        more = true;
      }
    }
  }

  /** The next entries in order, without the keys that stand still. */
  function pick(
    window: readonly Entry[],
    failures: ReadonlyMap<string, Failure>,
  ): { batch: Entry[]; notBefore: number } {
    const now = performance.now();
    const batch: Entry[] = [];
    let notBefore = Infinity;
    for (const entry of window) {
      if (entry.settled) continue;
      const failure = failures.get(entry.key);
      if (failure !== undefined && failure.notBefore > now) {
        notBefore = Math.min(notBefore, failure.notBefore);
        continue;
      }
      if (entry.alone && batch.length > 0) break;
      batch.push(entry);
      if (entry.alone || batch.length === maxBatch) break;
    }
    return { batch, notBefore };
  }

  /** Delivers a batch, settles what came of it, and gives the letters to write. */
  async function attempt(batch: readonly Entry[], failures: Map<string, Failure>): Promise<Letter[]> {
    let outcomes: Outcome[];
    try {
      outcomes = await deliver(batch);
    } catch (cause) {
      abandoned.throwIfAborted();
      if (batch.length > 1) {
        log.warn("a handler failed over a batch; its events are delivered one by one", { consumer, cause });
        for (const entry of batch) entry.alone = true;
        return [];
      }
      outcomes = [{ status: "retry", error: reason(cause) }];
    }
    // A database that does not answer is no fault of the event: this rejects, and attempts are counted anew.
    if (outcomes.some((outcome) => outcome.status === "retry")) await sql`select 1`;
    const verdicts = judge(batch, outcomes, {
      failedBefore(index) {
        const failure = failures.get(batch[index]?.key ?? "");
        return failure !== undefined && failure.offset === batch[index]?.offset ? failure.attempts : 0;
      },
      usedUp: (_index, attempts) => attempts >= retry.attempts,
    });
    const letters: Letter[] = [];
    for (const [index, entry] of batch.entries()) {
      const verdict = verdicts[index];
      if (verdict === undefined || verdict.next === "wait") continue;
      const { offset, key, event } = entry;
      if (verdict.next === "again") {
        const { attempts } = verdict;
        failures.set(key, { offset, attempts, notBefore: retryAt(attempts) });
        continue;
      }
      failures.delete(key);
      entry.settled = true;
      if (verdict.next === "done") continue;
      const { error, attempts } = verdict;
      letters.push({ offset, key, event, error, attempts });
    }
    return letters;
  }

  function retryAt(attempts: number): number {
    return performance.now() + Math.min(retry.firstDelayMs * 2 ** (attempts - 1), retry.maxDelayMs);
  }

  function deliver(batch: readonly { key: string; event: unknown }[]): Promise<Outcome[]> {
    const deliveries: Delivery[] = batch.map(({ key, event }) => ({ topic: at.topic, key, event }));
    return bounded(
      retry.timeoutMs,
      abandoned,
      async (signal) => await subscription.handle(deliveries, signal),
    );
  }

  /** Drops what is settled from the front of the window; the answer is the offset to commit. */
  function advance(window: Entry[], head: number): number {
    const open = window.findIndex((entry) => !entry.settled);
    const done = window.splice(0, open === -1 ? window.length : open);
    const last = done.at(-1);
    return last === undefined ? head : last.offset + 1;
  }

  async function committedOffset(): Promise<number> {
    await sql`
      insert into broker.offsets (consumer, topic, partition) values (${consumer}, ${at.topic}, ${at.partition})
      on conflict do nothing`;
    const [row] = await sql<{ nextOffset: number }[]>`
      select next_offset as "nextOffset" from broker.offsets
      where consumer = ${consumer} and topic = ${at.topic} and partition = ${at.partition}`;
    return row?.nextOffset ?? 0;
  }

  /** Offsets at or after `head` that became letters before a crash could move the offset past them. */
  async function lettersFrom(head: number): Promise<Set<number>> {
    const rows = await sql<{ offset: number }[]>`
      select "offset" from broker.dead_letters
      where consumer = ${consumer} and topic = ${at.topic} and partition = ${at.partition}
        and "offset" >= ${head}`;
    return new Set(rows.map((row) => row.offset));
  }

  /** The letters and the offset behind them in one statement; the offset only moves from where this member knows it. */
  async function commit(from: number, to: number, letters: readonly Letter[]): Promise<void> {
    const [row] = await sql<{ committed: number }[]>`
      with committed as (
        update broker.offsets set next_offset = ${to}
        where consumer = ${consumer} and topic = ${at.topic} and partition = ${at.partition}
          and next_offset = ${from}
        returning 1
      ), letters as (
        insert into broker.dead_letters (topic, partition, "offset", consumer, key, event, error, attempts, at)
        select ${at.topic}, ${at.partition}, l."offset", ${consumer}, l.key, l.event, l.error, l.attempts,
          ${options.now().toString()}
        from json_to_recordset(${JSON.stringify(letters)}::text::json)
          as l ("offset" bigint, key text, event json, error text, attempts integer)
        where exists (select from committed)
        on conflict do nothing
      )
      select count(*) as committed from committed`;
    if (row?.committed !== 1) throw new Superseded(`The offset of ${consumer} is no longer ${from}`);
  }

  function report(letter: Letter): void {
    metrics.deadLetters.inc({ topic: at.topic, consumer });
    log.error("an event became a dead letter", {
      consumer,
      ...at,
      offset: letter.offset,
      attempts: letter.attempts,
      error: letter.error,
    });
  }

  async function addReplays(replays: Replay[]): Promise<void> {
    const rows = await sql<{ id: string; key: string; event: unknown }[]>`
      select id, key, event from broker.dead_letters
      where replaying and consumer = ${consumer} and topic = ${at.topic} and partition = ${at.partition}
      order by "offset"`;
    const known = new Set(replays.map((replay) => replay.id));
    for (const row of rows) {
      if (!known.has(row.id)) replays.push({ ...row, attempts: 0, notBefore: 0 });
    }
  }

  /** Delivers due replays alone, each until it is taken or goes back to the letters with its latest error. */
  async function deliverReplays(replays: Replay[]): Promise<void> {
    for (const replay of [...replays]) {
      if (replay.notBefore > performance.now() || stopping.aborted) continue;
      let outcome: Outcome;
      try {
        outcome = (await deliver([replay]))[0] ?? { status: "retry", error: "The handler gave no outcome" };
      } catch (cause) {
        abandoned.throwIfAborted();
        outcome = { status: "retry", error: reason(cause) };
      }
      replay.attempts += 1;
      if (outcome.status === "retry" && replay.attempts < retry.attempts) {
        replay.notBefore = retryAt(replay.attempts);
        continue;
      }
      if (outcome.status === "ok") {
        await sql`delete from broker.dead_letters where id = ${replay.id}`;
      } else {
        await sql`
          update broker.dead_letters
          set replaying = false, error = ${outcome.error}, attempts = attempts + ${replay.attempts}
          where id = ${replay.id}`;
      }
      replays.splice(replays.indexOf(replay), 1);
    }
  }
}
