/** Dapr's processes, each listening on loopback alone. */
import { join } from "node:path";
import { installDapr } from "./install.ts";
import { answers, type Part, startPart } from "./part.ts";
import { freePorts, LOOPBACK } from "./ports.ts";

export interface SchedulerOptions {
  /** Holds the jobs; kept afterwards. */
  dataDir: string;
  /** Default `scheduler.log` in the data folder. */
  logFile?: string;
  /** Where sidecars reach it; default: a free one. They keep the address, so a restart should ask for the same. */
  port?: number;
  /** Of its metrics; default: a free one. */
  metricsPort?: number;
}

export interface Scheduler extends Part {
  /** Such as `127.0.0.1:43121`. */
  readonly address: string;
  readonly metricsPort: number;
}

/** Starts Dapr's scheduler, one node with its etcd inside: it keeps the jobs. @throws StartError */
export async function startScheduler(options: SchedulerOptions): Promise<Scheduler> {
  const { scheduler } = await installDapr();
  const { dataDir, logFile = join(dataDir, "scheduler.log") } = options;
  const [free = 0, metrics = 0, healthz = 0, client = 0, peer = 0] = freePorts(5);
  const port = options.port ?? free;
  const metricsPort = options.metricsPort ?? metrics;
  const address = `${LOOPBACK}:${port}`;
  await Deno.mkdir(dataDir, { recursive: true });
  const part = await startPart({
    name: "scheduler",
    command: scheduler,
    args: [
      ...["--id", "s0", "--port", String(port), "--listen-address", LOOPBACK],
      ...["--override-broadcast-host-port", address],
      ...["--healthz-port", String(healthz), "--metrics-port", String(metricsPort)],
      ...[
        "--etcd-data-dir",
        join(dataDir, "etcd"),
        "--etcd-initial-cluster",
        `s0=http://${LOOPBACK}:${peer}`,
      ],
      ...["--etcd-client-listen-address", LOOPBACK, "--etcd-client-port", String(client)],
      "--log-as-json",
    ],
    env: { HEALTHZ_LISTEN_ADDRESS: LOOPBACK, DAPR_HOST_IP: LOOPBACK },
    logFile,
    ready: (signal) => answers(`http://${LOOPBACK}:${healthz}/healthz`, signal),
  });
  return { ...part, address, metricsPort };
}

export interface PlacementOptions {
  logFile: string;
  /** Default: a free one. */
  port?: number;
}

export interface Placement extends Part {
  readonly address: string;
}

/** Starts Dapr's placement service. Only actors and workflows need it. @throws StartError */
export async function startPlacement(options: PlacementOptions): Promise<Placement> {
  const { placement } = await installDapr();
  const [free = 0, metrics = 0, healthz = 0, raft = 0] = freePorts(4);
  const port = options.port ?? free;
  const part = await startPart({
    name: "placement",
    command: placement,
    args: [
      ...["--id", "p0", "--port", String(port), "--listen-address", LOOPBACK],
      ...["--initial-cluster", `p0=${LOOPBACK}:${raft}`],
      ...["--healthz-port", String(healthz), "--metrics-port", String(metrics)],
      "--log-as-json",
    ],
    env: { HEALTHZ_LISTEN_ADDRESS: LOOPBACK, DAPR_HOST_IP: LOOPBACK },
    logFile: options.logFile,
    ready: (signal) => answers(`http://${LOOPBACK}:${healthz}/healthz`, signal),
  });
  return { ...part, address: `${LOOPBACK}:${port}` };
}

/** The ports of one sidecar. They are chosen before it starts: its app and its peers have to know some. */
export interface DaprdPorts {
  http: number;
  grpc: number;
  /** Where other sidecars reach it. */
  internal: number;
  metrics: number;
}

export interface DaprdOptions {
  appId: string;
  /** Where its app listens, now or later. */
  appPort: number;
  /** The folder of its components, subscriptions and resiliency. */
  resourcesPath: string;
  /** The file of its configuration. */
  config: string;
  /** What the app has to say to the sidecar, and the sidecar to the app. */
  tokens: { dapr: string; app: string };
  ports?: DaprdPorts;
  /** Of the scheduler; absent: no jobs. */
  scheduler?: string;
  /** Of the placement service; absent: no actors. */
  placement?: string;
  /** Tells replicas apart, as a pod's name does in a cluster; default: the app's id. */
  podName?: string;
  logFile: string;
  /** Default `warn`. */
  logLevel?: "debug" | "info" | "warn" | "error";
  /** More environment, such as for the environment's secret store. */
  env?: Record<string, string>;
  /** Asks the app's `/ready` and pauses delivery while it says no (default false). */
  appHealthCheck?: boolean;
}

export interface Daprd extends Part {
  readonly appId: string;
  readonly ports: DaprdPorts;
}

/** Four free ports for a sidecar. */
export function daprdPorts(): DaprdPorts {
  const [http = 0, grpc = 0, internal = 0, metrics = 0] = freePorts(4);
  return { http, grpc, internal, metrics };
}

/**
 * Starts a sidecar. It is ready when its components are there; it waits for its app's port by itself.
 *
 * @throws StartError
 */
export async function startDaprd(options: DaprdOptions): Promise<Daprd> {
  const { daprd } = await installDapr();
  const { appId, ports = daprdPorts(), scheduler, placement } = options;
  const part = await startPart({
    name: `daprd ${appId}`,
    command: daprd,
    args: [
      ...["--app-id", appId, "--app-port", String(options.appPort), "--app-channel-address", LOOPBACK],
      ...["--resources-path", options.resourcesPath, "--config", options.config],
      ...["--dapr-listen-addresses", LOOPBACK, "--dapr-http-port", String(ports.http)],
      ...["--dapr-grpc-port", String(ports.grpc)],
      ...[
        "--dapr-internal-grpc-listen-address",
        LOOPBACK,
        "--dapr-internal-grpc-port",
        String(ports.internal),
      ],
      ...["--metrics-listen-address", LOOPBACK, "--metrics-port", String(ports.metrics)],
      ...(scheduler === undefined ? [] : ["--scheduler-host-address", scheduler]),
      ...(placement === undefined ? [] : ["--placement-host-address", placement]),
      ...(options.appHealthCheck === true ? APP_HEALTH : []),
      ...[
        "--dapr-graceful-shutdown-seconds",
        "10",
        "--log-as-json",
        "--log-level",
        options.logLevel ?? "warn",
      ],
    ],
    env: {
      DAPR_API_TOKEN: options.tokens.dapr,
      APP_API_TOKEN: options.tokens.app,
      POD_NAME: options.podName ?? appId,
      DAPR_HOST_IP: LOOPBACK,
      ...options.env,
    },
    logFile: options.logFile,
    ready: (signal) => answers(`http://${LOOPBACK}:${ports.http}/v1.0/healthz/outbound`, signal),
    stopMs: 20_000,
  });
  return { ...part, appId, ports };
}

/** More than one failure before delivery pauses: each pause and return is a rebalance of the consumer group. */
const APP_HEALTH = [
  ...["--enable-app-health-check", "--app-health-check-path", "/ready"],
  ...["--app-health-probe-interval", "2", "--app-health-threshold", "3"],
];
