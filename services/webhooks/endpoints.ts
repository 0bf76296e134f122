/** What users do with their webhooks: make, see, change, delete, rotate, replay. */
import { uuidv7 } from "uuidv7";
import {
  MAX_WEBHOOKS,
  type NewWebhook,
  type Webhook,
  type WebhookDelivery,
  type WebhookInput,
  type WebhookPatch,
} from "../shared/contracts/webhooks.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { keyUsedForAnother } from "../shared/http/idempotency.ts";
import { invalid, notFound, ProblemError } from "../shared/http/problem.ts";
import { asUser, lockUser, type Sql, type Tx } from "../shared/store/database.ts";
import { type AddressRules, checkUrl, ForbiddenAddress } from "./addresses.ts";
import { newSecret } from "./signing.ts";

/** How long the secret before the present one signs too. */
const OVERLAP = { hours: 24 };

export interface EndpointOptions {
  sql: Sql;
  clock: Clock;
  rules: AddressRules;
}

/** An answer that a repeat of the same request gets again. */
export interface Answer {
  status: 200 | 201 | 202;
  body: Webhook | NewWebhook;
}

export interface WriteOptions {
  userId: string;
  /** Of the client; absent: every request is another one. */
  key?: string;
  /** What the key is bound to. */
  request: string;
}

export interface DeliveryQuery {
  status?: WebhookDelivery["status"];
  /** Only older ones than this. */
  before: string | null;
  limit: number;
}

