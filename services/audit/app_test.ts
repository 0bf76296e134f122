import assert from "node:assert/strict";
import { canonicalize } from "json-canonicalize";
import { uuidv7 } from "uuidv7";
import { asUser } from "../shared/store/database.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";
import { testDatabase } from "../shared/testing/database.ts";
import {
  anEvent,
  aProfile,
  aTask,
  createFakeClock,
  createFakeRuntime,
  createQuietLog,
} from "../shared/testing/fake_runtime.ts";
import { createAudit } from "./app.ts";
import { auditStore } from "./store.ts";

interface Item {
  n: number;
  eventId: string;
  type: string;
  at: string;
  taskId: string | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  hash: string;
}

async function setUp() {
  const database = await testDatabase();
  const runtime = createFakeRuntime();
  const sql = database.connect(auditStore.role);
  const lines: string[] = [];
  const service = createAudit({
    sql,
    runtime,
    clock: createFakeClock("2027-06-01T00:00:00Z"),
    log: createQuietLog(lines),
    metrics: createMetrics(),
  });
  const get = async (path: string, user: string) => {
    const response = await service.fetch(
      new Request(`http://internal.test/internal/audit${path}`, { headers: { "x-rondo-user": user } }),
    );
    return { status: response.status, body: await response.json() };
  };
  return {
    ...{ database, runtime, sql, service, get, lines },
    admin: database.connect(),
    list: async (query: string, user: string) =>
      (await get(query, user)).body as { items: Item[]; nextCursor: string | null },
    verify: async (user: string) => (await get("/verify", user)).body,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** `count` updates of one task, one a minute from 2027-01-01T00:01:00Z. */
function updates(userId: string, count: number, task = aTask()) {
  return Array.from({ length: count }, (_, index) =>
    anEvent("task.updated.v1", {
      userId,
      seq: index + 1,
      time: Temporal.Instant.from("2027-01-01T00:00:00Z").add({ minutes: index + 1 }),
      data: {
        task: { ...task, title: `Title ${index + 1}`, version: index + 1 },
        before: { title: `Title ${index}` },
        timeZone: "Europe/Berlin",
        series: null,
      },
    }));
}

Deno.test("audit chains what every topic tells, once, newest first", async () => {
  await using test = await setUp();
  const userId = uuidv7();
  const task = aTask();
  const [updated] = updates(userId, 1, task);
  assert.ok(updated);
  const reminder = {
    ...{ id: uuidv7(), taskId: task.id, occurrence: 1, reminderId: "r1", fireAt: "2027-01-02T00:00:00Z" },
    ...{ status: "delivered", deliveredAt: "2027-01-02T00:00:00Z", late: false, reason: "fired" },
  };
  const due = anEvent("reminder.due.v1", {
    userId,
    seq: 1,
    data: { reminder, task: null },
    subject: task.id,
  });
  const notification = {
    ...{ id: uuidv7(), type: "reminder.due", taskId: task.id, title: "x", body: "y", late: false },
    ...{ createdAt: "2027-01-02T00:00:00Z", readAt: null, deliveries: [] },
  };
  const created = anEvent("notification.created.v1", {
    userId,
    seq: 1,
    data: { notification },
    subject: task.id,
  });
  const moved = anEvent("profile.updated.v1", {
    userId,
    seq: 2,
    data: { task: null, profile: aProfile({ id: userId }), before: { timeZone: "UTC" } },
  });
  await test.runtime.deliver("task-events", [updated, updated, moved]);
  await test.runtime.deliver("reminders", [due]);
  await test.runtime.deliver("notifications", [created]);
  await test.runtime.deliver("reminders", [due]);
  const { items } = await test.list("", userId);
  assert.deepEqual(items.map(({ n, eventId, taskId }) => [n, eventId, taskId]), [
    [4, created.id, task.id],
    [3, due.id, task.id],
    [2, moved.id, null],
    [1, updated.id, task.id],
  ]);
  assert.deepEqual(items[3]?.before, { title: "Title 0" });
  assert.equal(items[3]?.after?.title, "Title 1");
  assert.deepEqual(await test.verify(userId), { ok: true, checked: 4, firstBroken: null });
  assert.deepEqual(await test.verify(uuidv7()), { ok: true, checked: 0, firstBroken: null });
});

Deno.test("audit appends a user's events of a batch together, without falling back to one by one", async () => {
  await using test = await setUp();
  const [ada, bob] = [uuidv7(), uuidv7()];
  const [first, ...later] = updates(ada, 50);
  assert.ok(first);
  await test.runtime.deliver("task-events", [first]);
  await test.runtime.deliver("task-events", [...later, ...updates(bob, 50)]);
  for (const user of [ada, bob]) {
    assert.deepEqual(await test.verify(user), { ok: true, checked: 50, firstBroken: null });
  }
  assert.deepEqual(test.lines.filter((line) => line.includes("one by one")), []);
});

Deno.test("audit's hash is SHA-256 over the hash before and the canonical row", async () => {
  await using test = await setUp();
  const userId = uuidv7();
  const event = { ...updates(userId, 1)[0] };
  await test.runtime.deliver("task-events", [event]);
  const { items: [item] } = await test.list("", userId);
  const hex = async (text: string) =>
    [...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)))]
      .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  assert.ok(item);
  const { hash, ...row } = item;
  assert.equal(hash, await hex(await hex(`rondo audit v1 ${userId}`) + canonicalize({ userId, ...row })));
});

