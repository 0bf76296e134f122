/** From a due reminder to a notification with its deliveries, and what is told about them. */
import { uuidv7 } from "uuidv7";
import type { Envelope, EventType, ReminderEvent, Topic } from "../shared/contracts/events.ts";
import type { Channel, Notification, Profile } from "../shared/contracts/resources.ts";
import { isLate, nextAllowed } from "../shared/domain/reminders.ts";
import { formatInstant } from "../shared/domain/time.ts";
import { lockUsers, type Tx } from "../shared/store/database.ts";
import { appendAll, appendEvents, type EventDraft } from "../shared/store/outbox.ts";
import type { WorkContext } from "../shared/telemetry/context.ts";
import { reminderBody } from "./texts.ts";

const TOPICS: readonly Topic[] = ["notifications"];

type Delivery = Notification["deliveries"][number];
type NewDelivery = Delivery & { id: string; nextAttemptAt: string | null };

export interface TellOptions {
  now: Temporal.Instant;
  /** Whether this installation can send e-mail. */
  canMail: boolean;
  /** Whether it can send web push. */
  canPush: boolean;
}

/** A due reminder, and whom it is for. */
export interface Fallen {
  event: Envelope;
  profile: Profile;
  /** What the notification's event carries on: the trace and the correlation id. */
  context: WorkContext;
}

/** Records the notifications of due reminders, of many users at once; gives those that were not recorded before. */
export async function tellReminders(
  tx: Tx,
  fallen: readonly Fallen[],
  options: TellOptions,
): Promise<Notification[]> {
  if (fallen.length === 0) return [];
  const planned = fallen.map((one) => plan(one, options));
  const rows = planned.map(({ event, notification }) => ({
    ...notification,
    userId: event.partitionkey,
    reminderId: reminderOf(event).id,
    correlationId: event.correlationid,
    causationId: event.causationid,
    traceparent: event.traceparent,
  }));
  const deliveries = planned.flatMap(({ event, notification, deliveries }) =>
    deliveries.map((delivery) => ({
      ...delivery,
      userId: event.partitionkey,
      notificationId: notification.id,
      jobState: delivery.status === "pending" ? "wanted" : "none",
    }))
  );
  const at = formatInstant(options.now);
  // In one packet with what it guards.
  const locked = lockUsers(tx, "notifications", [...new Set(rows.map(({ userId }) => userId))]);
  const recorded = tx<{ id: string }[]>`
    with recorded as (
      insert into notifications.notifications (
        id, user_id, type, reminder_id, task_id, title, body, late, created_at, read_at, correlation_id, causation_id,
        traceparent
      )
      select n.id, n."userId", n.type, n."reminderId", n."taskId", n.title, n.body, n.late, n."createdAt", n."readAt",
        n."correlationId", n."causationId", n.traceparent
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as n (
        id uuid, "userId" uuid, type text, "reminderId" uuid, "taskId" uuid, title text, body text, late boolean,
        "createdAt" timestamptz, "readAt" timestamptz, "correlationId" text, "causationId" text, traceparent text
      )
      on conflict (reminder_id) do nothing
      returning id
    ), delivered as (
      insert into notifications.deliveries (
        id, user_id, notification_id, channel, status, attempts, error, next_attempt_at, job_state, updated_at
      )
      select d.id, d."userId", d."notificationId", d.channel, d.status, d.attempts, d.error, d."nextAttemptAt",
        d."jobState", ${at}
      from json_to_recordset(${JSON.stringify(deliveries)}::text::json) as d (
        id uuid, "userId" uuid, "notificationId" uuid, channel text, status text, attempts int, error text,
        "nextAttemptAt" timestamptz, "jobState" text
      )
      join recorded on recorded.id = d."notificationId"
    )
    select id from recorded`.execute();
  const [, made] = await Promise.all([locked, recorded]);
  const ids = new Set(made.map(({ id }) => id));
  const told = planned.filter(({ notification }) => ids.has(notification.id));
  await appendAll(
    tx,
    told.map(({ event, notification, context }) => ({
      userId: event.partitionkey,
      drafts: [draftOf("notification.created.v1", notification)],
      causationId: event.causationid,
      context,
    })),
    { schema: "notifications", source: "notifications", now: options.now },
  );
  return told.map(({ notification }) => notification);
}

