/** Which key buckets this relay owns: a fair share among the relays that run, moved without overlap. */
import type { Lease, SessionLocks } from "../shared/store/session_locks.ts";
import { BUCKETS } from "./outbox.ts";

export interface Buckets {
  /** The buckets to read from now. */
  owned(): number[];
  /** Takes or gives up buckets until this relay has its share. Rejects when the database does not answer. */
  balance(): Promise<void>;
  /** Gives up all. */
  release(): Promise<void>;
}

const nameOf = (bucket: number): string => `rondo.relay/bucket/${bucket}`;

/**
 * @param settle answers when nothing that was read so far is on its way any more: only then may another relay
 *   read a bucket that was given up
 */
export function createBuckets(locks: SessionLocks, settle: () => Promise<void>): Buckets {
  const leases = new Map<number, Lease>();
  return { owned, balance, release };

  function owned(): number[] {
    for (const [bucket, lease] of leases) if (lease.lost.aborted) leases.delete(bucket);
    return [...leases.keys()];
  }

  async function balance(): Promise<void> {
    const share = Math.ceil(BUCKETS / await locks.members());
    const mine = owned();
    if (mine.length > share) await giveUp(mine.slice(share));
    if (mine.length >= share) return;
    const free = Array.from({ length: BUCKETS }, (_, bucket) => bucket).filter((bucket) =>
      !leases.has(bucket)
    );
    // Names are asked for until the share is full, so that two relays that start at once do not take all.
    const wanted = share - mine.length;
    for (let start = 0; start < free.length && leases.size < share; start += wanted) {
      const granted = await locks.acquire(free.slice(start, start + wanted).map(nameOf));
      for (const bucket of free) {
        const lease = granted.get(nameOf(bucket));
        if (lease !== undefined) leases.set(bucket, lease);
      }
    }
    await giveUp(owned().slice(share));
  }

  async function giveUp(buckets: readonly number[]): Promise<void> {
    if (buckets.length === 0) return;
    const given = buckets.flatMap((bucket) => leases.get(bucket) ?? []);
    for (const bucket of buckets) leases.delete(bucket);
    await settle();
    await Promise.all(given.map((lease) => lease.release()));
  }

  async function release(): Promise<void> {
    await giveUp(owned());
  }
}
