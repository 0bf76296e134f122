import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import type { Envelope, EventType } from "../shared/contracts/events.ts";
import type { ReminderEntry } from "../shared/contracts/resources.ts";
import { Envelope as EnvelopeSchema, ReminderEventData } from "../shared/contracts/events.ts";
import type { Reminder, Task } from "../shared/contracts/task.ts";
import { resolveDue } from "../shared/domain/time.ts";
import { asUser, lockUser } from "../shared/store/database.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";
import { testDatabase } from "../shared/testing/database.ts";
import {
  anEvent,
  aProfile,
  aTask,
  createFakeClock,
  createFakeRuntime,
  createQuietLog,
  waitFor,
} from "../shared/testing/fake_runtime.ts";
import { createReminders } from "./app.ts";
import { remindersStore } from "./store.ts";

/** 08:00 in Berlin. */
const NOW = "2027-03-02T07:00:00Z";

interface LedgerRow {
  reminder_id: string;
  round: number;
  fire_at: string;
  status: string;
  late: boolean;
  reason: string;
  job_state: string;
}

async function setUp() {
  const database = await testDatabase();
  const runtime = createFakeRuntime();
  const clock = createFakeClock(NOW);
  const admin = database.connect();
  const sql = database.connect(remindersStore.role);
  const metrics = createMetrics();
  const create = () => createReminders({ sql, runtime, clock, log: createQuietLog(), metrics });
  const service = create();
  await service.start();
  return {
    ...{ database, admin, sql, runtime, clock, service, create, metrics },
    ledger: () =>
      admin<LedgerRow[]>`
        select reminder_id, round, fire_at, status, late, reason, job_state
        from reminders.ledger order by reminder_id, round`,
    /** Everything in the outbox, parsed as consumers would. */
    async told() {
      const rows = await admin<
        { event: unknown; topics: string[] }[]
      >`select event, topics from reminders.outbox order by id`;
      return rows.map(({ event, topics }) => {
        const envelope = EnvelopeSchema.parse(event);
        assert.deepEqual(topics, ["reminders"]);
        return { ...envelope, data: ReminderEventData.parse(envelope.data) };
      });
    },
    async types() {
      return (await this.told()).map(({ type }) => type);
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await database[Symbol.asyncDispose]();
    },
  };
}

const HALF_HOUR: Reminder[] = [{ id: "r1", before: "PT30M" }];

/** A user's task and the events of its life, numbered. */
function aStory(fields: Partial<Task> = {}) {
  const userId = uuidv7();
  let seq = 0;
  let task = aTask({
    due: { date: "2027-03-02", time: "09:00", timeZone: null },
    reminders: HALF_HOUR,
    ...fields,
  });
  const options = (time: string, timeZone: string) => ({
    userId,
    seq: ++seq,
    time,
    data: {
      task: { ...task, dueAt: task.due === null ? null : resolveDue(task.due, timeZone).toString() },
      before: null,
      timeZone,
      series: null,
    },
  });
  return {
    userId,
    taskId: task.id,
    tell(type: EventType, changes: Partial<Task> = {}, time = NOW, timeZone = "Europe/Berlin"): Envelope {
      task = { ...task, ...changes };
      return anEvent(type, options(time, timeZone));
    },
  };
}

