/** What a checker asks of a broker, of whichever one stands behind the runtime. */
import type { Topic } from "../../services/shared/contracts/events.ts";
import type { DeadLetter } from "../../services/shared/runtime/dead_letters.ts";
import { createDeadLetters } from "../../services/shared/runtime/embedded/dead_letters.ts";
import type { Sql } from "../../services/shared/store/database.ts";

/** An event as it lies on a topic. */
export interface BrokerEvent {
  key: string;
  id: string;
  type: string;
  data: unknown;
}

export interface BrokerView {
  /** How many events consumers have not taken; without those of a replica, which nobody catches up on. */
  behind(): Promise<number>;
  /** Everything on these topics, duplicates included. */
  events(topics: readonly Topic[]): Promise<BrokerEvent[]>;
  /** Those that nobody has replayed or dropped. */
  deadLetters(): Promise<DeadLetter[]>;
}

/** More than a run that is worth reading about has. */
export const MOST_LETTERS = 1_000;

/** The broker in the database of the embedded runtime. */
export function embeddedBroker(sql: Sql): BrokerView {
  return {
    async behind() {
      const [row] = await sql<{ behind: number }[]>`
        select coalesce(sum(p.next_offset - o.next_offset), 0)::bigint as behind
        from broker.offsets o join broker.partitions p using (topic, partition)`;
      return row?.behind ?? 0;
    },
    events: async (topics) => [
      ...await sql<BrokerEvent[]>`
        select key, event ->> 'id' as id, event ->> 'type' as type, event -> 'data' as data
        from broker.events where topic = any(${[...topics]})`,
    ],
    deadLetters: () => createDeadLetters(sql, () => {}).list({ limit: MOST_LETTERS }),
  };
}
