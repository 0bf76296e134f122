/**
 * Webhooks: what changes is told to addresses that users named, signed, in order, until it was taken.
 *
 * A consumer of `task-events` like any other, so a receiver that is slow slows down nobody's commands.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { Uuid } from "../shared/contracts/task.ts";
import {
  NewWebhook,
  Webhook,
  WebhookDelivery,
  WebhookDeliveryStatus,
  WebhookInput,
  WebhookPatch,
} from "../shared/contracts/webhooks.ts";
import { MAX_LIMIT } from "../shared/contracts/task.ts";
import {
  createServiceApp,
  databaseReady,
  internalUser,
  type ServiceDependencies,
} from "../shared/http/app.ts";
import { decodeCursor, pageOf } from "../shared/http/cursor.ts";
import { idempotencyKeyOf } from "../shared/http/idempotency.ts";
import { createLoop } from "../shared/runtime/loop.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { createConsumer } from "../shared/store/inbox.ts";
import { createEndpoints, type WriteOptions } from "./endpoints.ts";
import { createPost, type PostOptions } from "./post.ts";
import { createFilling, DEFAULT_LIMITS, type QueueLimits, takeEvents } from "./queue.ts";
import { createSending } from "./sending.ts";

const NAME = "webhooks";
/** An attempt that waits for its time is at most so much late. */
const SEND_EVERY_MS = 1_000;
const FILL_EVERY_MS = 10_000;
const PRUNE_EVERY_MS = 600_000;
const WAKE = "webhooks";

export interface WebhooksOptions extends Partial<Omit<PostOptions, "rules">> {
  /** Whether webhooks go to the internet. */
  allowPublic: boolean;
  /** Whether webhooks go to loopback and private addresses. */
  allowPrivate: boolean;
  /** For jitter; default `Math.random`. */
  random?: () => number;
  /** Default: a thousand wait at most. */
  limits?: QueueLimits;
}

const json = <S extends z.ZodType>(description: string, schema: S) => ({
  description,
  content: { "application/json": { schema } },
});
const body = <S extends z.ZodType>(schema: S) => ({
  required: true,
  content: { "application/json": { schema } },
});
const Id = z.object({ id: Uuid });
const one = { 200: json("The webhook", Webhook) };
const listRoute = createRoute({
  method: "get",
  path: "/internal/webhooks",
  responses: { 200: json("Webhooks, newest first", z.object({ items: z.array(Webhook) })) },
});
const createWebhookRoute = createRoute({
  method: "post",
  path: "/internal/webhooks",
  request: { query: z.object({ seq: z.coerce.number().int().min(0) }), body: body(WebhookInput) },
  responses: { 201: json("The webhook with its secret", NewWebhook) },
});
const getRoute = createRoute({
  method: "get",
  path: "/internal/webhooks/{id}",
  request: { params: Id },
  responses: one,
});
const patchRoute = createRoute({
  method: "patch",
  path: "/internal/webhooks/{id}",
  request: { params: Id, body: body(WebhookPatch) },
  responses: one,
});
const deleteRoute = createRoute({
  method: "delete",
  path: "/internal/webhooks/{id}",
  request: { params: Id },
  responses: one,
});
const rotateRoute = createRoute({
  method: "post",
  path: "/internal/webhooks/{id}/rotate",
  request: { params: Id },
  responses: { 200: json("The webhook with its new secret", NewWebhook) },
});
const replayRoute = createRoute({
  method: "post",
  path: "/internal/webhooks/{id}/replay",
  request: { params: Id, query: z.object({ since: z.coerce.number().int().min(0) }) },
  responses: { 202: json("The webhook, which sends again from there", Webhook) },
});
const deliveriesRoute = createRoute({
  method: "get",
  path: "/internal/webhooks/{id}/deliveries",
  request: {
    params: Id,
    query: z.object({
      status: WebhookDeliveryStatus.optional(),
      limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(50),
      cursor: z.string().optional(),
    }),
  },
  responses: {
    200: json(
      "Deliveries, newest first",
      z.object({ items: z.array(WebhookDelivery), nextCursor: z.string().nullable() }),
    ),
  },
});
const Cursor = z.tuple([Uuid]);