Deno.test("reminders plans, makes the job and fires once at its moment", async () => {
  await using test = await setUp();
  const story = aStory();
  const created = story.tell("task.created.v1");
  await test.runtime.deliver("task-events", [created, created]);
  await waitFor(async () => (await test.ledger())[0]?.job_state === "set");
  assert.equal(test.runtime.scheduled.size, 1);
  assert.deepEqual([...await test.ledger()], [{
    reminder_id: "r1",
    round: 1,
    fire_at: "2027-03-02T07:30:00Z",
    status: "scheduled",
    late: false,
    reason: "30 min before it is due",
    job_state: "set",
  }]);
  const [job] = test.runtime.scheduled.values();
  assert.equal(job?.dueAt.toString(), "2027-03-02T07:30:00Z");

  test.clock.set("2027-03-02T07:30:00.250Z");
  await test.runtime.runJobs(test.clock.now());
  assert.deepEqual(await test.types(), ["reminder.scheduled.v1", "reminder.due.v1"]);
  const [scheduled, due] = await test.told();
  assert.equal(due?.correlationid, created.correlationid);
  assert.equal(due?.traceparent.split("-")[1], created.traceparent.split("-")[1]);
  assert.equal(due?.causationid, created.causationid);
  assert.equal(scheduled?.subject, story.taskId);
  assert.deepEqual([scheduled?.data.seq, due?.data.seq], [1, 2]);
  assert.deepEqual(due?.data.task, {
    id: story.taskId,
    title: "Water the plants",
    dueAt: "2027-03-02T08:00:00Z",
    due: { date: "2027-03-02", time: "09:00", timeZone: null },
  });
  assert.equal(due?.data.reminder.deliveredAt, "2027-03-02T07:30:00.25Z");
  assert.equal(due?.data.reminder.late, false);

  // The same job again, the sweep, a second replica: nothing more happens.
  test.runtime.scheduled.set("again", { name: due.data.reminder.id, data: {}, dueAt: test.clock.now() });
  await test.runtime.runJobs(test.clock.now());
  const replica = test.create();
  await replica.start();
  await replica.stop();
  assert.equal((await test.types()).length, 2);
});

Deno.test("reminders fires at once, late, what was past when set; nothing again for an edit", async () => {
  await using test = await setUp();
  const story = aStory({ due: { date: "2027-03-02", time: "08:15", timeZone: "Europe/Berlin" } });
  await test.runtime.deliver("task-events", [story.tell("task.created.v1")]);
  await waitFor(async () => (await test.types()).length === 2);
  const [row] = await test.ledger();
  assert.deepEqual(row, {
    reminder_id: "r1",
    round: 1,
    fire_at: "2027-03-02T06:45:00Z",
    status: "delivered",
    late: true,
    reason: "fired late: 30 min before it is due; already past when set",
    job_state: "none",
  });
  await test.runtime.deliver("task-events", [
    story.tell("task.updated.v1", { title: "Water all plants" }),
    // The same reminder under another id, and a moment that is past as well.
    story.tell("task.updated.v1", { reminders: [{ id: "r2", before: "PT30M" }] }),
    story.tell("task.updated.v1", { reminders: [{ id: "r1", before: "PT40M" }] }),
  ]);
  assert.deepEqual(await test.types(), ["reminder.scheduled.v1", "reminder.due.v1"]);
});

Deno.test("reminders moves the same row with its task and cancels with a reason", async () => {
  await using test = await setUp();
  const story = aStory();
  const steps: [EventType, Partial<Task>, string, string][] = [
    ["task.created.v1", {}, "scheduled", "30 min before it is due"],
    [
      "task.updated.v1",
      { due: { date: "2027-03-02", time: "10:00", timeZone: null } },
      "scheduled",
      "30 min before it is due; moved from 2027-03-02T07:30:00Z",
    ],
    [
      "task.completed.v1",
      { status: "completed", completedAt: NOW },
      "cancelled",
      "cancelled: the task was completed",
    ],
    [
      "task.reopened.v1",
      { status: "open", completedAt: null },
      "scheduled",
      "30 min before it is due; set again as the task was reopened",
    ],
    ["task.updated.v1", { due: null }, "cancelled", "cancelled: the task has no due date any more"],
    [
      "task.updated.v1",
      { due: { date: "2027-03-02", time: "10:00", timeZone: null } },
      "scheduled",
      "30 min before it is due; set again as the task changed",
    ],
    ["task.updated.v1", { reminders: [] }, "cancelled", "cancelled: the reminder was removed"],
    [
      "task.updated.v1",
      { reminders: HALF_HOUR },
      "scheduled",
      "30 min before it is due; set again as the task changed",
    ],
    ["task.deleted.v1", { deletedAt: NOW }, "cancelled", "cancelled: the task was deleted"],
    [
      "task.restored.v1",
      { deletedAt: null },
      "scheduled",
      "30 min before it is due; set again as the task was restored",
    ],
    ["task.skipped.v1", {}, "cancelled", "cancelled: this occurrence was skipped"],
  ];
  for (const [type, changes, status, reason] of steps) {
    await test.runtime.deliver("task-events", [story.tell(type, changes)]);
    const rows = await test.ledger();
    assert.equal(rows.length, 1);
    assert.deepEqual({ status: rows[0]?.status, reason: rows[0]?.reason }, { status, reason });
  }
  assert.equal((await test.ledger())[0]?.job_state, "none");
  test.clock.set("2027-03-02T12:00:00Z");
  // Jobs of moments that nobody waits for any more still ring.
  await test.runtime.runJobs(test.clock.now());
  const types = await test.types();
  assert.equal(types.filter((type) => type === "reminder.due.v1").length, 0);
  assert.equal(types.length, steps.length);
});

