import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import type { Envelope } from "../shared/contracts/events.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";
import {
  anEvent,
  aTask,
  createFakeClock,
  createFakeRuntime,
  createQuietLog,
  waitFor,
} from "../shared/testing/fake_runtime.ts";
import { createRealtime, type RealtimeOptions } from "./app.ts";

interface ServerSentEvent {
  event: string;
  id: string | null;
  data: unknown;
}

/** A client over a real socket that keeps what it is sent. */
async function connect(url: string, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const events: ServerSentEvent[] = [];
  const comments: string[] = [];
  const retries: string[] = [];
  let ended = false;
  const reading = (async () => {
    let text = "";
    try {
      for await (
        const chunk of (response.body ?? new ReadableStream<Uint8Array<ArrayBuffer>>()).pipeThrough(
          new TextDecoderStream(),
        )
      ) {
        text += chunk;
        const blocks = text.split("\n\n");
        text = blocks.pop() ?? "";
        for (const block of blocks) {
          const event: ServerSentEvent = { event: "message", id: null, data: undefined };
          for (const line of block.split("\n")) {
            const [, field = "", value = ""] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
            if (field === "") comments.push(value);
            else if (field === "retry") retries.push(value);
            else if (field === "data") event.data = JSON.parse(value);
            else if (field === "id") event.id = value;
            else event.event = value;
          }
          if (event.data !== undefined) events.push(event);
        }
      }
    } catch {
      // Aborted by the test or cut by the server: either way it ended.
    }
    ended = true;
  })();
  return {
    ...{ response, events, comments, retries },
    get ended() {
      return ended;
    },
    seqs: () => events.filter(({ event }) => event === "change").map(({ id }) => Number(id)),
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reading;
    },
  };
}

async function setUp(options: RealtimeOptions = {}) {
  const runtime = createFakeRuntime();
  const clock = createFakeClock("2027-01-01T00:00:00Z");
  const metrics = createMetrics();
  const userId = uuidv7();
  /** What the api knows of the user. */
  const log: Envelope[] = [];
  const asked: number[] = [];
  let signedIn = true;
  let apiDown = false;
  /** Called while a session is being answered. */
  let duringSession = () => Promise.resolve();
  const changeOf = (event: Envelope) => {
    const task = event.data.task as { id: string };
    return {
      ...{ seq: event.data.seq, eventId: event.id, type: event.type, taskId: task.id, task },
      ...{ at: event.time, actor: event.data.actor, causationId: event.causationid },
    };
  };
  runtime.route("api", async (request) => {
    const url = new URL(request.url);
    if (apiDown) return new Response("", { status: 500 });
    if (url.pathname === "/internal/session") {
      if (!signedIn || request.headers.get("cookie") !== "session=1") {
        return new Response("", { status: 401 });
      }
      const seq = log.length;
      await duringSession();
      return Response.json({ userId, seq });
    }
    assert.equal(url.pathname, "/internal/changes");
    assert.equal(request.headers.get("x-rondo-user"), userId);
    const since = Number(url.searchParams.get("since"));
    asked.push(since);
    const changes = log.slice(since, since + 500).map(changeOf);
    return Response.json({
      changes,
      nextSeq: since + changes.length,
      hasMore: since + changes.length < log.length,
    });
  });
  let tick = () => {};
  const service = createRealtime({
    ...{ runtime, clock, metrics },
    log: createQuietLog(),
    every: (_ms, work) => {
      tick = work;
      return () => {};
    },
    delay: () => Promise.resolve(),
    ...options,
  });
  await service.start();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => service.fetch(request),
  );
  const url = `http://127.0.0.1:${server.addr.port}/api/stream`;
  return {
    ...{ runtime, clock, service, url, userId, log, asked },
    tick: () => tick(),
    signOut: () => void (signedIn = false),
    takeApiDown: () => void (apiDown = true),
    onSession: (work: typeof duringSession) => void (duringSession = work),
    /** Adds changes to the user's log without telling anybody. */
    write(count: number, notes = ""): Envelope[] {
      const events = Array.from({ length: count }, (_, index) =>
        anEvent("task.updated.v1", {
          userId,
          seq: log.length + index + 1,
          data: { task: aTask({ notes }), before: {}, timeZone: "UTC", series: null },
        }));
      log.push(...events);
      return events;
    },
    tell: (events: Envelope[]) => runtime.deliver("task-updates", events),
    open: (headers: Record<string, string> = {}, query = "") =>
      connect(url + query, { cookie: "session=1", ...headers }),
    async connections() {
      const text = await metrics.registry.getSingleMetricAsString("sse_connections");
      return Number(/sse_connections (\d+)/.exec(text)?.[1]);
    },
    changeOf,
    async [Symbol.asyncDispose]() {
      await service.stop();
      await server.shutdown();
    },
  };
}

