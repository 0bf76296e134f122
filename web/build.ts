/**
 * Builds the application into `web/dist`: hashed assets, `index.html`, and a `.br` and `.gz` beside each text.
 * Unchanged sources are not built again, so that it can stand in front of every start.
 *
 *   deno run -A web/build.ts [--force]
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** More JavaScript than this, gzipped, before the first view shows is refused; what comes later is fetched when it is needed. */
const JS_BUDGET = 100_000;

const web = new URL("./", import.meta.url);
const root = new URL("../", web);
const dist = new URL("dist/", web);
const assets = new URL("assets/", dist);
const STAMP = "build.json";
const TEXT = /\.(js|css|html|svg|webmanifest)$/;
const FONTS = new URL("node_modules/@fontsource-variable/inter/files/", root);

/** The style sheets in the order of their cascade. */
const STYLES = ["tokens", "base", "layout", "list", "detail", "overlays", "pages", "views", "chat"];

/** What the bundle is made of: when none of it changed, the old one still stands. */
const SOURCES = [
  new URL("src/", web),
  new URL("services/shared/domain/", root),
  new URL("index.html", web),
  new URL("build.ts", web),
  new URL("package.json", root),
];

export interface BuildResult {
  skipped: boolean;
  /** Gzipped bytes by file name. */
  sizes: Record<string, number>;
  /** The JavaScript of the first view, gzipped: the entry and what it imports statically. */
  javascript: number;
}

interface Stamp {
  hash: string;
  sizes: Record<string, number>;
  javascript: number;
}

/** Builds unless `dist` already holds what these sources make; throws when the JavaScript grows over its budget. */
export async function build(options: { force?: boolean } = {}): Promise<BuildResult> {
  const hash = await hashSources();
  const stamp = options.force ? null : await readStamp();
  if (stamp?.hash === hash) return { skipped: true, sizes: stamp.sizes, javascript: stamp.javascript };

  await Deno.remove(dist, { recursive: true }).catch(ignoreMissing);
  await Deno.mkdir(assets, { recursive: true });
  const scripts = await bundle();
  const fonts = await copyFonts();
  const style = await writeHashed("style", "css", await styleSheet(fonts));
  const icon = await writeHashed("icon", "svg", await Deno.readTextFile(new URL("src/icon.svg", web)));
  await writeIndex({ ...scripts, style, icon, font: fonts.get("latin") ?? "" });
  await copyInstalled();
  await bundleWorker();
  const sizes = await compressAll();
  const first = [scripts.main, scripts.look, ...scripts.preload];
  const javascript = first.reduce((sum, file) => sum + (sizes[file.slice(1)] ?? 0), 0);
  const made: Stamp = { hash, sizes, javascript };
  if (javascript > JS_BUDGET) {
    throw new Error(
      `Cannot keep this build as JavaScript for the first view must stay under ${JS_BUDGET} bytes gzipped: it has ${javascript}`,
    );
  }
  await Deno.writeTextFile(new URL(STAMP, dist), JSON.stringify(made, null, 2));
  return { skipped: false, sizes, javascript };
}

async function hashSources(): Promise<string> {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for await (const file of filesOf(source)) {
      if (/_test\.tsx?$/.test(file.pathname)) continue;
      hash.update(file.pathname.slice(root.pathname.length));
      hash.update(await Deno.readFile(file));
    }
  }
  return hash.digest("hex");
}

async function* filesOf(place: URL): AsyncGenerator<URL> {
  if (!place.pathname.endsWith("/")) {
    yield place;
    return;
  }
  const entries = await Array.fromAsync(Deno.readDir(place));
  for (const entry of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (entry.name === "samples") continue;
    yield* filesOf(new URL(entry.isDirectory ? `${entry.name}/` : entry.name, place));
  }
}

async function readStamp(): Promise<Stamp | null> {
  try {
    return JSON.parse(await Deno.readTextFile(new URL(STAMP, dist))) as Stamp;
  } catch {
    return null;
  }
}

/** The modules, split at dynamic imports, by Bun. */
async function bundle(): Promise<{ main: string; look: string; preload: string[] }> {
  await runBun([
    "web/src/main.tsx",
    "web/src/look.ts",
    "--outdir=web/dist/assets",
    "--target=browser",
    "--splitting",
    "--minify",
    "--jsx-runtime=automatic",
    "--jsx-import-source=preact",
    "--define=process.env.NODE_ENV='production'",
    "--tsconfig-override=web/tsconfig.json",
    "--min-chunk-size=16384",
    "--entry-naming=[name].entry-[hash].[ext]",
    "--chunk-naming=[name]-[hash].[ext]",
  ]);
  const names = (await Array.fromAsync(Deno.readDir(assets))).map((entry) => entry.name);
  const named = (name: string) => {
    const found = names.find((file) => file.startsWith(`${name}.entry-`) && file.endsWith(".js"));
    if (found === undefined) throw new Error(`bun build made no ${name}`);
    return `/assets/${found}`;
  };
  const main = named("main");
  // What the entry imports statically, also by way of others, is fetched beside it, not after it.
  const preload = new Set<string>();
  await addImports(main, preload);
  preload.delete(main);
  return { main, look: named("look"), preload: [...preload] };
}

