import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { uuidv7 } from "uuidv7";
import { Envelope, NotificationEventData } from "../shared/contracts/events.ts";
import {
  DEFAULT_PREFERENCES,
  type Notification,
  type Preferences,
  type Profile,
} from "../shared/contracts/resources.ts";
import { asUser } from "../shared/store/database.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";
import { testDatabase } from "../shared/testing/database.ts";
import {
  anEvent,
  aProfile,
  createFakeClock,
  createFakeRuntime,
  createQuietLog,
  waitFor,
} from "../shared/testing/fake_runtime.ts";
import { createNotifications } from "./app.ts";
import { notificationsStore } from "./store.ts";

/** 08:30 in Berlin. */
const NOW = "2027-03-02T07:30:00Z";

interface Received {
  to: string[];
  source: string;
  header(name: string): string | undefined;
}

/** A mail server on loopback; `refuse` answers the status for one message, or null to take it; `hold` keeps its answers back. */
async function mailServer(port = 0) {
  const received: Received[] = [];
  let refuse: (attempt: number) => { status: number; at: "recipient" | "data" } | null = () => null;
  let attempts = 0;
  let held: Promise<void> | null = null;
  let waiting = 0;
  const sockets = new Set<{ destroy(): void }>();
  const problem = (status: number) => Object.assign(new Error("no, thank you"), { responseCode: status });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    logger: false,
    onRcptTo(_address, _session, done) {
      const refusal = refuse(++attempts);
      done(refusal?.at === "recipient" ? problem(refusal.status) : null);
    },
    onData(stream, session, done) {
      let source = "";
      stream.on("data", (chunk: Uint8Array) => void (source += new TextDecoder().decode(chunk)));
      stream.on("end", async () => {
        if (held !== null) {
          waiting++;
          await held;
        }
        const refusal = refuse(attempts);
        if (refusal?.at === "data") return done(problem(refusal.status));
        const head = source.slice(0, source.indexOf("\r\n\r\n")).replaceAll(/\r\n[ \t]+/g, " ");
        received.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          source,
          header: (name) =>
            head.split("\r\n").find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))
              ?.slice(name.length + 2),
        });
        done();
      });
    },
  });
  server.on("error", () => {});
  server.server.on("connection", (socket: { destroy(): void }) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  const address = server.server.address() as AddressInfo;
  return {
    received,
    port: address.port,
    url: `smtp://127.0.0.1:${address.port}`,
    attempts: () => attempts,
    refuse: (given: typeof refuse) => void (refuse = given),
    /** Messages that wait for the answer. */
    waiting: () => waiting,
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return () => {
        held = null;
        resolve();
      };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface SetUp {
  smtpUrl?: string;
  preferences?: Omit<Partial<Preferences>, "channels"> & { channels?: Partial<Preferences["channels"]> };
  name?: string;
}

async function setUp({ smtpUrl, preferences = {}, name }: SetUp = {}) {
  const database = await testDatabase();
  const runtime = createFakeRuntime();
  const clock = createFakeClock(NOW);
  const metrics = createMetrics();
  const userId = uuidv7();
  let profile: Profile | null = aProfile({
    id: userId,
    name: name ?? "Ada",
    preferences: {
      ...DEFAULT_PREFERENCES,
      ...preferences,
      channels: { ...DEFAULT_PREFERENCES.channels, ...preferences.channels },
    },
  });
  let apiDown = false;
  let strange: Response | null = null;
  runtime.route("api", async (request) => {
    assert.equal(new URL(request.url).pathname, "/internal/profiles");
    if (apiDown) return new Response("", { status: 503 });
    const { userIds } = await request.json() as { userIds: string[] };
    if (profile === null) return strange ?? Response.json({ profiles: [] });
    return Response.json({ profiles: userIds.map((id) => ({ ...profile, id })) });
  });
  const sql = database.connect(notificationsStore.role);
  const admin = database.connect();
  const create = () =>
    createNotifications({
      ...{ sql, runtime, clock, metrics, smtpUrl },
      log: createQuietLog(),
      publicUrl: "https://rondo.example.test/",
    });
  const service = create();
  await service.start();
  const call = async (method: string, path: string, user = userId, key = "") => {
    const response = await service.fetch(
      new Request(`http://internal.test/internal/notifications${path}`, {
        method,
        headers: { "x-rondo-user": user, ...(key === "" ? {} : { "idempotency-key": key }) },
      }),
    );
    return { status: response.status, body: await response.json() };
  };
  return {
    ...{ database, admin, sql, runtime, clock, metrics, userId, service, create, call },
    profile: (change: (profile: Profile) => Profile | null) => void (profile = profile && change(profile)),
    api: (up: boolean) => void (apiDown = !up),
    /** What answers for a profile that is gone, in place of the api. */
    stranger: (answer: Response | null) => void (strange = answer),
    async list(query = "", user = userId) {
      return (await call("GET", query, user)).body as {
        items: Notification[];
        nextCursor: string | null;
        unread: number;
      };
    },
    async email() {
      const { items } = await this.list();
      return items[0]?.deliveries.find(({ channel }) => channel === "email");
    },
    async told() {
      const rows = await admin<{ event: unknown }[]>`select event from notifications.outbox order by id`;
      return rows.map(({ event }) => {
        const envelope = Envelope.parse(event);
        return { ...envelope, data: NotificationEventData.parse(envelope.data) };
      });
    },
    /** Waits until every delivery that waits has its job, one of them ahead, then moves the clock there and rings. */
    async ringNext() {
      await waitFor(async () =>
        isAhead(runtime.scheduled, clock.now()) &&
        (await admin`
          select 1 from notifications.deliveries
          where job_state = 'wanted' and next_attempt_at > ${clock.now().toString()}`).length === 0
      );
      const due = [...runtime.scheduled.values()].map((job) => job.dueAt).filter((at) =>
        after(at, clock.now())
      );
      const [next] = due.sort(Temporal.Instant.compare);
      if (next !== undefined) clock.set(next);
      await runtime.runJobs(clock.now());
      return clock.now();
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await database[Symbol.asyncDispose]();
    },
  };
}

const aProblem = (status: number) =>
  Response.json({ title: "No" }, { status, headers: { "content-type": "application/problem+json" } });
const after = (a: Temporal.Instant, b: Temporal.Instant) => Temporal.Instant.compare(a, b) > 0;
const isAhead = (jobs: Map<string, { dueAt: Temporal.Instant }>, now: Temporal.Instant) =>
  [...jobs.values()].some(({ dueAt }) => after(dueAt, now));

const DUE = { date: "2027-03-02", time: "09:00", timeZone: null };

function due(
  userId: string,
  fields: { seq?: number; title?: string; late?: boolean; taskId?: string } = {},
): Envelope {
  const taskId = fields.taskId ?? uuidv7();
  return anEvent("reminder.due.v1", {
    userId,
    seq: fields.seq ?? 1,
    time: NOW,
    subject: taskId,
    data: {
      reminder: {
        ...{ id: uuidv7(), taskId, occurrence: 1, reminderId: "r1", fireAt: NOW, status: "delivered" },
        ...{ deliveredAt: NOW, late: fields.late ?? false, reason: "fired: 30 min before it is due" },
      },
      task: {
        id: taskId,
        title: fields.title ?? "Water the plants",
        dueAt: "2027-03-02T08:00:00Z",
        due: DUE,
      },
    },
  });
}

Deno.test("notifications tells a due reminder once, in-app at once", async () => {
  await using test = await setUp();
  const event = due(test.userId, { late: true });
  await test.runtime.deliver("reminders", [event, event]);
  // The same ledger row under another event id, as after a lost inbox.
  await test.runtime.deliver("reminders", [{ ...event, id: uuidv7() }]);
  const { items, unread } = await test.list();
  assert.equal(unread, 1);
  assert.deepEqual(items, [{
    id: items[0]?.id,
    type: "reminder.due",
    taskId: event.subject,
    title: "Water the plants",
    body: "Due today at 09:00 · reminded late",
    late: true,
    createdAt: NOW,
    readAt: null,
    deliveries: [
      { channel: "in-app", status: "delivered", attempts: 1, error: null },
      { channel: "email", status: "skipped", attempts: 0, error: "turned off in the preferences" },
    ],
  }]);
  const told = await test.told();
  assert.deepEqual(told.map(({ type }) => type), ["notification.created.v1"]);
  assert.deepEqual(told[0]?.data.notification, items[0]);
  assert.equal(told[0]?.correlationid, event.correlationid);
  assert.equal(told[0]?.subject, event.subject);
  assert.match(
    await test.metrics.registry.getSingleMetricAsString("notifications_sent_total"),
    /channel="in-app",status="delivered"} 1[^]*channel="email",status="failed"} 0/,
  );
});

