import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import {
  DEFAULT_PREFERENCES,
  type Notification,
  type Profile,
  type PushSubscription,
} from "../shared/contracts/resources.ts";
import { parsePushHosts } from "../shared/domain/push_hosts.ts";
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
import { startPushService } from "../shared/testing/push_service.ts";
import { createNotifications } from "./app.ts";
import { notificationsStore } from "./store.ts";

/** 08:30 in Berlin. */
const NOW = "2027-03-02T07:30:00Z";

/** Notifications with a push service of its own; web push is what users want. */
async function setUp() {
  const database = await testDatabase();
  const push = startPushService();
  const runtime = createFakeRuntime();
  const clock = createFakeClock(NOW);
  const userId = uuidv7();
  const profile: Profile = aProfile({
    id: userId,
    preferences: {
      ...DEFAULT_PREFERENCES,
      channels: { inApp: true, email: false, push: true },
    },
  });
  runtime.route("api", async (request) => {
    const { userIds } = await request.json() as { userIds: string[] };
    return Response.json({ profiles: userIds.map((id) => ({ ...profile, id })) });
  });
  const sql = database.connect(notificationsStore.role);
  const create = () =>
    createNotifications({
      ...{ sql, runtime, clock, metrics: createMetrics(), log: createQuietLog() },
      publicUrl: "https://rondo.example.test",
      push: { hosts: parsePushHosts(push.host) },
    });
  const service = create();
  await service.start();
  async function call<T>(method: string, path: string, body?: unknown, user = userId, key = "") {
    const response = await service.fetch(
      new Request(`http://internal.test/internal/${path}`, {
        method,
        headers: {
          ...{ "x-rondo-user": user, "content-type": "application/json" },
          ...(key === "" ? {} : { "idempotency-key": key }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    );
    const text = await response.text();
    return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as T };
  }
  const key = async () => (await call<{ publicKey: string }>("GET", "push/key")).body.publicKey;
  return {
    ...{ database, push, runtime, clock, userId, call, create, key, profile },
    async subscribe(user = userId) {
      const browser = await push.browser(await key());
      const { status, body } = await call<PushSubscription>(
        "POST",
        "push/subscriptions",
        { ...browser.subscription, label: "Firefox" },
        user,
      );
      assert.equal(status, 201, JSON.stringify(body));
      return { ...browser, subscribed: body };
    },
    async subscriptions(user = userId) {
      const { body } = await call<{ items: PushSubscription[] }>(
        "GET",
        "push/subscriptions",
        undefined,
        user,
      );
      return body.items;
    },
    async delivery() {
      const { body } = await call<{ items: Notification[] }>("GET", "notifications");
      return body.items[0]?.deliveries.find(({ channel }) => channel === "push");
    },
    async remind(user = userId) {
      const taskId = uuidv7();
      await runtime.deliver("reminders", [anEvent("reminder.due.v1", {
        ...{ userId: user, seq: 1, time: NOW, subject: taskId },
        data: {
          reminder: {
            ...{ id: uuidv7(), taskId, occurrence: 1, reminderId: "r1", fireAt: NOW, status: "delivered" },
            ...{ deliveredAt: NOW, late: false, reason: "fired: at its time" },
          },
          task: {
            id: taskId,
            title: "Pay the rent — für März",
            dueAt: "2027-03-02T08:00:00Z",
            due: { date: "2027-03-02", time: "09:00", timeZone: null },
          },
        },
      })]);
      return taskId;
    },
    /** Moves the clock to the next attempt and makes it. */
    async again() {
      await waitFor(() => runtime.scheduled.size > 0);
      const [job] = runtime.scheduled.values();
      if (job !== undefined) clock.set(job.dueAt);
      await runtime.runJobs(clock.now());
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await push[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

Deno.test("notifications pushes a due reminder, encrypted and signed, to every browser of its user", async () => {
  await using test = await setUp();
  const [one, two] = [await test.subscribe(), await test.subscribe()];
  const other = uuidv7();
  await test.subscribe(other);
  const taskId = await test.remind();
  await waitFor(() => test.push.received.length === 2);
  await waitFor(async () => (await test.delivery())?.status === "delivered");
  assert.deepEqual(test.push.problems, []);
  assert.deepEqual(
    new Set(test.push.received.map(({ subscription }) => subscription)),
    new Set([one.id, two.id]),
  );
  const [pushed] = test.push.received;
  assert.equal(pushed?.message.title, "Pay the rent — für März");
  assert.equal(pushed.message.body, "Due today at 09:00");
  assert.equal(pushed.message.url, `/task/${taskId}`);
  assert.equal(pushed.headers.get("urgency"), "high");
  assert.equal(pushed.headers.get("topic"), String(pushed.message.id).replaceAll("-", ""));
  assert.equal(pushed.claims.sub, "https://rondo.example.test");
  assert.ok((await test.subscriptions()).every(({ lastDeliveredAt }) => lastDeliveredAt === NOW));
});

Deno.test("notifications forgets a browser that is gone, and does not hold it against the others", async () => {
  for (const status of [404, 410]) {
    await using test = await setUp();
    const gone = await test.subscribe();
    const here = await test.subscribe();
    test.push.refuse(gone.id, status);
    await test.remind();
    await waitFor(async () => (await test.delivery())?.status === "delivered");
    assert.deepEqual((await test.subscriptions()).map(({ id }) => id), [here.subscribed.id]);
  }
});

Deno.test("notifications tries again where a push service was busy, and only there", async () => {
  await using test = await setUp();
  const fine = await test.subscribe();
  const busy = await test.subscribe();
  test.push.refuse(busy.id, 429, { "retry-after": "600" });
  await test.remind();
  await waitFor(async () => /429/.test((await test.delivery())?.error ?? ""));
  assert.equal((await test.delivery())?.status, "pending");
  test.push.refuse(busy.id, null);
  await test.again();
  assert.equal(test.clock.now().since(Temporal.Instant.from(NOW)).total("seconds"), 600);
  await waitFor(async () => (await test.delivery())?.status === "delivered");
  assert.deepEqual(test.push.received.map(({ subscription }) => subscription), [fine.id, busy.id]);
});

Deno.test("notifications says what became of a push that nobody took", async () => {
  await using none = await setUp();
  await none.remind();
  await waitFor(async () => (await none.delivery())?.status === "skipped");
  assert.equal((await none.delivery())?.error, "no browser has asked to be told");

  await using refused = await setUp();
  const browser = await refused.subscribe();
  refused.push.refuse(browser.id, 403);
  await refused.remind();
  await waitFor(async () => (await refused.delivery())?.status === "failed");
  assert.match((await refused.delivery())?.error ?? "", /403/);
  assert.equal((await refused.subscriptions()).length, 1);
});

Deno.test("notifications keeps its key over restarts, and waits for the end of quiet hours", async () => {
  await using test = await setUp();
  test.profile.preferences.quietHours = { enabled: true, from: "22:00", to: "10:00" };
  await test.subscribe();
  const second = test.create();
  await second.start();
  const answer = await second.fetch(
    new Request("http://internal.test/internal/push/key", { headers: { "x-rondo-user": test.userId } }),
  );
  assert.equal((await answer.json()).publicKey, await test.key());
  await second.stop();
  await test.remind();
  await waitFor(async () => (await test.delivery())?.status === "pending");
  assert.equal(test.push.received.length, 0);
  await test.again();
  assert.equal(test.clock.now().toString(), "2027-03-02T09:00:00Z");
  await waitFor(() => test.push.received.length === 1);
});

Deno.test("subscribe: a browser belongs to one user, is there once, and can be taken out by nobody else", async () => {
  await using test = await setUp();
  const browser = await test.subscribe();
  const again = await test.call<PushSubscription>("POST", "push/subscriptions", browser.subscription);
  assert.deepEqual([again.status, again.body.id], [201, browser.subscribed.id]);
  const other = uuidv7();
  const path = `push/subscriptions/${browser.subscribed.id}`;
  assert.equal((await test.call("DELETE", path, undefined, other)).status, 404);
  await test.call("POST", "push/subscriptions", browser.subscription, other);
  assert.deepEqual(await test.subscriptions(), []);
  const [moved] = await test.subscriptions(other);
  assert.equal((await test.call("DELETE", `push/subscriptions/${moved?.id}`, undefined, other)).status, 204);
  assert.deepEqual(await test.subscriptions(other), []);
});

Deno.test("subscribe: refuses addresses that are no push service's, and keys that are none", async () => {
  await using test = await setUp();
  const { subscription } = await test.push.browser(await test.key());
  const bad = [
    { ...subscription, endpoint: "https://169.254.169.254/latest/meta-data" },
    { ...subscription, endpoint: "http://127.0.0.1:1/push" },
    { ...subscription, endpoint: "https://localhost/push" },
    { ...subscription, keys: { ...subscription.keys, p256dh: "A".repeat(87) } },
    { ...subscription, keys: { ...subscription.keys, auth: "short" } },
    { endpoint: subscription.endpoint },
  ];
  for (const body of bad) {
    assert.equal((await test.call("POST", "push/subscriptions", body)).status, 422, JSON.stringify(body));
  }
  assert.deepEqual(await test.subscriptions(), []);
});

Deno.test("an Idempotency-Key gives a browser's first answer again, bound to its request, for a day", async () => {
  await using test = await setUp();
  const { subscription } = await test.push.browser(await test.key());
  const body = { ...subscription, label: "Firefox" };
  const subscribe = (given: unknown) =>
    test.call<PushSubscription>("POST", "push/subscriptions", given, test.userId, "k1");
  const made = await subscribe(body);
  assert.equal(made.status, 201);
  assert.equal((await subscribe({ ...body, label: "Another" })).status, 422);
  const remove = (key: string) =>
    test.call("DELETE", `push/subscriptions/${made.body.id}`, undefined, test.userId, key);
  assert.deepEqual([(await remove("k2")).status, (await remove("k2")).status], [204, 204]);
  assert.equal((await remove("k3")).status, 404);
  assert.deepEqual(await subscribe(body), made, "told once: it does not come back");
  assert.deepEqual(await test.subscriptions(), []);
  test.clock.advance("PT24H");
  assert.notEqual((await subscribe(body)).body.id, made.body.id);
  assert.equal((await test.subscriptions()).length, 1);
});