Deno.test("audit narrows by task, type, time and actor, and pages", async () => {
  await using test = await setUp();
  const userId = uuidv7();
  const [task, other] = [aTask(), aTask()];
  const events = updates(userId, 7, task);
  const foreign = { ...updates(userId, 1, other)[0] };
  await test.runtime.deliver("task-events", [...events, foreign, ...updates(uuidv7(), 3)]);
  const ns = async (query: string) => (await test.list(query, userId)).items.map(({ n }) => n);
  assert.deepEqual(await ns(`?taskId=${other.id}`), [8]);
  assert.deepEqual(await ns("?type=task.created.v1"), []);
  assert.deepEqual(await ns("?from=2027-01-01T00:03:00Z&to=2027-01-01T00:05:00Z"), [4, 3]);
  assert.equal((await ns(`?actor=${userId}`)).length, 8);
  assert.equal((await ns("?actor=user")).length, 8);
  assert.equal((await ns("?actor=assistant")).length, 0);
  const seen: number[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { items: Item[]; nextCursor: string | null } = await test.list(
      `?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
      userId,
    );
    seen.push(...page.items.map(({ n }) => n));
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
  for (const query of ["?limit=0", "?from=yesterday", "?taskId=1", "?cursor=abc"]) {
    assert.equal((await test.get(query, userId)).status, 422, query);
  }
});

Deno.test("audit appends to the chains of many users at once, new ones and known ones", async () => {
  await using test = await setUp();
  // More statements than a connection has under way at a time.
  const users = Array.from({ length: 150 }, () => uuidv7());
  const half = users.slice(0, 75);
  const events = new Map(users.map((userId) => [userId, updates(userId, 3)]));
  await test.runtime.deliver("task-events", half.flatMap((userId) => events.get(userId)?.slice(0, 1) ?? []));
  await test.runtime.deliver("task-events", users.flatMap((userId) => events.get(userId) ?? []));
  for (const userId of users) {
    assert.deepEqual(await test.verify(userId), { ok: true, checked: 3, firstBroken: null });
  }
});

Deno.test("audit's role can't change, delete or empty the log, nor turn a head back", async () => {
  await using test = await setUp();
  const userId = uuidv7();
  await test.runtime.deliver("task-events", updates(userId, 3));
  const refused = async (work: (tx: Parameters<Parameters<typeof asUser>[2]>[0]) => Promise<unknown>) => {
    await assert.rejects(() => asUser(test.sql, userId, work), { code: "42501" });
  };
  await refused((tx) => tx`update audit.entries set type = 'x'`.execute());
  await refused((tx) => tx`delete from audit.entries`.execute());
  await refused((tx) => tx`truncate audit.entries`.execute());
  await refused((tx) => tx`delete from audit.heads`.execute());
  await refused((tx) => tx`update audit.heads set n = 1`.execute());
  await refused((tx) => tx`update audit.heads set n = 3, hash = 'x'`.execute());
  await refused((tx) => tx`update audit.heads set n = 9`.execute());
  await refused((tx) => tx`alter table audit.entries disable trigger all`.execute());
  // Even the owner is stopped by the trigger.
  await assert.rejects(() => test.admin`delete from audit.entries`.execute(), { code: "42501" });
  assert.equal((await test.sql`select 1 from audit.entries`).length, 0);
  assert.equal(
    await asUser(test.sql, uuidv7(), async (tx) => (await tx`select 1 from audit.entries`).length),
    0,
  );
});

const TAMPERINGS: { name: string; sql: string; firstBroken: number }[] = [
  {
    name: "a changed row",
    sql: `update audit.entries set after = '{"title":"x"}' where n = 4`,
    firstBroken: 4,
  },
  {
    name: "a changed time",
    sql: "update audit.entries set at = at + interval '1 second' where n = 4",
    firstBroken: 4,
  },
  { name: "a row taken out", sql: "delete from audit.entries where n = 5", firstBroken: 5 },
  { name: "a first row taken out", sql: "delete from audit.entries where n = 1", firstBroken: 1 },
  { name: "a cut tail", sql: "delete from audit.entries where n > 7", firstBroken: 8 },
  { name: "all taken out", sql: "delete from audit.entries", firstBroken: 1 },
  {
    name: "two rows that changed places",
    sql: `update audit.entries set n = -1 * n where n in (3, 6);
      update audit.entries set n = case n when -3 then 6 else 3 end where n < 0`,
    firstBroken: 3,
  },
  {
    name: "two rows whose contents changed places",
    sql: `update audit.entries as e set after = o.after, event_id = o.event_id
      from (select * from audit.entries) as o where e.n = 3 and o.n = 7`,
    firstBroken: 3,
  },
  { name: "a head turned back", sql: "update audit.heads set n = 9", firstBroken: 10 },
  { name: "a head taken away", sql: "delete from audit.heads", firstBroken: 1 },
];

for (const { name, sql, firstBroken } of TAMPERINGS) {
  Deno.test(`audit's verify finds ${name}`, async () => {
    await using test = await setUp();
    const userId = uuidv7();
    await test.runtime.deliver("task-events", updates(userId, 10));
    await test.admin.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx.unsafe("alter table audit.entries drop constraint entries_n_check");
      await tx.unsafe("alter table audit.entries drop constraint entries_user_id_event_id_key");
      await tx.unsafe(sql);
    });
    const verdict = await test.verify(userId);
    assert.equal(verdict.ok, false);
    assert.equal(verdict.firstBroken, firstBroken);
  });
}

Deno.test("audit takes the batches of three topics for the same users side by side", async () => {
  await using test = await setUp();
  const users = Array.from({ length: 10 }, () => uuidv7());
  const notes = (users: string[]) =>
    users.map((userId) =>
      anEvent("notification.created.v1", {
        userId,
        seq: 1,
        data: {
          notification: {
            ...{ id: uuidv7(), type: "reminder.due", taskId: null, title: "x", body: "y", late: false },
            ...{ createdAt: "2027-01-02T00:00:00Z", readAt: null, deliveries: [] },
          },
        },
      })
    );
  const outcomes = await Promise.all([
    test.runtime.deliver("task-events", users.flatMap((user) => updates(user, 3))),
    test.runtime.deliver("notifications", notes(users.toReversed())),
  ]);
  assert.ok(outcomes.flat().every(({ status }) => status === "ok"));
  for (const user of users) {
    assert.deepEqual(await test.verify(user), { ok: true, checked: 4, firstBroken: null });
  }
});
