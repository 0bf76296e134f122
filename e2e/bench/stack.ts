/**
 * `deno task bench:stack [--rate 1000] [--seconds 60] [--users 200]`: so many events a second through the real stack:
 * api, relay, Kafka and every consumer. Prints what rate was held, how late the last effect of a change was, whether
 * anything was lost, doubled or out of order, and which part took the processor.
 */
import { parseArgs } from "node:util";
import type { RunningPart } from "../../deploy/local/run_file.ts";
import { table } from "../../deploy/local/table.ts";
import { runMain } from "../../services/shared/host/serve.ts";
import { connect, type Sql } from "../../services/shared/store/database.ts";
import { kafkaBroker } from "../faults/kafka_view.ts";
import { rest } from "../process/invariants.ts";
import { type Client, signUp } from "../support/client.ts";
import { temporaryFolder } from "../support/rondo.ts";
import { startStack } from "../support/stack.ts";
import { pause, processorSeconds } from "./measure.ts";

/** Limits are not what is measured here. */
const UNLIMITED = { RATE_CALLS_PER_SECOND: "1000000", RATE_SIGN_IN_PER_MINUTE: "1000000" };
/** Tasks that a bulk call makes; beside those, one event in ten is a call of its own. */
const BULK = 10;
const SINGLE_SHARE = 0.1;
const TICK_MS = 50;
/** Calls at a time at most: a stack that can't keep up is not buried. */
const MOST_CALLS = 32;
const MOST_SECONDS = 600;
const MOST_EVENTS = 200_000;
const REST_MS = 120_000;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rate: { type: "string", default: "1000" },
    seconds: { type: "string", default: "60" },
    users: { type: "string", default: "200" },
  },
});
const [rate, seconds, users] = [Number(values.rate), Number(values.seconds), Number(values.users)];
if (!(rate > 0 && users > 0 && seconds > 0 && seconds <= MOST_SECONDS && rate * seconds <= MOST_EVENTS)) {
  throw new Error(`Cannot measure more than ${MOST_SECONDS} s or ${MOST_EVENTS} events, or less than one`);
}

await runMain(async () => {
  await using folder = temporaryFolder();
  await using stack = await startStack({ dataDir: folder.path, env: UNLIMITED });
  const { parts, databaseUrl, brokers } = await stack.run();
  const clients: Client[] = [];
  while (clients.length < users) {
    clients.push(await signUp(stack.origin));
    // An account gets its Inbox with its first call.
    await clients.at(-1)?.call("GET", "/api/lists");
  }
  await using sql = Object.assign(connect({ url: databaseUrl, name: "bench", max: 1 }), {
    [Symbol.asyncDispose]: () => sql.end({ timeout: 5 }),
  });
  const world = { sql, broker: kafkaBroker(brokers) };
  await rest(world, { patienceMs: REST_MS });
  const before = await processors(parts);
  const began = performance.now();
  const { sent, failed } = await load(clients);
  const loadSeconds = (performance.now() - began) / 1_000;
  await rest(world, { patienceMs: REST_MS });
  const allSeconds = (performance.now() - began) / 1_000;
  const after = await processors(parts);
  const made = await numbers(sql);
  console.log(`asked for ${rate} events/s for ${seconds} s of ${users} users`);
  console.log(
    `${sent} events acknowledged in ${loadSeconds.toFixed(1)} s: ${(sent / loadSeconds).toFixed(0)}/s; ` +
      `${failed} calls failed`,
  );
  console.log(
    `the last effect ${(allSeconds - loadSeconds).toFixed(1)} s after: ${(sent / allSeconds).toFixed(0)}/s`,
  );
  console.log(`changes ${made.changes}, audit rows ${made.audited}, out of order ${made.disordered}`);
  for (const { consumer, p50, p95, p99, events } of await latencies(sql)) {
    console.log(`change to ${consumer}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms (${events} events)`);
  }
  const rows = parts.map(({ name }) => ({ name, used: (after.get(name) ?? 0) - (before.get(name) ?? 0) }))
    .sort((a, b) => b.used - a.used);
  console.log(table([
    ["part", "processor", "of one core", "each event"],
    ...rows.map(({ name, used }) => [
      name,
      `${used.toFixed(1)} s`,
      `${(100 * used / allSeconds).toFixed(0)} %`,
      `${(1_000 * used / sent).toFixed(2)} ms`,
    ]),
  ]));
});

