/**
 * `deno task bench:stack [events|streams|reminders]`: the real stack under load.
 *
 * - `events [--rate 1000] [--seconds 60] [--users 200] [--warm-up 30]`: so many events a second through every consumer
 * - `streams [--streams 1000] [--seconds 30] [--users 200]`: so many open tabs
 * - `reminders [--reminders 10000] [--users 200] [--lead 420] [--scheduler-away 0]`: so many reminders of one minute
 */
import { parseArgs } from "node:util";
import { runMain } from "../../services/shared/host/serve.ts";
import { benchEvents } from "./stack_events.ts";
import { benchReminders } from "./stack_reminders.ts";
import { benchStreams } from "./stack_streams.ts";

/** The most that each number may be: a benchmark has an end. */
const MOST = {
  ...{ rate: 10_000, seconds: 600, users: 1_000, streams: 5_000, reminders: 50_000, lead: 3_600 },
  "scheduler-away": 600,
  "warm-up": 600,
};

const { values, positionals: [what = "events"] } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    rate: { type: "string", default: "1000" },
    seconds: { type: "string" },
    users: { type: "string", default: "200" },
    streams: { type: "string", default: "1000" },
    reminders: { type: "string", default: "10000" },
    lead: { type: "string", default: "420" },
    "scheduler-away": { type: "string", default: "0" },
    "warm-up": { type: "string", default: "30" },
  },
});

function number(name: keyof typeof MOST, otherwise?: number): number {
  const given = values[name];
  const value = given === undefined ? otherwise ?? NaN : Number(given);
  if (value >= (name === "scheduler-away" || name === "warm-up" ? 0 : 1) && value <= MOST[name]) return value;
  throw new Error(`Cannot measure with --${name} ${given} as it is a number up to ${MOST[name]}`);
}

await runMain(async () => {
  const users = number("users");
  if (what === "events") {
    const [rate, seconds] = [number("rate"), number("seconds", 60)];
    return await benchEvents({ users, rate, seconds, warmUp: number("warm-up") });
  }
  if (what === "streams") {
    return await benchStreams({ users, streams: number("streams"), seconds: number("seconds", 30) });
  }
  if (what === "reminders") {
    const [reminders, lead] = [number("reminders"), number("lead")];
    return await benchReminders({ users, reminders, lead, schedulerAway: number("scheduler-away") });
  }
  throw new Error(`Cannot measure ${what}: it is one of events, streams and reminders`);
});
