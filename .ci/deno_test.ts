/** `deno test` as a part of a gate: its output goes on, its tests are counted. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface Counts {
  passed: number;
  failed: number;
}

export interface DenoTestOptions {
  flags?: string[];
  /** Beside this process's own. */
  env?: Record<string, string>;
  /** The longest that it may take: a test that hangs must not take the whole gate with it. */
  minutes: number;
}

/** Runs test files; a run that ends badly without a failed test counts as one. */
export async function denoTest(name: string, paths: string[], options: DenoTestOptions): Promise<Counts> {
  const { flags = [], env = {}, minutes } = options;
  console.log(`\n== ${name}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...flags, ...paths],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1", DENO_JOBS: "2" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => {
    console.log(`FAILED: ${name} took more than ${minutes} minutes`);
    child.kill("SIGKILL");
  }, minutes * 60_000);
  let tail = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    Deno.stdout.writeSync(new TextEncoder().encode(chunk));
    tail = (tail + chunk).slice(-4_000);
  }
  const { success } = await child.status;
  clearTimeout(timer);
  const counts = [...tail.matchAll(/(\d+) passed[^|\n]*\| (\d+) failed/g)].at(-1);
  const [passed, failed] = [Number(counts?.[1] ?? 0), Number(counts?.[2] ?? 0)];
  if (passed + failed > 0 && (success || failed > 0)) return { passed, failed };
  console.log(`FAILED: ${name} did not end as it should`);
  return { passed, failed: failed + 1 };
}
