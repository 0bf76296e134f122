/** The real stack as a benchmark needs it: many users, no limits, and what its parts take of the processor. */
import type { RunningPart } from "../../deploy/local/run_file.ts";
import { table } from "../../deploy/local/table.ts";
import { connect, type Sql } from "../../services/shared/store/database.ts";
import { kafkaBroker } from "../faults/kafka_view.ts";
import { rest, type World } from "../process/invariants.ts";
import { type Client, signUp } from "../support/client.ts";
import { temporaryFolder } from "../support/rondo.ts";
import { type RunningStack, startStack } from "../support/stack.ts";
import { processorSeconds } from "./measure.ts";

/** Limits are not what is measured here. */
const UNLIMITED = { RATE_CALLS_PER_SECOND: "1000000", RATE_SIGN_IN_PER_MINUTE: "1000000" };
const REST_MS = 120_000;

export interface BenchStack extends AsyncDisposable {
  readonly stack: RunningStack;
  readonly parts: readonly RunningPart[];
  /** The superuser's. */
  readonly sql: Sql;
  readonly clients: readonly Client[];
  /** Waits until nothing is on its way any more. */
  rest(): Promise<void>;
  /** What each part takes of the processor from now on. */
  watch(): Promise<{ table(events: number, seconds: number): Promise<string> }>;
}

/** Starts a stack and signs up its users; at rest when it answers. */
export async function startBenchStack(users: number): Promise<BenchStack> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(temporaryFolder());
  const stack = opened.use(await startStack({ dataDir: folder.path, env: UNLIMITED }));
  const { parts, databaseUrl, brokers } = await stack.run();
  const clients: Client[] = [];
  while (clients.length < users) {
    clients.push(await signUp(stack.origin));
    // An account gets its Inbox with its first call.
    await clients.at(-1)?.call("GET", "/api/lists");
  }
  const sql = connect({ url: databaseUrl, name: "bench", max: 1 });
  opened.defer(() => sql.end({ timeout: 5 }));
  const world: Pick<World, "sql" | "broker"> = { sql, broker: kafkaBroker(brokers) };
  const atRest = async () => void await rest(world, { patienceMs: REST_MS });
  await atRest();
  const kept = opened.move();
  return {
    ...{ stack, parts, sql, clients, rest: atRest },
    async watch() {
      const before = await processors(parts);
      return {
        async table(events, seconds) {
          const after = await processors(parts);
          return usage(
            parts.map(({ name }) => ({ name, used: after(name) - before(name) })),
            events,
            seconds,
          );
        },
      };
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function usage(
  rows: readonly { name: string; used: number }[],
  events: number,
  seconds: number,
): string {
  const all = { name: "all", used: rows.reduce((sum, { used }) => sum + used, 0) };
  return table([
    ["part", "processor", "of one core", "each event"],
    ...[...rows.toSorted((a, b) => b.used - a.used), all].map(({ name, used }) => [
      name,
      `${used.toFixed(1)} s`,
      `${(100 * used / seconds).toFixed(0)} %`,
      `${(1_000 * used / events).toFixed(2)} ms`,
    ]),
  ]);
}

/** Seconds of processor time by part; PostgreSQL's are those of its connections, too. */
async function processors(parts: readonly RunningPart[]): Promise<(name: string) => number> {
  const seconds = new Map(
    await Promise.all(parts.map(async ({ name, process }) => {
      const pid = process?.pid ?? 0;
      const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
      const pids = [pid, ...text.split(" ").filter((word) => word !== "").map(Number)];
      const used = await Promise.all(pids.map(processorSeconds));
      return [name, used.reduce((sum, one) => sum + (Number.isNaN(one) ? 0 : one), 0)] as const;
    })),
  );
  return (name) => seconds.get(name) ?? 0;
}
