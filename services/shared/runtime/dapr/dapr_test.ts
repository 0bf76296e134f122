/** What a real sidecar can't be made to do on demand; the rest is in the contract suite, run on the real one. */
import assert from "node:assert/strict";
import { systemClock } from "../../domain/time.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import { createQuietLog, waitFor } from "../../testing/fake_runtime.ts";
import { someEvents, toOutbound } from "../contract_suite.ts";
import type { Outcome, Runtime, Subscription } from "../ports.ts";
import { createDaprRuntime, type DaprRuntimeOptions } from "./mod.ts";

const TOKEN = "an-unguessable-token-of-the-tests";
const API_TOKEN = "what-the-sidecar-wants-to-see";

Deno.test("publish() answers for each entry what the sidecar said of it", async () => {
  await using sidecar = fakeSidecar((path, body) => {
    assert.equal(path, "/v1.0/publish/bulk/pubsub/task-events");
    const [, second] = body as { entryId: string }[];
    const failedEntries = [{ entryId: second?.entryId, error: "message too large" }];
    return Response.json({ errorCode: "ERR_PUBSUB_PUBLISH_MESSAGE", failedEntries }, { status: 500 });
  });
  const results = await sidecar.runtime().publish(toOutbound(someEvents(3), "task-events"));
  assert.deepEqual(results, [{ ok: true }, { ok: false, error: "message too large" }, { ok: true }]);
});

Deno.test("publish() takes a refusal that names no entry as one of all, and keeps topics apart", async () => {
  await using sidecar = fakeSidecar((path) =>
    path.endsWith("/reminders")
      ? new Response(null, { status: 204 })
      : Response.json({ errorCode: "ERR_PUBSUB_FORBIDDEN" }, { status: 403 })
  );
  const [first, second] = toOutbound(someEvents(2), "task-events");
  assert.ok(first !== undefined && second !== undefined);
  const results = await sidecar.runtime().publish([first, { ...second, topic: "reminders" }, second]);
  assert.deepEqual(results.map(({ ok }) => ok), [false, true, false]);
  assert.match(results[0]?.ok === false ? results[0].error : "", /403.*ERR_PUBSUB_FORBIDDEN/);
});

Deno.test("publish() never rejects, whatever answers or does not", async () => {
  await using sidecar = fakeSidecar(() => new Response("no JSON", { status: 502 }));
  const batch = toOutbound(someEvents(2), "task-events");
  assert.deepEqual((await sidecar.runtime().publish(batch)).map(({ ok }) => ok), [false, false]);
  const nobody = sidecar.runtime({ address: "http://127.0.0.1:1" });
  assert.deepEqual((await nobody.publish(batch)).map(({ ok }) => ok), [false, false]);
});

Deno.test("publish() splits what is more than a sidecar takes in one request", async () => {
  const sizes: number[] = [];
  await using sidecar = fakeSidecar((_path, body) => {
    sizes.push((body as unknown[]).length);
    return new Response(null, { status: 204 });
  });
  const batch = toOutbound(someEvents(450), "task-events");
  for (const { event } of batch.slice(0, 100)) event.data = { ...event.data, notes: "x".repeat(20_000) };
  assert.ok((await sidecar.runtime().publish(batch)).every(({ ok }) => ok));
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), 450);
  assert.ok(Math.max(...sizes) <= 200 && sizes.length >= 4, sizes.join(" "));
});

