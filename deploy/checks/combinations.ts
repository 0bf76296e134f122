/**
 * Every way in which components can be put together: a database, a broker and a way in of each kind with all that
 * can be added, and each addition alone.
 */
import { join, relative } from "node:path";
import type { Resource } from "../cluster/kubectl.ts";
import { build, KUSTOMIZE } from "../cluster/render.ts";

const DATABASES = ["postgres", "postgres-external"];
const BROKERS = ["kafka", "kafka-strimzi", "kafka-managed"];
const WAYS_IN = [
  [],
  ["gateway"],
  ["gateway", "node-port"],
  ["gateway", "tls-cert-manager"],
  ["gateway", "node-port", "tls-cert-manager"],
];
const ADDITIONS = ["observability", "hpa", "limits", "mail", "network-policies"];
/** Folders of `kustomize` whose objects are in no combination. */
const FOLDERS = ["overlays", "tests"];

/** Lists of components, in the order in which they are put together. */
export function combinations(): string[][] {
  const [database = "", broker = ""] = [DATABASES[0], BROKERS[0]];
  return [
    ...DATABASES.flatMap((one) =>
      BROKERS.flatMap((other) => WAYS_IN.map((way) => [...ADDITIONS, one, other, ...way]))
    ),
    [database, broker],
    ...ADDITIONS.map((addition) => [addition, database, broker]),
  ];
}

/** The objects of a list of components. @throws StartError when it does not build */
export async function combine(components: readonly string[]): Promise<Resource[]> {
  const folder = await Deno.makeTempDir({ prefix: "rondo-combination-" });
  try {
    // Kustomize takes no absolute paths, and knows the real one of where it is.
    const place = (path: string) =>
      JSON.stringify(relative(Deno.realPathSync(folder), join(KUSTOMIZE, path)));
    await Deno.writeTextFile(
      join(folder, "kustomization.yaml"),
      [
        "apiVersion: kustomize.config.k8s.io/v1beta1",
        "kind: Kustomization",
        "namespace: rondo",
        `resources: [${place("base/rondo")}]`,
        `components: [${components.map((name) => place(`components/${name}`)).join(", ")}]`,
      ].join("\n"),
    );
    return await build(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Every object that any combination, overlay or other folder makes, each once. @throws StartError */
export async function everyObject(): Promise<Resource[]> {
  const folders = [
    "monitoring",
    "platform/gateway-class",
    ...FOLDERS.flatMap((kind) =>
      [...Deno.readDirSync(join(KUSTOMIZE, kind))].map(({ name }) => `${kind}/${name}`)
    ),
  ];
  const lists = [
    ...await mapTwo(folders, (folder) => build(join(KUSTOMIZE, folder))),
    ...await mapTwo(combinations(), combine),
  ];
  return [...new Map(lists.flat().map((one) => [JSON.stringify(one), one])).values()];
}

/** Two at a time, as each is a process. */
async function mapTwo<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += 2) {
    results.push(...await Promise.all(all.slice(at, at + 2).map(work)));
  }
  return results;
}
