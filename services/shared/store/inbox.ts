/**
 * The inbox: an event's id is recorded in the transaction of its effect, so a second delivery has none.
 *
 * A schema that consumes events has the tables `inbox (consumer, event_id, received_at)` and
 * `inbox_positions (consumer, topic, user_id, seq)`.
 */
import { dataSchema, Envelope } from "../contracts/events.ts";
import type { Clock } from "../domain/time.ts";
import type { Delivery, Outcome } from "../runtime/ports.ts";
import { reason } from "../runtime/waiting.ts";
import { newContext, runInContext } from "../telemetry/context.ts";
import type { Log } from "../telemetry/log.ts";
import { inSpan } from "../telemetry/trace.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type Finished, setUser, type Sql, transact, type Tx } from "./database.ts";

/** Days that received ids are kept: longer than any broker keeps an event, so a redelivery always finds its record. */
export const KEPT_DAYS = 45;

export interface ConsumerOptions {
  sql: Sql;
  schema: string;
  consumer: string;
  log: Log;
  metrics: Metrics;
  clock: Clock;
  /** Milliseconds that one statement may take before its transaction is undone; default 20,000. */
  statementTimeoutMs?: number;
  /**
   * The effect of events inside the transaction that also records them. A rejection undoes the batch, whose events
   * are taken one by one then; alone it means retry.
   */
  effect: EachEffect | AllEffect;
  /** Called after the commit of a batch in which something took effect. */
  committed?(): void;
}

/** For one user after the other: their events in order, row-level security at them. */
export type EachEffect = (tx: Tx, events: UserEvents, within: Within) => Promise<void>;

/** For all users of a batch, so that their statements can travel together; row-level security is at nobody yet. */
export interface AllEffect {
  all(tx: Tx, users: ReadonlyMap<string, UserEvents>, within: Within): Promise<void>;
}

/** Events of one user, in order. */
export type UserEvents = readonly [Envelope, ...Envelope[]];

/** Runs work in the span and the context of an event: its correlation id, its trace. */
export type Within = <T>(event: Envelope, work: () => Promise<T>) => Promise<T>;

/** An event that will never be understood: it goes to the dead-letter topic at once. */
export class PoisonEvent extends Error {
  override name = "PoisonEvent";
}

type Parsed = { event: Envelope } | { outcome: Outcome };

/**
 * A subscription handler that is effective once: one transaction for the batch; when it fails, one for each
 * event, so that a bad one does not hold up the rest. Later events of a failed key are answered `retry`.
 */
export function createConsumer(options: ConsumerOptions): (batch: readonly Delivery[]) => Promise<Outcome[]> {
  const { log, metrics, consumer } = options;
  return async (batch) => {
    const parsed = batch.map((delivery) => parse(delivery));
    const good = parsed.filter((entry): entry is { event: Envelope } => "event" in entry);
    const clean = good.length === parsed.length;
    if (clean && good.length > 1) {
      try {
        const started = performance.now();
        const taken = good.map(({ event }, index) => ({ event, topic: batch[index]?.topic ?? "" }));
        tellGaps(await applied(taken, options), options);
        const seconds = (performance.now() - started) / 1_000 / good.length;
        for (const { event } of good) observe(event, "ok", seconds, options);
        options.committed?.();
        return good.map(() => ({ status: "ok" }));
      } catch (cause) {
        log.debug("a batch failed; its events are taken one by one", { consumer, cause });
      }
    }
    const failed = new Set<string>();
    const outcomes: Outcome[] = [];
    let effective = false;
    for (const [index, entry] of parsed.entries()) {
      const key = batch[index]?.key ?? "";
      const outcome: Outcome = failed.has(key)
        ? { status: "retry", error: "an earlier event of this key was not taken" }
        : "outcome" in entry
        ? entry.outcome
        : await one(entry.event, batch[index]?.topic ?? "", options);
      effective ||= outcome.status === "ok";
      if (outcome.status === "retry") failed.add(key);
      if (outcome.status !== "ok" && !("event" in entry)) {
        metrics.eventsConsumed.inc({ consumer, event_type: "invalid", outcome: outcome.status });
      }
      outcomes.push(outcome);
    }
    if (effective) options.committed?.();
    return outcomes;
  };
}

async function one(event: Envelope, topic: string, options: ConsumerOptions): Promise<Outcome> {
  const started = performance.now();
  try {
    tellGaps(await applied([{ event, topic }], options), options);
    observe(event, "ok", (performance.now() - started) / 1_000, options);
    return { status: "ok" };
  } catch (cause) {
    const status = cause instanceof PoisonEvent ? "dead" : "retry";
    observe(event, status, (performance.now() - started) / 1_000, options);
    runInContext(contextOf(event), () =>
      options.log.warn("an event was not taken", {
        consumer: options.consumer,
        eventId: event.id,
        type: event.type,
        status,
        cause,
      }));
    return { status, error: reason(cause) };
  }
}

interface Taken {
  event: Envelope;
  topic: string;
}

/** Numbers between two that a consumer took of one user's stream: dead letters, types that this build does not know, or lost. */
interface Gap {
  topic: string;
  userId: string;
  after: number;
  before: number;
}

async function applied(batch: readonly Taken[], options: ConsumerOptions): Promise<Gap[]> {
  const gaps = await transact(options.sql, (tx) => apply(tx, batch, options));
  return (await Promise.all(gaps)).flat();
}

