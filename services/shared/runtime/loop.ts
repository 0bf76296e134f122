/** How background work runs: again and again, and several at a time. */
import { setImmediate } from "node:timers";
import type { Log } from "../telemetry/log.ts";

export interface Loop {
  start(): void;
  /** Asks for one more run after the one that may be under way; many calls become one run. */
  wake(): void;
  /** Ends when the last run did. */
  stop(): Promise<void>;
}

/** A loop that never runs twice at a time; a run that fails is logged and comes again. */
export function createLoop(options: { everyMs: number; log: Log; run(): Promise<void> }): Loop {
  let timer: ReturnType<typeof setInterval> | null = null;
  let waiting = false;
  let running: Promise<void> = Promise.resolve();
  function wake(): void {
    if (timer === null || waiting) return;
    waiting = true;
    running = running.then(() => {
      waiting = false;
      return timer === null ? undefined : options.run();
    }).catch((cause) => options.log.warn("a run failed; it comes again", { cause }));
  }
  return {
    wake,
    start() {
      timer ??= setInterval(wake, options.everyMs);
      wake();
    },
    async stop() {
      if (timer !== null) clearInterval(timer);
      timer = null;
      await running;
    },
  };
}

export interface GatherOptions<T, R> {
  /** Runs at a time. */
  atOnce: number;
  /** Items of one run at most. */
  most: number;
  /** One result per item, by index; a rejection is every item's. */
  run(items: readonly T[]): Promise<readonly R[]>;
}

/** Calls with one item each, gathered: what comes while runs are under way goes together into the next one. */
export function gathered<T, R>(options: GatherOptions<T, R>): (item: T) => Promise<R> {
  const { atOnce, most, run } = options;
  const waiting: { item: T; settle: PromiseWithResolvers<R> }[] = [];
  let running = 0;
  let called = false;

  /** Not before everybody who goes on from the last run has had the chance to call. */
  function call(): void {
    if (called || waiting.length === 0 || running === atOnce) return;
    called = true;
    setImmediate(() => {
      called = false;
      void next();
      call();
    });
  }

  async function next(): Promise<void> {
    const batch = waiting.splice(0, most);
    running += 1;
    try {
      const results = await run(batch.map(({ item }) => item));
      for (const [index, { settle }] of batch.entries()) settle.resolve(results[index] as R);
    } catch (cause) {
      for (const { settle } of batch) settle.reject(cause);
    }
    running -= 1;
    call();
  }

  return (item) => {
    const settle = Promise.withResolvers<R>();
    waiting.push({ item, settle });
    call();
    return settle.promise;
  };
}

/** The results of all, once none runs any more; rejects as the first of them did, in their order. */
export async function settled<T>(all: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(all);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Does `work` for each item, at most `limit` at a time; after a failure it begins no more, and rejects with it. */
export async function forEachLimited<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failed = false;
  await settled(Array.from({ length: limit }, async () => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next()) {
      try {
        await work(next.value);
      } catch (cause) {
        failed = true;
        throw cause;
      }
    }
  }));
}
