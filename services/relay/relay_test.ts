/** The relay over a real database, with the embedded broker or a publisher that fails as told. */
import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import { systemClock } from "../shared/domain/time.ts";
import { createEmbeddedHub } from "../shared/runtime/embedded/mod.ts";
import type { Delivery, OutboundEvent, Publisher, Runtime, Service } from "../shared/runtime/ports.ts";
import type { Sql } from "../shared/store/database.ts";
import { createMetrics, type Metrics } from "../shared/telemetry/metrics.ts";
import { type TestDatabase, testDatabase } from "../shared/testing/database.ts";
import {
  anEvent,
  aTask,
  createFakeRuntime,
  createQuietLog,
  waitFor,
} from "../shared/testing/fake_runtime.ts";
import { createRelay, type RelayDependencies } from "./app.ts";

const SOURCE = "relay_test";

Deno.test("createRelay() publishes what the api wrote, deletes it and counts", async () => {
  await using world = await makeWorld();
  const { admin, hub, metrics } = world;
  const user = uuidv7();
  await insert(admin, "tasks", [user], 3, ["task-events", "task-updates"]);
  const seen: Delivery[] = [];
  const reader = hub.runtime("reader");
  for (const topic of ["task-events", "task-updates"] as const) {
    reader.subscribe({
      topic,
      consumer: "reader",
      handle(batch) {
        seen.push(...batch);
        return Promise.resolve(batch.map(() => ({ status: "ok" })));
      },
    });
  }
  await reader.start();
  const relay = await world.start({ runtime: hub.runtime("relay"), sources: undefined });
  await waitFor(() => seen.length === 6);
  for (const topic of ["task-events", "task-updates"]) {
    assert.deepEqual(seen.filter((delivery) => delivery.topic === topic).map(seqOf), [1, 2, 3]);
  }
  await waitFor(async () => await left(admin, "tasks") === 0);
  const published = (await metrics.eventsPublished.get()).values;
  assert.deepEqual(published.map(({ labels, value }) => [labels.topic, labels.event_type, value]), [
    ["task-events", "task.created.v1", 3],
    ["task-updates", "task.created.v1", 3],
  ]);
  await waitFor(async () => (await metrics.outboxPending.get()).values.every(({ value }) => value === 0));
  assert.equal((await relay.fetch(new Request("http://relay.test/ready"))).status, 200);
});

