/** From a due reminder to a notification with its deliveries, and what is told about them. */
import { uuidv7 } from "uuidv7";
import type { Envelope, EventType, ReminderEvent, Topic } from "../shared/contracts/events.ts";
import type { Channel, Notification, Profile } from "../shared/contracts/resources.ts";
import { isLate, nextAllowed } from "../shared/domain/reminders.ts";
import { formatInstant } from "../shared/domain/time.ts";
import { lockUser, type Tx } from "../shared/store/database.ts";
import { appendEvents } from "../shared/store/outbox.ts";
import { reminderBody } from "./texts.ts";

const TOPICS: readonly Topic[] = ["notifications"];

type Delivery = Notification["deliveries"][number];
type NewDelivery = Delivery & { id: string; nextAttemptAt: string | null };

export interface TellOptions {
  profile: Profile;
  now: Temporal.Instant;
  /** Whether this installation can send e-mail. */
  canMail: boolean;
  /** Whether it can send web push. */
  canPush: boolean;
}

/** Records the notification of a due reminder; null when it was recorded before. */
export async function tellReminder(
  tx: Tx,
  event: Envelope,
  options: TellOptions,
): Promise<Notification | null> {
  const { reminder, task, userId } = event.data as ReminderEvent["data"];
  const { profile, now } = options;
  const at = formatInstant(now);
  const id = uuidv7();
  // What waited on its way here is told late, too, whatever the ledger knew.
  const late = reminder.late || isLate(Temporal.Instant.from(reminder.fireAt), now);
  const deliveries = planDeliveries(options);
  const notification: Notification = {
    id,
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
  // In one packet with what it guards.
  const locked = lockUser(tx, "notifications", userId);
  const recorded = tx<{ id: string }[]>`
    with notification as (
      insert into notifications.notifications (
        id, user_id, type, reminder_id, task_id, title, body, late, created_at, read_at, correlation_id, causation_id,
        traceparent
      ) values (
        ${id}, ${userId}, ${notification.type}, ${reminder.id}, ${notification.taskId}, ${notification.title},
        ${notification.body}, ${notification.late}, ${at}, ${notification.readAt}, ${event.correlationid},
        ${event.causationid}, ${event.traceparent}
      ) on conflict (reminder_id) do nothing
      returning id
    )
    insert into notifications.deliveries (
      id, user_id, notification_id, channel, status, attempts, error, next_attempt_at, job_state, updated_at
    )
    select d.id, ${userId}, n.id, d.channel, d.status, d.attempts, d.error, d."nextAttemptAt",
      case d.status when 'pending' then 'wanted' else 'none' end, ${at}
    from notification as n, jsonb_to_recordset(${tx.json(deliveries as never)})
      as d (id uuid, channel text, status text, attempts int, error text, "nextAttemptAt" timestamptz)
    returning id`.execute();
  const [, made] = await Promise.all([locked, recorded]);
  if (made.length === 0) return null;
  await tell(tx, "notification.created.v1", { userId, notification, now, causationId: event.causationid });
  return notification;
}

/** One delivery per channel that has something to say, in-app first. */
function planDeliveries({ profile, now, canMail, canPush }: TellOptions): NewDelivery[] {
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
  await appendEvents(tx, [{
    type,
    subject: notification.taskId ?? notification.id,
    topics: TOPICS,
    actor: { kind: "system", id: "notifications" },
    data: { notification },
  }], { schema: "notifications", source: "notifications", userId, now, causationId });
}

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
