/** The runtime's contract over Dapr and Kafka, with a sidecar for each replica. */
import { kafkaDeadLetters } from "../../deploy/kafka/dead_letters.ts";
import { type ContractHarness, runtimeContract } from "../../services/shared/runtime/contract_suite.ts";
import { type Broker, SECRET, type SidecarReplica, startBroker } from "./broker.ts";

let broker: Broker;
Deno.test.beforeAll(async () => {
  broker = await startBroker();
});
Deno.test.afterAll(async () => await broker[Symbol.asyncDispose]());

runtimeContract("dapr", (): Promise<ContractHarness> => {
  const running: SidecarReplica[] = [];
  return Promise.resolve({
    topic: "task-events",
    unique: (word) => `${word}-${crypto.randomUUID()}`,
    deadLetters: kafkaDeadLetters(broker.brokers),
    secret: SECRET,
    async replica(service, configure) {
      const replica = await broker.replica(service, {
        configure,
        runtime: { retry: { timeoutMs: 1_000 }, jobs: { retryMs: 300 } },
      });
      running.push(replica);
      return replica;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(running.map((replica) => replica.stop()));
    },
  });
});
