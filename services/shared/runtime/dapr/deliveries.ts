/**
 * What the sidecar hands over: batches of one topic, answered entry by entry. An entry that is not taken is asked for
 * again (`RETRY`), and the sidecar waits with everything else until it is settled. So attempts are counted here, and
 * what can't be taken is published to the dead letters here, with its reason, before it is answered as taken. The
 * sidecar's own `DROP` loses an event when its dead-letter topic can't be written, and gives no reason.
 */
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Log } from "../../telemetry/log.ts";
import type { Delivery, Outcome, PublishResult, Subscription } from "../ports.ts";
import { judge, type Verdict } from "../outcomes.ts";
import { bounded, reason } from "../waiting.ts";
import { isMeantFor } from "./dead_letter.ts";

/** One record as the sidecar hands it over. */
export interface Incoming extends Delivery {
  /** What the answer calls it. */
  entryId: string;
  /** The record's headers, and `__key`, `__partition`, `__offset` of its place. */
  metadata: Readonly<Record<string, string>>;
}

const Headers = z.record(z.string(), z.string()).nullish().transform((headers) => headers ?? {});
const Bulk = z.object({
  entries: z.array(z.object({ entryId: z.string(), event: z.unknown(), metadata: Headers })),
});
const Keyed = z.object({ partitionkey: z.string() });

/** A batch, or the one event of a subscription without bulk (`single`). @throws ZodError for anything else */
export function readIncoming(
  topic: string,
  body: unknown,
  headers: globalThis.Headers,
): { entries: Incoming[]; single: boolean } {
  const bulk = Bulk.safeParse(body);
  const single = !bulk.success;
  const entries = bulk.success
    ? bulk.data.entries
    : [{ entryId: "", event: body, metadata: Object.fromEntries(headers) }];
  return {
    single,
    entries: entries.map(({ entryId, event, metadata }) => ({
      ...{ topic, entryId, event, metadata },
      key: metadata.__key ?? Keyed.safeParse(event).data?.partitionkey ?? "",
    })),
  };
}

export interface RetryOptions {
  /** Deliveries of one event before it is a dead letter (default 5). */
  attempts: number;
  /** Milliseconds that a handler may take for one batch (default 5,000). */
  timeoutMs: number;
  /**
   * Milliseconds that a handler may spend on an event that it does not take, and on one delivery in all (default
   * 15,000): the sidecar holds everything else meanwhile.
   */
  budgetMs: number;
}

export interface DeliveriesOptions {
  log: Log;
  retry: RetryOptions;
  /**
   * Answers whether what every handler needs (its database) is there. What fails while it is not is held against
   * no event.
   */
  sound(): Promise<boolean>;
  /** Publishes letters; one result each. */
  bury(letters: readonly Letter[]): Promise<PublishResult[]>;
  /** Aborts when nothing more is to be begun. */
  stopping: AbortSignal;
}

export interface Letter {
  topic: string;
  consumer: string;
  entry: Incoming;
  error: string;
  attempts: number;
}

/** What is known of an event that was not taken. */
interface Failure {
  attempts: number;
  /** How long handlers took to fail over it. */
  spentMs: number;
}

export type Status = "SUCCESS" | "RETRY";

export interface Deliveries {
  /** The status of each entry, by index; `signal` aborts when the sidecar no longer waits for it. */
  take(subscription: Subscription, entries: readonly Incoming[], signal: AbortSignal): Promise<Status[]>;
  /** Shows a broadcast once. */
  show(subscription: Subscription, entries: readonly Incoming[], signal: AbortSignal): Promise<void>;
}

const DEFAULT_BATCH = 100;
/** Events that stand still at a time are few: the sidecar holds the rest. */
const REMEMBERED = 10_000;

