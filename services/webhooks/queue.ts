/**
 * From changes to deliveries: each webhook has a queue in the order of its user's changes.
 *
 * A webhook whose queue is up to date takes changes as events tell them. One that is behind (it was paused, replays,
 * has many waiting, or an event was left out) takes none of them: it asks the api for the changes after the last one
 * it has, page by page and only while few wait, until there are no more. So a queue is short whatever a receiver does,
 * and nothing is lost: the api's log is what there is to send.
 */
import { uuidv7 } from "uuidv7";
import { z } from "zod";
import { type Change, changeOf, ChangesAnswer } from "../shared/contracts/changes.ts";
import type { Envelope } from "../shared/contracts/events.ts";
import { MAX_PAYLOAD_BYTES } from "../shared/contracts/webhooks.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { USER_HEADER } from "../shared/http/app.ts";
import { forEachLimited } from "../shared/runtime/loop.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import { asUser, EVERY_USER, type Sql, type Tx } from "../shared/store/database.ts";
import { currentContext } from "../shared/telemetry/context.ts";

/** How long queues are. */
export interface QueueLimits {
  /** More waiting than this: the webhook falls behind. */
  most: number;
  /** A webhook that is behind looks up more once fewer than this wait. */
  few: number;
  /** Changes that are looked up at a time. */
  page: number;
}
export const DEFAULT_LIMITS: QueueLimits = { most: 1_000, few: 200, page: 500 };
const WEBHOOKS_AT_ONCE = 4;
const WEBHOOKS_A_RUN = 100;

interface Endpoint {
  id: string;
  types: string[];
  status: "active" | "paused";
  behind: boolean;
  queuedSeq: number;
  seenSeq: number;
  pending: number;
}

/** One change as it is sent, by the payload that the Standard Webhooks specification recommends. */
export interface Outgoing {
  eventId: string;
  seq: number;
  type: string;
  payload: string;
}

const Told = z.looseObject({ eventId: z.uuid(), seq: z.int().min(1), type: z.string(), at: z.string() });

/** What is sent of a change: the same whether an event told it or the api was asked. */
export function outgoing(change: Change): Outgoing {
  const { type, at, ...data } = Told.parse(change);
  const { eventId, seq, taskId, task, actor, causationId, ...rest } = data;
  const payload = { type, timestamp: at, data: { eventId, seq, actor, causationId, taskId, task, ...rest } };
  return { eventId, seq, type, payload: JSON.stringify(payload) };
}

/** Puts events of one user, in order, into the queues of their webhooks. Answers whether there was anything to do. */
export async function takeEvents(
  tx: Tx,
  userId: string,
  events: readonly Envelope[],
  { now, most }: Pick<QueueLimits, "most"> & { now: Temporal.Instant },
): Promise<boolean> {
  const endpoints = await tx<Endpoint[]>`
    select id, types, status, behind, queued_seq as "queuedSeq", seen_seq as "seenSeq", (
        select count(*)::int from webhooks.deliveries as d where d.endpoint_id = e.id and d.status = 'pending'
      ) as pending
    from webhooks.endpoints as e where user_id = ${userId}
    order by id for update`;
  if (endpoints.length === 0) return false;
  const changes = events.map((event) => ({ event, change: outgoing(changeOf(event)) }));
  for (const endpoint of endpoints) {
    const { status, types } = endpoint;
    const wanted: typeof changes = [];
    for (const each of changes) {
      const { seq } = each.change;
      endpoint.seenSeq = Math.max(endpoint.seenSeq, seq);
      if (status === "paused" || endpoint.behind || seq <= endpoint.queuedSeq) continue;
      if (seq > endpoint.queuedSeq + 1 || endpoint.pending + wanted.length >= most) {
        endpoint.behind = true;
        continue;
      }
      endpoint.queuedSeq = seq;
      if (types.includes(each.change.type)) wanted.push(each);
    }
    await append(
      tx,
      userId,
      endpoint.id,
      now,
      wanted.map(({ event, change }) => ({
        ...change,
        correlationId: event.correlationid,
        traceparent: event.traceparent,
      })),
    );
    await advance(tx, endpoint);
  }
  return true;
}

