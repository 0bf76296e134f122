/** Starts everything that a cluster would run, on this machine. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrateAll, passwordVariable } from "../../services/migrate.ts";
import { SERVICES } from "../../services/permissions.ts";
import { type Config, StartError } from "../../services/shared/host/config.ts";
import type { DataDir } from "../../services/shared/host/data_dir.ts";
import { STORES } from "../../services/stores.ts";
import { createTopics } from "../kafka/topics.ts";
import { type DaprdPorts, startDaprd, startScheduler } from "./dapr.ts";
import { installDapr, installKafka } from "./install.ts";
import { startKafka } from "./kafka.ts";
import { freePorts, isOpen, LOOPBACK } from "./ports.ts";
import { startPostgres, watchPostgres } from "./postgres.ts";
import { identify, type ProcessIdentity } from "./process.ts";
import { writeResources } from "./resources.ts";
import { removeRunFile, type RunFile, type RunningPart, writeRunFile } from "./run_file.ts";
import { type SidecarService, startHelper, startService } from "./service.ts";
import { type Startable, supervise, type SupervisedPart } from "./supervisor.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What is there already, to be used instead of a part of the stack's own. */
export interface External {
  databaseUrl?: string;
  brokers?: string;
  /** Address of a Dapr scheduler. */
  scheduler?: string;
}

export interface StackOptions {
  dataDir: DataDir;
  config: Config;
  /** Settings that are handed on to services. */
  env: Record<string, string | undefined>;
  external: External;
  /** Hears what happens, line by line. */
  report: (line: string) => void;
}

export interface Stack {
  readonly publicUrl: string;
  readonly run: RunFile;
  /** Ends everything, the last started first. */
  stop(): Promise<void>;
}

/** Services to which events or jobs are delivered: their sidecar pauses that while they are not ready. */
const RECEIVERS = new Set(["recurrence", "reminders", "notifications", "audit", "realtime"]);
const NAMES = SERVICES.filter((name): name is SidecarService => name !== "embedded");
/** Kept across restarts of a part, as a cluster's addresses are. */
const OWN_PORTS = ["postgres", "kafka", "scheduler", "scheduler-metrics", "web", "lag-exporter"] as const;