for (const atomicBatches of [true, false]) {
  const kind = atomicBatches ? "an atomic publisher" : "a publisher without atomic batches";

  Deno.test(`createRelay() keeps each key's order while ${kind} fails at random`, async () => {
    await using world = await makeWorld();
    const users = Array.from({ length: 12 }, () => uuidv7());
    const random = seeded(20_270_131);
    const fails = users.slice(0, 6);
    const publisher = fakePublisher(
      atomicBatches,
      (entry) => fails.includes(entry.key) && random() < 0.3 ? "broken at random" : null,
    );
    await insert(world.admin, SOURCE, users, 20);
    await world.start({ runtime: publisher.runtime, retryMs: 5, maxRetryMs: 20 });
    await waitFor(async () => await left(world.admin, SOURCE) === 0, 30_000);
    for (const user of users) assert.deepEqual(publisher.sequence(user), range(1, 20));
    assert.ok(publisher.refused() > 20, `${publisher.refused()} refusals`);
    if (!atomicBatches) assert.equal(publisher.mostInFlightOfAKey(), 1);
  });

  Deno.test(`createRelay() over ${kind} stops a failed key only`, async () => {
    await using world = await makeWorld();
    const users = Array.from({ length: 10 }, () => uuidv7());
    const [stuck = ""] = users;
    let healed = false;
    const publisher = fakePublisher(
      atomicBatches,
      (entry) => entry.key === stuck && seqOfEvent(entry) === 3 && !healed ? "too large" : null,
    );
    await insert(world.admin, SOURCE, users, 10);
    await world.start({ runtime: publisher.runtime, retryMs: 5, maxRetryMs: 50 });
    await waitFor(async () => await left(world.admin, SOURCE) === 8);
    for (const user of users.slice(1)) assert.deepEqual(publisher.sequence(user), range(1, 10));
    assert.deepEqual(publisher.sequence(stuck), [1, 2]);
    // New events of others pass, the metric tells of what stands still.
    await insert(world.admin, SOURCE, users.slice(1), 1, ["task-events"], 11);
    await waitFor(async () => await left(world.admin, SOURCE) === 8);
    await waitFor(async () =>
      (await world.metrics.outboxPending.get()).values.some(({ value }) => value === 8)
    );
    const [oldest] = (await world.metrics.outboxOldest.get()).values;
    assert.ok(oldest !== undefined && oldest.value > 0 && oldest.value < 60, String(oldest?.value));
    healed = true;
    await waitFor(async () => await left(world.admin, SOURCE) === 0);
    await waitFor(async () =>
      (await world.metrics.outboxOldest.get()).values.every(({ value }) => value === 0)
    );
    assert.deepEqual(publisher.sequence(stuck), range(1, 10));
  });

  Deno.test(`createRelay() bounds ${kind} that hangs`, async () => {
    await using world = await makeWorld();
    const users = Array.from({ length: 4 }, () => uuidv7());
    let hangs = 2;
    const publisher = fakePublisher(
      atomicBatches,
      () => null,
      (batch) => batch.some(({ key }) => key === users[0]) && hangs-- > 0,
    );
    await insert(world.admin, SOURCE, users, 5);
    await world.start({ runtime: publisher.runtime, publishTimeoutMs: 100, retryMs: 5 });
    await waitFor(async () => await left(world.admin, SOURCE) === 0);
    for (const user of users) assert.deepEqual(publisher.sequence(user), range(1, 5));
  });

  Deno.test(`createRelay() over ${kind} gets through an outage without storming the broker`, async () => {
    await using world = await makeWorld();
    const users = Array.from({ length: 300 }, () => uuidv7());
    let down = true;
    const publisher = fakePublisher(atomicBatches, () => down ? "connection refused" : null);
    await insert(world.admin, SOURCE, users, 2);
    await world.start({ runtime: publisher.runtime, retryMs: 50, maxRetryMs: 1_000 });
    const until = performance.now() + 2_000;
    await waitFor(() => performance.now() > until);
    const calls = publisher.calls();
    assert.ok(calls < 120, `${calls} calls in 2 s of outage`);
    assert.equal(await left(world.admin, SOURCE), 600);
    down = false;
    const recovered = performance.now();
    await waitFor(async () => await left(world.admin, SOURCE) === 0, 10_000);
    console.log(
      `  outage: ${calls} calls in 2 s; drained ${(performance.now() - recovered).toFixed(0)} ms after it`,
    );
    for (const user of users) assert.deepEqual(publisher.sequence(user), [1, 2]);
  });

  Deno.test(`two relays over ${kind} share the keys, never reorder, and take over`, async () => {
    await using world = await makeWorld();
    const users = Array.from({ length: 64 }, () => uuidv7());
    const log: OutboundEvent[] = [];
    const random = seeded(7);
    const fail = (): string | null => random() < 0.02 ? "broken at random" : null;
    const publishers = [0, 1].map(() => fakePublisher(atomicBatches, fail, undefined, log));
    const relays: Service[] = [];
    let written = 0;
    const write = async (): Promise<void> => {
      await insert(world.admin, SOURCE, users, 2, ["task-events"], written + 1);
      written += 2;
    };
    for (const { runtime } of publishers) {
      await write();
      relays.push(await world.start({ runtime, retryMs: 5, maxRetryMs: 50 }));
      await write();
    }
    await waitFor(async () => {
      await write();
      return publishers.every(({ taken }) => taken() > 100);
    }, 20_000);
    await relays[0]?.stop();
    await write();
    await waitFor(async () => await left(world.admin, SOURCE) === 0, 20_000);
    for (const user of users) assert.deepEqual(sequence(log, user), range(1, written));
  });
}