const upTo = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

Deno.test("GET /api/stream begins with ready and sends each change as the api gives it", async () => {
  await using test = await setUp();
  test.write(3);
  await using client = await test.open();
  assert.equal(client.response.headers.get("content-type"), "text/event-stream");
  assert.equal(client.response.headers.get("cache-control"), "no-store, no-transform");
  assert.equal(client.response.headers.get("x-accel-buffering"), "no");
  await waitFor(() => client.events.length === 1);
  assert.deepEqual(client.retries, ["2000"]);
  assert.deepEqual(client.events[0], { event: "ready", id: "3", data: { seq: 3 } });
  const [event] = test.write(1);
  assert.ok(event);
  await test.tell([event]);
  await waitFor(() => client.events.length === 2);
  assert.deepEqual(client.events[1], {
    event: "change",
    id: "4",
    data: JSON.parse(JSON.stringify(test.changeOf(event))),
  });
  assert.deepEqual(test.asked, []);
});

Deno.test("GET /api/stream carries a list's change and never another user's", async () => {
  await using test = await setUp();
  await using client = await test.open();
  await waitFor(() => client.events.length === 1);
  const list = {
    ...{ id: uuidv7(), name: "Home", colour: "teal", inbox: false, position: "a0", version: 1 },
    ...{ createdAt: "2027-01-01T00:00:00Z", updatedAt: "2027-01-01T00:00:00Z", deletedAt: null },
  };
  const foreign = anEvent("list.created.v1", {
    userId: uuidv7(),
    seq: 1,
    data: { task: null, list, before: null },
  });
  const own = anEvent("list.created.v1", {
    userId: test.userId,
    seq: 1,
    data: { task: null, list, before: null },
  });
  await test.tell([foreign, own]);
  await waitFor(() => client.events.length === 2);
  const { data } = client.events[1] as { data: Record<string, unknown> };
  assert.deepEqual([data.type, data.taskId, data.task, data.list], ["list.created.v1", null, null, list]);
});

Deno.test("GET /api/stream keeps order and sends nothing twice, whatever the broker does", async () => {
  await using test = await setUp();
  await using client = await test.open();
  await waitFor(() => client.events.length === 1);
  const events = test.write(9);
  const at = (...seqs: number[]) => seqs.flatMap((seq) => events[seq - 1] ?? []);
  await test.tell(at(1, 1, 2));
  await test.tell(at(2, 1, 5, 4, 3));
  await test.tell(at(3, 6, 9));
  await waitFor(() => client.seqs().length === 9);
  await test.tell(at(9, 8, 7));
  assert.deepEqual(client.seqs(), upTo(1, 9));
});

Deno.test("GET /api/stream asks for a gap once for all streams of a user", async () => {
  await using test = await setUp();
  await using one = await test.open();
  await using two = await test.open();
  await waitFor(() => one.events.length + two.events.length === 2);
  const events = test.write(40);
  await test.tell(events.slice(20, 40));
  await waitFor(() => one.seqs().length === 40 && two.seqs().length === 40);
  assert.deepEqual(one.seqs(), upTo(1, 40));
  assert.deepEqual(two.seqs(), upTo(1, 40));
  assert.deepEqual(test.asked, [0]);
});