Deno.test("an event whose dead letter is refused is asked for again, and so are those behind it", async () => {
  let refuses = true;
  const letters: unknown[] = [];
  await using sidecar = fakeSidecar((path, body) => {
    assert.equal(path, "/v1.0/publish/bulk/pubsub/reminders.dlq");
    letters.push(...body as unknown[]);
    return refuses
      ? Response.json({ errorCode: "ERR" }, { status: 500 })
      : new Response(null, { status: 204 });
  });
  const metrics = createMetrics();
  const handed: string[] = [];
  const runtime = await sidecar.started({ metrics }, (batch) =>
    batch.map(({ event }): Outcome => {
      const { id } = event as { id: string };
      handed.push(id);
      return id === "bad" ? { status: "dead", error: "never" } : { status: "ok" };
    }));
  const entries = [entry("bad", "ada"), entry("next", "ada"), entry("other", "bob")];
  assert.deepEqual(await delivered(runtime, entries), ["RETRY", "RETRY", "SUCCESS"]);
  const counted = async () => (await metrics.deadLetters.get()).values.map(({ value }) => value);
  assert.deepEqual(await counted(), [0], "it is there before the first letter");
  refuses = false;
  assert.deepEqual(await delivered(runtime, entries.slice(0, 2)), ["SUCCESS", "SUCCESS"]);
  assert.deepEqual(await counted(), [1]);
  assert.deepEqual(handed, ["bad", "next", "other", "bad", "next"]);
  const { metadata } = letters[1] as { metadata: Record<string, string> };
  const { at, ...headers } = metadata;
  assert.deepEqual(headers, {
    consumer: "notifications",
    error: "never",
    attempts: "1",
    partitionKey: "ada",
  });
  assert.ok(Temporal.Instant.from(at ?? ""));
});

Deno.test("failures are held against no event while the service's database does not answer", async () => {
  await using sidecar = fakeSidecar(() => assert.fail("nothing is published"));
  let down = true;
  let calls = 0;
  const runtime = await sidecar.started({
    probe: () => down ? Promise.reject(new Error("connection refused")) : Promise.resolve(),
    retry: { attempts: 2 },
  }, (batch) => {
    calls++;
    return batch.map((): Outcome => down ? { status: "retry", error: "no database" } : { status: "ok" });
  });
  for (let round = 0; round < 5; round++) {
    assert.deepEqual(await delivered(runtime, [entry("1"), entry("2", "bob")]), ["RETRY", "RETRY"]);
  }
  down = false;
  assert.deepEqual(await delivered(runtime, [entry("1"), entry("2", "bob")]), ["SUCCESS", "SUCCESS"]);
  assert.equal(calls, 6);
});

Deno.test("a batch over which a handler throws is not taken apart while the database does not answer", async () => {
  await using sidecar = fakeSidecar(() => assert.fail("nothing is published"));
  let calls = 0;
  const runtime = await sidecar.started({ probe: () => Promise.reject(new Error("down")) }, () => {
    calls++;
    throw new Error("no database");
  });
  assert.deepEqual(await delivered(runtime, [entry("1"), entry("2")]), ["RETRY", "RETRY"]);
  assert.equal(calls, 1);
});

Deno.test("a handler that hangs is given up before the sidecar has been held for too long", async () => {
  const letters: unknown[] = [];
  await using sidecar = fakeSidecar((_path, body) => {
    letters.push(...body as unknown[]);
    return new Response(null, { status: 204 });
  });
  const runtime = await sidecar.started(
    { retry: { attempts: 100, timeoutMs: 100, budgetMs: 3_000 } },
    (batch) =>
      batch.some(({ event }) => (event as { id: string }).id === "bad") ? new Promise(() => {}) : ok(batch),
  );
  const entries = [entry("bad", "ada"), entry("good", "bob")];
  assert.deepEqual(await delivered(runtime, entries), ["RETRY", "SUCCESS"]);
  let deliveries = 1;
  for (let status = "RETRY"; status === "RETRY"; deliveries++) {
    assert.equal(letters.length, 0);
    status = (await delivered(runtime, entries.slice(0, 1)))[0] ?? "";
  }
  assert.ok(deliveries <= 30, `${deliveries} deliveries, and the budget is that of 30`);
  assert.equal(letters.length, 1);
});

