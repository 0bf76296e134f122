/**
 * What is in an image, as CycloneDX says it. A scanner that looks into an image sees Deno and Debian's packages, but
 * of a bundle nothing: which packages of npm are in it is known where it is made.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./base.ts";
import type { Image } from "./images.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A component as CycloneDX 1.6 has it, as far as it is written here. */
export interface Component {
  "type": "library" | "application" | "container";
  "bom-ref": string;
  name: string;
  version?: string;
  purl?: string;
  hashes?: { alg: "SHA-512"; content: string }[];
  licenses?: ({ license: { name: string } } | { expression: string })[];
}

export interface Sbom {
  bomFormat: "CycloneDX";
  specVersion: "1.6";
  version: 1;
  metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

interface NpmPackage {
  name: string;
  version: string;
  dependencies: string[];
  localPath?: string;
}
/** What `deno info --json` says of a module, as far as it is read here. */
export interface ModuleInfo {
  modules: { kind: string; npmPackage?: string }[];
  npmPackages: Record<string, NpmPackage>;
}

/** The list of an image's contents, but for the base. The same sources make the same text. @throws StartError */
export async function sbomOf(image: Image): Promise<Sbom> {
  const lock = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.lock"))) as {
    npm: Record<string, { integrity?: string }>;
  };
  const packages = new Map<string, NpmPackage>();
  for (const { module } of image.programs) {
    const info = JSON.parse(await run(Deno.execPath(), ["info", "--json", module], ROOT)) as ModuleInfo;
    for (const [id, one] of reachable(info)) packages.set(id, one);
  }
  // The same version may be there several times, with others' versions beside it.
  const known = new Map<string, Component>();
  const dependsOn = new Map<string, Set<string>>();
  const ids = [...packages.keys()].sort();
  for (const id of ids) {
    const one = packages.get(id);
    if (one === undefined) continue;
    const ref = purlOf(one);
    if (!known.has(ref)) known.set(ref, await componentOf(one, lock.npm[id]?.integrity));
    const others = dependsOn.get(ref) ?? new Set();
    for (const other of one.dependencies) {
      const target = packages.get(other);
      if (target !== undefined) others.add(purlOf(target));
    }
    dependsOn.set(ref, others);
  }
  const root = `rondo/${image.name}`;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { "type": "container", "bom-ref": root, name: root } },
    components: [...known.values()],
    dependencies: [
      { ref: root, dependsOn: [...known.keys()] },
      ...[...dependsOn].map(([ref, others]) => ({ ref, dependsOn: [...others].sort() })),
    ],
  };
}

/** The packages that a program can come to from its modules: the lock knows those of all programs and tests. */
export function reachable({ modules, npmPackages }: ModuleInfo): Map<string, NpmPackage> {
  const found = new Map<string, NpmPackage>();
  const open = modules.flatMap(({ npmPackage }) => npmPackage ?? []);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const one = npmPackages[id];
    if (one === undefined || found.has(id)) continue;
    found.set(id, one);
    open.push(...one.dependencies);
  }
  return found;
}

async function componentOf(one: NpmPackage, integrity: string | undefined): Promise<Component> {
  const license = await licenseOf(one.localPath);
  const [, hash] = /^sha512-(.+)$/.exec(integrity ?? "") ?? [];
  return {
    "type": "library",
    "bom-ref": purlOf(one),
    name: one.name,
    version: one.version,
    purl: purlOf(one),
    ...(hash === undefined
      ? {}
      : { hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(hash).toHex() }] }),
    ...(license === null ? {} : { licenses: [license] }),
  };
}

async function licenseOf(folder: string | undefined) {
  if (folder === undefined) return null;
  const text = await Deno.readTextFile(join(folder, "package.json")).catch(() => "{}");
  const { license } = JSON.parse(text) as { license?: unknown };
  if (typeof license !== "string" || license === "") return null;
  // An expression of SPDX, or somebody's own words.
  return /^[\w.()+ -]+$/.test(license) && !/^SEE /.test(license)
    ? { expression: license }
    : { license: { name: license } };
}

function purlOf({ name, version }: NpmPackage): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}
