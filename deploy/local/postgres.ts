/** The PostgreSQL that is there, or the embedded one on a folder. */
import { startEmbeddedPostgres } from "../../services/shared/store/embedded_postgres.ts";
import { createDatabase } from "../../services/shared/store/database.ts";
import { createLog } from "../../services/shared/telemetry/log.ts";

export interface Postgres extends AsyncDisposable {
  /** Of a user who may create roles and schemas, on the database `rondo`. */
  readonly url: string;
  /** Whether an earlier process had left it running. */
  readonly adopted: boolean;
}

/** Starts PostgreSQL on a folder and makes the database `rondo`. @throws EmbeddedPostgresError */
export async function startPostgres(
  options: { dataDir: string; settings?: Record<string, string> },
): Promise<Postgres> {
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
  return server;
}
