/**
 * `deno task test:browser [--base-url <address>] [file…]`: the browser tests, on a Rondo of their own or on any that
 * is running: one process, the real stack, a cluster. Tests that restart theirs are ignored on another's.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "./chromium.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const { values: { "base-url": target }, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { "base-url": { type: "string" } },
});
const origin = target === undefined ? null : new URL(target).origin;
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--no-check", ...(positionals.length > 0 ? positionals : ["e2e/browser"])],
  cwd: ROOT,
  env: { CHROMIUM: await chromium(), ...(origin === null ? {} : { BASE_URL: origin }) },
  stdin: "null",
}).spawn().status;
Deno.exit(code);