Deno.test("notifications tells many users in one batch, each once, numbered by their own stream", async () => {
  await using test = await setUp();
  const users = Array.from({ length: 60 }, () => uuidv7());
  const batch = users.flatMap((userId) => [
    due(userId, { seq: 1, title: "First" }),
    due(userId, { seq: 2, title: "Second" }),
  ]);
  const outcomes = await test.runtime.deliver("reminders", [...batch, ...batch.slice(0, 10)]);
  assert.ok(outcomes.every(({ status }) => status === "ok"));
  for (const userId of users) {
    assert.deepEqual((await test.list("", userId)).items.map(({ title }) => title), ["Second", "First"]);
  }
  const told = await test.told();
  assert.equal(told.length, batch.length);
  for (const events of Map.groupBy(told, ({ partitionkey }) => partitionkey).values()) {
    assert.deepEqual(
      events.map(({ data }) => [data.seq, data.notification.title]),
      [[1, "First"], [2, "Second"]],
    );
  }
  const carried = new Map(told.map((event) => [event.subject, event.correlationid]));
  for (const event of batch) assert.equal(carried.get(event.subject), event.correlationid);
});

Deno.test("notifications skips with a reason what is off or not set up", async () => {
  await using test = await setUp({ preferences: { channels: { inApp: false, email: true, push: true } } });
  await test.runtime.deliver("reminders", [due(test.userId)]);
  const { items, unread } = await test.list();
  assert.equal(unread, 0);
  assert.deepEqual(items[0]?.deliveries, [
    { channel: "in-app", status: "skipped", attempts: 0, error: "turned off in the preferences" },
    { channel: "email", status: "skipped", attempts: 0, error: "e-mail is not set up on this installation" },
    { channel: "push", status: "skipped", attempts: 0, error: "push is not set up on this installation" },
  ]);
});

