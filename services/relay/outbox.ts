/** What the relay reads and deletes: the outboxes of the schemas that grant it that. */
import type { Envelope, Topic } from "../shared/contracts/events.ts";
import type { Sql } from "../shared/store/database.ts";

/** Keys fall into this many buckets; one relay at a time owns a bucket. */
export const BUCKETS = 16;

export interface OutboxRow {
  id: number;
  /** The ordering key. */
  userId: string;
  topics: Topic[];
  event: Envelope;
}

/** Those of `sources` whose outbox exists and may be read and deleted from. */
export async function readableSources(sql: Sql, sources: readonly string[]): Promise<string[]> {
  const rows = await sql<{ source: string }[]>`
    select n.nspname as source
    from pg_namespace as n join pg_class as c on c.relnamespace = n.oid and c.relname = 'outbox'
    where n.nspname in (select value from json_array_elements_text(${JSON.stringify(sources)}::text::json))
      and has_schema_privilege(n.oid, 'usage')
      and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'delete')`;
  const readable = new Set(rows.map((row) => row.source));
  return sources.filter((source) => readable.has(source));
}

/** Those of `sources` that have something to publish: the whole cost of an idle relay. */
export async function pendingSources(sql: Sql, sources: readonly string[]): Promise<string[]> {
  const [first, ...rest] = sources.map((source) =>
    sql`select ${source}::text as source where exists (select from ${sql(source)}.outbox)`
  );
  if (first === undefined) return [];
  const query = rest.reduce((all, one) => sql`${all} union all ${one}`, first);
  const rows = await sql<{ source: string }[]>`${query}`;
  return rows.map((row) => row.source);
}

export interface ReadOptions {
  buckets: readonly number[];
  /** Keys to leave out: they are on their way, or stand still after a failure. */
  without: readonly string[];
  limit: number;
}

/**
 * The oldest rows of these buckets. A user's rows get their ids under the lock of the user's stream, so ids
 * are in commit order for each user, and no row of a user appears below one that was read.
 */
export async function readOutbox(sql: Sql, source: string, options: ReadOptions): Promise<OutboxRow[]> {
  return await sql<OutboxRow[]>`
    select id, user_id as "userId", topics, event from ${sql(source)}.outbox
    where ${inBuckets(sql, options.buckets)}
      and user_id not in (
        select value::uuid from json_array_elements_text(${JSON.stringify(options.without)}::text::json)
      )
    order by id limit ${options.limit}`;
}

export async function deletePublished(sql: Sql, source: string, ids: readonly number[]): Promise<void> {
  await sql`
    delete from ${sql(source)}.outbox
    where id = any (array(
      select value::bigint from json_array_elements_text(${JSON.stringify(ids)}::text::json)
    ))`;
}

/** How many rows of these buckets wait, and for how many seconds the oldest has. */
export async function countPending(
  sql: Sql,
  source: string,
  buckets: readonly number[],
): Promise<{ count: number; oldest: number }> {
  const [row] = await sql<{ count: number; oldest: number }[]>`
    select count(*) as count,
      coalesce(greatest(0, extract(epoch from clock_timestamp() - min(created_at))), 0)::float8 as oldest
    from ${sql(source)}.outbox where ${inBuckets(sql, buckets)}`;
  return row ?? { count: 0, oldest: 0 };
}

/** The last byte of a UUID is random in every version that is used; it needs no function that a release may change. */
function inBuckets(sql: Sql, buckets: readonly number[]) {
  return sql`get_byte(uuid_send(user_id), 15) % ${BUCKETS} in (
    select value::integer from json_array_elements_text(${JSON.stringify(buckets)}::text::json)
  )`;
}
