import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { TOPICS } from "../../services/shared/contracts/events.ts";
import { readBase, type ResourceOptions, writeResources } from "./resources.ts";

/** What was written for one sidecar, by file. */
async function written(options: Omit<ResourceOptions, "folder">) {
  const folder = await Deno.makeTempDir();
  try {
    const { resourcesPath, config } = await writeResources({ folder, ...options });
    const files: Record<string, ReturnType<typeof parse>> = {};
    for await (const { name } of Deno.readDir(resourcesPath)) {
      files[name.replace(".yaml", "")] = parse(await Deno.readTextFile(join(resourcesPath, name)));
    }
    const secretFile = join(folder, "secrets.json");
    return {
      files,
      configuration: parse(await Deno.readTextFile(config)),
      secrets: JSON.parse(await Deno.readTextFile(secretFile)),
      mode: ((await Deno.stat(secretFile)).mode ?? 0) & 0o777,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const valueOf = (component: { spec: { metadata: { name: string; value: string }[] } }, name: string) =>
  component.spec.metadata.find((pair) => pair.name === name)?.value;

Deno.test("the cluster's files: every component has its scope, and topics are closed to all others", async () => {
  const base = await readBase();
  for (const { kind, metadata, scopes } of base) {
    if (kind !== "Configuration") assert.ok((scopes?.length ?? 0) > 0, metadata.name);
  }
  assert.ok(!JSON.stringify(base).includes("{namespace}"), "it would be put before every topic's name");
  const { files } = await written({ appId: "relay", brokers: "127.0.0.1:9" });
  const pubsub = files["component-pubsub"];
  const topics = valueOf(pubsub, "allowedTopics")?.split(",") ?? [];
  assert.deepEqual(topics, valueOf(pubsub, "protectedTopics")?.split(","));
  assert.deepEqual(topics.filter((topic) => !topic.endsWith(".dlq")), Object.keys(TOPICS));
});

Deno.test("the cluster's files: what a service subscribes to it may read, and bury", async () => {
  for (const appId of ["recurrence", "reminders", "notifications", "audit", "webhooks"]) {
    const { files } = await written({ appId, brokers: "127.0.0.1:9" });
    const pubsub = files["component-pubsub"];
    const scope = (name: string) =>
      valueOf(pubsub, name)?.split(";").map((one) => one.trim()).find((one) => one.startsWith(`${appId}=`))
        ?.split("=")[1]?.split(",");
    const subscriptions = Object.entries(files).filter(([name]) => name.startsWith("subscription-"))
      .map(([, { spec }]) => spec);
    const topics = subscriptions.map(({ topic }) => topic).sort();
    assert.ok(topics.length > 0);
    assert.deepEqual(scope("subscriptionScopes")?.sort(), topics);
    assert.deepEqual(scope("publishingScopes")?.sort(), topics.map((topic) => `${topic}.dlq`));
    for (const { topic, routes, deadLetterTopic } of subscriptions) {
      assert.equal(routes.default, `/dapr/events/${topic}`);
      assert.equal(deadLetterTopic, `${topic}.dlq`);
    }
    assert.ok("resiliency-rondo" in files);
  }
});

Deno.test("writeResources() gives the api's sidecar nothing of Kafka", async () => {
  const { files, secrets } = await written({
    appId: "api",
    brokers: "127.0.0.1:9",
    stateUrl: "postgres://x",
  });
  assert.deepEqual(Object.keys(files), ["component-kubernetes"]);
  assert.deepEqual(secrets, {});
});

Deno.test("writeResources() puts addresses and secrets into a file of its owner, and peers into the resolver", async () => {
  const { files, secrets, mode, configuration } = await written({
    appId: "notifications",
    brokers: "127.0.0.1:9",
    stateUrl: "postgres://x",
    secrets: { "smtp-password": "correct horse" },
    peers: { api: 21_000, audit: 21_001 },
  });
  assert.deepEqual(secrets, {
    kafka: { brokers: "127.0.0.1:9" },
    "smtp-password": { "smtp-password": "correct horse" },
  });
  assert.equal(mode, 0o600);
  assert.ok(!JSON.stringify(files).includes("correct horse"));
  assert.equal(files["component-secrets"].spec.type, "secretstores.local.file");
  assert.deepEqual(files["component-secrets"].scopes, ["notifications"]);
  assert.equal(
    configuration.spec.nameResolution.configuration.template,
    '{{if false}}{{else if eq .ID "api"}}127.0.0.1:21000{{else if eq .ID "audit"}}127.0.0.1:21001' +
      "{{else}}127.0.0.1:1{{end}}",
  );
  assert.ok(configuration.spec.api.allowed.length > 0);
});

Deno.test("writeResources() makes a custom service like one of the cluster's", async () => {
  const { files } = await written({
    appId: "probe",
    brokers: "127.0.0.1:9",
    custom: { consumes: ["reminders"], watches: ["task-updates"], publishes: ["task-events"] },
  });
  assert.deepEqual(Object.keys(files).sort(), [
    "component-broadcast",
    "component-kubernetes",
    "component-pubsub",
    "resiliency-rondo",
    "subscription-probe-broadcast-task-updates",
    "subscription-probe-pubsub-reminders",
  ]);
  assert.equal(valueOf(files["component-pubsub"], "publishingScopes"), "probe=task-events,reminders.dlq");
  assert.equal(valueOf(files["component-pubsub"], "subscriptionScopes"), "probe=reminders");
  assert.equal(valueOf(files["component-broadcast"], "publishingScopes"), "probe=");
  const { spec } = files["subscription-probe-pubsub-reminders"];
  assert.deepEqual([spec.routes.default, spec.deadLetterTopic], ["/dapr/events/reminders", "reminders.dlq"]);
});
