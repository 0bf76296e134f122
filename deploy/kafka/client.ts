/** A Kafka client for operators. Services have none: they speak to their sidecar. */
import process from "node:process";
import { type Admin, Kafka, logLevel } from "kafkajs";

// kafkajs asks for timers in the past, which is harmless, and each process would say so on standard error.
const printers = process.listeners("warning");
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "TimeoutNegativeWarning") { for (const print of printers) print(warning); }
});

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
