/**
 * What needs Go and Java: the runtime's contract over a real sidecar and Kafka, and the whole stack on this machine.
 * Dapr and Kafka are built and fetched once, into the user's cache.
 *
 * `deno task test:stack [file…]` runs some files only; `deno task test:stack e2e/browser` is all of the browser's
 * tests on the stack, of which the whole run takes a part.
 */
import { fileURLToPath } from "node:url";
import { installDapr, installKafka } from "../deploy/local/install.ts";
import { startLimits } from "../e2e/browser/support.ts";
import { temporaryFolder } from "../e2e/support/rondo.ts";
import { startStack } from "../e2e/support/stack.ts";
import { StartError } from "../services/shared/host/config.ts";
import { chromium } from "./chromium.ts";
import { type Counts, denoTest } from "./deno_test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MINUTES = 30;

try {
  await installDapr();
  await installKafka();
} catch (cause) {
  if (!(cause instanceof StartError)) throw cause;
  console.log(`${cause.message}\n0 passed, 1 failed`);
  Deno.exit(1);
}
const built = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "web/build.ts"], cwd: ROOT })
  .spawn()
  .status;
const started = performance.now();
// As services run: otherwise a request's signal aborts when it was answered well.
const flags = ["--unstable-no-legacy-abort"];
const all = Deno.args.length === 0;
const browser = all
  ? ["account", "keyboard", "tasks"].map((name) => `e2e/browser/${name}_test.ts`)
  : Deno.args.filter((file) => file.startsWith("e2e/browser"));
const files = all
  ? ["contract", "faults", "kafka_login", "relay", "seeded_faults", "stack", "witness"].map((name) =>
    `e2e/stack/${name}_test.ts`
  )
  : Deno.args.filter((file) => !browser.includes(file));
const counts: Counts[] = [];
if (files.length > 0) counts.push(await denoTest("stack tests", files, { flags, minutes: MINUTES }));
if (browser.length > 0) counts.push(await onStack(browser));
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, built.success ? 0 : 1);
console.log(`took ${Math.round((performance.now() - started) / 1_000)} s`);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);

/** Runs the browser's tests on a stack of their own. */
async function onStack(paths: string[]): Promise<Counts> {
  await using folder = temporaryFolder();
  await using stack = await startStack({ dataDir: folder.path, env: startLimits() });
  return await denoTest("browser tests on the stack", paths, {
    env: { CHROMIUM: await chromium(), BASE_URL: stack.origin },
    minutes: MINUTES,
  });
}
