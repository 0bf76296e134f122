/** A service's state, one row per key. */
import type { Clock } from "../../domain/time.ts";
import type { Sql } from "../../store/database.ts";
import type { StateStore } from "../ports.ts";

/** The state of one service; another service's keys are out of its reach. */
export function createState(sql: Sql, service: string, clock: Clock): StateStore {
  return {
    async get(key) {
      const [row] = await sql<{ value: unknown; etag: string }[]>`
        select value, etag from broker.state
        where service = ${service} and key = ${key}
          and (expires_at is null or expires_at > ${clock.now().toString()})`;
      return row === undefined ? null : { value: row.value, etag: row.etag };
    },

    async set(key, value, { etag, ttlSeconds } = {}) {
      const now = clock.now();
      const text = JSON.stringify(value ?? null);
      const expiresAt = ttlSeconds === undefined
        ? null
        : now.add({ milliseconds: Math.round(ttlSeconds * 1_000) }).toString();
      const written = etag === undefined || etag === null
        ? await sql`
          insert into broker.state as known (service, key, value, expires_at)
          values (${service}, ${key}, ${text}::text::json, ${expiresAt})
          on conflict (service, key) do update
          set value = excluded.value, etag = excluded.etag, expires_at = excluded.expires_at
          where ${etag === undefined} or known.expires_at <= ${now.toString()}
          returning 1`
        : await sql`
          update broker.state
          set value = ${text}::text::json, etag = gen_random_uuid(), expires_at = ${expiresAt}
          where service = ${service} and key = ${key} and etag::text = ${etag}
            and (expires_at is null or expires_at > ${now.toString()})
          returning 1`;
      return written.length > 0;
    },

    async delete(key) {
      await sql`delete from broker.state where service = ${service} and key = ${key}`;
    },
  };
}