Deno.test("reminders opens a next round when a fired reminder is set to a moment that lies ahead", async () => {
  await using test = await setUp();
  const story = aStory();
  await test.runtime.deliver("task-events", [story.tell("task.created.v1")]);
  await waitFor(() => test.runtime.scheduled.size === 1);
  test.clock.set("2027-03-02T07:30:00Z");
  await test.runtime.runJobs(test.clock.now());
  await test.runtime.deliver("task-events", [
    story.tell(
      "task.updated.v1",
      { due: { date: "2027-03-03", time: "09:00", timeZone: null } },
      "2027-03-02T07:31:00Z",
    ),
  ]);
  const rows = await test.ledger();
  assert.deepEqual(rows.map(({ round, status, fire_at }) => [round, status, fire_at]), [
    [1, "delivered", "2027-03-02T07:30:00Z"],
    [2, "scheduled", "2027-03-03T07:30:00Z"],
  ]);
  // And back to where it fired: that moment is not told twice.
  await test.runtime.deliver("task-events", [
    story.tell(
      "task.updated.v1",
      { due: { date: "2027-03-02", time: "09:00", timeZone: null } },
      "2027-03-02T07:32:00Z",
    ),
  ]);
  assert.deepEqual((await test.ledger()).map(({ status }) => status), ["delivered", "cancelled"]);
});

Deno.test("reminders plans nothing for a task that comes completed", async () => {
  await using test = await setUp();
  const story = aStory({ status: "completed", completedAt: NOW });
  await test.runtime.deliver("task-events", [story.tell("task.created.v1")]);
  assert.equal((await test.ledger()).length, 0);
});

Deno.test("reminders moves floating reminders with the user's zone, fixed ones not", async () => {
  await using test = await setUp();
  const floating = aStory();
  const userId = floating.userId;
  const fixed = aTask({
    due: { date: "2027-03-02", time: "09:00", timeZone: "Europe/Berlin" },
    reminders: [{ id: "r2", before: "PT30M" }],
  });
  await test.runtime.deliver("task-events", [
    floating.tell("task.created.v1"),
    anEvent("task.created.v1", {
      userId,
      seq: 2,
      time: NOW,
      data: { task: fixed, before: null, timeZone: "Europe/Berlin", series: null },
    }),
    anEvent("profile.updated.v1", {
      userId,
      seq: 3,
      time: NOW,
      data: {
        task: null,
        profile: aProfile({ id: userId, timeZone: "America/New_York" }),
        before: { timeZone: "Europe/Berlin" },
      },
    }),
  ]);
  assert.deepEqual((await test.ledger()).map(({ fire_at }) => fire_at), [
    "2027-03-02T13:30:00Z",
    "2027-03-02T07:30:00Z",
  ]);
});

