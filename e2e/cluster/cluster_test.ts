/**
 * Rondo in a cluster, through its gateway over TLS: what users do goes through while operators update, scale, rotate,
 * roll back, and while pods are killed.
 *
 * `BASE_URL` says where it is, `KUBECONFIG` which cluster; `deno task test:cluster` sets both.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NAMESPACE, waitForRollout } from "../../deploy/cluster/deploy.ts";
import { kubectl, kubectlJson, tryKubectl } from "../../deploy/cluster/kubectl.ts";
import { rotateTokens } from "../../deploy/cluster/secrets.ts";
import { waitUntil } from "../../deploy/cluster/wait.ts";
import type { WebhookDelivery } from "../../services/shared/contracts/webhooks.ts";
import { type Client, signUp } from "../support/client.ts";
import { follow } from "../support/follow.ts";
import { connectMcp, say } from "../support/mcp.ts";
import { waitFor } from "../support/rondo.ts";
import { insist, startLoad } from "./load.ts";

const ORIGIN = new URL(Deno.env.get("BASE_URL") ?? "https://localhost:30443").origin;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BACK_MS = 120_000;
const report = (line: string) => console.log(`  ${line}`);

interface Task {
  id: string;
  title: string;
  status: string;
}
interface Pod {
  metadata: { name: string; labels: Record<string, string>; deletionTimestamp?: string };
  spec: {
    automountServiceAccountToken?: boolean;
    containers: { name: string; image: string; securityContext?: Record<string, unknown> }[];
    initContainers?: { name: string; restartPolicy?: string; securityContext?: Record<string, unknown> }[];
  };
  status: { phase: string };
}

let ada: Client;
Deno.test.beforeAll(async () => {
  ada = await signUp(ORIGIN);
});

Deno.test("the cluster: a completed task comes back, tabs see it at once, and the log has it", async () => {
  await using tab = follow(ada);
  await waitFor(() => tab.open, 30_000);
  await completeOne(ada);
  await waitFor(() => tab.events.filter(({ event }) => event === "change").length >= 3, BACK_MS);
  await waitFor(async () => (await audit(ada)).checked >= 3, BACK_MS);
  assert.equal((await audit(ada)).ok, true);
});

Deno.test("the cluster: a reminder becomes due by Dapr's scheduler, once", async () => {
  const title = `Call ${crypto.randomUUID()}`;
  const at = Temporal.Now.instant().add({ seconds: 5 }).toString();
  await ada.call("POST", "/api/tasks", { title, reminders: [{ at }] });
  const told = async () => {
    const { body } = await ada.call<{ items: unknown[] }>("GET", "/api/notifications");
    return body.items.filter((one) => JSON.stringify(one).includes(title)).length;
  };
  await waitFor(async () => await told() > 0, BACK_MS);
  await completeOne(ada);
  assert.equal(await told(), 1);
});

Deno.test("the cluster: programs work by MCP, people by words, with one way to take it back", async () => {
  const turn = crypto.randomUUID();
  await using mcp = await connectMcp(ada, ["read", "write"]);
  const made = await mcp.use("create_task", { title: "Made by a program" }, { "rondo/turn": turn });
  assert.equal(made.status, "done");
  const said = await say(ada, "complete made by a program");
  assert.deepEqual([said.state, said.changed], ["done", 1]);
  // What came later goes back first.
  assert.equal((await mcp.use("undo", { causationId: said.id })).status, "done");
  const undo = await mcp.use("undo", { causationId: turn });
  await mcp.use("undo", { causationId: turn, confirm: undo.confirm });
  assert.deepEqual((await mcp.use("search_tasks", { text: "program" })).items, []);
});

Deno.test("the cluster: a webhook hears of changes by Kafka, and no address inside is asked", async () => {
  const add = (url: string) => ada.call<{ id: string }>("POST", "/api/webhooks", { url });
  assert.equal((await add("https://10.96.0.1/")).status, 422);
  const hook = await add("https://receiver.invalid/");
  assert.equal(hook.status, 201, JSON.stringify(hook.body));
  await ada.call("POST", "/api/tasks", { title: "Told outside" });
  await waitFor(async () => {
    const { body } = await ada.call<{ items: WebhookDelivery[] }>(
      "GET",
      `/api/webhooks/${hook.body.id}/deliveries`,
    );
    return body.items.some(({ type, attempts, error }) =>
      type === "task.created.v1" && attempts > 0 && error !== null
    );
  }, BACK_MS);
  assert.equal((await ada.call("DELETE", `/api/webhooks/${hook.body.id}`)).status, 200);
});

Deno.test("the cluster: a stream stays open for longer than a gateway's usual patience", async () => {
  await using tab = follow(ada);
  await waitFor(() => tab.open, 30_000);
  // Longer than Envoy's 15 s; what is awaited are comments, which a follower does not tell.
  const until = performance.now() + 20_000;
  await waitFor(() => performance.now() > until || !tab.open, 30_000);
  assert.equal(tab.open, true);
  assert.equal(tab.connections, 1);
});

Deno.test("the cluster: nothing is spoken in the clear, and answers say so", async () => {
  const page = await fetch(ORIGIN);
  assert.match(await page.text(), /<!doctype html>/i);
  assert.match(page.headers.get("strict-transport-security") ?? "", /max-age=\d{7}/);
  assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  const port = await nodePort("http-80");
  if (port === null) return;
  const plain = await fetch(`http://${new URL(ORIGIN).hostname}:${port}/inbox`, { redirect: "manual" });
  await plain.body?.cancel();
  assert.equal(plain.status, 301);
  assert.match(plain.headers.get("location") ?? "", /^https:\/\/.*\/inbox$/);
});

for (
  const path of [
    ...["/internal/changes", "/metrics", "/dapr/events/task-events", "/job/x", "//internal/session"],
    ...["/%69nternal/changes", "/internal%2fchanges", "/api/../internal/changes", "/api/%2e%2e/metrics"],
  ]
) {
  Deno.test(`the cluster: ${path} can't be reached from outside`, async () => {
    const { status, body } = await raw(path);
    assert.doesNotMatch(body, /# HELP|"changes"|"userId"/);
    assert.ok(status === 404 || (status >= 300 && status < 400) || status === 400, `${status} ${body}`);
  });
}

Deno.test("the cluster: every pod is as restricted as it can be, and has its sidecar as one that starts first", async () => {
  const pods = await readPods();
  assert.ok(pods.length >= 8);
  for (const { metadata, spec } of pods) {
    const sidecar = spec.initContainers?.find(({ name }) => name === "daprd");
    if (metadata.labels["rondo/sidecar"] === "true") {
      assert.equal(sidecar?.restartPolicy, "Always", `${metadata.name} has no native sidecar`);
    }
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      const { securityContext } = container;
      assert.equal(securityContext?.readOnlyRootFilesystem, true, `${metadata.name} ${container.name}`);
      assert.deepEqual(securityContext?.capabilities, { drop: ["ALL"] }, metadata.name);
    }
  }
});

Deno.test("the cluster: a pod that wants more than it should have is refused", async () => {
  const refused = await tryKubectl([
    ...["run", "refused", "-n", NAMESPACE, "--image=localhost/none", "--dry-run=server"],
    '--overrides={"spec":{"containers":[{"name":"refused","image":"localhost/none","securityContext":{"privileged":true}}]}}',
  ]);
  assert.equal(refused.success, false);
  assert.match(refused.stderr, /violates PodSecurity "restricted/);
});

Deno.test("the cluster: a service is asked by those alone who may ask it", async () => {
  // Realtime may check sessions, and no more: neither another route of the api nor another service.
  assert.equal(await invoked("realtime", "api/method/internal/session"), 401);
  assert.equal(await invoked("realtime", "api/method/internal/profile"), 403);
  assert.equal(await invoked("realtime", "audit/method/internal/audit"), 403);
  assert.notEqual(await invoked("api", "audit/method/internal/audit"), 403);
});

Deno.test("the cluster: a sidecar without the token answers nobody, and a service no stranger", async () => {
  const script = `const a = await fetch("http://127.0.0.1:3500/v1.0/metadata");
    const b = await fetch("http://127.0.0.1:8080/dapr/events/task-events", { method: "POST", body: "{}" });
    console.log(a.status, b.status);`;
  assert.equal((await inPod("audit", script)).trim(), "401 403");
});

Deno.test("the cluster: everything is replaced under load, no call fails and no event is lost", async () => {
  const names = await deploymentNames();
  const load = await startLoad(ORIGIN);
  try {
    await kubectl(["rollout", "restart", "deployment", "-n", NAMESPACE, ...names]);
    await waitForRollout(names, report);
    await goneOnes();
  } finally {
    report(`${load.calls} calls`);
    await load.finish();
  }
});

for (
  const name of [
    "api",
    "relay",
    "recurrence",
    "reminders",
    "notifications",
    "audit",
    "realtime",
    "assistant",
    "webhooks",
    "web",
  ]
) {
  Deno.test(`the cluster: a pod of ${name} is killed, what was acknowledged stays, and work goes on`, async () => {
    const [pod] = await readPods(name);
    assert.ok(pod !== undefined);
    const load = await startLoad(ORIGIN, { users: 1, patient: true });
    try {
      await kubectl(["delete", "pod", pod.metadata.name, "-n", NAMESPACE, "--grace-period=0", "--force"]);
      await replaced(name, pod.metadata.name);
      await completeOne(ada);
    } finally {
      await load.finish();
    }
  });
}

Deno.test("the cluster: three replicas of realtime show every tab everything, and two of the api agree", async () => {
  await scale({ realtime: 3, api: 2 });
  try {
    const user = await signUp(ORIGIN);
    const tabs = Array.from({ length: 9 }, () => follow(user));
    try {
      await waitFor(() => tabs.every((tab) => tab.open), 30_000);
      const titles = Array.from({ length: 12 }, (_, index) => `Shown ${index}`);
      for (const title of titles) {
        const { status } = await user.call("POST", "/api/tasks", { title });
        assert.equal(status, 201);
      }
      const seen = (index: number) =>
        tabs[index]?.events.filter(({ event }) => event === "change").map(({ id }) => id);
      await waitFor(() => tabs.every((_, index) => seen(index)?.length === titles.length), 60_000);
      for (const index of tabs.keys()) assert.deepEqual(seen(index), titles.map((_, n) => n + 1));
      const served = await Promise.all(
        (await readPods("realtime")).map(({ metadata }) => streams(metadata.name)),
      );
      report(`streams on each replica: ${served.join(", ")}`);
      assert.equal(served.length, 3);
      assert.ok(served.filter((count) => count > 0).length >= 2, "one replica has all streams");
    } finally {
      await Promise.all(tabs.map((tab) => tab[Symbol.asyncDispose]()));
    }
    const load = await startLoad(ORIGIN);
    // A stream that its replica ends when it goes resumes on another.
    await scale({ realtime: 1, api: 1 });
    await goneOnes();
    await load.finish();
  } finally {
    await scale({ realtime: 1, api: 1 });
  }
});

Deno.test("the cluster: tokens between services and sidecars are rotated under load", async () => {
  const names = ["api", "realtime", "relay"];
  const before = await inPod("api", "console.log(Deno.env.get('APP_API_TOKEN'))");
  const load = await startLoad(ORIGIN);
  try {
    for (const name of names) await rotateTokens(NAMESPACE, name);
    await kubectl(["rollout", "restart", "deployment", "-n", NAMESPACE, ...names]);
    await waitForRollout(names, report);
    await goneOnes();
  } finally {
    await load.finish();
  }
  assert.notEqual(await inPod("api", "console.log(Deno.env.get('APP_API_TOKEN'))"), before);
});

Deno.test("the cluster: a version that does not start replaces nothing, and is rolled back", async () => {
  const [pod] = await readPods("web");
  const good = pod?.spec.containers.find(({ name }) => name === "web")?.image ?? "";
  const load = await startLoad(ORIGIN);
  try {
    // It looks for a database as soon as it starts, and ends.
    await kubectl([
      ...["set", "image", "deployment/api", "-n", NAMESPACE],
      `api=${good.replace(/web(?=:)/, "tools")}`,
    ]);
    await waitUntil("the version that fails", async () => {
      const { items } = await kubectlJson<{
        items: {
          metadata: { name: string };
          status: { containerStatuses?: { image: string; restartCount: number }[] };
        }[];
      }>("get", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/name=api");
      const failed = items.flatMap(({ status }) => status.containerStatuses ?? [])
        .some(({ image, restartCount }) => /tools(?=:)/.test(image) && restartCount > 0);
      return failed ? [] : ["its first failure"];
    }, { seconds: 120, report });
    await script("oke/rollback");
    await waitForRollout(await deploymentNames(), report);
    await goneOnes();
  } finally {
    await load.finish();
  }
});

Deno.test("the cluster: deployed again as it is, under load, and tried by the scripts", async () => {
  const load = await startLoad(ORIGIN);
  try {
    await script("oke/deploy");
    await script("oke/smoke", ORIGIN);
  } finally {
    await load.finish();
  }
});

/** Runs a script of `deploy` on the cluster under test. */
async function script(name: string, ...args: string[]): Promise<void> {
  const [pod] = await readPods("web");
  const image = pod?.spec.containers.find((one) => one.name === "web")?.image ?? "";
  const [, prefix = "", tag = ""] = /^(.*)web:([^:]+)$/.exec(image) ?? [];
  const { success, stdout, stderr } = await new Deno.Command(join(ROOT, "deploy", name), {
    args,
    env: { RONDO_IMAGES: prefix, RONDO_TAG: tag, RONDO_OVERLAY: Deno.env.get("RONDO_OVERLAY") ?? "lab" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stdout) + decoder.decode(stderr));
}

/** Completes a repeating task; the next occurrence proves that outbox, relay, Kafka, recurrence and api work. */
async function completeOne(client: Client): Promise<void> {
  const title = `Water ${crypto.randomUUID()}`;
  const task = { title, due: { date: "2027-01-31" }, recurrence: "daily" };
  const made = await insist((key) => client.call<Task>("POST", "/api/tasks", task, { key }));
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const done = await insist((key) => client.call("POST", `/api/tasks/${made.body.id}/complete`, {}, { key }));
  assert.equal(done.status, 200);
  await waitFor(async () => {
    const { status, body } = await client.call<{ items: Task[] }>("GET", "/api/tasks?limit=200");
    return status === 200 && body.items.some((task) => task.title === title && task.status === "open");
  }, BACK_MS);
}

async function audit(client: Client): Promise<{ ok: boolean; checked: number }> {
  const { body } = await client.call<{ ok: boolean; checked: number }>("GET", "/api/audit/verify");
  return { ok: body.ok, checked: body.checked ?? 0 };
}

/** A request whose path goes out as it is written: `fetch` would tidy it up first. */
async function raw(path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(ORIGIN);
  using connection = await Deno.connectTls({
    ...{ hostname, port: Number(port || 443) },
    caCerts: [await Deno.readTextFile(Deno.env.get("DENO_CERT") ?? "")],
  });
  const request = `GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`;
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(request));
  writer.releaseLock();
  let text = "";
  for await (const chunk of connection.readable.pipeThrough(new TextDecoderStream())) text += chunk;
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), body: text.split("\r\n\r\n")[1] ?? "" };
}

