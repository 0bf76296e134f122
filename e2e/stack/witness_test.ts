/** Witnesses on the wire that know nothing of the adapter: Dapr's own client and a Kafka client. */
import assert from "node:assert/strict";
import { CommunicationProtocolEnum, DaprClient, HttpMethod } from "@dapr/dapr";
import type { KafkaMessage } from "kafkajs";
import { uuidv7 } from "uuidv7";
import { kafkaClient } from "../../deploy/kafka/client.ts";
import { LOOPBACK } from "../../deploy/local/parts.ts";
import { someEvents, toOutbound } from "../../services/shared/runtime/contract_suite.ts";
import type { Delivery, Outcome } from "../../services/shared/runtime/ports.ts";
import { waitFor } from "../../services/shared/testing/fake_runtime.ts";
import {
  type Broker,
  type ReplicaOptions,
  SECRET,
  type SidecarReplica,
  startBroker,
  TOKENS,
} from "./broker.ts";

const PATIENCE_MS = 45_000;

let broker: Broker;
Deno.test.beforeAll(async () => {
  broker = await startBroker();
});
Deno.test.afterAll(async () => await broker[Symbol.asyncDispose]());

Deno.test("state that the adapter writes is read by Dapr's client, and the other way round", async () => {
  await using world = new World();
  const { runtime: { state }, daprd } = await world.replica("keeper");
  const client = clientOf(daprd.ports.http);
  assert.equal(await state.set("ours", { lines: ["eins", null] }), true);
  assert.deepEqual(await client.state.get("state", "ours"), { lines: ["eins", null] });
  const { error } = await client.state.save("state", [{ key: "theirs", value: { n: 1 } }]);
  assert.equal(error, undefined);
  const theirs = await state.get("theirs");
  assert.deepEqual(theirs?.value, { n: 1 });
  await client.state.save("state", [{ key: "theirs", value: { n: 2 }, etag: theirs?.etag }]);
  assert.equal(await state.set("theirs", { n: 3 }, { etag: theirs?.etag }), false, "its etag is stale");
  await client.state.delete("state", "theirs");
  assert.equal(await state.get("theirs"), null);
  assert.deepEqual(await client.secret.get("secrets", SECRET.name), { [SECRET.name]: SECRET.value });
  await client.stop();
});

Deno.test("what Dapr's client publishes and asks reaches a service behind the adapter", async () => {
  await using world = new World();
  const seen: Delivery[] = [];
  const service = `told-${crypto.randomUUID()}`;
  const { daprd } = await world.replica(service, (runtime) => {
    runtime.subscribe({ topic: "reminders", consumer: service, handle: collectInto(seen) });
    return (request) =>
      runtime.isInternal(request)
        ? Response.json({ path: new URL(request.url).pathname })
        : new Response(null);
  });
  const client = clientOf(daprd.ports.http);
  const [{ key, event }] = someEvents(1);
  await waitFor(async () => {
    const { error } = await client.pubsub.publish("pubsub", "reminders", event, {
      contentType: "application/cloudevents+json",
      metadata: { partitionKey: key },
    });
    return error === undefined;
  }, PATIENCE_MS);
  await waitFor(() => seen.length > 0, PATIENCE_MS);
  assert.deepEqual([seen[0]?.key, (seen[0]?.event as typeof event).id], [key, event.id]);
  assert.deepEqual(await client.invoker.invoke(service, "internal/x", HttpMethod.GET), {
    path: "/internal/x",
  });
  await client.stop();
});

