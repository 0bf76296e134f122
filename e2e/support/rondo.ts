/**
 * Rondo as a user starts it, for browser, process and load tests.
 *
 * `await using rondo = await startRondo()` gives a running Rondo on a folder of its own; leaving the block stops
 * it and its PostgreSQL and removes the folder. A test that starts again on the same data makes the folder first:
 * `await using folder = temporaryFolder()`, then `startRondo({ dataDir: folder.path })`.
 */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags, type ServiceName } from "../../services/permissions.ts";
import { connect, type Sql } from "../../services/shared/store/database.ts";
import { startEmbeddedPostgres } from "../../services/shared/store/embedded_postgres.ts";
import { socketOf, withSocket } from "../../services/shared/store/socket.ts";
import { createLog } from "../../services/shared/telemetry/log.ts";
import { waitFor } from "../../services/shared/testing/fake_runtime.ts";
import { type Client, signUp } from "./client.ts";

export { type Answer, type Client, signUp } from "./client.ts";
export { waitFor };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What a process needs of this one's environment; nothing else is handed on. */
const INHERITED = ["PATH", "HOME", "USERPROFILE", "LOCALAPPDATA", "TMPDIR", "SystemRoot", "DENO_DIR"];
/** The first start of an installation makes a database cluster. */
const READY_MS = 60_000;

export interface ProcessOptions {
  /** Settings beside those that the process needs to run at all. */
  env?: Record<string, string>;
}

/** A process of Rondo; its output is kept. */
export interface RunningProcess {
  readonly pid: number;
  /** What it wrote so far. */
  readonly output: { readonly stdout: string; readonly stderr: string };
  /** Its exit code, once it has ended and everything it wrote was read; a signal counts as 128 and its number. */
  readonly ended: Promise<number>;
  /** Whether it has ended. */
  readonly gone: boolean;
  /** Sends a signal; none to a process that has ended. */
  kill(signal: Deno.Signal): void;
}

export interface RondoOptions extends ProcessOptions {
  /** Where the data is; default: a new folder that is removed with the process. */
  dataDir?: string;
  /** Default 0: a free one. */
  port?: number;
}

export interface RunningRondo extends RunningProcess, AsyncDisposable {
  /** Such as `http://localhost:43121`. */
  readonly origin: string;
  readonly port: number;
  readonly dataDir: string;
  /** Milliseconds from the start of the process until it was ready. */
  readonly readyMs: number;
  /** Makes an account. */
  signUp(name?: string): Promise<Client>;
  /** Ends it as an operator does and gives the exit code; twice is fine. */
  stop(): Promise<number>;
}

/**
 * Starts all of Rondo in one process, with the flags of `deno task start`, and waits until it is ready.
 *
 * @throws Error with what it wrote when it ends before it is ready
 */
export async function startRondo(options: RondoOptions = {}): Promise<RunningRondo> {
  const folder = options.dataDir === undefined ? temporaryFolder() : null;
  const dataDir = options.dataDir ?? folder?.path ?? "";
  const started = performance.now();
  const child = spawnService("embedded", {
    ...options,
    env: { RONDO_DATA_DIR: dataDir, PORT: String(options.port ?? 0), ...options.env },
  });
  try {
    const port = await readyPort(child);
    return {
      ...child,
      get output() {
        return child.output;
      },
      get gone() {
        return child.gone;
      },
      origin: `http://localhost:${port}`,
      port,
      dataDir,
      readyMs: performance.now() - started,
      signUp: (name) => signUp(`http://localhost:${port}`, name),
      stop: () => stopProcess(child),
      async [Symbol.asyncDispose]() {
        await stopProcess(child);
        await folder?.[Symbol.asyncDispose]();
      },
    };
  } catch (cause) {
    await stopProcess(child);
    await folder?.[Symbol.asyncDispose]();
    throw cause;
  }
}

/** Starts one service as its `start` task does, and waits for nothing. */
export function spawnService(service: ServiceName, options: ProcessOptions = {}): RunningProcess {
  const env = { ...inherited(), ...options.env };
  const script = service === "embedded" ? "services/embedded.ts" : `services/${service}/main.ts`;
  return spawn(["run", ...permissionFlags(service, env), script], env);
}

