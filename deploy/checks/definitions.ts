/** The custom resources that Rondo's manifests use, as those define them who make them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { cached, keyOf } from "../local/cache.ts";
import { javaVersion } from "../local/install.ts";
import { run } from "../images/base.ts";

const POM = join(fileURLToPath(new URL(".", import.meta.url)), "strimzi", "pom.xml");
/** Strimzi's generator is compiled for this. */
const STRIMZI_JAVA = 21;

/** Go modules that bring definitions, and where. */
const MODULES = [
  { module: "github.com/dapr/dapr@v1.18.1", folder: "charts/dapr/crds" },
  { module: "sigs.k8s.io/gateway-api@v1.6.1", folder: "config/crd/standard" },
  {
    module: "github.com/envoyproxy/gateway@v1.9.1",
    folder: "charts/gateway-helm/charts/crds/crds/generated",
  },
  { module: "github.com/cert-manager/cert-manager@v1.21.2", folder: "deploy/crds" },
  {
    module: "github.com/prometheus-operator/prometheus-operator@v0.92.0",
    folder: "example/prometheus-operator-crd",
  },
];
const STRIMZI: Record<string, string> = {
  kafkas: "io.strimzi.api.kafka.model.kafka.Kafka",
  kafkanodepools: "io.strimzi.api.kafka.model.nodepool.KafkaNodePool",
  kafkatopics: "io.strimzi.api.kafka.model.topic.KafkaTopic",
  kafkausers: "io.strimzi.api.kafka.model.user.KafkaUser",
};

/** A definition as it is applied to a cluster. */
export interface Definition {
  kind: string;
  metadata: { name: string };
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema?: { openAPIV3Schema: unknown } }[];
  };
}

export interface Definitions {
  all: Definition[];
  /** Kinds that can't be looked at here, and why; null: none. */
  missing: string | null;
}

/** Every definition; fetched on the first call. @throws StartError when Go is missing */
export async function readDefinitions(): Promise<Definitions> {
  const folders: string[] = [];
  for (const { module, folder } of MODULES) {
    const { Dir } = JSON.parse(await run("go", ["mod", "download", "-json", module])) as { Dir: string };
    folders.push(join(Dir, folder));
  }
  const java = await newerJava();
  if (java !== null) folders.push(await strimzi(java));
  const all: Definition[] = [];
  for (const folder of folders) {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (!isFile || !name.endsWith(".yaml")) continue;
      for (const document of parseAllDocuments(await Deno.readTextFile(join(folder, name)))) {
        const definition = document.toJS() as Definition | null;
        if (definition?.kind === "CustomResourceDefinition") all.push(definition);
      }
    }
  }
  return { all, missing: java === null ? `Strimzi's need Java ${STRIMZI_JAVA}` : null };
}

async function strimzi(java: string): Promise<string> {
  return await cached(`strimzi-${keyOf(await Deno.readTextFile(POM))}`, async (target) => {
    const jars = join(target, "jars");
    await run("mvn", [
      ...["--batch-mode", "--no-transfer-progress", "--quiet", "--file", POM],
      ...["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${jars}`],
    ]);
    await run(java, [
      ...["-cp", join(jars, "*"), "io.strimzi.crdgenerator.CrdGenerator", "--yaml"],
      ...["--target-kube", "1.30+", "--crd-api-version", "v1"],
      ...Object.entries(STRIMZI).map(([name, type]) => `${type}=${join(target, `${name}.yaml`)}`),
    ]);
    await Deno.remove(jars, { recursive: true });
  });
}

/** A Java that is new enough for Strimzi: the one in use, or another of this machine's. */
async function newerJava(): Promise<string | null> {
  const installed = await Array.fromAsync(Deno.readDir("/usr/lib/jvm")).catch(() => []);
  for (const java of ["java", ...installed.map(({ name }) => `/usr/lib/jvm/${name}/bin/java`)]) {
    try {
      const { stderr } = await new Deno.Command(java, { args: ["-version"], stdin: "null" }).output();
      if (javaVersion(new TextDecoder().decode(stderr)) >= STRIMZI_JAVA) return java;
    } catch {
      // None there.
    }
  }
  return null;
}