/** Starts the stack; ends what it has started when something fails. @throws StartError */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, config, external, report } = options;
  const folder = dataDir.path;
  const log = (name: string) => join(folder, "logs", `${name}.log`);
  // Long before anything is started: a first build takes minutes.
  await installDapr({ report });
  if (external.brokers === undefined) await installKafka({ report });
  if (await isOpen(config.PORT)) {
    throw new StartError(`Port ${config.PORT} is in use: set PORT to a free one`);
  }
  const ports = choosePorts();
  const tokens = Object.fromEntries(NAMES.map((name) => [name, { dapr: secret(), app: secret() }]));
  const passwords = Object.fromEntries(STORES.map(({ role }) => [role, secret()]));
  const publicUrl = config.PUBLIC_URL ?? `http://localhost:${config.PORT}`;
  const supervisor = await thisProcess();
  /** What is started together; stopped in the opposite order. */
  const stages: SupervisedPart[][] = [];
  const shown = new Map<SupervisedPart, Where>();
  const run: RunFile = { supervisor, publicUrl, brokers: "", databaseUrl: "", parts: [] };

  let writing: Promise<void> = Promise.resolve();
  /** One after the other: the last state is what stays. */
  const changed = () => {
    run.parts = stages.flat().map((part) => ({
      name: part.name,
      process: part.process,
      restarts: part.restarts,
      ...shown.get(part) ?? { address: "", log: "", metrics: null },
    }));
    const now = structuredClone(run);
    writing = writing.then(() => writeRunFile(folder, now));
  };
  const part = async (
    stage: SupervisedPart[],
    name: string,
    where: Where,
    start: () => Promise<Startable>,
  ) => {
    const supervised = await supervise({ name, start, report, changed });
    shown.set(supervised, where);
    stage.push(supervised);
    changed();
  };
  const stage = async (start: (stage: SupervisedPart[]) => Promise<unknown>[]) => {
    const parts: SupervisedPart[] = [];
    stages.push(parts);
    // All of them, so that what has started is known when another has not.
    const failed = (await Promise.allSettled(start(parts))).find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  };
  const stop = async () => {
    for (const parts of stages.toReversed()) await Promise.all(parts.map((one) => one.stop()));
    await writing;
    await removeRunFile(folder);
  };

  try {
    let databaseUrl = external.databaseUrl;
    const brokers = external.brokers ?? `${LOOPBACK}:${ports.own.kafka}`;
    const scheduler = external.scheduler ?? `${LOOPBACK}:${ports.own.scheduler}`;
    report("Starting what holds the data");
    await stage((stage) =>
      [
        external.databaseUrl ?? part(stage, "postgres", {
          address: `127.0.0.1:${ports.own.postgres}`,
          log: join(folder, "postgres", "pg", "server.log"),
          metrics: null,
        }, async () => {
          const server = await startPostgres({ dataDir: join(folder, "postgres"), port: ports.own.postgres });
          databaseUrl = server.url;
          return await watchPostgres(server);
        }),
        external.brokers ?? part(stage, "kafka", { address: brokers, log: log("kafka"), metrics: null }, () =>
          startKafka({ dataDir: join(folder, "kafka"), port: ports.own.kafka, logFile: log("kafka") })),
        external.scheduler ?? part(stage, "scheduler", {
          address: scheduler,
          log: log("scheduler"),
          metrics: `${local(ports.own["scheduler-metrics"])}/metrics`,
        }, () =>
          startScheduler({
            dataDir: join(folder, "scheduler"),
            port: ports.own.scheduler,
            metricsPort: ports.own["scheduler-metrics"],
            logFile: log("scheduler"),
          })),
      ].map((one) =>
        Promise.resolve(one)
      )
    );
    const database = databaseUrl ?? "";
    Object.assign(run, { brokers, databaseUrl: database });
    const made = await createTopics(brokers);
    if (made.length > 0) report(`Made the topics ${made.join(", ")}`);
    await migrateAll(
      database,
      Object.fromEntries(
        Object.entries(passwords).map(([role, password]) => [passwordVariable(role), password]),
      ),
    );
    report("Starting the services, each with its sidecar");
    const peers = Object.fromEntries(NAMES.map((name) => [name, ports.sidecars[name].internal]));
    // As a pod's name: it stays when the sidecar is started again.
    const suffix = randomBytes(4).toString("hex");
    const sidecars: SupervisedPart[] = [];
    stages.push(sidecars);
    await stage((stage) =>
      NAMES.flatMap((name) => [
        part(sidecars, `daprd-${name}`, {
          address: local(ports.sidecars[name].http),
          log: log(`daprd-${name}`),
          metrics: `${local(ports.sidecars[name].metrics)}/metrics`,
        }, async () =>
          await startDaprd({
            appId: name,
            appPort: ports.apps[name],
            ports: ports.sidecars[name],
            tokens: tokens[name] ?? { dapr: "", app: "" },
            scheduler,
            podName: `${name}-${suffix}`,
            appHealthCheck: RECEIVERS.has(name),
            env: tracing(options.env),
            logLevel: config.LOG_LEVEL,
            logFile: log(`daprd-${name}`),
            ...await writeResources({
              folder: join(folder, "sidecars", name),
              appId: name,
              brokers,
              stateUrl: loginUrl(database, "rondo_dapr", passwords.rondo_dapr ?? ""),
              peers,
              traced: options.env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
            }),
          })),
        part(stage, name, {
          address: local(ports.apps[name]),
          log: log(name),
          metrics: `${local(ports.apps[name])}/metrics`,
        }, () =>
          startService(name, {
            port: ports.apps[name],
            logFile: log(name),
            env: {
              ...handedOn(name, options.env),
              ...(name === "api" ? { RONDO_SECRET: config.RONDO_SECRET ?? dataDir.secret } : {}),
              PUBLIC_URL: publicUrl,
              // The gateway says where a request came from, and nobody else can reach the service.
              TRUST_PROXY: "true",
              DATABASE_URL: loginUrl(database, `rondo_${name}`, passwords[`rondo_${name}`] ?? ""),
              DAPR_HTTP_PORT: String(ports.sidecars[name].http),
              DAPR_API_TOKEN: tokens[name]?.dapr ?? "",
              APP_API_TOKEN: tokens[name]?.app ?? "",
            },
          })),
      ])
    );
    await stage((stage) => [
      part(
        stage,
        "web",
        { address: local(ports.own.web), log: log("web"), metrics: null },
        () => startHelper("web", { port: ports.own.web, logFile: log("web"), env: {} }),
      ),
      part(stage, "lag-exporter", {
        address: local(ports.own["lag-exporter"]),
        log: log("lag-exporter"),
        metrics: `${local(ports.own["lag-exporter"])}/metrics`,
      }, () =>
        startHelper("lag-exporter", {
          port: ports.own["lag-exporter"],
          logFile: log("lag-exporter"),
          env: { KAFKA_BROKERS: brokers },
        })),
    ]);
    await stage((stage) => [
      part(
        stage,
        "gateway",
        { address: publicUrl, log: log("gateway"), metrics: null },
        () =>
          startHelper("gateway", {
            port: config.PORT,
            logFile: log("gateway"),
            env: {
              HOST: config.HOST,
              API_URL: local(ports.apps.api),
              REALTIME_URL: local(ports.apps.realtime),
              WEB_URL: local(ports.own.web),
            },
          }),
      ),
    ]);
    await writing;
    return { publicUrl, run, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** The SPA, as it is in this checkout. @throws StartError */
export async function buildWeb(): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "web/build.ts"],
    cwd: ROOT,
    stdin: "null",
  }).spawn().status;
  if (!success) throw new StartError("Cannot build the SPA");
}

