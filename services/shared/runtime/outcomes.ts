/** What the outcomes of a batch mean for each of its deliveries; the same over every broker. */
import type { Outcome } from "./ports.ts";

export type Verdict =
  | { next: "done" }
  /** One of its key before it stands still or has just been given up: no attempt of its own. */
  | { next: "wait" }
  | { next: "again"; attempts: number }
  /** A dead letter. */
  | { next: "bury"; attempts: number; error: string };

export interface JudgeOptions {
  /** Failed attempts of the delivery at this index before this one. */
  failedBefore(index: number): number;
  /** Whether so many failed attempts are enough. */
  usedUp(index: number, attempts: number): boolean;
}

/** One verdict per delivery, by index; a missing outcome is `retry`. */
export function judge(
  batch: readonly { key: string }[],
  outcomes: readonly Outcome[],
  options: JudgeOptions,
): Verdict[] {
  const stopped = new Set<string>();
  const freed = new Set<string>();
  return batch.map(({ key }, index): Verdict => {
    const outcome = outcomes[index] ?? { status: "retry", error: "The handler gave no outcome" };
    // Refused because of one before it, which stands still or became a letter.
    if (outcome.status === "retry" && freed.has(key)) stopped.add(key);
    if (stopped.has(key)) return { next: "wait" };
    if (outcome.status === "ok") return { next: "done" };
    const attempts = options.failedBefore(index) + 1;
    if (outcome.status === "retry" && !options.usedUp(index, attempts)) {
      stopped.add(key);
      return { next: "again", attempts };
    }
    freed.add(key);
    return { next: "bury", attempts, error: outcome.error };
  });
}
