/**
 * What every adapter of the runtime's ports must do. An adapter's test calls `runtimeContract` with a harness
 * of its own; nothing here knows what is behind the ports. Brokers keep their log between runs, so every test
 * has consumers, services and keys of its own and takes no notice of other events.
 */
import assert from "node:assert/strict";
import { uuidv7 } from "uuidv7";
import type { Envelope, Topic } from "../contracts/events.ts";
import { newContext, runInContext } from "../telemetry/context.ts";
import { anEvent, aTask, waitFor } from "../testing/fake_runtime.ts";
import type { DeadLetter, DeadLetters } from "./dead_letters.ts";
import type { Delivery, OutboundEvent, Outcome, Runtime } from "./ports.ts";

/** A running replica of a service. */
export interface Replica {
  readonly runtime: Runtime;
  /** Stops as a deployment does. */
  stop(): Promise<void>;
  /** Ends as a crash does: handlers that run are cut off and nothing more is acknowledged. */
  kill(): Promise<void>;
}

/** What a replica serves over HTTP. */
export type Fetch = (request: Request) => Response | Promise<Response>;

/** The world of one test; disposing it ends what the test left running. */
export interface ContractHarness extends AsyncDisposable {
  /** The topic to use. */
  readonly topic: Topic;
  /** A name that no other test and no other run has. */
  unique(word: string): string;
  /**
   * Starts a replica of `service` in a process's place of its own. `configure` subscribes and sets the job
   * handler before `start()`; its answer is served to `invoke`. A service has one consumer, named as it is.
   */
  replica(service: string, configure?: (runtime: Runtime) => Fetch | void): Promise<Replica>;
  /** What operators see and do; shared by all replicas. */
  readonly deadLetters: DeadLetters;
  /** A secret that `secrets.get` finds. */
  readonly secret: { name: string; value: string };
}

/** Nothing takes this long; a slow machine and a real broker's rebalance do fit. */
const PATIENCE_MS = 45_000;
const eventually = (condition: () => boolean | Promise<boolean>): Promise<void> =>
  waitFor(condition, PATIENCE_MS);

interface Context {
  harness: ContractHarness;
  topic: Topic;
}

