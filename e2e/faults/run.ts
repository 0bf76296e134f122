/** One run: a stack of its own, a seeded workload, faults at random moments, rest, and the checker. */
import { join } from "node:path";
import { connect } from "../../services/shared/store/database.ts";
import { changesOf, rest, violations, type World } from "../process/invariants.ts";
import { startWorkload } from "../process/workload.ts";
import { type Client, signUp } from "../support/client.ts";
import { follow } from "../support/follow.ts";
import { seeded, temporaryFolder, waitFor } from "../support/rondo.ts";
import { type RunningStack, startStack } from "../support/stack.ts";
import { chooseFaults, type Fault, type Poison } from "./faults.ts";
import { kafkaBroker } from "./kafka_view.ts";

export interface RunOptions {
  /** The same choices for the same seed; what else happens on the machine meanwhile is not in it. */
  seed: number;
  /** Faults, or pairs of them; default: until each has happened once. */
  rounds?: number;
  /** Goes on with new choices for so long, beside `rounds`. */
  minutes?: number;
  say: (line: string) => void;
  /** Ends the run between two rounds. */
  signal?: AbortSignal;
  /** Called at the end with what was checked; the stack still runs. */
  checked?: (world: World, quietSince: Temporal.Instant) => Promise<void>;
}

export interface RunResult {
  problems: string[];
  faults: string[];
  /** Writes that were acknowledged. */
  writes: number;
  /** Those of them that had to be sent more than once. */
  repeated: number;
  changes: number;
}

const USERS = 6;
/** What is tested is faults, not load: what gathers meanwhile should be gone soon, also on a busy machine. */
const THINK_MS = 2_000;
/** Milliseconds of work before each round. */
const WORK_MS = { least: 300, most: 4_000 };
/** Rounds in which two faults come together, and how far apart at most. */
const PAIRS = { share: 0.35, apartMs: 1_500 };
/** Room for the longest pause of the supervisor, a start, and a group's rebalance. */
const REST_MS = 120_000;
const STREAM_MS = 60_000;
/** Between two lines about what is still on its way. */
const PROGRESS_MS = 10_000;
/** Room for the log of a run that tests faults, not load; a broker makes do with it. */
const DISK = "size=256m,mode=0755";

/** Runs one seed. The answer's `problems` is empty when everything holds. */
export async function runFaults(options: RunOptions): Promise<RunResult> {
  const { seed, say, signal } = options;
  const random = seeded(seed);
  await using folder = temporaryFolder();
  await using disk = await smallDisk(folder.path, say);
  await using stack = await startStack({ dataDir: folder.path });
  const run = await stack.run();
  say(`the stack runs on ${stack.origin}`);
  const clients: Client[] = [];
  for (let index = 0; index < USERS; index++) {
    clients.push(await signUp(stack.origin, `user ${index + 1}`));
  }
  await using streams = new AsyncDisposableStack();
  const followers = clients.map((client) => ({ client, follower: streams.use(follow(client)) }));
  // A generator of its own: how many choices the writes take depends on how fast they are answered.
  const workload = startWorkload({ clients, random: seeded(seed + 1), tabs: 2, thinkMs: THINK_MS });
  const poison: Poison[] = [];
  const faults: string[] = [];
  const choose = () =>
    shuffled(
      chooseFaults({ stack, random, disk: disk.path, poisoned: (one) => void poison.push(one) }),
      random,
    );
  const until = performance.now() + (options.minutes ?? 0) * 60_000;
  const { rounds = Infinity } = options;
  for (let deck = choose(), round = 1; round <= rounds || performance.now() < until; round++) {
    if (deck.length === 0) {
      if (options.rounds === undefined && performance.now() >= until) break;
      deck = choose();
    }
    signal?.throwIfAborted();
    await pause(WORK_MS.least + random() * (WORK_MS.most - WORK_MS.least));
    const [first, second] = deck.splice(0, random() < PAIRS.share ? 2 : 1);
    if (first === undefined) break;
    const apart = random() * PAIRS.apartMs;
    const names = [first, second].flatMap((fault) => fault?.name ?? []);
    say(`round ${round}: ${names.join("; ")}`);
    faults.push(...names);
    await Promise.all([first.strike(), later(second, apart)]);
  }
  const ended = performance.now();
  await workload.finish();
  say(`${workload.operations.length} writes are acknowledged`);
  const sql = connect({ url: run.databaseUrl, name: "faults", max: 2 });
  streams.defer(() => sql.end({ timeout: 5 }));
  const world: World = {
    ...{ sql, clients, followers, poison },
    broker: kafkaBroker(run.brokers),
    operations: workload.operations,
  };
  let told = performance.now();
  const hear = (left: string) => {
    if (performance.now() - told < PROGRESS_MS) return;
    told = performance.now();
    say(`on its way: ${left}`);
  };
  const quietSince = await rest(world, { patienceMs: REST_MS, hear, signal }).catch(async (cause) => {
    throw new Error(await situation(stack), { cause });
  });
  const restSeconds = (performance.now() - ended) / 1_000;
  say(`at rest ${restSeconds.toFixed(1)} s after the last fault: the checker looks`);
  let changes = 0;
  for (const { client, follower } of followers) {
    const { length } = await changesOf(client);
    changes += length;
    // A stream that does not get there is told of by the checker.
    await waitFor(() => follower.lastId === length, STREAM_MS).catch(() => {});
  }
  const problems = await violations(world, quietSince);
  await options.checked?.(world, quietSince);
  const { operations } = workload;
  return {
    ...{ problems, faults, changes },
    writes: operations.length,
    repeated: operations.filter(({ attempts }) => attempts > 1).length,
  };
}

async function later(fault: Fault | undefined, ms: number): Promise<void> {
  if (fault === undefined) return;
  await pause(ms);
  await fault.strike();
}

/** What an operator would look at: which parts run, and who is behind. */
async function situation(stack: RunningStack): Promise<string> {
  const said = await Promise.all(
    [["stack", "status"], ["lag"]].map((command) => stack.command(...command).catch(String)),
  );
  return [...said, stack.process.output.stdout.slice(-3_000)].join("\n");
}

/** A disk of its own for Kafka, which can be filled without touching the rest of the machine. */
async function smallDisk(dataDir: string, say: (line: string) => void) {
  const path = join(dataDir, "stack", "kafka", "data");
  await Deno.mkdir(path, { recursive: true, mode: 0o711 });
  if (Deno.build.os !== "linux" || !await succeeds("mount", "-t", "tmpfs", "-o", DISK, "tmpfs", path)) {
    say("Kafka's disk can't be filled here: only root on Linux can give it one of its own");
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      if (!await succeeds("umount", path)) throw new Error(`Cannot unmount ${path}`);
    },
  };
}

async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  const child = new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" });
  return await child.output().then(({ success }) => success, () => false);
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values.map((value) => ({ value, at: random() })).sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
