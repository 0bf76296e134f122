/** What an operator does with dead letters. A replay is done by whichever process has the consumer. */
import type { Sql } from "../../store/database.ts";
import type { DeadLetter, DeadLetters } from "../dead_letters.ts";

const DEFAULT_LIMIT = 100;

/** @param requested called when a replay is wanted, to wake the consumer */
export function createDeadLetters(sql: Sql, requested: (letter: { consumer: string }) => void): DeadLetters {
  return {
    async list({ topic, limit = DEFAULT_LIMIT } = {}) {
      const rows = await sql<(Omit<DeadLetter, "at"> & { at: string })[]>`
        select id, topic, consumer, key, event, error, at from broker.dead_letters
        where not replaying and (${topic ?? null}::text is null or topic = ${topic ?? null})
        order by at desc, "offset" desc limit ${limit}`;
      return rows.map((row) => ({ ...row, at: Temporal.Instant.from(row.at) }));
    },

    async replay(id) {
      const [letter] = await sql<{ consumer: string }[]>`
        update broker.dead_letters set replaying = true where id::text = ${id} and not replaying
        returning consumer`;
      if (letter === undefined) return false;
      requested(letter);
      return true;
    },

    async drop(id) {
      const dropped = await sql`
        delete from broker.dead_letters where id::text = ${id} and not replaying returning 1`;
      return dropped.length > 0;
    },
  };
}