const reminderOf = (event: Envelope) => (event.data as ReminderEvent["data"]).reminder;

/** What a due reminder becomes. */
function plan({ event, profile, context }: Fallen, options: TellOptions) {
  const { now } = options;
  const { reminder, task } = event.data as ReminderEvent["data"];
  const at = formatInstant(now);
  // What waited on its way here is told late, too, whatever the ledger knew.
  const late = reminder.late || isLate(Temporal.Instant.from(reminder.fireAt), now);
  const deliveries = planDeliveries(profile, options);
  const notification: Notification = {
    id: uuidv7(),
    type: "reminder.due",
    taskId: reminder.taskId,
    title: task?.title ?? "A task that is gone",
    body: reminderBody({
      ...{ due: task?.due ?? null, dueAt: task?.dueAt ?? null, late },
      ...{ now, zone: profile.timeZone },
    }),
    late,
    createdAt: at,
    // Whoever turned the in-app channel off finds it in the history, and no number calls for it.
    readAt: profile.preferences.channels.inApp ? null : at,
    deliveries: deliveries.map(({ channel, status, attempts, error }) => ({
      channel,
      status,
      attempts,
      error,
    })),
  };
  return { event, context, notification, deliveries };
}

/** One delivery per channel that has something to say, in-app first. */
function planDeliveries(profile: Profile, { now, canMail, canPush }: TellOptions): NewDelivery[] {
  const { channels, quietHours } = profile.preferences;
  const delivery = (channel: Channel, rest: Partial<NewDelivery>): NewDelivery => ({
    ...{ id: uuidv7(), channel, status: "skipped", attempts: 0, error: null, nextAttemptAt: null },
    ...rest,
  });
  const off = { error: "turned off in the preferences" };
  const inApp = delivery("in-app", channels.inApp ? { status: "delivered", attempts: 1 } : off);
  const later = (channel: Channel): NewDelivery =>
    delivery(channel, {
      status: "pending",
      nextAttemptAt: formatInstant(nextAllowed({ at: now, quietHours, zone: profile.timeZone })),
    });
  const email = !channels.email
    ? delivery("email", off)
    : !canMail
    ? delivery("email", { error: "e-mail is not set up on this installation" })
    : later("email");
  if (!channels.push) return [inApp, email];
  const push = canPush
    ? later("push")
    : delivery("push", { error: "push is not set up on this installation" });
  return [inApp, email, push];
}

/** Appends one event about a notification as it is now. */
export async function tell(
  tx: Tx,
  type: EventType,
  about: { userId: string; notification: Notification; now: Temporal.Instant; causationId: string },
): Promise<void> {
  const { userId, notification, now, causationId } = about;
  await appendEvents(tx, [draftOf(type, notification)], {
    schema: "notifications",
    source: "notifications",
    userId,
    now,
    causationId,
  });
}

const draftOf = (type: EventType, notification: Notification): EventDraft => ({
  type,
  subject: notification.taskId ?? notification.id,
  topics: TOPICS,
  actor: { kind: "system", id: "notifications" },
  data: { notification },
});

/** The columns of a notification as it crosses HTTP and events, from `notifications.notifications as n`. */
export const notificationColumns = (tx: Tx) =>
  tx`n.id, n.type, n.task_id as "taskId", n.title, n.body, n.late, n.created_at as "createdAt", n.read_at as "readAt",
    (
      select coalesce(jsonb_agg(
        jsonb_build_object('channel', d.channel, 'status', d.status, 'attempts', d.attempts, 'error', d.error)
        order by array_position(array['in-app', 'email', 'push'], d.channel)
      ), '[]')
      from notifications.deliveries as d where d.notification_id = n.id
    ) as deliveries`;
