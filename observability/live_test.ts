/**
 * A real Prometheus scrapes the real stack: every dashboard has something to show while people work, no alert fires
 * then, and each alert that Rondo can cause fires while its fault is made.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { uuidv7 } from "uuidv7";
import { stringify } from "yaml";
import { kafkaClient } from "../deploy/kafka/client.ts";
import { startPart } from "../deploy/local/part.ts";
import { freePorts, LOOPBACK } from "../deploy/local/ports.ts";
import { type Client, signUp } from "../e2e/support/client.ts";
import { follow } from "../e2e/support/follow.ts";
import { temporaryFolder, waitFor } from "../e2e/support/rondo.ts";
import { type RunningStack, startStack } from "../e2e/support/stack.ts";
import { pause } from "../services/shared/runtime/waiting.ts";
import { connect, type Sql } from "../services/shared/store/database.ts";
import { DASHBOARDS } from "./dashboards/dashboards.ts";
import { INTERVAL, type Prometheus, startPrometheus, type Target } from "./prometheus.ts";
import { hastyRules } from "./rules.ts";
import { postgresExporter } from "./tools.ts";
import { remindAt, untilReminder, workOnce } from "./workload.ts";

/** How far back the hasty alerts look. */
const RANGE = "20s";
const PATIENCE_MS = 90_000;
/** The largest threshold in time: what must take longer than a minute takes a little longer. */
const OVER_A_MINUTE_MS = 65_000;

const never = new AbortController().signal;
const folder = temporaryFolder();
const resources = new AsyncDisposableStack();
let stack: RunningStack;
let prometheus: Prometheus;
let client: Client;
let admin: Sql;

Deno.test.beforeAll(async () => {
  const mail = await refusingMailServer();
  resources.defer(mail.close);
  stack = await startStack({
    dataDir: folder.path,
    env: {
      SMTP_URL: `smtp://${LOOPBACK}:${mail.port}`,
      RATE_CALLS_PER_SECOND: "10000",
      RATE_SIGN_IN_PER_MINUTE: "1000",
    },
  });
  resources.use(stack);
  const { databaseUrl } = await stack.run();
  admin = connect({ url: databaseUrl, name: "observability", max: 2 });
  resources.defer(() => admin.end({ timeout: 5 }));
  await Deno.writeTextFile(join(folder.path, "rules.yaml"), stringify(await hastyRules(RANGE)));
  prometheus = resources.use(
    await startPrometheus({
      folder: join(folder.path, "prometheus"),
      targets: [...await stackTargets(), await exporterOf(databaseUrl)],
      rules: join(folder.path, "rules.yaml"),
    }),
  );
  client = await signUp(stack.origin);
  await client.call("PATCH", "/api/me", { preferences: { channels: { email: true } } });
  resources.use(follow(client));
});
Deno.test.afterAll(async () => {
  await resources.disposeAsync();
  await folder[Symbol.asyncDispose]();
});

Deno.test("every dashboard query returns data while people work, and nothing is alarming", async () => {
  const queries = DASHBOARDS.flatMap(({ uid, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) =>
        queries.map(([query]) => ({
          where: `${uid}: ${title}`,
          query: query.replaceAll("$__rate_interval", RANGE),
        }))
      )
    )
  );
  let empty = queries;
  await waitFor(async () => {
    await workOnce(client);
    await untilReminder(
      client,
      await remindAt(client, Temporal.Now.instant().add({ seconds: 2 })),
      "delivered",
    );
    const found = await Promise.all(queries.map(({ query }) => prometheus.query(query)));
    empty = queries.filter((_, index) => !found[index]?.some(Number.isFinite));
    return empty.length === 0;
  }, PATIENCE_MS).catch(() => {});
  assert.deepEqual(empty.map(({ where, query }) => `${where}: ${query}`), []);
  console.log(`  ${queries.length} queries on ${DASHBOARDS.length} dashboards have data`);
  const alerts = (await firing()).filter((name) => name !== "RondoNotificationFailures");
  assert.deepEqual(alerts, []);
});

