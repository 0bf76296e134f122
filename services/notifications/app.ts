/**
 * Notifications: what users are told, by which channel, and what became of it.
 *
 * A due reminder becomes one notification with one delivery per channel. In-app is delivered with it; e-mail
 * waits for the end of quiet hours and is tried again, its jobs being mere alarm clocks of the table.
 */
import { createRoute, z } from "@hono/zod-openapi";
import type { Envelope } from "../shared/contracts/events.ts";
import {
  Notification,
  type Profile,
  PushSubscription,
  PushSubscriptionInput,
} from "../shared/contracts/resources.ts";
import { MAX_LIMIT, Uuid } from "../shared/contracts/task.ts";
import { isPushAddress, type PushHost } from "../shared/domain/push_hosts.ts";
import { formatInstant } from "../shared/domain/time.ts";
import {
  createServiceApp,
  databaseReady,
  internalUser,
  type ServiceDependencies,
} from "../shared/http/app.ts";
import { decodeCursor, pageOf } from "../shared/http/cursor.ts";
import { idempotencyKeyOf } from "../shared/http/idempotency.ts";
import { invalid, notFound } from "../shared/http/problem.ts";
import type { Delivery, Service } from "../shared/runtime/ports.ts";
import { asUser, EVERY_USER, setUser, type Tx } from "../shared/store/database.ts";
import { createConsumer } from "../shared/store/inbox.ts";
import { currentContext } from "../shared/telemetry/context.ts";
import { createLoop } from "../shared/runtime/loop.ts";
import { once, pruneAnswers, type WriteOptions } from "./answers.ts";
import { createMailer } from "./mail.ts";
import { askProfiles } from "./profiles.ts";
import { createPusher, type Pusher, type VapidKeys } from "./push.ts";
import { createSending } from "./sending.ts";
import { subscribe, subscriptions, unsubscribe, vapidKeys } from "./subscriptions.ts";
import { type Fallen, notificationColumns, tellReminders } from "./telling.ts";
import { createWaiting, keepWaiting, whoWaits } from "./waiting.ts";

const NAME = "notifications";
const SWEEP_EVERY_MS = 30_000;
const PRUNE_EVERY_MS = 600_000;
/** How soon after the api is back those are told who wait for it. */
const WAITING_EVERY_MS = 5_000;
/** Well within the time that a broker gives a handler: an api that hangs is one that is away. */
const ASKING_LASTS_MS = 3_000;

export interface NotificationsOptions {
  /** Under which users open Rondo, such as `https://rondo.example.org`. */
  publicUrl: string;
  /** `smtp://…` or `smtps://…`; absent: no e-mail is sent. */
  smtpUrl?: string;
  /** The sender of e-mail; default `Rondo <rondo@<host of publicUrl>>`. */
  mailFrom?: string;
  /** Absent: no web push is sent. */
  push?: {
    /** The push services that may be sent to. */
    hosts: readonly PushHost[];
    /** Default: a pair that is made once and kept in the database. */
    keys?: VapidKeys;
    /** Whom push services can turn to; default: the public address, or one made from it. */
    subject?: string;
  };
}

const json = <S extends z.ZodType>(description: string, schema: S) => ({
  description,
  content: { "application/json": { schema } },
});
const listRoute = createRoute({
  method: "get",
  path: "/internal/notifications",
  request: {
    query: z.object({
      unread: z.enum(["true", "false"]).optional(),
      limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(50),
      cursor: z.string().optional(),
    }),
  },
  responses: {
    200: json(
      "Notifications, newest first, and how many are unread in all",
      z.object({ items: z.array(Notification), nextCursor: z.string().nullable(), unread: z.int() }),
    ),
  },
});
const readRoute = createRoute({
  method: "post",
  path: "/internal/notifications/{id}/read",
  request: { params: z.object({ id: Uuid }) },
  responses: { 200: json("The notification; the same again on repeat", Notification) },
});
const readAllRoute = createRoute({
  method: "post",
  path: "/internal/notifications/read-all",
  responses: { 200: json("How many were unread until now", z.object({ read: z.int() })) },
});
const keyRoute = createRoute({
  method: "get",
  path: "/internal/push/key",
  responses: { 200: json("The public key for web push", z.object({ publicKey: z.string() })) },
});
const subscriptionsRoute = createRoute({
  method: "get",
  path: "/internal/push/subscriptions",
  responses: { 200: json("Browsers, newest first", z.object({ items: z.array(PushSubscription) })) },
});
const subscribeRoute = createRoute({
  method: "post",
  path: "/internal/push/subscriptions",
  request: {
    body: { required: true, content: { "application/json": { schema: PushSubscriptionInput } } },
  },
  responses: { 201: json("The browser; the same again on repeat", PushSubscription) },
});
const unsubscribeRoute = createRoute({
  method: "delete",
  path: "/internal/push/subscriptions/{id}",
  request: { params: z.object({ id: Uuid }) },
  responses: { 204: { description: "It is told no longer" } },
});
const Cursor = z.tuple([Uuid]);
const DueReminder = z.object({ type: z.literal("reminder.due.v1"), partitionkey: Uuid });