Deno.test("GET /api/stream resumes from Last-Event-ID, the header before the query, over pages", async () => {
  await using test = await setUp();
  test.write(1_203);
  await using header = await test.open({ "last-event-id": "2" }, "?lastEventId=1000");
  await using query = await test.open({}, "?lastEventId=1200");
  await waitFor(() => header.seqs().length === 1_201 && query.seqs().length === 3);
  assert.deepEqual(header.seqs(), upTo(3, 1_203));
  assert.deepEqual(query.seqs(), [1_201, 1_202, 1_203]);
  assert.deepEqual(header.events[0], { event: "ready", id: "2", data: { seq: 1_203 } });
});

Deno.test("GET /api/stream loses no change that happens while it is set up", async () => {
  await using test = await setUp();
  test.onSession(async () => void await test.tell(test.write(2)));
  await using client = await test.open();
  await waitFor(() => client.seqs().length === 2);
  assert.deepEqual(client.seqs(), [1, 2]);
});

Deno.test("GET /api/stream tells a client to resync when its cursor is ahead or too old", async () => {
  await using test = await setUp();
  test.write(5_010);
  await using ahead = await test.open({ "last-event-id": "6000" });
  await using old = await test.open({ "last-event-id": "9" });
  await using near = await test.open({ "last-event-id": "10" });
  await waitFor(() => near.seqs().length === 5_000);
  for (const client of [ahead, old]) {
    assert.deepEqual(client.events[1], { event: "resync", id: "5010", data: { seq: 5_010 } });
  }
  assert.ok(near.events.every(({ event }) => event !== "resync"));
  await test.tell(test.write(1));
  await waitFor(() => ahead.seqs().length === 1 && old.seqs().length === 1);
  assert.deepEqual(old.seqs(), [5_011]);
});

Deno.test("GET /api/stream sends notifications without an id, once", async () => {
  await using test = await setUp();
  await using client = await test.open();
  await waitFor(() => client.events.length === 1);
  const notification = {
    ...{ id: uuidv7(), type: "reminder.due", taskId: null, title: "x", body: "y", late: false },
    ...{ createdAt: "2027-01-02T00:00:00Z", readAt: null, deliveries: [] },
  };
  const event = anEvent("notification.created.v1", { userId: test.userId, seq: 1, data: { notification } });
  await test.runtime.deliver("notifications", [event, event]);
  await test.runtime.deliver("notifications", [event]);
  await waitFor(() => client.events.length === 2);
  await test.tell(test.write(1));
  await waitFor(() => client.events.length === 3);
  assert.deepEqual(client.events[1], { event: "notification", id: null, data: notification });
});

Deno.test("GET /api/stream refuses whoever is nobody, a bad cursor and too many streams", async () => {
  await using test = await setUp({ maxStreamsPerUser: 1 });
  const status = async (headers: Record<string, string>, query = "") => {
    const response = await fetch(test.url + query, { headers });
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status({}), 401);
  assert.equal(await status({ cookie: "session=1", "last-event-id": "x" }), 422);
  assert.equal(await status({ cookie: "session=1" }, "?lastEventId=-1"), 422);
  {
    await using _client = await test.open();
    assert.equal(await status({ cookie: "session=1" }), 429);
  }
  await waitFor(async () => await test.connections() === 0);
  await using again = await test.open();
  assert.equal(again.response.status, 200);
  test.takeApiDown();
  assert.equal(await status({ cookie: "session=1" }), 503);
});

Deno.test("GET /api/stream comments, rotates and notices an ended session", async () => {
  await using test = await setUp();
  await using first = await test.open();
  await waitFor(() => first.events.length === 1);
  test.clock.advance("PT15S");
  test.tick();
  await waitFor(() => first.comments.length === 1);
  test.clock.advance("PT12M");
  test.tick();
  await waitFor(() => first.ended);
  assert.equal(first.retries.length, 2);

  await using second = await test.open();
  await waitFor(() => second.events.length === 1);
  test.clock.advance("PT5M");
  test.tick();
  await waitFor(() => second.comments.length === 1);
  assert.equal(second.ended, false);
  test.signOut();
  test.clock.advance("PT4M59S");
  test.tick();
  await waitFor(() => second.comments.length === 2);
  test.clock.advance("PT1S");
  test.tick();
  await waitFor(() => second.ended);
  assert.equal(await test.connections(), 0);
});

