/** Terraform, as far as it goes without a provider: its form, its variables, and what is refused as not free. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../deploy/terraform", import.meta.url));
const terraform = Deno.env.get("TERRAFORM") ?? "terraform";
const there = await new Deno.Command(terraform, { args: ["version"] }).output().then(() => true, () => false);
if (!there) console.log("There is no Terraform: its own checks are left out; install it, or set TERRAFORM");

Deno.test("every variable and output says what it is", async () => {
  for (const file of ["variables.tf", "outputs.tf", join("limits", "main.tf")]) {
    const text = await Deno.readTextFile(join(FOLDER, file));
    const blocks = [...text.matchAll(/^(?:variable|output) "(\w+)" \{\n([^]*?)^\}/gm)];
    assert.ok(blocks.length > 0, file);
    for (const [, name, body = ""] of blocks) {
      assert.match(body, /^ {2}description = "[^"]+\."$/m, `${file}: ${name}`);
    }
  }
  const declared = await names("variables.tf", /^variable "(\w+)"/gm);
  const given = await names("terraform.tfvars.example", /^(\w+)\s*=/gm);
  const used = new Set([
    ...await names("main.tf", /\bvar\.(\w+)/g),
    ...await names("versions.tf", /\bvar\.(\w+)/g),
  ]);
  assert.deepEqual(declared.filter((name) => !used.has(name)), []);
  assert.deepEqual(given.filter((name) => !declared.includes(name)), []);
});

Deno.test({
  name: "terraform fmt has nothing to change",
  ignore: !there,
  fn: () => succeeds(["fmt", "-check", "-recursive", "-diff"], FOLDER),
});

Deno.test({
  name: "what is not free is refused, by terraform test",
  ignore: !there,
  async fn() {
    const copy = await Deno.makeTempDir({ prefix: "rondo-terraform-" });
    try {
      await Deno.mkdir(join(copy, "tests"));
      for (const file of ["main.tf", join("tests", "limits.tftest.hcl")]) {
        await Deno.copyFile(join(FOLDER, "limits", file), join(copy, file));
      }
      await succeeds(["init", "-input=false"], copy);
      await succeeds(["test"], copy);
    } finally {
      await Deno.remove(copy, { recursive: true });
    }
  },
});

async function names(file: string, pattern: RegExp): Promise<string[]> {
  const text = await Deno.readTextFile(join(FOLDER, file));
  return [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);
}

async function succeeds(args: string[], cwd: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(terraform, { args, cwd, env: { NO_COLOR: "1" } })
    .output();
  assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
}
