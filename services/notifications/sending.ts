/**
 * Sending e-mail and web push: effects outside the database.
 *
 * The intent (`attempts`, `sending_until`) is committed, the message is sent, the result is committed. SMTP knows
 * no idempotency key, so a process that dies between the server's 250 and the result sends again when the intent
 * has run out: at least once, in that window alone, and with the same Message-ID.
 */
import type { Notification, Profile } from "../shared/contracts/resources.ts";
import { nextAllowed } from "../shared/domain/reminders.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { forEachLimited } from "../shared/runtime/loop.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import { reason } from "../shared/runtime/waiting.ts";
import { asUser, EVERY_USER, lockUser, type Sql } from "../shared/store/database.ts";
import { KEPT_DAYS } from "../shared/store/inbox.ts";
import { newContext, runInContext } from "../shared/telemetry/context.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { Mailer } from "./mail.ts";
import { askProfiles } from "./profiles.ts";
import type { Pusher } from "./push.ts";
import { recordReceipts, targetsOf } from "./subscriptions.ts";
import { notificationColumns, tell } from "./telling.ts";

/** Minutes to wait after each failed attempt; the sixth, about an hour after the first, is the last. */
const BACKOFF_MINUTES = [0.5, 2, 7, 20, 30];
/** Longer than the mailer's own timeouts together, so an intent runs out only when its process is gone. */
const SENDING_LASTS = { minutes: 3 };
/** Messages on their way at a time, whoever asked for them: as many as the mailer has connections. */
const SENDING_AT_ONCE = 4;
/** Calls to the scheduler at a time. */
const JOBS_AT_ONCE = 4;
const PAGE = 200;

interface Claimed {
  id: string;
  userId: string;
  notificationId: string;
  channel: "email" | "push";
  attempts: number;
  correlationId: string;
  traceparent: string;
  causationId: string;
  taskId: string | null;
  title: string;
  body: string;
}

/** What is recorded after an attempt. */
interface Result {
  status: "pending" | "delivered" | "failed" | "skipped";
  error: string | null;
  nextAttemptAt: Temporal.Instant | null;
  /** False when nothing was tried. */
  attempted: boolean;
}

const DELIVERED: Result = { status: "delivered", error: null, nextAttemptAt: null, attempted: true };
const SKIPPED = { status: "skipped", nextAttemptAt: null, attempted: false } as const;

export interface SendingOptions {
  sql: Sql;
  runtime: Pick<Runtime, "invoke" | "jobs" | "wake">;
  clock: Clock;
  metrics: Metrics;
  /** Null: this installation sends no e-mail. */
  mailer: Mailer | null;
  /** Null: it sends no web push. Read at each sending: it is made when the service starts. */
  readonly pusher: Pusher | null;
  /** The address under which users open Rondo, without a trailing slash. */
  publicUrl: string;
}

export interface Sending {
  /** Sends one delivery if it is due. */
  send(deliveryId: string): Promise<void>;
  /** Sends all that are due, whatever became of their jobs. */
  sendDue(): Promise<void>;
  /** Makes the jobs of those whose time lies ahead; what is due is sent without one. */
  settleJobs(): Promise<void>;
  /** Forgets received events of more than 45 days ago; the history stays. */
  prune(): Promise<void>;
}

