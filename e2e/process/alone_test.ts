/** Every service in a process of its own over one PostgreSQL, with its own flags: the main job works across them. */
import assert from "node:assert/strict";
import type { Task } from "../../services/shared/contracts/task.ts";
import { SERVICES } from "../../services/permissions.ts";
import { signUp } from "../support/client.ts";
import { foreignDatabase } from "../support/database.ts";
import { follow } from "../support/follow.ts";
import {
  freePort,
  metric,
  readyPort,
  residentMb,
  type RunningProcess,
  spawnService,
  stopProcess,
  waitFor,
} from "../support/rondo.ts";

const NAMES = SERVICES.filter((name) => name !== "embedded");
type Name = typeof NAMES[number];

/** All services over a database, each on its port; stopped in the end, each with exit code 0. */
async function startAll(databaseUrl: string) {
  const ports = new Map<Name, number>();
  for (const name of NAMES) ports.set(name, await freePort());
  const origin = (name: Name) => `http://127.0.0.1:${ports.get(name)}`;
  const common = {
    DATABASE_URL: databaseUrl,
    INTERNAL_TOKEN: crypto.randomUUID() + crypto.randomUUID(),
    PEERS: NAMES.map((name) => `${name}=${origin(name)}`).join(","),
    PUBLIC_URL: origin("api"),
  };
  const running = new Map<Name, RunningProcess>();
  const start = (name: Name): RunningProcess => {
    const child = spawnService(name, {
      env: {
        ...common,
        PORT: String(ports.get(name)),
        ...(name === "api" ? { RONDO_SECRET: "a secret of at least 32 characters" } : {}),
      },
    });
    running.set(name, child);
    return child;
  };
  const all = {
    origin,
    process: (name: Name) => running.get(name),
    async start(name: Name) {
      await readyPort(start(name), name);
    },
    async [Symbol.asyncDispose]() {
      const codes = await Promise.all(
        [...running].map(async ([name, child]) => [name, await stopProcess(child)]),
      );
      const errors = [...running].map(([name, child]) => `${name}: ${child.output.stderr.slice(-2_000)}`)
        .join("\n");
      assert.deepEqual(codes.filter(([, code]) => code !== 0), [], errors);
    },
  };
  try {
    // All at once, on an empty database: migrations wait for each other.
    await Promise.all(NAMES.map((name) => readyPort(start(name), name)));
  } catch (cause) {
    await Promise.all([...running.values()].map((child) => stopProcess(child)));
    throw cause;
  }
  return all;
}

Deno.test("each service alone does its part of the main job, and makes good what it missed while it was dead", async () => {
  await using database = await foreignDatabase();
  const started = performance.now();
  await using services = await startAll(database.url);
  console.log(`  ${NAMES.length} processes ready in ${Math.round(performance.now() - started)} ms`);
  const client = await signUp(services.origin("api"));
  await using stream = follow({ origin: services.origin("realtime"), cookie: client.cookie });
  await waitFor(() => stream.open);
  const now = Temporal.Now.instant();
  const made = await client.call<Task>("POST", "/api/tasks", {
    title: "Pay rent",
    due: { date: now.toString().slice(0, 10), time: "00:00", timeZone: "UTC" },
    recurrence: "daily",
    reminders: [{ at: now.toString() }],
  });
  assert.equal(made.status, 201);

  const occurrences = async (): Promise<number[]> => {
    const { body } = await client.call<{ items: Task[] }>(
      "GET",
      "/api/tasks?status=all&sort=created&order=asc",
    );
    return body.items.map(({ occurrence }) => occurrence ?? 0);
  };
  const complete = async (occurrence: number): Promise<void> => {
    const { body } = await client.call<{ items: Task[] }>("GET", "/api/tasks");
    const task = body.items.find((one) => one.occurrence === occurrence);
    assert.ok(task !== undefined, `there is an occurrence ${occurrence}`);
    assert.equal((await client.call("POST", `/api/tasks/${task.id}/complete`, {})).status, 200);
  };
  await waitFor(
    async () => (await client.call<{ unread: number }>("GET", "/api/notifications")).body.unread === 1,
    20_000,
  );
  await complete(1);
  await waitFor(async () => (await occurrences()).length === 2, 20_000);

  const killed = services.process("recurrence");
  killed?.kill("SIGKILL");
  await killed?.ended;
  await complete(2);
  await waitFor(() => stream.lastId >= 4, 20_000);
  assert.deepEqual(await occurrences(), [1, 2], "nobody else makes the next one");
  await services.start("recurrence");
  await waitFor(async () => (await occurrences()).length === 3, 20_000);
  await waitFor(() => stream.lastId === 5, 20_000);
  assert.deepEqual(await occurrences(), [1, 2, 3]);
  assert.deepEqual(
    stream.events.filter(({ event }) => event === "change").map(({ id }) => id),
    [1, 2, 3, 4, 5],
  );
  assert.equal(stream.events.filter(({ event }) => event === "notification").length, 1);

  // The api's five changes, and what reminders and notifications said of the one reminder.
  await waitFor(async () => {
    const { body } = await client.call<{ ok: boolean; checked: number }>("GET", "/api/audit/verify");
    return body.ok && body.checked >= 8;
  }, 20_000);
  const ledger = await client.call<{ items: { status: string }[] }>("GET", "/api/reminders");
  assert.deepEqual(ledger.body.items.map(({ status }) => status), ["delivered"]);

  await waitFor(async () => await metric(services.origin("relay"), "outbox_pending") === 0);
  assert.equal(await metric(services.origin("api"), "tasks_created_total"), 3);
  assert.ok(await metric(services.origin("relay"), "events_published_total") >= 10);
  for (const consumer of ["recurrence", "reminders", "notifications", "audit"] as const) {
    const taken = await metric(services.origin(consumer), "events_consumed_total", {
      consumer,
      outcome: "ok",
    });
    assert.ok(taken > 0, `${consumer} took ${taken}`);
    assert.equal(await metric(services.origin(consumer), "dead_letters_total"), 0);
  }
  assert.equal(await metric(services.origin("realtime"), "sse_connections"), 1);
  const memory = await Promise.all(
    NAMES.map(async (name) => `${name} ${await residentMb(services.process(name)?.pid ?? 0)}`),
  );
  console.log(`  MB resident: ${memory.join(", ")}`);
  // An internal route is for services alone.
  const foreign = await fetch(`${services.origin("audit")}/internal/audit`, {
    headers: { "x-rondo-user": client.id },
  });
  await foreign.body?.cancel();
  assert.equal(foreign.status, 403);
});
