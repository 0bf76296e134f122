/** What the tests of webhooks share: a receiver on loopback, and the service over a fresh database. */
import assert from "node:assert/strict";
import { Webhook as Verifier } from "standardwebhooks";
import { uuidv7 } from "uuidv7";
import { type Change, changeOf } from "../shared/contracts/changes.ts";
import type { ChangeType, Envelope } from "../shared/contracts/events.ts";
import type { NewWebhook, Webhook, WebhookDelivery } from "../shared/contracts/webhooks.ts";
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
import { createWebhooks, type WebhooksOptions } from "./app.ts";
import { webhooksStore } from "./store.ts";

export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
  // deno-lint-ignore no-explicit-any -- a test looks into whatever came
  json: any;
}

/** A receiver; `answer` says what it answers to the n-th request (from 1), 204 unless it is told. */
export function receiver() {
  const received: Received[] = [];
  let release = () => {};
  let answer: (request: Received, n: number) => Response | Promise<Response> = () =>
    new Response(null, { status: 204 });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    const { pathname } = new URL(request.url);
    const one = {
      path: pathname,
      headers: Object.fromEntries(request.headers),
      body,
      json: JSON.parse(body),
    };
    received.push(one);
    return await answer(one, received.length);
  });
  return {
    received,
    port: server.addr.port,
    url: `http://127.0.0.1:${server.addr.port}/hook`,
    answer: (given: typeof answer) => void (answer = given),
    /** Leaves requests without an answer until it is released; in the end they are released anyway. */
    hold(): () => void {
      const held = Promise.withResolvers<void>();
      release = held.resolve;
      answer = async () => {
        await held.promise;
        return new Response();
      };
      return release;
    },
    /** Ends when every answer was sent or given up. */
    answered: () => server.shutdown(),
    seqs: () => received.map(({ json }) => json.data.seq as number),
    async [Symbol.asyncDispose]() {
      release();
      await server.shutdown();
    },
  };
}

/** Whether the library of the specification takes a message with this secret. */
export function verifies({ body, headers }: Received, secret: string): boolean {
  try {
    new Verifier(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

export async function setUp(options: Partial<WebhooksOptions> = {}) {
  const database = await testDatabase();
  const runtime = createFakeRuntime();
  const clock = createFakeClock(Temporal.Now.instant().round("second").toString());
  const metrics = createMetrics();
  const userId = uuidv7();
  const logs: string[] = [];
  /** What the api has: the log of the user's changes. */
  const changes: Change[] = [];
  let apiDown = false;
  const asked: number[] = [];
  runtime.route("api", (request) => {
    const { searchParams } = new URL(request.url);
    if (apiDown) return new Response("", { status: 503 });
    assert.equal(request.headers.get("x-rondo-user"), userId);
    const [since, limit] = [Number(searchParams.get("since")), Number(searchParams.get("limit"))];
    asked.push(since);
    const after = changes.filter(({ seq }) => seq > since);
    const page = after.slice(0, limit);
    return Response.json({
      changes: page,
      nextSeq: page.at(-1)?.seq ?? since,
      hasMore: after.length > page.length,
    });
  });
  const sql = database.connect(webhooksStore.role);
  const create = () =>
    createWebhooks({
      ...{ sql, runtime, clock, metrics, random: () => 0.5, log: createQuietLog(logs) },
      ...{ allowPublic: false, allowPrivate: true },
      ...options,
    });
  const service = create();
  await service.start();
  const call = async (method: string, path?: string, body?: unknown, user?: string, key?: string) => {
    const response = await service.fetch(
      new Request(`http://internal.test/internal/webhooks${path ?? ""}`, {
        method,
        headers: {
          "x-rondo-user": user ?? userId,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    // deno-lint-ignore no-explicit-any -- a test looks into whatever came
    return { status: response.status, body: await response.json() as any };
  };
  const all = {
    ...{ runtime, clock, metrics, userId, logs, changes, asked, sql, call, create, service },
    admin: database.connect(),
    setApiDown: (is: boolean) => void (apiDown = is),
    /** Makes events of the next changes, without telling anybody. */
    happens(count: number, type: ChangeType = "task.created.v1"): Envelope[] {
      return Array.from({ length: count }, () => {
        const task = aTask({ title: `Task ${changes.length + 1}` });
        const event = anEvent(type, {
          ...{ userId, seq: changes.length + 1, time: clock.now() },
          data: { task, before: null, timeZone: "Europe/Berlin", series: null },
        });
        changes.push(changeOf(event));
        return event;
      });
    },
    deliver: (events: readonly unknown[]) => runtime.deliver("task-events", events),
    async add(url: string, more: Record<string, unknown> = {}): Promise<NewWebhook> {
      const { status, body } = await call("POST", `?seq=${changes.length}`, { url, ...more });
      assert.equal(status, 201, JSON.stringify(body));
      return body;
    },
    async get(id: string): Promise<Webhook> {
      const { status, body } = await call("GET", `/${id}`);
      assert.equal(status, 200);
      return body;
    },
    async deliveries(id: string): Promise<WebhookDelivery[]> {
      return (await call("GET", `/${id}/deliveries?limit=200`)).body.items;
    },
    /** Moves the clock on, and lets the loops see it. */
    advance(duration: string) {
      clock.advance(duration);
      runtime.wake("webhooks");
    },
    /** Waits until nothing of a webhook is due or under way; what waits for its time goes on waiting. */
    async settled(id: string) {
      await waitFor(async () => {
        const [row] = await all.admin<{ still: boolean }[]>`
          select not behind and sending_until is null
            and (due_at is null or due_at > ${clock.now().toString()} or status = 'paused') as still
          from webhooks.endpoints where id = ${id}`;
        return row?.still ?? true;
      });
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await database[Symbol.asyncDispose]();
    },
  };
  return all;
}
