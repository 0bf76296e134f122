/** Kafka as one process: broker and controller of a KRaft cluster of one, on loopback. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { StartError } from "../../services/shared/host/config.ts";
import { installKafka } from "./install.ts";
import { type Part, startPart } from "./part.ts";
import { freePorts, isOpen, LOOPBACK } from "./ports.ts";

export interface KafkaOptions {
  /** Holds the log and the configuration; made when missing, kept afterwards. */
  dataDir: string;
  /** Default `kafka.log` in the data folder. */
  logFile?: string;
  /** Of the broker; default: a free one. Clients keep the address, so a restart should ask for the same. */
  port?: number;
  /** Settings of server.properties beside those made here. */
  settings?: Record<string, string>;
}

export interface Kafka extends Part {
  /** Such as `127.0.0.1:43121`. */
  readonly brokers: string;
}

/** Starts a broker, formatting its folder first when it is new. @throws StartError */
export async function startKafka(options: KafkaOptions): Promise<Kafka> {
  const { java, classPath } = await installKafka();
  const { dataDir, logFile = join(dataDir, "kafka.log") } = options;
  const [free = 0, controller = 0] = freePorts(2);
  const port = options.port ?? free;
  const data = join(dataDir, "data");
  const configuration = join(dataDir, "server.properties");
  await Deno.mkdir(data, { recursive: true });
  const settings = { ...properties(data, port, controller), ...options.settings };
  await Deno.writeTextFile(
    configuration,
    Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(""),
  );
  const jvm = [...SMALL, ...LOGGING, "-cp", classPath];
  if (await isNew(data)) await format(java, [...jvm, "kafka.tools.StorageTool"], configuration);
  const part = await startPart({
    name: "kafka",
    command: java,
    args: [...jvm, "kafka.Kafka", configuration],
    logFile,
    ready: () => isOpen(port),
    // After a crash it reads its log again before it opens the port.
    readyMs: 180_000,
    // It hands over what it leads and closes its log, so that the next start need not repair it.
    stopMs: 30_000,
  });
  return { ...part, brokers: `${LOOPBACK}:${port}` };
}

/** Of a broker that shares its machine and is often restarted: little memory, and no second compiler at work in its first minutes. */
const SMALL = ["-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** Of slf4j-simple: a broker's normal life is a thousand lines a minute at the level below. */
const LOGGING = [
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  "-Dorg.slf4j.simpleLogger.showDateTime=true",
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
];

function properties(data: string, port: number, controller: number): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@${LOOPBACK}:${controller}`,
    "controller.listener.names": "CONTROLLER",
    "listeners": `PLAINTEXT://${LOOPBACK}:${port},CONTROLLER://${LOOPBACK}:${controller}`,
    "advertised.listeners": `PLAINTEXT://${LOOPBACK}:${port}`,
    "log.dirs": data,
    // A topic that was misspelt should fail, not appear.
    "auto.create.topics.enable": "false",
    // One broker has nobody to copy to.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    // As many as a cluster has would mean 50 folders and files for a handful of groups.
    "offsets.topic.num.partitions": "5",
    // A group of one need not wait for others to join.
    "group.initial.rebalance.delay.ms": "0",
  };
}

async function isNew(data: string): Promise<boolean> {
  return await Deno.stat(join(data, "meta.properties")).then(() => false, () => true);
}

async function format(java: string, command: string[], configuration: string): Promise<void> {
  const id = randomBytes(16).toString("base64url");
  const { success, stdout, stderr } = await new Deno.Command(java, {
    // As one argument: an id may begin with a dash.
    args: [...command, "format", `--cluster-id=${id}`, "--config", configuration],
    stdin: "null",
  }).output();
  if (success) return;
  const text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  throw new StartError(`Cannot format Kafka's folder: ${text.trim().split("\n").slice(-3).join(" ")}`);
}