Deno.test("RondoNotificationFailures fires while the mail server refuses", async () => {
  await untilFires("RondoNotificationFailures", async () => {
    await remindAt(client, Temporal.Now.instant().add({ seconds: 1 }));
  });
});

Deno.test("RondoDeadLetters fires at an event that nobody can take", async () => {
  const event = { specversion: "1.0", id: uuidv7(), type: "task.completed.v1", data: { seq: "no number" } };
  await publish("task-events", [{ key: event.id, value: JSON.stringify(event) }]);
  await untilFires("RondoDeadLetters");
});

Deno.test("RondoDown fires while a service does not answer, and clears", async () => {
  {
    await using _paused = await paused(["recurrence"]);
    await untilFires("RondoDown");
  }
  await waitFor(async () => !(await firing()).includes("RondoDown"), PATIENCE_MS);
});

Deno.test("RondoPoolExhausted fires while writes wait for one that does not end, and clears", async () => {
  // One user's writes go together on one connection: it takes many users.
  const users = await Promise.all(Array.from({ length: 10 }, () => signUp(stack.origin)));
  for (const user of users) await user.call("POST", "/api/tasks", { title: "Before" });
  const gate = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const held = admin.begin(async (tx) => {
    const ids = JSON.stringify(users.map(({ id }) => id));
    await tx`
      select from tasks.streams
      where user_id in (select value::uuid from json_array_elements_text(${ids}::text::json)) for update`;
    locked.resolve();
    await gate.promise;
  });
  await locked.promise;
  const over = new AbortController();
  const writing = users.map(async (user) => {
    // A write that waits for too long is refused, and clients try again.
    while (!over.signal.aborted) await user.call("POST", "/api/tasks", { title: "Later" }).catch(() => {});
  });
  await untilFires("RondoPoolExhausted").finally(() => {
    over.abort();
    gate.resolve();
  });
  await Promise.all([held, ...writing]);
  await waitFor(async () => !(await firing()).includes("RondoPoolExhausted"), PATIENCE_MS);
});

Deno.test("RondoConsumerLag and then RondoConsumerLagCritical fire while a consumer stands still", async () => {
  await using _paused = await paused(["daprd-audit"]);
  const some = (count: number) =>
    Array.from({ length: count }, () => ({ key: uuidv7(), value: JSON.stringify({ specversion: "1.0" }) }));
  await publish("notifications", some(1_500));
  await untilFires("RondoConsumerLag");
  assert.ok(!(await firing()).includes("RondoConsumerLagCritical"));
  await publish("notifications", some(4_000));
  await untilFires("RondoConsumerLagCritical");
  // What nobody could take need not be taken later either.
  const { brokers } = await stack.run();
  const kafka = kafkaClient(brokers).admin();
  await kafka.connect();
  const ends = await kafka.fetchTopicOffsets("notifications");
  await kafka.deleteTopicRecords({
    topic: "notifications",
    partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
  });
  await kafka.disconnect();
});

Deno.test("RondoOutboxAge, RondoLagUnknown and RondoReminderDelay fire after a minute without Kafka or reminders", async () => {
  const late = await remindAt(client, Temporal.Now.instant().add({ seconds: 4 }));
  {
    await using _reminders = await paused(["reminders"]);
    await using _kafka = await paused(["kafka"]);
    const began = performance.now();
    await client.call("POST", "/api/tasks", { title: "It waits in the outbox" });
    await untilFires("RondoLagUnknown");
    await untilFires("RondoOutboxAge");
    await waitFor(() => performance.now() - began > OVER_A_MINUTE_MS, PATIENCE_MS);
  }
  await untilReminder(client, late, "delivered");
  await untilFires("RondoReminderDelay");
});

