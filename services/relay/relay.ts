/**
 * From the outboxes to the broker: in order per key, at least once, acknowledged before deleted. A crash
 * between the acknowledgement and the deletion publishes again; consumers' inboxes make that harmless.
 */
import type { OutboundEvent, Publisher, PublishResult } from "../shared/runtime/ports.ts";
import { gathered } from "../shared/runtime/loop.ts";
import { bounded, pause, reason, Wakeup } from "../shared/runtime/waiting.ts";
import type { SessionLocks } from "../shared/store/session_locks.ts";
import type { Sql } from "../shared/store/database.ts";
import type { Log } from "../shared/telemetry/log.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import { createBuckets } from "./buckets.ts";
import {
  countPending,
  deletePublished,
  type OutboxRow,
  pendingSources,
  readableSources,
  readOutbox,
} from "./outbox.ts";

export interface RelayLoopOptions {
  sql: Sql;
  locks: SessionLocks;
  publisher: Publisher;
  log: Log;
  metrics: Metrics;
  /** Schemas with an outbox. */
  sources: readonly string[];
  /** Milliseconds that one publish may take. */
  publishTimeoutMs: number;
  /** Milliseconds before a key that failed is tried again; doubles up to `maxRetryMs`. */
  retryMs: number;
  maxRetryMs: number;
}

export interface RelayLoop {
  /** Tells that something was written by this process. */
  wake(): void;
  /** Ends what is on its way and gives up the buckets. */
  stop(): Promise<void>;
}

/** A key that goes by itself, because a batch with it was refused, or that stands still since it failed alone. */
interface Apart {
  failures: number;
  /** `performance.now()` before which it is not tried */
  until: number;
}

/** What made the loop look. */
type Prompt = "timer" | "lane" | "wake";

const TOGETHER = 1_000;
const APART = 200;
/** Keys published at a time where each needs a publish of its own. */
const LANES = 32;
/**
 * Over a broker without atomic batches: keys on their way at a time, each with one event, and the publishes that they
 * share. While two are under way the others gather, so that it needs fewer the more there is to do.
 */
const ROUND = { keys: 500, publishes: 2, events: 200 };
/** Acknowledged keys whose rows go in one statement. */
const DELETED_TOGETHER = 500;
/** Keys that must fail in a row, each for the first time, before the broker is taken to be at fault. */
const OUTAGE = 5;
const LONGEST_OUTAGE_PAUSE_MS = 1_000;
const FIRST_POLL_MS = 50;
/**
 * Between two looks that find something, as many events cost hardly more than one: a lone change goes out at once, and
 * a stream of them shares reads, publishes and deletions.
 */
const GATHER_MS = 20;
/** Nobody wakes this relay, so others write: how late it may learn of it. */
const POLL_MS = 100;
/** Whoever writes wakes this relay: the poll is for what a crash left behind. */
const WOKEN_POLL_MS = 1_000;
const BALANCE_MS = 1_000;
const COUNT_MS = 1_000;
const DATABASE_PAUSE_MS = 500;

