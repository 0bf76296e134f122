/** What the runtime over Dapr does when a part that it stands on goes away and comes back. */
import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import { kafkaDeadLetters } from "../../deploy/kafka/dead_letters.ts";
import { createRelay } from "../../services/relay/app.ts";
import { systemClock } from "../../services/shared/domain/time.ts";
import { sequence, someEvents, toOutbound } from "../../services/shared/runtime/contract_suite.ts";
import type { Delivery } from "../../services/shared/runtime/ports.ts";
import { connect } from "../../services/shared/store/database.ts";
import { createMetrics } from "../../services/shared/telemetry/metrics.ts";
import { createQuietLog, waitFor } from "../../services/shared/testing/fake_runtime.ts";
import { type Broker, startBroker } from "./broker.ts";
import { writeOutbox } from "./outbox.ts";

const PATIENCE_MS = 90_000;

let broker: Broker;
Deno.test.beforeAll(async () => {
  broker = await startBroker();
});
Deno.test.afterAll(async () => await broker[Symbol.asyncDispose]());

Deno.test("events written while Kafka is away arrive when it is back, in order, without a restart of anything", async () => {
  const admin = connect({ url: broker.databaseUrl, name: "faults-test", max: 2 });
  const sql = connect({ url: broker.databaseUrl, role: "rondo_relay", name: "relay", max: 6 });
  const service = `patient-${crypto.randomUUID()}`;
  const users = Array.from({ length: 20 }, () => uuidv7());
  const seen: Delivery[] = [];
  const consumer = await broker.replica(service, {
    configure(runtime) {
      runtime.subscribe({
        topic: "task-events",
        consumer: service,
        handle(batch) {
          seen.push(...batch);
          return Promise.resolve(batch.map(() => ({ status: "ok" })));
        },
      });
    },
  });
  const publisher = await broker.replica(`relay-${crypto.randomUUID()}`);
  const relay = createRelay({
    ...{
      sql,
      runtime: publisher.runtime,
      log: createQuietLog(),
      metrics: createMetrics(),
      clock: systemClock,
    },
    sources: ["tasks"],
  });
  await relay.start();
  const all = (count: number) => users.every((user) => sequence(seen, user).length === count);
  await writeOutbox(admin, users, { count: 3 });
  await waitFor(() => all(3), PATIENCE_MS);
  await broker.kafka.kill();
  await writeOutbox(admin, users, { count: 3, from: 4 });
  const down = performance.now();
  await waitFor(() => performance.now() - down > 5_000);
  assert.ok(all(3));
  const [left] = await admin<{ n: number }[]>`select count(*)::int as n from tasks.outbox`;
  assert.equal(left?.n, 60, "nothing is lost on the way");
  await broker.kafka.start();
  const up = performance.now();
  await waitFor(() => all(6), PATIENCE_MS);
  console.log(`  all there ${((performance.now() - up) / 1_000).toFixed(1)} s after Kafka is back`);
  for (const user of users) assert.deepEqual(sequence(seen, user), [1, 2, 3, 4, 5, 6]);
  await waitFor(async () => (await admin`select from tasks.outbox limit 1`).length === 0);
  await relay.stop();
  await Promise.all([consumer.stop(), publisher.stop(), admin.end(), sql.end()]);
});

Deno.test("schedule() gives up on a scheduler that is away, which has every job when it is back", async () => {
  const service = `alarm-${crypto.randomUUID()}`;
  const fired: string[] = [];
  const { runtime, stop } = await broker.replica(service, {
    configure: (runtime) => runtime.jobs.handle(({ name }) => Promise.resolve(void fired.push(name))),
  });
  await runtime.jobs.schedule({ name: "kept", dueAt: Temporal.Now.instant().add({ seconds: 8 }), data: {} });
  await broker.scheduler.kill();
  const started = performance.now();
  await assert.rejects(runtime.jobs.schedule({ name: "refused", dueAt: Temporal.Now.instant(), data: {} }));
  assert.ok(performance.now() - started < 7_000);
  await broker.scheduler.start();
  await waitFor(() => fired.includes("kept"), PATIENCE_MS);
  await waitFor(async () => {
    try {
      await runtime.jobs.schedule({ name: "taken", dueAt: Temporal.Now.instant(), data: {} });
      return true;
    } catch {
      return false;
    }
  }, PATIENCE_MS);
  await waitFor(() => fired.includes("taken"), PATIENCE_MS);
  await stop();
});

