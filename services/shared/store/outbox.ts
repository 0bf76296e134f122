/**
 * The transactional outbox: a change and its events are written in one transaction, numbered by the user's
 * own stream. The row lock on the stream is held to the commit, so numbers have no holes and commit order is
 * number order; the relay publishes from here.
 *
 * A schema that produces events has the tables `streams (user_id, seq)` and
 * `outbox (id, user_id, seq, topics, event, created_at)`.
 */
import { uuidv7 } from "uuidv7";
import type { Actor, Envelope, EventType, Topic } from "../contracts/events.ts";
import { formatInstant } from "../domain/time.ts";
import { currentContext } from "../telemetry/context.ts";
import type { Tx } from "./database.ts";

export interface EventDraft {
  type: EventType;
  /** The id of the thing the event is about. */
  subject: string;
  topics: readonly Topic[];
  actor: Actor;
  /** What `data` holds beside `userId`, `seq` and `actor`. */
  data: Record<string, unknown>;
}

export interface AppendOptions {
  /** The schema that holds `streams` and `outbox`. */
  schema: string;
  /** `/rondo/<source>` becomes the envelope's source. */
  source: string;
  userId: string;
  now: Temporal.Instant;
  /** What this work is a consequence of; default: the first event's own id. */
  causationId?: string;
}

/** Numbers the drafts, writes them to the outbox in the caller's transaction, and gives the envelopes in order. */
export async function appendEvents(
  tx: Tx,
  drafts: readonly EventDraft[],
  options: AppendOptions,
): Promise<Envelope[]> {
  if (drafts.length === 0) return [];
  const { schema, userId } = options;
  const [row] = await tx<{ seq: number }[]>`
    insert into ${tx(schema)}.streams as s (user_id, seq) values (${userId}, ${drafts.length})
    on conflict (user_id) do update set seq = s.seq + excluded.seq
    returning seq`;
  if (row === undefined) throw new Error("Cannot number events as the stream row did not come back");
  const first = row.seq - drafts.length + 1;
  const envelopes = buildEnvelopes(drafts, first, options);
  const rows = envelopes.map((event, index) => ({
    seq: first + index,
    topics: drafts[index]?.topics ?? [],
    event,
  }));
  await tx`
    insert into ${tx(schema)}.outbox (user_id, seq, topics, event)
    select ${userId}, r.seq, r.topics, r.event
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as r (seq bigint, topics text[], event json)
    order by r.seq`;
  return envelopes;
}

/** The envelopes of drafts whose first number is `first`; for a writer that stores them in a statement of its own. */
export function buildEnvelopes(
  drafts: readonly EventDraft[],
  first: number,
  options: Omit<AppendOptions, "schema">,
): Envelope[] {
  const { correlationId, traceparent } = currentContext();
  const time = formatInstant(options.now);
  let causationId = options.causationId;
  return drafts.map((draft, index) => {
    const id = uuidv7();
    causationId ??= id;
    return {
      specversion: "1.0",
      id,
      source: `/rondo/${options.source}`,
      type: draft.type,
      subject: draft.subject,
      time,
      datacontenttype: "application/json",
      dataschema: `/api/asyncapi.json#/components/schemas/${draft.type}`,
      partitionkey: options.userId,
      correlationid: correlationId,
      causationid: causationId,
      traceparent,
      data: { userId: options.userId, seq: first + index, actor: draft.actor, ...draft.data },
    };
  });
}
