/** Starts everything that a cluster would run, on this machine. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { migrateAll } from "../../services/migrate.ts";
import { type Config, StartError } from "../../services/shared/host/config.ts";
import type { DataDir } from "../../services/shared/host/data_dir.ts";
import { createTopics } from "../kafka/topics.ts";
import { startDaprd, startScheduler } from "./dapr.ts";
import { installDapr, installKafka } from "./install.ts";
import { startKafka } from "./kafka.ts";
import { createLayout, type Layout, local, NAMES, serviceSettings, tracingSettings } from "./layout.ts";
import { isOpen, LOOPBACK, reservePort } from "./ports.ts";
import { startPostgres, watchPostgres } from "./postgres.ts";
import { identify } from "./process.ts";
import { writeResources } from "./resources.ts";
import { createRoster, type PartPlan } from "./roster.ts";
import type { RunFile } from "./run_file.ts";
import { startHelper, startService } from "./service.ts";

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
  env: Readonly<Record<string, string | undefined>>;
  external: External;
  /** Hears what happens, line by line. */
  report: (line: string) => void;
}

export interface Stack {
  readonly run: RunFile;
  /** Ends everything, the last started first. */
  stop(): Promise<void>;
}

/** What everything is started with. */
interface Setting extends StackOptions, Layout {
  publicUrl: string;
  /** The file of a part's output. */
  log(name: string): string;
}

/** Services to which events or jobs are delivered: their sidecar pauses that while they are not ready. */
const RECEIVERS = new Set(["recurrence", "reminders", "notifications", "audit", "realtime", "webhooks"]);

/** Starts the stack; ends what it has started when something fails. @throws StartError */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, config, external, report } = options;
  const folder = dataDir.path;
  // Long before anything is started: a first build takes minutes.
  await installDapr({ report });
  if (external.brokers === undefined) await installKafka({ report });
  if (await isOpen(config.PORT)) {
    throw new StartError(`Port ${config.PORT} is in use: set PORT to a free one`);
  }
  reservePort(config.PORT);
  const setting: Setting = {
    ...options,
    ...createLayout(),
    publicUrl: config.PUBLIC_URL ?? `http://localhost:${config.PORT}`,
    log: (name) => join(folder, "logs", `${name}.log`),
  };
  const supervisor = await identify(Deno.pid);
  if (supervisor === null) throw new Error("Cannot find this process");
  const roster = createRoster({ folder, supervisor, publicUrl: setting.publicUrl, report });
  try {
    report("Starting what holds the data");
    const stores = dataParts(setting);
    await roster.start(stores.plans);
    const { brokers, scheduler, databaseUrl } = stores.addresses();
    roster.describe({ brokers, databaseUrl });
    const made = await createTopics(brokers);
    if (made.length > 0) report(`Made the topics ${made.join(", ")}`);
    await migrateAll(databaseUrl, setting.passwords);
    report("Starting the services, each with its sidecar");
    await roster.start(
      sidecars(setting, { brokers, scheduler, databaseUrl }),
      services(setting, databaseUrl),
    );
    await roster.start(helpers(setting, brokers));
    await roster.start([gateway(setting)]);
    return { run: roster.run, stop: roster.stop };
  } catch (cause) {
    await roster.stop();
    throw cause;
  }
}

/** PostgreSQL, Kafka and the scheduler, as far as they are not there already; where they are is known afterwards. */
function dataParts({ dataDir, external, ports, log }: Setting) {
  const { own } = ports;
  const addresses = {
    databaseUrl: external.databaseUrl ?? "",
    brokers: external.brokers ?? `${LOOPBACK}:${own.kafka}`,
    scheduler: external.scheduler ?? `${LOOPBACK}:${own.scheduler}`,
  };
  const folder = (name: string) => join(dataDir.path, name);
  const plans: PartPlan[] = [];
  if (external.databaseUrl === undefined) {
    plans.push({
      name: "postgres",
      address: `${LOOPBACK}:${own.postgres}`,
      log: join(folder("postgres"), "pg", "server.log"),
      async start() {
        const server = await startPostgres({ dataDir: folder("postgres"), port: own.postgres });
        addresses.databaseUrl = server.url;
        // Where one that was taken over is, it stays when it is started again.
        own.postgres = Number(new URL(server.url).port);
        return await watchPostgres(server);
      },
    });
  }
  if (external.brokers === undefined) {
    plans.push({
      name: "kafka",
      address: addresses.brokers,
      log: log("kafka"),
      start: () => startKafka({ dataDir: folder("kafka"), port: own.kafka, logFile: log("kafka") }),
    });
  }
  if (external.scheduler === undefined) {
    plans.push({
      name: "scheduler",
      address: addresses.scheduler,
      log: log("scheduler"),
      metrics: local(own["scheduler-metrics"], "/metrics"),
      start: () =>
        startScheduler({
          dataDir: folder("scheduler"),
          port: own.scheduler,
          metricsPort: own["scheduler-metrics"],
          logFile: log("scheduler"),
        }),
    });
  }
  return { plans, addresses: () => addresses };
}

