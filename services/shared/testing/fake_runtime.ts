/** What surrounds one service under test: a runtime in memory, a clock that tests set, and builders of events. */
import { uuidv7 } from "uuidv7";
import { dataSchema, Envelope, type EventType, type Topic } from "../contracts/events.ts";
import { DEFAULT_PREFERENCES, type Profile } from "../contracts/resources.ts";
import type { Task } from "../contracts/task.ts";
import { type Clock, formatInstant } from "../domain/time.ts";
import { contextHeaders } from "../http/app.ts";
import type { Job, OutboundEvent, Outcome, Runtime, Subscription } from "../runtime/ports.ts";
import { Wakes } from "../runtime/wakes.ts";
import { createLog, type Log } from "../telemetry/log.ts";

export interface FakeRuntime extends Runtime {
  /** What was published, in order. */
  readonly published: OutboundEvent[];
  /** Jobs that wait, by name. */
  readonly scheduled: Map<string, Job & { dueAt: Temporal.Instant }>;
  /** Set to an error's text to make every call of `jobs.schedule` and `jobs.cancel` fail. */
  jobsFail: string | null;
  /** How often each name was woken. */
  readonly wakes: Map<string, number>;
  /** Answers `invoke(service, …)`; a service without a route can't be reached. */
  route(service: string, handler: (request: Request) => Response | Promise<Response>): void;
  /** Hands events to every subscription of a topic, once; answers their outcomes, subscription by subscription. */
  deliver(topic: Topic, events: readonly unknown[]): Promise<Outcome[]>;
  /** Runs the jobs that are due at `now`; one whose handler rejects stays. Answers how many ran. */
  runJobs(now: Temporal.Instant): Promise<number>;
}

/** A runtime whose every port is in memory; nothing happens by itself. */
export function createFakeRuntime(): FakeRuntime {
  const subscriptions: Subscription[] = [];
  const routes = new Map<string, (request: Request) => Response | Promise<Response>>();
  const listeners = new Wakes();
  const state = new Map<string, { value: unknown; etag: string }>();
  const published: OutboundEvent[] = [];
  const scheduled: FakeRuntime["scheduled"] = new Map();
  const wakes = new Map<string, number>();
  const signal = new AbortController().signal;
  let handler: ((job: Job, signal: AbortSignal) => Promise<void>) | null = null;

  const runtime: FakeRuntime = {
    atomicBatches: true,
    published,
    scheduled,
    jobsFail: null,
    wakes,
    publish(batch) {
      published.push(...batch);
      return Promise.resolve(batch.map(() => ({ ok: true })));
    },
    jobs: {
      schedule(job) {
        if (runtime.jobsFail !== null) return Promise.reject(new Error(runtime.jobsFail));
        scheduled.set(job.name, job);
        return Promise.resolve();
      },
      cancel(name) {
        if (runtime.jobsFail !== null) return Promise.reject(new Error(runtime.jobsFail));
        scheduled.delete(name);
        return Promise.resolve();
      },
      handle(given) {
        handler = given;
      },
    },
    state: {
      get: (key) => Promise.resolve(state.get(key) ?? null),
      set(key, value, options) {
        if (options?.etag !== undefined && (state.get(key)?.etag ?? null) !== options.etag) {
          return Promise.resolve(false);
        }
        state.set(key, { value, etag: uuidv7() });
        return Promise.resolve(true);
      },
      delete: (key) => Promise.resolve(void state.delete(key)),
    },
    secrets: { get: () => Promise.resolve(undefined) },
    async invoke(service, path, init) {
      const route = routes.get(service);
      if (route === undefined) throw new Error(`${service} can't be reached`);
      const headers = new Headers(init?.headers);
      for (const [name, value] of Object.entries(contextHeaders())) headers.set(name, value);
      return await route(new Request(new URL(path, "http://internal.test"), { ...init, headers }));
    },
    subscribe: (subscription) => void subscriptions.push(subscription),
    wake(name) {
      wakes.set(name, (wakes.get(name) ?? 0) + 1);
      listeners.wake(name);
    },
    onWake: (name, listener) => listeners.onWake(name, listener),
    isInternal: (request) => request.headers.get("x-test-outside") === null,
    callback: () => null,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    route: (service, answer) => void routes.set(service, answer),
    async deliver(topic, events) {
      const outcomes: Outcome[] = [];
      for (const subscription of subscriptions.filter((entry) => entry.topic === topic)) {
        const size = subscription.maxBatch ?? 100;
        for (let start = 0; start < events.length; start += size) {
          const batch = events.slice(start, start + size).map((event) => ({
            topic,
            key: keyOf(event),
            event,
          }));
          outcomes.push(...await subscription.handle(batch, signal));
        }
      }
      return outcomes;
    },
    async runJobs(now) {
      const due = [...scheduled.values()].filter((job) => Temporal.Instant.compare(job.dueAt, now) <= 0);
      for (const job of due) scheduled.delete(job.name);
      await Promise.all(due.map(async (job) => {
        try {
          await handler?.({ name: job.name, data: job.data }, signal);
        } catch {
          scheduled.set(job.name, job);
        }
      }));
      return due.length;
    },
  };
  return runtime;
}