/** Where a part answers and writes. */
type Where = Pick<RunningPart, "address" | "log" | "metrics">;

interface Ports {
  own: Record<typeof OWN_PORTS[number], number>;
  apps: Record<SidecarService, number>;
  sidecars: Record<SidecarService, DaprdPorts>;
}

function choosePorts(): Ports {
  const free = freePorts(OWN_PORTS.length + NAMES.length * 5);
  const next = () => free.pop() ?? 0;
  const each = <Name extends string, Value>(names: readonly Name[], value: () => Value) =>
    Object.fromEntries(names.map((name) => [name, value()])) as Record<Name, Value>;
  return {
    own: each(OWN_PORTS, next),
    apps: each(NAMES, next),
    sidecars: each(NAMES, () => ({ http: next(), grpc: next(), internal: next(), metrics: next() })),
  };
}

/** The settings that a service is given: those of mail only to who needs them. */
function handedOn(name: string, env: Record<string, string | undefined>): Record<string, string> {
  const wanted = name === "api" || name === "notifications"
    ? /^(SMTP_|RATE_|OTEL_|LOG_LEVEL$)/
    : /^(RATE_|OTEL_|LOG_LEVEL$)/;
  return Object.fromEntries(
    Object.entries(env).flatMap(([key, value]) =>
      wanted.test(key) && value !== undefined ? [[key, value]] : []
    ),
  );
}

/** Where a sidecar sends its spans: it knows the same settings, but takes every address for one with TLS. */
function tracing(env: Record<string, string | undefined>): Record<string, string> {
  const settings = Object.entries(env).flatMap(([key, value]) =>
    key.startsWith("OTEL_EXPORTER_OTLP_") && value !== undefined ? [[key, value]] : []
  );
  if (settings.length === 0) return {};
  const insecure = String(env.OTEL_EXPORTER_OTLP_ENDPOINT?.startsWith("http:") === true);
  return { OTEL_EXPORTER_OTLP_INSECURE: insecure, ...Object.fromEntries(settings) };
}

/** A database's address as a role logs in there. */
function loginUrl(url: string, role: string, password: string): string {
  const address = new URL(url);
  address.username = role;
  address.password = password;
  return address.href;
}

function local(port: number): string {
  return `http://${LOOPBACK}:${port}`;
}

function secret(): string {
  return randomBytes(24).toString("hex");
}

async function thisProcess(): Promise<ProcessIdentity> {
  const process = await identify(Deno.pid);
  if (process === null) throw new Error("Cannot find this process");
  return process;
}
