/**
 * Shows the lag of consumer groups to Prometheus: `kafka_consumer_lag{topic,group}`.
 *
 * As a program it reads `PORT`, `HOST` and `KAFKA_BROKERS`.
 */
import { Gauge, Registry } from "prom-client";
import { z } from "zod";
import { listen, runMain, stopSignal } from "../../services/shared/host/serve.ts";
import { bounded } from "../../services/shared/runtime/waiting.ts";
import { readLag } from "./lag.ts";

/** Shorter than a scrape may take: a broker that hangs is told of, where silence would look like a dead exporter. */
const ANSWER_MS = 5_000;

/** Registers the metrics; the answer asks the broker, which every scrape does first. */
export function registerLag(registry: Registry, brokers: string): () => Promise<void> {
  const up = new Gauge({
    name: "kafka_consumer_lag_up",
    help: "Whether the broker answered the last question",
    registers: [registry],
  });
  const lag = new Gauge({
    name: "kafka_consumer_lag",
    help: "Events of a topic that a consumer group has not taken",
    labelNames: ["topic", "group"],
    registers: [registry],
  });
  return async () => {
    // No lag is known while the broker does not answer, which is not the same as none.
    const known = await bounded(ANSWER_MS, new AbortController().signal, () => readLag(brokers)).catch(() =>
      null
    );
    lag.reset();
    for (const { topic, group, events } of known ?? []) lag.set({ topic, group }, events);
    up.set(known === null ? 0 : 1);
  };
}

const Settings = z.object({
  PORT: z.coerce.number().int(),
  HOST: z.string().default("127.0.0.1"),
  KAFKA_BROKERS: z.string().min(1),
});

if (import.meta.main) {
  await runMain(async () => {
    const { PORT, HOST, KAFKA_BROKERS } = Settings.parse(Deno.env.toObject());
    const stopped = stopSignal();
    const server = listen({ HOST, PORT });
    const registry = new Registry();
    const ask = registerLag(registry, KAFKA_BROKERS);
    server.handle(async (request) => {
      switch (new URL(request.url).pathname) {
        case "/health":
          return Response.json({ status: "ok" });
        case "/metrics":
          await ask();
          return new Response(await registry.metrics(), {
            headers: { "content-type": registry.contentType },
          });
        default:
          return new Response("Not found\n", { status: 404 });
      }
    });
    console.log(`lag-exporter is running on http://${HOST}:${server.port}`);
    await stopped;
    await server.close(5_000);
  });
}
