/** Processes that another process started: a pid alone does not name one, since it is used again. */

/** A process as it can be recognised later. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in whatever form the system says it. */
  started: string;
}

/** The process of this pid, or null when there is none. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const started = Deno.build.os === "linux" ? await startTicks(pid) : await startText(pid);
  return started === null ? null : { pid, started };
}

/** Whether a process still runs. */
export async function isRunning(process: ProcessIdentity): Promise<boolean> {
  return (await identify(process.pid))?.started === process.started;
}

/** Sends a signal to a process if it still runs; the answer is whether it did. */
export async function signal(process: ProcessIdentity, name: Deno.Signal): Promise<boolean> {
  if (!await isRunning(process)) return false;
  try {
    Deno.kill(process.pid, name);
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw cause;
  }
}

/** Ends a process as an operator does, and kills it when it takes longer. */
export async function end(process: ProcessIdentity, patienceMs = 20_000): Promise<void> {
  await signal(process, "SIGTERM");
  const until = performance.now() + patienceMs;
  while (await isRunning(process)) {
    if (performance.now() > until) await signal(process, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ticks since the boot, out of `/proc`; a process that has ended and was not yet waited for counts as none. */
async function startTicks(pid: number): Promise<string | null> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  // The second field is the program's name in brackets, and may hold anything, brackets and spaces too.
  const [state, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (state === undefined || state === "" || state === "Z") return null;
  return rest[18] ?? null;
}

async function startText(pid: number): Promise<string | null> {
  const { success, stdout } = await new Deno.Command("ps", {
    args: ["-o", "lstart=", "-p", String(pid)],
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout).trim() : null;
}
