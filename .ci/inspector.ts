/**
 * The assistant's MCP server as the protocol's own Inspector sees it, by its command line. The Inspector needs a newer
 * Node.js than Rondo does, so both come from npm, as `.ci/inspector` pins them.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { signUp, startRondo } from "../e2e/support/rondo.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PINS = join(ROOT, ".ci", "inspector");
const LOCK = "package-lock.json";
const MINUTE_MS = 60_000;

const folder = await installed();
let passed = 0;
let failed = 0;
await using rondo = await startRondo();
const user = await signUp(rondo.origin);
const { body: { key } } = await user.call<{ key: string }>("POST", "/api/keys", {
  name: "inspector",
  scopes: ["read", "write"],
});

await check("the Inspector finds no fault in any tool's schema", async () => {
  // Any that is severe would end it with another code than 0.
  const { tools } = await inspect("tools/list", ["--strict"]);
  const names = tools.map(({ name }: { name: string }) => name);
  for (const name of ["search_tasks", "create_task", "change_many_tasks", "undo"]) {
    assert.ok(names.includes(name), `${name} is not among ${names}`);
  }
});

await check("a task made with the Inspector is in the api, by the assistant", async () => {
  const made = await inspect("tools/call", ["--tool-name", "create_task", "--tool-arg", "title=Buy milk"]);
  assert.equal(made.structuredContent.status, "done");
  const { body: tasks } = await user.call<{ items: { title: string }[] }>("GET", "/api/tasks");
  assert.deepEqual(tasks.items.map(({ title }) => title), ["Buy milk"]);
  const { body: log } = await user.call<{ changes: { actor: { kind: string } }[] }>(
    "GET",
    "/api/changes?since=0",
  );
  assert.equal(log.changes.at(-1)?.actor.kind, "assistant");
});

await check("resources and prompts", async () => {
  const { resources } = await inspect("resources/list", []);
  assert.ok(resources.some(({ uri }: { uri: string }) => uri === "rondo://today"));
  const { contents: [today] } = await inspect("resources/read", ["--uri", "rondo://today"]);
  assert.equal(today.uri, "rondo://today");
  const { messages } = await inspect("prompts/get", ["--prompt-name", "plan_my_day"]);
  assert.ok(messages.length > 0);
});

await check("a wrong key is refused", async () => {
  await assert.rejects(inspect("tools/list", [], "rk_wrong"), /auth_required/);
});

console.log(`${passed} passed, ${failed} failed`);
// No exit, which would leave Rondo running.
Deno.exitCode = failed === 0 ? 0 : 1;

/** What a method of the protocol answered. @throws Error with what the Inspector wrote when it failed */
// deno-lint-ignore no-explicit-any -- as the protocol defines it, per method
async function inspect(method: string, args: string[], credential: string = key): Promise<any> {
  const bin = join(folder, "node_modules", ".bin");
  const { success, stdout, stderr } = await new Deno.Command(join(bin, "inspector"), {
    args: [
      ...["--cli", "--server-url", `${rondo.origin}/mcp`, "--transport", "http"],
      ...["--header", `Authorization: Bearer ${credential}`, "--method", method, ...args],
    ],
    env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
    stdin: "null",
    signal: AbortSignal.timeout(MINUTE_MS),
  }).output();
  const written = new TextDecoder().decode(stdout);
  if (!success) throw new Error(written + new TextDecoder().decode(stderr));
  return JSON.parse(written);
}

async function check(name: string, test: () => Promise<void>): Promise<void> {
  try {
    await test();
    passed++;
    console.log(`ok: ${name}`);
  } catch (cause) {
    failed++;
    console.log(`FAILED: ${name}`);
    console.error(cause);
  }
}

/** Where the Inspector is; it is installed when it is missing or another one is asked for. */
async function installed(): Promise<string> {
  const target = join(ROOT, "node_modules", ".cache", "inspector");
  const wanted = await Deno.readTextFile(join(PINS, LOCK));
  if (await Deno.readTextFile(join(target, "installed.json")).catch(() => "") !== wanted) {
    console.log("Installing the MCP Inspector and its Node.js …");
    await Deno.mkdir(target, { recursive: true });
    for (const name of ["package.json", LOCK]) await Deno.copyFile(join(PINS, name), join(target, name));
    const { success } = await new Deno.Command("npm", {
      args: ["ci", "--no-audit", "--no-fund"],
      cwd: target,
      stdin: "null",
    }).spawn().status;
    if (!success) throw new Error("Cannot install the MCP Inspector");
    await Deno.copyFile(join(target, LOCK), join(target, "installed.json"));
  }
  return target;
}
