/** The relay over a real sidecar and Kafka: order and speed. */
import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import { createRelay } from "../../services/relay/app.ts";
import { systemClock } from "../../services/shared/domain/time.ts";
import { sequence } from "../../services/shared/runtime/contract_suite.ts";
import type { Delivery } from "../../services/shared/runtime/ports.ts";
import { connect } from "../../services/shared/store/database.ts";
import { createMetrics } from "../../services/shared/telemetry/metrics.ts";
import { createQuietLog, waitFor } from "../../services/shared/testing/fake_runtime.ts";
import { type Broker, startBroker } from "./broker.ts";
import { writeOutbox } from "./outbox.ts";

const USERS = 400;
const EVENTS = 10;
/** The goal is 1,000, on machines that do nothing else beside; a test's machine is shared with five other programs. */
const LEAST_PER_SECOND = 300;

let broker: Broker;
Deno.test.beforeAll(async () => {
  broker = await startBroker();
});
Deno.test.afterAll(async () => await broker[Symbol.asyncDispose]());

Deno.test("the relay brings a thousand events a second to a consumer, each key in order", async () => {
  const admin = connect({ url: broker.databaseUrl, name: "relay-test", max: 2 });
  const sql = connect({ url: broker.databaseUrl, role: "rondo_relay", name: "relay", max: 6 });
  const service = `fast-${crypto.randomUUID()}`;
  const seen: Delivery[] = [];
  const calls: number[] = [];
  const consumer = await broker.replica(service, {
    configure(runtime) {
      runtime.subscribe({
        topic: "task-events",
        consumer: service,
        handle(batch) {
          calls.push(batch.length);
          seen.push(...batch);
          return Promise.resolve(batch.map(() => ({ status: "ok" })));
        },
      });
    },
  });
  const { runtime, stop } = await broker.replica(`relay-${crypto.randomUUID()}`);
  const relay = createRelay({
    ...{ sql, runtime, log: createQuietLog(), metrics: createMetrics(), clock: systemClock },
    sources: ["tasks"],
  });
  await relay.start();
  // The first event shows that the group reads.
  await writeOutbox(admin, [uuidv7()], { count: 1 });
  await waitFor(() => seen.length === 1, 45_000);
  const users = Array.from({ length: USERS }, () => uuidv7());
  // A broker that has just started is several times slower: its code is not compiled yet.
  await writeOutbox(admin, users.slice(0, USERS / 2), { count: EVENTS });
  await waitFor(() => seen.length >= 1 + USERS / 2 * EVENTS, 60_000);
  calls.length = 0;
  const before = seen.length;
  const started = performance.now();
  await writeOutbox(admin, users, { count: EVENTS, from: EVENTS + 1 });
  const written = performance.now();
  await waitFor(async () => (await admin`select from tasks.outbox limit 1`).length === 0, 60_000);
  const relayed = performance.now();
  await waitFor(() => seen.length >= before + USERS * EVENTS, 60_000);
  const taken = performance.now();
  const rate = (until: number): number => Math.round(USERS * EVENTS * 1_000 / (until - started));
  console.log(
    `  written at ${rate(written)}/s, relayed to two topics at ${rate(relayed)}/s, taken at ${
      rate(taken)
    }/s ` +
      `in ${calls.length} calls`,
  );
  for (const user of users) {
    assert.deepEqual(
      sequence(seen, user).slice(-EVENTS),
      Array.from({ length: EVENTS }, (_, index) => EVENTS + 1 + index),
    );
  }
  assert.ok(rate(taken) >= LEAST_PER_SECOND, `${rate(taken)}/s`);
  const latencies: number[] = [];
  for (let seq = 2 * EVENTS + 1; seq <= 2 * EVENTS + 20; seq++) {
    const known = seen.length;
    const committed = performance.now();
    await writeOutbox(admin, users.slice(0, 1), { count: 1, from: seq });
    runtime.wake("outbox");
    await waitFor(() => seen.length > known);
    latencies.push(performance.now() - committed);
  }
  latencies.sort((a, b) => a - b);
  console.log(`  written to taken: p50 ${latencies[10]?.toFixed(0)} ms, p95 ${latencies[18]?.toFixed(0)} ms`);
  await relay.stop();
  await Promise.all([stop(), consumer.stop()]);
  await Promise.all([admin.end(), sql.end()]);
});
