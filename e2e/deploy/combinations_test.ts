/** Whatever components are put together, what comes out is something that a cluster takes. */
import assert from "node:assert/strict";
import { conform, installCheckers } from "../../deploy/checks/checkers.ts";
import { combinations, combine, everyObject } from "../../deploy/checks/combinations.ts";

Deno.test("every combination of components builds, and every object is what its kind allows", async () => {
  const checkers = await installCheckers(console.log);
  const resources = await everyObject();
  console.log(`${combinations().length} combinations, ${resources.length} different objects`);
  const { text, success } = await conform(checkers, resources);
  assert.ok(success, text);
  assert.match(text, new RegExp(`Summary: ${resources.length} resources`));
});

Deno.test("the lag exporter signs in where the broker wants that", async () => {
  const variables = async (broker: string) => {
    const resources = await combine(["observability", "postgres", broker]);
    const exporter = resources.find(({ kind, metadata }) =>
      kind === "Deployment" && metadata.name === "lag-exporter"
    );
    const { template } = exporter?.spec as {
      template: { spec: { containers: { env: { name: string }[] }[] } };
    };
    return template.spec.containers.flatMap(({ env }) => env.map(({ name }) => name))
      .filter((name) => name.startsWith("KAFKA_"));
  };
  assert.deepEqual(await variables("kafka"), ["KAFKA_BROKERS"]);
  for (const broker of ["kafka-strimzi", "kafka-managed"]) {
    assert.deepEqual(await variables(broker), [
      "KAFKA_BROKERS",
      "KAFKA_USERNAME",
      "KAFKA_PASSWORD",
      "KAFKA_CA",
    ]);
  }
});
