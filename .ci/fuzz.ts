/**
 * What needs Python: schemathesis against the OpenAPI document of a running Rondo, recurrence against
 * python-dateutil, and the calendar feed read by icalendar. The packages of `.ci/requirements.txt` go into a virtual environment of their own.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { signUp, startRondo } from "../e2e/support/rondo.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const EXAMPLES = Deno.env.get("FUZZ_EXAMPLES") ?? "20";
const RULES = Deno.env.get("FUZZ_RULES") ?? "3000";
const FEEDS = Deno.env.get("FUZZ_FEEDS") ?? "1000";
const SEED = Deno.env.get("FUZZ_SEED") ?? "1";
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
].join(",");

const python = await environment();
let passed = 0;
let failed = 0;

count("OpenAPI document by schemathesis", await fuzzApi());
const rules = await run([
  ...[Deno.execPath(), "run", "-A", "services/shared/domain/fuzz/recurrence_fuzz.ts"],
  ...[RULES, SEED],
], { PYTHON: python });
count("recurrence by python-dateutil", rules);
const feed = await run([
  ...[Deno.execPath(), "run", "-A", "services/shared/domain/fuzz/feed_fuzz.ts"],
  ...[FEEDS, SEED],
], { PYTHON: python });
count("calendar feed by icalendar and recurring-ical-events", feed);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);

/** Every operation but accounts, keys (a key may not manage them) and the endless stream, as one user. */
async function fuzzApi(): Promise<boolean> {
  await using rondo = await startRondo({ env: { RATE_CALLS_PER_SECOND: "100000" } });
  const user = await signUp(rondo.origin);
  // A key, since a token would run out before a long run does.
  const { body } = await user.call("POST", "/api/keys", { name: "fuzz", scopes: ["read", "write"] });
  return await run([
    join(python, "..", "schemathesis"),
    ...["run", `${rondo.origin}/api/openapi.json`, "--url", rondo.origin],
    ...["--header", `Authorization: Bearer ${body.key}`],
    ...["--checks", CHECKS, "--exclude-path-regex", "/api/(auth|stream|keys|chat)|/mcp"],
    ...["--phases", "coverage,fuzzing", "-n", EXAMPLES, "--seed", SEED],
    ...["--suppress-health-check", "all", "--continue-on-failure", "--warnings", "off"],
  ]);
}

/** The interpreter of the virtual environment, which is made when it is missing or asks for other packages. */
async function environment(): Promise<string> {
  const folder = join(ROOT, "node_modules", ".cache", "fuzz-python");
  const interpreter = join(folder, "bin", "python");
  const wanted = await Deno.readTextFile(join(ROOT, ".ci", "requirements.txt"));
  const stamp = join(folder, "requirements.txt");
  if (await Deno.readTextFile(stamp).catch(() => "") !== wanted) {
    console.log("Installing schemathesis, python-dateutil and icalendar …");
    const made = await run(["python3", "-m", "venv", "--clear", folder]) &&
      await run([
        interpreter,
        "-m",
        "pip",
        "install",
        "--quiet",
        "-r",
        join(ROOT, ".ci", "requirements.txt"),
      ]);
    if (!made) throw new Error("Cannot fuzz as Python 3 with venv and pip is needed");
    await Deno.writeTextFile(stamp, wanted);
  }
  return interpreter;
}

async function run([command = "", ...args]: string[], env: Record<string, string> = {}): Promise<boolean> {
  return (await new Deno.Command(command, { args, env, cwd: ROOT, stdin: "null" }).spawn().status).success;
}

function count(name: string, success: boolean): void {
  if (success) passed++;
  else failed++;
  console.log(`${success ? "ok" : "FAILED"}: ${name}`);
}
