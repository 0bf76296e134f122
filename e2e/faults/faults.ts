/** What can happen to a running stack. Each fault is bounded: when it is over, nothing of it is left. */
import { join } from "node:path";
import { kafkaClient } from "../../deploy/kafka/client.ts";
import { readRecords } from "../../deploy/kafka/records.ts";
import { isRunning, type ProcessIdentity, signal } from "../../deploy/local/process.ts";
import { readBase } from "../../deploy/local/resources.ts";
import { uuidv7 } from "uuidv7";
import type { RunningStack } from "../support/stack.ts";
import { waitFor } from "../support/rondo.ts";

export interface Fault {
  /** Such as `kill kafka`. */
  readonly name: string;
  /** Ends when the fault is over; what was killed may still be coming back. */
  strike(): Promise<void>;
}

/** An event that was published although nobody can take it. */
export interface Poison {
  id: string;
  topic: string;
  consumers: readonly string[];
}

export interface FaultsOptions {
  stack: RunningStack;
  random: () => number;
  /** Kafka's folder, when it is on a disk of its own that may be filled. */
  disk?: string;
  /** Hears of every poison, before it is published. */
  poisoned: (poison: Poison) => void;
}

/** Parts of which each is hit; beside them every service's sidecar. */
const SERVICES = [
  ...["api", "relay", "recurrence", "reminders", "notifications", "audit", "realtime", "webhooks"],
  "assistant",
];
const PARTS = ["kafka", "scheduler", "postgres", ...SERVICES, ...SERVICES.map((name) => `daprd-${name}`)];
/** A part comes back after at most so long a pause of its supervisor, and a start on a busy machine. */
const BACK_MS = 120_000;
const PAUSE_MS = { least: 500, most: 6_000 };
/** How long Kafka's disk stays full. */
const FULL_MS = 6_000;
/** Events that are delivered again at once. */
const REPEATED = 100;
const FILLING = new Uint8Array(1 << 20);

/** Every fault, with what is random about it already chosen. */
export function chooseFaults(options: FaultsOptions): Fault[] {
  const { stack, random, disk } = options;
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0];
  const duration = () => Math.round(PAUSE_MS.least + random() * (PAUSE_MS.most - PAUSE_MS.least));
  const service = pick(["recurrence", "reminders", "notifications", "audit", "realtime", "webhooks"]);
  return [
    ...PARTS.map((name) => random() < 0.6 ? killing(stack, [name]) : pausing(stack, name, duration())),
    // A sidecar is up again in a second, Kafka takes five: the service starts while there is none.
    killing(stack, ["kafka", `daprd-${service}`, service]),
    ...(disk === undefined ? [] : [filling(disk)]),
    repeating(options, "task-events"),
    repeating(options, pick(["task-updates", "reminders", "notifications"])),
    poisoning(options, pick(["task-events", "reminders", "notifications"])),
  ];
}

function killing(stack: RunningStack, names: readonly string[]): Fault {
  return {
    name: `kill ${names.join(" and ")}`,
    async strike() {
      const processes = await Promise.all(names.map((name) => processOf(stack, name)));
      for (const process of processes) await signal(process, "SIGKILL");
      await Promise.all(processes.map((process) => waitFor(async () => !await isRunning(process))));
    },
  };
}

/** Takes a part's processors away: it keeps its connections and answers nobody. */
function pausing(stack: RunningStack, name: string, ms: number): Fault {
  return {
    name: `pause ${name} for ${ms} ms`,
    async strike() {
      const process = await processOf(stack, name);
      const pids = [process.pid, ...await descendants(process.pid)];
      try {
        for (const pid of pids) send(pid, "SIGSTOP");
        await pause(ms);
      } finally {
        for (const pid of pids) send(pid, "SIGCONT");
      }
    },
  };
}

/** Fills the disk of Kafka's log, so that it ends and can't come back, and makes room again. */
function filling(disk: string): Fault {
  const path = join(disk, "filling");
  return {
    name: `Kafka's disk is full for ${FULL_MS} ms`,
    async strike() {
      try {
        {
          using file = await Deno.open(path, { write: true, create: true });
          for (let size = FILLING.length; size >= 1;) {
            try {
              await file.write(FILLING.subarray(0, size));
            } catch {
              size = Math.floor(size / 16);
            }
          }
        }
        await pause(FULL_MS);
      } finally {
        await Deno.remove(path);
      }
    },
  };
}

/** Publishes the last events of a topic again, twice, the second time the last one first. */
function repeating({ stack }: FaultsOptions, topic: string): Fault {
  return {
    name: `${topic} are delivered again, and in the wrong order`,
    async strike() {
      const { brokers } = await stack.run();
      await withKafka(async () => {
        const records = (await readRecords(kafkaClient(brokers), [topic])).slice(-REPEATED);
        await publish(brokers, topic, [...records, ...records.toReversed()]);
      });
    },
  };
}

/** Publishes what no consumer of the topic can take. */
function poisoning({ stack, poisoned }: FaultsOptions, topic: string): Fault {
  return {
    name: `poison on ${topic}`,
    async strike() {
      const { brokers } = await stack.run();
      const id = uuidv7();
      const consumers = await consumersOf(topic);
      poisoned({ id, topic, consumers });
      const event = { specversion: "1.0", id, type: "task.completed.v1", data: { seq: "no number" } };
      await withKafka(() => publish(brokers, topic, [{ key: id, value: JSON.stringify(event) }]));
    },
  };
}

async function consumersOf(topic: string): Promise<string[]> {
  return (await readBase()).flatMap((resource) => {
    const { pubsubname, topic: subscribed } = (resource.spec ?? {}) as Record<string, unknown>;
    const matches = resource.kind === "Subscription" && pubsubname === "pubsub" && subscribed === topic;
    return matches ? resource.scopes ?? [] : [];
  });
}

async function publish(
  brokers: string,
  topic: string,
  messages: readonly { key: string; value: string }[],
): Promise<void> {
  const producer = kafkaClient(brokers).producer();
  await producer.connect();
  try {
    await producer.send({ topic, messages: messages.map(({ key, value }) => ({ key, value })) });
  } finally {
    await producer.disconnect();
  }
}

/** Kafka may be what the other fault of a pair has hit: the work is repeated until it is there. */
async function withKafka(work: () => Promise<void>): Promise<void> {
  await waitFor(() => work().then(() => true, () => false), BACK_MS);
}

/** The process of a part, once it runs. */
async function processOf(stack: RunningStack, name: string): Promise<ProcessIdentity> {
  let process: ProcessIdentity | null = null;
  await waitFor(async () => {
    const { parts } = await stack.run();
    const found = parts.find((part) => part.name === name);
    if (found === undefined) throw new Error(`Cannot hit ${name} as the stack has no such part`);
    process = found.process;
    return process !== null && await isRunning(process);
  }, BACK_MS);
  if (process === null) throw new Error(`Cannot hit ${name} as it does not run`);
  return process;
}

/** PostgreSQL has a process per connection; other parts have none beside their own. */
async function descendants(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  const children = text.split(" ").filter((word) => word !== "").map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

function send(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (cause) {
    // It ended meanwhile.
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
