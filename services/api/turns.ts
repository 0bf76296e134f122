/** One at a time for each user, before anything that all users share is taken. */
import { ProblemError } from "../shared/http/problem.ts";

/** Runs `work` when everything that was given before it for this user has ended. */
export type Turns = <T>(userId: string, work: () => Promise<T>) => Promise<T>;

/**
 * Queues by user. One user's commands wait for each other anyway; waiting here they hold no connection meanwhile.
 *
 * @param maxWaiting how many of one user wait at most; one more is refused with ProblemError 429
 */
export function createTurns(maxWaiting: number): Turns {
  const users = new Map<string, { last: Promise<unknown>; running: number }>();
  return async (userId, work) => {
    const user = users.get(userId) ?? { last: Promise.resolve(), running: 0 };
    if (user.running > maxWaiting) {
      throw new ProblemError(429, "Too many changes at once: wait for those under way", {
        headers: { "retry-after": "1" },
      });
    }
    users.set(userId, user);
    user.running++;
    const mine = user.last.then(work);
    user.last = mine.catch(() => {});
    try {
      return await mine;
    } finally {
      user.running--;
      if (user.running === 0) users.delete(userId);
    }
  };
}