/** Sending over the deliveries' table; every function rejects when the database does not answer. */
export function createSending(options: SendingOptions): Sending {
  const { sql, runtime, clock, metrics, mailer, publicUrl } = options;
  const limited = createLimiter(SENDING_AT_ONCE);
  return { send, sendDue, settleJobs, prune };

  async function send(deliveryId: string): Promise<void> {
    if (await claimAndSend(deliveryId)) return;
    // A job that came too early is used up: the delivery needs another.
    await asUser(sql, EVERY_USER, (tx) =>
      tx`
        update notifications.deliveries set job_state = 'wanted'
        where id = ${deliveryId} and status = 'pending' and next_attempt_at > ${formatInstant(clock.now())}`);
    runtime.wake("notification-jobs");
  }

  async function sendDue(): Promise<void> {
    await forEachLimited(Array(SENDING_AT_ONCE).keys(), SENDING_AT_ONCE, async () => {
      while (await claimAndSend(null));
    });
  }

  /**
   * Sends one that is due (null: whichever has waited longest); false when there is none. It is claimed when there
   * is a place to send it from: a claim that grows old in a queue would run out, and the message go out twice.
   */
  function claimAndSend(deliveryId: string | null): Promise<boolean> {
    return limited(async () => {
      const claimed = await claim(deliveryId);
      if (claimed !== undefined) await attempt(claimed);
      return claimed !== undefined;
    });
  }

  /** The intent. The sweep passes over rows that others hold; a job waits for its own, since it does not come again. */
  async function claim(deliveryId: string | null): Promise<Claimed | undefined> {
    const now = clock.now();
    const [claimed] = await asUser(sql, EVERY_USER, (tx) =>
      tx<Claimed[]>`
        with due as (
          select id from notifications.deliveries
          where status = 'pending' and next_attempt_at <= ${formatInstant(now)}
            and (sending_until is null or sending_until <= ${formatInstant(now)})
            ${deliveryId === null ? tx`` : tx`and id = ${deliveryId}`}
          order by next_attempt_at
          limit 1
          for update ${deliveryId === null ? tx`skip locked` : tx``}
        ), claimed as (
          update notifications.deliveries as d
          set attempts = attempts + 1, sending_until = ${
        formatInstant(now.add(SENDING_LASTS))
      }, job_state = 'none'
          from due where d.id = due.id
          returning d.id, d.user_id, d.notification_id, d.channel, d.attempts
        )
        select c.id, c.user_id as "userId", c.notification_id as "notificationId", c.channel, c.attempts,
          n.correlation_id as "correlationId", n.causation_id as "causationId", n.traceparent,
          n.task_id as "taskId", n.title, n.body
        from claimed as c join notifications.notifications as n on n.id = c.notification_id`);
    return claimed;
  }

  async function attempt(delivery: Claimed): Promise<void> {
    await runInContext(newContext(delivery), async () => {
      await record(delivery, await tryToSend(delivery));
    });
  }

  async function tryToSend(delivery: Claimed): Promise<Result> {
    const profiles = await askProfiles(runtime, [delivery.userId])
      .catch((cause): { unknown: string } => ({ unknown: reason(cause) }));
    if ("unknown" in profiles) {
      return afterFailure(delivery, { final: false, error: profiles.unknown }, null);
    }
    const profile = profiles.get(delivery.userId);
    if (profile === undefined) return { ...SKIPPED, error: "the account is gone" };
    // What was wanted when it was planned may have been turned off while it waited.
    if (!profile.preferences.channels[delivery.channel]) {
      return { ...SKIPPED, error: "turned off in the preferences" };
    }
    const allowed = allowedAt(profile, clock.now());
    if (Temporal.Instant.compare(allowed, clock.now()) > 0) {
      return { status: "pending", error: null, nextAttemptAt: allowed, attempted: false };
    }
    return delivery.channel === "email"
      ? await sendMail(delivery, profile)
      : await sendPush(delivery, profile);
  }

  async function sendMail(delivery: Claimed, profile: Profile): Promise<Result> {
    if (mailer === null) return { ...SKIPPED, error: "e-mail is not set up on this installation" };
    const result = await mailer.send({
      deliveryId: delivery.id,
      to: { name: profile.name, email: profile.email },
      title: delivery.title,
      body: delivery.body,
      link: `${publicUrl}/task/${delivery.taskId ?? ""}`,
    });
    return result.ok ? DELIVERED : afterFailure(delivery, result, profile);
  }

  /** To every browser that has not had it. It counts as delivered when one has, and the others are done with. */
  async function sendPush(delivery: Claimed, profile: Profile): Promise<Result> {
    const { pusher } = options;
    if (pusher === null) return { ...SKIPPED, error: "push is not set up on this installation" };
    const { userId } = delivery;
    const { open, delivered: before } = await targetsOf(sql, userId, delivery.id);
    if (open.length === 0) {
      return before > 0 ? DELIVERED : { ...SKIPPED, error: "no browser has asked to be told" };
    }
    const message = {
      id: delivery.notificationId,
      title: delivery.title,
      body: delivery.body,
      url: delivery.taskId === null ? "/notifications" : `/task/${delivery.taskId}`,
      timestamp: clock.now().epochMilliseconds,
    };
    const results = await Promise.all(
      open.map(async (target) => ({ id: target.id, result: await pusher.send(target, message) })),
    );
    const idsOf = (wanted: (result: typeof results[number]["result"]) => boolean) =>
      results.filter(({ result }) => wanted(result)).map(({ id }) => id);
    const delivered = idsOf((result) => result.ok);
    const gone = idsOf((result) => !result.ok && result.gone);
    const refused = idsOf((result) => !result.ok && result.final && !result.gone);
    const now = clock.now();
    await recordReceipts(sql, { userId, deliveryId: delivery.id, now }, { delivered, refused, gone });
    const failures = results.flatMap(({ result }) => result.ok ? [] : [result]);
    const passing = failures.filter((failure) => !failure.gone && !failure.final);
    if (passing.length > 0) {
      const [{ error }] = passing as [typeof passing[number]];
      const seconds = Math.max(...passing.map(({ retryAfterSeconds }) => retryAfterSeconds));
      return afterFailure(delivery, { final: false, error }, profile, seconds);
    }
    if (before + delivered.length > 0) return DELIVERED;
    const [final] = failures.filter((failure) => failure.final && !failure.gone);
    if (final !== undefined) return afterFailure(delivery, final, profile);
    return { ...SKIPPED, error: "no browser wants to be told any more" };
  }

  function afterFailure(
    delivery: Claimed,
    result: { final: boolean; error: string },
    profile: Profile | null,
    leastSeconds = 0,
  ): Result {
    const wait = BACKOFF_MINUTES[delivery.attempts - 1];
    if (result.final || wait === undefined) {
      return { status: "failed", error: result.error, nextAttemptAt: null, attempted: true };
    }
    const at = clock.now().add({ seconds: Math.max(wait * 60, Math.ceil(leastSeconds)) });
    const nextAttemptAt = profile === null ? at : allowedAt(profile, at);
    return { status: "pending", error: result.error, nextAttemptAt, attempted: true };
  }

  /** The result, and the event that tells it when it is final. */
  async function record(delivery: Claimed, result: Result): Promise<void> {
    const { userId, causationId } = delivery;
    const now = clock.now();
    const { status, error, nextAttemptAt, attempted } = result;
    const told = await asUser(sql, userId, async (tx) => {
      await lockUser(tx, "notifications", userId);
      const updated = await tx`
        update notifications.deliveries
        set status = ${status}, error = ${error}, sending_until = null, updated_at = ${formatInstant(now)},
          next_attempt_at = ${nextAttemptAt === null ? null : formatInstant(nextAttemptAt)},
          job_state = ${status === "pending" ? "wanted" : "none"},
          attempts = ${attempted ? delivery.attempts : delivery.attempts - 1}
        where id = ${delivery.id} and status = 'pending' and attempts = ${delivery.attempts}
        returning id`;
      if (updated.length === 0 || status === "pending") return false;
      const [notification] = await tx<Notification[]>`
        select ${
        notificationColumns(tx)
      } from notifications.notifications as n where n.id = ${delivery.notificationId}`;
      if (notification === undefined) throw new Error("Cannot tell a delivery as its notification is gone");
      const type = status === "failed" ? "notification.failed.v1" : "notification.delivered.v1";
      await tell(tx, type, { userId, notification, now, causationId });
      return true;
    });
    if (told) {
      metrics.notificationsSent.inc({ channel: delivery.channel, status });
      runtime.wake("outbox");
    } else {
      runtime.wake("notification-jobs");
    }
  }

  async function settleJobs(): Promise<void> {
    for (;;) {
      const page = await asUser(sql, EVERY_USER, (tx) =>
        tx<{ id: string; nextAttemptAt: string }[]>`
          select id, next_attempt_at as "nextAttemptAt" from notifications.deliveries
          where status = 'pending' and job_state = 'wanted' and next_attempt_at > ${
          formatInstant(clock.now())
        }
          order by next_attempt_at
          limit ${PAGE}`);
      if (page.length === 0) return;
      const done: typeof page[number][] = [];
      const failure = await forEachLimited(page, JOBS_AT_ONCE, async (row) => {
        await runtime.jobs.schedule({
          name: row.id,
          dueAt: Temporal.Instant.from(row.nextAttemptAt),
          data: {},
        });
        done.push(row);
      }).then(() => null, (cause) => ({ cause }));
      // Only what still stands as it was read: one that was put off meanwhile asks for its job again.
      await asUser(sql, EVERY_USER, (tx) =>
        tx`
          update notifications.deliveries as d set job_state = 'set'
          from jsonb_to_recordset(${tx.json(done as never)}) as p (id uuid, "nextAttemptAt" timestamptz)
          where d.id = p.id and d.status = 'pending' and d.job_state = 'wanted' and d.next_attempt_at = p."nextAttemptAt"`);
      if (failure !== null) throw failure.cause;
    }
  }

  async function prune(): Promise<void> {
    const before = formatInstant(clock.now().subtract({ hours: KEPT_DAYS * 24 }));
    await sql`delete from notifications.inbox where received_at < ${before}`;
  }
}

function allowedAt(profile: Profile, at: Temporal.Instant): Temporal.Instant {
  const { quietHours } = profile.preferences;
  return nextAllowed({ at, quietHours, zone: profile.timeZone }).round("millisecond");
}

/** Does what it is given at most `limit` at a time; the rest waits in the order in which it came. */
function createLimiter(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place goes from hand to hand: nobody who comes now may take it before.
      if (next === undefined) free++;
      else next();
    }
  };
}
