/** So many events a second through api, relay, Kafka and every consumer of the real stack. */
import type { Sql } from "../../services/shared/store/database.ts";
import type { Client } from "../support/client.ts";
import { pause } from "./measure.ts";
import { startBenchStack } from "./stack_world.ts";

/** Tasks that a bulk call makes; beside those, one event in ten is a call of its own. */
const BULK = 10;
const SINGLE_SHARE = 0.1;
const TICK_MS = 50;
/** Calls at a time at most: a stack that can't keep up is not buried. */
const MOST_CALLS = 32;

export interface EventsOptions {
  /** Events a second. */
  rate: number;
  seconds: number;
  users: number;
  /** Seconds of the same load before: what compiles code as it runs has done so then. */
  warmUp: number;
}

/** Prints what rate was held, how late effects were, what was lost, doubled or out of order, and who took the processor. */
export async function benchEvents({ rate, seconds, users, warmUp }: EventsOptions): Promise<void> {
  await using world = await startBenchStack(users);
  await load(world.clients, { rate, seconds: warmUp });
  await world.rest();
  const since = Temporal.Now.instant().toString();
  const watch = await world.watch();
  const began = performance.now();
  const { sent, failed } = await load(world.clients, { rate, seconds });
  const loadSeconds = (performance.now() - began) / 1_000;
  await world.rest();
  const allSeconds = (performance.now() - began) / 1_000;
  const parts = await watch.table(sent, allSeconds);
  const made = await numbers(world.sql, since);
  console.log(`asked for ${rate} events/s for ${seconds} s of ${users} users`);
  console.log(
    `${sent} events acknowledged in ${loadSeconds.toFixed(1)} s: ${(sent / loadSeconds).toFixed(0)}/s; ` +
      `${failed} calls failed`,
  );
  console.log(
    `the last effect ${(allSeconds - loadSeconds).toFixed(1)} s after: ${(sent / allSeconds).toFixed(0)}/s`,
  );
  console.log(`changes ${made.changes}, audit rows ${made.audited}, out of order ${made.disordered}`);
  for (const { consumer, p50, p95, p99, events } of await latencies(world.sql, since)) {
    console.log(`change to ${consumer}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms (${events} events)`);
  }
  console.log(parts);
}

/** Makes tasks at the rate that was asked for, or as fast as answers come. */
async function load(
  clients: readonly Client[],
  { rate, seconds }: Pick<EventsOptions, "rate" | "seconds">,
): Promise<{ sent: number; failed: number }> {
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
async function numbers(
  sql: Sql,
  since: string,
): Promise<{ changes: number; audited: number; disordered: number }> {
  const [row] = await sql<{ changes: number; audited: number; disordered: number }[]>`
    with audited as (
      select c.seq, lag(c.seq) over (partition by e.user_id order by e.n) as previous
      from audit.entries e join tasks.changes c using (user_id, event_id)
      where c.at >= ${since}
    )
    select (select count(*) from tasks.changes where at >= ${since}) as changes, count(*) as audited,
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
async function latencies(sql: Sql, since: string): Promise<Latency[]> {
  return await sql<Latency[]>`
    with effects as (
      select consumer, event_id, received_at from audit.inbox
      union all select consumer, event_id, received_at from reminders.inbox
      union all select consumer, event_id, received_at from recurrence.inbox
    ), late as (
      select coalesce(e.consumer, 'the last effect') as consumer, c.event_id,
        extract(epoch from max(e.received_at) - c.at) * 1000 as ms
      from tasks.changes c join effects e using (event_id)
      where c.at >= ${since}
      group by grouping sets ((e.consumer, c.event_id, c.at), (c.event_id, c.at))
    )
    select consumer, count(*) as events,
      round(percentile_cont(0.5) within group (order by ms)) as p50,
      round(percentile_cont(0.95) within group (order by ms)) as p95,
      round(percentile_cont(0.99) within group (order by ms)) as p99
    from late group by consumer order by consumer`;
}