async function readPods(name?: string): Promise<Pod[]> {
  const selector = name === undefined ? "app.kubernetes.io/part-of=rondo" : `app.kubernetes.io/name=${name}`;
  const { items } = await kubectlJson<{ items: Pod[] }>("get", "pods", "-n", NAMESPACE, "-l", selector);
  return items.filter(({ metadata, status }) =>
    metadata.deletionTimestamp === undefined && status.phase === "Running"
  );
}

async function deploymentNames(): Promise<string[]> {
  const { items } = await kubectlJson<{ items: Pod[] }>("get", "deployments", "-n", NAMESPACE);
  return items.map(({ metadata }) => metadata.name);
}

/** Waits until another pod does the work of one that was killed, and its successor is ready. */
async function replaced(name: string, pod: string): Promise<void> {
  await waitUntil(`another pod of ${name}`, async () => {
    const running = await readPods(name);
    return running.some(({ metadata }) => metadata.name !== pod) ? [] : [name];
  }, { seconds: 120, report });
  await waitForRollout([name], report);
}

/** Waits until pods that were replaced have ended: their last requests count, too. */
async function goneOnes(): Promise<void> {
  await waitUntil("the replaced pods to end", async () => {
    const { items } = await kubectlJson<{ items: Pod[] }>("get", "pods", "-n", NAMESPACE);
    return items.flatMap(({ metadata }) => metadata.deletionTimestamp === undefined ? [] : [metadata.name]);
  }, { seconds: 180, report });
}

