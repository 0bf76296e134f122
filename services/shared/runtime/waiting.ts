/** How loops wait: until something wakes them, a time has passed, or they are told to stop. */

/** A wake-up that is remembered until the next wait, so that none is lost while the loop is at work. */
export class Wakeup {
  #pending = false;
  #resolve: (() => void) | null = null;

  wake(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Answers on `wake()`, after `ms` milliseconds (absent: never), or when `signal` aborts. */
  async wait(signal: AbortSignal, ms?: number): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(end, Math.max(0, ms));
        function end(): void {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        }
        signal.addEventListener("abort", end);
        this.#resolve = end;
      });
      this.#resolve = null;
    }
    this.#pending = false;
  }
}

/** Answers after `ms` milliseconds, or when `signal` aborts. */
export function pause(signal: AbortSignal, ms: number): Promise<void> {
  return new Wakeup().wait(signal, ms);
}

/**
 * Runs `work` for at most `ms` milliseconds and no longer than `parent` lasts; its signal aborts then, and the
 * answer does not wait for work that ignores it.
 *
 * @throws the signal's reason, a `TimeoutError` when the time is over
 */
export async function bounded<T>(
  ms: number,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException(`There was no answer within ${ms} ms`, "TimeoutError")),
    ms,
  );
  const follow = (): void => controller.abort(parent.reason);
  parent.addEventListener("abort", follow);
  try {
    parent.throwIfAborted();
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
      work(controller.signal).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    parent.removeEventListener("abort", follow);
  }
}

/** What a failure says, in one line. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
}
