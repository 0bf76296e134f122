/** Webhooks and their deliveries, as they cross HTTP. */
import { z } from "@hono/zod-openapi";
import { CHANGE_TYPES, TASK_EVENT_TYPES } from "./events.ts";
import { Instant, isStorable, NOT_STORABLE, Uuid } from "./task.ts";

/** Webhooks that one user may have. */
export const MAX_WEBHOOKS = 10;
/** The largest payload that is sent, in bytes of UTF-8. */
export const MAX_PAYLOAD_BYTES = 512 * 1_024;

const WebhookUrl = z.string().max(2_000).refine((text) => {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "" &&
    isStorable(text);
}, "must be an http or https address without a user name");
const Types = z.array(z.enum(CHANGE_TYPES)).min(1).max(CHANGE_TYPES.length);
const Description = z.string().trim().max(200).refine(isStorable, NOT_STORABLE);

export const WebhookInput = z.strictObject({
  url: WebhookUrl,
  types: Types.default([...TASK_EVENT_TYPES]),
  description: Description.default(""),
}).openapi("WebhookInput");
export type WebhookInput = z.infer<typeof WebhookInput>;

export const WebhookPatch = z.strictObject({
  url: WebhookUrl.optional(),
  types: Types.optional(),
  description: Description.optional(),
  /** `active` after a pause sends what was missed meanwhile, in order. */
  status: z.enum(["active", "paused"]).optional(),
}).openapi("WebhookPatch");
export type WebhookPatch = z.infer<typeof WebhookPatch>;

export const Webhook = z.object({
  id: Uuid,
  url: z.string(),
  description: z.string(),
  /** Types of the changes that are sent. */
  types: z.array(z.string()),
  status: z.enum(["active", "paused"]),
  /** Why it stands still, in words; null while it is active. */
  pausedReason: z.string().nullable(),
  /** Failed attempts since the last one that went well. */
  failures: z.int().min(0),
  /** Deliveries that wait; more may follow while `behind`. */
  pending: z.int().min(0),
  /** Whether changes have still to be looked up: after a pause, for a replay, or because many wait. */
  behind: z.boolean(),
  lastDeliveredAt: Instant.nullable(),
  /** Until then the secret before this one signs too; null when there is none. */
  previousSecretUntil: Instant.nullable(),
  createdAt: Instant,
  updatedAt: Instant,
}).openapi("Webhook");
export type Webhook = z.infer<typeof Webhook>;
/** With the secret, which is shown this once. */
export const NewWebhook = Webhook.extend({ secret: z.string() }).openapi("NewWebhook");
export type NewWebhook = z.infer<typeof NewWebhook>;

export const WebhookDeliveryStatus = z.enum(["pending", "delivered", "failed"]);
export const WebhookDelivery = z.object({
  id: Uuid,
  /** The event that is told: also its `webhook-id`. */
  eventId: Uuid,
  seq: z.int().min(1),
  type: z.string(),
  status: WebhookDeliveryStatus,
  attempts: z.int().min(0),
  /** When the next attempt is due; null when there is none. */
  nextAttemptAt: Instant.nullable(),
  /** Of the last attempt; null when no answer came. */
  responseStatus: z.int().nullable(),
  /** The beginning of the last answer's body. */
  responseBody: z.string().nullable(),
  error: z.string().nullable(),
  /** Milliseconds that the last attempt took. */
  durationMs: z.int().nullable(),
  createdAt: Instant,
  attemptedAt: Instant.nullable(),
}).openapi("WebhookDelivery");
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;
