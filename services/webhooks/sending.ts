/**
 * Sending: an effect outside the database.
 *
 * The intent (`attempts`, `sending_until`) is committed, the message goes out, the result is committed. Whoever dies in
 * between leaves an intent that runs out, and the message goes out again with the same `webhook-id`.
 *
 * A webhook sends one at a time, in order. When its receiver is away (no answer, 5xx, 408, 429) everything of it waits;
 * when the receiver is there and refuses one message, that message steps aside and is tried again by itself.
 */
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { asUser, EVERY_USER, type Sql, type Tx } from "../shared/store/database.ts";
import { KEPT_DAYS } from "../shared/store/inbox.ts";
import { newContext, runInContext } from "../shared/telemetry/context.ts";
import type { Log } from "../shared/telemetry/log.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { Post, Posted } from "./post.ts";
import { signedHeaders } from "./signing.ts";

/** Seconds to wait after the first, the second, … failed attempt of a message; the last one for all that follow. */
export const BACKOFF_SECONDS = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800];
/** Each wait is up to so much shorter or longer, so that webhooks that failed together do not come back together. */
const JITTER = 0.2;
/** A message that its receiver refuses is given up after so many attempts, about two days. */
const MAX_ATTEMPTS = 13;
/** So many failed attempts in a row, over so many hours, pause a webhook. */
const PAUSE_AFTER = { failures: 12, hours: 12 };
/** The longest wait that a receiver may ask for by `Retry-After`, in seconds. */
const LONGEST_RETRY_AFTER = 3_600;
/** Longer than an attempt may take, so an intent runs out only when its process is gone. */
const SENDING_LASTS = { seconds: 30 };
const SENDING_AT_ONCE = 32;
/** What became of deliveries is kept for so long. */
export const LOG_DAYS = 30;
const ANSWERS_HOURS = 24;

interface Claimed {
  id: string;
  endpointId: string;
  userId: string;
  eventId: string;
  payload: string;
  attempts: number;
  refused: boolean;
  url: string;
  secret: string;
  previousSecret: string | null;
  previousUntil: string | null;
  correlationId: string;
  traceparent: string;
}

export interface SendingOptions {
  sql: Sql;
  clock: Clock;
  metrics: Metrics;
  log: Log;
  post: Post;
  /** A number from 0 to 1, evenly spread; default `Math.random`. */
  random?: () => number;
  /** Called after each attempt: there may be more to send, and a place to send it from. */
  sent(): void;
}

export interface Sending {
  /** Begins to send what is due, as far as there are places to send it from; a receiver that is slow holds up no other. */
  sendDue(): Promise<void>;
  /** Ends when nothing is under way any more. */
  idle(): Promise<void>;
  /** Forgets what is old. */
  prune(): Promise<void>;
}