async function addImports(file: string, found: Set<string>): Promise<void> {
  const text = await Deno.readTextFile(new URL(`.${file}`, dist));
  for (const [, name] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) {
    const imported = `/assets/${name}`;
    if (found.has(imported)) continue;
    found.add(imported);
    await addImports(imported, found);
  }
}

/** What an installed application is known by. Not hashed: systems ask for these names again. */
async function copyInstalled(): Promise<void> {
  await Deno.copyFile(new URL("src/manifest.json", web), new URL("manifest.webmanifest", dist));
  for await (const { name } of Deno.readDir(new URL("src/icons/", web))) {
    await Deno.copyFile(new URL(`src/icons/${name}`, web), new URL(name, dist));
  }
}

/** The service worker, which knows every file of this build by name. */
async function bundleWorker(): Promise<void> {
  const files = (await Array.fromAsync(Deno.readDir(assets))).map(({ name }) => `/assets/${name}`).sort();
  const version = createHash("sha256").update(files.join("\n"))
    .update(await Deno.readFile(new URL("index.html", dist))).digest("hex").slice(0, 12);
  await runBun([
    "web/src/worker/worker.ts",
    "--outfile=web/dist/sw.js",
    "--target=browser",
    "--format=iife",
    "--minify",
    `--define=FILES=${JSON.stringify(files)}`,
    `--define=VERSION=${JSON.stringify(version)}`,
  ]);
}

async function runBun(args: string[]): Promise<void> {
  const bun = new URL("node_modules/.bin/bun", root);
  const { code, stdout, stderr } = await new Deno.Command(bun, {
    cwd: root,
    args: ["build", ...args],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(
      `bun build failed:\n${new TextDecoder().decode(stderr)}${new TextDecoder().decode(stdout)}`,
    );
  }
}

/** The two subsets that European languages need; other scripts use the system's own font. */
async function copyFonts(): Promise<Map<string, string>> {
  const fonts = new Map<string, string>();
  for (const subset of ["latin", "latin-ext"]) {
    const bytes = await Deno.readFile(new URL(`inter-${subset}-wght-normal.woff2`, FONTS));
    fonts.set(subset, await writeHashed(`inter-${subset}`, "woff2", bytes));
  }
  return fonts;
}

async function styleSheet(fonts: Map<string, string>): Promise<string> {
  const parts = await Promise.all(
    STYLES.map((name) => Deno.readTextFile(new URL(`src/styles/${name}.css`, web))),
  );
  return minifyCss(parts.join("\n"))
    .replace(/\{\{font:([a-z-]+)\}\}/g, (_, subset: string) => fonts.get(subset) ?? "");
}

/** Takes out comments and white space; strings of this project's sheets hold neither. */
function minifyCss(css: string): string {
  return css.replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/\s+/g, " ")
    .replace(/\s*([{};,>])\s*/g, "$1")
    .replace(/: /g, ":")
    .replaceAll(";}", "}")
    .trim();
}

async function writeHashed(name: string, extension: string, content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const hash = createHash("sha256").update(bytes).digest("base64url").replace(/[-_]/g, "").slice(0, 8);
  const file = `${name}-${hash}.${extension}`;
  await Deno.writeFile(new URL(file, assets), bytes);
  return `/assets/${file}`;
}

async function writeIndex(
  files: { main: string; look: string; preload: string[]; style: string; icon: string; font: string },
): Promise<void> {
  const { preload, ...single } = files;
  const values: Record<string, string> = {
    ...single,
    preload: preload.map((file) => `<link rel="modulepreload" href="${file}">`).join("\n    "),
  };
  const template = await Deno.readTextFile(new URL("index.html", web));
  const html = template.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Cannot fill index.html: nothing is called ${name}`);
    return value;
  });
  await Deno.writeTextFile(new URL("index.html", dist), html);
}

async function compressAll(): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for await (const file of filesOf(dist)) {
    if (!TEXT.test(file.pathname)) continue;
    const bytes = await Deno.readFile(file);
    const [br, gz] = await Promise.all([
      promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
      promisify(gzip)(bytes, { level: 9 }),
    ]);
    await Promise.all([Deno.writeFile(new URL(`${file}.br`), br), Deno.writeFile(new URL(`${file}.gz`), gz)]);
    const name = file.pathname.slice(dist.pathname.length);
    sizes[name] = gz.byteLength;
  }
  return sizes;
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

if (import.meta.main) {
  const started = performance.now();
  const { skipped, sizes, javascript } = await build({ force: Deno.args.includes("--force") });
  const ms = Math.round(performance.now() - started);
  if (skipped) console.log(`web/dist is up to date (${ms} ms)`);
  else {
    for (const [name, size] of Object.entries(sizes).sort(([, a], [, b]) => b - a)) {
      console.log(`${String(size).padStart(8)}  ${name}`);
    }
    console.log(
      `${String(javascript).padStart(8)}  JavaScript of the first view, gzipped, of ${JS_BUDGET} (${ms} ms)`,
    );
  }
}