async function append(
  tx: Tx,
  userId: string,
  endpointId: string,
  now: Temporal.Instant,
  messages: readonly (Outgoing & { correlationId: string; traceparent: string })[],
): Promise<void> {
  if (messages.length === 0) return;
  const at = formatInstant(now);
  const rows = messages.map((message) => {
    const tooLarge = new TextEncoder().encode(message.payload).length > MAX_PAYLOAD_BYTES;
    return {
      ...message,
      id: uuidv7(),
      payload: tooLarge ? null : message.payload,
      status: tooLarge ? "failed" : "pending",
      error: tooLarge ? `The payload is larger than ${MAX_PAYLOAD_BYTES / 1_024} KiB` : null,
      nextAttemptAt: tooLarge ? null : at,
    };
  });
  await tx`
    insert into webhooks.deliveries (
      id, user_id, endpoint_id, event_id, seq, type, payload, status, error, next_attempt_at, correlation_id,
      traceparent, created_at
    )
    select id, ${userId}, ${endpointId}, "eventId", seq, type, payload, status, error, "nextAttemptAt",
      "correlationId", traceparent, ${at}
    from jsonb_to_recordset(${tx.json(rows as never)}) as r (
      id uuid, "eventId" uuid, seq bigint, type text, payload text, status text, error text,
      "nextAttemptAt" timestamptz, "correlationId" text, traceparent text
    )`;
}

/** How far a queue has come, and when its next attempt may be made. */
async function advance(tx: Tx, endpoint: Omit<Endpoint, "types" | "status" | "pending">): Promise<void> {
  await tx`
    update webhooks.endpoints
    set queued_seq = ${endpoint.queuedSeq}, seen_seq = ${endpoint.seenSeq}, behind = ${endpoint.behind},
      due_at = webhooks.next_due(id)
    where id = ${endpoint.id}`;
}

export interface FillOptions {
  sql: Sql;
  runtime: Pick<Runtime, "invoke">;
  clock: Clock;
  limits: QueueLimits;
  /** Called when a queue has got something. */
  filled(): void;
}

/** A run that looks up what webhooks that are behind have missed. Rejects when the api or the database is away. */
export function createFilling(options: FillOptions): () => Promise<void> {
  const { sql, runtime, clock, filled, limits: { few, page: size } } = options;
  return async () => {
    const late = await asUser(sql, EVERY_USER, (tx) =>
      tx<{ id: string; userId: string }[]>`
        select id, user_id as "userId" from webhooks.endpoints as e
        where status = 'active' and behind and (
          select count(*) from webhooks.deliveries as d where d.endpoint_id = e.id and d.status = 'pending'
        ) < ${few}
        order by id limit ${WEBHOOKS_A_RUN}`);
    await forEachLimited(late, WEBHOOKS_AT_ONCE, async ({ id, userId }) => {
      while (await fill(id, userId));
    });
  };

  /** Looks up one page for a webhook; answers whether it should be asked for more. */
  async function fill(id: string, userId: string): Promise<boolean> {
    const [from] = await asUser(sql, userId, (tx) =>
      tx<{ seq: number }[]>`
        select queued_seq as seq from webhooks.endpoints where id = ${id} and status = 'active' and behind`);
    if (from === undefined) return false;
    const page = await askChanges(userId, from.seq);
    return await asUser(sql, userId, async (tx) => {
      const [endpoint] = await tx<Endpoint[]>`
        select id, types, status, behind, queued_seq as "queuedSeq", seen_seq as "seenSeq", 0 as pending
        from webhooks.endpoints where id = ${id} and status = 'active' and behind
        for update`;
      // A replay may have begun meanwhile.
      if (endpoint === undefined || endpoint.queuedSeq !== from.seq) return endpoint !== undefined;
      const context = currentContext();
      const wanted = page.changes.map(outgoing).filter(({ type }) => endpoint.types.includes(type));
      await append(tx, userId, id, clock.now(), wanted.map((change) => ({ ...change, ...context })));
      endpoint.queuedSeq = page.nextSeq;
      // An event that came after the page was read was not taken, since the webhook was behind.
      endpoint.behind = page.hasMore || endpoint.seenSeq > page.nextSeq;
      await advance(tx, endpoint);
      if (wanted.length > 0) filled();
      return endpoint.behind && page.changes.length > 0 && wanted.length < few;
    });
  }

  async function askChanges(userId: string, since: number): Promise<ChangesAnswer> {
    const response = await runtime.invoke("api", `/internal/changes?since=${since}&limit=${size}`, {
      headers: { [USER_HEADER]: userId },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`Cannot look up changes as the api answered ${response.status}`);
    }
    return ChangesAnswer.parse(await response.json());
  }
}
