/** What operators ask of a Kafka that lets in only who signs in, over TLS: Strimzi's, and most of the managed ones. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createCertificate } from "../../deploy/cluster/certificate.ts";
import { run } from "../../deploy/images/base.ts";
import { kafkaClient, kafkaLogin } from "../../deploy/kafka/client.ts";
import { installKafka } from "../../deploy/local/install.ts";
import { startKafka } from "../../deploy/local/kafka.ts";
import { freePorts } from "../../deploy/local/ports.ts";
import { temporaryFolder } from "../support/rondo.ts";

Deno.test("an operator signs in to Kafka by SCRAM over TLS, and with another password does not", async () => {
  await using folder = temporaryFolder();
  const [port = 0, controller = 0, open = 0] = freePorts(3);
  const { certificate, key } = await createCertificate(["localhost"]);
  const pem = (text: string) => text.trim().replaceAll("\n", "\\n");
  await using kafka = await startKafka({
    dataDir: join(folder.path, "kafka"),
    port: open,
    settings: {
      "controller.quorum.voters": `1@127.0.0.1:${controller}`,
      "listeners":
        `PLAINTEXT://127.0.0.1:${open},SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${open},SASL_SSL://localhost:${port}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
      "sasl.enabled.mechanisms": "SCRAM-SHA-512",
      "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
      "ssl.keystore.type": "PEM",
      "ssl.keystore.certificate.chain": pem(certificate),
      "ssl.keystore.key": pem(key),
    },
  });
  const password = crypto.randomUUID();
  const { java, classPath } = await installKafka();
  await run(java, [
    ...["-Xmx128m", "-cp", classPath, "kafka.admin.ConfigCommand", "--bootstrap-server", kafka.brokers],
    ...["--alter", "--entity-type", "users", "--entity-name", "rondo"],
    ...["--add-config", `SCRAM-SHA-512=[password=${password}]`],
  ]);

  const groups = async (env: Record<string, string>) => {
    const admin = kafkaClient(`localhost:${port}`, kafkaLogin(env)).admin();
    try {
      await admin.connect();
      return (await admin.listGroups()).groups;
    } finally {
      await admin.disconnect();
    }
  };
  const login = { KAFKA_USERNAME: "rondo", KAFKA_PASSWORD: password, KAFKA_CA: certificate };
  assert.deepEqual(await groups(login), []);
  await assert.rejects(groups({ ...login, KAFKA_PASSWORD: "another" }), /Authentication failed|SASL/);
  await assert.rejects(groups({ ...login, KAFKA_CA: (await createCertificate(["localhost"])).certificate }));
  assert.equal(kafkaLogin({}), null);
});