function sidecars(
  { dataDir, config, env, ports, tokens, login, log }: Setting,
  where: { brokers: string; scheduler: string; databaseUrl: string },
): PartPlan[] {
  const peers = Object.fromEntries(NAMES.map((name) => [name, ports.sidecars[name].internal]));
  const traced = env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined;
  // As a pod's name: it stays when the sidecar is started again.
  const suffix = randomBytes(4).toString("hex");
  return NAMES.map((name) => ({
    name: `daprd-${name}`,
    address: local(ports.sidecars[name].http),
    log: log(`daprd-${name}`),
    metrics: local(ports.sidecars[name].metrics, "/metrics"),
    start: async () =>
      await startDaprd({
        appId: name,
        appPort: ports.apps[name],
        ports: ports.sidecars[name],
        tokens: tokens[name],
        scheduler: where.scheduler,
        podName: `${name}-${suffix}`,
        appHealthCheck: RECEIVERS.has(name),
        env: traced ? tracingSettings(env) : {},
        logLevel: config.LOG_LEVEL,
        logFile: log(`daprd-${name}`),
        ...await writeResources({
          folder: join(dataDir.path, "sidecars", name),
          appId: name,
          brokers: where.brokers,
          stateUrl: login(where.databaseUrl, "rondo_dapr"),
          peers,
          traced,
        }),
      }),
  }));
}

function services(
  { dataDir, config, env, ports, tokens, login, log, publicUrl }: Setting,
  databaseUrl: string,
): PartPlan[] {
  return NAMES.map((name) => ({
    name,
    address: local(ports.apps[name]),
    log: log(name),
    metrics: local(ports.apps[name], "/metrics"),
    start: () =>
      startService(name, {
        port: ports.apps[name],
        logFile: log(name),
        env: {
          ...serviceSettings(name, env),
          ...(name === "api" ? { RONDO_SECRET: config.RONDO_SECRET ?? dataDir.secret } : {}),
          PUBLIC_URL: publicUrl,
          // The gateway says where a request came from, and nobody else can reach the service.
          TRUST_PROXY: "true",
          DATABASE_URL: login(databaseUrl, `rondo_${name}`),
          DAPR_HTTP_PORT: String(ports.sidecars[name].http),
          DAPR_API_TOKEN: tokens[name].dapr,
          APP_API_TOKEN: tokens[name].app,
        },
      }),
  }));
}

function helpers({ ports, log }: Setting, brokers: string): PartPlan[] {
  const web = { port: ports.own.web, logFile: log("web"), env: {} };
  const exporter = {
    port: ports.own["lag-exporter"],
    logFile: log("lag-exporter"),
    env: { KAFKA_BROKERS: brokers },
  };
  return [
    { name: "web", address: local(web.port), log: web.logFile, start: () => startHelper("web", web) },
    {
      name: "lag-exporter",
      address: local(exporter.port),
      log: exporter.logFile,
      metrics: local(exporter.port, "/metrics"),
      start: () => startHelper("lag-exporter", exporter),
    },
  ];
}

function gateway({ config, ports, publicUrl, log }: Setting): PartPlan {
  return {
    name: "gateway",
    address: publicUrl,
    log: log("gateway"),
    start: () =>
      startHelper("gateway", {
        port: config.PORT,
        logFile: log("gateway"),
        env: {
          HOST: config.HOST,
          API_URL: local(ports.apps.api),
          REALTIME_URL: local(ports.apps.realtime),
          ASSISTANT_URL: local(ports.apps.assistant),
          WEB_URL: local(ports.own.web),
        },
      }),
  };
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
