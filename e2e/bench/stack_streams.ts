/** Many open tabs on the real stack: how soon a change is in them, and what they cost the realtime service. */
import { startBenchStack } from "./stack_world.ts";
import { measureStreams } from "./streams.ts";

export interface StackStreamsOptions {
  streams: number;
  users: number;
  seconds: number;
}

const CHANGES_PER_SECOND = 5;

/** Prints what was measured. */
export async function benchStreams({ streams, users, seconds }: StackStreamsOptions): Promise<void> {
  await using world = await startBenchStack(users);
  const realtime = world.parts.find(({ name }) => name === "realtime")?.process;
  if (realtime === undefined || realtime === null) throw new Error("Cannot find the realtime service");
  const figure = await measureStreams(realtime.pid, {
    users: world.clients,
    streamsPerUser: Math.ceil(streams / users),
    changesPerSecond: CHANGES_PER_SECOND,
    seconds,
  });
  const { p50, p95, p99 } = figure.fromSending;
  console.log(`${figure.streams} streams of ${figure.users} users`);
  console.log(
    `${figure.changes} changes, ${figure.deliveries} deliveries of ${
      figure.changes * figure.streams / users
    }`,
  );
  console.log(
    `from sending to a tab: p50 ${p50.toFixed(0)}, p95 ${p95.toFixed(0)}, p99 ${p99.toFixed(0)} ms`,
  );
  console.log(
    `realtime: ${figure.rssBeforeMb.toFixed(0)} MB before, ${figure.rssAfterMb.toFixed(0)} MB after, ` +
      `${figure.kilobytesPerStream.toFixed(0)} kB for each stream, ${
        (100 * figure.processor).toFixed(0)
      } % of one core`,
  );
}
