/**
 * The scripts that bring Rondo to Minikube and to Oracle's cluster, without either: what they ask for is missing, or
 * is played by programs that write down how they were called.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/rondo.ts";
import { IMAGES } from "../../deploy/images/images.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PLAYED = ["minikube", "docker", "kubectl", "helm", "terraform", "oci", "npx"];
const WANTED = {
  RONDO_IMAGES: "ghcr.io/somebody/rondo-",
  RONDO_TAG: "1.2.3",
  RONDO_URL: "https://rondo.example",
};

interface Outcome {
  code: number;
  stderr: string;
  /** How the played programs were called, in order. */
  calls: string[];
}

for (const name of ["RONDO_IMAGES", "RONDO_TAG", "RONDO_URL"] as const) {
  Deno.test(`deploy/oke/up touches nothing without ${name}`, async () => {
    const { code, stderr, calls } = await play("oke/up", { env: { ...WANTED, [name]: "" } });
    assert.notEqual(code, 0);
    assert.match(stderr, new RegExp(`${name}: (says|is) `));
    assert.deepEqual(calls, []);
  });
}

for (
  const [script, programs] of [
    ["minikube/up", ["minikube", "docker", "kubectl", "helm", "npx"]],
    ["oke/up", ["terraform", "oci", "kubectl", "helm", "npx"]],
  ] as const
) {
  Deno.test(`deploy/${script} says which program is missing and where to get it, and touches nothing`, async () => {
    for (const missing of programs) {
      const { code, stderr, calls } = await play(script, { missing, env: WANTED });
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^${missing} is not installed: .+`));
      assert.deepEqual(calls, []);
    }
  });
}

Deno.test("deploy/oke/down removes nothing until it is told that all data goes", async () => {
  const careful = await play("oke/down");
  assert.equal(careful.code, 1);
  assert.match(careful.stderr, /--with-all-data/);
  assert.deepEqual(careful.calls, []);
  const { code, calls } = await play("oke/down", { args: ["--with-all-data"] });
  assert.equal(code, 0);
  assert.match(calls.at(-1) ?? "", /^terraform -chdir=deploy\/terraform destroy$/);
  assert.ok(
    calls[0]?.startsWith("kubectl --namespace rondo delete gateways"),
    "the load balancer goes first",
  );
});

Deno.test("deploy/oke/smoke and deploy/oke/deploy ask for what they need", async () => {
  assert.match((await play("oke/smoke")).stderr, /where people find Rondo/);
  assert.match((await play("oke/deploy")).stderr, /RONDO_IMAGES/);
  const { calls } = await play("oke/deploy", { env: WANTED });
  assert.deepEqual(calls, ["npx -y deno@2.9.6 task operate deploy oke"]);
});

Deno.test("deploy/minikube/up goes through every step in its order, and again where Minikube runs already", async () => {
  const first = await play("minikube/up", { env: { FAIL: "minikube status" } });
  assert.equal(first.code, 0, first.stderr);
  const at = (pattern: RegExp) => {
    const found = first.calls.findIndex((call) => pattern.test(call));
    assert.notEqual(found, -1, `no call is ${pattern}: ${first.calls.join("\n")}`);
    return found;
  };
  const steps = [
    at(/^minikube start --profile rondo .*--kubernetes-version v1\.\d+\.\d+ /),
    at(/^helm upgrade --install dapr dapr --version \d+\.\d+\.\d+ /),
    at(/^npx .* task operate prepare dapr$/),
    at(/^helm upgrade --install cert-manager \S+ --version v\d+\.\d+\.\d+ /),
    at(/^helm upgrade --install envoy-gateway \S+ --version v\d+\.\d+\.\d+ /),
    at(/^kubectl apply --kustomize kustomize\/platform\/gateway-class$/),
    at(/^helm upgrade --install strimzi \S+ --version \d+\.\d+\.\d+ /),
    at(/^kubectl apply --server-side --filename \S+prometheus-operator\S+$/),
    at(/^npx .* task images:bundle$/),
    at(/^docker build .*--target web /),
    at(/^minikube image load .*rondo\/web:dev$/),
    at(/^npx .* task operate deploy minikube$/),
    at(/^npx .* task operate smoke https:\/\/localhost:30443$/),
  ];
  assert.deepEqual(steps, steps.toSorted((a, b) => a - b));
  const built = first.calls.flatMap((call) => /^docker build .*--target (\S+)/.exec(call)?.[1] ?? []);
  assert.deepEqual(built.toSorted(), IMAGES.map(({ name }) => name).toSorted());

  const again = await play("minikube/up");
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(again.calls, first.calls.filter((call) => !call.startsWith("minikube start")));
});

Deno.test("deploy/minikube/up ends with the step that failed", async () => {
  const { code, calls } = await play("minikube/up", { env: { FAIL: "helm upgrade --install strimzi" } });
  assert.notEqual(code, 0);
  assert.match(calls.at(-1) ?? "", /^helm upgrade --install strimzi /);
});

Deno.test("deploy/oke/up makes the cluster, what Rondo stands on, Rondo, and tries it", async () => {
  const { code, stderr, calls } = await play("oke/up", { env: WANTED });
  assert.equal(code, 0, stderr);
  const kinds = calls.map((call) => call.split(" ").slice(0, 6).join(" "));
  assert.equal(kinds[0], "terraform -chdir=deploy/terraform init -input=false -backend-config=backend.hcl");
  assert.ok(calls.some((call) => /^oci ce cluster create-kubeconfig --cluster-id played /.test(call)));
  assert.ok(calls.includes("kubectl apply --server-side --kustomize kustomize/monitoring"));
  assert.deepEqual(calls.slice(-2), [
    "npx -y deno@2.9.6 task operate deploy oke",
    "npx -y deno@2.9.6 task operate smoke https://rondo.example",
  ]);
});

Deno.test("deploy/oke/rollback leaves alone what has nothing to go back to", async () => {
  const { code, calls } = await play("oke/rollback");
  assert.equal(code, 0);
  assert.ok(calls.includes("kubectl --namespace rondo rollout undo deployment.apps/api"));
  assert.equal(calls.some((call) => call.includes("rollout undo deployment.apps/web")), false);
});

/** Runs a script with played programs instead of real ones. */
async function play(
  script: string,
  options: { args?: string[]; env?: Record<string, string>; missing?: string } = {},
): Promise<Outcome> {
  const { args = [], env = {}, missing } = options;
  await using folder = temporaryFolder();
  const [bin, log] = [join(folder.path, "bin"), join(folder.path, "calls")];
  await Deno.mkdir(bin, { recursive: true });
  for (const name of PLAYED.filter((one) => one !== missing)) {
    await Deno.writeTextFile(join(bin, name), PLAYER, { mode: 0o755 });
  }
  for (const name of ["bash", "env", "dirname", "sed", "awk", "grep", "wc", "sleep"]) {
    await Deno.symlink(await which(name), join(bin, name));
  }
  const { code, stderr } = await new Deno.Command("bash", {
    args: [join(ROOT, "deploy", script), ...args],
    cwd: folder.path,
    clearEnv: true,
    env: { PATH: bin, HOME: folder.path, CALLS: log, ...env },
    stdin: "null",
  }).output();
  const calls = (await Deno.readTextFile(log).catch(() => "")).trim().split("\n").filter((line) =>
    line !== ""
  );
  return {
    code,
    stderr: new TextDecoder().decode(stderr),
    // Questions change nothing.
    calls: calls.filter((call) => !/^(minikube status|kubectl .*(get|rollout (status|history)) )/.test(call)),
  };
}

const PLAYER = `#!/bin/bash
call="\${0##*/} $*"
printf '%s\\n' "$call" >> "$CALLS"
if [[ -n \${FAIL:-} && $call == "$FAIL"* ]]; then exit 1; fi
case $call in
  *"output -raw cluster_id") echo played ;;
  *"get nodes --no-headers") printf 'a Ready\\nb Ready\\n' ;;
  *"get deployments"*) printf 'deployment.apps/api\\ndeployment.apps/web\\n' ;;
  *"rollout history deployment.apps/api") printf 'REVISION\\n1 x\\n2 y\\n' ;;
  *"rollout history"*) printf 'REVISION\\n1 x\\n' ;;
esac
`;

async function which(name: string): Promise<string> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = join(folder, name);
    if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return path;
  }
  throw new Error(`There is no ${name}`);
}