function keyOf(event: unknown): string {
  return typeof event === "object" && event !== null && "partitionkey" in event
    ? String(event.partitionkey)
    : "";
}

export interface FakeClock extends Clock {
  set(instant: string | Temporal.Instant): void;
  /** Moves on by an ISO 8601 duration of exact units, such as `PT30M`. */
  advance(duration: string): void;
}

/** A clock that stands still until it is moved. */
export function createFakeClock(start: string): FakeClock {
  let now = Temporal.Instant.from(start);
  return {
    now: () => now,
    set: (instant) => void (now = Temporal.Instant.from(instant)),
    advance: (duration) => void (now = now.add(duration)),
  };
}

/** A log that keeps what it is told and writes nothing. */
export function createQuietLog(lines: string[] = []): Log {
  return createLog({ service: "test", level: "debug", write: (line) => void lines.push(line) });
}

/** Waits until `condition` holds. @throws Error after `timeoutMs` (default 20,000) */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot go on as the condition did not hold in ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A task as events carry it. */
export function aTask(fields: Partial<Task> = {}): Task {
  return {
    id: uuidv7(),
    listId: uuidv7(),
    parentId: null,
    title: "Water the plants",
    notes: "",
    priority: "medium",
    tags: [],
    status: "open",
    due: null,
    dueAt: null,
    recurrence: null,
    seriesId: null,
    occurrence: null,
    reminders: [],
    position: "a0",
    version: 1,
    createdAt: "2027-01-01T00:00:00Z",
    updatedAt: "2027-01-01T00:00:00Z",
    completedAt: null,
    deletedAt: null,
    ...fields,
  };
}

/** A profile as the api gives it. */
export function aProfile(fields: Partial<Profile> = {}): Profile {
  return {
    id: uuidv7(),
    name: "Ada",
    email: "ada@example.test",
    timeZone: "Europe/Berlin",
    preferences: DEFAULT_PREFERENCES,
    ...fields,
  };
}

export interface EventOptions {
  userId: string;
  seq: number;
  /** Default 2027-01-01T00:00:00Z. */
  time?: string | Temporal.Instant;
  data: Record<string, unknown>;
  /** Default: `data.task.id` or the user's id. */
  subject?: string;
  causationId?: string;
  id?: string;
}

/**
 * An envelope with fresh ids.
 *
 * @throws Error when `data` breaks the type's schema, so that no test feeds a consumer what no producer sends
 */
export function anEvent(type: EventType, options: EventOptions): Envelope {
  const id = options.id ?? uuidv7();
  const task = options.data.task as { id?: string } | null | undefined;
  const data = {
    userId: options.userId,
    seq: options.seq,
    actor: { kind: "user", id: options.userId },
    ...options.data,
  };
  dataSchema(type)?.parse(data);
  return Envelope.parse({
    specversion: "1.0",
    id,
    source: "/rondo/test",
    type,
    subject: options.subject ?? task?.id ?? options.userId,
    time: formatInstant(Temporal.Instant.from(options.time ?? "2027-01-01T00:00:00Z")),
    datacontenttype: "application/json",
    dataschema: `/api/asyncapi.json#/components/schemas/${type}`,
    partitionkey: options.userId,
    correlationid: uuidv7(),
    causationid: options.causationId ?? id,
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    data,
  });
}
