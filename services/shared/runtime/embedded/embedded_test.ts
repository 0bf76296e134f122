/** The embedded adapter: the contract of the ports, and what only this one promises. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { uuidv7 } from "uuidv7";
import type { Topic } from "../../contracts/events.ts";
import { systemClock } from "../../domain/time.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import { type TestDatabase, testDatabase } from "../../testing/database.ts";
import { createFakeClock, createQuietLog, waitFor } from "../../testing/fake_runtime.ts";
import {
  type ContractHarness,
  type Replica,
  runtimeContract,
  seqOf,
  sequence,
  someEvents,
  toOutbound,
} from "../contract_suite.ts";
import type { Delivery, Outcome, Runtime } from "../ports.ts";
import { createEmbeddedHub, type EmbeddedHub, type EmbeddedHubOptions } from "./mod.ts";
import { partitionOf } from "./topic_log.ts";

const TOKEN = "an-unguessable-token-of-the-tests";

runtimeContract("embedded", async (): Promise<ContractHarness> => {
  const database = await testDatabase();
  const running = new Set<Replica>();
  // What operators ask: it takes part in nothing.
  const desk = hubOn(database);
  const fetchers = new Map<string, (request: Request) => Response | Promise<Response>>();
  return {
    topic: "task-events",
    unique: (word) => `${word}-${crypto.randomUUID()}`,
    deadLetters: desk.deadLetters,
    secret: { name: "smtp-password", value: "correct horse" },
    async replica(service, configure = () => {}) {
      // A hub of its own is what a process of its own has: nothing is shared but the database.
      const hub = hubOn(database, {
        secrets: { "smtp-password": "correct horse" },
        retry: { timeoutMs: 1_000 },
        jobs: { retryMs: 300 },
      });
      for (const [name, fetch] of fetchers) hub.register({ name, fetch });
      const runtime = hub.runtime(service);
      const fetch = configure(runtime);
      if (fetch !== undefined) fetchers.set(service, fetch);
      await runtime.start();
      const replica: Replica = {
        runtime,
        stop: () => runtime.stop(),
        kill: () => hub.close({ graceMs: 0 }),
      };
      running.add({ ...replica, stop: () => hub.close() });
      return replica;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map((replica) => replica.stop()));
      await desk.close();
      await database[Symbol.asyncDispose]();
    },
  };
});

Deno.test("subscribe() lets other keys pass one that fails", async () => {
  await using database = await testDatabase();
  await using hub = hubOn(database);
  const [bad, good] = [someEvents(3), someEvents(10)];
  const taken: Delivery[] = [];
  const runtime = hub.runtime("passing");
  const goodTaken = (): number => taken.filter(({ key }) => key === good[0].key).length;
  runtime.subscribe({
    topic: "task-events",
    consumer: "passing",
    handle(batch) {
      const healed = goodTaken() === 10;
      return Promise.resolve(batch.map((delivery): Outcome => {
        if (delivery.key === bad[0].key && !healed) return { status: "retry", error: "not yet" };
        taken.push(delivery);
        return { status: "ok" };
      }));
    },
  });
  await runtime.start();
  await runtime.publish(toOutbound([...bad.slice(0, 1), ...good, ...bad.slice(1)], "task-events"));
  await waitFor(() => taken.length === 13);
  for (const [key, count] of [[good[0].key, 10], [bad[0].key, 3]] as const) {
    assert.deepEqual(sequence(taken, key), Array.from({ length: count }, (_, index) => index + 1));
  }
});

Deno.test("publish() of concurrent publishers leaves no hole that a reader could pass", async () => {
  await using database = await testDatabase();
  await using first = hubOn(database);
  await using second = hubOn(database);
  const admin = database.connect();
  const [event] = someEvents(1);
  const writers = [first.runtime("a"), second.runtime("b"), first.runtime("c"), second.runtime("d")];
  const seen = new Map<number, number>();
  let writing = true;
  const reader = (async () => {
    // A reader goes forward only, as the loops do.
    for (let again = true; again;) {
      again = writing;
      for (const partition of [0, 1, 2]) {
        const rows = await admin<{ offset: number }[]>`
          select "offset" from broker.events where topic = 'reminders' and partition = ${partition}
            and "offset" >= ${seen.get(partition) ?? 0} order by "offset"`;
        for (const { offset } of rows) {
          assert.equal(offset, seen.get(partition) ?? 0, "an offset appeared behind the reader");
          seen.set(partition, offset + 1);
        }
      }
    }
  })();
  await Promise.all(writers.flatMap((runtime) =>
    [1, 2, 3].map(async () => {
      for (let round = 0; round < 25; round++) {
        const batch = Array.from(
          { length: 5 },
          () => ({ ...event, key: uuidv7(), topic: "reminders" as const }),
        );
        assert.ok((await runtime.publish(batch)).every(({ ok }) => ok));
      }
    })
  ));
  writing = false;
  await reader;
  assert.equal([...seen.values()].reduce((sum, count) => sum + count), 4 * 3 * 25 * 5);
});

Deno.test("publish() is all or nothing", async () => {
  await using database = await testDatabase();
  await using hub = hubOn(database);
  const [event] = someEvents(1);
  const results = await hub.runtime("writer").publish([
    { ...event, topic: "reminders" },
    { ...event, topic: "no-such-topic" as Topic },
  ]);
  assert.deepEqual(results.map(({ ok }) => ok), [false, false]);
  const [count] = await database.connect()`select count(*) as n from broker.events`;
  assert.equal(count?.n, 0);
});

Deno.test("a process that is killed leaves its partitions and jobs to the next at once", async () => {
  await using database = await testDatabase();
  const service = "mortal";
  await using hub = hubOn(database);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      fileURLToPath(new URL("./crash_fixture.ts", import.meta.url)),
      database.url,
      service,
      TOKEN,
    ],
    stdout: "piped",
  }).spawn();
  const said = new Set<string>();
  const listening = (async () => {
    for await (const line of child.stdout.pipeThrough(new TextDecoderStream())) {
      for (const word of line.trim().split("\n")) said.add(word);
    }
  })();
  await waitFor(() => said.has("started"), 30_000);
  const events = someEvents(3);
  const seen: number[] = [];
  const ran: string[] = [];
  const runtime = hub.runtime(service);
  runtime.subscribe({
    topic: "task-events",
    consumer: service,
    handle(batch) {
      seen.push(...batch.map(seqOf));
      return Promise.resolve(batch.map(() => ({ status: "ok" })));
    },
  });
  runtime.jobs.handle(({ name }) => Promise.resolve(void ran.push(name)));
  await runtime.publish(toOutbound(events, "task-events"));
  await runtime.jobs.schedule({ name: "wake-up", dueAt: Temporal.Now.instant(), data: {} });
  await waitFor(() => said.has("working") && said.has("running"), 10_000);
  await runtime.start();
  assert.deepEqual([seen, ran], [[], []], "one member at a time");
  const killed = performance.now();
  child.kill("SIGKILL");
  await waitFor(() => seen.length === 3 && ran.length === 1, 10_000);
  const took = performance.now() - killed;
  console.log(`  takeover after SIGKILL: ${took.toFixed(0)} ms`);
  assert.ok(took < 15_000, `${took} ms`);
  assert.deepEqual(seen, [1, 2, 3]);
  await Promise.all([child.status, listening]);
});

Deno.test("a hub whose connections are cut goes on, delivers everything and blames no event", async () => {
  await using database = await testDatabase();
  await using hub = hubOn(database);
  const admin = database.connect();
  const own = database.connect("rondo_api");
  const runtime = hub.runtime("tough");
  const seen = new Set<number>();
  const key = uuidv7();
  runtime.subscribe({
    topic: "task-events",
    consumer: "tough",
    maxBatch: 5,
    async handle(batch) {
      // The service's own database is down with the broker's.
      await own`select 1`;
      for (const delivery of batch) seen.add(seqOf(delivery));
      return batch.map(() => ({ status: "ok" }));
    },
  });
  await runtime.start();
  const events = someEvents(200, key);
  for (let start = 0; start < events.length; start += 20) {
    await waitFor(async () => {
      const cut = await admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name <> 'test-admin'
          -- The driver does not survive a cut in the moment in which it reads the types of a new connection.
          and backend_start < now() - interval '300 milliseconds'`;
      return cut.length > 0;
    });
    const batch = toOutbound(events.slice(start, start + 20), "task-events");
    await waitFor(async () => (await runtime.publish(batch)).every(({ ok }) => ok));
  }
  await waitFor(() => seen.size === 200, 20_000);
  assert.deepEqual(await hub.deadLetters.list(), []);
});

Deno.test("prune() removes what is over its topic's retention, and consumers go on behind it", async () => {
  await using database = await testDatabase();
  const clock = createFakeClock("2027-01-01T00:00:00Z");
  const lines: string[] = [];
  await using hub = hubOn(database, { clock, log: createQuietLog(lines) });
  const runtime = hub.runtime("historian");
  const key = uuidv7();
  const events = someEvents(30, key);
  await runtime.publish(toOutbound(events.slice(0, 10), "task-events"));
  await runtime.publish(toOutbound(events.slice(0, 10), "task-updates"));
  clock.advance("PT240H");
  await runtime.publish(toOutbound(events.slice(10, 20), "task-events"));
  assert.equal(await hub.prune(), 10, "task-updates are kept for a day");
  clock.advance("PT500H");
  assert.equal(await hub.prune(), 10, "the first task-events are older than 30 days");
  const seen: number[] = [];
  runtime.subscribe({
    topic: "task-events",
    consumer: "historian",
    handle(batch) {
      seen.push(...batch.map(seqOf));
      return Promise.resolve(batch.map(() => ({ status: "ok" })));
    },
  });
  await runtime.start();
  await waitFor(() => seen.length === 10);
  assert.equal(seen[0], 11);
  await runtime.stop();
  await runtime.publish(toOutbound(events.slice(20), "task-events"));
  clock.advance("PT721H");
  assert.equal(await hub.prune(), 20);
  assert.ok(lines.some((line) => line.includes('"unread":10')), "what nobody read is told");
});

Deno.test("jobs fire within 50 ms of their time and 10,000 at once go through", async () => {
  await using database = await testDatabase();
  await using hub = hubOn(database);
  const runtime = hub.runtime("alarm");
  const fired = new Map<string, number>();
  const late: number[] = [];
  runtime.jobs.handle(({ name, data }) => {
    fired.set(name, (fired.get(name) ?? 0) + 1);
    if (typeof data.dueAt === "string") {
      late.push(Temporal.Now.instant().since(Temporal.Instant.from(data.dueAt)).total("milliseconds"));
    }
    return Promise.resolve();
  });
  await runtime.start();
  for (let index = 0; index < 10; index++) {
    const dueAt = Temporal.Now.instant().add({ milliseconds: 100 });
    await runtime.jobs.schedule({ name: `precise-${index}`, dueAt, data: { dueAt: dueAt.toString() } });
    await waitFor(() => fired.has(`precise-${index}`));
  }
  const sorted = late.sort((a, b) => a - b);
  console.log(`  late by ms: ${sorted.map((ms) => ms.toFixed(1)).join(" ")}`);
  // The middle one: a busy machine may hold up a single timer.
  assert.ok((sorted[5] ?? Infinity) < 50);
  fired.clear();
  await database.connect()`
    insert into broker.jobs (service, name, due_at, data)
    select 'alarm', 'bulk-' || n, now() + (n % 3) * interval '1 second', '{}' from generate_series(1, 10000) as n`;
  const started = performance.now();
  await waitFor(() => fired.size === 10_000, 60_000);
  console.log(`  10,000 jobs in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  assert.ok([...fired.values()].every((times) => times === 1));
  await waitFor(async () => (await database.connect()`select 1 from broker.jobs`).length === 0);
});

Deno.test("a hub with nothing to do asks the database next to nothing", async () => {
  await using database = await testDatabase();
  const sql = database.connect("rondo_broker");
  let queries = 0;
  sql.options.debug = () => void queries++;
  await using hub = hubOn(database, { sql });
  for (const name of ["recurrence", "reminders", "notifications", "audit"]) {
    const runtime = hub.runtime(name);
    for (const topic of ["task-events", "reminders", "notifications"] as const) {
      runtime.subscribe({
        topic,
        consumer: name,
        handle: (batch) => Promise.resolve(batch.map(() => ({ status: "ok" }))),
      });
    }
    runtime.jobs.handle(() => Promise.resolve());
    await runtime.start();
  }
  const settled = performance.now() + 1_500;
  await waitFor(() => performance.now() > settled);
  queries = 0;
  const until = performance.now() + 3_000;
  const cpu = performance.now();
  await waitFor(() => performance.now() > until);
  console.log(`  ${queries} queries in ${((performance.now() - cpu) / 1_000).toFixed(1)} s idle, 36 loops`);
  assert.ok(queries <= 8, `${queries} queries`);
});

Deno.test("another process learns of an event and of a job without waiting for its poll", async () => {
  await using database = await testDatabase();
  await using writer = hubOn(database, { pollMs: 60_000 });
  await using reader = hubOn(database, { pollMs: 60_000 });
  const writing = writer.runtime("api");
  await writing.start();
  const seen: number[] = [];
  const reading = reader.runtime("audit");
  reading.subscribe({
    topic: "task-events",
    consumer: "audit",
    handle(batch) {
      seen.push(performance.now());
      return Promise.resolve(batch.map(() => ({ status: "ok" })));
    },
  });
  reading.jobs.handle(() => Promise.resolve(void seen.push(performance.now())));
  await reading.start();
  const delays: number[] = [];
  for (let round = 0; round < 5; round++) {
    const before = seen.length;
    const sent = performance.now();
    await writing.publish(toOutbound(someEvents(1), "task-events"));
    await waitFor(() => seen.length > before);
    delays.push((seen.at(-1) ?? Infinity) - sent);
  }
  console.log(`  across processes: ${delays.map((ms) => ms.toFixed(1)).join(" ")} ms`);
  const before = seen.length;
  await writer.runtime("audit").jobs.schedule({ name: "now", dueAt: Temporal.Now.instant(), data: {} });
  await waitFor(() => seen.length > before);
});

Deno.test("dead letters count in the metric, and a crash after one does not make two", async () => {
  await using database = await testDatabase();
  const metrics = createMetrics();
  const [stuck, dead] = [someEvents(1), someEvents(1)];
  let calls = 0;
  const subscribe = (runtime: Runtime): void =>
    runtime.subscribe({
      topic: "notifications",
      consumer: "undertaker",
      handle: (batch) =>
        Promise.resolve(batch.map(({ key }): Outcome => {
          if (key === stuck[0].key) return { status: "retry", error: "not yet" };
          calls++;
          return { status: "dead", error: "never" };
        })),
    });
  const partition = partitionOf("notifications", stuck[0].key);
  while (partitionOf("notifications", dead[0].key) !== partition) dead[0].key = uuidv7();
  const first = hubOn(database, { metrics, retry: { firstDelayMs: 60_000, maxDelayMs: 60_000 } });
  const runtime = first.runtime("undertaker");
  subscribe(runtime);
  await runtime.start();
  assert.equal((await metrics.deadLetters.get()).values[0]?.value, 0, "it is there before the first letter");
  await runtime.publish(toOutbound([...stuck, ...dead], "notifications"));
  await waitFor(async () => (await first.deadLetters.list()).length === 1);
  await waitFor(async () => (await metrics.deadLetters.get()).values[0]?.value === 1);
  await first.close({ graceMs: 0 });
  await using second = hubOn(database, { retry: { firstDelayMs: 1, maxDelayMs: 1 } });
  const again = second.runtime("undertaker");
  subscribe(again);
  await again.start();
  await waitFor(async () => (await second.deadLetters.list()).length === 2);
  assert.equal(calls, 1);
});

Deno.test("invoke() calls a peer over HTTP with the token, and follows no redirect with it", async () => {
  await using database = await testDatabase();
  await using callee = hubOn(database);
  const guarded = callee.runtime("api");
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (!guarded.isInternal(request)) return new Response(null, { status: 404 });
    return new URL(request.url).pathname === "/internal/away"
      ? Response.redirect("http://127.0.0.1:1/stolen")
      : new Response("hello");
  });
  const base = `http://127.0.0.1:${server.addr.port}`;
  await using caller = hubOn(database, { peers: { api: base } });
  const runtime = caller.runtime("recurrence");
  const answer = await runtime.invoke("api", "/internal/x");
  assert.deepEqual([answer.status, await answer.text()], [200, "hello"]);
  const redirected = await runtime.invoke("api", "/internal/away");
  assert.equal(redirected.status, 302);
  await redirected.body?.cancel();
  const stranger = await fetch(`${base}/internal/x`);
  assert.equal(stranger.status, 404);
  await stranger.body?.cancel();
  await assert.rejects(runtime.invoke("api", "//elsewhere.test/internal/x"), TypeError);
  await server.shutdown();
});

Deno.test("secrets come from the environment where the map has none", async () => {
  await using database = await testDatabase();
  await using hub = hubOn(database, { secrets: { "smtp-password": "mapped" } });
  Deno.env.set("RONDO_SECRET_VAPID_KEY", "from the environment");
  const { secrets } = hub.runtime("notifications");
  assert.equal(await secrets.get("vapid-key"), "from the environment");
  assert.equal(await secrets.get("smtp-password"), "mapped");
  Deno.env.delete("RONDO_SECRET_VAPID_KEY");
});

Deno.test("10,000 events pass through one consumer group", async () => {
  await using database = await testDatabase();
  await using hub = hubOn(database);
  const runtime = hub.runtime("fast");
  let seen = 0;
  runtime.subscribe({
    topic: "task-events",
    consumer: "fast",
    handle(batch) {
      seen += batch.length;
      return Promise.resolve(batch.map(() => ({ status: "ok" })));
    },
  });
  await runtime.start();
  const keys = Array.from({ length: 20 }, () => uuidv7());
  const [event] = someEvents(1);
  const started = performance.now();
  for (let index = 0; index < 20; index++) {
    const batch = Array.from({ length: 500 }, (_, n) => ({
      ...event,
      key: keys[n % keys.length] ?? "",
      topic: "task-events" as const,
    }));
    assert.ok((await runtime.publish(batch)).every(({ ok }) => ok));
  }
  const sent = performance.now();
  await waitFor(() => seen === 10_000, 30_000);
  const taken = performance.now();
  console.log(
    `  published at ${Math.round(1e7 / (sent - started))}/s, taken at ${
      Math.round(1e7 / (taken - started))
    }/s`,
  );
  const latencies: number[] = [];
  for (let round = 0; round < 50; round++) {
    const before = performance.now();
    const goal = seen + 1;
    await runtime.publish([{ ...event, topic: "task-events" }]);
    await waitFor(() => seen >= goal);
    latencies.push(performance.now() - before);
  }
  latencies.sort((a, b) => a - b);
  console.log(
    `  publish to handled: p50 ${latencies[25]?.toFixed(1)} ms, p95 ${latencies[47]?.toFixed(1)} ms`,
  );
});

function hubOn(database: TestDatabase, options: Partial<EmbeddedHubOptions> = {}): EmbeddedHub {
  return createEmbeddedHub({
    sql: options.sql ?? database.connect("rondo_broker"),
    log: createQuietLog(),
    metrics: createMetrics(),
    clock: systemClock,
    internalToken: TOKEN,
    ...options,
  });
}
