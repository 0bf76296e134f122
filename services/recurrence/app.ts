/**
 * Recurrence: a completed or skipped occurrence asks for the next one.
 *
 * The event's effect lies in another service's database, so it is taken in three steps: the intent is recorded
 * with the inbox in one transaction, the api is asked with the event id as idempotency key while no transaction
 * is open, and the answer is recorded. A refusal is answered `retry`; what the broker gives up on stays pending
 * here and is swept, so an outage heals without an operator.
 */
import { z } from "zod";
import { createServiceApp, databaseReady, type ServiceDependencies } from "../shared/http/app.ts";
import type { Delivery, Outcome, Service } from "../shared/runtime/ports.ts";
import { createConsumer } from "../shared/store/inbox.ts";
import { createLoop } from "../shared/runtime/loop.ts";
import { asksForNext, createOccurrences, type Occurrences, recordIntent } from "./occurrences.ts";

const NAME = "recurrence";
const SWEEP_EVERY_MS = 30_000;

const Ending = z.object({ id: z.uuid(), type: z.string().refine(asksForNext) });

/** The recurrence service over its ports. */
export function createRecurrence(dependencies: ServiceDependencies): Service {
  const { sql, runtime, log, metrics, clock } = dependencies;
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  const occurrences = createOccurrences({ sql, runtime, clock });
  const record = createConsumer({
    sql,
    schema: "recurrence",
    consumer: NAME,
    ...{ log, metrics, clock },
    async effect(tx, events, within) {
      for (const event of events) {
        if (asksForNext(event.type)) await within(event, () => recordIntent(tx, event, clock.now()));
      }
    },
  });
  runtime.subscribe({
    topic: "task-events",
    consumer: NAME,
    handle: async (batch) => await settled(batch, await record(batch), occurrences),
  });
  const sweep = createLoop({
    everyMs: SWEEP_EVERY_MS,
    log,
    async run() {
      const failing = await occurrences.sweep();
      if (failing > 0) log.warn("occurrences wait for the api", { failing });
      await occurrences.prune();
    },
  });
  return {
    name: NAME,
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      sweep.start();
      await runtime.start();
    },
    async stop() {
      await runtime.stop();
      await sweep.stop();
    },
  };
}

/** The outcomes once the api was asked: an event is taken when its occurrence is settled, not when it is noted. */
async function settled(
  batch: readonly Delivery[],
  outcomes: readonly Outcome[],
  occurrences: Occurrences,
): Promise<Outcome[]> {
  const endings = batch.map(({ event }, index) =>
    outcomes[index]?.status === "ok" ? Ending.safeParse(event).data?.id : undefined
  );
  const wanted = endings.filter((id) => id !== undefined);
  if (wanted.length === 0) return [...outcomes];
  const errors = await occurrences.make(wanted);
  const failed = new Set<string>();
  return outcomes.map((outcome, index) => {
    const key = batch[index]?.key ?? "";
    if (outcome.status === "ok" && failed.has(key)) {
      return { status: "retry", error: "an earlier event of this key was not taken" };
    }
    const error = errors.get(endings[index] ?? "");
    if (error === undefined) return outcome;
    failed.add(key);
    return { status: "retry", error };
  });
}