Deno.test("an event is in Kafka under its key, with the envelope as it was, and a dead letter with its reason", async () => {
  await using world = new World();
  const service = `gravedigger-${crypto.randomUUID()}`;
  const events = someEvents(2, uuidv7());
  const { runtime } = await world.replica(service, (runtime) => {
    runtime.subscribe({
      topic: "notifications",
      consumer: service,
      handle: (batch) =>
        Promise.resolve(
          batch.map((delivery): Outcome =>
            delivery.key === events[0].key
              ? { status: "dead", error: "größer als erlaubt 🌱" }
              : { status: "ok" }
          ),
        ),
    });
  });
  for (const event of events) {
    await waitFor(async () =>
      (await runtime.publish(toOutbound([event], "notifications"))).every(({ ok }) => ok)
    );
  }
  await using reader = await world.reader(["notifications", "notifications.dlq"]);
  const mine = (topic: string): KafkaMessage[] =>
    reader.messages.filter((one) => one.topic === topic && String(one.message.key) === events[0].key)
      .map(({ message }) => message);
  await waitFor(
    () => mine("notifications").length === 2 && mine("notifications.dlq").length === 2,
    PATIENCE_MS,
  );
  for (const [index, message] of mine("notifications").entries()) {
    const stored = JSON.parse(String(message.value));
    for (const [attribute, value] of Object.entries(events[index]?.event ?? {})) {
      assert.deepEqual(stored[attribute], value, attribute);
    }
    assert.deepEqual(headersOf(message), { partitionKey: events[0].key });
  }
  for (const [index, message] of mine("notifications.dlq").entries()) {
    assert.equal(JSON.parse(String(message.value)).id, events[index]?.event.id);
    const { at, ...headers } = headersOf(message);
    assert.deepEqual(headers, {
      consumer: service,
      error: "größer als erlaubt 🌱",
      attempts: "1",
      partitionKey: events[0].key,
    });
    assert.ok(Temporal.Instant.from(at ?? "").since(Temporal.Now.instant()).abs().total("minutes") < 5);
  }
});

Deno.test("a record that is no JSON becomes a dead letter, and what is behind it flows on", async () => {
  await using world = new World();
  const service = `strict-${crypto.randomUUID()}`;
  const seen: Delivery[] = [];
  const { runtime } = await world.replica(service, (runtime) => {
    runtime.subscribe({ topic: "task-updates", consumer: service, handle: collectInto(seen) });
  });
  const [event] = someEvents(1);
  const producer = kafkaClient(broker.brokers).producer();
  await producer.connect();
  await producer.send({
    topic: "task-updates",
    messages: [{ key: event.key, value: "no JSON", partition: 0 }],
  });
  await producer.send({
    topic: "task-updates",
    messages: [{ key: event.key, value: JSON.stringify(event.event), partition: 0 }],
  });
  await producer.disconnect();
  await waitFor(() => seen.some(({ key }) => key === event.key), PATIENCE_MS);
  await using reader = await world.reader(["task-updates.dlq"]);
  await waitFor(
    () => reader.messages.some(({ message }) => String(message.value) === "no JSON"),
    PATIENCE_MS,
  );
  assert.ok(runtime);
});

/** What one test started. */
class World implements AsyncDisposable {
  readonly #replicas: SidecarReplica[] = [];

  async replica(service: string, configure?: ReplicaOptions["configure"]): Promise<SidecarReplica> {
    const replica = await broker.replica(service, { configure });
    this.#replicas.push(replica);
    return replica;
  }

  async reader(topics: string[]) {
    const messages: { topic: string; message: KafkaMessage }[] = [];
    const consumer = kafkaClient(broker.brokers).consumer({ groupId: `witness-${crypto.randomUUID()}` });
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ topic, message }) => Promise.resolve(void messages.push({ topic, message })),
    });
    return { messages, [Symbol.asyncDispose]: () => consumer.disconnect() };
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
  }
}

function collectInto(seen: Delivery[]) {
  return (batch: readonly Delivery[]): Promise<Outcome[]> => {
    seen.push(...batch);
    return Promise.resolve(batch.map(() => ({ status: "ok" })));
  };
}

function clientOf(port: number): DaprClient {
  return new DaprClient({
    daprHost: LOOPBACK,
    daprPort: String(port),
    communicationProtocol: CommunicationProtocolEnum.HTTP,
    daprApiToken: TOKENS.dapr,
  });
}

function headersOf(message: KafkaMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
  );
}