/** Sending over the queues; every function rejects when the database does not answer. */
export function createSending(options: SendingOptions): Sending {
  const { sql, clock, metrics, log, post, random = Math.random, sent } = options;
  const underWay = new Set<Promise<void>>();
  return { sendDue, idle, prune };

  async function sendDue(): Promise<void> {
    while (underWay.size < SENDING_AT_ONCE) {
      const claimed = await claim();
      if (claimed === null) return;
      if (claimed === "nothing") continue;
      const attempting = attempt(claimed)
        .catch((cause) => log.warn("the result of a webhook was not recorded; it is sent again", { cause }))
        .finally(() => {
          underWay.delete(attempting);
          sent();
        });
      underWay.add(attempting);
    }
  }

  async function idle(): Promise<void> {
    while (underWay.size > 0) await Promise.all(underWay);
  }

  /** The intent to send what is due first; null when no webhook is due, "nothing" when that one has nothing after all. */
  async function claim(): Promise<Claimed | "nothing" | null> {
    const now = formatInstant(clock.now());
    const until = formatInstant(clock.now().add(SENDING_LASTS));
    return await asUser(sql, EVERY_USER, async (tx) => {
      const [endpoint] = await tx<{ id: string }[]>`
        select id from webhooks.endpoints
        where status = 'active' and due_at <= ${now} and (sending_until is null or sending_until <= ${now})
        order by due_at limit 1
        for update skip locked`;
      if (endpoint === undefined) return null;
      const [claimed] = await tx<Claimed[]>`
        with due as (
          select id from (
            (
              select id, seq, next_attempt_at from webhooks.deliveries
              where endpoint_id = ${endpoint.id} and status = 'pending' and not refused
              order by seq limit 1
            ) union all (
              select id, seq, next_attempt_at from webhooks.deliveries
              where endpoint_id = ${endpoint.id} and status = 'pending' and refused
              order by next_attempt_at limit 1
            )
          ) as first
          where next_attempt_at <= ${now}
          order by next_attempt_at, seq limit 1
        )
        update webhooks.deliveries as d set attempts = attempts + 1, attempted_at = ${now}
        from due, webhooks.endpoints as e
        where d.id = due.id and e.id = d.endpoint_id
        returning d.id, d.endpoint_id as "endpointId", d.user_id as "userId", d.event_id as "eventId", d.payload,
          d.attempts, d.refused, d.correlation_id as "correlationId", d.traceparent, e.url, e.secret,
          e.previous_secret as "previousSecret", e.previous_until as "previousUntil"`;
      await tx`
        update webhooks.endpoints
        set sending_until = ${claimed === undefined ? null : until},
          due_at = ${claimed === undefined ? tx`webhooks.next_due(id)` : tx`due_at`}
        where id = ${endpoint.id}`;
      return claimed ?? "nothing";
    });
  }

  async function attempt(claimed: Claimed): Promise<void> {
    await runInContext(newContext(claimed), async () => {
      const at = clock.now();
      const { previousSecret, previousUntil } = claimed;
      const overlaps = previousSecret !== null && previousUntil !== null &&
        Temporal.Instant.compare(Temporal.Instant.from(previousUntil), at) > 0;
      const headers = {
        "content-type": "application/json",
        "user-agent": "Rondo-Webhooks/1.0",
        ...signedHeaders(
          { id: claimed.eventId, at, payload: claimed.payload },
          overlaps ? [claimed.secret, previousSecret] : [claimed.secret],
        ),
      };
      const started = performance.now();
      const posted = await post(claimed.url, headers, claimed.payload);
      const seconds = (performance.now() - started) / 1_000;
      metrics.webhookDelivery.observe(seconds);
      const status = await record(claimed, posted, Math.round(seconds * 1_000));
      metrics.webhooksDeliveries.inc({ status });
      if (status !== "delivered") {
        log.info("a webhook was not delivered", {
          webhookId: claimed.endpointId,
          host: new URL(claimed.url).host,
          eventId: claimed.eventId,
          attempts: claimed.attempts,
          status,
          answer: posted.kind === "answer" ? posted.status : posted.kind,
        });
      }
    });
  }

  /** The result. A webhook that was deleted, or a message that a replay has taken out, has none. */
  async function record(claimed: Claimed, posted: Posted, durationMs: number): Promise<string> {
    const now = clock.now();
    const result = judge(claimed, posted, now);
    await asUser(sql, claimed.userId, async (tx) => {
      const [endpoint] = await tx<{ failures: number; failingSince: string | null; status: string }[]>`
        select failures, failing_since as "failingSince", status from webhooks.endpoints
        where id = ${claimed.endpointId} for update`;
      if (endpoint === undefined) return;
      await tx`
        update webhooks.deliveries
        set status = ${result.status}, refused = ${result.refused}, duration_ms = ${durationMs},
          payload = ${result.status === "pending" ? tx`payload` : null},
          next_attempt_at = ${result.nextAttemptAt === null ? null : formatInstant(result.nextAttemptAt)},
          response_status = ${posted.kind === "answer" ? posted.status : null},
          response_body = ${posted.kind === "answer" ? posted.excerpt : null}, error = ${result.error}
        where id = ${claimed.id} and status = 'pending' and attempts = ${claimed.attempts}`;
      await (result.status === "delivered" ? wentWell(tx, claimed, now) : failed(tx, claimed, {
        now,
        reason: result.pause ?? pauseFor(endpoint, now),
        paused: endpoint.status === "paused",
      }));
    });
    return result.status === "pending" ? "retried" : result.status;
  }

  function judge(claimed: Claimed, posted: Posted, now: Temporal.Instant) {
    const status = posted.kind === "answer" ? posted.status : 0;
    if (status >= 200 && status < 300) {
      const done = { status: "delivered", error: null, nextAttemptAt: null } as const;
      return { ...done, refused: claimed.refused, pause: null };
    }
    const error = posted.kind === "answer" ? `The receiver answered ${status}` : posted.error;
    // Not this message is wrong but the receiver away: all of its messages wait.
    const away = posted.kind !== "answer" || status >= 500 || status === 408 || status === 429;
    const pause = status === 410 ? "The receiver answered 410: it wants no more" : null;
    const refused = claimed.refused || (!away && pause === null);
    if (refused && claimed.attempts >= MAX_ATTEMPTS) {
      return { status: "failed", error, nextAttemptAt: null, refused, pause } as const;
    }
    const asked = posted.kind === "answer" ? retryAfterSeconds(posted.retryAfter, now) : 0;
    const wait = Math.max(asked, backoff(claimed.attempts, random()));
    const nextAttemptAt = now.add({ milliseconds: Math.round(wait * 1_000) });
    return { status: "pending", error, nextAttemptAt, refused, pause } as const;
  }

  async function wentWell(tx: Tx, { endpointId }: Claimed, now: Temporal.Instant): Promise<void> {
    await tx`
      update webhooks.endpoints
      set failures = 0, failing_since = null, last_delivered_at = ${formatInstant(now)}, sending_until = null,
        due_at = webhooks.next_due(id)
      where id = ${endpointId}`;
  }

  async function failed(
    tx: Tx,
    { endpointId }: Claimed,
    { now, reason, paused }: { now: Temporal.Instant; reason: string | null; paused: boolean },
  ): Promise<void> {
    const at = formatInstant(now);
    await tx`
      update webhooks.endpoints
      set failures = failures + 1, failing_since = coalesce(failing_since, ${at}), sending_until = null,
        due_at = webhooks.next_due(id)
        ${
      reason === null || paused
        ? tx``
        : tx`, status = 'paused', paused_reason = ${reason}, updated_at = ${at}`
    }
      where id = ${endpointId}`;
    if (reason !== null && !paused) log.warn("a webhook was paused", { webhookId: endpointId, reason });
  }

  async function prune(): Promise<void> {
    const ago = (hours: number) => formatInstant(clock.now().subtract({ hours }));
    await sql`delete from webhooks.inbox where received_at < ${ago(KEPT_DAYS * 24)}`;
    await asUser(sql, EVERY_USER, async (tx) => {
      await tx`
        delete from webhooks.deliveries where status <> 'pending' and created_at < ${ago(LOG_DAYS * 24)}`;
      await tx`delete from webhooks.answers where created_at < ${ago(ANSWERS_HOURS)}`;
      await tx`
        update webhooks.endpoints set previous_secret = null, previous_until = null
        where previous_until < ${formatInstant(clock.now())}`;
    });
  }
}

