/** Starts one service in a process of its own. */
import type { ServiceDependencies } from "../http/app.ts";
import type { Service } from "../runtime/ports.ts";
import { type Config, readConfig, StartError } from "./config.ts";
import { checkDatabase, type Host, openDaprHost, openHost } from "./host.ts";
import { listen, runMain, stopSignal } from "./serve.ts";

/** Requests that still run when the service stops have this long to end. */
const SHUTDOWN_MS = 10_000;

export interface RunContext {
  dependencies: ServiceDependencies;
  config: Config;
  host: Host;
  publicUrl: string;
}

/**
 * Reads the settings, builds the service, serves it on `PORT` and stops it on a signal.
 *
 * `DATABASE_URL` says where the database is. With `DAPR_HTTP_PORT` everything else comes through the sidecar there;
 * without it `INTERNAL_TOKEN` is what services of one installation know each other by, `PEERS` where the others are.
 */
export async function runService(
  name: string,
  role: string,
  build: (context: RunContext) => Service,
): Promise<never> {
  return await runMain(async () => {
    const config = readConfig();
    if (config.DATABASE_URL === undefined) {
      throw new StartError("DATABASE_URL must be set for a service of its own");
    }
    const stopped = stopSignal();
    // Where a service logs in as its role, others migrate.
    if (config.DAPR_HTTP_PORT !== undefined) await checkDatabase(config.DATABASE_URL, role);
    const server = listen(config);
    await using host = await open(config, config.DATABASE_URL);
    const publicUrl = config.PUBLIC_URL ?? `http://localhost:${server.port}`;
    const dependencies = host.dependencies(name, role);
    const service = build({ dependencies, config, host, publicUrl });
    // Ahead of the start: a sidecar asks what it needs to know as soon as the port is open.
    server.handle((request, connection) =>
      dependencies.runtime.callback(request) ?? service.fetch(request, connection)
    );
    await host.start([service]);
    console.log(`${name} is running on http://${config.HOST}:${server.port}`);
    const signal = await stopped;
    host.log.info("stopping", { service: name, signal });
    // Streams never end by themselves: the service sends their readers away while other requests run to their end.
    await Promise.all([server.close(SHUTDOWN_MS), host.stop(name)]);
  });
}

async function open(config: Config, url: string): Promise<Host> {
  if (config.DAPR_HTTP_PORT !== undefined) return openDaprHost(config, url);
  if (config.INTERNAL_TOKEN === undefined) {
    throw new StartError("INTERNAL_TOKEN must be set for a service of its own");
  }
  return await openHost(config, { url, internalToken: config.INTERNAL_TOKEN });
}