Deno.test("while a service's database is away its events wait, and none becomes a dead letter", async () => {
  const service = `grounded-${crypto.randomUUID()}`;
  const admin = connect({ url: broker.databaseUrl, name: "faults-test", max: 2 });
  await admin`create database grounded`;
  const sql = connect({ url: new URL("/grounded", broker.databaseUrl).href, name: service, max: 2 });
  const seen: Delivery[] = [];
  let failures = 0;
  const { runtime, stop } = await broker.replica(service, {
    runtime: { probe: () => sql`select 1`.execute(), retry: { attempts: 2 } },
    configure(runtime) {
      runtime.subscribe({
        topic: "notifications",
        consumer: service,
        async handle(batch) {
          await sql`select 1`.catch((cause) => {
            failures++;
            throw cause;
          });
          seen.push(...batch);
          return batch.map(() => ({ status: "ok" }));
        },
      });
    },
  });
  await admin`alter database grounded allow_connections false`;
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'grounded'`;
  const events = someEvents(3);
  for (const event of toOutbound(events, "notifications")) {
    await waitFor(async () => (await runtime.publish([event])).every(({ ok }) => ok), PATIENCE_MS);
  }
  await waitFor(() => failures > 3, PATIENCE_MS);
  await admin`alter database grounded allow_connections true`;
  await waitFor(() => seen.length >= 3, PATIENCE_MS);
  assert.deepEqual(sequence(seen, events[0].key), [1, 2, 3]);
  const letters = await kafkaDeadLetters(broker.brokers).list({ topic: "notifications" });
  assert.deepEqual(letters.filter(({ consumer }) => consumer === service), []);
  await stop();
  await Promise.all([sql.end(), admin.end()]);
});

Deno.test("events are shared among replicas that come, go and crash, and each key keeps its order", async () => {
  const service = `crowd-${crypto.randomUUID()}`;
  const users = Array.from({ length: 30 }, () => uuidv7());
  const seen: Delivery[] = [];
  const start = () =>
    broker.replica(service, {
      configure(runtime) {
        runtime.subscribe({
          topic: "reminders",
          consumer: service,
          async handle(batch) {
            await Promise.resolve();
            seen.push(...batch);
            return batch.map(() => ({ status: "ok" }));
          },
        });
      },
    });
  const admin = connect({ url: broker.databaseUrl, name: "faults-test", max: 2 });
  const sql = connect({ url: broker.databaseUrl, role: "rondo_relay", name: "relay", max: 6 });
  const publisher = await broker.replica(`relay-${crypto.randomUUID()}`);
  const relay = createRelay({
    ...{
      sql,
      runtime: publisher.runtime,
      log: createQuietLog(),
      metrics: createMetrics(),
      clock: systemClock,
    },
    sources: ["tasks"],
  });
  await relay.start();
  const replicas = [await start()];
  let written = 0;
  const write = async (): Promise<void> => {
    await writeOutbox(admin, users, { count: 5, from: written + 1, topics: ["reminders"] });
    written += 5;
  };
  const all = () => users.every((user) => sequence(seen, user).length === written);
  await write();
  await waitFor(all, PATIENCE_MS);
  const joining = start();
  await write();
  replicas.push(await joining);
  await write();
  await waitFor(all, PATIENCE_MS);
  await replicas[0]?.kill();
  await write();
  await waitFor(all, PATIENCE_MS);
  replicas.push(await start());
  await write();
  await replicas[1]?.stop();
  await write();
  await waitFor(all, PATIENCE_MS);
  const expected = Array.from({ length: written }, (_, index) => index + 1);
  for (const user of users) assert.deepEqual(sequence(seen, user), expected);
  console.log(`  ${seen.length} deliveries of ${users.length * written} events`);
  await relay.stop();
  await Promise.all([...replicas.map((replica) => replica.stop()), publisher.stop(), admin.end(), sql.end()]);
});