/** The notifications service over its ports. */
export function createNotifications(dependencies: ServiceDependencies & NotificationsOptions): Service {
  const { sql, runtime, log, metrics, clock, smtpUrl } = dependencies;
  const publicUrl = dependencies.publicUrl.replace(/\/+$/, "");
  const { mailFrom = `Rondo <rondo@${new URL(publicUrl).hostname}>` } = dependencies;
  const mailer = smtpUrl === undefined ? null : createMailer({ smtpUrl, from: mailFrom });
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  for (const channel of ["in-app", "email", "push"]) {
    // There from the start: a counter that begins with its first failure has never increased.
    for (const status of ["delivered", "failed"]) metrics.notificationsSent.inc({ channel, status }, 0);
  }
  const { push } = dependencies;
  /** Made when it is started: the keys are in the database. */
  let pusher: Pusher | null = null;
  const sending = createSending({
    ...{ sql, runtime, clock, metrics, mailer, publicUrl },
    get pusher() {
      return pusher;
    },
  });
  // Two loops: neither a slow mail server nor a scheduler that does not answer holds up the other's work.
  const due = createLoop({ everyMs: SWEEP_EVERY_MS, log, run: sending.sendDue });
  const jobs = createLoop({ everyMs: SWEEP_EVERY_MS, log, run: sending.settleJobs });
  const prune = createLoop({
    everyMs: PRUNE_EVERY_MS,
    log,
    async run() {
      await sending.prune();
      await pruneAnswers(sql, clock.now());
    },
  });
  const waiting = createLoop({
    everyMs: WAITING_EVERY_MS,
    log,
    run: createWaiting({
      ...{ sql, runtime, log, told },
      tell: (tx, event, profile) => tellDue(tx, [{ event, profile, context: currentContext() }]),
    }),
  });

  runtime.subscribe({
    topic: "reminders",
    consumer: NAME,
    async handle(batch) {
      // Asked before the transaction, which is not held open over calls.
      const profiles = await profilesOf(batch);
      let waits = false;
      const consume = createConsumer({
        sql,
        schema: "notifications",
        consumer: NAME,
        ...{ log, metrics, clock },
        effect: {
          async all(tx, users, within) {
            const due = [...users.values()].flat().filter(({ type }) => type === "reminder.due.v1");
            if (due.length === 0) return;
            const scoped = setUser(tx, EVERY_USER);
            const [waiting] = await Promise.all([whoWaits(tx, [...users.keys()]), scoped]);
            const isLater = ({ partitionkey }: Envelope) =>
              profiles instanceof Error || waiting.has(partitionkey);
            const later = due.filter(isLater);
            waits ||= later.length > 0;
            await keepWaiting(tx, later, clock);
            if (profiles instanceof Error) return;
            const fallen = due.filter((event) => !isLater(event)).map(async (event) => {
              const profile = profiles.get(event.partitionkey);
              // An account that is gone has nobody to tell.
              if (profile === undefined) return [];
              return [{
                event,
                profile,
                context: await within(event, () => Promise.resolve(currentContext())),
              }];
            });
            await tellDue(tx, (await Promise.all(fallen)).flat());
          },
        },
        committed() {
          told();
          if (waits) waiting.wake();
        },
      });
      return await consume(batch);
    },
  });
  runtime.jobs.handle((job) => sending.send(job.name));
  const forget = runtime.onWake("notification-jobs", () => jobs.wake());

  async function tellDue(tx: Tx, fallen: readonly Fallen[]): Promise<void> {
    const options = { now: clock.now(), canMail: mailer !== null, canPush: pusher !== null };
    const told = await tellReminders(tx, fallen, options);
    for (const { channel, status } of told.flatMap(({ deliveries }) => deliveries)) {
      if (status !== "pending") metrics.notificationsSent.inc({ channel, status });
    }
  }

  function told(): void {
    runtime.wake("outbox");
    due.wake();
    jobs.wake();
  }

  async function profilesOf(batch: readonly Delivery[]): Promise<Map<string, Profile> | Error> {
    const users = new Set(
      batch.flatMap(({ event }) => DueReminder.safeParse(event).data?.partitionkey ?? []),
    );
    if (users.size === 0) return new Map();
    return await askProfiles(runtime, [...users], AbortSignal.timeout(ASKING_LASTS_MS))
      .catch((cause) => cause instanceof Error ? cause : new Error(String(cause)));
  }

  app.openapi(listRoute, async (context) => {
    const { unread, limit, cursor } = context.req.valid("query");
    const userId = internalUser(context.req.raw);
    const before = cursor === undefined ? null : decodeCursor(cursor, Cursor)[0];
    const { rows, count } = await asUser(sql, userId, async (tx) => {
      const [rows, [counted]] = await Promise.all([
        tx<Notification[]>`
          select ${notificationColumns(tx)} from notifications.notifications as n
          where n.user_id = ${userId}
            ${unread === "true" ? tx`and n.read_at is null` : tx``}
            ${before === null ? tx`` : tx`and n.id < ${before}`}
          order by n.id desc
          limit ${limit + 1}`,
        tx<{ count: number }[]>`
          select count(*)::int as count from notifications.notifications
          where user_id = ${userId} and read_at is null`,
      ]);
      return { rows, count: counted?.count ?? 0 };
    });
    return context.json({ ...pageOf(rows, limit, ({ id }) => [id]), unread: count }, 200);
  });
  app.openapi(readAllRoute, async (context) => {
    const options = writeOf(context.req.raw);
    const answer = await once(sql, options, async (tx) => {
      const read = await tx`
        update notifications.notifications set read_at = ${formatInstant(options.now)}
        where user_id = ${options.userId} and read_at is null
        returning id`;
      return { read: read.length };
    });
    return context.json(answer, 200);
  });
  app.openapi(readRoute, async (context) => {
    const { id } = context.req.valid("param");
    const options = writeOf(context.req.raw);
    const { userId } = options;
    const notification = await once(sql, options, async (tx) => {
      await tx`
        update notifications.notifications set read_at = ${formatInstant(options.now)}
        where user_id = ${userId} and id = ${id} and read_at is null`;
      const [notification] = await tx<Notification[]>`
        select ${notificationColumns(tx)} from notifications.notifications as n
        where n.user_id = ${userId} and n.id = ${id}`;
      if (notification === undefined) throw notFound("There is no such notification");
      return notification;
    });
    return context.json(notification, 200);
  });

  app.openapi(keyRoute, (context) => context.json({ publicKey: requirePusher().publicKey }, 200));
  app.openapi(subscriptionsRoute, async (context) => {
    return context.json({ items: await subscriptions(sql, internalUser(context.req.raw)) }, 200);
  });
  app.openapi(subscribeRoute, async (context) => {
    requirePusher();
    const input = context.req.valid("json");
    if (!isPushAddress(push?.hosts ?? [], input.endpoint)) {
      throw invalid("endpoint", "must be the address of a push service that this installation sends to");
    }
    if (!await isPoint(input.keys.p256dh)) throw invalid("keys.p256dh", "must be a point of P-256");
    const options = writeOf(context.req.raw, input);
    const made = await once(sql, options, (tx) => subscribe(tx, options.userId, input, options.now));
    return context.json(made, 201);
  });
  app.openapi(unsubscribeRoute, async (context) => {
    const { id } = context.req.valid("param");
    const options = writeOf(context.req.raw);
    await once(sql, options, async (tx) => {
      if (!await unsubscribe(tx, options.userId, id)) throw notFound("There is no such browser");
      return null;
    });
    return context.body(null, 204);
  });

  /** A user's write, bound to its key. */
  function writeOf(request: Request, input: unknown = null): WriteOptions {
    const { pathname } = new URL(request.url);
    return {
      userId: internalUser(request),
      key: idempotencyKeyOf(request),
      request: `${request.method} ${pathname} ${JSON.stringify(input)}`,
      now: clock.now(),
    };
  }

  function requirePusher(): Pusher {
    if (pusher === null) throw notFound("Web push is off on this installation");
    return pusher;
  }

  return {
    name: NAME,
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      if (push !== undefined) {
        const keys = push.keys ?? await vapidKeys(sql);
        pusher = createPusher({ keys, hosts: push.hosts, subject: push.subject ?? subjectOf(publicUrl) });
      }
      due.start();
      jobs.start();
      prune.start();
      waiting.start();
      await runtime.start();
    },
    async stop() {
      forget();
      await runtime.stop();
      await Promise.all([due.stop(), jobs.stop(), prune.stop(), waiting.stop()]);
      mailer?.close();
    },
  };
}

/** A push service turns to the installation's own address where it is one that it could open. */
const subjectOf = (publicUrl: string): string =>
  publicUrl.startsWith("https:") ? publicUrl : `mailto:rondo@${new URL(publicUrl).hostname}`;

/** Whether a browser's key is one that messages can be encrypted for. */
async function isPoint(p256dh: string): Promise<boolean> {
  try {
    const bytes = Uint8Array.from(
      atob(p256dh.replaceAll("-", "+").replaceAll("_", "/")),
      (c) => c.charCodeAt(0),
    );
    await crypto.subtle.importKey("raw", bytes, { name: "ECDH", namedCurve: "P-256" }, false, []);
    return true;
  } catch {
    return false;
  }
}