Deno.test("a batch larger than a subscription wants comes in parts, and a failed key stops in all of them", async () => {
  await using sidecar = fakeSidecar(() => assert.fail("nothing is published"));
  const handed: string[][] = [];
  const runtime = await sidecar.started({}, (batch) => {
    handed.push(batch.map(({ event }) => (event as { id: string }).id));
    return batch.map(({ event }): Outcome =>
      (event as { id: string }).id === "1" ? { status: "retry", error: "not yet" } : { status: "ok" }
    );
  }, { maxBatch: 2 });
  const entries = [entry("1", "ada"), entry("2", "bob"), entry("3", "ada"), entry("4", "bob")];
  assert.deepEqual(await delivered(runtime, entries), ["RETRY", "SUCCESS", "RETRY", "SUCCESS"]);
  assert.deepEqual(handed, [["1", "2"], ["4"]]);
});

Deno.test("a replay for another consumer is passed over", async () => {
  await using sidecar = fakeSidecar(() => assert.fail("nothing is published"));
  const handed: unknown[] = [];
  const runtime = await sidecar.started({}, (batch) => {
    handed.push(...batch.map(({ event }) => event));
    return ok(batch);
  });
  const entries = [
    entry("1", "ada", { "replay-for": "audit" }),
    entry("2", "ada", { "replay-for": "notifications" }),
  ];
  assert.deepEqual(await delivered(runtime, entries), ["SUCCESS", "SUCCESS"]);
  assert.deepEqual(handed, [{ id: "2", partitionkey: "ada" }]);
});

Deno.test("a single event is taken like a batch of one", async () => {
  await using sidecar = fakeSidecar(() => assert.fail("nothing is published"));
  const runtime = await sidecar.started(
    {},
    (batch) =>
      batch.map(({ key }): Outcome =>
        key === "ada" ? { status: "ok" } : { status: "retry", error: "not hers" }
      ),
  );
  for (const [key, status] of [["ada", "SUCCESS"], ["bob", "RETRY"]]) {
    const answer = await call(runtime, "/dapr/events/reminders", { id: "1", partitionkey: key });
    assert.deepEqual(await answer.json(), { status });
  }
});

Deno.test("callbacks need the token, are never answered 404, and those of others are left alone", async () => {
  await using sidecar = fakeSidecar(() => new Response(null, { status: 204 }));
  const runtime = sidecar.runtime();
  assert.equal(runtime.callback(new Request("http://app.test/api/tasks")), null);
  assert.equal(runtime.callback(new Request("http://app.test/dapr/config")), null);
  assert.deepEqual(await (await call(runtime, "/dapr/subscribe", null)).json(), []);
  assert.equal((await call(runtime, "/dapr/events/reminders", {})).status, 503, "it has not started");
  await runtime.start();
  const paths = ["/dapr/events/reminders", "/dapr/broadcast/reminders", "/job/tea"];
  for (const path of ["/dapr/subscribe", ...paths]) {
    const stranger = await runtime.callback(
      new Request(`http://app.test${path}`, { method: "POST", body: "{}" }),
    );
    assert.equal(stranger?.status, 403);
  }
  assert.equal((await call(runtime, "/dapr/events/reminders", {})).status, 500, "nobody subscribed");
  assert.equal((await call(runtime, "/job/tea", {})).status, 500, "nobody handles jobs");
  const garbage = new Request("http://app.test/job/tea", { method: "POST", body: "{", headers: TOKENS });
  assert.equal((await runtime.callback(garbage))?.status, 500);
  await runtime.stop();
  for (const path of paths) assert.equal((await call(runtime, path, {})).status, 503);
});

Deno.test("stop() lets a delivery end and begins no further part of it", async () => {
  await using sidecar = fakeSidecar(() => assert.fail("nothing is published"));
  const work = Promise.withResolvers<void>();
  let begun = 0;
  const runtime = await sidecar.started({}, async (batch) => {
    begun++;
    await work.promise;
    return ok(batch);
  }, { maxBatch: 1 });
  const answer = delivered(runtime, [entry("1"), entry("2")]);
  await waitFor(() => begun === 1);
  const stopped = runtime.stop();
  work.resolve();
  assert.deepEqual(await answer, ["SUCCESS", "RETRY"]);
  await stopped;
});

