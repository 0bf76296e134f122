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
/** Tests that measure what a user waits for, or draw what was drawn before: nothing runs beside them. */
const ALONE = [
  "e2e/browser/live_test.ts",
  "e2e/browser/pictures_test.ts",
  "e2e/process/kill_test.ts",
  "e2e/process/start_test.ts",
];
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
  await tests(
    "unit and integration tests",
    files.length > 0 ? files : ["services", "web", "deploy", "e2e/eval"],
    ["--parallel", ...(files.length > 0 ? [] : [`--coverage=${COVERAGE}`, "--coverage-raw-data-only"])],
  );
  if (files.length === 0) {
    // Without coverage from here on: what these look at runs in other processes.
    const others = (await endToEnd()).filter((file) => !ALONE.includes(file));
    await tests("browser and process tests", others, ["--parallel"]);
    await tests("browser and process tests that run alone", ALONE, []);
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

/** The test files of the browser and of processes. */
async function endToEnd(): Promise<string[]> {
  const files: string[] = [];
  for (const folder of ["e2e/browser", "e2e/process"]) {
    for await (const { name } of Deno.readDir(join(ROOT, folder))) {
      if (name.endsWith("_test.ts")) files.push(`${folder}/${name}`);
    }
  }
  return files.toSorted();
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