Deno.test("createRelay() shares publishes between keys where batches are not atomic, one event of each", async () => {
  await using world = await makeWorld();
  const users = Array.from({ length: 400 }, () => uuidv7());
  const publisher = fakePublisher(false, () => null);
  await insert(world.admin, SOURCE, users, 5, ["task-events", "task-updates"]);
  const started = performance.now();
  await world.start({ runtime: publisher.runtime });
  await waitFor(async () => await left(world.admin, SOURCE) === 0, 30_000);
  console.log(
    `  2,000 events of 400 keys: ${publisher.calls()} publishes, ${
      (performance.now() - started).toFixed(0)
    } ms`,
  );
  assert.ok(publisher.calls() < 200, `${publisher.calls()} publishes`);
  assert.equal(publisher.mostInFlightOfAKey(), 2, "one event, to two topics");
  for (const user of users) assert.deepEqual(publisher.sequence(user), range(1, 5));
});

Deno.test("createRelay() isolates a key for which a broker refuses the whole request", async () => {
  await using world = await makeWorld();
  const users = Array.from({ length: 50 }, () => uuidv7());
  const [bad = "", ...good] = users;
  const published: OutboundEvent[] = [];
  const runtime: Runtime = {
    ...createFakeRuntime(),
    atomicBatches: false,
    publish(batch) {
      const refused = batch.some(({ key }) => key === bad);
      if (!refused) published.push(...batch);
      return Promise.resolve(batch.map(() => refused ? { ok: false, error: "too large" } : { ok: true }));
    },
  };
  await insert(world.admin, SOURCE, users, 3);
  await world.start({ runtime, retryMs: 5, maxRetryMs: 50 });
  await waitFor(async () => await left(world.admin, SOURCE) === 3);
  for (const user of good) assert.deepEqual(sequence(published, user), [1, 2, 3]);
});

Deno.test("createRelay() publishes again what was acknowledged but not deleted before a crash", async () => {
  await using world = await makeWorld();
  const users = [uuidv7(), uuidv7()];
  await insert(world.admin, SOURCE, users, 10);
  const log: OutboundEvent[] = [];
  const doomed = world.database.connect("rondo_relay");
  let acknowledged = false;
  const first = fakePublisher(true, () => null, undefined, log, async () => {
    // The process ends here: what follows the acknowledgement never happens.
    await doomed.end({ timeout: 0 });
    acknowledged = true;
  });
  const crashed = await world.start({ runtime: first.runtime, sql: doomed });
  await waitFor(() => acknowledged);
  await crashed.stop();
  assert.equal(await left(world.admin, SOURCE), 20);
  const second = fakePublisher(true, () => null, undefined, log);
  await insert(world.admin, SOURCE, users, 1, ["task-events"], 11);
  await world.start({ runtime: second.runtime });
  await waitFor(async () => await left(world.admin, SOURCE) === 0);
  for (const user of users) {
    assert.deepEqual(sequence(log, user), range(1, 11));
    assert.equal(log.filter(({ key }) => key === user).length, 21, "ten came twice");
  }
});

