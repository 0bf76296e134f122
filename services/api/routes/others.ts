/** What other services answer: notifications, the reminder ledger, audit. The api asks them for the user. */
import { z } from "@hono/zod-openapi";
import { AuditEntry } from "../../shared/contracts/events.ts";
import {
  Notification,
  PushSubscription,
  PushSubscriptionInput,
  ReminderEntry,
  ReminderStatus,
} from "../../shared/contracts/resources.ts";
import { InstantInput, isStorable, NOT_STORABLE, Uuid } from "../../shared/contracts/task.ts";
import type { Runtime } from "../../shared/runtime/ports.ts";
import { createAsking, search } from "./asking.ts";
import { type Call, endpoint, type EndpointTools, Paging } from "./endpoint.ts";

const Id = z.object({ id: Uuid });
const page = <T extends z.ZodType>(schema: T) =>
  z.object({ items: z.array(schema), nextCursor: z.string().nullable() });
const Flag = z.enum(["true", "false"]);

/** What peers may say to a user; anything else is between the services. */
const ANSWERS = [200, 201, 204, 404, 422];

/** Notifications, the reminder ledger and audit, as their services answer for the user. */
export function otherRoutes(tools: EndpointTools, options: { runtime: Pick<Runtime, "invoke"> }): void {
  const { runtime } = options;

  const ask = createAsking(runtime, ANSWERS);

  /** A write, with the client's key. */
  async function write<P, Q, B>(call: Call<P, Q, B>, method: string, path: string, body?: unknown) {
    const { context, principal } = call;
    const key = context.req.header("idempotency-key");
    const headers = key === undefined ? undefined : { "idempotency-key": key };
    return await ask("notifications", path, principal.userId, { method, body, headers });
  }

  endpoint(
    tools,
    {
      method: "get",
      path: "/api/notifications",
      summary: "Notifications, newest first",
      tag: "Notifications",
      asks: "notifications",
      scope: "read",
      query: z.strictObject({ unread: Flag.optional(), ...Paging }),
      responses: {
        200: { description: "A page", schema: page(Notification).extend({ unread: z.int() }) },
      },
    },
    ({ principal, query }) =>
      ask("notifications", `/internal/notifications${search(query)}`, principal.userId),
  );

  endpoint(
    tools,
    {
      method: "post",
      path: "/api/notifications/read-all",
      summary: "Mark all notifications read",
      tag: "Notifications",
      asks: "notifications",
      scope: "write",
      body: { schema: z.strictObject({}), required: false },
      responses: { 200: { description: "How many were unread", schema: z.object({ read: z.int() }) } },
    },
    (call) => write(call, "POST", "/internal/notifications/read-all"),
  );

  endpoint(tools, {
    method: "get",
    path: "/api/push/key",
    summary: "The public key that browsers subscribe with",
    description:
      "The `applicationServerKey` of `PushManager.subscribe()` (RFC 8292); 404 where web push is off.",
    tag: "Notifications",
    asks: "notifications",
    scope: "read",
    responses: {
      200: { description: "The key, as base64url", schema: z.object({ publicKey: z.string() }) },
      404: { description: "Web push is off on this installation" },
    },
  }, ({ principal }) => ask("notifications", "/internal/push/key", principal.userId));

  endpoint(tools, {
    method: "get",
    path: "/api/push/subscriptions",
    summary: "Browsers that are told by web push, newest first",
    tag: "Notifications",
    asks: "notifications",
    scope: "read",
    responses: {
      200: { description: "The browsers", schema: z.object({ items: z.array(PushSubscription) }) },
    },
  }, ({ principal }) => ask("notifications", "/internal/push/subscriptions", principal.userId));

  endpoint(
    tools,
    {
      method: "post",
      path: "/api/push/subscriptions",
      summary: "Tell this browser by web push; the same again for one that is told already",
      tag: "Notifications",
      asks: "notifications",
      scope: "write",
      body: { schema: PushSubscriptionInput, required: true },
      responses: {
        201: { description: "The browser is told from now on", schema: PushSubscription },
        404: { description: "Web push is off on this installation" },
      },
    },
    (call) => write(call, "POST", "/internal/push/subscriptions", call.body),
  );

  endpoint(
    tools,
    {
      method: "delete",
      path: "/api/push/subscriptions/{id}",
      summary: "Tell a browser no longer",
      tag: "Notifications",
      asks: "notifications",
      scope: "write",
      params: Id,
      responses: { 204: { description: "It is told no longer" } },
    },
    (call) => write(call, "DELETE", `/internal/push/subscriptions/${call.params.id}`),
  );

  endpoint(
    tools,
    {
      method: "post",
      path: "/api/notifications/{id}/read",
      summary: "Mark a notification read",
      tag: "Notifications",
      asks: "notifications",
      scope: "write",
      params: Id,
      body: { schema: z.strictObject({}), required: false },
      responses: { 200: { description: "The notification", schema: Notification } },
    },
    (call) => write(call, "POST", `/internal/notifications/${call.params.id}/read`),
  );

  endpoint(tools, {
    method: "get",
    path: "/api/reminders",
    summary: "The reminder ledger: what fires when, and why it did or did not",
    tag: "Reminders",
    asks: "reminders",
    scope: "read",
    query: z.strictObject({ taskId: Uuid.optional(), status: ReminderStatus.optional(), ...Paging }),
    responses: { 200: { description: "A page", schema: page(ReminderEntry) } },
  }, ({ principal, query }) => ask("reminders", `/internal/reminders${search(query)}`, principal.userId));

  endpoint(tools, {
    method: "get",
    path: "/api/audit",
    summary: "The audit log, newest first",
    tag: "Audit",
    asks: "audit",
    scope: "read",
    query: z.strictObject({
      taskId: Uuid.optional(),
      type: z.string().min(1).max(100).refine(isStorable, NOT_STORABLE).optional(),
      from: InstantInput.optional(),
      to: InstantInput.optional(),
      actor: z.string().min(1).max(200).refine(isStorable, NOT_STORABLE).optional(),
      ...Paging,
    }),
    responses: { 200: { description: "A page", schema: page(AuditEntry) } },
  }, ({ principal, query }) => ask("audit", `/internal/audit${search(query)}`, principal.userId));

  endpoint(tools, {
    method: "get",
    path: "/api/audit/verify",
    summary: "Walk the hash chain",
    tag: "Audit",
    asks: "audit",
    scope: "read",
    responses: {
      200: {
        description: "Whether the chain holds, and where it first breaks",
        schema: z.object({ ok: z.boolean(), checked: z.int(), firstBroken: z.int().nullable() }),
      },
    },
  }, ({ principal }) => ask("audit", "/internal/audit/verify", principal.userId));
}