export function createDeliveries(options: DeliveriesOptions): Deliveries {
  const { log, retry, sound, bury, stopping } = options;
  const failures = new LRUCache<string, Failure>({ max: REMEMBERED });
  return { take, show };

  async function take(
    subscription: Subscription,
    entries: readonly Incoming[],
    signal: AbortSignal,
  ): Promise<Status[]> {
    const { consumer, maxBatch = DEFAULT_BATCH } = subscription;
    const mine = entries.filter(({ metadata }) => isMeantFor(consumer, metadata));
    const taken = new Set(entries.filter((entry) => !mine.includes(entry)));
    const stopped = new Set<string>();
    const ends = performance.now() + retry.budgetMs;
    const queue = runsOf(mine, maxBatch);
    for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
      const open = run.filter(({ key }) => !stopped.has(key));
      if (open.length === 0) continue;
      if (stopping.aborted || signal.aborted || performance.now() >= ends) break;
      const started = performance.now();
      let outcomes: Outcome[];
      try {
        outcomes = await deliver(subscription, open, signal);
      } catch (cause) {
        if (signal.aborted) break;
        outcomes = open.map(() => ({ status: "retry", error: reason(cause) }));
        if (open.length > 1) {
          if (!await sound()) break;
          log.warn("a handler failed over a batch; its events are delivered one by one", { consumer, cause });
          for (const entry of open) blame(entry, 0, performance.now() - started);
          queue.unshift(...open.map((entry) => [entry]));
          continue;
        }
      }
      const spentMs = performance.now() - started;
      const blameless = outcomes.some(({ status }) => status === "retry") && !await sound();
      const verdicts = judge(open, outcomes, {
        failedBefore: (index) => failureOf(open[index])?.attempts ?? 0,
        usedUp: (index, attempts) =>
          !blameless &&
          (attempts >= retry.attempts ||
            attempts > 1 && (failureOf(open[index])?.spentMs ?? 0) + spentMs >= retry.budgetMs),
      });
      const buried = await buryAll(subscription, open, verdicts);
      for (const [index, entry] of open.entries()) {
        const verdict = verdicts[index];
        if (verdict?.next === "again" && blameless) failures.delete(identityOf(entry));
        else if (verdict?.next === "again") blame(entry, verdict.attempts, spentMs);
        const settled = verdict?.next === "done" || buried.has(entry);
        if (!settled) stopped.add(entry.key);
        if (stopped.has(entry.key)) continue;
        failures.delete(identityOf(entry));
        taken.add(entry);
      }
    }
    return entries.map((entry) => taken.has(entry) ? "SUCCESS" : "RETRY");
  }

  async function show(
    subscription: Subscription,
    entries: readonly Incoming[],
    signal: AbortSignal,
  ): Promise<void> {
    const { consumer, topic, maxBatch = DEFAULT_BATCH } = subscription;
    for (let start = 0; start < entries.length; start += maxBatch) {
      try {
        await deliver(subscription, entries.slice(start, start + maxBatch), signal);
      } catch (cause) {
        log.warn("a broadcast was not taken", { consumer, topic, cause });
      }
    }
  }

  function deliver(
    subscription: Subscription,
    entries: readonly Incoming[],
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const batch = entries.map(({ topic, key, event }): Delivery => ({ topic, key, event }));
    return bounded(retry.timeoutMs, signal, async (limit) => await subscription.handle(batch, limit));
  }

  /** Batches in order; one that has failed before comes alone, so that it answers only for itself. */
  function runsOf(entries: readonly Incoming[], maxBatch: number): Incoming[][] {
    const runs: Incoming[][] = [];
    let open: Incoming[] | null = null;
    for (const entry of entries) {
      if (failureOf(entry) !== undefined) {
        runs.push([entry]);
        open = null;
        continue;
      }
      if (open === null || open.length === maxBatch) runs.push(open = []);
      open.push(entry);
    }
    return runs;
  }

  /** Those that the broker has as dead letters now. */
  async function buryAll(
    { consumer }: Subscription,
    entries: readonly Incoming[],
    verdicts: readonly Verdict[],
  ): Promise<Set<Incoming>> {
    const letters = entries.flatMap((entry, index): Letter[] => {
      const verdict = verdicts[index];
      if (verdict?.next !== "bury") return [];
      return [{ topic: entry.topic, consumer, entry, error: verdict.error, attempts: verdict.attempts }];
    });
    if (letters.length === 0) return new Set();
    const results = await bury(letters);
    return new Set(letters.flatMap(({ entry }, index) => results[index]?.ok ? [entry] : []));
  }

  function blame(entry: Incoming, attempts: number, spentMs: number): void {
    const before = failureOf(entry)?.spentMs ?? 0;
    failures.set(identityOf(entry), { attempts, spentMs: before + spentMs });
  }

  function failureOf(entry: Incoming | undefined): Failure | undefined {
    return entry === undefined ? undefined : failures.get(identityOf(entry));
  }
}

const Identified = z.object({ id: z.string() });

/** The event, wherever it stands: a replay of it is another record. */
function identityOf({ topic, event, metadata }: Incoming): string {
  const id = Identified.safeParse(event).data?.id ?? `${metadata.__partition}/${metadata.__offset}`;
  return `${topic} ${id}`;
}
