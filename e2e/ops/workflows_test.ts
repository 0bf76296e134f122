/** Workflows and scripts, by the checkers of the field. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { cached, keyOf } from "../../deploy/local/cache.ts";
import { tool } from "../../observability/tools.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WORKFLOWS = join(ROOT, ".github", "workflows");
const ZIZMOR = "zizmor==1.32.0";

interface Job {
  permissions?: unknown;
  uses?: string;
  steps?: { uses?: string }[];
  "timeout-minutes"?: number;
}
interface Workflow {
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

Deno.test("actionlint and shellcheck accept the workflows", async () => {
  await accepted(await tool("actionlint"), ["-shellcheck", await shellcheck()]);
});

Deno.test("zizmor finds nothing insecure in the workflows", async () => {
  await accepted(await zizmor(), ["--offline", "--config", ".github/zizmor.yml", ".github"]);
});

Deno.test("shellcheck accepts every script", async () => {
  const scripts = await shellScripts();
  assert.ok(scripts.length > 5, scripts.join(" "));
  await accepted(await shellcheck(), ["--external-sources", ...scripts]);
});

Deno.test("actions are pinned by commit, jobs bounded, and rights given job by job", async () => {
  for (const { name } of Deno.readDirSync(WORKFLOWS)) {
    const text = await Deno.readTextFile(join(WORKFLOWS, name));
    const { permissions, jobs } = parse(text) as Workflow;
    assert.deepEqual(permissions, {}, name);
    for (const [job, { uses, steps = [], ...rest }] of Object.entries(jobs)) {
      assert.ok(rest.permissions !== undefined, `${name}: ${job} does not say what it may`);
      assert.ok(
        uses !== undefined || rest["timeout-minutes"] !== undefined,
        `${name}: ${job} may run for ever`,
      );
      for (const { uses } of steps) {
        if (uses !== undefined) assert.match(uses, /@[0-9a-f]{40}$/, `${name}: ${job}`);
      }
    }
    for (const [line] of text.matchAll(/uses: [^.\s]\S+@.*/g)) {
      assert.match(line, /@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${name}: ${line}`);
    }
  }
});

async function accepted(program: string, args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd: ROOT }).output();
  assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}

/** Every file of the repository that says it is a shell's. */
async function shellScripts(): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", { args: ["ls-files"], cwd: ROOT }).output();
  const files = new TextDecoder().decode(stdout).trim().split("\n").filter((file) =>
    !/\.\w+$/.test(file) || /\.sh$/.test(file)
  );
  const texts = await Promise.all(files.map((file) => Deno.readTextFile(join(ROOT, file))));
  return files.filter((_, index) => /^(#!.*\b(ba)?sh$|.*\n# shellcheck shell=)/m.test(texts[index] ?? ""));
}

/** Debian's, installed when it is missing; `SHELLCHECK` names another. */
async function shellcheck(): Promise<string> {
  const program = Deno.env.get("SHELLCHECK") ?? "shellcheck";
  const there = () =>
    new Deno.Command(program, { args: ["--version"] }).output().then(() => true, () => false);
  if (!await there() && Deno.uid() === 0) {
    await new Deno.Command("apt-get", { args: ["install", "-y", "--no-install-recommends", "shellcheck"] })
      .output();
  }
  assert.ok(await there(), "install shellcheck, or set SHELLCHECK to its path");
  return program;
}

/** From PyPI into a virtual environment of its own, once. */
async function zizmor(): Promise<string> {
  const folder = await cached(`zizmor-${keyOf(ZIZMOR)}`, async (target) => {
    const script = 'python3 -m venv "$1" && "$1/bin/python" -m pip install --quiet "$2"';
    const { success, stderr } = await new Deno.Command("sh", { args: ["-c", script, "sh", target, ZIZMOR] })
      .output();
    assert.ok(success, new TextDecoder().decode(stderr));
  });
  return join(folder, "bin", "zizmor");
}
