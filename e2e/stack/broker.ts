/** Kafka, PostgreSQL and Dapr's scheduler for tests, and replicas of services that each have a sidecar of their own. */
import { join } from "node:path";
import { createTopics } from "../../deploy/kafka/topics.ts";
import {
  type Daprd,
  daprdPorts,
  freePorts,
  LOOPBACK,
  type Part,
  startDaprd,
  startKafka,
  startPostgres,
  startScheduler,
} from "../../deploy/local/parts.ts";
import { writeResources } from "../../deploy/local/resources.ts";
import { TOPICS } from "../../services/shared/contracts/events.ts";
import { systemClock } from "../../services/shared/domain/time.ts";
import type { Fetch, Replica } from "../../services/shared/runtime/contract_suite.ts";
import { createDaprRuntime, type DaprRuntimeOptions } from "../../services/shared/runtime/dapr/mod.ts";
import type { Runtime } from "../../services/shared/runtime/ports.ts";
import { connect } from "../../services/shared/store/database.ts";
import { migrate } from "../../services/shared/store/migrate.ts";
import { createMetrics } from "../../services/shared/telemetry/metrics.ts";
import { createQuietLog } from "../../services/shared/testing/fake_runtime.ts";
import { STORES } from "../../services/stores.ts";

export const TOKENS = { dapr: "of-the-sidecar-in-the-tests", app: "of-the-service-in-the-tests" };
export const SECRET = { name: "smtp-password", value: "correct horse" };

/** A replica with its sidecar. */
export interface SidecarReplica extends Replica {
  readonly daprd: Daprd;
}

export interface ReplicaOptions {
  /** Subscribes and sets the job handler; its answer is what the replica serves. */
  configure?: (runtime: Runtime) => Fetch | void;
  runtime?: Partial<DaprRuntimeOptions>;
}

/** A part that a test may take away for a while; it comes back where it was, with what it had on disk. */
export interface Breakable {
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface Broker extends AsyncDisposable {
  /** Where Kafka is. */
  readonly brokers: string;
  /** Of PostgreSQL, as its superuser. */
  readonly databaseUrl: string;
  readonly kafka: Breakable;
  readonly scheduler: Breakable;
  /** Starts a replica; whoever starts it ends it. */
  replica(service: string, options?: ReplicaOptions): Promise<SidecarReplica>;
}

/** What replicas share. */
interface Shared {
  folder: string;
  brokers: string;
  scheduler: string;
  databaseUrl: string;
  /** Internal ports of the sidecars, of the latest replica of each service. */
  peers: Record<string, number>;
  started: number;
}

/** Starts what all replicas share, with every topic. */
export async function startBroker(): Promise<Broker> {
  const folder = await Deno.makeTempDir({ prefix: "rondo-stack-" });
  // PostgreSQL runs as a user of its own.
  await Deno.chmod(folder, 0o711);
  const parts = new AsyncDisposableStack();
  parts.defer(() => Deno.remove(folder, { recursive: true }));
  try {
    const [kafka, scheduler, postgres] = await Promise.all([
      breakable(parts, (port) => startKafka({ dataDir: join(folder, "kafka"), port })),
      breakable(parts, (port) => startScheduler({ dataDir: join(folder, "scheduler"), port })),
      startPostgres({ dataDir: join(folder, "postgres") }).then((server) => parts.use(server)),
    ]);
    const sql = connect({ url: postgres.url, name: "stack-test", max: 1 });
    await migrate(sql, STORES);
    await sql.end();
    const brokers = `${LOOPBACK}:${kafka.port}`;
    await createTopics(brokers);
    const shared: Shared = {
      ...{ folder, brokers, scheduler: `${LOOPBACK}:${scheduler.port}`, databaseUrl: postgres.url },
      ...{ peers: {}, started: 0 },
    };
    return {
      ...{ brokers, kafka, scheduler },
      databaseUrl: postgres.url,
      replica: (service, options = {}) => startReplica(shared, service, options),
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (cause) {
    await parts.disposeAsync();
    throw cause;
  }
}

async function breakable(
  parts: AsyncDisposableStack,
  start: (port: number) => Promise<Part>,
): Promise<Breakable & { port: number }> {
  const [port = 0] = freePorts(1);
  let part = await start(port);
  parts.defer(() => part.stop());
  return {
    port,
    async kill() {
      part.kill();
      await part.ended;
    },
    start: async () => void (part = await start(port)),
  };
}

async function startReplica(
  shared: Shared,
  service: string,
  options: ReplicaOptions,
): Promise<SidecarReplica> {
  const podName = `${service}-${++shared.started}`;
  const folder = join(shared.folder, podName);
  const ports = daprdPorts();
  const topics = { consumes: [] as string[], watches: [] as string[] };
  const bare = createDaprRuntime({
    address: `http://${LOOPBACK}:${ports.http}`,
    apiToken: TOKENS.dapr,
    appToken: TOKENS.app,
    log: createQuietLog(),
    metrics: createMetrics(),
    clock: systemClock,
    ...options.runtime,
  });
  const runtime: Runtime = {
    ...bare,
    subscribe(subscription) {
      (subscription.broadcast ? topics.watches : topics.consumes).push(subscription.topic);
      bare.subscribe(subscription);
    },
  };
  const fetch = options.configure?.(runtime) ?? (() => new Response(null, { status: 404 }));
  const server = Deno.serve(
    { hostname: LOOPBACK, port: 0, onListen: () => {} },
    (request) => runtime.callback(request) ?? fetch(request),
  );
  const resources = await writeResources({
    ...{ folder, appId: service, brokers: shared.brokers, stateUrl: shared.databaseUrl },
    secrets: { [SECRET.name]: SECRET.value },
    peers: shared.peers,
    custom: { ...topics, publishes: Object.keys(TOPICS), state: true, secrets: true },
  });
  const daprd = await startDaprd({
    ...{ appId: service, appPort: server.addr.port, ports, podName },
    ...resources,
    ...{ tokens: TOKENS, scheduler: shared.scheduler, logFile: join(folder, "daprd.log") },
  }).catch(async (cause) => {
    await server.shutdown();
    throw cause;
  });
  shared.peers[service] = ports.internal;
  await runtime.start();
  let ended: Promise<void> | null = null;
  return {
    runtime,
    daprd,
    stop: () => ended ??= stop(),
    kill: () => ended ??= kill(),
  };

  async function stop(): Promise<void> {
    await runtime.stop();
    await daprd.stop();
    await server.shutdown();
  }

  async function kill(): Promise<void> {
    daprd.kill();
    await daprd.ended;
    await server.shutdown();
  }
}