async function scale(replicas: Record<string, number>): Promise<void> {
  for (const [name, count] of Object.entries(replicas)) {
    await kubectl(["scale", `deployment/${name}`, "-n", NAMESPACE, `--replicas=${count}`]);
  }
  await waitForRollout(Object.keys(replicas), report);
}

/** Runs a script with everything that a pod of a service knows; the answer is what it printed. */
async function inPod(service: string, script: string): Promise<string> {
  const [pod] = await readPods(service);
  return await podEval(pod?.metadata.name ?? "", service, script);
}

async function podEval(pod: string, container: string, script: string): Promise<string> {
  return await kubectl([
    ...["exec", "-n", NAMESPACE, pod, "-c", container, "--", "/usr/local/bin/deno", "eval", "--no-config"],
    script,
  ]);
}

/** The status that a service gets when it asks another one through its sidecar. */
async function invoked(service: string, target: string): Promise<number> {
  const script = `const answer = await fetch("http://127.0.0.1:3500/v1.0/invoke/${target}", {
      headers: { "dapr-api-token": Deno.env.get("DAPR_API_TOKEN") } });
    console.log(answer.status);`;
  return Number(await inPod(service, script));
}

/** How many streams are open on a replica. */
async function streams(pod: string): Promise<number> {
  const script = `const answer = await fetch("http://127.0.0.1:8080/metrics");
    const line = (await answer.text()).split("\\n").find((line) => /^\\w*sse_connections(\\{[^}]*\\})? \\d/.test(line));
    console.log(line?.split(" ").at(-1) ?? "0");`;
  return Number(await podEval(pod, "realtime", script));
}

/** The port of the node that leads to the gateway's, or null when the gateway is reached otherwise. */
async function nodePort(name: string): Promise<number | null> {
  const { items } = await kubectlJson<{
    items: { spec: { ports: { name: string; nodePort?: number }[] } }[];
  }>(
    "get",
    "services",
    "-n",
    "envoy-gateway-system",
    "-l",
    "gateway.envoyproxy.io/owning-gateway-name=rondo",
  );
  return items.flatMap(({ spec }) => spec.ports).find((port) => port.name === name)?.nodePort ?? null;
}