/** Runs Deno with these arguments and this environment alone. */
export function spawn(args: string[], env: Record<string, string>, cwd = ROOT): RunningProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = { stdout: "", stderr: "" };
  let gone = false;
  const read = async (name: keyof typeof output) => {
    for await (const text of child[name].pipeThrough(new TextDecoderStream())) output[name] += text;
  };
  const ended = (async () => {
    const [status] = await Promise.all([
      child.status.finally(() => gone = true),
      read("stdout"),
      read("stderr"),
    ]);
    return status.code;
  })();
  return {
    pid: child.pid,
    output,
    ended,
    get gone() {
      return gone;
    },
    kill(signal) {
      if (!gone) child.kill(signal);
    },
  };
}

/** The environment that every process of Rondo is given by the tests, with what these further names hold. */
export function inherited(names: readonly string[] = []): Record<string, string> {
  return Object.fromEntries([...INHERITED, ...names].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** The port that a starting process listens on, once `/ready` answers 200 there. */
export async function readyPort(child: RunningProcess, name = "Rondo"): Promise<number> {
  const says = new RegExp(`^${name} is running on http://[^\\s]*:(\\d+)$`, "m");
  let port = 0;
  await waitFor(async () => {
    if (child.gone) {
      throw new Error(
        `${name} ended with ${await child.ended}: ${child.output.stderr || child.output.stdout}`,
      );
    }
    port = Number(says.exec(child.output.stdout)?.[1] ?? 0);
    return port > 0 && await isReady(`http://localhost:${port}`);
  }, READY_MS);
  return port;
}

async function isReady(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/ready`, { signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

/** Ends a process with SIGTERM and gives its exit code; one that does not end in time is killed. */
export async function stopProcess(child: RunningProcess, deadlineMs = 30_000): Promise<number> {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const code = await child.ended;
  clearTimeout(timer);
  return code;
}

export interface TemporaryFolder extends AsyncDisposable {
  /** Not there yet: Rondo makes it, with the rights that it needs. */
  readonly path: string;
}

/** A folder for Rondo's data; in the end its PostgreSQL is stopped, if one was left behind, and it is removed. */
export function temporaryFolder(): TemporaryFolder {
  const path = join(tmpdir(), `rondo-e2e-${crypto.randomUUID()}`);
  return {
    path,
    async [Symbol.asyncDispose]() {
      if (await Deno.stat(join(path, "pg", "postmaster.pid")).then(() => true, () => false)) {
        await (await startEmbeddedPostgres({ dataDir: path, log: createLog({ service: "test" }) })).stop();
      }
      await Deno.remove(path, { recursive: true }).catch((cause) => {
        if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      });
    },
  };
}

/** The process id and the port of the PostgreSQL of a data folder. */
export async function postmaster(dataDir: string): Promise<{ pid: number; port: number }> {
  const lines = (await Deno.readTextFile(join(dataDir, "pg", "postmaster.pid"))).split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  assert.ok(pid > 1 && port > 0, `postmaster.pid holds ${lines.join(" ")}`);
  return { pid, port };
}

/** The address of the database of a data folder for its superuser, by the way that Rondo itself takes. */
export async function databaseUrl(dataDir: string): Promise<string> {
  const { port } = await postmaster(dataDir);
  const password = await Deno.readTextFile(join(dataDir, "pg.password"));
  return withSocket(`postgres://postgres:${password}@127.0.0.1:${port}/rondo`, socketOf(dataDir));
}

/** A pool of the superuser on the database of a data folder, to look where HTTP does not reach. */
export async function openDatabase(dataDir: string): Promise<Sql & AsyncDisposable> {
  const sql = connect({ url: await databaseUrl(dataDir), name: "test", max: 2 });
  return Object.assign(sql, { [Symbol.asyncDispose]: () => sql.end({ timeout: 5 }) });
}

/** A port that nothing listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** The sum of a metric's samples whose labels match, out of a Prometheus page. */
export async function metric(
  origin: string,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const response = await fetch(`${origin}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const page = await response.text();
  assert.equal(response.status, 200, page);
  const samples = [...page.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].filter((sample) =>
    sample[1] === name &&
    Object.entries(labels).every(([label, value]) => sample[2]?.includes(`${label}="${value}"`))
  );
  return samples.reduce((sum, sample) => sum + Number(sample[3]), 0);
}

/** Resident memory of a process in MB, where the system tells. */
export async function residentMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1_024);
}

/** Numbers between 0 and 1 that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