/** Seconds to wait after so many attempts; `chance` from 0 to 1 places it within the jitter. */
export function backoff(attempts: number, chance: number): number {
  const wait = BACKOFF_SECONDS[attempts - 1] ?? BACKOFF_SECONDS.at(-1) ?? 0;
  return wait * (1 - JITTER + 2 * JITTER * chance);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Seconds, or a date (RFC 9110, sections 10.2.3 and 5.6.7); anything else asks for nothing. */
export function retryAfterSeconds(header: string | null, now: Temporal.Instant): number {
  if (header === null) return 0;
  const asked = /^\d{1,9}$/.test(header) ? Number(header) : secondsUntil(header, now);
  return Math.min(Math.max(asked, 0), LONGEST_RETRY_AFTER);
}

/** Until a date such as `Fri, 15 Jan 2027 09:20:00 GMT`; 0 for none. */
function secondsUntil(date: string, now: Temporal.Instant): number {
  const [, day, name = "", year, time] =
    /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/.exec(date) ?? [];
  const month = String(MONTHS.indexOf(name) + 1).padStart(2, "0");
  try {
    return Temporal.Instant.from(`${year}-${month}-${day}T${time}Z`).since(now).total("seconds");
  } catch {
    return 0;
  }
}

/** Why this failure, after those before it, is one too many; null when it is not. */
function pauseFor(
  { failures, failingSince }: { failures: number; failingSince: string | null },
  now: Temporal.Instant,
): string | null {
  if (failures + 1 < PAUSE_AFTER.failures || failingSince === null) return null;
  const hours = now.since(Temporal.Instant.from(failingSince)).total("hours");
  return hours < PAUSE_AFTER.hours ? null : `The last ${failures + 1} attempts failed`;
}
