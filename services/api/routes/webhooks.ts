/** Webhooks, as their service answers for the user. */
import { z } from "@hono/zod-openapi";
import { Uuid } from "../../shared/contracts/task.ts";
import {
  NewWebhook,
  Webhook,
  WebhookDelivery,
  WebhookDeliveryStatus,
  WebhookInput,
  WebhookPatch,
} from "../../shared/contracts/webhooks.ts";
import { requireScope } from "../../shared/http/scopes.ts";
import type { Runtime } from "../../shared/runtime/ports.ts";
import type { Sql } from "../../shared/store/database.ts";
import { currentSeq } from "../queries.ts";
import { createAsking, search } from "./asking.ts";
import { type Call, endpoint, type EndpointTools, Paging } from "./endpoint.ts";

const tag = "Webhooks";
const asks = "webhooks";
const Id = z.object({ id: Uuid });
/** Beside the usual ones: made, begun, one too many. */
const ANSWERS = [200, 201, 202, 404, 409, 422];
const NONE = { schema: z.strictObject({}), required: false };
const webhook = { 200: { description: "The webhook", schema: Webhook } };

export interface WebhookRouteOptions {
  sql: Sql;
  runtime: Pick<Runtime, "invoke">;
}

/** Adds `/api/webhooks`. */
export function webhookRoutes(tools: EndpointTools, { sql, runtime }: WebhookRouteOptions): void {
  const ask = createAsking(runtime, ANSWERS);
  const at = (id: string, rest = "") => `/internal/webhooks/${id}${rest}`;

  /** A write, with the client's key. A webhook tells what its owner may read: a key that may only write has none. */
  async function write<P, Q, B>(call: Call<P, Q, B>, method: string, path: string, body?: unknown) {
    const { context, principal } = call;
    requireScope(principal, "read");
    const key = context.req.header("idempotency-key");
    const headers = key === undefined ? undefined : { "idempotency-key": key };
    return await ask(asks, path, principal.userId, { method, body, headers });
  }

  endpoint(
    tools,
    {
      method: "post",
      path: "/api/webhooks",
      summary: "Make a webhook; its secret is shown this once",
      description: "Changes from now on are sent to the address by the Standard Webhooks specification.",
      ...{ tag, asks },
      scope: "write",
      body: { schema: WebhookInput, required: true },
      responses: { 201: { description: "The webhook", schema: NewWebhook } },
    },
    async (call) =>
      await write(
        call,
        "POST",
        `/internal/webhooks${search({ seq: await currentSeq(sql, call.principal.userId) })}`,
        call.body,
      ),
  );

  endpoint(tools, {
    method: "get",
    path: "/api/webhooks",
    summary: "My webhooks, newest first",
    ...{ tag, asks },
    scope: "read",
    responses: { 200: { description: "All of them", schema: z.object({ items: z.array(Webhook) }) } },
  }, ({ principal }) => ask(asks, "/internal/webhooks", principal.userId));

  endpoint(tools, {
    method: "get",
    path: "/api/webhooks/{id}",
    summary: "One webhook",
    ...{ tag, asks },
    scope: "read",
    params: Id,
    responses: webhook,
  }, ({ principal, params }) => ask(asks, at(params.id), principal.userId));

  endpoint(tools, {
    method: "patch",
    path: "/api/webhooks/{id}",
    summary: "Change, pause or resume a webhook",
    ...{ tag, asks },
    scope: "write",
    params: Id,
    body: { schema: WebhookPatch, required: true },
    responses: webhook,
  }, (call) => write(call, "PATCH", at(call.params.id), call.body));

  endpoint(tools, {
    method: "delete",
    path: "/api/webhooks/{id}",
    summary: "Delete a webhook and its deliveries",
    ...{ tag, asks },
    scope: "write",
    params: Id,
    responses: { 200: { description: "The webhook that was", schema: Webhook } },
  }, (call) => write(call, "DELETE", at(call.params.id)));

  endpoint(tools, {
    method: "post",
    path: "/api/webhooks/{id}/rotate",
    summary: "Make a new secret; the present one signs too for a day",
    ...{ tag, asks },
    scope: "write",
    params: Id,
    body: NONE,
    responses: { 200: { description: "The webhook with its new secret", schema: NewWebhook } },
  }, (call) => write(call, "POST", at(call.params.id, "/rotate")));

  endpoint(
    tools,
    {
      method: "post",
      path: "/api/webhooks/{id}/replay",
      summary: "Send all changes after one again, in order",
      ...{ tag, asks },
      scope: "write",
      params: Id,
      query: z.strictObject({
        // An empty one would be 0, and send everything.
        since: z.preprocess(
          (given) => given === "" ? undefined : given,
          z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
        ).openapi({ type: "integer" }),
      }),
      body: NONE,
      responses: { 202: { description: "The webhook, which sends again from there", schema: Webhook } },
    },
    (call) => write(call, "POST", at(call.params.id, `/replay${search(call.query)}`)),
  );

  endpoint(
    tools,
    {
      method: "get",
      path: "/api/webhooks/{id}/deliveries",
      summary: "What was sent and what came back, newest first",
      ...{ tag, asks },
      scope: "read",
      params: Id,
      query: z.strictObject({ status: WebhookDeliveryStatus.optional(), ...Paging }),
      responses: {
        200: {
          description: "A page",
          schema: z.object({ items: z.array(WebhookDelivery), nextCursor: z.string().nullable() }),
        },
      },
    },
    ({ principal, params, query }) =>
      ask(asks, at(params.id, `/deliveries${search(query)}`), principal.userId),
  );
}
