/** Webhooks of a running Rondo: from the API to a receiver, also when Rondo is killed in between. */
import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import type { Task } from "../../services/shared/contracts/task.ts";
import type { NewWebhook, WebhookDelivery } from "../../services/shared/contracts/webhooks.ts";
import { call, signUp } from "../support/client.ts";
import { metric, startRondo, temporaryFolder, waitFor } from "../support/rondo.ts";

interface Received {
  id: string;
  seq: number;
  type: string;
}

/** A receiver that checks signatures; `hold()` leaves requests without an answer until the answer is called. */
function receiver() {
  const received: Received[] = [];
  let secret = "";
  let held: Promise<void> | null = null;
  let release = () => {};
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    const message = new Webhook(secret).verify(body, Object.fromEntries(request.headers)) as {
      type: string;
      data: { seq: number };
    };
    received.push({
      id: request.headers.get("webhook-id") ?? "",
      seq: message.data.seq,
      type: message.type,
    });
    await held;
    return new Response(null, { status: 204 });
  });
  return {
    received,
    url: `http://127.0.0.1:${server.addr.port}/`,
    trust: (given: string) => void (secret = given),
    hold(): () => void {
      const gate = Promise.withResolvers<void>();
      held = gate.promise;
      release = () => {
        held = null;
        gate.resolve();
      };
      return release;
    },
    async [Symbol.asyncDispose]() {
      release();
      await server.shutdown();
    },
  };
}

Deno.test("a webhook hears of changes, and of the same one again when Rondo is killed before it knows the answer", async () => {
  await using folder = temporaryFolder();
  await using there = receiver();
  const env = { WEBHOOKS_ALLOW_PRIVATE: "true" };
  let client;
  let webhook: NewWebhook;
  {
    await using rondo = await startRondo({ dataDir: folder.path, env });
    client = await signUp(rondo.origin);
    const made = await client.call<NewWebhook>("POST", "/api/webhooks", { url: there.url });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    webhook = made.body;
    there.trust(webhook.secret);
    const task = await client.call<Task>("POST", "/api/tasks", { title: "Pay rent" });
    await client.call("POST", `/api/tasks/${task.body.id}/complete`, {});
    await waitFor(() => there.received.length === 2);
    assert.deepEqual(there.received.map(({ type }) => type), ["task.created.v1", "task.completed.v1"]);
    await waitFor(async () => {
      const { body } = await client.call<{ items: WebhookDelivery[] }>(
        "GET",
        `/api/webhooks/${webhook.id}/deliveries?status=delivered`,
      );
      return body.items.length === 2;
    });
    assert.equal(await metric(rondo.origin, "webhooks_deliveries_total", { status: "delivered" }), 2);
    there.hold();
    await client.call("POST", "/api/tasks", { title: "Water the plants" });
    await waitFor(() => there.received.length === 3);
    rondo.kill("SIGKILL");
    await rondo.ended;
  }
  await using rondo = await startRondo({ dataDir: folder.path, env });
  // Until the intent has run out.
  await waitFor(() => there.received.length === 4, 60_000);
  assert.deepEqual(there.received[3], there.received[2]);
  const { cookie } = client;
  const replay = await call(rondo.origin, "POST", `/api/webhooks/${webhook.id}/replay?since=0`, undefined, {
    cookie,
  });
  assert.equal(replay.status, 202);
});

Deno.test("a webhook may not go where the installation does not allow it", async () => {
  await using rondo = await startRondo();
  const client = await signUp(rondo.origin);
  for (const url of ["http://127.0.0.1:9/", "https://hooks.example.com/", "https://[::1]/"]) {
    const { status, body } = await client.call<{ detail: string }>("POST", "/api/webhooks", { url });
    assert.equal(status, 422, url);
    assert.match(body.detail, /^url is not allowed: .*WEBHOOKS_ALLOW_/);
  }
});
