/** Every event that crosses a topic: CloudEvents 1.0 envelopes with versioned types. */
import { z } from "@hono/zod-openapi";
import { CivilDate, Due, Instant, Task, Uuid } from "./task.ts";
import { Filter, List, Notification, Profile, ReminderEntry } from "./resources.ts";

/** The topics, with what a broker is told about them. Key = user id everywhere. */
export const TOPICS = {
  "task-events": { partitions: 3, retentionMs: 30 * 86_400_000 },
  "task-updates": { partitions: 3, retentionMs: 86_400_000 },
  "reminders": { partitions: 3, retentionMs: 7 * 86_400_000 },
  "notifications": { partitions: 3, retentionMs: 7 * 86_400_000 },
} as const;
export type Topic = keyof typeof TOPICS;
export const Actor = z.object({
  kind: z.enum(["user", "api-key", "assistant", "system"]),
  id: z.string(),
}).openapi("Actor");
export type Actor = z.infer<typeof Actor>;

export const TASK_EVENT_TYPES = [
  "task.created.v1",
  "task.updated.v1",
  "task.completed.v1",
  "task.reopened.v1",
  "task.deleted.v1",
  "task.restored.v1",
  "task.skipped.v1",
] as const;
export const OTHER_CHANGE_TYPES = [
  "list.created.v1",
  "list.updated.v1",
  "list.deleted.v1",
  "list.restored.v1",
  "filter.created.v1",
  "filter.updated.v1",
  "filter.deleted.v1",
  "filter.restored.v1",
  "profile.updated.v1",
] as const;
export const CHANGE_TYPES = [...TASK_EVENT_TYPES, ...OTHER_CHANGE_TYPES] as const;
export type ChangeType = typeof CHANGE_TYPES[number];
export const REMINDER_EVENT_TYPES = [
  "reminder.scheduled.v1",
  "reminder.due.v1",
  "reminder.cancelled.v1",
] as const;
export const NOTIFICATION_EVENT_TYPES = [
  "notification.created.v1",
  "notification.delivered.v1",
  "notification.failed.v1",
] as const;
export type EventType =
  | ChangeType
  | typeof REMINDER_EVENT_TYPES[number]
  | typeof NOTIFICATION_EVENT_TYPES[number];

const base = {
  userId: Uuid,
  /** Position in the producing service's stream of this user; starts at 1, no holes. */
  seq: z.int().min(1),
  actor: Actor,
};

/** `before` holds the changed fields only, as they were. */
const Before = z.record(z.string(), z.unknown()).nullable();

/** What a consumer needs beside the task to place it in time, so that it has to ask nobody. */
const Series = z.object({
  /** The due of the series' first occurrence: the start of the rule's grid. */
  anchor: Due,
  /** The grid date that this occurrence stands for, even when its due was moved by hand. */
  scheduled: CivilDate,
}).nullable();

export const TaskEventData = z.object({
  ...base,
  task: Task,
  before: Before,
  /** The user's zone at the change: where a floating due is. */
  timeZone: z.string(),
  series: Series,
});
export const ListEventData = z.object({ ...base, task: z.null(), list: List, before: Before });
export const FilterEventData = z.object({ ...base, task: z.null(), filter: Filter, before: Before });
export const ProfileEventData = z.object({ ...base, task: z.null(), profile: Profile, before: Before });
export const ReminderEventData = z.object({
  ...base,
  reminder: ReminderEntry,
  /** What the notification says; null once the task is gone. */
  task: z.object({ id: Uuid, title: z.string(), dueAt: Instant.nullable(), due: z.union([Due, z.null()]) })
    .nullable(),
});
export const NotificationEventData = z.object({ ...base, notification: Notification });

const schemaOf: Record<EventType, z.ZodType> = Object.fromEntries([
  ...TASK_EVENT_TYPES.map((type) => [type, TaskEventData]),
  ...OTHER_CHANGE_TYPES.map((type) => [
    type,
    type.startsWith("list.")
      ? ListEventData
      : type.startsWith("filter.")
      ? FilterEventData
      : ProfileEventData,
  ]),
  ...REMINDER_EVENT_TYPES.map((type) => [type, ReminderEventData]),
  ...NOTIFICATION_EVENT_TYPES.map((type) => [type, NotificationEventData]),
]);

/** The schema of one event type's `data`, or undefined for a type this build does not know. */
export function dataSchema(type: string): z.ZodType | undefined {
  return Object.hasOwn(schemaOf, type) ? schemaOf[type as EventType] : undefined;
}

/** The CloudEvents 1.0 envelope with Rondo's extensions. */
export const Envelope = z.object({
  specversion: z.literal("1.0"),
  id: Uuid,
  source: z.string(),
  type: z.string(),
  /** The task's (list's, filter's, reminder's, …) id. */
  subject: z.string(),
  time: Instant,
  datacontenttype: z.literal("application/json"),
  dataschema: z.string(),
  /** The user's id: the ordering key. */
  partitionkey: Uuid,
  correlationid: z.string(),
  causationid: z.string(),
  traceparent: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export type Envelope = z.infer<typeof Envelope>;
export type TaskEvent = Omit<Envelope, "data"> & { data: z.infer<typeof TaskEventData> };
export type ReminderEvent = Omit<Envelope, "data"> & { data: z.infer<typeof ReminderEventData> };
export type NotificationEvent = Omit<Envelope, "data"> & { data: z.infer<typeof NotificationEventData> };
export type ProfileEvent = Omit<Envelope, "data"> & { data: z.infer<typeof ProfileEventData> };

/** One link of a user's audit chain: what happened, and the thing as it was before and is after. */
export const AuditEntry = z.object({
  n: z.int().min(1),
  eventId: Uuid,
  type: z.string(),
  at: Instant,
  actor: Actor,
  taskId: Uuid.nullable(),
  correlationId: z.string(),
  causationId: z.string(),
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
  hash: z.string(),
}).openapi("AuditEntry");
export type AuditEntry = z.infer<typeof AuditEntry>;
