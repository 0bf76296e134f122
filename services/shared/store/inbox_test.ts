import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import type { Envelope } from "../contracts/events.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { testDatabase } from "../testing/database.ts";
import { anEvent, aTask, createFakeClock, createQuietLog } from "../testing/fake_runtime.ts";
import { type ConsumerOptions, createConsumer } from "./inbox.ts";

async function setUp(options: Partial<ConsumerOptions> = {}) {
  const database = await testDatabase();
  const metrics = createMetrics();
  const lines: string[] = [];
  const taken: string[] = [];
  const consume = createConsumer({
    sql: database.connect("rondo_audit"),
    schema: "audit",
    consumer: "tester",
    log: createQuietLog(lines),
    metrics,
    clock: createFakeClock("2027-01-01T00:00:30Z"),
    effect: (_tx, events) => Promise.resolve(void taken.push(...events.map(({ id }) => id))),
    ...options,
  });
  return {
    ...{ database, metrics, lines, taken },
    deliver: (events: readonly Envelope[], topic = "task-events") =>
      consume(events.map((event) => ({ topic, key: event.partitionkey, event }))),
    gaps: async () => (await metrics.eventGaps.get()).values[0]?.value ?? 0,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

const change = (userId: string, seq: number): Envelope =>
  anEvent("task.updated.v1", {
    userId,
    seq,
    data: { task: aTask(), before: null, timeZone: "UTC", series: null },
  });

Deno.test("createConsumer() hands over each user's events together, in order and once", async () => {
  const calls: string[][] = [];
  await using test = await setUp({
    effect: (_tx, events) => Promise.resolve(void calls.push(events.map(({ id }) => id))),
  });
  const [ada, bob] = [uuidv7(), uuidv7()];
  const [a1, b1, a2, a3] = [change(ada, 1), change(bob, 1), change(ada, 2), change(ada, 3)];
  assert.deepEqual(
    (await test.deliver([a1, b1, a2, a1, a3])).map(({ status }) => status),
    ["ok", "ok", "ok", "ok", "ok"],
  );
  assert.deepEqual(calls, [[a1.id, a2.id, a3.id], [b1.id]]);
  await test.deliver([a3, b1]);
  assert.equal(calls.length, 2);
});

Deno.test("createConsumer() counts the numbers that a user's stream leaves out, and no others", async () => {
  await using test = await setUp();
  const [ada, bob] = [uuidv7(), uuidv7()];
  // The first that is ever seen has no predecessor; users and topics have each their own numbers.
  await test.deliver([change(ada, 5), change(bob, 9), change(ada, 6)]);
  await test.deliver([change(ada, 2)], "reminders");
  await test.deliver([change(ada, 7)]);
  assert.equal(await test.gaps(), 0);
  const after = change(ada, 10);
  await test.deliver([after]);
  assert.equal(await test.gaps(), 2);
  const line = JSON.parse(test.lines.find((line) => line.includes("left out")) ?? "{}");
  assert.equal(line.level, "warn");
  assert.deepEqual([line.userId, line.topic, line.after, line.before], [ada, "task-events", 7, 10]);
  // A redelivery, and what comes late out of the dead letters.
  await test.deliver([after]);
  await test.deliver([change(ada, 8)]);
  await test.deliver([change(ada, 9), change(ada, 11)]);
  assert.equal(await test.gaps(), 2);
  // Within one batch.
  await test.deliver([change(ada, 12), change(bob, 10), change(ada, 14)]);
  assert.equal(await test.gaps(), 3);
});

Deno.test("createConsumer() counts a gap once when the batch fails and is taken one by one", async () => {
  const bad = uuidv7();
  await using test = await setUp({
    effect: (_tx, [event]) =>
      event.partitionkey === bad ? Promise.reject(new Error("no")) : Promise.resolve(),
  });
  const ada = uuidv7();
  await test.deliver([change(ada, 1)]);
  const outcomes = await test.deliver([change(ada, 3), change(bad, 1)]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["ok", "retry"]);
  assert.equal(await test.gaps(), 1);
});

Deno.test("createConsumer() gives up a statement that waits for ever", async () => {
  await using test = await setUp({
    statementTimeoutMs: 500,
    effect: async (tx) => void await tx`select 1 from audit.heads for update`,
  });
  const admin = test.database.connect();
  await admin.begin(async (tx) => {
    await tx`lock table audit.heads in access exclusive mode`;
    const [outcome] = await test.deliver([change(uuidv7(), 1)]);
    assert.equal(outcome?.status, "retry");
    assert.match(outcome.status === "retry" ? outcome.error : "", /statement timeout/);
  });
  assert.deepEqual(await test.deliver([change(uuidv7(), 1)]), [{ status: "ok" }]);
});

Deno.test("createConsumer() measures the lag by its clock", async () => {
  await using test = await setUp();
  await test.deliver([change(uuidv7(), 1)]);
  const { values } = await test.metrics.eventLag.get();
  assert.equal(values.find(({ metricName }) => metricName === "event_lag_seconds_sum")?.value, 30);
});
