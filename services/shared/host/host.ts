/** What stands behind services in one process: pools, the runtime, logs and metrics. */
import { STORES } from "../../stores.ts";
import { systemClock } from "../domain/time.ts";
import type { ServiceDependencies } from "../http/app.ts";
import { createDaprRuntime } from "../runtime/dapr/mod.ts";
import { createEmbeddedHub } from "../runtime/embedded/mod.ts";
import type { Runtime, Service } from "../runtime/ports.ts";
import { connect, type ConnectOptions, poolUse, type Sql } from "../store/database.ts";
import { checkSchema, migrate, NewerSchemaError, OlderSchemaError } from "../store/migrate.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { type Config, StartError } from "./config.ts";

export interface Host extends AsyncDisposable {
  readonly log: Log;
  /** What a service is built from; its pool acts as `role`. */
  dependencies(name: string, role: string): ServiceDependencies;
  /** Another pool, ended with the host. */
  connect(options: Omit<ConnectOptions, "url">): Sql;
  /** Starts services in this order, and makes them reachable for each other before. */
  start(services: readonly Service[]): Promise<void>;
  /** Stops one service ahead of the others; one that does not run is fine. */
  stop(name: string): Promise<void>;
}

export interface HostOptions {
  url: string;
  internalToken: string;
}

/** Connects, migrates and opens the embedded hub. @throws StartError with one sentence for a person */
export async function openHost(config: Config, options: HostOptions): Promise<Host> {
  await prepareDatabase(options.url);
  return createHost(config, options.url, ({ open, metrics }) => {
    const hub = createEmbeddedHub({
      sql: open({ name: "broker", role: "rondo_broker", max: 12, asyncCommit: true }),
      log: createLog({ service: "broker", level: config.LOG_LEVEL }),
      metrics,
      clock: systemClock,
      internalToken: options.internalToken,
      peers: config.PEERS,
    });
    return {
      logInDatabase: true,
      runtime: (name) => hub.runtime(name),
      register: hub.register,
      close: () => hub.close(),
    };
  });
}

/**
 * A host over the Dapr sidecar beside this process. Nothing is migrated: each service has its own login there, which
 * may not.
 *
 * @throws StartError with one sentence for a person
 */
export function openDaprHost(config: Config, url: string): Host {
  const { DAPR_HTTP_PORT, DAPR_API_TOKEN, APP_API_TOKEN: appToken } = config;
  if (appToken === undefined) {
    throw new StartError(
      "APP_API_TOKEN must be set for a service with a sidecar, which shows it with each call",
    );
  }
  return createHost(config, url, ({ metrics }) => ({
    logInDatabase: false,
    runtime: (name, sql) =>
      createDaprRuntime({
        address: `http://127.0.0.1:${DAPR_HTTP_PORT}`,
        apiToken: DAPR_API_TOKEN,
        appToken,
        log: createLog({ service: name, level: config.LOG_LEVEL }),
        metrics,
        clock: systemClock,
        probe: () => sql`select 1`.execute(),
      }),
    register: () => {},
    close: () => Promise.resolve(),
  }));
}

/**
 * Services whose work leaves the database: an answer to a person, an e-mail, a webhook. The others' effects, and the record of
 * how far they have read, are rows of one database when the broker's log is there too: a crash that undoes the
 * latest commits undoes both, and the events are taken again. So only these wait until a commit is on disk, which
 * also puts there whatever was committed before it.
 */
const LEAVES_DATABASE = new Set(["api", "notifications", "webhooks"]);

/** Where the runtimes of a host come from. */
interface Backing {
  /** Whether the broker's log is in the database in which the services' effects are. */
  logInDatabase: boolean;
  runtime(name: string, sql: Sql): Runtime;
  /** Makes a service reachable for the others of this process. */
  register(service: Service): void;
  close(): Promise<void>;
}

function createHost(
  config: Config,
  url: string,
  back: (given: { open: Host["connect"]; metrics: Metrics }) => Backing,
): Host {
  const metrics = createMetrics();
  const pools: Sql[] = [];
  const open = (connection: Omit<ConnectOptions, "url">): Sql => {
    const sql = connect({ url, ...connection });
    pools.push(sql);
    for (const [kind, use] of Object.entries(poolUse(sql))) {
      metrics.watchPool(kind === "pool" ? connection.name : `${connection.name}-${kind}`, use);
    }
    return sql;
  };
  const log = createLog({ service: "host", level: config.LOG_LEVEL });
  const backing = back({ open, metrics });
  let running: Service[] = [];
  return {
    log,
    connect: open,
    dependencies(name, role) {
      const sql = open({
        ...{ name, role, max: name === "api" ? 12 : 5 },
        asyncCommit: backing.logInDatabase && !LEAVES_DATABASE.has(name),
      });
      return {
        sql,
        runtime: backing.runtime(name, sql),
        log: createLog({ service: name, level: config.LOG_LEVEL }),
        metrics,
        clock: systemClock,
      };
    },
    async start(services) {
      for (const service of services) backing.register(service);
      for (const service of services) {
        await service.start();
        running.push(service);
      }
    },
    async stop(name) {
      const stopping = running.filter((service) => service.name === name);
      running = running.filter((service) => service.name !== name);
      for (const service of stopping) await service.stop();
    },
    async [Symbol.asyncDispose]() {
      for (const service of running.reverse()) {
        // One that can't stop must not keep the others from it.
        await service.stop().catch((cause) =>
          log.error("a service did not stop", { service: service.name, cause })
        );
      }
      await backing.close();
      await Promise.all(pools.map((sql) => sql.end({ timeout: 5 })));
    },
  };
}

/**
 * Refuses a PostgreSQL that lacks what migrations need (MERGE came with 15).
 *
 * @param version `server_version_num`, such as 150004
 * @throws StartError below PostgreSQL 15
 */
export function checkServerVersion(version: number): void {
  if (version >= 150_000) return;
  throw new StartError(
    `DATABASE_URL must be a PostgreSQL 15 or newer: this one is ${Math.floor(version / 10_000)}`,
  );
}

/** Migrates a database. @throws StartError with one sentence for a person */
export async function prepareDatabase(url: string): Promise<void> {
  await onDatabase(url, "migrate", (sql) => migrate(sql, STORES));
}

/** Looks whether the schema of a role is the one that this code knows. @throws StartError when it is not */
export async function checkDatabase(url: string, role: string): Promise<void> {
  await onDatabase(url, "check", async (sql) => {
    for (const store of STORES) if (store.role === role) await checkSchema(sql, store);
  });
}

async function onDatabase(url: string, name: string, work: (sql: Sql) => Promise<void>): Promise<void> {
  const sql = connect({ url, name, max: 1 });
  try {
    const [row] = await sql<
      { version: number }[]
    >`select current_setting('server_version_num')::int as version`;
    checkServerVersion(row?.version ?? 0);
    await work(sql);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    if (cause instanceof NewerSchemaError || cause instanceof OlderSchemaError) {
      throw new StartError(cause.message, { cause });
    }
    throw new StartError(`Cannot use the database: ${messageOf(cause)}`, { cause });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if ("code" in cause && cause.code === "ECONNREFUSED") return "nothing answers at that address";
  return cause.message === "" ? cause.name : cause.message;
}
