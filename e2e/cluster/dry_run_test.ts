/**
 * Everything that any overlay or combination of components brings, asked of a real API server that knows the kinds:
 * it would take all of it, and nothing would be refused later for what its pods want.
 */
import assert from "node:assert/strict";
import { everyObject } from "../../deploy/checks/combinations.ts";
import { type Answer, apply, kubectl, type Resource, tryKubectl } from "../../deploy/cluster/kubectl.ts";

/** Namespaces that only this test knows: what is deployed can't be in the way of what is asked. */
const SUFFIX = "-dry-run";
let resources: Resource[] = [];
let namespaces: Resource[] = [];

Deno.test.beforeAll(async () => {
  resources = await everyObject();
  const found = new Map<string, Resource>();
  for (const one of resources.filter(({ kind }) => kind === "Namespace")) {
    const name = `${one.metadata.name}${SUFFIX}`;
    found.set(name, { ...one, metadata: { ...one.metadata, name } });
  }
  namespaces = [...found.values()];
  await apply(namespaces);
});
Deno.test.afterAll(async () => {
  await kubectl([
    ...["delete", "namespace", ...namespaces.map(({ metadata }) => metadata.name)],
    ...["--ignore-not-found", "--wait=false"],
  ]);
});

Deno.test("the API server would take every object of every overlay and combination", async () => {
  const asked = resources.map(inDryRun);
  const { success, stdout, stderr } = await dryRun(asked);
  console.log(`${asked.length} different objects`);
  assert.ok(success, stderr);
  assert.equal(stdout.trim().split("\n").length, asked.length);
  // What is restricted warns of pods that it would refuse; the API server alone knows the objects' own conditions.
  assert.doesNotMatch(stderr, /would violate PodSecurity|unrecognized|deprecated/i);
});

Deno.test("the API server refuses what a schema alone lets through", async () => {
  const route = resources.map(inDryRun).find(({ kind, metadata }) =>
    kind === "HTTPRoute" && metadata.name === "api"
  );
  assert.ok(route !== undefined);
  const [rule] = route.spec?.rules as Record<string, unknown>[];
  const rules = [{ ...rule, timeouts: { request: "1s", backendRequest: "2s" } }];
  const { success, stderr } = await dryRun([{ ...route, spec: { ...route.spec, rules } }]);
  assert.equal(success, false);
  assert.match(stderr, /backendRequest timeout cannot be longer than request timeout/);
});

function inDryRun(resource: Resource): Resource {
  const { namespace } = resource.metadata;
  if (namespace === undefined || !namespaces.some(({ metadata }) => metadata.name === namespace + SUFFIX)) {
    return resource;
  }
  return { ...resource, metadata: { ...resource.metadata, namespace: namespace + SUFFIX } };
}

async function dryRun(objects: readonly Resource[]): Promise<Answer> {
  return await tryKubectl(
    ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );
}
