/**
 * The chain: each entry's hash covers the one before it, so no entry can be changed, taken out or put elsewhere
 * without every later hash telling.
 *
 * `hash = SHA-256(prevHash || canonical)` in lower-case hex, where `canonical` is the entry as RFC 8785 canonical
 * JSON with the members of `Entry`. The first entry's `prevHash` is the genesis of its user,
 * `SHA-256("rondo audit v1 " || userId)`, so a chain can't be passed off as another user's.
 */
import { createHash } from "node:crypto";
import { canonicalize } from "json-canonicalize";

/** What an entry's hash covers. */
export interface Entry {
  userId: string;
  /** From 1, without holes. */
  n: number;
  eventId: string;
  type: string;
  /** RFC 3339 in UTC with milliseconds only where there are some */
  at: string;
  actor: unknown;
  taskId: string | null;
  correlationId: string;
  causationId: string;
  before: unknown;
  after: unknown;
}

/** An entry as it is stored. */
export interface LinkedEntry extends Entry {
  prevHash: string;
  hash: string;
}

export interface Head {
  n: number;
  hash: string;
}

/** The head of a chain that has no entry yet. */
export function genesis(userId: string): Head {
  return { n: 0, hash: sha256(`rondo audit v1 ${userId}`) };
}

/** The entry's hash, in hex. */
export function hashOf(prevHash: string, entry: Entry): string {
  const { userId, n, eventId, type, at, actor, taskId, correlationId, causationId, before, after } = entry;
  return sha256(
    prevHash +
      canonicalize({
        userId,
        n,
        eventId,
        type,
        at,
        actor,
        taskId,
        correlationId,
        causationId,
        before,
        after,
      }),
  );
}

/** What verifying found: the number of the first entry that is not as it was written, or null. */
export interface Verdict {
  ok: boolean;
  /** Entries that were looked at. */
  checked: number;
  firstBroken: number | null;
}

/**
 * Walks a user's entries in ascending order against the stored head (null: there is none).
 *
 * A missing entry is the first broken one, and so is the one after the last when the head tells of more.
 */
export async function verifyChain(
  userId: string,
  pages: AsyncIterable<readonly LinkedEntry[]>,
  head: Head | null,
): Promise<Verdict> {
  let last = genesis(userId);
  let checked = 0;
  const broken = (n: number): Verdict => ({ ok: false, checked, firstBroken: n });
  for await (const page of pages) {
    for (const entry of page) {
      checked++;
      const expected = last.n + 1;
      if (entry.n !== expected || entry.prevHash !== last.hash || entry.hash !== hashOf(last.hash, entry)) {
        return broken(expected);
      }
      last = { n: entry.n, hash: entry.hash };
    }
  }
  const stored = head ?? genesis(userId);
  if (stored.n !== last.n) return broken(Math.min(stored.n, last.n) + 1);
  if (stored.hash !== last.hash) return broken(Math.max(last.n, 1));
  return { ok: true, checked, firstBroken: null };
}

const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("hex");