/** Registers the contract's tests for one adapter. */
export function runtimeContract(name: string, make: () => Promise<ContractHarness>): void {
  const test = (title: string, body: (context: Context) => Promise<void>): void =>
    Deno.test(`${name}: ${title}`, async () => {
      await using harness = await make();
      await body({ harness, topic: harness.topic });
    });

  test("publish() brings the envelope to a subscriber as it was", async ({ harness, topic }) => {
    const service = harness.unique("reader");
    const [event] = someEvents(1);
    const seen: Delivery[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [event.key], (delivery) => void seen.push(delivery));
    });
    await published(runtime, [event], topic);
    await eventually(() => seen.length > 0);
    const delivery = seen[0];
    assert.equal(delivery?.topic, topic);
    assert.equal(delivery?.key, event.key);
    // A broker may add attributes of its own; it may not touch ours.
    const received = delivery?.event as Envelope;
    for (const [attribute, value] of Object.entries(event.event)) {
      assert.deepEqual(received[attribute as keyof Envelope], value, attribute);
    }
  });

  test("publish() answers for every entry and never rejects", async ({ harness, topic }) => {
    const { runtime } = await harness.replica(harness.unique("writer"));
    const events = someEvents(3);
    assert.deepEqual(await runtime.publish(toOutbound(events, topic)), events.map(() => ({ ok: true })));
    assert.deepEqual(await runtime.publish([]), []);
    const aborted = await runtime.publish(toOutbound(events, topic), AbortSignal.abort());
    assert.deepEqual(aborted.map(({ ok }) => ok), [false, false, false]);
  });

  test("subscribe() keeps the order of each key under concurrent publishers", async ({ harness, topic }) => {
    const service = harness.unique("ordered");
    const keys = Array.from({ length: 8 }, () => uuidv7());
    const seen: Delivery[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, keys, async (delivery) => {
        await Promise.resolve();
        seen.push(delivery);
      });
    });
    await Promise.all(keys.map(async (key) => {
      for (const event of someEvents(20, key)) await published(runtime, [event], topic);
    }));
    await eventually(() => keys.every((key) => sequence(seen, key).length === 20));
    for (const key of keys) assert.deepEqual(sequence(seen, key), range(1, 20));
  });

  test("subscribe() retries with backoff until the handler takes the event, in order", async ({ harness, topic }) => {
    const service = harness.unique("retrying");
    const events = someEvents(5);
    const taken: Delivery[] = [];
    const attempts: number[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [events[0].key], (delivery) => {
        if (seqOf(delivery) === 2 && attempts.push(performance.now()) <= 2) throw new Error("not yet");
        taken.push(delivery);
      });
    });
    await published(runtime, events, topic);
    await eventually(() => taken.length === 5);
    assert.deepEqual(taken.map(seqOf), range(1, 5));
    const [first = 0, second = 0, third = 0] = attempts;
    assert.ok(
      second - first > 20 && third - second > 20,
      `backoff was ${second - first}, ${third - second} ms`,
    );
  });

  test("subscribe() holds other keys up no longer than it tries one that fails", async ({ harness, topic }) => {
    const service = harness.unique("passing");
    const bad = someEvents(3);
    const good = someEvents(10);
    const taken: Delivery[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [bad[0].key, good[0].key], (delivery) => {
        if (delivery.key === bad[0].key && seqOf(delivery) === 1) throw new Error("never");
        taken.push(delivery);
      });
    });
    await published(runtime, bad.slice(0, 1), topic);
    await published(runtime, [...good, ...bad.slice(1)], topic);
    await eventually(() => taken.length >= 12);
    assert.deepEqual(sequence(taken, good[0].key), range(1, 10));
    assert.deepEqual(sequence(taken, bad[0].key), [2, 3]);
    assert.equal(((await letterOf(harness, service)).event as Envelope).id, bad[0].event.id);
    assert.equal((await lettersOf(harness, service)).length, 1);
  });

  test("subscribe() dead-letters with the reason when attempts are used up, and the rest flows on", async ({ harness, topic }) => {
    const service = harness.unique("burying");
    const events = someEvents(3);
    const taken: Delivery[] = [];
    let attempts = 0;
    const { runtime } = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [events[0].key], (delivery) => {
        if (seqOf(delivery) === 2) {
          attempts++;
          throw new Error("the ink is dry");
        }
        taken.push(delivery);
      });
    });
    await published(runtime, events, topic);
    await eventually(() => taken.length === 2);
    assert.deepEqual(taken.map(seqOf), [1, 3]);
    assert.ok(attempts > 1, "it was tried again before");
    const letter = await letterOf(harness, service);
    assert.match(letter.error, /the ink is dry/);
    assert.equal(letter.key, events[0].key);
    assert.equal(letter.topic, topic);
    assert.equal((letter.event as Envelope).id, events[1]?.event.id);
    assert.ok(letter.at.since(Temporal.Now.instant()).abs().total("minutes") < 5);
  });

  test("subscribe() dead-letters poison at once", async ({ harness, topic }) => {
    const service = harness.unique("poisoned");
    const events = someEvents(2);
    const calls: number[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.subscribe({
        topic,
        consumer: service,
        handle: (batch) =>
          Promise.resolve(batch.map((delivery): Outcome => {
            if (delivery.key !== events[0].key) return { status: "ok" };
            calls.push(seqOf(delivery));
            return seqOf(delivery) === 1 ? { status: "dead", error: "not a letter" } : { status: "ok" };
          })),
      });
    });
    await published(runtime, events, topic);
    await eventually(() => calls.includes(2));
    assert.deepEqual(calls, [1, 2]);
    assert.match((await letterOf(harness, service)).error, /not a letter/);
  });

  test("subscribe() takes a handler that throws as retry, and buries no bystander", async ({ harness, topic }) => {
    const service = harness.unique("throwing");
    const bad = someEvents(1);
    const good = someEvents(5);
    const taken = new Set<number>();
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.subscribe({
        topic,
        consumer: service,
        handle(batch) {
          if (batch.some(({ key }) => key === bad[0].key)) throw new Error("the whole batch is off");
          for (const delivery of batch) if (delivery.key === good[0].key) taken.add(seqOf(delivery));
          return Promise.resolve(batch.map(() => ({ status: "ok" })));
        },
      });
    });
    await published(runtime, [...bad, ...good], topic);
    const letter = await letterOf(harness, service);
    assert.match(letter.error, /the whole batch is off/);
    assert.equal(letter.key, bad[0].key);
    await eventually(() => taken.size === 5);
    assert.equal((await lettersOf(harness, service)).length, 1);
  });

  test("subscribe() gives up on a handler that hangs and delivers again", async ({ harness, topic }) => {
    const service = harness.unique("hanging");
    const events = someEvents(2);
    const taken: Delivery[] = [];
    let hung = 0;
    const { runtime } = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [events[0].key], async (delivery) => {
        if (seqOf(delivery) === 1 && hung++ === 0) await new Promise(() => {});
        taken.push(delivery);
      });
    });
    await published(runtime, events, topic);
    await eventually(() => taken.length === 2);
    assert.deepEqual(taken.map(seqOf), [1, 2]);
  });

  test("subscribe() gives every consumer group every event", async ({ harness, topic }) => {
    const events = someEvents(10);
    const groups = [harness.unique("left"), harness.unique("right")];
    const seen = new Map<string, Delivery[]>(groups.map((group) => [group, []]));
    const [replica] = await Promise.all(groups.map((group) =>
      harness.replica(group, (runtime) => {
        subscribe(runtime, group, topic, [events[0].key], (delivery) => void seen.get(group)?.push(delivery));
      })
    ));
    assert.ok(replica);
    await published(replica.runtime, events, topic);
    await eventually(() => groups.every((group) => seen.get(group)?.length === 10));
    for (const group of groups) assert.deepEqual(seen.get(group)?.map(seqOf), range(1, 10));
  });

  test("subscribe() gives each event to one member of a group", async ({ harness, topic }) => {
    const service = harness.unique("shared");
    const keys = Array.from({ length: 6 }, () => uuidv7());
    const seen: Delivery[] = [];
    const configure = (runtime: Runtime): void =>
      subscribe(runtime, service, topic, keys, (delivery) => void seen.push(delivery));
    const first = await harness.replica(service, configure);
    const second = await harness.replica(service, configure);
    // Once a first event came through, the group has settled who reads what.
    for (const key of keys) await published(first.runtime, someEvents(1, key), topic);
    await eventually(() => keys.every((key) => sequence(seen, key).length === 1));
    seen.length = 0;
    for (const key of keys) await published(second.runtime, someEvents(10, key).slice(1), topic);
    await eventually(() => keys.every((key) => sequence(seen, key).length === 9));
    // A rebalance may repeat some; were both members given everything, it would be twice as many.
    assert.ok(seen.length < 2 * 54, `${seen.length} deliveries of 54 events`);
    for (const key of keys) assert.deepEqual(sequence(seen, key), range(2, 10));
  });

  test("subscribe() with broadcast shows every replica every event from now on", async ({ harness, topic }) => {
    const service = harness.unique("screens");
    const probe = uuidv7();
    const events = someEvents(10);
    const seen: Delivery[][] = [[], []];
    const replicas: Replica[] = [];
    for (const deliveries of seen) {
      replicas.push(
        await harness.replica(service, (runtime) => {
          runtime.subscribe({
            topic,
            consumer: service,
            broadcast: true,
            handle(batch) {
              deliveries.push(...batch);
              return Promise.reject(new Error("nobody retries this"));
            },
          });
        }),
      );
    }
    const [replica] = replicas;
    assert.ok(replica);
    // A broker may take a moment after start() to know of a reader that begins at the end.
    await eventually(async () => {
      await published(replica.runtime, someEvents(1, probe), topic);
      return seen.every((deliveries) => deliveries.some(({ key }) => key === probe));
    });
    await published(replica.runtime, events, topic);
    await eventually(() => seen.every((deliveries) => sequence(deliveries, events[0].key).length === 10));
    for (const deliveries of seen) {
      assert.deepEqual(deliveries.filter(({ key }) => key === events[0].key).map(seqOf), range(1, 10));
    }
    assert.deepEqual(await lettersOf(harness, service), []);
  });

  test("subscribe() delivers again what a killed replica had not acknowledged", async ({ harness, topic }) => {
    const service = harness.unique("mortal");
    const events = someEvents(3);
    let reached = false;
    const first = await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [events[0].key], async (delivery) => {
        if (seqOf(delivery) !== 2) return;
        reached = true;
        await new Promise(() => {});
      });
    });
    await published(first.runtime, events, topic);
    await eventually(() => reached);
    await first.kill();
    const seen: Delivery[] = [];
    await harness.replica(service, (runtime) => {
      subscribe(runtime, service, topic, [events[0].key], (delivery) => void seen.push(delivery));
    });
    await eventually(() => seen.some((delivery) => seqOf(delivery) === 3));
    const order = sequence(seen, events[0].key);
    assert.deepEqual(order, range(order[0] ?? 0, 3));
    assert.ok((order[0] ?? 9) <= 2);
  });

  test("subscribe() goes on where a stopped replica ended, without repeating", async ({ harness, topic }) => {
    const service = harness.unique("orderly");
    const events = someEvents(6);
    const seen: Delivery[] = [];
    const configure = (runtime: Runtime): void =>
      subscribe(runtime, service, topic, [events[0].key], (delivery) => void seen.push(delivery));
    const first = await harness.replica(service, configure);
    await published(first.runtime, events.slice(0, 3), topic);
    await eventually(() => seen.length === 3);
    await first.stop();
    const second = await harness.replica(service, configure);
    await published(second.runtime, events.slice(3), topic);
    await eventually(() => seen.length >= 6);
    assert.deepEqual(seen.map(seqOf), range(1, 6));
  });

  test("deadLetters.replay() hands the event to its consumer again, and drop() forgets it", async ({ harness, topic }) => {
    const service = harness.unique("replaying");
    const other = harness.unique("bystander");
    const events = someEvents(2);
    const taken: Delivery[] = [];
    const bystander: Delivery[] = [];
    let healed = false;
    await harness.replica(other, (runtime) => {
      subscribe(runtime, other, topic, [events[0].key], (delivery) => void bystander.push(delivery));
    });
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.subscribe({
        topic,
        consumer: service,
        handle: (batch) =>
          Promise.resolve(batch.map((delivery): Outcome => {
            if (delivery.key !== events[0].key) return { status: "ok" };
            if (!healed) return { status: "dead", error: "ill" };
            taken.push(delivery);
            return { status: "ok" };
          })),
      });
    });
    await published(runtime, events, topic);
    await eventually(async () => (await lettersOf(harness, service)).length === 2);
    const letters = await lettersOf(harness, service);
    const first = letters.find(({ event }) => (event as Envelope).id === events[0].event.id);
    const second = letters.find(({ event }) => (event as Envelope).id === events[1]?.event.id);
    assert.ok(first !== undefined && second !== undefined);
    healed = true;
    assert.equal(await harness.deadLetters.replay(first.id), true);
    await eventually(() => taken.length > 0);
    assert.deepEqual(taken.map(seqOf), [1]);
    await eventually(async () => (await lettersOf(harness, service)).length === 1);
    assert.equal(await harness.deadLetters.replay(first.id), false);
    assert.equal(await harness.deadLetters.drop(second.id), true);
    assert.equal(await harness.deadLetters.drop(second.id), false);
    assert.deepEqual(await lettersOf(harness, service), []);
    assert.equal(await harness.deadLetters.replay(uuidv7()), false);
    await eventually(() => bystander.length >= 2);
    assert.deepEqual(sequence(bystander, events[0].key), [1, 2]);
    assert.ok(bystander.length < 4, "a replay is for one consumer alone");
  });

  test("deadLetters.replay() of an event that is still refused becomes a letter again", async ({ harness, topic }) => {
    const service = harness.unique("stubborn");
    const events = someEvents(1);
    let calls = 0;
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.subscribe({
        topic,
        consumer: service,
        handle: (batch) =>
          Promise.resolve(
            batch.map(({ key }): Outcome =>
              key === events[0].key ? { status: "dead", error: `refusal ${++calls}` } : { status: "ok" }
            ),
          ),
      });
    });
    await published(runtime, events, topic);
    const letter = await letterOf(harness, service);
    assert.equal(await harness.deadLetters.replay(letter.id), true);
    await eventually(() => calls === 2);
    assert.match((await letterOf(harness, service)).error, /refusal 2/);
  });

  test("jobs run once at their time with their data", async ({ harness }) => {
    const service = harness.unique("alarm");
    const fired: { name: string; data: unknown; at: Temporal.Instant }[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.jobs.handle(({ name, data }) => {
        fired.push({ name, data, at: Temporal.Now.instant() });
        return Promise.resolve();
      });
    });
    const dueAt = Temporal.Now.instant().add({ seconds: 2 });
    await runtime.jobs.schedule({ name: "tea", dueAt, data: { minutes: 4, of: ["green"] } });
    await eventually(() => fired.length > 0);
    assert.deepEqual(fired.map(({ name, data }) => ({ name, data })), [
      { name: "tea", data: { minutes: 4, of: ["green"] } },
    ]);
    const late = fired[0]?.at.since(dueAt).total("milliseconds") ?? NaN;
    assert.ok(late > -50 && late < 10_000, `it ran ${late} ms after its time`);
  });

  test("jobs past their time run at once", async ({ harness }) => {
    const service = harness.unique("late");
    const fired: string[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.jobs.handle(({ name }) => Promise.resolve(void fired.push(name)));
    });
    await runtime.jobs.schedule({
      name: "overdue",
      dueAt: Temporal.Now.instant().subtract({ hours: 5 }),
      data: {},
    });
    await eventually(() => fired.length > 0);
    assert.deepEqual(fired, ["overdue"]);
  });

  test("jobs.schedule() overwrites by name and jobs.cancel() forgets", async ({ harness }) => {
    const service = harness.unique("fickle");
    const fired: unknown[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.jobs.handle(({ name, data }) => Promise.resolve(void fired.push([name, data])));
    });
    const now = Temporal.Now.instant();
    await runtime.jobs.schedule({ name: "moved", dueAt: now.add({ seconds: 2 }), data: { turn: 1 } });
    await runtime.jobs.schedule({ name: "moved", dueAt: now.add({ seconds: 4 }), data: { turn: 2 } });
    await runtime.jobs.schedule({ name: "off", dueAt: now.add({ seconds: 3 }), data: {} });
    await runtime.jobs.cancel("off");
    await runtime.jobs.cancel("never-scheduled");
    await runtime.jobs.schedule({ name: "last", dueAt: now.add({ seconds: 5 }), data: {} });
    await eventually(() => fired.length >= 2);
    assert.deepEqual(fired, [["moved", { turn: 2 }], ["last", {}]]);
  });

  test("jobs that fail are tried until they succeed", async ({ harness }) => {
    const service = harness.unique("persistent");
    let attempts = 0;
    let done = false;
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.jobs.handle(() => {
        if (++attempts < 3) return Promise.reject(new Error("not yet"));
        done = true;
        return Promise.resolve();
      });
    });
    await runtime.jobs.schedule({ name: "climb", dueAt: Temporal.Now.instant(), data: {} });
    await eventually(() => done);
    assert.equal(attempts, 3);
  });

  test("jobs may schedule themselves again", async ({ harness }) => {
    const service = harness.unique("recurring");
    const turns: unknown[] = [];
    const { runtime } = await harness.replica(service, (runtime) => {
      runtime.jobs.handle(async ({ name, data }) => {
        turns.push(data.turn);
        if (data.turn === 1) {
          await runtime.jobs.schedule({ name, dueAt: Temporal.Now.instant(), data: { turn: 2 } });
        }
      });
    });
    await runtime.jobs.schedule({ name: "wheel", dueAt: Temporal.Now.instant(), data: { turn: 1 } });
    await eventually(() => turns.includes(2));
    assert.deepEqual(turns, [1, 2]);
  });

  test("jobs survive a replica that is killed", async ({ harness }) => {
    const service = harness.unique("phoenix");
    const first = await harness.replica(service, (runtime) => {
      runtime.jobs.handle(() => new Promise(() => {}));
    });
    await first.runtime.jobs.schedule({
      name: "ash",
      dueAt: Temporal.Now.instant().add({ milliseconds: 200 }),
      data: { egg: 1 },
    });
    await first.kill();
    const fired: unknown[] = [];
    await harness.replica(service, (runtime) => {
      runtime.jobs.handle(({ data }) => Promise.resolve(void fired.push(data)));
    });
    await eventually(() => fired.length > 0);
    assert.deepEqual(fired[0], { egg: 1 });
  });

  test("state is read, written, compared by etag and deleted", async ({ harness }) => {
    const { runtime: { state } } = await harness.replica(harness.unique("keeper"));
    assert.equal(await state.get("note"), null);
    assert.equal(await state.set("note", { lines: [1, "zwei", null] }), true);
    const first = await state.get("note");
    assert.deepEqual(first?.value, { lines: [1, "zwei", null] });
    assert.equal(await state.set("note", { lines: [] }, { etag: first?.etag }), true);
    assert.equal(await state.set("note", "stale", { etag: first?.etag }), false);
    const second = await state.get("note");
    assert.deepEqual(second?.value, { lines: [] });
    assert.notEqual(second?.etag, first?.etag);
    const raced = await Promise.all(
      range(1, 4).map((writer) => state.set("note", { writer }, { etag: second?.etag })),
    );
    assert.equal(raced.filter(Boolean).length, 1);
    assert.equal(await state.set("note", "another", { etag: null }), false);
    const begun = await Promise.all(
      range(1, 4).map((writer) => state.set("new", { writer }, { etag: null })),
    );
    assert.equal(begun.filter(Boolean).length, 1, "one of them is the first");
    await state.delete("note");
    await state.delete("note");
    assert.equal(await state.get("note"), null);
    assert.equal(await state.set("note", 1, { etag: second?.etag }), false);
  });

  test("state ends with its ttl, and belongs to one service", async ({ harness }) => {
    const { runtime } = await harness.replica(harness.unique("forgetful"));
    const stranger = await harness.replica(harness.unique("stranger"));
    assert.equal(await runtime.state.set("brief", 1, { ttlSeconds: 1 }), true);
    assert.equal(await runtime.state.set("lasting", 2, { ttlSeconds: 3_600 }), true);
    assert.equal((await runtime.state.get("brief"))?.value, 1);
    assert.equal(await runtime.state.set("brief", 2, { etag: null }), false);
    await eventually(async () => await runtime.state.get("brief") === null);
    assert.equal(await runtime.state.set("brief", 2, { etag: null }), true, "what has ended is not there");
    assert.equal((await runtime.state.get("lasting"))?.value, 2);
    assert.equal(await stranger.runtime.state.get("lasting"), null);
  });

  test("secrets.get() finds a secret and knows no other", async ({ harness }) => {
    const { runtime } = await harness.replica(harness.unique("confidant"));
    assert.equal(await runtime.secrets.get(harness.secret.name), harness.secret.value);
    assert.equal(await runtime.secrets.get("no-such-secret"), undefined);
  });

  test("invoke() reaches another service with the running work's context", async ({ harness }) => {
    const callee = harness.unique("callee");
    await harness.replica(
      callee,
      (runtime) => async (request) =>
        runtime.isInternal(request)
          ? Response.json({
            method: request.method,
            path: new URL(request.url).pathname + new URL(request.url).search,
            body: await request.text(),
            correlationId: request.headers.get("x-correlation-id"),
            traceparent: request.headers.get("traceparent"),
            user: request.headers.get("x-rondo-user"),
          }, { status: 201 })
          : new Response(null, { status: 404 }),
    );
    const { runtime } = await harness.replica(harness.unique("caller"));
    const work = newContext({ correlationId: uuidv7() });
    let answer: Response | null = null;
    // A sidecar may need a moment to learn of a service that has just started.
    await eventually(async () => {
      const tried = await runInContext(work, () =>
        runtime.invoke(callee, "/internal/next?x=1", {
          method: "POST",
          body: "ping",
          headers: { "x-rondo-user": "ada", "content-type": "text/plain" },
        })).catch(() => null);
      if (tried?.status === 201) answer = tried;
      else await tried?.body?.cancel();
      return answer !== null;
    });
    assert.ok(answer);
    const echoed = await (answer as Response).json();
    assert.equal(echoed.method, "POST");
    assert.equal(echoed.path, "/internal/next?x=1");
    assert.equal(echoed.body, "ping");
    assert.equal(echoed.user, "ada");
    assert.equal(echoed.correlationId, work.correlationId);
    // Hops on the way may add spans of their own: the trace is the same.
    assert.equal(String(echoed.traceparent).slice(0, 35), work.traceparent.slice(0, 35));
  });

  test("invoke() rejects for a service that can't be reached", async ({ harness }) => {
    const { runtime } = await harness.replica(harness.unique("lonely"));
    await assert.rejects(runtime.invoke(harness.unique("nobody"), "/internal/x"));
  });

  test("isInternal() refuses strangers", async ({ harness }) => {
    const { runtime } = await harness.replica(harness.unique("guarded"));
    const url = "http://somewhere.test/internal/x";
    assert.equal(runtime.isInternal(new Request(url)), false);
    const tokens = ["", "x", "undefined", "x".repeat(64)];
    for (const token of tokens) {
      const headers = {
        "x-rondo-internal-token": token,
        "dapr-api-token": token,
        authorization: `Bearer ${token}`,
      };
      assert.equal(runtime.isInternal(new Request(url, { headers })), false);
    }
  });

  test("wake() reaches who waits for that name, until they stop", async ({ harness }) => {
    const { runtime } = await harness.replica(harness.unique("sleeper"));
    let woken = 0;
    const off = runtime.onWake("outbox", () => void woken++);
    runtime.wake("outbox");
    runtime.wake("something-else");
    off();
    runtime.wake("outbox");
    await eventually(() => woken > 0);
    assert.equal(woken, 1);
  });
}