Deno.test("notifications keeps what nobody can be told of while the api is away, and tells it in order, late", async () => {
  await using test = await setUp();
  const [ada, bob] = [test.userId, uuidv7()];
  const deliver = async (userId: string, fields: Parameters<typeof due>[1]) => {
    const [outcome] = await test.runtime.deliver("reminders", [due(userId, fields)]);
    assert.equal(outcome?.status, "ok", "the event is not to blame");
  };
  const told = async (userId: string) =>
    (await test.list("", userId)).items.map(({ title, late }) => [title, late]);
  test.api(false);
  await deliver(ada, { seq: 1, title: "T1" });
  await deliver(bob, { seq: 1, title: "B1" });
  await deliver(ada, { seq: 2, title: "T2" });
  assert.deepEqual([await told(ada), await told(bob)], [[], []]);
  test.clock.set("2027-03-02T07:31:01Z");
  test.api(true);
  await deliver(ada, { seq: 3, title: "T3" });
  await waitFor(async () => (await told(ada)).length === 3 && (await told(bob)).length === 1, 60_000);
  assert.deepEqual(await told(ada), [["T3", true], ["T2", true], ["T1", true]]);
  assert.deepEqual(await told(bob), [["B1", true]]);
  assert.equal((await test.told()).length, 4);
  assert.match(
    await test.metrics.registry.getSingleMetricAsString("notifications_sent_total"),
    /channel="in-app",status="delivered"} 4/,
  );

  test.profile(() => null);
  // Nothing says that the account is gone but the api itself.
  const waiting = async () => (await test.admin`select 1 from notifications.waiting`).length;
  for (
    const [n, stranger] of [new Response("", { status: 404 }), aProblem(403), new Response("# HELP")]
      .entries()
  ) {
    test.stranger(stranger);
    await deliver(ada, { seq: 4 + n });
    assert.equal(await waiting(), 1 + n);
  }
  test.stranger(null);
  await deliver(ada, { seq: 7 });
  await waitFor(async () => await waiting() === 0, 60_000);
  assert.equal((await told(ada)).length, 3);
});

Deno.test("notifications waits no longer for an api that hangs than a broker waits for it", async () => {
  await using test = await setUp();
  const { promise, resolve } = Promise.withResolvers<Response>();
  let given: AbortSignal | undefined;
  test.runtime.route("api", (request) => {
    given ??= request.signal;
    request.signal.addEventListener("abort", () => resolve(new Response("", { status: 503 })));
    return promise;
  });
  const [outcome] = await test.runtime.deliver("reminders", [due(test.userId)]);
  assert.equal(outcome?.status, "ok");
  assert.equal(given?.aborted, true);
  assert.equal((await test.admin`select 1 from notifications.waiting`).length, 1);
});