Deno.test("reminders makes the same of a batch as of its events one by one", async () => {
  const run = async (
    deliver: (test: Awaited<ReturnType<typeof setUp>>, events: Envelope[]) => Promise<void>,
  ) => {
    await using test = await setUp();
    const one = aStory();
    const other = aStory({ id: uuidv7(), due: { date: "2027-03-02", time: "10:00", timeZone: null } });
    const of = (story: ReturnType<typeof aStory>, event: Envelope): Envelope => ({
      ...event,
      partitionkey: one.userId,
      data: { ...event.data, userId: one.userId, seq: ++seq },
      subject: story.taskId,
    });
    let seq = 0;
    const moved = () =>
      anEvent("profile.updated.v1", {
        userId: one.userId,
        seq: ++seq,
        data: {
          task: null,
          profile: aProfile({ id: one.userId, timeZone: "America/New_York" }),
          before: { timeZone: "Europe/Berlin" },
        },
      });
    await deliver(test, [
      of(one, one.tell("task.created.v1")),
      of(other, other.tell("task.created.v1")),
      of(one, one.tell("task.updated.v1", { due: { date: "2027-03-03", time: "09:00", timeZone: null } })),
      of(other, other.tell("task.completed.v1", { status: "completed" })),
      moved(),
      of(one, one.tell("task.updated.v1", { reminders: [] }, NOW, "America/New_York")),
    ]);
    return {
      ledger: (await test.ledger()).map(({ job_state: _job, ...row }) => row),
      told: (await test.told()).map(({ type, data }) => [
        type,
        data.seq,
        data.reminder.fireAt,
        data.task?.title,
      ]),
    };
  };
  const batch = await run((test, events) => test.runtime.deliver("task-events", events).then(() => {}));
  const single = await run(async (test, events) => {
    for (const event of events) await test.runtime.deliver("task-events", [event]);
  });
  assert.ok(batch.told.length >= 5);
  assert.deepEqual(batch, single);
});

Deno.test("reminders is not turned back by an event that comes late out of the dead letters", async () => {
  await using test = await setUp();
  const story = aStory();
  const created = story.tell("task.created.v1");
  const cleared = story.tell("task.updated.v1", { reminders: [] });
  await test.runtime.deliver("task-events", [cleared]);
  await test.runtime.deliver("task-events", [created]);
  assert.equal((await test.ledger()).length, 0);
});

Deno.test("reminders is not brought back to an old zone by a change or a task that comes late", async () => {
  await using test = await setUp();
  const userId = uuidv7();
  const created = (seq: number, timeZone: string) => {
    const task = aTask({
      due: { date: "2027-03-02", time: "20:00", timeZone: null },
      dueAt: resolveDue({ date: "2027-03-02", time: "20:00", timeZone: null }, timeZone).toString(),
      reminders: [{ id: `r${seq}`, before: "PT30M" }],
    });
    return anEvent("task.created.v1", {
      userId,
      seq,
      time: NOW,
      data: { task, before: null, timeZone, series: null },
    });
  };
  const moved = (seq: number, from: string, to: string) =>
    anEvent("profile.updated.v1", {
      userId,
      seq,
      time: NOW,
      data: { task: null, profile: aProfile({ id: userId, timeZone: to }), before: { timeZone: from } },
    });
  const early = created(2, "Europe/Berlin");
  const first = moved(3, "Europe/Berlin", "America/New_York");
  await test.runtime.deliver("task-events", [
    created(1, "Europe/Berlin"),
    moved(4, "America/New_York", "Europe/London"),
  ]);
  await test.runtime.deliver("task-events", [first]);
  await test.runtime.deliver("task-events", [early]);
  assert.deepEqual((await test.ledger()).map(({ fire_at }) => fire_at), [
    "2027-03-02T19:30:00Z",
    "2027-03-02T19:30:00Z",
  ]);
  await test.runtime.deliver("task-events", [created(5, "Europe/London")]);
  assert.equal((await test.ledger()).at(-1)?.fire_at, "2027-03-02T19:30:00Z");
});