Deno.test("GET /api/stream notices on the next check what the broker never told", async () => {
  await using test = await setUp();
  await using client = await test.open();
  await waitFor(() => client.events.length === 1);
  test.write(2);
  test.clock.advance("PT5M");
  test.tick();
  await waitFor(() => client.seqs().length === 2);
});

Deno.test("realtime asks for a few sessions at a time: one that hangs holds up no other", async () => {
  await using test = await setUp();
  const clients = await Promise.all(Array.from({ length: 12 }, () => test.open()));
  await waitFor(() => clients.every(({ events }) => events.length === 1));
  const release = Promise.withResolvers<void>();
  let hanging = 0;
  test.onSession(() => {
    hanging++;
    return release.promise;
  });
  test.clock.advance("PT5M");
  test.tick();
  await waitFor(() => hanging === 8);
  release.resolve();
  await waitFor(() => hanging === 12);
  for (const client of clients) await client[Symbol.asyncDispose]();
});

Deno.test("GET /api/stream ends the streams that can't be filled, so that their clients come back", async () => {
  await using test = await setUp();
  await using client = await test.open();
  await waitFor(() => client.events.length === 1);
  test.takeApiDown();
  await test.tell(test.write(2).slice(1));
  await waitFor(() => client.ended);
  assert.deepEqual(client.seqs(), []);
});

Deno.test("GET /api/stream cuts a slow reader and leaves the others alone", async () => {
  await using test = await setUp();
  const { hostname, port } = new URL(test.url);
  using slow = await Deno.connect({ hostname, port: Number(port) });
  await slow.write(
    new TextEncoder().encode("GET /api/stream HTTP/1.1\r\nhost: x\r\ncookie: session=1\r\n\r\n"),
  );
  await using fast = await test.open();
  await waitFor(async () => await test.connections() === 2);
  let sent = 0;
  // The socket's own buffers take some MB before anything waits here.
  while (await test.connections() === 2 && sent < 3_000) {
    const events = test.write(20, "x".repeat(50_000));
    await test.tell(events);
    sent += events.length;
    await waitFor(() => fast.seqs().length === sent);
  }
  assert.equal(await test.connections(), 1);
  await test.tell(test.write(1));
  await waitFor(() => fast.seqs().length === sent + 1);
});

Deno.test("realtime drains: open streams end cleanly, new ones are turned away", async () => {
  const test = await setUp();
  await using client = await test.open();
  await waitFor(() => client.events.length === 1);
  await test.tell(test.write(1));
  await test.service.stop();
  await waitFor(() => client.ended);
  assert.deepEqual(client.seqs(), [1]);
  const response = await test.service.fetch(new Request(test.url, { headers: { cookie: "session=1" } }));
  assert.equal(response.status, 503);
  assert.equal(await test.service.ready(), "The streams are being drained");
  await test[Symbol.asyncDispose]();
});

Deno.test("realtime holds 1,000 open streams and reaches one user's at once", async () => {
  await using test = await setUp({ maxStreamsPerUser: 1_000 });
  const request = () => new Request(test.url, { headers: { cookie: "session=1" } });
  const bodies = await Promise.all(
    Array.from({ length: 1_000 }, async () => (await test.service.fetch(request())).body?.getReader()),
  );
  assert.equal(await test.connections(), 1_000);
  const started = performance.now();
  await test.tell(test.write(10));
  const texts = await Promise.all(
    bodies.map(async (body) => new TextDecoder().decode((await body?.read())?.value)),
  );
  assert.ok(texts.every((text) => text.endsWith("\n\n") && text.includes("id: 10\n")));
  const elapsed = performance.now() - started;
  assert.ok(elapsed < 5_000, `took ${elapsed} ms`);
  await Promise.all(bodies.map((body) => body?.cancel()));
  assert.equal(await test.connections(), 0);
});