Deno.test("notifications sends e-mail with a stable Message-ID, escaped, and nothing smuggled into its head", async () => {
  await using mail = await mailServer();
  await using test = await setUp({
    smtpUrl: mail.url,
    preferences: { channels: { email: true } },
    name: "Ada\r\nBcc: evil@example.test",
  });
  const event = due(test.userId, { title: "<b>Pay & run</b>\r\nBcc: evil@example.test\u2028" });
  await test.runtime.deliver("reminders", [event]);
  await waitFor(async () => (await test.email())?.status === "delivered");
  const [received] = mail.received;
  assert.equal(mail.received.length, 1);
  assert.deepEqual(received?.to, ["ada@example.test"]);
  const [row] = await test.admin`select id from notifications.deliveries where channel = 'email'`;
  assert.equal(received.header("message-id"), `<${row?.id}@rondo>`);
  assert.equal(received.header("subject"), "<b>Pay & run</b> Bcc: evil@example.test");
  assert.equal(received.header("bcc"), undefined);
  assert.equal(received.header("from"), "Rondo <rondo@rondo.example.test>");
  const text = received.source.replaceAll("=\r\n", "").replaceAll("=3D", "=");
  assert.ok(text.includes("Due today at 09:00"));
  assert.ok(text.includes("&lt;b&gt;Pay &amp; run&lt;/b&gt;"));
  assert.ok(text.includes(`href="https://rondo.example.test/task/${event.subject}"`));
  const told = await test.told();
  assert.deepEqual(told.map(({ type, data }) => [type, data.seq]), [
    ["notification.created.v1", 1],
    ["notification.delivered.v1", 2],
  ]);
  assert.deepEqual(told[1]?.data.notification, (await test.list()).items[0]);
});

Deno.test("notifications tries again after a 4xx, with the same Message-ID", async () => {
  await using mail = await mailServer();
  mail.refuse((attempt) =>
    attempt === 1 ? { status: 451, at: "data" } : attempt === 2 ? { status: 450, at: "recipient" } : null
  );
  await using test = await setUp({ smtpUrl: mail.url, preferences: { channels: { email: true } } });
  await test.runtime.deliver("reminders", [due(test.userId)]);
  assert.equal((await test.ringNext()).toString(), "2027-03-02T07:30:30Z");
  await waitFor(async () => (await test.email())?.attempts === 2);
  const email = await test.email();
  assert.equal(email?.status, "pending");
  assert.match(email?.error ?? "", /450/);
  await test.ringNext();
  await waitFor(async () => (await test.email())?.status === "delivered");
  assert.equal((await test.email())?.attempts, 3);
  assert.equal((await test.email())?.error, null);
  assert.equal(mail.received.length, 1);
});

Deno.test("notifications takes a 5xx as the last word", async () => {
  for (const at of ["recipient", "data"] as const) {
    await using mail = await mailServer();
    mail.refuse(() => ({ status: 550, at }));
    await using test = await setUp({ smtpUrl: mail.url, preferences: { channels: { email: true } } });
    await test.runtime.deliver("reminders", [due(test.userId)]);
    await waitFor(async () => (await test.email())?.status === "failed");
    assert.equal((await test.email())?.attempts, 1);
    assert.match((await test.email())?.error ?? "", /550/);
    assert.deepEqual((await test.told()).map(({ type }) => type), [
      "notification.created.v1",
      "notification.failed.v1",
    ]);
    assert.equal(mail.attempts(), 1);
  }
});

Deno.test("notifications gives up after six attempts over about an hour", async () => {
  await using mail = await mailServer();
  mail.refuse(() => ({ status: 421, at: "recipient" }));
  await using test = await setUp({ smtpUrl: mail.url, preferences: { channels: { email: true } } });
  await test.runtime.deliver("reminders", [due(test.userId)]);
  for (let attempt = 2; attempt <= 6; attempt++) {
    await test.ringNext();
    await waitFor(async () => (await test.email())?.attempts === attempt);
  }
  assert.equal((await test.email())?.status, "failed");
  assert.equal(test.clock.now().toString(), "2027-03-02T08:29:30Z");
});