Deno.test("RondoErrorRate fires while the database lets nobody in, and clears", async () => {
  const { databaseUrl } = await stack.run();
  const postgres = connect({ url: new URL("/postgres", databaseUrl).href, name: "observability", max: 1 });
  await postgres`alter database rondo allow_connections false`;
  try {
    await postgres`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'rondo'`;
    await untilFires("RondoErrorRate", async () => void await client.call("GET", "/api/tasks"));
  } finally {
    await postgres`alter database rondo allow_connections true`;
    await postgres.end();
  }
  await waitFor(async () => {
    await client.call("GET", "/api/tasks");
    return !(await firing()).includes("RondoErrorRate");
  }, PATIENCE_MS);
});

async function firing(): Promise<string[]> {
  const alerts = await prometheus.alerts();
  return [...new Set(alerts.filter(({ state }) => state === "firing").map(({ name }) => name))];
}

/** Waits until an alert fires, doing `meanwhile` again and again. */
async function untilFires(name: string, meanwhile = (): Promise<void> => Promise.resolve()): Promise<void> {
  const began = performance.now();
  await waitFor(async () => {
    await meanwhile();
    // It evaluates every second: asking more often is load and no news.
    await pause(never, 200);
    return (await firing()).includes(name);
  }, PATIENCE_MS);
  console.log(`  ${name} fired after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

/** Where the parts of the stack show their metrics, as jobs of their names. */
async function stackTargets(): Promise<Target[]> {
  const { parts } = await stack.run();
  return parts.flatMap(({ name, metrics }) =>
    metrics === null ? [] : [{
      job: name,
      address: new URL(metrics).host,
      // It asks the broker first, and a broker that hangs for as long as it may.
      ...(name === "lag-exporter" ? { interval: "7s" } : { interval: INTERVAL }),
    }]
  );
}

async function exporterOf(databaseUrl: string): Promise<Target> {
  const [port = 0] = freePorts(1);
  const address = `${LOOPBACK}:${port}`;
  resources.use(
    await startPart({
      name: "postgres-exporter",
      command: await postgresExporter(),
      args: [`--web.listen-address=${address}`],
      env: { DATA_SOURCE_NAME: `${databaseUrl}?sslmode=disable` },
      logFile: join(folder.path, "postgres-exporter.log"),
      ready: async (signal) =>
        (await (await fetch(`http://${address}/metrics`, { signal })).text()).includes("pg_up 1"),
    }),
  );
  return { job: "postgres-exporter", address, interval: "2s" };
}

/** Takes the processors from parts of the stack until it is disposed of. */
async function paused(names: readonly string[]): Promise<AsyncDisposable> {
  const { parts } = await stack.run();
  const pids = names.map((name) => {
    const pid = parts.find((part) => part.name === name)?.process?.pid;
    assert.ok(pid !== undefined, `${name} does not run`);
    return pid;
  });
  for (const pid of pids) Deno.kill(pid, "SIGSTOP");
  return {
    [Symbol.asyncDispose]() {
      for (const pid of pids) Deno.kill(pid, "SIGCONT");
      return Promise.resolve();
    },
  };
}

async function publish(topic: string, messages: readonly { key: string; value: string }[]): Promise<void> {
  const { brokers } = await stack.run();
  const producer = kafkaClient(brokers).producer();
  await producer.connect();
  await producer.send({ topic, messages: [...messages] });
  await producer.disconnect();
}

/** Takes no mail for anybody, for good. */
async function refusingMailServer(): Promise<{ port: number; close(): Promise<void> }> {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    logger: false,
    onRcptTo: (_address, _session, done) =>
      done(Object.assign(new Error("no, thank you"), { responseCode: 550 })),
  });
  const [port = 0] = freePorts(1);
  await new Promise<void>((resolve) => server.listen(port, LOOPBACK, resolve));
  return { port, close: () => new Promise((resolve) => server.close(resolve)) };
}
