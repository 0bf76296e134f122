/** Whether bun.lockb says the same versions as package.json asks for (Deno checks deno.lock itself). */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const copy = await Deno.makeTempDir();
for (const name of ["package.json", "bun.lockb", "bunfig.toml"]) {
  await Deno.copyFile(join(root, name), join(copy, name));
}
const { success, stderr } = await new Deno.Command(join(root, "node_modules", ".bin", "bun"), {
  args: ["install", "--frozen-lockfile", "--lockfile-only"],
  cwd: copy,
  stdout: "null",
  stderr: "piped",
}).output();
await Deno.remove(copy, { recursive: true });
if (!success) {
  console.error(new TextDecoder().decode(stderr));
  console.error("bun.lockb does not fit package.json: run `npx bun@1.4.5 install --lockfile-only`");
}
Deno.exit(success ? 0 : 1);