Deno.test("notifications outlasts a mail server that is down", async () => {
  let port: number;
  {
    await using gone = await mailServer();
    port = gone.port;
  }
  await using test = await setUp({
    smtpUrl: `smtp://127.0.0.1:${port}`,
    preferences: { channels: { email: true } },
  });
  await test.runtime.deliver("reminders", [due(test.userId)]);
  await waitFor(async () => (await test.email())?.error !== null);
  await using mail = await mailServer(port);
  await test.ringNext();
  await waitFor(async () => (await test.email())?.status === "delivered");
  assert.equal(mail.received.length, 1);
});

Deno.test("notifications keeps e-mail back in quiet hours and asks again what is wanted then", async () => {
  await using mail = await mailServer();
  const quietHours = { enabled: true, from: "22:00", to: "09:15" };
  await using test = await setUp({
    smtpUrl: mail.url,
    preferences: { channels: { email: true }, quietHours },
  });
  await test.runtime.deliver("reminders", [due(test.userId), due(test.userId, { seq: 2 })]);
  assert.equal((await test.list()).items[0]?.deliveries[0]?.status, "delivered");
  assert.equal((await test.email())?.status, "pending");
  // Meanwhile the user sleeps longer.
  test.profile((profile) => ({
    ...profile,
    preferences: { ...profile.preferences, quietHours: { ...quietHours, to: "10:00" } },
  }));
  assert.equal((await test.ringNext()).toString(), "2027-03-02T08:15:00Z");
  assert.equal((await test.ringNext()).toString(), "2027-03-02T09:00:00Z");
  await waitFor(async () => (await test.email())?.status === "delivered");
  assert.equal((await test.email())?.attempts, 1);
  await waitFor(() => mail.received.length === 2);
});

Deno.test("notifications skips e-mail that was turned off while it waited", async () => {
  await using mail = await mailServer();
  const quietHours = { enabled: true, from: "22:00", to: "09:15" };
  await using test = await setUp({
    smtpUrl: mail.url,
    preferences: { channels: { email: true }, quietHours },
  });
  await test.runtime.deliver("reminders", [due(test.userId)]);
  test.profile((profile) => ({ ...profile, preferences: DEFAULT_PREFERENCES }));
  await test.ringNext();
  await waitFor(async () => (await test.email())?.status === "skipped");
  assert.equal(mail.attempts(), 0);
});

Deno.test("notifications sends again only what a dead process left between intent and result", async () => {
  await using mail = await mailServer();
  const quietHours = { enabled: true, from: "22:00", to: "09:15" };
  await using test = await setUp({
    smtpUrl: mail.url,
    preferences: { channels: { email: true }, quietHours },
  });
  await test.runtime.deliver("reminders", [due(test.userId)]);
  await waitFor(() => test.runtime.scheduled.size === 1);
  await test.service.stop();
  test.runtime.scheduled.clear();
  test.clock.set("2027-03-02T08:15:00Z");
  await test.admin`
    update notifications.deliveries set attempts = 1, sending_until = '2027-03-02T08:18:00Z' where channel = 'email'`;
  const sweep = async () => {
    const restarted = test.create();
    await restarted.start();
    await restarted.stop();
  };
  await sweep();
  assert.equal(mail.received.length, 0);
  test.clock.set("2027-03-02T08:18:00Z");
  await sweep();
  await sweep();
  assert.equal(mail.received.length, 1);
  assert.equal((await test.email())?.attempts, 2);
});

Deno.test("notifications sends each e-mail once, however many send", async () => {
  await using mail = await mailServer();
  await using test = await setUp({ smtpUrl: mail.url, preferences: { channels: { email: true } } });
  const others = Array.from({ length: 2 }, () => test.create());
  await Promise.all(others.map((other) => other.start()));
  await test.runtime.deliver(
    "reminders",
    Array.from({ length: 30 }, (_, index) => due(index % 2 ? test.userId : uuidv7(), { seq: index + 1 })),
  );
  await waitFor(async () => {
    await test.runtime.runJobs(test.clock.now());
    const pending = await test.admin`select 1 from notifications.deliveries where status = 'pending'`;
    return pending.length === 0;
  }, 15_000);
  await Promise.all(others.map((other) => other.stop()));
  assert.equal(mail.received.length, 30);
  assert.equal(new Set(mail.received.map((one) => one.header("message-id"))).size, 30);
});

