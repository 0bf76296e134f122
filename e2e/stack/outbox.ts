/** Events in the api's outbox, as if it had written them. */
import type { Topic } from "../../services/shared/contracts/events.ts";
import { someEvents } from "../../services/shared/runtime/contract_suite.ts";
import type { Sql } from "../../services/shared/store/database.ts";

export interface WriteOptions {
  /** Events of each user. */
  count: number;
  /** The number of the first (default 1). */
  from?: number;
  /** Default: the two that tell of tasks. */
  topics?: readonly Topic[];
}

/** Writes numbered events of each user, the users' rows mixed. */
export async function writeOutbox(
  admin: Sql,
  users: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const { count, from = 1, topics = ["task-events", "task-updates"] } = options;
  const events = new Map(users.map((user) => [user, someEvents(from + count - 1, user)]));
  const rows = Array.from({ length: count }, (_, index) => from + index).flatMap((seq) =>
    users.map((user) => ({ user, seq, topics, event: events.get(user)?.[seq - 1]?.event }))
  );
  await admin`
    insert into tasks.outbox (user_id, seq, topics, event)
    select r.user, r.seq, r.topics, r.event
    from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as r ("user" uuid, seq bigint, topics text[], event json)`;
}