Deno.test("reminders tells a midnight from a whole day, also when only that changes", async () => {
  await using test = await setUp();
  const story = aStory({ due: { date: "2027-03-03", time: null, timeZone: null } });
  const midnight = { date: "2027-03-03", time: "00:00", timeZone: null };
  await test.runtime.deliver("task-events", [
    story.tell("task.created.v1"),
    story.tell("task.updated.v1", { due: midnight }),
  ]);
  test.clock.set("2027-03-02T22:30:00Z");
  const replica = test.create();
  await replica.start();
  await waitFor(async () => (await test.types()).length === 2);
  await replica.stop();
  assert.deepEqual((await test.told())[1]?.data.task?.due, midnight);
});

Deno.test("reminders fires what came due while it was down, and marks it late after a minute", async () => {
  await using test = await setUp();
  const [soon, later] = [aStory(), aStory({ due: { date: "2027-03-02", time: "09:29", timeZone: null } })];
  await test.runtime.deliver("task-events", [soon.tell("task.created.v1"), later.tell("task.created.v1")]);
  await waitFor(() => test.runtime.scheduled.size === 2);
  await test.service.stop();
  test.runtime.scheduled.clear();
  test.clock.set("2027-03-02T07:59:59Z");
  const restarted = test.create();
  await restarted.start();
  await waitFor(async () => (await test.ledger()).every(({ status }) => status === "delivered"));
  await restarted.stop();
  const late = (await test.told()).filter(({ type }) => type === "reminder.due.v1").map(({ data }) =>
    data.reminder.late
  );
  assert.deepEqual(late.sort(), [false, true]);
  const lines = await test.metrics.registry.getSingleMetricAsString("reminders_delivered_total");
  assert.match(lines, /late="true"} 1/);
});

Deno.test("reminders fires from the ledger while the scheduler is down, and asks again for jobs later", async () => {
  await using test = await setUp();
  test.runtime.jobsFail = "the scheduler does not answer";
  const story = aStory({ reminders: [{ id: "r1", before: "PT30M" }, { id: "r2", before: "PT0S" }] });
  await test.runtime.deliver("task-events", [story.tell("task.created.v1")]);
  assert.deepEqual((await test.ledger()).map(({ job_state }) => job_state), ["wanted", "wanted"]);
  await test.service.stop();
  test.runtime.jobsFail = null;
  test.clock.set("2027-03-02T07:30:01Z");
  const restarted = test.create();
  await restarted.start();
  await waitFor(async () => (await test.ledger())[0]?.status === "delivered");
  await waitFor(async () => (await test.ledger())[1]?.job_state === "set");
  await restarted.stop();
});

Deno.test("reminders gives a job back to a row that rang too early", async () => {
  await using test = await setUp();
  await test.runtime.deliver("task-events", [aStory().tell("task.created.v1")]);
  await waitFor(async () => (await test.ledger())[0]?.job_state === "set");
  const [job] = test.runtime.scheduled.values();
  assert.ok(job);
  test.runtime.scheduled.clear();
  test.runtime.scheduled.set(job.name, { ...job, dueAt: test.clock.now() });
  await test.runtime.runJobs(test.clock.now());
  await waitFor(() => test.runtime.scheduled.size === 1);
  assert.equal((await test.ledger())[0]?.status, "scheduled");
});

Deno.test("reminders fires each of many once, whoever fires", async () => {
  await using test = await setUp();
  const stories = Array.from({ length: 60 }, () => aStory());
  await test.runtime.deliver("task-events", stories.map((story) => story.tell("task.created.v1")));
  await waitFor(async () => (await test.ledger()).every(({ job_state }) => job_state === "set"));
  assert.equal(test.runtime.scheduled.size, 1, "one job for all of one moment");
  test.clock.set("2027-03-02T07:30:00Z");
  const jobs = [...test.runtime.scheduled.values()];
  const replica = test.create();
  await Promise.all([
    test.runtime.runJobs(test.clock.now()),
    replica.start(),
    test.runtime.deliver(
      "task-events",
      stories.map((story) => story.tell("task.updated.v1", { title: "New" })),
    ),
  ]);
  for (const job of jobs) test.runtime.scheduled.set(job.name, job);
  await test.runtime.runJobs(test.clock.now());
  await waitFor(async () => (await test.types()).filter((type) => type === "reminder.due.v1").length === 60);
  await replica.stop();
  assert.ok((await test.ledger()).every(({ status, late }) => status === "delivered" && !late));
  assert.equal((await test.types()).filter((type) => type === "reminder.due.v1").length, 60);
});

