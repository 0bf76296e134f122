/** How background work runs: again and again, and several at a time. */
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

/** Does `work` for each item, at most `limit` at a time; after a failure it begins no more, and rejects with it. */
export async function forEachLimited<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failed = false;
  const workers = await Promise.allSettled(Array.from({ length: limit }, async () => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next()) {
      try {
        await work(next.value);
      } catch (cause) {
        failed = true;
        throw cause;
      }
    }
  }));
  const rejected = workers.find((worker) => worker.status === "rejected");
  if (rejected !== undefined) throw rejected.reason;
}
