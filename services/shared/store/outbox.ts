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
import { currentContext, runInContext, type WorkContext } from "../telemetry/context.ts";
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
  return await appendAll(tx, [{ drafts, ...options }], options);
}

/** Events of one user that have one cause. */
export interface CausedEvents {
  userId: string;
  drafts: readonly EventDraft[];
  /** What this work is a consequence of; default: the first event's own id. */
  causationId?: string;
  /** The trace and the correlation id that they carry; default: the running work's. */
  context?: WorkContext;
}

/** As `appendEvents`, for many users and causes in two statements; in the order in which they are given. */
export async function appendAll(
  tx: Tx,
  groups: readonly CausedEvents[],
  { schema, source, now }: Pick<AppendOptions, "schema" | "source" | "now">,
): Promise<Envelope[]> {
  const counts = new Map<string, number>();
  for (const { userId, drafts } of groups) counts.set(userId, (counts.get(userId) ?? 0) + drafts.length);
  const wanted = [...counts].filter(([, count]) => count > 0).map(([userId, count]) => ({ userId, count }));
  if (wanted.length === 0) return [];
  const numbered = await tx<{ userId: string; seq: number }[]>`
    insert into ${tx(schema)}.streams as s (user_id, seq)
    select "userId", count
    from json_to_recordset(${JSON.stringify(wanted)}::text::json) as w ("userId" uuid, count bigint)
    on conflict (user_id) do update set seq = s.seq + excluded.seq
    returning user_id as "userId", seq`;
  const next = new Map(
    numbered.map(({ userId, seq }) => [userId, Number(seq) - (counts.get(userId) ?? 0) + 1]),
  );
  const rows = groups.flatMap(({ userId, drafts, causationId, context = currentContext() }) => {
    const first = next.get(userId);
    if (first === undefined) throw new Error("Cannot number events as the stream row did not come back");
    next.set(userId, first + drafts.length);
    const envelopes = runInContext(
      context,
      () => buildEnvelopes(drafts, first, { source, userId, now, causationId }),
    );
    return envelopes.map((event, index) => ({
      ...{ userId, seq: first + index, topics: drafts[index]?.topics ?? [], event },
    }));
  });
  await tx`
    insert into ${tx(schema)}.outbox (user_id, seq, topics, event)
    select r."userId", r.seq, r.topics, r.event
    from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as r ("userId" uuid, seq bigint, topics text[], event json)
    order by r."userId", r.seq`;
  return rows.map(({ event }) => event);
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