Deno.test("start() does not wait for ever for a sidecar that is not ready", async () => {
  await using sidecar = fakeSidecar(() => new Response(null, { status: 500 }));
  const lines: string[] = [];
  const runtime = sidecar.runtime({ startTimeoutMs: 300, log: createQuietLog(lines) });
  await runtime.start();
  assert.ok(lines.some((line) => line.includes("not ready yet")));
});

Deno.test("invoke() gives a service's own failure as it is, and rejects with the sidecar's", async () => {
  await using sidecar = fakeSidecar((path, _body, request) => {
    assert.equal(request.headers.get("dapr-api-token"), API_TOKEN);
    return path.includes("/nobody/")
      ? Response.json({ errorCode: "ERR_DIRECT_INVOKE", message: "no route to host" }, { status: 500 })
      : path.endsWith("/problem")
      ? Response.json({ title: "Broken" }, {
        status: 500,
        headers: { "content-type": "application/problem+json" },
      })
      : Response.json({ errorCode: "OF_ITS_OWN" }, { status: 409 });
  });
  const { invoke } = sidecar.runtime();
  assert.equal((await invoke("api", "/internal/problem")).status, 500);
  assert.deepEqual(await (await invoke("api", "/internal/own")).json(), { errorCode: "OF_ITS_OWN" });
  await assert.rejects(invoke("nobody", "/internal/x"), /Cannot reach nobody/);
  await assert.rejects(invoke("api", "/api/tasks"), TypeError);
});

Deno.test("createDaprRuntime() refuses a token short enough to guess", async () => {
  await using sidecar = fakeSidecar(() => new Response());
  assert.throws(() => sidecar.runtime({ appToken: "short" }), RangeError);
});

const TOKENS = { "dapr-api-token": TOKEN };
const ok = (batch: readonly unknown[]): Outcome[] => batch.map(() => ({ status: "ok" }));

const entry = (id: string, key = "ada", headers: Record<string, string> = {}) => ({
  entryId: id,
  event: { id, partitionkey: key },
  metadata: { __key: key, __partition: "0", __offset: id, ...headers },
});

async function delivered(runtime: Runtime, entries: readonly { entryId: string }[]): Promise<string[]> {
  const answer = await call(runtime, "/dapr/events/reminders", { id: "x", topic: "reminders", entries });
  const { statuses } = await answer.json();
  assert.deepEqual(
    statuses.map((one: { entryId: string }) => one.entryId),
    entries.map(({ entryId }) => entryId),
  );
  return statuses.map((one: { status: string }) => one.status);
}

async function call(runtime: Runtime, path: string, body: unknown): Promise<Response> {
  const answer = await runtime.callback(
    new Request(`http://app.test${path}`, { method: "POST", body: JSON.stringify(body), headers: TOKENS }),
  );
  assert.ok(answer !== null);
  return answer;
}

type Handle = (batch: Parameters<Subscription["handle"]>[0]) => Outcome[] | Promise<Outcome[]>;

/** A sidecar that answers as told. */
function fakeSidecar(answer: (path: string, body: unknown, request: Request) => Response) {
  const problems: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    try {
      return answer(pathname, JSON.parse(await request.text() || "null"), request);
    } catch (cause) {
      problems.push(cause);
      return new Response(String(cause), { status: 500 });
    }
  });
  const runtime = (options: Partial<DaprRuntimeOptions> = {}): Runtime =>
    createDaprRuntime({
      address: `http://127.0.0.1:${server.addr.port}`,
      apiToken: API_TOKEN,
      appToken: TOKEN,
      log: createQuietLog(),
      metrics: createMetrics(),
      clock: systemClock,
      ...options,
    });
  return {
    runtime,
    async started(
      options: Partial<DaprRuntimeOptions>,
      handle: Handle,
      subscription: Partial<Subscription> = {},
    ): Promise<Runtime> {
      const made = runtime({ startTimeoutMs: 0, ...options });
      made.subscribe({
        topic: "reminders",
        consumer: "notifications",
        handle: async (batch) => await handle(batch),
        ...subscription,
      });
      await made.start();
      return made;
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      assert.deepEqual(problems, []);
    },
  };
}
