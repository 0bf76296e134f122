/** The whole stack as an operator starts it: a user's work goes through, whatever part is killed meanwhile. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { kafkaClient } from "../../deploy/kafka/client.ts";
import { isRunning, type ProcessIdentity } from "../../deploy/local/process.ts";
import { readRunFile, type RunFile } from "../../deploy/local/run_file.ts";
import type { AuditEntry } from "../../services/shared/contracts/events.ts";
import { connect } from "../../services/shared/store/database.ts";
import { type Client, signUp } from "../support/client.ts";
import { follow } from "../support/follow.ts";
import { connectMcp, say } from "../support/mcp.ts";
import { temporaryFolder, waitFor } from "../support/rondo.ts";
import { type RunningStack, startStack } from "../support/stack.ts";

/** Room for a part's restart, the pause before it included. */
const BACK_MS = 60_000;

interface Task {
  id: string;
  title: string;
  status: string;
}

/** Completes a repeating task; the next occurrence proves that outbox, relay, Kafka, recurrence and api work. */
async function completeOne(client: Client): Promise<void> {
  const title = `Water ${crypto.randomUUID()}`;
  const made = await client.call<Task>("POST", "/api/tasks", {
    title,
    due: { date: "2027-01-31" },
    recurrence: "daily",
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const done = await client.call("POST", `/api/tasks/${made.body.id}/complete`, {});
  assert.equal(done.status, 200);
  await waitFor(async () => (await open(client, title)).length === 1, BACK_MS);
}

async function open(client: Client, title: string): Promise<Task[]> {
  const { status, body } = await client.call<{ items: Task[] }>("GET", "/api/tasks?limit=200").catch(() => ({
    status: 0,
    body: { items: [] },
  }));
  return status === 200 ? body.items.filter((task) => task.title === title && task.status === "open") : [];
}

let stack: RunningStack;
let client: Client;
const folder = temporaryFolder();
const collector = startCollector();

Deno.test.beforeAll(async () => {
  stack = await startStack({ dataDir: folder.path, env: tracing(collector.address) });
  client = await signUp(stack.origin);
});
Deno.test.afterAll(async () => {
  // What went wrong before it was started is what should be read.
  const started: RunningStack | undefined = stack;
  await started?.stop();
  await folder[Symbol.asyncDispose]();
  await collector[Symbol.asyncDispose]();
});

Deno.test("the stack: a completed task comes back, tabs see it at once, and the log has it", async () => {
  await using tab = follow(client);
  await waitFor(() => tab.open);
  await completeOne(client);
  await waitFor(() => tab.events.filter(({ event }) => event === "change").length >= 3);
  await waitFor(async () => {
    const { body } = await client.call<{ items: unknown[] }>("GET", "/api/audit");
    return body.items.length >= 3;
  });
  const { body } = await client.call<{ ok: boolean }>("GET", "/api/audit/verify");
  assert.equal(body.ok, true, JSON.stringify(body));
});

Deno.test("the stack: a trace leads from the request through sidecars and Kafka to its last effect", async () => {
  const traceId = crypto.randomUUID().replaceAll("-", "");
  const made = await client.call<Task>("POST", "/api/tasks", {
    title: "Traced",
    due: { date: "2027-01-31", time: "09:00" },
    recurrence: "daily",
    reminders: [{ before: "PT30M" }],
  });
  await client.call("POST", `/api/tasks/${made.body.id}/complete`, {}, {
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
  });
  const wanted = [
    "recurrence task.completed.v1",
    "reminders task.completed.v1",
    "audit reminder.cancelled.v1",
  ];
  const mine = () => collector.spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
  await waitFor(() => wanted.every((name) => mine().includes(name)), 30_000);
  await waitFor(() => collector.fromSidecars() > 0);
});

Deno.test("the stack: a reminder becomes due by Dapr's scheduler, once", async () => {
  const at = Temporal.Now.instant().add({ seconds: 3 });
  const title = `Call ${crypto.randomUUID()}`;
  await client.call("POST", "/api/tasks", { title, reminders: [{ at: at.toString() }] });
  const told = async () => {
    const { body } = await client.call<{ items: { title: string }[] }>("GET", "/api/notifications");
    return body.items.filter((one) => JSON.stringify(one).includes(title)).length;
  };
  await waitFor(async () => await told() > 0, 30_000);
  // A second delivery would follow the first at once.
  await completeOne(client);
  assert.equal(await told(), 1);
});

Deno.test("the stack: MCP and the chat work through gateway and sidecars, and the log says who did it", async () => {
  const ada = await signUp(stack.origin);
  await using mcp = await connectMcp(ada, ["read", "write"]);
  const turn = crypto.randomUUID();
  await mcp.use("create_task", { title: "Pay rent" }, { "rondo/turn": turn });
  assert.equal((await mcp.use("search_tasks", { text: "rent" })).items.length, 1);
  const said = await say(ada, "complete rent");
  assert.deepEqual([said.state, said.changed], ["done", 1], said.answer);
  // Kept in the sidecar's state store.
  const chats = await ada.call<{ items: { title: string }[] }>("GET", "/api/chat");
  assert.deepEqual(chats.body.items.map(({ title }) => title), ["complete rent"]);
  const actors = async () => {
    const { body } = await ada.call<{ items: AuditEntry[] }>("GET", "/api/audit");
    return body.items.filter(({ type }) => type.startsWith("task.")).map(({ causationId, actor }) =>
      `${actor.kind} ${causationId}`
    ).sort();
  };
  await waitFor(async () => (await actors()).length === 2, BACK_MS);
  assert.deepEqual(await actors(), [`assistant ${turn}`, `assistant ${said.id}`].sort());
});

Deno.test("the stack: what is for its own use can't be reached from outside", async () => {
  for (const path of ["/internal/changes", "/metrics", "/dapr/events/task-events", "/job/x"]) {
    const answer = await fetch(stack.origin + path, { method: "POST" });
    await answer.body?.cancel();
    assert.equal(answer.status, 404, path);
  }
  const page = await fetch(stack.origin);
  assert.match(await page.text(), /<!doctype html>/i);
});

Deno.test("the stack: every service connects as its own role", async () => {
  const { parts, databaseUrl } = await stack.run();
  assert.ok(parts.length > 0);
  const sql = connect({ url: databaseUrl, name: "witness", max: 1 });
  try {
    const rows = await sql<{ user: string; name: string }[]>`
      select distinct usename as user, application_name as name from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    const superusers = rows.filter(({ user }) => user === "postgres");
    assert.deepEqual(superusers, []);
    assert.ok(rows.some(({ user }) => user === "rondo_api"));
  } finally {
    await sql.end();
  }
});

for (const name of ["recurrence", "daprd-recurrence", "relay", "daprd-relay", "api", "daprd-api"]) {
  Deno.test(`the stack: ${name} is started again after it was killed, and nothing is lost`, async () => {
    const before = (await stack.run()).parts.find((part) => part.name === name);
    await stack.command("stack", "kill", name);
    if (name === "api") await waitFor(async () => await isUp(stack.origin), BACK_MS);
    await completeOne(client);
    // The work may have gone through before anybody noticed.
    await waitFor(async () => {
      const after = (await stack.run()).parts.find((part) => part.name === name);
      return after?.restarts === (before?.restarts ?? 0) + 1;
    }, BACK_MS);
    assert.match(stack.process.output.stdout, new RegExp(`${name} ended by SIGKILL: it is started again`));
  });
}

Deno.test("the stack: tasks are made and changed while Kafka is down, and their events follow", async () => {
  await using tab = follow(client);
  await waitFor(() => tab.open);
  await stack.command("stack", "kill", "kafka");
  const title = `Offline ${crypto.randomUUID()}`;
  const made = await client.call<Task>("POST", "/api/tasks", {
    title,
    due: { date: "2027-01-31" },
    recurrence: "daily",
  });
  assert.equal(made.status, 201);
  const done = await client.call("POST", `/api/tasks/${made.body.id}/complete`, {});
  assert.equal(done.status, 200);
  await waitFor(async () => (await open(client, title)).length === 1, BACK_MS);
  await waitFor(() => JSON.stringify(tab.events.at(-1)?.data ?? "").includes(title), BACK_MS);
});

Deno.test("the stack: everything goes on after PostgreSQL was killed", async () => {
  await stack.command("stack", "kill", "postgres");
  await waitFor(async () => await isUp(stack.origin), BACK_MS);
  await completeOne(client);
});

Deno.test("the stack: a reminder fires after the scheduler was killed", async () => {
  const title = `Late ${crypto.randomUUID()}`;
  const at = Temporal.Now.instant().add({ seconds: 10 });
  await client.call("POST", "/api/tasks", { title, reminders: [{ at: at.toString() }] });
  await stack.command("stack", "kill", "scheduler");
  await waitFor(async () => {
    const { body } = await client.call<{ items: unknown[] }>("GET", "/api/notifications");
    return body.items.some((one) => JSON.stringify(one).includes(title));
  }, 2 * BACK_MS);
});

Deno.test("the stack: an operator sees parts, topics, lag, logs and dead letters", async () => {
  const status = await stack.command("stack", "status");
  for (const name of ["postgres", "kafka", "scheduler", "api", "daprd-api", "gateway"]) {
    assert.match(status, new RegExp(`^${name} +\\d+ `, "m"));
  }
  assert.match(await stack.command("topics", "check"), /as they should be/);
  assert.match(await stack.command("topics", "describe"), /^task-events +4 partitions +1 replica +30 d$/m);
  assert.match(await stack.command("stack", "logs", "api"), /api is running on/);
  await waitFor(async () => /^recurrence +task-events +0$/m.test(await stack.command("lag")), BACK_MS);
  for (
    const [name, metric] of Object.entries({
      "lag-exporter": 'kafka_consumer_lag{topic="task-events",group="audit"}',
      "daprd-audit": "dapr_component_pubsub_ingress_bulk_count{",
      scheduler: "go_goroutines",
      api: "http_",
    })
  ) {
    const address = (await stack.run()).parts.find((part) => part.name === name)?.metrics;
    assert.ok((await (await fetch(address ?? "")).text()).includes(metric), `${name} has no ${metric}`);
  }

  await publish((await stack.run()).brokers, "reminders", { id: "1", type: "no.such.v1" });
  await waitFor(async () =>
    /^reminders\.dlq\/0\/\d+ .*notifications/m.test(await stack.command("dlq", "list"))
  );
  const ids = async (): Promise<string[]> =>
    (await stack.command("dlq", "list")).match(/^reminders\.dlq\/\d+\/\d+/gm) ?? [];
  const first = await ids();
  const [id = ""] = first;
  assert.match(await stack.command("dlq", "show", id), /"type": "no\.such\.v1"/);
  await stack.command("dlq", "replay", id);
  // It can't be taken the second time, either: another letter.
  await waitFor(async () => {
    const now = await ids();
    return !now.includes(id) && now.length === first.length;
  });
  await stack.command("dlq", "drop", ...await ids());
  assert.match(await stack.command("dlq", "list"), /There are no dead letters/);
});

Deno.test("the stack: a killed one leaves its parts, and the next start ends them", async () => {
  const left = processes(await stack.run());
  stack.process.kill("SIGKILL");
  await stack.process.ended;
  for (const process of left) assert.equal(await isRunning(process), true);
  stack = await startStack({
    ...{ dataDir: folder.path, port: stack.port },
    env: tracing(collector.address),
  });
  for (const process of left) assert.equal(await isRunning(process), false);
  await completeOne(client);
});

Deno.test("the stack: it stops on a signal, everything with it, and nothing is left", async () => {
  const own = processes(await stack.run());
  assert.equal(await stack.stop(), 0);
  assert.doesNotMatch(stack.process.output.stdout, /Stopping[^]*it is started again/);
  for (const process of own) assert.equal(await isRunning(process), false);
  assert.equal(await readRunFile(join(folder.path, "stack")), null);
});

function processes({ parts }: RunFile): ProcessIdentity[] {
  return parts.flatMap(({ process }) => process === null ? [] : [process]);
}

async function isUp(origin: string): Promise<boolean> {
  const answer = await fetch(`${origin}/ready`).catch(() => null);
  await answer?.body?.cancel();
  return answer?.status === 200;
}

interface Span {
  traceId: string;
  name: string;
}

/** Settings by which services and sidecars send their spans to a collector. */
function tracing(collector: string): Record<string, string> {
  return {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    OTEL_BSP_SCHEDULE_DELAY: "200",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
  };
}

/** Takes the spans of services, which come as JSON, and counts the exports of sidecars, which don't. */
function startCollector() {
  const spans: Span[] = [];
  let fromSidecars = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    if (request.headers.get("content-type")?.includes("json")) {
      const { resourceSpans = [] } = JSON.parse(body) as {
        resourceSpans?: { scopeSpans?: { spans?: Span[] }[] }[];
      };
      spans.push(
        ...resourceSpans.flatMap((one) => (one.scopeSpans ?? []).flatMap(({ spans = [] }) => spans)),
      );
    } else {
      fromSidecars++;
    }
    return new Response("{}", { headers: { "content-type": "application/json" } });
  });
  return {
    address: `http://127.0.0.1:${server.addr.port}`,
    spans,
    fromSidecars: () => fromSidecars,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Puts something onto a topic that no service would. */
async function publish(brokers: string, topic: string, event: unknown): Promise<void> {
  const producer = kafkaClient(brokers).producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ key: "ada", value: JSON.stringify(event) }] });
  await producer.disconnect();
}