Deno.test("notifications claims no more e-mail than it sends at once, so that no claim grows old", async () => {
  await using mail = await mailServer();
  const quietHours = { enabled: true, from: "22:00", to: "09:15" };
  await using test = await setUp({
    smtpUrl: mail.url,
    preferences: { channels: { email: true }, quietHours },
  });
  await test.runtime.deliver(
    "reminders",
    Array.from({ length: 20 }, (_, n) => due(test.userId, { seq: n + 1 })),
  );
  await waitFor(() => test.runtime.scheduled.size === 20);
  const release = mail.hold();
  test.clock.set("2027-03-02T08:15:00Z");
  const jobs = test.runtime.runJobs(test.clock.now());
  await waitFor(() => mail.waiting() === 4);
  const other = due(test.userId, { seq: 21 });
  await test.runtime.deliver("reminders", [other]);
  const claimed = await test.admin`select 1 from notifications.deliveries where sending_until is not null`;
  assert.equal(claimed.length, 4);
  release();
  await jobs;
  await waitFor(() => mail.received.length === 21);
  assert.equal(new Set(mail.received.map((one) => one.header("message-id"))).size, 21);
});

Deno.test("notifications are listed, read one by one and all together, by their user alone", async () => {
  await using test = await setUp();
  const stranger = uuidv7();
  await test.runtime.deliver(
    "reminders",
    [1, 2, 3, 4, 5].map((seq) => due(test.userId, { seq, title: `T${seq}` })),
  );
  const titles: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: Awaited<ReturnType<typeof test.list>> = await test.list(
      `?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    assert.equal(page.unread, 5);
    titles.push(...page.items.map(({ title }) => title));
    cursor = page.nextCursor;
  }
  assert.deepEqual(titles, ["T5", "T4", "T3", "T2", "T1"]);
  const { items: [newest] } = await test.list();
  assert.ok(newest);
  assert.equal((await test.call("POST", `/${newest.id}/read`, stranger)).status, 404);
  assert.equal((await test.call("POST", "/nothing/read")).status, 404);
  const read = await test.call("POST", `/${newest.id}/read`);
  assert.equal(read.body.readAt, NOW);
  test.clock.advance("PT1M");
  assert.deepEqual((await test.call("POST", `/${newest.id}/read`)).body, read.body);
  assert.deepEqual((await test.list("?unread=true")).items.map(({ title }) => title), [
    "T4",
    "T3",
    "T2",
    "T1",
  ]);
  assert.deepEqual((await test.call("POST", "/read-all", stranger)).body, { read: 0 });
  assert.deepEqual((await test.call("POST", "/read-all")).body, { read: 4 });
  assert.equal((await test.list()).unread, 0);
  assert.equal((await test.list("", stranger)).items.length, 0);
  assert.equal((await test.call("GET", "?unread=maybe")).status, 422);
  assert.equal(
    await asUser(
      test.sql,
      stranger,
      async (tx) => (await tx`select 1 from notifications.notifications`).length,
    ),
    0,
  );
  assert.equal((await test.sql`select 1 from notifications.deliveries`).length, 0);
});

Deno.test("notifications are marked read once per Idempotency-Key, which is forgotten after a day", async () => {
  await using test = await setUp();
  const stranger = uuidv7();
  await test.runtime.deliver("reminders", [1, 2].map((seq) => due(test.userId, { seq })));
  const readAll = (key: string, user = test.userId) => test.call("POST", "/read-all", user, key);
  assert.deepEqual((await readAll("k1")).body, { read: 2 });
  assert.deepEqual((await readAll("k2")).body, { read: 0 });
  assert.deepEqual((await readAll("k1")).body, { read: 2 });
  assert.deepEqual((await readAll("k1", stranger)).body, { read: 0 }, "a key is its user's");
  const { items: [newest] } = await test.list();
  const read = (key: string) => test.call("POST", `/${newest?.id}/read`, test.userId, key);
  const refused = await read("k1");
  assert.deepEqual([refused.status, refused.body.errors[0].path], [422, "Idempotency-Key"]);
  assert.deepEqual(await read("k3"), await read("k3"));
  test.clock.advance("PT24H");
  assert.deepEqual((await readAll("k1")).body, { read: 0 });
  await test.service.stop();
  const again = test.create();
  await again.start();
  await again.stop();
  const kept = await test.admin`select key from notifications.answers where user_id = ${test.userId}`;
  assert.deepEqual(kept.map(({ key }) => key), ["k1"]);
});
