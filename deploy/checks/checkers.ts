/** Programs that look at manifests, built once from their Go modules, and the schemas that they look by. */
import { join } from "node:path";
import { stringify } from "yaml";
import type { Resource } from "../cluster/kubectl.ts";
import { cached, keyOf } from "../local/cache.ts";
import { run } from "../images/base.ts";
import { type Definition, readDefinitions } from "./definitions.ts";

const PROGRAMS = [
  "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
  "github.com/zegl/kube-score/cmd/kube-score@v1.20.0",
  "github.com/tmccombs/hcl2json@v0.6.8",
];
/** Holds the schemas of lists of an image's contents. */
const CYCLONEDX = "@cyclonedx/cyclonedx-library@10.3.0";
/** Holds the schemas of Kubernetes' own kinds, for every version. */
const SCHEMAS = "kubernetes-validate==1.37.0";
const KUBERNETES = "v1.34.0";
const DEFINITIONS = "_definitions.json";
/** Kinds whose schemas need a newer Java than some machines have. */
const STRIMZI_KINDS = ["Kafka", "KafkaNodePool", "KafkaTopic", "KafkaUser"];

export interface Checkers {
  kubeconform: string;
  kubeScore: string;
  hcl2json: string;
  /** Where kubeconform finds schemas. */
  schemas: string[];
  /** What can't be looked at, and why; null: nothing. */
  missing: string | null;
}

/** Everything that checks need; made on the first call. @throws StartError when Go or Python is missing */
export async function installCheckers(report: (line: string) => void): Promise<Checkers> {
  const programs = await cached(`checkers-${keyOf(...PROGRAMS)}`, async (target) => {
    report("Building kubeconform, kube-score and hcl2json, once");
    for (const program of PROGRAMS) {
      await run("env", [`GOBIN=${target}`, "CGO_ENABLED=0", "go", "install", program]);
    }
  });
  const { all, missing } = await readDefinitions();
  const key = keyOf(SCHEMAS, "2", ...all.map((definition) => JSON.stringify(definition)));
  const schemas = await cached(`schemas-${key}`, async (target) => {
    const [wheels, files] = [join(target, "wheels"), join(target, "files")];
    await run("pip", ["download", "--quiet", "--no-deps", "--dest", wheels, SCHEMAS]);
    const [wheel] = (await Array.fromAsync(Deno.readDir(wheels))).map(({ name }) => join(wheels, name));
    await run("python3", ["-m", "zipfile", "-e", wheel ?? "", files]);
    await Deno.rename(
      join(files, "kubernetes_validate", "kubernetes-json-schema", `${KUBERNETES}-local-strict`),
      join(target, "kubernetes"),
    );
    await complete(join(target, "kubernetes"));
    await Deno.remove(files, { recursive: true });
    await Deno.remove(wheels, { recursive: true });
    await Deno.mkdir(join(target, "custom"));
    for (const definition of all) await writeSchemas(definition, join(target, "custom"));
  });
  return {
    kubeconform: join(programs, "kubeconform"),
    kubeScore: join(programs, "kube-score"),
    hcl2json: join(programs, "hcl2json"),
    schemas: [
      join(schemas, "kubernetes", "{{ .ResourceKind }}{{ .KindSuffix }}.json"),
      join(schemas, "custom", "{{ .Group }}-{{ .ResourceKind }}-{{ .ResourceAPIVersion }}.json"),
    ],
    missing,
  };
}

/** The folder with CycloneDX's own schemas; fetched on the first call. @throws StartError when npm is missing */
export async function cyclonedxSchemas(): Promise<string> {
  const folder = await cached(`cyclonedx-${keyOf(CYCLONEDX)}`, async (target) => {
    await run("npm", ["pack", "--silent", CYCLONEDX, "--pack-destination", target]);
    const [archive = ""] = (await Array.fromAsync(Deno.readDir(target))).map(({ name }) => name);
    await run("tar", ["-xzf", join(target, archive), "-C", target, "package/res/schema"]);
    await Deno.remove(join(target, archive));
  });
  return join(folder, "package", "res", "schema");
}

/** The schemas refer to a file of definitions by the address of a server: each gets those that it needs itself. */
async function complete(folder: string): Promise<void> {
  const { $defs } = JSON.parse(await Deno.readTextFile(join(folder, DEFINITIONS))) as {
    $defs: Record<string, unknown>;
  };
  const definitions = new Map(
    Object.entries($defs).map(([name, one]) => [name, ownRefs(JSON.stringify(one))]),
  );
  for await (const { name } of Deno.readDir(folder)) {
    if (name === DEFINITIONS) continue;
    const text = ownRefs(await Deno.readTextFile(join(folder, name)));
    const needed = new Set<string>();
    const open = [text];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const [, reference = ""] of next.matchAll(/"#\/\$defs\/([^"]+)"/g)) {
        if (needed.has(reference)) continue;
        needed.add(reference);
        open.push(definitions.get(reference) ?? "");
      }
    }
    const own = [...needed].map((one) => `${JSON.stringify(one)}: ${definitions.get(one) ?? "{}"}`);
    await Deno.writeTextFile(
      join(folder, name),
      text.replace(/\}\s*$/, `, "$defs": {${own.join(",").replaceAll("$", "$$$$")}}}`),
    );
  }
}

function ownRefs(text: string): string {
  return text.replaceAll(/"[^"#]*_definitions\.json#/g, '"#');
}

async function writeSchemas({ spec }: Definition, folder: string): Promise<void> {
  for (const { name, schema } of spec.versions) {
    if (schema === undefined) continue;
    const file = `${spec.group}-${spec.names.kind.toLowerCase()}-${name}.json`;
    await Deno.writeTextFile(join(folder, file), JSON.stringify(strict(schema.openAPIV3Schema, true)));
  }
}

/** The schema in which a field that it does not know is an error, as the API server drops it in silence. */
function strict(schema: unknown, root = false): unknown {
  if (Array.isArray(schema)) return schema.map((one) => strict(one));
  if (typeof schema !== "object" || schema === null) return schema;
  const given = schema as Record<string, unknown>;
  const inner = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      key === "properties" && typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, strict(one)]))
        : ["items", "additionalProperties"].includes(key)
        ? strict(value)
        : value,
    ]),
  );
  const open = root || given.properties === undefined || given.additionalProperties !== undefined ||
    given["x-kubernetes-preserve-unknown-fields"] === true;
  const metadata = root ? { properties: { ...(inner.properties ?? {}), metadata: { type: "object" } } } : {};
  return { ...inner, ...metadata, ...(open ? {} : { additionalProperties: false }) };
}

/** What a program says of objects that it is handed as YAML. */
export async function askOf(
  program: string,
  args: readonly string[],
  resources: readonly Resource[],
): Promise<{ success: boolean; text: string }> {
  const child = new Deno.Command(program, {
    ...{ args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(resources.map((one) => stringify(one)).join("---\n")));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Whether every object is what its kind allows, as kubeconform says it. */
export function conform(
  { kubeconform, schemas, missing }: Checkers,
  resources: readonly Resource[],
): Promise<{ success: boolean; text: string }> {
  return askOf(kubeconform, [
    ...["-strict", "-summary", "-output", "text"],
    ...(missing === null ? [] : ["-skip", STRIMZI_KINDS.join(",")]),
    ...schemas.flatMap((place) => ["-schema-location", place]),
    "-",
  ], resources);
}
