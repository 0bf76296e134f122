/** All of Rondo in one process, on its own PostgreSQL or on the one of `DATABASE_URL`. */
import { startServices } from "./compose.ts";
import { type Config, readConfig } from "./shared/host/config.ts";
import { openDataDir } from "./shared/host/data_dir.ts";
import { openHost } from "./shared/host/host.ts";
import { listen, runMain, stopSignal } from "./shared/host/serve.ts";
import { createDatabase } from "./shared/store/database.ts";
import { startEmbeddedPostgres } from "./shared/store/embedded_postgres.ts";
import { createLog } from "./shared/telemetry/log.ts";

/** Requests that still run when Rondo stops have this long to end. */
const SHUTDOWN_MS = 10_000;

await runMain(async () => {
  const config = readConfig();
  const stopped = stopSignal();
  const server = listen(config);
  using dataDir = await openDataDir(config.dataDir);
  await using database = await openDatabase(config);
  const publicUrl = config.PUBLIC_URL ?? `http://localhost:${server.port}`;
  await using host = await openHost(config, {
    url: database.url,
    internalToken: crypto.randomUUID() + crypto.randomUUID(),
  });
  const handler = await startServices(host, config, {
    publicUrl,
    secret: config.RONDO_SECRET ?? dataDir.secret,
  });
  server.handle(handler);
  console.log(`Rondo is running on ${publicUrl}`);
  console.log(
    `Data: ${
      config.DATABASE_URL === undefined ? config.dataDir : "the database of DATABASE_URL"
    }. Stop with Ctrl-C.`,
  );
  const signal = await stopped;
  host.log.info("stopping", { signal });
  // Streams never end by themselves: realtime sends their readers away, everything else waits for its requests.
  await Promise.all([server.close(SHUTDOWN_MS), host.stop("realtime")]);
});

async function openDatabase(config: Config): Promise<{ url: string } & AsyncDisposable> {
  if (config.DATABASE_URL !== undefined) {
    return { url: config.DATABASE_URL, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const server = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    log: createLog({ service: "postgres", level: config.LOG_LEVEL }),
  });
  await createDatabase(server.localUrl);
  return { url: server.localUrl, [Symbol.asyncDispose]: () => server.stop() };
}
