/**
 * What goes into the images besides Deno: each program as one file, with the files that it reads.
 *
 * Programs find their migrations, workers and pages beside their modules. A bundle has one address only, so modules
 * are given the addresses that they had, below `/app`, before they are put together.
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { StartError } from "../../services/shared/host/config.ts";
import { APP, type Image, IMAGES, type Program } from "./images.ts";
import { sbomOf } from "./sbom.ts";

/** Where the bundles are: the context of the build. */
export const OUT = join(fileURLToPath(new URL(".", import.meta.url)), "out");
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Folders with modules of programs, as they lie in the repository. */
const SOURCES = ["services", "web", "deploy"];
/** What a module needs that was written for CommonJS. */
const BANNER = `import { createRequire as __rondoRequire } from "node:module";
const require = __rondoRequire(import.meta.url);
`;

/**
 * Fills `folder/<image>/app` for every image, and lists its packages in `folder/<image>/sbom.cdx.json`; what was there
 * is replaced. @throws StartError
 */
export async function bundleAll(folder: string, report: (line: string) => void): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const stage = await Deno.makeTempDir({ prefix: "rondo-bundle-" });
  try {
    await stageSources(stage);
    for (const image of IMAGES) {
      report(`Bundling ${image.name}`);
      await bundleImage(image, stage, join(folder, image.name, "app"));
      const list = await sbomOf(image);
      await Deno.writeTextFile(
        join(folder, image.name, "sbom.cdx.json"),
        `${JSON.stringify(list, null, 2)}\n`,
      );
    }
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

async function bundleImage(image: Image, stage: string, target: string): Promise<void> {
  await Deno.remove(target, { recursive: true }).catch(() => {});
  await Deno.mkdir(target, { recursive: true });
  for (const program of image.programs) await bundle(program, stage, join(target, program.file));
  for (const path of image.files ?? []) {
    await Deno.mkdir(join(target, dirname(path)), { recursive: true });
    await copy(join(ROOT, path), join(target, path));
  }
}

async function bundle({ module }: Program, stage: string, target: string): Promise<void> {
  const entry = join(stage, module);
  const source = await Deno.readTextFile(entry);
  // Of all modules in one file, the one that is started is `main`.
  await Deno.writeTextFile(entry, source.replaceAll("__rondoMain", "true"));
  try {
    await Deno.mkdir(dirname(target), { recursive: true });
    await run(stage, [
      ...["bundle", "--quiet", "--minify", "--platform", "deno", "--packages", "bundle"],
      ...["-o", target, module],
    ]);
  } finally {
    await Deno.writeTextFile(entry, source);
  }
  const code = (await Deno.readTextFile(target)).replaceAll("__rondoMain", "false");
  await Deno.writeTextFile(target, BANNER + code);
}

/** A copy of the modules in which each knows where it would lie in an image. */
async function stageSources(stage: string): Promise<void> {
  for (const name of ["deno.json", "deno.lock", "package.json"]) {
    await Deno.copyFile(join(ROOT, name), join(stage, name));
  }
  await Deno.symlink(join(ROOT, "node_modules"), join(stage, "node_modules"));
  for (const name of SOURCES) await stageFolder(join(ROOT, name), stage);
}

async function stageFolder(folder: string, stage: string): Promise<void> {
  const there = join(stage, relative(ROOT, folder));
  await Deno.mkdir(there, { recursive: true });
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) {
      if (!["node_modules", "dist", "out"].includes(entry.name)) await stageFolder(path, stage);
    } else if (/\.(ts|tsx|js|json)$/.test(entry.name)) {
      const text = await Deno.readTextFile(path);
      const address = JSON.stringify(`file://${APP}/${relative(ROOT, path)}`);
      await Deno.writeTextFile(
        join(there, entry.name),
        text.replaceAll("import.meta.url", address).replaceAll("import.meta.main", "__rondoMain"),
      );
    }
  }
}

async function copy(from: string, to: string): Promise<void> {
  const info = await Deno.stat(from);
  if (!info.isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

async function run(cwd: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd, stdin: "null" }).output();
  if (!success) throw new StartError(`Cannot bundle: ${new TextDecoder().decode(stderr).trim()}`);
}