type Keyed = Omit<OutboundEvent, "topic">;

/** Events of one key, numbered from 1. */
export function someEvents(count: number, key: string = uuidv7()): [Keyed, ...Keyed[]] {
  const made = range(1, count).map((seq): Keyed => ({
    key,
    event: anEvent("task.created.v1", {
      userId: key,
      seq,
      data: {
        task: aTask({ title: `Event ${seq} 🌱` }),
        before: null,
        timeZone: "Europe/Berlin",
        series: null,
      },
    }),
  }));
  const [first, ...rest] = made;
  if (first === undefined) throw new RangeError("Cannot make events as the count is below 1");
  return [first, ...rest];
}

/** The same events, bound for a topic. */
export function toOutbound(events: readonly Keyed[], topic: Topic): OutboundEvent[] {
  return events.map((event) => ({ ...event, topic }));
}

/** The number of an event within its key. */
export function seqOf(delivery: Delivery): number {
  return Number((delivery.event as Envelope).data.seq);
}

/** The numbers of a key's deliveries in the order of their first appearance. */
export function sequence(deliveries: readonly Delivery[], key: string): number[] {
  return [...new Set(deliveries.filter((delivery) => delivery.key === key).map(seqOf))];
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

/** Publishes as a relay does: again until acknowledged, event by event where a batch is not atomic. */
async function published(runtime: Runtime, events: readonly Keyed[], topic: Topic): Promise<void> {
  const batches = runtime.atomicBatches ? [events] : events.map((event) => [event]);
  for (const batch of batches) {
    await eventually(async () =>
      (await runtime.publish(toOutbound(batch, topic))).every((result) => result.ok)
    );
  }
}

/** Subscribes to some keys with one effect per event; after a failure the rest of its key is `retry`. */
function subscribe(
  runtime: Runtime,
  consumer: string,
  topic: Topic,
  keys: readonly string[],
  effect: (delivery: Delivery) => void | Promise<void>,
): void {
  runtime.subscribe({
    topic,
    consumer,
    async handle(batch) {
      const failed = new Set<string>();
      const outcomes: Outcome[] = [];
      for (const delivery of batch) {
        if (!keys.includes(delivery.key)) {
          outcomes.push({ status: "ok" });
        } else if (failed.has(delivery.key)) {
          outcomes.push({ status: "retry", error: "after a failure" });
        } else {
          try {
            await effect(delivery);
            outcomes.push({ status: "ok" });
          } catch (cause) {
            failed.add(delivery.key);
            outcomes.push({ status: "retry", error: String(cause) });
          }
        }
      }
      return outcomes;
    },
  });
}

async function lettersOf(harness: ContractHarness, consumer: string): Promise<DeadLetter[]> {
  const letters = await harness.deadLetters.list({ topic: harness.topic, limit: 1_000 });
  return letters.filter((letter) => letter.consumer === consumer);
}

async function letterOf(harness: ContractHarness, consumer: string): Promise<DeadLetter> {
  let letter: DeadLetter | undefined;
  await eventually(async () => {
    [letter] = await lettersOf(harness, consumer);
    return letter !== undefined;
  });
  assert.ok(letter);
  return letter;
}