/** The webhooks of users; a function that names one of somebody else throws 404. */
export function createEndpoints({ sql, clock, rules }: EndpointOptions) {
  const now = () => formatInstant(clock.now());

  /** One write at a time per user, once per key. @throws ProblemError 422 when the key came with another request */
  async function write(options: WriteOptions, work: (tx: Tx) => Promise<Answer>): Promise<Answer> {
    const { userId, key, request } = options;
    return await asUser(sql, userId, async (tx) => {
      await lockUser(tx, "webhooks", userId);
      if (key === undefined) return await work(tx);
      const [known] = await tx<{ request: string; status: Answer["status"]; body: string }[]>`
        select request, status, body from webhooks.answers where user_id = ${userId} and key = ${key}`;
      if (known !== undefined && known.request !== request) throw keyUsedForAnother();
      if (known !== undefined) return { status: known.status, body: JSON.parse(known.body) };
      const answer = await work(tx);
      await tx`
        insert into webhooks.answers (user_id, key, request, status, body, created_at)
        values (${userId}, ${key}, ${request}, ${answer.status}, ${JSON.stringify(answer.body)}, ${now()})`;
      return answer;
    });
  }

  function checked(url: string): string {
    const { href } = new URL(url);
    try {
      checkUrl(new URL(href), rules);
    } catch (cause) {
      if (cause instanceof ForbiddenAddress) throw invalid("url", `is not allowed: ${cause.message}`);
      throw cause;
    }
    return href;
  }

  return {
    /** @param seq the user's last change: what comes after it is sent */
    create: (options: WriteOptions, input: WebhookInput, seq: number) =>
      write(options, async (tx) => {
        const url = checked(input.url);
        const [counted] = await tx<{ count: number }[]>`
          select count(*)::int as count from webhooks.endpoints where user_id = ${options.userId}`;
        if ((counted?.count ?? 0) >= MAX_WEBHOOKS) {
          throw new ProblemError(409, `There are ${MAX_WEBHOOKS} webhooks, and no more are possible`);
        }
        const [id, secret] = [uuidv7(), newSecret()];
        await tx`
          insert into webhooks.endpoints (
            id, user_id, url, description, types, secret, status, queued_seq, seen_seq, created_at, updated_at
          ) values (
            ${id}, ${options.userId}, ${url}, ${input.description}, ${input.types}::text[], ${secret}, 'active',
            ${seq}, ${seq}, ${now()}, ${now()}
          )`;
        return { status: 201, body: { ...await one(tx, id), secret } };
      }),

    list: (userId: string): Promise<Webhook[]> =>
      asUser(sql, userId, (tx) =>
        tx<Webhook[]>`
          select ${
          webhookColumns(tx)
        } from webhooks.endpoints as e where user_id = ${userId} order by id desc`),

    get: (userId: string, id: string): Promise<Webhook> => asUser(sql, userId, (tx) => one(tx, id)),

    patch: (options: WriteOptions, id: string, patch: WebhookPatch) =>
      write(options, async (tx) => {
        const url = patch.url === undefined ? undefined : checked(patch.url);
        const before = await one(tx, id, { lock: true });
        await tx`
          update webhooks.endpoints
          set url = ${url ?? before.url}, description = ${patch.description ?? before.description},
            types = ${patch.types ?? before.types}::text[], updated_at = ${now()}
          where id = ${id}`;
        if (patch.status === "paused" && before.status === "active") {
          await tx`
            update webhooks.endpoints set status = 'paused', paused_reason = 'You paused it' where id = ${id}`;
        }
        if (patch.status === "active") await resume(tx, id);
        return { status: 200, body: await one(tx, id) };
      }),

    remove: (options: WriteOptions, id: string) =>
      write(options, async (tx) => {
        const body = await one(tx, id, { lock: true });
        await tx`delete from webhooks.endpoints where id = ${id}`;
        return { status: 200, body };
      }),

    /** A new secret; the present one signs too for a day, so that the receiver can change over when it likes. */
    rotate: (options: WriteOptions, id: string) =>
      write(options, async (tx) => {
        await one(tx, id, { lock: true });
        const secret = newSecret();
        await tx`
          update webhooks.endpoints
          set previous_secret = secret, previous_until = ${formatInstant(clock.now().add(OVERLAP))},
            secret = ${secret}, updated_at = ${now()}
          where id = ${id}`;
        return { status: 200, body: { ...await one(tx, id), secret } };
      }),

    /** Sends all changes after `since` again, in order. What waits and comes after it waits for its turn among them. */
    replay: (options: WriteOptions, id: string, since: number) =>
      write(options, async (tx) => {
        await one(tx, id, { lock: true });
        await tx`
          delete from webhooks.deliveries where endpoint_id = ${id} and status = 'pending' and seq > ${since}`;
        await tx`
          update webhooks.endpoints
          set queued_seq = least(queued_seq, ${since}), behind = true, due_at = webhooks.next_due(id)
          where id = ${id}`;
        return { status: 202, body: await one(tx, id) };
      }),

    deliveries: (userId: string, id: string, query: DeliveryQuery): Promise<WebhookDelivery[]> =>
      asUser(sql, userId, async (tx) => {
        await one(tx, id);
        const { status, before, limit } = query;
        return await tx<WebhookDelivery[]>`
          select id, event_id as "eventId", seq, type, status, attempts, next_attempt_at as "nextAttemptAt",
            response_status as "responseStatus", response_body as "responseBody", error,
            duration_ms as "durationMs", created_at as "createdAt", attempted_at as "attemptedAt"
          from webhooks.deliveries
          where endpoint_id = ${id}
            ${status === undefined ? tx`` : tx`and status = ${status}`}
            ${before === null ? tx`` : tx`and id < ${before}`}
          order by id desc limit ${limit}`;
      }),
  };

  /** Whatever waits is tried at once, and what came meanwhile is looked up. */
  async function resume(tx: Tx, id: string): Promise<void> {
    await tx`
      update webhooks.deliveries set next_attempt_at = ${now()} where endpoint_id = ${id} and status = 'pending'`;
    await tx`
      update webhooks.endpoints
      set status = 'active', paused_reason = null, failures = 0, failing_since = null,
        behind = behind or status = 'paused', due_at = webhooks.next_due(id)
      where id = ${id}`;
  }
}

/** One webhook of the user at whom row-level security is. @throws ProblemError 404 */
async function one(tx: Tx, id: string, { lock = false } = {}): Promise<Webhook> {
  const [webhook] = await tx<Webhook[]>`
    select ${webhookColumns(tx)} from webhooks.endpoints as e where id = ${id} ${
    lock ? tx`for update` : tx``
  }`;
  if (webhook === undefined) throw notFound("There is no such webhook");
  return webhook;
}

const webhookColumns = (tx: Tx) =>
  tx`e.id, e.url, e.description, e.types, e.status, e.paused_reason as "pausedReason", e.failures, e.behind,
    (
      select count(*)::int from webhooks.deliveries as d where d.endpoint_id = e.id and d.status = 'pending'
    ) as pending,
    e.last_delivered_at as "lastDeliveredAt",
    case when e.previous_secret is not null then e.previous_until end as "previousSecretUntil",
    e.created_at as "createdAt", e.updated_at as "updatedAt"`;
