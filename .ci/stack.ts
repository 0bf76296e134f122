/**
 * What needs Go and Java: the runtime's contract over a real sidecar and Kafka, and the whole stack on this machine.
 * Dapr and Kafka are built and fetched once, into the user's cache.
 *
 * `deno task test:stack [file…]` runs some files only.
 */
import { fileURLToPath } from "node:url";
import { installDapr, installKafka } from "../deploy/local/install.ts";
import { StartError } from "../services/shared/host/config.ts";
import { denoTest } from "./deno_test.ts";

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
const files = Deno.args.length > 0 ? Deno.args : ["e2e/stack"];
// As services run: otherwise a request's signal aborts when it was answered well.
const flags = ["--unstable-no-legacy-abort"];
const { passed, failed } = await denoTest("stack tests", files, { flags, minutes: MINUTES });
const total = failed + (built.success ? 0 : 1);
console.log(`took ${Math.round((performance.now() - started) / 1_000)} s`);
console.log(`${passed} passed, ${total} failed`);
Deno.exit(total === 0 ? 0 : 1);
