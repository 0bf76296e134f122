/** The PostgreSQL that is there, or the embedded one on a folder. */
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../services/shared/store/embedded_postgres.ts";
import { createDatabase } from "../../services/shared/store/database.ts";
import { identify, isRunning } from "./process.ts";
import type { Startable } from "./supervisor.ts";
import { createLog } from "../../services/shared/telemetry/log.ts";

export interface Postgres extends AsyncDisposable {
  /** Of a user who may create roles and schemas, on the database `rondo`. */
  readonly url: string;
  /** Whether an earlier process had left it running. */
  readonly adopted: boolean;
  readonly pid: number;
  readonly logFile: string;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  dataDir: string;
  /** Default: a free one. */
  port?: number;
  settings?: Record<string, string>;
}

/** Starts PostgreSQL on a folder and makes the database `rondo`. @throws EmbeddedPostgresError */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  // Its own user, not this one, has to get to what is below.
  await Deno.mkdir(options.dataDir, { recursive: true, mode: 0o711 });
  const server = await startEmbeddedPostgres({
    ...options,
    log: createLog({ service: "postgres", level: "warn" }),
  });
  try {
    await createDatabase(server.url);
  } catch (cause) {
    await server.stop();
    throw cause;
  }
  const [pid] = (await Deno.readTextFile(join(options.dataDir, "pg", "postmaster.pid"))).split("\n");
  return { ...server, pid: Number(pid), logFile: join(options.dataDir, "pg", "server.log") };
}

/** The server as something to be watched over: it is no child of this process, so it is looked at now and then. */
export async function watchPostgres(server: Postgres): Promise<Startable> {
  const process = await identify(server.pid);
  const done = Promise.withResolvers<null>();
  const timer = setInterval(async () => {
    if (process !== null && await isRunning(process)) return;
    clearInterval(timer);
    done.resolve(null);
  }, WATCH_MS);
  return { pid: server.pid, ended: done.promise, stop: () => server.stop() };
}

const WATCH_MS = 500;
