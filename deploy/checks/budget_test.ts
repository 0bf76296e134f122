import assert from "node:assert/strict";
import type { Resource } from "../cluster/kubectl.ts";
import { budgetOf, type Line, quantity, readPlatform } from "./budget.ts";

const GB = 1e9;

function deployment(
  name: string,
  cpu: string,
  memory: string,
  options: { limit?: string; dapr?: boolean } = {},
): Resource {
  const { limit = memory, dapr = false } = options;
  const annotations = {
    "dapr.io/enabled": "true",
    "dapr.io/sidecar-cpu-request": "250m",
    "dapr.io/sidecar-memory-request": "1G",
    "dapr.io/sidecar-memory-limit": "2G",
  };
  return {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } },
    spec: {
      template: {
        metadata: { annotations: dapr ? annotations : {} },
        spec: { containers: [{ name, resources: { requests: { cpu, memory }, limits: { memory: limit } } }] },
      },
    },
  };
}

function claims(name: string, ...sizes: string[]): Resource {
  const { spec, ...rest } = deployment(name, "0", "0");
  const volumeClaimTemplates = sizes.map((storage) => ({ spec: { resources: { requests: { storage } } } }));
  return { ...rest, kind: "StatefulSet", spec: { ...spec, volumeClaimTemplates } };
}

Deno.test("the budget: quantities are read as Kubernetes reads them", () => {
  assert.equal(quantity("250m"), 0.25);
  assert.equal(quantity("1.5"), 1.5);
  assert.equal(quantity("1Gi"), 1_073_741_824);
  assert.throws(() => quantity("a lot"));
});

Deno.test("the budget: a sidecar counts, and as many replicas as an autoscaler keeps", () => {
  const scaler: Resource = {
    ...{ apiVersion: "autoscaling/v2", kind: "HorizontalPodAutoscaler", metadata: { name: "api" } },
    spec: { minReplicas: 2, scaleTargetRef: { kind: "Deployment", name: "api" } },
  };
  const { total, problems } = budgetOf([deployment("api", "250m", "1G", { dapr: true }), scaler], [], 0);
  assert.deepEqual(total, { requests: { cpu: 1, memory: 4 * GB, disk: 0 }, memoryLimit: 6 * GB });
  assert.deepEqual(problems, []);
});

Deno.test("the budget: what is over is named, each on its own", () => {
  const problems = (resources: Resource[], platform: Line[] = [], nodes = 2) =>
    budgetOf(resources, platform, nodes).problems;
  assert.deepEqual(problems([deployment("a", "2", "12G")]), []);
  assert.match(
    problems([deployment("a", "2001m", "1G")]).join(),
    /^CPU that is asked for: 2\.00 cores of 2 cores$/,
  );
  assert.match(
    problems([deployment("a", "1", "12.1G")]).join(),
    /memory that is asked for: 12\.10 GB of 12 GB/,
  );
  assert.match(problems([deployment("a", "1", "1G", { limit: "13G" })]).join(), /^memory that may be taken/);
  const platform = { name: "x", replicas: 3, requests: { cpu: 0.7, memory: 0, disk: 0 }, memoryLimit: 0 };
  assert.match(problems([], [platform]).join(), /CPU/);
});

Deno.test("the budget: a volume is never smaller than what is sold", () => {
  assert.deepEqual(budgetOf([claims("a", "1Gi"), claims("b", "50Gi")], [], 2).problems, []);
  assert.match(
    budgetOf([claims("a", "1Gi", "1Gi", "1Gi")], [], 2).problems.join(),
    /disk: 250\.00 GB of 200 GB/,
  );
  assert.match(budgetOf([claims("a", "101Gi")], [], 2).problems.join(), /disk: 201\.00 GB/);
});

Deno.test("the budget: what does not say what it takes is no free thing", () => {
  const silent = deployment("a", "1", "1G");
  const template = silent.spec?.template as { spec: { containers: { resources: unknown }[] } };
  for (const container of template.spec.containers) container.resources = { requests: { cpu: "1" } };
  assert.deepEqual(budgetOf([silent], [], 0).problems, ["a (a) does not say what it takes"]);
});

Deno.test("the budget: Kafka by Strimzi and the gateway's proxy count, too", () => {
  const resources = { requests: { cpu: "1", memory: "1G" }, limits: { memory: "2G" } };
  const of = (kind: string, spec: Record<string, unknown>): Resource => ({
    apiVersion: "x",
    kind,
    metadata: { name: "x" },
    spec,
  });
  const { total } = budgetOf(
    [
      of("KafkaNodePool", {
        replicas: 1,
        resources,
        storage: { volumes: [{ type: "persistent-claim", size: "50Gi" }] },
      }),
      of("Kafka", { entityOperator: { topicOperator: { resources }, userOperator: { resources } } }),
      of("EnvoyProxy", { provider: { kubernetes: { envoyDeployment: { container: { resources } } } } }),
    ],
    [],
    0,
  );
  assert.equal(total.requests.cpu, 4.01);
  assert.equal(total.requests.disk, 50 * GB);
});

Deno.test("the budget: the platform's list is read", () => {
  const { nodes, lines } = readPlatform(`
nodes: 2
parts:
  - { name: operator, cpu: 100m, memory: 1G, memoryLimit: 2G }
  - { name: agent, replicas: 2, cpu: 10m, memory: 1M, memoryLimit: 1M, disk: 10Gi }`);
  assert.equal(nodes, 2);
  assert.deepEqual(lines[1], {
    ...{ name: "agent", replicas: 2, memoryLimit: 1e6 },
    requests: { cpu: 0.01, memory: 1e6, disk: 50 * GB },
  });
});
