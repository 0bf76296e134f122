/** What is deployed, looked at without a cluster: every overlay, and every combination of components. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { budgetOf, readPlatform } from "../../deploy/checks/budget.ts";
import { askOf, type Checkers, conform, installCheckers } from "../../deploy/checks/checkers.ts";
import { build, KUSTOMIZE, withImages } from "../../deploy/cluster/render.ts";
import { secretsFor } from "../../deploy/cluster/secrets.ts";
import { DOCKERFILE, dockerfile } from "../../deploy/images/dockerfile.ts";
import { IMAGES } from "../../deploy/images/images.ts";
import { PLAN } from "../../deploy/kafka/topics.ts";
import { SERVICES } from "../../services/permissions.ts";

const ROOT = join(KUSTOMIZE, "..");

/** What kube-score would have otherwise, and why it is as it is. */
const EXCEPTIONS: Record<string, string> = {
  "container-image-pull-policy":
    "tags are never moved, and a node that has an image need not ask for it again",
  "deployment-has-host-podantiaffinity":
    "topology spread constraints say the same, and bend on a single node",
  "statefulset-has-host-podantiaffinity": "there is one replica",
  "deployment-replicas": "one replica is enough for who takes events; the budget decides, not a rule",
  "pod-probes-identical": "where files are all that is needed, to be alive is to be ready",
  "statefulset-has-servicename": "PostgreSQL has a service with an address of its own, which clients keep",
  "container-ephemeral-storage-request-and-limit": "a sidecar's can't be said",
  "pod-networkpolicy": "policies select by capability as well, which is not followed",
  "container-security-context-user-group-id":
    "PostgreSQL runs as its official image's user; all others above 65,000",
  "networkpolicy-targets-pod":
    "operators make pods that are in no overlay: Kafka's, and those that prove a name",
  "horizontalpodautoscaler-replicas": "one replica is where it begins",
};

const folders = ["overlays", "tests"].flatMap((kind) =>
  [...Deno.readDirSync(join(KUSTOMIZE, kind))].map(({ name }) => `${kind}/${name}`)
).sort();
let checkers: Checkers;
Deno.test.beforeAll(async () => {
  checkers = await installCheckers(console.log);
  if (checkers.missing !== null) console.log(`Not looked at: ${checkers.missing}`);
});

for (const folder of folders) {
  Deno.test(`${folder}: it builds, and every object is what its kind allows`, async () => {
    const resources = await build(join(KUSTOMIZE, folder));
    const { text, success } = await conform(checkers, resources);
    assert.ok(success, text);
    assert.match(text, new RegExp(`Summary: ${resources.length} resources`));
  });

  Deno.test(`${folder}: kube-score finds nothing but what is named`, async () => {
    const { text, success } = await askOf(checkers.kubeScore, [
      ...["score", "--output-format", "ci", "--kubernetes-version", "v1.34"],
      ...Object.keys(EXCEPTIONS).flatMap((name) => ["--ignore-test", name]),
      "-",
    ], (await build(join(KUSTOMIZE, folder))).filter(({ kind }) => !CUSTOM.has(kind)));
    const found = text.split("\n").filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line));
    assert.deepEqual(found, []);
    assert.ok(success, text);
  });

  Deno.test(`${folder}: every name that is referred to is there, or is made where it is deployed`, async () => {
    const resources = await build(join(KUSTOMIZE, folder));
    const there = (kind: string) =>
      new Set(resources.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name));
    const made = new Set([
      ...Object.keys(secretsFor({}, {})),
      // By cert-manager or the deployment, and by Strimzi.
      ...["rondo-tls", "rondo-acme", "rondo", "rondo-cluster-ca-cert"],
    ]);
    const missing: string[] = [];
    for (const { kind, metadata, spec } of resources) {
      for (const [key, name] of references(spec, kind)) {
        const known = key === "secret" ? made : there(key);
        if (!known.has(name)) missing.push(`${kind} ${metadata.name}: ${key} ${name}`);
      }
    }
    assert.deepEqual(missing, []);
  });
}

Deno.test("the overlay oke: everything on the free cluster, its platform included, is within what is free", async () => {
  const { nodes, lines } = readPlatform(await Deno.readTextFile(join(KUSTOMIZE, "platform", "oke.yaml")));
  const resources = await build(join(KUSTOMIZE, "overlays", "oke"));
  const { problems, total } = budgetOf(resources, lines, nodes);
  assert.deepEqual(problems, []);
  const { cpu, memory, disk } = total.requests;
  console.log(
    `asks for ${cpu.toFixed(2)} cores, ${(memory / 1e9).toFixed(1)} GB of memory (at most ${
      (total.memoryLimit / 1e9).toFixed(1)
    } GB), ${disk / 1e9} GB of disk`,
  );
  // What would not fit is noticed: another volume, or a second Kafka.
  const more = resources.filter(({ kind }) => kind === "KafkaNodePool");
  assert.match(budgetOf([...resources, ...more], lines, nodes).problems.join(), /disk/);
});