/** Makes tasks at the rate that was asked for, or as fast as answers come. */
async function load(clients: readonly Client[]): Promise<{ sent: number; failed: number }> {
  const calls = new Set<Promise<void>>();
  let [sent, failed, asked, next] = [0, 0, 0, 0];
  const began = performance.now();
  const write = (count: number) => {
    const client = clients[next++ % clients.length];
    const tasks = Array.from({ length: count }, (_, index) => ({ title: `Task ${next} ${index}` }));
    asked += count;
    const call = Promise.resolve(
      count === 1
        ? client?.call("POST", "/api/tasks", tasks[0])
        : client?.call("POST", "/api/tasks/bulk", { create: tasks }),
    ).then((answer) => {
      if (answer !== undefined && answer.status < 300) sent += count;
      else failed++;
    }, () => void failed++).finally(() => calls.delete(call));
    calls.add(call);
  };
  for (;;) {
    const elapsed = (performance.now() - began) / 1_000;
    if (elapsed > seconds) break;
    while (asked < elapsed * rate && calls.size < MOST_CALLS) {
      write(Math.random() < SINGLE_SHARE / (SINGLE_SHARE + (1 - SINGLE_SHARE) / BULK) ? 1 : BULK);
    }
    await pause(TICK_MS);
  }
  await Promise.all([...calls]);
  return { sent, failed };
}

/** Changes, audit rows of theirs, and those that stand before an earlier one of their user. */
async function numbers(sql: Sql): Promise<{ changes: number; audited: number; disordered: number }> {
  const [row] = await sql<{ changes: number; audited: number; disordered: number }[]>`
    with audited as (
      select c.seq, lag(c.seq) over (partition by e.user_id order by e.n) as previous
      from audit.entries e join tasks.changes c using (user_id, event_id)
    )
    select (select count(*) from tasks.changes) as changes, count(*) as audited,
      count(*) filter (where seq < previous) as disordered
    from audited`;
  return row ?? { changes: 0, audited: 0, disordered: 0 };
}

interface Latency {
  consumer: string;
  p50: number;
  p95: number;
  p99: number;
  events: number;
}

/** Milliseconds from a change to the beginning of each consumer's effect, and of the last one. */
async function latencies(sql: Sql): Promise<Latency[]> {
  return await sql<Latency[]>`
    with effects as (
      select consumer, event_id, received_at from audit.inbox
      union all select consumer, event_id, received_at from reminders.inbox
      union all select consumer, event_id, received_at from recurrence.inbox
    ), late as (
      select coalesce(e.consumer, 'the last effect') as consumer, c.event_id,
        extract(epoch from max(e.received_at) - c.at) * 1000 as ms
      from tasks.changes c join effects e using (event_id)
      group by grouping sets ((e.consumer, c.event_id, c.at), (c.event_id, c.at))
    )
    select consumer, count(*) as events,
      round(percentile_cont(0.5) within group (order by ms)) as p50,
      round(percentile_cont(0.95) within group (order by ms)) as p95,
      round(percentile_cont(0.99) within group (order by ms)) as p99
    from late group by consumer order by consumer`;
}

/** Seconds of processor time by part; PostgreSQL's are those of its connections, too. */
async function processors(parts: readonly RunningPart[]): Promise<Map<string, number>> {
  return new Map(
    await Promise.all(parts.map(async ({ name, process }) => {
      const pid = process?.pid ?? 0;
      const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
      const pids = [pid, ...text.split(" ").filter((word) => word !== "").map(Number)];
      const used = await Promise.all(pids.map(processorSeconds));
      return [name, used.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : one), 0)] as const;
    })),
  );
}