Deno.test("reminders fires for everybody else first while somebody writes a user's rows", async () => {
  await using test = await setUp();
  const [busy, free] = [aStory(), aStory()];
  await test.runtime.deliver("task-events", [busy, free].map((story) => story.tell("task.created.v1")));
  await waitFor(async () => (await test.ledger()).every(({ job_state }) => job_state === "set"));
  test.clock.set("2027-03-02T07:30:00Z");
  const statuses = async () =>
    new Map((await test.admin<{ taskId: string; status: string }[]>`
      select task_id as "taskId", status from reminders.ledger`).map((row) => [row.taskId, row.status]));
  const ringing = await asUser(test.sql, busy.userId, async (tx) => {
    await lockUser(tx, "reminders", busy.userId);
    const ringing = test.runtime.runJobs(test.clock.now());
    await waitFor(async () => (await statuses()).get(free.taskId) === "delivered");
    assert.equal((await statuses()).get(busy.taskId), "scheduled");
    return { ringing };
  });
  await ringing.ringing;
  assert.equal((await statuses()).get(busy.taskId), "delivered");
  const due = (await test.told()).filter(({ type }) => type === "reminder.due.v1");
  assert.deepEqual(due.map(({ data }) => [data.userId, data.seq]), [[free.userId, 2], [busy.userId, 2]]);
});

Deno.test("GET /internal/reminders pages through the ledger of one user", async () => {
  await using test = await setUp();
  const story = aStory({
    reminders: ["PT10M", "PT20M", "PT30M", "PT40M", "PT50M"].map((before, index) => ({
      id: `r${index}`,
      before,
    })),
  });
  const other = aStory();
  await test.runtime.deliver("task-events", [story.tell("task.created.v1"), other.tell("task.created.v1")]);
  const get = async (query: string, user = story.userId) => {
    const response = await test.service.fetch(
      new Request(`http://internal.test/internal/reminders${query}`, { headers: { "x-rondo-user": user } }),
    );
    return {
      status: response.status,
      body: await response.json() as { items: ReminderEntry[]; nextCursor: string | null },
    };
  };
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const { body } = await get(`?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...body.items.map(({ reminderId }) => reminderId));
    cursor = body.nextCursor;
  }
  assert.deepEqual(seen, ["r0", "r1", "r2", "r3", "r4"]);
  const { body } = await get(`?taskId=${story.taskId}&status=scheduled&limit=1`);
  assert.deepEqual(Object.keys(body.items[0] ?? {}), [
    ...["id", "taskId", "occurrence", "reminderId", "fireAt", "status", "deliveredAt", "late", "reason"],
  ]);
  assert.equal((await get(`?taskId=${other.taskId}`)).body.items.length, 0);
  assert.equal((await get("", uuidv7())).body.items.length, 0);
  for (const query of ["?limit=0", "?limit=201", "?status=fired", "?taskId=x", "?cursor=x"]) {
    assert.equal((await get(query)).status, 422, query);
  }
  const outside = await test.service.fetch(
    new Request("http://internal.test/internal/reminders", {
      headers: { "x-rondo-user": story.userId, "x-test-outside": "1" },
    }),
  );
  assert.equal(outside.status, 403);
});

Deno.test("reminders' role sees no user's rows without that user", async () => {
  await using test = await setUp();
  const story = aStory();
  await test.runtime.deliver("task-events", [story.tell("task.created.v1")]);
  const count = (user: string) =>
    asUser(
      test.sql,
      user,
      async (tx) => (await tx`select 1 from reminders.ledger union all select 1 from reminders.plans`).length,
    );
  assert.equal(await count(story.userId), 2);
  assert.equal(await count(uuidv7()), 0);
  assert.equal((await test.sql`select 1 from reminders.ledger`).length, 0);
});
