/** One process of the local stack: started, waited for, and ended, with its output in a file. */
import { basename, dirname } from "node:path";
import { StartError } from "../../services/shared/host/config.ts";

export interface PartOptions {
  /** What it is called in messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** Everything that it may see of the environment, beside what a program needs to run at all. */
  env?: Record<string, string>;
  cwd?: string;
  /** What it writes is appended here; the folder is made. */
  logFile: string;
  /** Asked again and again until it says yes. */
  ready: (signal: AbortSignal) => Promise<boolean>;
  /** How long that may take (default 60,000). */
  readyMs?: number;
  /** How long it may take to stop before it is killed (default 15,000). */
  stopMs?: number;
}

export interface Part extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** How it ended, on purpose or not; never rejects. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** Sends a signal (default SIGKILL); none to a process that has ended. */
  kill(signal?: Deno.Signal): void;
  /** Ends it as an operator does and waits for that; twice is fine. */
  stop(): Promise<void>;
}

/** Programs find others, their home and a place for temporary files; settings of this process stay here. */
const INHERITED = ["PATH", "HOME", "TMPDIR", "JAVA_HOME", "DENO_DIR", "XDG_CACHE_HOME", "LANG"];
const POLL_MS = 100;

/**
 * Starts a process and waits until it is ready.
 *
 * It has a session of its own: a Ctrl-C in the terminal reaches this process alone, which then ends its parts in
 * their order. Its output goes to the file directly, so that it goes on being written whatever becomes of this process.
 *
 * @throws StartError with the end of its log when it ends or is not ready in time
 */
export async function startPart(options: PartOptions): Promise<Part> {
  const { name, logFile, readyMs = 60_000, stopMs = 15_000 } = options;
  await Deno.mkdir(dirname(logFile), { recursive: true });
  const child = new Deno.Command("/bin/sh", {
    // The shell becomes the program, so its pid is the program's.
    args: ["-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", logFile, options.command, ...options.args],
    cwd: options.cwd ?? dirname(logFile),
    clearEnv: true,
    env: { ...inherited(), ...options.env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  let gone = false;
  const ended = child.status.then((status) => {
    gone = true;
    return status;
  });
  const kill = (signal: Deno.Signal = "SIGKILL") => {
    if (gone) return;
    try {
      child.kill(signal);
    } catch (cause) {
      // It ended a moment ago.
      if (!(cause instanceof TypeError) && !(cause instanceof Deno.errors.NotFound)) throw cause;
    }
  };
  const stop = async () => {
    kill("SIGTERM");
    const timer = setTimeout(() => kill("SIGKILL"), stopMs);
    await ended;
    clearTimeout(timer);
  };
  try {
    await readiness(options, ended, readyMs);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { name, pid: child.pid, logFile, ended, kill, stop, [Symbol.asyncDispose]: stop };
}

async function readiness(
  { name, logFile, ready }: PartOptions,
  ended: Promise<Deno.CommandStatus>,
  readyMs: number,
): Promise<void> {
  const signal = AbortSignal.timeout(readyMs);
  let status: Deno.CommandStatus | null = null;
  ended.then((value) => status = value);
  for (;;) {
    const answered = await ready(signal).catch(() => false);
    // Once it has ended, whoever answered is somebody else at its port.
    if (answered && status === null) return;
    if (status !== null) {
      throw new StartError(`${name} ended before it was ready: ${await lastWords(logFile)}`);
    }
    if (signal.aborted) {
      throw new StartError(
        `${name} was not ready after ${Math.round(readyMs / 1_000)} s: ${await lastWords(logFile)}`,
      );
    }
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, POLL_MS))]);
  }
}

/** Whether an address answers with a success. */
export async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal });
  await response.body?.cancel();
  return response.ok;
}

function inherited(): Record<string, string> {
  return Object.fromEntries(INHERITED.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** The end of a log, short enough for one line of a terminal's history; of structured lines what they say. */
async function lastWords(logFile: string): Promise<string> {
  const lines = (await Deno.readTextFile(logFile).catch(() => "")).trim().split("\n").slice(-2);
  return `${lines.map(messageOf).join(" ").slice(-400)} (${basename(logFile)})`;
}

function messageOf(line: string): string {
  try {
    const { msg } = JSON.parse(line);
    return typeof msg === "string" ? msg : line;
  } catch {
    return line;
  }
}
