/** Lists, filters, profile, notifications, the reminder ledger and audit, as they cross HTTP and events. */
import { z } from "@hono/zod-openapi";
import { CivilTime, Instant, isStorable, NOT_STORABLE, Position, TimeZone, Uuid } from "./task.ts";

export const Colour = z.enum(["grey", "teal", "blue", "violet", "rose", "brick", "amber", "green"]);
const name = z.string().trim().min(1).max(100).refine(isStorable, NOT_STORABLE);
const query = z.string().trim().min(1).max(1_000).refine(isStorable, NOT_STORABLE);

export const List = z.object({
  id: Uuid,
  name: z.string(),
  colour: Colour,
  /** The Inbox is made with the account and can't be renamed, moved or deleted. */
  inbox: z.boolean(),
  position: z.string(),
  version: z.int().min(1),
  createdAt: Instant,
  updatedAt: Instant,
  deletedAt: Instant.nullable(),
}).openapi("List");
export type List = z.infer<typeof List>;
/** A list as `GET /api/lists` gives it. */
export const ListWithCount = List.extend({ open: z.int().min(0) }).openapi("ListWithCount");
export const ListInput = z.strictObject({ name, colour: Colour.optional() }).openapi("ListInput");
export const ListPatch = z.strictObject({
  name: name.optional(),
  colour: Colour.optional(),
  position: Position.optional(),
}).openapi("ListPatch");

export const Filter = z.object({
  id: Uuid,
  name: z.string(),
  query: z.string(),
  position: z.string(),
  version: z.int().min(1),
  createdAt: Instant,
  updatedAt: Instant,
  deletedAt: Instant.nullable(),
}).openapi("Filter");
export type Filter = z.infer<typeof Filter>;
export const FilterInput = z.strictObject({ name, query }).openapi("FilterInput");
export const FilterPatch = z.strictObject({
  name: name.optional(),
  query: query.optional(),
  position: Position.optional(),
}).openapi("FilterPatch");

export const QuietHours = z.object({
  enabled: z.boolean(),
  from: CivilTime,
  to: CivilTime,
}).openapi("QuietHours");

/** Preferences of one user; every field has a default. */
export const Preferences = z.object({
  channels: z.object({ inApp: z.boolean(), email: z.boolean(), push: z.boolean() }),
  /** In the user's zone; e-mail and push wait until the end, in-app does not. */
  quietHours: QuietHours,
  theme: z.enum(["system", "light", "dark"]),
  density: z.enum(["comfortable", "compact"]),
  weekStart: z.enum(["monday", "sunday", "saturday"]),
}).openapi("Preferences");
export type Preferences = z.infer<typeof Preferences>;
export const DEFAULT_PREFERENCES: Preferences = {
  channels: { inApp: true, email: false, push: false },
  quietHours: { enabled: false, from: "22:00", to: "07:00" },
  theme: "system",
  density: "comfortable",
  weekStart: "monday",
};

export const Profile = z.object({
  id: Uuid,
  name: z.string(),
  email: z.string(),
  timeZone: z.string(),
  preferences: Preferences,
}).openapi("Profile");
export type Profile = z.infer<typeof Profile>;
/** What `GET /api/me` gives: the profile and what this installation can do. */
export const Me = Profile.extend({
  capabilities: z.object({ email: z.boolean(), push: z.boolean() }),
}).openapi("Me");
export const ProfilePatch = z.strictObject({
  name: name.optional(),
  timeZone: TimeZone.optional(),
  preferences: z.strictObject({
    channels: z.strictObject({
      inApp: z.boolean().optional(),
      email: z.boolean().optional(),
      push: z.boolean().optional(),
    }).optional(),
    quietHours: z.strictObject({
      enabled: z.boolean().optional(),
      from: CivilTime.optional(),
      to: CivilTime.optional(),
    }).optional(),
    theme: z.enum(["system", "light", "dark"]).optional(),
    density: z.enum(["comfortable", "compact"]).optional(),
    weekStart: z.enum(["monday", "sunday", "saturday"]).optional(),
  }).optional(),
}).openapi("ProfilePatch");

export const ReminderStatus = z.enum(["scheduled", "delivered", "cancelled", "failed"]);
/** One row of the reminder ledger: (task, occurrence, reminder) and what became of it. */
export const ReminderEntry = z.object({
  id: Uuid,
  taskId: Uuid,
  occurrence: z.int().min(1),
  /** The `id` of the reminder inside the task. */
  reminderId: z.string(),
  fireAt: Instant,
  status: ReminderStatus,
  deliveredAt: Instant.nullable(),
  late: z.boolean(),
  /** Why it fired, waits or was cancelled, in words. */
  reason: z.string(),
}).openapi("ReminderEntry");
export type ReminderEntry = z.infer<typeof ReminderEntry>;

const base64url = (bytes: number) =>
  z.string().regex(
    new RegExp(`^[A-Za-z0-9_-]{${Math.ceil(bytes * 4 / 3)}}={0,2}$`),
    `must be ${bytes} bytes as base64url`,
  );
/** A browser's subscription, as `PushSubscription.toJSON()` gives it, and what a user calls that browser. */
export const PushSubscriptionInput = z.strictObject({
  endpoint: z.url({ protocol: /^https?$/ }).max(2_000),
  expirationTime: z.number().nullable().optional(),
  keys: z.strictObject({ p256dh: base64url(65), auth: base64url(16) }),
  label: z.string().trim().max(100).refine(isStorable, NOT_STORABLE).optional(),
}).openapi("PushSubscriptionInput");
export type PushSubscriptionInput = z.infer<typeof PushSubscriptionInput>;
export const PushSubscription = z.object({
  id: Uuid,
  label: z.string(),
  /** The host of the push service; the address itself is between it and the server. */
  service: z.string(),
  createdAt: Instant,
  lastDeliveredAt: Instant.nullable(),
}).openapi("PushSubscription");
export type PushSubscription = z.infer<typeof PushSubscription>;

export const Channel = z.enum(["in-app", "email", "push"]);
export type Channel = z.infer<typeof Channel>;
export const Delivery = z.object({
  channel: Channel,
  status: z.enum(["pending", "delivered", "failed", "skipped"]),
  attempts: z.int().min(0),
  error: z.string().nullable(),
}).openapi("Delivery");
export const Notification = z.object({
  id: Uuid,
  type: z.string(),
  taskId: Uuid.nullable(),
  title: z.string(),
  body: z.string(),
  late: z.boolean(),
  createdAt: Instant,
  readAt: Instant.nullable(),
  deliveries: z.array(Delivery),
}).openapi("Notification");
export type Notification = z.infer<typeof Notification>;