/** The webhooks service over its ports. */
export function createWebhooks(dependencies: ServiceDependencies & WebhooksOptions): Service {
  const { sql, runtime, log, metrics, clock, allowPublic, allowPrivate, random } = dependencies;
  const { limits = DEFAULT_LIMITS } = dependencies;
  const rules = { allowPublic, allowPrivate };
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  const endpoints = createEndpoints({ sql, clock, rules });
  const sending = createSending({
    ...{ sql, clock, metrics, log, random },
    post: createPost({ ...dependencies, rules }),
    sent: wake,
  });
  const send = createLoop({ everyMs: SEND_EVERY_MS, log, run: sending.sendDue });
  const fill = createLoop({
    everyMs: FILL_EVERY_MS,
    log,
    run: createFilling({ sql, runtime, clock, limits, filled: () => send.wake() }),
  });
  const prune = createLoop({ everyMs: PRUNE_EVERY_MS, log, run: sending.prune });
  const forget = runtime.onWake(WAKE, () => {
    send.wake();
    fill.wake();
  });

  function wake(): void {
    runtime.wake(WAKE);
  }

  runtime.subscribe({
    topic: "task-events",
    consumer: NAME,
    async handle(batch) {
      // Of this batch alone: others run beside it.
      let taken = false;
      const consume = createConsumer({
        sql,
        schema: "webhooks",
        consumer: NAME,
        ...{ log, metrics, clock },
        async effect(tx, events) {
          const [{ partitionkey }] = events;
          taken = await takeEvents(tx, partitionkey, events, { now: clock.now(), most: limits.most }) ||
            taken;
        },
        committed() {
          if (taken) wake();
        },
      });
      return await consume(batch);
    },
  });

  app.openapi(listRoute, async (context) => {
    return context.json({ items: await endpoints.list(internalUser(context.req.raw)) }, 200);
  });
  app.openapi(createWebhookRoute, async (context) => {
    const { seq } = context.req.valid("query");
    const input = context.req.valid("json");
    // What happens meanwhile makes the number another one, and is no other request.
    const { body } = await endpoints.create(write(context.req.raw, "", input), input, seq);
    return context.json(body as NewWebhook, 201);
  });
  app.openapi(getRoute, async (context) => {
    const { id } = context.req.valid("param");
    return context.json(await endpoints.get(internalUser(context.req.raw), id), 200);
  });
  app.openapi(patchRoute, async (context) => {
    const { id } = context.req.valid("param");
    const patch = context.req.valid("json");
    const { body } = await endpoints.patch(write(context.req.raw, id, patch), id, patch);
    wake();
    return context.json(body, 200);
  });
  app.openapi(deleteRoute, async (context) => {
    const { id } = context.req.valid("param");
    return context.json((await endpoints.remove(write(context.req.raw, id), id)).body, 200);
  });
  app.openapi(rotateRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { body } = await endpoints.rotate(write(context.req.raw, `${id}/rotate`), id);
    return context.json(body as NewWebhook, 200);
  });
  app.openapi(replayRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { since } = context.req.valid("query");
    const { body } = await endpoints.replay(write(context.req.raw, `${id}/replay`, { since }), id, since);
    wake();
    return context.json(body, 202);
  });
  app.openapi(deliveriesRoute, async (context) => {
    const { id } = context.req.valid("param");
    const { cursor, limit, status } = context.req.valid("query");
    const before = cursor === undefined ? null : decodeCursor(cursor, Cursor)[0];
    const rows = await endpoints.deliveries(internalUser(context.req.raw), id, {
      ...{ status, before, limit: limit + 1 },
    });
    return context.json(pageOf(rows, limit, ({ id }) => [id]), 200);
  });

  return {
    name: NAME,
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      send.start();
      fill.start();
      prune.start();
      await runtime.start();
    },
    async stop() {
      forget();
      await runtime.stop();
      await Promise.all([send.stop(), fill.stop(), prune.stop()]);
      await sending.idle();
    },
  };
}

/** Who writes, and what a repeat of the same request is known by. */
function write(request: Request, what: string, input: unknown = null): WriteOptions {
  return {
    userId: internalUser(request),
    key: idempotencyKeyOf(request),
    request: `${request.method} ${what} ${JSON.stringify(input)}`,
  };
}