Deno.test("createRelay() goes on when its database connections are cut", async () => {
  await using world = await makeWorld();
  const users = Array.from({ length: 8 }, () => uuidv7());
  const publisher = fakePublisher(true, () => null);
  await world.start({ runtime: publisher.runtime });
  for (let round = 0; round < 5; round++) {
    await insert(world.admin, SOURCE, users, 5, ["task-events"], round * 5 + 1);
    await waitFor(async () => {
      const cut = await world.admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name <> 'test-admin'
          -- The driver does not survive a cut in the moment in which it reads the types of a new connection.
          and backend_start < now() - interval '300 milliseconds'`;
      return cut.length > 0;
    });
  }
  await waitFor(async () => await left(world.admin, SOURCE) === 0, 20_000);
  for (const user of users) assert.deepEqual(publisher.sequence(user), range(1, 25));
});

Deno.test("createRelay() finds an outbox that is made after its start", async () => {
  await using world = await makeWorld();
  const publisher = fakePublisher(true, () => null);
  await world.start({ runtime: publisher.runtime, sources: ["relay_later", SOURCE] });
  const user = uuidv7();
  await insert(world.admin, SOURCE, [user], 1);
  await waitFor(() => publisher.taken() === 1);
  await makeOutbox(world.admin, "relay_later");
  await insert(world.admin, "relay_later", [user], 1);
  await waitFor(() => publisher.taken() === 2);
});

Deno.test("createRelay() drains 5,000 events of one user and is quick when woken", async () => {
  await using world = await makeWorld();
  const runtime = world.hub.runtime("relay");
  const user = uuidv7();
  await insert(world.admin, SOURCE, [user], 5_000, ["task-events", "task-updates"]);
  const started = performance.now();
  await world.start({ runtime });
  await waitFor(async () => await left(world.admin, SOURCE) === 0, 30_000);
  console.log(`  5,000 rows to two topics: ${(performance.now() - started).toFixed(0)} ms`);
  const publisher = fakePublisher(true, () => null);
  const other = await makeWorld();
  await other.start({ runtime: publisher.runtime });
  await insert(other.admin, SOURCE, [user], 1);
  await waitFor(() => publisher.taken() === 1);
  const woken: number[] = [];
  for (let seq = 2; seq <= 41; seq++) {
    await insert(other.admin, SOURCE, [user], 1, ["task-events"], seq);
    const committed = performance.now();
    publisher.runtime.wake("outbox");
    await waitFor(() => publisher.taken() === seq);
    woken.push((publisher.lastAt() ?? Infinity) - committed);
  }
  const polled: number[] = [];
  woken.sort((a, b) => a - b);
  for (let seq = 42; seq <= 51; seq++) {
    await insert(other.admin, SOURCE, [user], 1, ["task-events"], seq);
    const committed = performance.now();
    await waitFor(() => publisher.taken() === seq);
    polled.push((publisher.lastAt() ?? Infinity) - committed);
  }
  polled.sort((a, b) => a - b);
  console.log(
    `  commit to published: woken p50 ${woken[20]?.toFixed(1)} ms, p95 ${woken[38]?.toFixed(1)} ms; ` +
      `polled p50 ${polled[5]?.toFixed(0)} ms`,
  );
  await other[Symbol.asyncDispose]();
});

Deno.test("createRelay() asks little of the database while nothing is written", async () => {
  await using world = await makeWorld();
  const sql = world.database.connect("rondo_relay");
  let queries = 0;
  sql.options.debug = () => void queries++;
  const publisher = fakePublisher(true, () => null);
  await world.start({ runtime: publisher.runtime, sql });
  const measure = async (): Promise<number> => {
    const settled = performance.now() + 1_500;
    await waitFor(() => performance.now() > settled);
    queries = 0;
    const until = performance.now() + 3_000;
    await waitFor(() => performance.now() > until);
    return queries;
  };
  const unwoken = await measure();
  publisher.runtime.wake("outbox");
  const woken = await measure();
  console.log(`  queries in 3 s idle: ${woken} when writers wake it, ${unwoken} when they are elsewhere`);
  assert.ok(unwoken <= 40 && woken <= 10);
});

interface World extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly admin: Sql;
  readonly hub: ReturnType<typeof createEmbeddedHub>;
  readonly metrics: Metrics;
  /** Starts a relay; what still runs is stopped with the world. */
  start(options: Partial<RelayDependencies> & { runtime: Runtime }): Promise<Service>;
}

async function makeWorld(): Promise<World> {
  const database = await testDatabase();
  const admin = database.connect();
  await makeOutbox(admin, SOURCE);
  const metrics = createMetrics();
  const log = createQuietLog();
  const clock = systemClock;
  const hub = createEmbeddedHub({
    ...{ sql: database.connect("rondo_broker"), log, metrics, clock },
    internalToken: "an-unguessable-token-of-the-tests",
  });
  const relays = new Set<Service>();
  return {
    database,
    admin,
    hub,
    metrics,
    async start(options) {
      const sql = options.sql ?? database.connect("rondo_relay");
      const relay = createRelay({ log, metrics, clock, sources: [SOURCE], ...options, sql });
      await relay.start();
      let stopped: Promise<void> | null = null;
      const service: Service = { ...relay, stop: () => stopped ??= relay.stop() };
      relays.add(service);
      return service;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...relays].map((relay) => relay.stop()));
      await hub.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function makeOutbox(admin: Sql, schema: string): Promise<void> {
  await admin.begin(async (tx) => {
    await tx`create schema ${tx(schema)}`;
    await tx`
      create table ${tx(schema)}.outbox (
        id bigint generated always as identity primary key,
        user_id uuid not null,
        seq bigint not null,
        topics text[] not null,
        event json not null,
        created_at timestamptz not null default now()
      )`;
    await tx`grant usage on schema ${tx(schema)} to rondo_relay`;
    await tx`grant select, delete on ${tx(schema)}.outbox to rondo_relay`;
  });
}

/** Writes `count` events of each user, numbered on from `from`, the users' rows mixed. */
async function insert(
  admin: Sql,
  schema: string,
  users: readonly string[],
  count: number,
  topics: readonly string[] = ["task-events"],
  from = 1,
): Promise<void> {
  const rows = range(from, from + count - 1).flatMap((seq) =>
    users.map((user) => ({
      user,
      seq,
      topics,
      event: anEvent("task.created.v1", {
        userId: user,
        seq,
        data: { task: aTask(), before: null, timeZone: "Europe/Berlin", series: null },
      }),
    }))
  );
  await admin`
    insert into ${admin(schema)}.outbox (user_id, seq, topics, event)
    select r.user, r.seq, r.topics, r.event
    from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as r ("user" uuid, seq bigint, topics text[], event json)`;
}

async function left(admin: Sql, schema: string): Promise<number> {
  const [row] = await admin<{ n: number }[]>`select count(*) as n from ${admin(schema)}.outbox`;
  return row?.n ?? 0;
}

/** A runtime whose publisher refuses as told and keeps what it acknowledged. */
function fakePublisher(
  atomicBatches: boolean,
  refuse: (entry: OutboundEvent) => string | null,
  hangs: (batch: readonly OutboundEvent[]) => boolean = () => false,
  log: OutboundEvent[] = [],
  acknowledging: () => Promise<void> = () => Promise.resolve(),
) {
  let taken = 0;
  let refused = 0;
  let calls = 0;
  let lastAt: number | null = null;
  let most = 0;
  const inFlight = new Map<string, number>();
  const publish: Publisher["publish"] = async (batch) => {
    calls++;
    if (hangs(batch)) await new Promise(() => {});
    const keys = new Set(batch.map(({ key }) => key));
    for (const key of keys) {
      const now = (inFlight.get(key) ?? 0) + batch.filter((entry) => entry.key === key).length;
      inFlight.set(key, now);
      most = Math.max(most, now);
    }
    // A broker answers later, so that overlapping publishes would show.
    await new Promise((resolve) => setTimeout(resolve, 1));
    for (const key of keys) inFlight.delete(key);
    const errors = batch.map(refuse);
    const bad = errors.find((error) => error !== null) ?? null;
    refused += errors.filter((error) => error !== null).length;
    const results = errors.map((error, index) => {
      const answer = atomicBatches ? bad : error;
      if (answer !== null) return { ok: false as const, error: answer };
      const entry = batch[index];
      if (entry !== undefined) log.push(entry);
      taken++;
      lastAt = performance.now();
      return { ok: true as const };
    });
    await acknowledging();
    return results;
  };
  const runtime: Runtime = { ...createFakeRuntime(), atomicBatches, publish };
  return {
    runtime,
    taken: () => taken,
    refused: () => refused,
    calls: () => calls,
    lastAt: () => lastAt,
    mostInFlightOfAKey: () => most,
    sequence: (user: string) => sequence(log, user),
  };
}

const seqOfEvent = (entry: OutboundEvent): number => Number(entry.event.data.seq);
const seqOf = (delivery: Delivery): number => seqOfEvent(delivery as OutboundEvent);

/** The numbers of a user's events in the order of their first appearance. */
function sequence(log: readonly OutboundEvent[], user: string): number[] {
  return [...new Set(log.filter(({ key }) => key === user).map(seqOfEvent))];
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

/** Mulberry32: the same numbers in 0..1 for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
