/** A process for the tests to kill: takes the first event of its consumer, says so, and never ends the work. */
import { systemClock } from "../../domain/time.ts";
import { connect } from "../../store/database.ts";
import { createLog } from "../../telemetry/log.ts";
import { createMetrics } from "../../telemetry/metrics.ts";
import { createEmbeddedHub } from "./mod.ts";

const [url = "", service = "", internalToken = ""] = Deno.args;
const hub = createEmbeddedHub({
  sql: connect({ url, role: "rondo_broker", name: "crash-fixture" }),
  log: createLog({ service, level: "warn" }),
  metrics: createMetrics(),
  clock: systemClock,
  internalToken,
});
const runtime = hub.runtime(service);
const say = (word: string): Promise<number> => Deno.stdout.write(new TextEncoder().encode(word + "\n"));
runtime.subscribe({
  topic: "task-events",
  consumer: service,
  async handle() {
    await say("working");
    return await new Promise(() => {});
  },
});
runtime.jobs.handle(async () => {
  await say("running");
  await new Promise(() => {});
});
await runtime.start();
await say("started");