/** Starts the loop. */
export function startRelayLoop(options: RelayLoopOptions): RelayLoop {
  const { sql, locks, publisher, log, metrics } = options;
  const stopping = new AbortController();
  const never = new AbortController().signal;
  const wakeup = new Wakeup();
  const lanes = new Set<Promise<void>>();
  /** Keys on their way, by source: a key has one lane at a time. */
  const busy = new Map<string, Set<string>>();
  const apart = new Map<string, Map<string, Apart>>();
  /** Sources whose one batch of many keys is on its way. */
  const together = new Set<string>();
  const inRound = gathered({ atOnce: ROUND.publishes, most: ROUND.events, run: publishEach });
  const deletions = new Map(options.sources.map((source) => [
    source,
    gathered({
      atOnce: 1,
      most: DELETED_TOGETHER,
      async run(acknowledged: readonly (readonly OutboxRow[])[]) {
        await deletePublished(sql, source, acknowledged.flat().map((row) => row.id));
        return acknowledged.map(() => {});
      },
    }),
  ]));
  const buckets = createBuckets(locks, async () => void await Promise.allSettled([...lanes]));
  const counted = new Set<string>();
  let readable: readonly string[] = [];
  let alone = 0;
  let failuresInRow = 0;
  let outageUntil = 0;
  let prompt: Prompt = "timer";
  let balanceAt = 0;
  let countAt = 0;
  for (const source of options.sources) {
    busy.set(source, new Set());
    apart.set(source, new Map());
    show(source, { count: 0, oldest: 0 });
  }
  const ended = run();
  return {
    wake() {
      prompt = "wake";
      wakeup.wake();
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };

  async function run(): Promise<void> {
    let poll = FIRST_POLL_MS;
    let longest = POLL_MS;
    while (!stopping.signal.aborted) {
      try {
        await keepShare();
        const by = prompt;
        prompt = "timer";
        const lookedAt = performance.now();
        const found = await look();
        // The latest evidence of who writes decides how often it is worth looking.
        if (by === "wake") longest = WOKEN_POLL_MS;
        else if (by === "timer" && found) longest = POLL_MS;
        poll = found ? FIRST_POLL_MS : Math.min(poll * 1.5, longest);
        await wakeup.wait(stopping.signal, poll);
        if (found) {
          await pause(stopping.signal, lookedAt + GATHER_MS - performance.now());
        }
      } catch (cause) {
        log.warn("the outbox can't be read", { cause });
        await pause(stopping.signal, DATABASE_PAUSE_MS);
      }
    }
    await Promise.allSettled([...lanes]);
    await buckets.release();
  }

  async function keepShare(): Promise<void> {
    const now = performance.now();
    if (now < balanceAt && buckets.owned().length > 0) return;
    await buckets.balance();
    balanceAt = now + BALANCE_MS;
    if (readable.length === options.sources.length) return;
    const found = await readableSources(sql, options.sources);
    if (found.length !== readable.length) log.info("outboxes are relayed", { sources: found });
    readable = found;
  }

  /** Sends off what waits; answers whether anything was found. */
  async function look(): Promise<boolean> {
    const now = performance.now();
    if (now < outageUntil) return false;
    const pending = await pendingSources(sql, readable);
    await count(pending, now);
    const found = await Promise.all(pending.map((source) => send(source, now)));
    return found.includes(true);
  }

  async function send(source: string, now: number): Promise<boolean> {
    const taken = of(busy, source);
    const keysApart = of(apart, source);
    const probing = failuresInRow >= OUTAGE;
    const lanesOpen = publisher.atomicBatches ? LANES : ROUND.keys;
    const room = (probing ? OUTAGE : lanesOpen) - alone;
    const batches = publisher.atomicBatches && !probing;
    const batchFree = batches && !together.has(source);
    if (!batchFree && (room <= 0 || (batches && keysApart.size === 0))) return false;
    const still = [...keysApart].filter(([, { until }]) => until > now).map(([key]) => key);
    const rows = await readOutbox(sql, source, {
      buckets: buckets.owned(),
      without: [...taken, ...still],
      limit: batches || !publisher.atomicBatches ? TOGETHER : APART,
    });
    const keys = [...Map.groupBy(rows, (row) => row.userId)];
    const fresh = batchFree ? keys.filter(([key]) => !keysApart.has(key)) : [];
    if (fresh.length > 0) {
      together.add(source);
      const lane = sendTogether(source, fresh).finally(() => together.delete(source));
      open(source, fresh.map(([key]) => key), lane);
    }
    const single = keys.filter(([key]) => !batches || keysApart.has(key)).slice(0, Math.max(0, room));
    for (const [key, own] of single) {
      alone += 1;
      open(source, [key], sendKey(source, key, own).finally(() => alone -= 1));
    }
    return rows.length > 0;
  }

  function open(source: string, keys: readonly string[], lane: Promise<unknown>): void {
    const taken = of(busy, source);
    for (const key of keys) taken.add(key);
    const tracked = lane.then(() => {}, (cause) => {
      log.warn("published events stay in the outbox and go out again", { source, cause });
    }).finally(() => {
      for (const key of keys) taken.delete(key);
      lanes.delete(tracked);
      if (prompt === "timer") prompt = "lane";
      wakeup.wake();
    });
    lanes.add(tracked);
  }

  /** Many keys in one atomic batch; when it is refused, each of them goes by itself next. */
  async function sendTogether(
    source: string,
    keys: readonly [string, readonly OutboxRow[]][],
  ): Promise<void> {
    const rows = keys.flatMap(([, own]) => own);
    const refused = await publish(rows);
    if (refused === null) return await of(deletions, source)(rows);
    log.warn("a batch was refused; its keys are published one by one", { source, error: refused });
    for (const [key] of keys) of(apart, source).set(key, { failures: 0, until: 0 });
  }

  /** One row after the other, each acknowledged before the next; the first that fails stops the key. */
  async function sendKey(source: string, key: string, rows: readonly OutboxRow[]): Promise<void> {
    if (publisher.atomicBatches && rows.length > 1 && await publish(rows) === null) {
      of(apart, source).delete(key);
      return await of(deletions, source)(rows);
    }
    // A key that failed goes without company: should the broker refuse a whole request for it, others don't suffer.
    const byItself = publisher.atomicBatches || of(apart, source).has(key);
    const deleting: Promise<{ cause: unknown } | null>[] = [];
    let refused: string | null = null;
    for (const row of rows) {
      if (stopping.signal.aborted) break;
      refused = byItself ? await publish([row]) : await inRound(row);
      if (refused !== null) {
        stopKey(source, key, row, refused);
        break;
      }
      brokerAnswered();
      deleting.push(of(deletions, source)([row]).then(() => null, (cause) => ({ cause })));
    }
    if (refused === null) of(apart, source).delete(key);
    const problem = (await Promise.all(deleting)).find((one) => one !== null);
    if (problem) throw problem.cause;
  }

  /** Null when every row was acknowledged, else the first error. */
  async function publish(rows: readonly OutboxRow[]): Promise<string | null> {
    const refused = (await publishEach(rows)).find((error) => error !== null);
    if (refused !== undefined) return refused;
    brokerAnswered();
    return null;
  }

  /** By index: null when a row was acknowledged for each of its topics, else the first error. */
  async function publishEach(rows: readonly OutboxRow[]): Promise<(string | null)[]> {
    const entries = rows.flatMap(({ topics, userId, event }) =>
      topics.map((topic): OutboundEvent => ({ topic, key: userId, event }))
    );
    let results: PublishResult[];
    try {
      // Not cut short by a stop: an answer that comes in time saves a duplicate.
      results = await bounded(
        options.publishTimeoutMs,
        never,
        async (signal) => await publisher.publish(entries, signal),
      );
    } catch (cause) {
      return rows.map(() => reason(cause));
    }
    for (const [index, { topic, event }] of entries.entries()) {
      if (results[index]?.ok) metrics.eventsPublished.inc({ topic, event_type: event.type });
    }
    let from = 0;
    return rows.map(({ topics }) => {
      const own = topics.map((_, n) =>
        results[from + n] ?? { ok: false as const, error: "There was no answer" }
      );
      from += topics.length;
      return own.find((result) => !result.ok)?.error ?? null;
    });
  }

  function brokerAnswered(): void {
    failuresInRow = 0;
    outageUntil = 0;
  }

  function stopKey(source: string, key: string, row: OutboxRow, error: string): void {
    const outage = failuresInRow >= OUTAGE;
    const before = of(apart, source).get(key)?.failures ?? 0;
    // What fails during an outage is not held against the key, which should go out soon after it.
    const failures = outage ? Math.max(before, 1) : before + 1;
    const wait = Math.min(options.retryMs * 2 ** (failures - 1), options.maxRetryMs);
    of(apart, source).set(key, { failures, until: performance.now() + wait });
    log.warn("a key stands still as its next event was not published", {
      source,
      userId: key,
      eventId: row.event.id,
      failures,
      error,
    });
    if (before === 0 || outage) failuresInRow += 1;
    if (failuresInRow >= OUTAGE) {
      // Asks the broker with a few keys now and then, not with all of them.
      const rounds = Math.floor((failuresInRow - OUTAGE) / OUTAGE);
      outageUntil = performance.now() + Math.min(options.retryMs * 2 ** rounds, LONGEST_OUTAGE_PAUSE_MS);
    }
  }

  /** Each relay counts its own buckets, so that the sum over relays is the truth. */
  async function count(pending: readonly string[], now: number): Promise<void> {
    const due = now >= countAt;
    if (due) countAt = now + COUNT_MS;
    for (const source of readable) {
      if (!pending.includes(source)) {
        of(apart, source).clear();
        if (counted.delete(source)) show(source, { count: 0, oldest: 0 });
      } else if (due) {
        counted.add(source);
        show(source, await countPending(sql, source, buckets.owned()));
      }
    }
  }

  function show(source: string, { count, oldest }: { count: number; oldest: number }): void {
    metrics.outboxPending.set({ source }, count);
    metrics.outboxOldest.set({ source }, oldest);
  }
}

function of<T>(all: ReadonlyMap<string, T>, source: string): T {
  const found = all.get(source);
  if (found === undefined) throw new Error(`Cannot relay ${source} as it is no source of this relay`);
  return found;
}
