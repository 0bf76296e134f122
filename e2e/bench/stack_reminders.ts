/** Many reminders of one minute on the real stack, also while Dapr's scheduler does not answer. */
import type { Sql } from "../../services/shared/store/database.ts";
import type { Client } from "../support/client.ts";
import { pause } from "./measure.ts";
import { startBenchStack } from "./stack_world.ts";

export interface RemindersOptions {
  reminders: number;
  users: number;
  /** Seconds from the first call to the minute: as long as it takes to plan all. */
  lead: number;
  /** Seconds that the scheduler is stopped, from half a minute before the minute. */
  schedulerAway: number;
}

const AWAY_BEFORE_MS = 30_000;
const WINDOW_MS = 60_000;
const MOST_PER_CALL = 500;

/** Prints how many fired, how often, and how late. */
export async function benchReminders(options: RemindersOptions): Promise<void> {
  const { reminders, users, lead, schedulerAway } = options;
  await using world = await startBenchStack(users);
  const from = Temporal.Now.instant().add({ seconds: lead }).round("second");
  const began = performance.now();
  await Promise.all(
    world.clients.map((client, index) =>
      plan(client, { from, index, users, count: Math.floor(reminders / users) })
    ),
  );
  const made = Math.floor(reminders / users) * users;
  console.log(`${made} tasks with a reminder made in ${seconds(began)} s`);
  await world.rest();
  console.log(`all planned after ${seconds(began)} s`);
  const ahead = from.since(Temporal.Now.instant()).total("milliseconds");
  if (ahead < WINDOW_MS) throw new Error("Cannot measure as planning took too long: give it a longer --lead");
  await pause(ahead - AWAY_BEFORE_MS);
  const watch = await world.watch();
  if (schedulerAway > 0) await stopScheduler(world, schedulerAway * 1_000);
  await pause(from.since(Temporal.Now.instant()).total("milliseconds") + WINDOW_MS);
  await world.rest();
  const restSeconds = Temporal.Now.instant().since(from).total("seconds");
  console.log(`at rest ${restSeconds.toFixed(0)} s after the first moment`);
  console.log(await watch.table(made, restSeconds));
  await tell(world.sql);
}

/** One user's share, spread over the minute. */
async function plan(
  client: Client,
  { from, index, users, count }: { from: Temporal.Instant; index: number; users: number; count: number },
): Promise<void> {
  const tasks = Array.from({ length: count }, (_, number) => {
    const share = (number * users + index) / (count * users);
    const at = from.add({ milliseconds: Math.floor(share * WINDOW_MS) });
    return { title: `Task ${number}`, reminders: [{ at: at.toString() }] };
  });
  for (let start = 0; start < tasks.length; start += MOST_PER_CALL) {
    const body = { create: tasks.slice(start, start + MOST_PER_CALL) };
    const { status } = await client.call("POST", "/api/tasks/bulk", body, { timeoutMs: 300_000 });
    if (status >= 300) throw new Error(`Cannot make tasks as the api answered ${status}`);
  }
}

/** Stopped rather than killed: it would be started again. */
async function stopScheduler(
  { parts }: { parts: readonly { name: string; process: { pid: number } | null }[] },
  ms: number,
) {
  const pid = parts.find(({ name }) => name === "scheduler")?.process?.pid;
  if (pid === undefined) throw new Error("Cannot find the scheduler");
  Deno.kill(pid, "SIGSTOP");
  try {
    await pause(ms);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
}

async function tell(sql: Sql): Promise<void> {
  const [row] = await sql<Record<string, number>[]>`
    with fired as (
      select l.id, extract(epoch from l.delivered_at - l.fire_at) as fired,
        extract(epoch from n.created_at - l.fire_at) as told, l.late, l.status
      from reminders.ledger as l left join notifications.notifications as n on n.reminder_id = l.id
    )
    select count(*) as rows, count(distinct id) as reminders, count(fired) as fired, count(told) as told,
      count(*) filter (where late) as late,
      round(100.0 * count(*) filter (where fired < 5) / count(*), 1) as "firedWithin5s",
      round(100.0 * count(*) filter (where told < 5) / count(*), 1) as "toldWithin5s",
      round(percentile_cont(0.5) within group (order by fired)::numeric, 2) as "firedP50",
      round(percentile_cont(0.99) within group (order by fired)::numeric, 2) as "firedP99",
      round(percentile_cont(0.5) within group (order by told)::numeric, 2) as "toldP50",
      round(percentile_cont(0.99) within group (order by told)::numeric, 2) as "toldP99"
    from fired`;
  for (const [what, value] of Object.entries(row ?? {})) console.log(`${what}: ${value}`);
}

const seconds = (since: number): string => ((performance.now() - since) / 1_000).toFixed(0);
