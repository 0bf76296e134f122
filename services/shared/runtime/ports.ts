/**
 * What a service may know of the world: the ports. An adapter (`embedded/` is the first) decides what is behind
 * them; `contract_suite.ts` says what every adapter must do.
 */
import type { Envelope, Topic } from "../contracts/events.ts";

/** One event on its way to one topic. Events of one key stay in order. */
export interface OutboundEvent {
  topic: Topic;
  key: string;
  event: Envelope;
}

/** The broker's answer for the entry at the same index of the batch. */
export type PublishResult = { ok: true } | { ok: false; error: string };

export interface Publisher {
  /**
   * True when a whole batch becomes visible at once and in order. Otherwise a caller that needs order sends
   * one event per key and waits for its acknowledgement.
   */
  readonly atomicBatches: boolean;
  /** Publishes at least once. Never rejects for a broker's refusal: each entry has its own result. */
  publish(batch: readonly OutboundEvent[], signal?: AbortSignal): Promise<PublishResult[]>;
}

/** One delivery of one event. `event` is what the broker holds: parse it before trusting it. */
export interface Delivery {
  topic: string;
  key: string;
  event: unknown;
}

/**
 * What became of a delivery. `retry` is tried again with backoff and goes to `<topic>.dlq` with `error` when
 * the attempts are used up; `dead` goes there at once.
 */
export type Outcome = { status: "ok" } | { status: "retry"; error: string } | {
  status: "dead";
  error: string;
};

export interface Subscription {
  topic: Topic;
  /** The consumer group: each event reaches one member of it. */
  consumer: string;
  /** True: every replica sees every event from now on (screens); nothing is retried or dead-lettered. */
  broadcast?: boolean;
  /** Largest batch handed to `handle` (default 100). */
  maxBatch?: number;
  /**
   * Takes deliveries in order and answers one outcome per delivery, by index. Once a delivery of a key is not
   * `ok`, every later one of that key in the batch must be `retry` too. A rejection means `retry` for all.
   */
  handle(batch: readonly Delivery[], signal: AbortSignal): Promise<Outcome[]>;
}

export interface Job {
  name: string;
  data: Record<string, unknown>;
}

export interface Jobs {
  /** Runs once at `dueAt` (at once when past), at least once, until the handler resolves. Overwrites by name. */
  schedule(job: Job & { dueAt: Temporal.Instant }): Promise<void>;
  /** Forgets a job; an unknown name is fine. */
  cancel(name: string): Promise<void>;
  /** The one handler of this service's jobs; set before `start()`. A rejection is tried again with backoff. */
  handle(handler: (job: Job, signal: AbortSignal) => Promise<void>): void;
}

export interface StateStore {
  get(key: string): Promise<{ value: unknown; etag: string } | null>;
  /** With `etag`, only if it is still the stored one; with null, only if there is none. False: it was not written. */
  set(
    key: string,
    value: unknown,
    options?: { etag?: string | null; ttlSeconds?: number },
  ): Promise<boolean>;
  delete(key: string): Promise<void>;
}

export interface Secrets {
  get(name: string): Promise<string | undefined>;
}

export interface Invoker {
  /**
   * Calls another service's HTTP route (`path` begins with `/internal/`), carrying the correlation id and the
   * trace context of the caller. Rejects only when the service can't be reached.
   */
  invoke(service: string, path: string, init?: RequestInit): Promise<Response>;
}

/** The runtime of one service. */
export interface Runtime extends Publisher {
  readonly jobs: Jobs;
  readonly state: StateStore;
  readonly secrets: Secrets;
  invoke: Invoker["invoke"];
  subscribe(subscription: Subscription): void;
  /** Wakes whoever waits for new work under this name (in this process; others poll). */
  wake(name: string): void;
  /** Calls back on `wake(name)`; the answer unsubscribes. */
  onWake(name: string, listener: () => void): () => void;
  /**
   * Whether a request to an `/internal/` route comes from a service of this installation. Every such route
   * asks this first.
   */
  isInternal(request: Request): boolean;
  /** Answers a sidecar's callbacks, which come to the service's own port; null for any other request. */
  callback(request: Request): Promise<Response> | null;
  /** Begins delivery; all subscriptions and the job handler are set before. */
  start(): Promise<void>;
  /** Stops taking work, lets running handlers end, and answers when none is left. */
  stop(): Promise<void>;
}

/** Where a request came from. */
export interface Connection {
  /** The peer's address, without a port. */
  address: string;
}

/** A service: the same shape for all. */
export interface Service {
  readonly name: string;
  fetch(request: Request, connection?: Connection): Response | Promise<Response>;
  /** Begins its loops and its runtime. */
  start(): Promise<void>;
  /** Whether its dependencies answer; the text says what does not. */
  ready(): Promise<string | null>;
  stop(): Promise<void>;
}
