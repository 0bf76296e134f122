/** What stands behind services in one process: pools, the runtime's hub, logs and metrics. */
import { STORES } from "../../stores.ts";
import { systemClock } from "../domain/time.ts";
import type { ServiceDependencies } from "../http/app.ts";
import { createEmbeddedHub, type EmbeddedHub } from "../runtime/embedded/mod.ts";
import type { Service } from "../runtime/ports.ts";
import { connect, type ConnectOptions, type Sql } from "../store/database.ts";
import { migrate, NewerSchemaError } from "../store/migrate.ts";
import { createLog, type Log } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { type Config, StartError } from "./config.ts";

export interface Host extends AsyncDisposable {
  readonly hub: EmbeddedHub;
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

/** Connects, migrates and opens the hub. @throws StartError with one sentence for a person */
export async function openHost(config: Config, options: HostOptions): Promise<Host> {
  const pools: Sql[] = [];
  const open = (connection: Omit<ConnectOptions, "url">): Sql => {
    const sql = connect({ url: options.url, ...connection });
    pools.push(sql);
    return sql;
  };
  const endPools = () => Promise.all(pools.map((sql) => sql.end({ timeout: 5 })));
  const metrics = createMetrics();
  const log = createLog({ service: "host", level: config.LOG_LEVEL });
  try {
    await prepareDatabase(options.url);
  } catch (cause) {
    await endPools();
    throw cause;
  }
  const hub = createEmbeddedHub({
    sql: open({ name: "broker", role: "rondo_broker", max: 12 }),
    log: createLog({ service: "broker", level: config.LOG_LEVEL }),
    metrics,
    clock: systemClock,
    internalToken: options.internalToken,
    peers: config.PEERS,
  });
  let running: Service[] = [];
  return {
    hub,
    log,
    connect: open,
    dependencies: (name, role) => ({
      sql: open({ name, role, max: name === "api" ? 16 : 6 }),
      runtime: hub.runtime(name),
      log: createLog({ service: name, level: config.LOG_LEVEL }),
      metrics,
      clock: systemClock,
    }),
    async start(services) {
      for (const service of services) hub.register(service);
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
      await hub.close();
      await endPools();
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

async function prepareDatabase(url: string): Promise<void> {
  const sql = connect({ url, name: "migrate", max: 1 });
  try {
    const [row] = await sql<
      { version: number }[]
    >`select current_setting('server_version_num')::int as version`;
    checkServerVersion(row?.version ?? 0);
    await migrate(sql, STORES);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    if (cause instanceof NewerSchemaError) throw new StartError(cause.message, { cause });
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
