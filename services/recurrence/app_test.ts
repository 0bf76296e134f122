import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import type { Envelope, EventType } from "../shared/contracts/events.ts";
import { asUser } from "../shared/store/database.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";
import { testDatabase } from "../shared/testing/database.ts";
import {
  anEvent,
  aTask,
  createFakeClock,
  createFakeRuntime,
  createQuietLog,
  waitFor,
} from "../shared/testing/fake_runtime.ts";
import { createRecurrence } from "./app.ts";
import { recurrenceStore } from "./store.ts";

const NOW = "2027-03-05T18:00:00Z";

const aProblem = (status: number, detail = "gone") =>
  new Response(detail, { status, headers: { "content-type": "application/problem+json" } });

interface Asked {
  taskId: string;
  eventId: string;
  causationId: string;
  next: { date: string; time: string | null };
}

async function setUp() {
  const database = await testDatabase();
  const runtime = createFakeRuntime();
  const clock = createFakeClock(NOW);
  const asked: (Asked & { user: string | null; correlationId: string | null })[] = [];
  let answer: (asked: Asked) => Response = () => Response.json({ created: { id: uuidv7() } });
  runtime.route("api", async (request) => {
    assert.equal(new URL(request.url).pathname, "/internal/occurrences");
    const body = await request.json() as Asked;
    asked.push({
      ...body,
      user: request.headers.get("x-rondo-user"),
      correlationId: request.headers.get("x-correlation-id"),
    });
    return answer(body);
  });
  const sql = database.connect(recurrenceStore.role);
  const create = () =>
    createRecurrence({ sql, runtime, clock, log: createQuietLog(), metrics: createMetrics() });
  const service = create();
  return {
    ...{ database, runtime, clock, asked, create, service },
    answer: (given: typeof answer) => void (answer = given),
    rows: () =>
      database.connect()<{ event_id: string; status: string; detail: string | null }[]>`
        select event_id, status, detail from recurrence.occurrences order by seq`,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

function ended(
  userId: string,
  seq: number,
  fields: {
    type?: EventType;
    rule?: string;
    mode?: "schedule" | "completion";
    occurrence?: number;
    time?: string;
  } = {},
): Envelope {
  const due = { date: "2027-03-05", time: "09:00", timeZone: "Europe/Berlin" };
  const type = fields.type ?? "task.completed.v1";
  const time = fields.time ?? NOW;
  return anEvent(type, {
    userId,
    seq,
    time,
    data: {
      task: aTask({
        due,
        recurrence: { rule: fields.rule ?? "FREQ=WEEKLY;BYDAY=FR", mode: fields.mode ?? "schedule" },
        occurrence: fields.occurrence ?? 1,
        status: type === "task.completed.v1" ? "completed" : "open",
        completedAt: type === "task.completed.v1" ? time : null,
      }),
      before: null,
      timeZone: "Europe/Berlin",
      series: { anchor: due, scheduled: "2027-03-05" },
    },
  });
}

Deno.test("recurrence asks for the next occurrence with the event id as key, once", async () => {
  await using test = await setUp();
  const event = ended(uuidv7(), 1);
  assert.deepEqual(await test.runtime.deliver("task-events", [event]), [{ status: "ok" }]);
  assert.deepEqual(await test.runtime.deliver("task-events", [event, event]), [{ status: "ok" }, {
    status: "ok",
  }]);
  assert.deepEqual(test.asked, [{
    userId: event.partitionkey,
    taskId: event.subject,
    eventId: event.id,
    causationId: event.causationid,
    next: { date: "2027-03-12", time: "09:00" },
    user: event.partitionkey,
    correlationId: event.correlationid,
  }]);
  assert.deepEqual([...await test.rows()], [{ event_id: event.id, status: "made", detail: null }]);
});

Deno.test("recurrence counts a skip from the moment of skipping, and a completion rule from the day it was done", async () => {
  await using test = await setUp();
  const user = uuidv7();
  await test.runtime.deliver("task-events", [
    ended(user, 1, { type: "task.skipped.v1", time: "2027-03-20T12:00:00Z" }),
    ended(user, 2, { rule: "FREQ=DAILY;INTERVAL=3", mode: "completion", time: "2027-03-20T12:00:00Z" }),
  ]);
  assert.deepEqual(test.asked.map(({ next }) => next.date), ["2027-03-26", "2027-03-23"]);
});

Deno.test("recurrence leaves alone what has no next: single tasks, other changes, a series that is over", async () => {
  await using test = await setUp();
  const user = uuidv7();
  const single = anEvent("task.completed.v1", {
    userId: user,
    seq: 1,
    data: {
      task: aTask({ status: "completed", completedAt: NOW }),
      before: null,
      timeZone: "UTC",
      series: null,
    },
  });
  const outcomes = await test.runtime.deliver("task-events", [
    single,
    ended(user, 2, { type: "task.updated.v1" }),
    ended(user, 3, { rule: "FREQ=WEEKLY;BYDAY=FR;COUNT=1" }),
  ]);
  assert.ok(outcomes.every(({ status }) => status === "ok"));
  assert.equal(test.asked.length, 0);
  assert.deepEqual((await test.rows()).map(({ status }) => status), ["ended"]);
});

Deno.test("recurrence records that an occurrence is no longer wanted and takes the event", async () => {
  await using test = await setUp();
  for (const status of [404, 409, 422]) {
    test.answer(() => aProblem(status));
    assert.deepEqual(await test.runtime.deliver("task-events", [ended(uuidv7(), status)]), [{
      status: "ok",
    }]);
  }
  assert.deepEqual([...await test.rows()].map(({ status, detail }) => ({ status, detail })), [
    { status: "unwanted", detail: "the api answered 404: gone" },
    { status: "unwanted", detail: "the api answered 409: gone" },
    { status: "unwanted", detail: "the api answered 422: gone" },
  ]);
});

Deno.test("recurrence takes no refusal for final that is not the api's own word", async () => {
  await using test = await setUp();
  const event = ended(uuidv7(), 1);
  const strangers = [
    // What answers at a wrong address, and the api to a wrong token.
    ...[404, 409, 422].map((status) => () => new Response("<h1>No</h1>", { status })),
    ...[401, 403].map((status) => () => aProblem(status)),
  ];
  for (const stranger of strangers) {
    test.answer(stranger);
    assert.equal((await test.runtime.deliver("task-events", [event]))[0]?.status, "retry");
  }
  assert.deepEqual((await test.rows()).map(({ status }) => status), ["pending"]);
  test.answer(() => Response.json({ created: { id: uuidv7() } }));
  assert.deepEqual(await test.runtime.deliver("task-events", [event]), [{ status: "ok" }]);
  assert.deepEqual((await test.rows()).map(({ status }) => status), ["made"]);
});

Deno.test("recurrence answers retry for a refused event and the later ones of its user; others flow on", async () => {
  await using test = await setUp();
  const [ada, bob] = [uuidv7(), uuidv7()];
  const batch = [ended(ada, 1), ended(bob, 1), ended(ada, 2), ended(ada, 3, { type: "task.updated.v1" })];
  test.answer(({ eventId }) =>
    eventId === batch[0]?.id ? new Response("", { status: 500 }) : Response.json({ created: null })
  );
  const outcomes = await test.runtime.deliver("task-events", batch);
  assert.deepEqual(outcomes.map(({ status }) => status), ["retry", "ok", "retry", "retry"]);
  test.answer(() => Response.json({ created: null }));
  const again = await test.runtime.deliver("task-events", batch);
  assert.deepEqual(again.map(({ status }) => status), ["ok", "ok", "ok", "ok"]);
  assert.deepEqual(
    test.asked.map(({ eventId }) => batch.findIndex(({ id }) => id === eventId)).filter((index) =>
      index !== 1
    ),
    [0, 0, 2],
  );
});

Deno.test("recurrence sends a rule that nobody can read to the dead letters at once", async () => {
  await using test = await setUp();
  const [outcome] = await test.runtime.deliver("task-events", [
    ended(uuidv7(), 1, { rule: "FREQ=SOMETIMES" }),
  ]);
  assert.equal(outcome?.status, "dead");
  assert.match(outcome.status === "dead" ? outcome.error : "", /rule can't be read/);
});

Deno.test("recurrence sweeps what the broker gave up on", async () => {
  await using test = await setUp();
  test.answer(() => new Response("", { status: 503 }));
  await test.runtime.deliver("task-events", [ended(uuidv7(), 1)]);
  test.answer(() => Response.json({ created: { id: uuidv7() } }));
  test.clock.advance("PT61S");
  await test.service.start();
  await waitFor(async () => (await test.rows())[0]?.status === "made");
  await test.service.stop();
  assert.equal(test.asked.length, 2);
});

Deno.test("recurrence sweeps those who have waited longest first: a user whose many occurrences fail starves nobody", async () => {
  await using test = await setUp();
  const many = "00000000-0000-7000-8000-000000000001";
  const one = "ffffffff-ffff-7fff-bfff-ffffffffffff";
  const admin = test.database.connect();
  const pending = (user: string, count: number, at: string) =>
    admin`
      insert into recurrence.occurrences (
        event_id, user_id, task_id, seq, next, status, next_attempt_at, causation_id, correlation_id, traceparent,
        created_at, updated_at
      )
      select gen_random_uuid(), ${user}, gen_random_uuid(), n, '{"date": "2027-03-12", "time": null}', 'pending', ${at},
        'c', 'c', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', ${at}, ${at}
      from generate_series(1, ${count}::int) as n`;
  await pending(many, 600, "2027-03-05T17:00:00Z");
  await pending(one, 1, "2027-03-05T17:30:00Z");
  test.answer(() =>
    test.asked.at(-1)?.user === many ? new Response("", { status: 500 }) : Response.json({ created: null })
  );
  const sweep = async () => {
    const service = test.create();
    await service.start();
    await service.stop();
  };
  await sweep();
  assert.deepEqual(test.asked.map(({ user }) => user), [many]);
  await sweep();
  assert.deepEqual(test.asked.map(({ user }) => user), [many, one]);
  await sweep();
  assert.equal(test.asked.length, 2);
  // All of that user's come back together, in order, and over more than one page.
  test.answer(() => Response.json({ created: null }));
  test.clock.advance("PT1M");
  await sweep();
  assert.equal(test.asked.length, 602);
  const left = await admin`select 1 from recurrence.occurrences where status = 'pending'`;
  assert.equal(left.length, 0);
});

Deno.test("recurrence's role sees no user's rows without that user", async () => {
  await using test = await setUp();
  await test.runtime.deliver("task-events", [ended(uuidv7(), 1)]);
  const sql = test.database.connect(recurrenceStore.role);
  const count = (user: string) =>
    asUser(sql, user, async (tx) => (await tx`select 1 from recurrence.occurrences`).length);
  assert.equal((await sql`select 1 from recurrence.occurrences`).length, 0);
  assert.equal(await count(uuidv7()), 0);
  assert.equal(await count(test.asked[0]?.user ?? ""), 1);
});

Deno.test("recurrence forgets received events after 45 days", async () => {
  await using test = await setUp();
  const admin = test.database.connect();
  await admin`
    insert into recurrence.inbox (consumer, event_id, received_at)
    values ('recurrence', ${uuidv7()}, ${NOW}::timestamptz - interval '46 days'), ('recurrence', ${uuidv7()}, ${NOW})`;
  await test.service.start();
  await waitFor(async () => (await admin`select 1 from recurrence.inbox`).length === 1);
  await test.service.stop();
});
