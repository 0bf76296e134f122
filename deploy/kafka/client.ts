/** A Kafka client for operators. Services have none: they speak to their sidecar. */
import { type Admin, Kafka, logLevel } from "kafkajs";

/** @param brokers such as `127.0.0.1:9092`, several separated by commas */
export function kafkaClient(brokers: string): Kafka {
  return new Kafka({
    clientId: "rondo-operator",
    brokers: brokers.split(","),
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
