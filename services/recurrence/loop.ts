/** Work that is done at once, whenever it is woken, and every so often besides. */
import type { Log } from "../shared/telemetry/log.ts";

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