/** Records the events of a batch and gives those that are new their effect, in order. */
async function apply(
  tx: Tx,
  batch: readonly Taken[],
  options: ConsumerOptions,
): Promise<Finished<Promise<Gap[]>[]>> {
  const { schema, consumer, statementTimeoutMs = 20_000 } = options;
  // A statement that waits for ever would hold up everything that comes after it. In one packet with the next.
  const limited = tx`select set_config('statement_timeout', ${String(statementTimeoutMs)}, true)`.execute();
  const recording = tx<{ event_id: string }[]>`
    insert into ${tx(schema)}.inbox (consumer, event_id)
    select ${consumer}, event_id from unnest(${batch.map(({ event }) => event.id)}::uuid[]) as event_id
    on conflict do nothing returning event_id`;
  const [recorded] = await Promise.all([recording, limited]);
  const ids = new Set(recorded.map(({ event_id }) => event_id));
  // A duplicate inside the batch takes effect once too.
  const fresh = batch.filter(({ event }) => ids.delete(event.id));
  const topics = new Map(fresh.map(({ event, topic }) => [event, topic]));
  const within: Within = (event, work) =>
    inSpan(`${consumer} ${event.type}`, {
      kind: "consumer",
      parent: event.traceparent,
      correlationId: event.correlationid,
      attributes: {
        "messaging.destination.name": topics.get(event) ?? "",
        "messaging.message.id": event.id,
        "rondo.type": event.type,
      },
    }, work);
  // Users do not wait for each other's order: each has their turn once.
  const users = Map.groupBy(fresh.map(({ event }) => event), (event) => event.partitionkey) as Map<
    string,
    [Envelope, ...Envelope[]]
  >;
  const { effect } = options;
  if (typeof effect === "function") {
    for (const [userId, events] of users) {
      // Sent ahead of the effect's first statement, in one packet with it.
      const scoped = setUser(tx, userId);
      await Promise.all([scoped, effect(tx, events, within)]);
    }
  } else if (users.size > 0) await effect.all(tx, users, within);
  const streams = Map.groupBy(fresh, ({ event, topic }) => `${topic} ${event.partitionkey}`);
  // The last number of each user, kept to see gaps; in one packet with the commit.
  const begun: Promise<unknown>[] = [];
  const gaps = [...streams.values()].map((taken) => {
    const { topic = "", event } = taken[0] ?? {};
    const userId = event?.partitionkey ?? "";
    const seqs = taken.map(({ event }) => Number(event.data.seq));
    const scoped = setUser(tx, userId);
    const storing = tx<{ known: number | null }[]>`
      with known as (
        select seq from ${tx(schema)}.inbox_positions
        where consumer = ${consumer} and topic = ${topic} and user_id = ${userId}
      )
      insert into ${tx(schema)}.inbox_positions as p (consumer, topic, user_id, seq)
      values (${consumer}, ${topic}, ${userId}, ${Math.max(...seqs)})
      on conflict (consumer, topic, user_id) do update set seq = greatest(p.seq, excluded.seq)
      returning (select seq from known) as known`.execute();
    begun.push(scoped, storing);
    return storing.then(([stored]) =>
      gapsIn(seqs, stored?.known ?? null).map((gap) => ({ topic, userId, ...gap }))
    );
  });
  return { result: gaps, begun: [...begun, ...gaps] };
}

/** Where numbers leave some out, `last` (null: none was taken yet) being the one before them; a replayed one is no gap. */
function gapsIn(seqs: readonly number[], last: number | null): Pick<Gap, "after" | "before">[] {
  const gaps: Pick<Gap, "after" | "before">[] = [];
  for (const seq of seqs) {
    if (last !== null && seq > last + 1) gaps.push({ after: last, before: seq });
    last = Math.max(last ?? seq, seq);
  }
  return gaps;
}

function tellGaps(gaps: readonly Gap[], { consumer, metrics, log }: ConsumerOptions): void {
  for (const gap of gaps) {
    metrics.eventGaps.inc({ consumer }, gap.before - gap.after - 1);
    log.warn("events of a user were left out", { consumer, ...gap });
  }
}

function parse(delivery: Delivery): Parsed {
  const envelope = Envelope.safeParse(delivery.event);
  if (!envelope.success) {
    return { outcome: { status: "dead", error: `not a Rondo event: ${envelope.error.message}` } };
  }
  const schema = dataSchema(envelope.data.type);
  // A type this build does not know is for a later one: it is recorded by nobody and holds nobody up.
  if (schema === undefined) return { outcome: { status: "ok" } };
  const data = schema.safeParse(envelope.data.data);
  if (!data.success) {
    return { outcome: { status: "dead", error: `data breaks ${envelope.data.type}: ${data.error.message}` } };
  }
  return { event: envelope.data };
}

function observe(
  event: Envelope,
  outcome: Outcome["status"],
  seconds: number,
  options: ConsumerOptions,
): void {
  const { metrics, consumer } = options;
  metrics.eventsConsumed.inc({ consumer, event_type: event.type, outcome });
  metrics.eventProcessing.observe({ consumer }, seconds);
  if (outcome === "ok") {
    runInContext(
      contextOf(event),
      () => options.log.debug("an event was taken", { consumer, eventId: event.id, type: event.type }),
    );
    const lag = options.clock.now().since(Temporal.Instant.from(event.time)).total("seconds");
    metrics.eventLag.observe({ consumer }, Math.max(0, lag));
  }
}

/** The context of the work that an event causes. */
function contextOf(event: Envelope) {
  return newContext({ correlationId: event.correlationid, traceparent: event.traceparent });
}