Deno.test("Strimzi's topics are the ones that are planned", async () => {
  const resources = await build(join(KUSTOMIZE, "overlays", "oke"));
  const topics = resources.filter(({ kind }) => kind === "KafkaTopic").map(({ metadata, spec = {} }) => ({
    topic: metadata.name,
    partitions: spec.partitions,
    retentionMs: (spec.config as Record<string, unknown>)["retention.ms"],
  }));
  const byName = (a: { topic: string }, b: { topic: string }) => a.topic < b.topic ? -1 : 1;
  assert.deepEqual(topics.sort(byName), PLAN.map((plan) => ({ ...plan })).sort(byName));
});

Deno.test("every service is in every overlay, and every image that is deployed is one that is built", async () => {
  assert.equal(await Deno.readTextFile(DOCKERFILE), dockerfile());
  for (const folder of folders.filter((name) => name.startsWith("overlays/"))) {
    const resources = await build(join(KUSTOMIZE, folder));
    const images = JSON.stringify(withImages(resources, { prefix: "here/", tag: "now" }));
    const used = new Set([...images.matchAll(/"here\/([a-z-]+):now"/g)].map(([, name]) => name));
    for (const { name } of IMAGES) assert.ok(used.has(name), `${folder} has no ${name}`);
    const known = new Set([...IMAGES.map(({ name }) => name), "kafka", "postgres"]);
    assert.deepEqual([...used].filter((name) => !known.has(name ?? "")), []);
  }
});

Deno.test("the api's sidecar lets in every call that services are written to make", async () => {
  const resources = await build(join(KUSTOMIZE, "overlays", "lab"));
  const { spec } = resources.find(({ kind }) => kind === "Configuration") ?? {};
  const { policies } = spec?.accessControl as {
    policies: { appId: string; operations: { name: string; httpVerb: string[] }[] }[];
  };
  const calls: { service: string; path: string }[] = [];
  for (const service of SERVICES) {
    for await (const text of sources(join(ROOT, "services", service))) {
      for (const [, path = ""] of text.matchAll(/\.invoke\(\s*"api",\s*["`](\/internal\/[\w/-]+)/g)) {
        calls.push({ service, path });
      }
    }
  }
  assert.ok(calls.length >= 5);
  for (const { service, path } of calls) {
    const allowed = policies.find(({ appId }) => appId === service)?.operations ?? [];
    assert.ok(allowed.some(({ name }) => name === path), `${service} may not ask ${path}`);
  }
});

/** The text of every module of a service that is no test. */
async function* sources(folder: string): AsyncGenerator<string> {
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  for (const { name, isDirectory } of entries) {
    if (isDirectory) yield* sources(join(folder, name));
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) {
      yield await Deno.readTextFile(join(folder, name));
    }
  }
}

const CUSTOM = new Set([
  "Component",
  "Configuration",
  "Subscription",
  "Resiliency",
  "KafkaTopic",
  "KafkaUser",
  "Kafka",
]);

/** The names that an object's specification refers to, with what they are of. */
function* references(value: unknown, kind: string): Generator<[string, string]> {
  if (Array.isArray(value)) {
    for (const one of value) yield* references(one, kind);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const name = typeof inner === "object" && inner !== null && "name" in inner ? String(inner.name) : null;
      const optional = typeof inner === "object" && inner !== null && "optional" in inner &&
        inner.optional === true;
      if ((key === "secretKeyRef" || key === "secretRef") && name !== null && !optional) {
        yield ["secret", name];
      } else if (key === "configMapRef" && name !== null) yield ["ConfigMap", name];
      else if (key === "serviceAccountName") yield ["ServiceAccount", String(inner)];
      else if (/^dapr\.io\/.*-token-secret$/.test(key)) yield ["secret", String(inner)];
      else if (key === "backendRefs" && kind === "HTTPRoute") {
        for (const { name } of inner as { name: string }[]) yield ["Service", name];
      } else if (key === "scaleTargetRef" && name !== null) yield ["Deployment", name];
      yield* references(inner, kind);
    }
  }
}
