/**
 * What operators rely on: alerts, dashboards, workflows, scripts, Terraform, backups. The checkers are built from Go
 * modules once, or come from PyPI and Debian; Prometheus watches the real stack, which needs Java, too.
 *
 * `deno task test:ops [file…]` runs some files only.
 */
import { installDapr, installKafka } from "../deploy/local/install.ts";
import { tool } from "../observability/tools.ts";
import { StartError } from "../services/shared/host/config.ts";
import { denoTest } from "./deno_test.ts";

const MINUTES = 20;
const started = performance.now();
const files = Deno.args.length > 0 ? Deno.args : ["observability", "e2e/ops"];

try {
  for (const name of ["promtool", "prometheus", "actionlint"] as const) await tool(name);
  await installDapr();
  await installKafka();
} catch (cause) {
  if (!(cause instanceof StartError)) throw cause;
  console.log(`${cause.message}\n0 passed, 1 failed`);
  Deno.exit(1);
}
// As services run: otherwise a request's signal aborts when it was answered well.
const { passed, failed } = await denoTest("operations tests", files, {
  flags: ["--unstable-no-legacy-abort"],
  minutes: MINUTES,
});
console.log(`took ${Math.round((performance.now() - started) / 1_000)} s`);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
