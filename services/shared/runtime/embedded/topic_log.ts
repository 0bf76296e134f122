/** The topics as tables: publishers append, loops read from an offset, age prunes. */
import { type Topic, TOPICS } from "../../contracts/events.ts";
import type { Sql } from "../../store/database.ts";
import type { OutboundEvent, PublishResult } from "../ports.ts";

/** One partition of one topic. */
export interface PartitionId {
  topic: string;
  partition: number;
}

/** One event where it stands in its partition. */
export interface LogEntry {
  offset: number;
  key: string;
  event: unknown;
}

/** The partitions of a topic. */
export function partitionsOf(topic: Topic): PartitionId[] {
  return Array.from({ length: TOPICS[topic].partitions }, (_, partition) => ({ topic, partition }));
}

/** The partition of a key: FNV-1a over its UTF-16 units, so that it never depends on the server's version. */
export function partitionOf(topic: Topic, key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % TOPICS[topic].partitions;
}

/** Makes the partitions that are missing. */
export async function ensurePartitions(sql: Sql): Promise<void> {
  const all = (Object.keys(TOPICS) as Topic[]).flatMap(partitionsOf);
  await sql`
    insert into broker.partitions (topic, partition)
    select p.topic, p.partition
    from json_to_recordset(${JSON.stringify(all)}::text::json) as p (topic text, partition integer)
    order by p.topic, p.partition
    on conflict do nothing`;
}

/** Appends a batch in one statement: all of it becomes visible at once, in order, or nothing does. */
export async function append(
  sql: Sql,
  batch: readonly OutboundEvent[],
  now: Temporal.Instant,
): Promise<void> {
  const entries = batch.map(({ topic, key, event }, n) => ({
    n,
    topic,
    partition: partitionOf(topic, key),
    key,
    event,
  }));
  await sql`
    with entry as materialized (
      select e.topic, e.partition, e.key, e.event,
        row_number() over (partition by e.topic, e.partition order by e.n) - 1 as position
      from json_to_recordset(${JSON.stringify(entries)}::text::json)
        as e (n integer, topic text, partition integer, key text, event json)
    ), touched as materialized (
      select topic, partition, count(*) as total from entry group by topic, partition
    ), locked as materialized (
      -- Every publisher locks in the same order, so two of them never wait for each other.
      select p.topic, p.partition, p.next_offset, t.total
      from broker.partitions as p join touched as t using (topic, partition)
      order by p.topic, p.partition
      for update of p
    ), moved as (
      update broker.partitions as p set next_offset = l.next_offset + l.total
      from locked as l where p.topic = l.topic and p.partition = l.partition
    )
    insert into broker.events (topic, partition, "offset", key, event, at)
    select e.topic, e.partition, l.next_offset + e.position, e.key, e.event, ${now.toString()}
    from entry as e join locked as l using (topic, partition)`;
}

/** Why an entry can't be published whatever the state of the broker, or null. */
export function refusal(entry: OutboundEvent): string | null {
  if (!Object.hasOwn(TOPICS, entry.topic)) return `Cannot publish as there is no topic ${entry.topic}`;
  if (entry.key === "") return "Cannot publish as the key is empty";
  return null;
}

/** The same answer for every entry. */
export function answerAll(batch: readonly OutboundEvent[], result: PublishResult): PublishResult[] {
  return batch.map(() => result);
}

/** Reads at most `limit` entries at or after an offset, in order. */
export async function read(sql: Sql, at: PartitionId, offset: number, limit: number): Promise<LogEntry[]> {
  return await sql<LogEntry[]>`
    select "offset", key, event from broker.events
    where topic = ${at.topic} and partition = ${at.partition} and "offset" >= ${offset}
    order by "offset" limit ${limit}`;
}

/** The offsets that the next events of a topic will get, by partition. */
export async function heads(sql: Sql, topic: Topic): Promise<Map<number, number>> {
  const rows = await sql<{ partition: number; nextOffset: number }[]>`
    select partition, next_offset as "nextOffset" from broker.partitions where topic = ${topic}`;
  return new Map(rows.map((row) => [row.partition, row.nextOffset]));
}

/** What `prune` removed. `unread` were never taken by some consumer group that is known. */
export interface Pruned {
  events: number;
  unread: number;
}

const PRUNE_CHUNK = 5_000;
/** Dead letters outlive their events: an operator may be on holiday. */
const DEAD_LETTER_RETENTION = Temporal.Duration.from({ hours: 30 * 24 });

/**
 * Removes events older than their topic's retention, oldest first in short statements, then dead letters and
 * state that are over. A topic's retention outweighs a consumer group that is behind, as in Kafka.
 */
export async function prune(sql: Sql, now: Temporal.Instant): Promise<Pruned> {
  const pruned: Pruned = { events: 0, unread: 0 };
  for (const topic of Object.keys(TOPICS) as Topic[]) {
    const cutoff = now.subtract({ milliseconds: TOPICS[topic].retentionMs }).toString();
    for (const { partition } of partitionsOf(topic)) {
      let removed: number;
      do {
        const [row] = await sql<{ removed: number; unread: number }[]>`
          with old as (
            select "offset" from (
              select "offset", at from broker.events
              where topic = ${topic} and partition = ${partition}
              order by "offset" limit ${PRUNE_CHUNK}
            ) as oldest where at < ${cutoff}
          ), removed as (
            delete from broker.events
            where topic = ${topic} and partition = ${partition} and "offset" in (select "offset" from old)
            returning "offset"
          ), taken as (
            select min(next_offset) as next_offset from broker.offsets
            where topic = ${topic} and partition = ${partition}
          )
          select count(*) as removed, count(*) filter (where "offset" >= taken.next_offset) as unread
          from removed cross join taken`;
        removed = row?.removed ?? 0;
        pruned.events += removed;
        pruned.unread += row?.unread ?? 0;
      } while (removed === PRUNE_CHUNK);
    }
  }
  await sql`delete from broker.dead_letters where at < ${now.subtract(DEAD_LETTER_RETENTION).toString()}`;
  await sql`delete from broker.state where expires_at < ${now.toString()}`;
  return pruned;
}
