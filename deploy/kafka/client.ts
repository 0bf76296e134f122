/**
 * A Kafka client for operators. Services have none: they speak to their sidecar.
 *
 * Where `KAFKA_USERNAME` and `KAFKA_PASSWORD` are set it signs in (SCRAM-SHA-512) over TLS; `KAFKA_CA` is the
 * certificate of who vouches for the brokers, for those that no public authority knows.
 */
import process from "node:process";
import { type Admin, Kafka, logLevel } from "kafkajs";

// kafkajs asks for timers in the past, which is harmless, and each process would say so on standard error.
const printers = process.listeners("warning");
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "TimeoutNegativeWarning") { for (const print of printers) print(warning); }
});

export interface KafkaLogin {
  username: string;
  password: string;
  /** PEM. */
  ca?: string;
}

/** The login of an environment, null: none is wanted. */
export function kafkaLogin(env: Record<string, string | undefined>): KafkaLogin | null {
  const { KAFKA_USERNAME: username = "", KAFKA_PASSWORD: password = "", KAFKA_CA: ca } = env;
  return username === "" ? null : { username, password, ca };
}

/** @param brokers such as `127.0.0.1:9092`, several separated by commas */
export function kafkaClient(brokers: string, login = kafkaLogin(process.env)): Kafka {
  return new Kafka({
    clientId: "rondo-operator",
    brokers: brokers.split(","),
    ...(login === null ? {} : {
      ssl: login.ca === undefined ? true : { ca: [login.ca] },
      sasl: { mechanism: "scram-sha-512", username: login.username, password: login.password },
    }),
    logLevel: logLevel.NOTHING,
    retry: { retries: 3 },
  });
}

/** Runs `work` with a connected admin client. */
export async function withAdmin<T>(brokers: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}
