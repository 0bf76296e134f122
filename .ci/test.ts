/**
 * The gate: format, lint, types, build, every test with coverage. Needs Node.js alone; the last line counts.
 *
 * `deno task test [file…]` runs the tests of some files only.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startTestServer } from "../services/shared/testing/database.ts";
import { chromium } from "./chromium.ts";
import { coverageProblems } from "./coverage.ts";
import { denoTest } from "./deno_test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COVERAGE = join(ROOT, "coverage");
const deno = Deno.execPath();
/** The longest that one phase of tests may take. */
const PHASE_MINUTES = 20;
let passed = 0;
let failed = 0;

const files = Deno.args;
const started = performance.now();

if (files.length === 0) {
  await step("format", [deno, "fmt", "--check"]);
  await step("lint", [deno, "lint"]);
  await step("types", [deno, "check", ".ci", "services", "web", "deploy", "e2e", "observability"]);
  await step("lock file", [deno, "run", "-A", ".ci/lock.ts"]);
}
await step("build", [deno, "run", "-A", "web/build.ts"]);

const environment: Record<string, string> = { CHROMIUM: await chromium() };
{
  await using server = await startTestServer();
  environment.TEST_DATABASE_URL = server.url;
  if (files.length === 0) await Deno.remove(COVERAGE, { recursive: true }).catch(() => {});
  // Browser and process tests measure what a user waits for: they run alone, after the others, and without coverage,
  // since what they look at runs in other processes.
  await tests(
    "unit and integration tests",
    files.length > 0 ? files : ["services", "web", "deploy", "e2e/eval"],
    ["--parallel", ...(files.length > 0 ? [] : [`--coverage=${COVERAGE}`, "--coverage-raw-data-only"])],
  );
  if (files.length === 0) {
    await tests("browser and process tests", ["e2e/browser", "e2e/process"], []);
    await coverage();
  }
}

console.log(`took ${Math.round((performance.now() - started) / 1_000)} s`);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);

async function step(name: string, [command = "", ...args]: string[]): Promise<void> {
  console.log(`\n== ${name}`);
  const { success } = await new Deno.Command(command, { args, cwd: ROOT, stdin: "null" }).spawn().status;
  count(success, name);
}

function count(success: boolean, name: string): void {
  if (success) passed++;
  else failed++;
  console.log(`${success ? "ok" : "FAILED"}: ${name}`);
}

/** Runs test files; every test counts. */
async function tests(name: string, paths: string[], flags: string[]): Promise<void> {
  const counts = await denoTest(name, paths, {
    flags,
    env: environment,
    minutes: PHASE_MINUTES,
  });
  passed += counts.passed;
  failed += counts.failed;
}

async function coverage(): Promise<void> {
  console.log("\n== coverage");
  const { stdout, stderr, success } = await new Deno.Command(deno, {
    args: [
      "coverage",
      COVERAGE,
      "--lcov",
      "--exclude=_test\\.ts|/testing/|/fuzz/|/samples/|contract_suite|crash_fixture|\\.ci/|e2e/|web/src/",
    ],
    cwd: ROOT,
  }).output();
  if (!success) console.log(new TextDecoder().decode(stderr));
  const problems = success ? coverageProblems(new TextDecoder().decode(stdout), ROOT) : ["no report"];
  for (const problem of problems) console.log(problem);
  count(problems.length === 0, "coverage");
}
