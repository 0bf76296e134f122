/** The embedded adapter: one hub per process gives every service of it a runtime over one PostgreSQL. */
import type { Clock } from "../../domain/time.ts";
import type { Sql } from "../../store/database.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { DeadLetters } from "../dead_letters.ts";
import type { OutboundEvent, PublishResult, Runtime, Service, Subscription } from "../ports.ts";
import { startBroadcast } from "./broadcast.ts";
import { createDeadLetters } from "./dead_letters.ts";
import { createInvoker } from "./invoke.ts";
import { deleteJob, type JobHandler, type JobRunner, startJobRunner, writeJob } from "./jobs.ts";
import { type Loop, type RetryOptions, startMember } from "./member.ts";
import { createSecrets } from "./secrets.ts";
import { openSessionLocks } from "../../store/session_locks.ts";
import { createState } from "./state.ts";
import {
  answerAll,
  append,
  ensurePartitions,
  heads,
  partitionOf,
  partitionsOf,
  prune,
  refusal,
} from "./topic_log.ts";
import { pause, reason, Wakeup } from "../waiting.ts";
import { Wakes } from "../wakes.ts";

export interface EmbeddedHubOptions {
  /** The hub's pool, as role `rondo_broker`; the hub does not end it. */
  sql: Sql;
  log: Log;
  metrics: Metrics;
  clock: Clock;
  /** Shared by all processes of one installation, 16 characters at least. */
  internalToken: string;
  /** Base addresses of services that run in other processes. */
  peers?: Record<string, string>;
  /** Taken before the environment's `RONDO_SECRET_<NAME>`. */
  secrets?: Record<string, string>;
  retry?: Partial<RetryOptions>;
  jobs?: {
    /** Milliseconds between two attempts of a job (default 2,000). */
    retryMs?: number;
    /** Milliseconds that one run may take (default 15,000). */
    timeoutMs?: number;
  };
  /** Milliseconds between two looks at what other processes did (default 1,000). */
  pollMs?: number;
  /** Milliseconds between two rounds of retention (default 10 minutes). */
  pruneMs?: number;
}

export interface EmbeddedHub extends AsyncDisposable {
  readonly deadLetters: DeadLetters;
  /** A new runtime; two of the same name are two replicas of that service. */
  runtime(serviceName: string): Runtime;
  /** Makes a service reachable by `invoke` from this process. */
  register(service: Pick<Service, "name" | "fetch">): void;
  /** Removes events over their retention now; the answer is how many. */
  prune(): Promise<number>;
  /**
   * Stops every runtime. Handlers that still run after `graceMs` milliseconds (default 10,000) are given up
   * uncommitted, so their work is delivered again.
   */
  close(options?: { graceMs?: number }): Promise<void>;
}

const CHANNEL = "rondo_broker";
/** Time in which wake-ups for other processes become one. */
const NOTIFY_PAUSE_MS = 10;
/** Polls between two counts of the hubs. */
const COUNT_EVERY = 10;
const DEFAULT_RETRY: RetryOptions = {
  attempts: 5,
  firstDelayMs: 200,
  maxDelayMs: 5_000,
  timeoutMs: 15_000,
};

/** Opens the hub; it connects when the first runtime starts or publishes. */
export function createEmbeddedHub(options: EmbeddedHubOptions): EmbeddedHub {
  const { sql, log, metrics, clock } = options;
  const retry: RetryOptions = { ...DEFAULT_RETRY, ...options.retry };
  const { pollMs = 1_000, pruneMs = 600_000 } = options;
  const services = new Map<string, Pick<Service, "fetch">>();
  const internal = createInvoker({
    services,
    peers: options.peers ?? {},
    internalToken: options.internalToken,
  });
  const secrets = createSecrets(options.secrets);
  const closing = new AbortController();
  const abandoned = new AbortController();
  const loops = new Set<Loop>();
  const runners = new Set<JobRunner>();
  const wakes = new Wakes();
  const stops = new Set<() => Promise<void>>();
  const polling = new Wakeup();
  const notifying = new Wakeup();
  /** Hubs on this database, as the last poll saw it: alone, there is nobody to notify. */
  let hubs = 1;
  let notified = false;
  const id = crypto.randomUUID();
  const locks = openSessionLocks({
    sql,
    log,
    membership: "rondo.broker/hubs",
    listen: {
      channel: CHANNEL,
      onNotify: (sender) => {
        if (sender === id) return;
        notified = true;
        polling.wake();
      },
    },
  });
  let partitions: Promise<void> | null = null;
  let background: Promise<unknown> | null = null;
  let closed: Promise<void> | null = null;
  const deadLetters = createDeadLetters(sql, ({ consumer }) => {
    for (const loop of loops) if (loop.consumer === consumer) loop.wakeForReplay();
    notifying.wake();
  });

  return {
    deadLetters,
    runtime: createRuntime,
    register: (service) => void services.set(service.name, service),
    prune: pruneNow,
    close: (choices) => closed ??= close(choices),
    [Symbol.asyncDispose]: () => closed ??= close(),
  };

  function createRuntime(service: string): Runtime {
    const subscriptions: Subscription[] = [];
    const stopping = new AbortController();
    const own: Promise<void>[] = [];
    let jobHandler: JobHandler | null = null;
    let stopped: Promise<void> | null = null;

    async function start(): Promise<void> {
      if (closing.signal.aborted) throw new Error(`Cannot start ${service} as the hub is closed`);
      await ready();
      for (const subscription of subscriptions) {
        const from = subscription.broadcast === true ? await heads(sql, subscription.topic) : null;
        for (const at of partitionsOf(subscription.topic)) {
          const common = {
            sql,
            log,
            subscription,
            at,
            stopping: stopping.signal,
            abandoned: abandoned.signal,
          };
          track(
            loops,
            from === null
              ? startMember({ ...common, locks, metrics, retry, now: () => clock.now() })
              : startBroadcast({ ...common, from: from.get(at.partition) ?? 0, timeoutMs: retry.timeoutMs }),
          );
        }
      }
      if (jobHandler !== null) {
        track(
          runners,
          startJobRunner({
            ...{ sql, locks, log, clock, service, handler: jobHandler },
            ...{ retryMs: options.jobs?.retryMs ?? 2_000, timeoutMs: options.jobs?.timeoutMs ?? 15_000 },
            ...{ stopping: stopping.signal, abandoned: abandoned.signal },
          }),
        );
      }
    }

    function track<T extends { ended: Promise<void> }>(all: Set<T>, one: T): void {
      all.add(one);
      own.push(one.ended.finally(() => all.delete(one)));
    }

    function stop(): Promise<void> {
      stopped ??= (async () => {
        stopping.abort();
        await Promise.all(own);
        stops.delete(stop);
      })();
      return stopped;
    }
    stops.add(stop);

    return {
      atomicBatches: true,
      publish,
      subscribe(subscription) {
        subscriptions.push(subscription);
        const { topic, consumer, broadcast = false } = subscription;
        // There from the start: a counter that begins with its first letter has never increased.
        if (!broadcast) metrics.deadLetters.inc({ topic, consumer }, 0);
      },
      jobs: {
        async schedule(job) {
          await writeJob(sql, service, job);
          for (const runner of runners) if (runner.service === service) runner.due(job.dueAt);
          notifying.wake();
        },
        cancel: (name) => deleteJob(sql, service, name),
        handle: (handler) => void (jobHandler = handler),
      },
      state: createState(sql, service, clock),
      secrets,
      invoke: internal.invoke,
      isInternal: internal.isInternal,
      wake: (name) => wakes.wake(name),
      onWake: (name, listener) => wakes.onWake(name, listener),
      callback: () => null,
      start,
      stop,
    };
  }

  async function publish(batch: readonly OutboundEvent[], signal?: AbortSignal): Promise<PublishResult[]> {
    if (batch.length === 0) return [];
    const refusals = batch.map(refusal);
    if (refusals.some((text) => text !== null)) {
      // All or nothing: the others of an atomic batch are refused with the one at fault.
      return refusals.map((text) => ({
        ok: false,
        error: text ?? "Another event of the batch was refused",
      }));
    }
    try {
      signal?.throwIfAborted();
      await abortable(ensureOnce().then(() => append(sql, batch, clock.now())), signal);
    } catch (cause) {
      return answerAll(batch, { ok: false, error: reason(cause) });
    }
    const touched = new Set(batch.map(({ topic, key }) => `${topic}/${partitionOf(topic, key)}`));
    for (const loop of loops) if (touched.has(`${loop.at.topic}/${loop.at.partition}`)) loop.wake();
    notifying.wake();
    return answerAll(batch, { ok: true });
  }

  function ensureOnce(): Promise<void> {
    partitions ??= ensurePartitions(sql).catch((cause) => {
      partitions = null;
      throw cause;
    });
    return partitions;
  }

  async function ready(): Promise<void> {
    await ensureOnce();
    if (background !== null) return;
    background = Promise.all([pollLoop(), notifyLoop(), pruneLoop()]);
    // So that hubs which were alone until now notify this one from now on.
    await locks.members();
    await notify();
  }

  /** Finds what other processes did, with one query for everything; a notification makes it look at once. */
  async function pollLoop(): Promise<void> {
    for (let round = 0; !closing.signal.aborted; round++) {
      await polling.wait(closing.signal, pollMs);
      if (closing.signal.aborted) return;
      try {
        // A hub that starts notifies, so the count is asked for then, and now and again in case that was missed.
        if (notified || hubs > 1 || round % COUNT_EVERY === 0) {
          notified = false;
          hubs = await locks.members();
        }
        await poll();
      } catch (cause) {
        log.warn("the broker's database does not answer", { cause });
      }
    }
  }

  async function poll(): Promise<void> {
    const [row] = await sql<{
      heads: [topic: string, partition: number, nextOffset: number][] | null;
      replays: [consumer: string, topic: string, partition: number][] | null;
      jobs: [service: string, dueAt: string][] | null;
    }[]>`
      select
        (select json_agg(json_build_array(topic, partition, next_offset)) from broker.partitions) as heads,
        (
          select json_agg(json_build_array(consumer, topic, partition))
          from broker.dead_letters where replaying
        ) as replays,
        (
          select json_agg(json_build_array(s.name, j.due_at))
          from json_array_elements_text(
            ${JSON.stringify([...runners].map((runner) => runner.service))}::text::json
          ) as s (name)
          cross join lateral (select min(due_at) as due_at from broker.jobs where service = s.name) as j
          where j.due_at is not null
        ) as jobs`;
    for (const loop of loops) {
      const { topic, partition } = loop.at;
      const head = row?.heads?.find((entry) => entry[0] === topic && entry[1] === partition)?.[2] ?? 0;
      if (head > loop.position()) loop.wake();
      if (
        row?.replays?.some((entry) =>
          entry[0] === loop.consumer && entry[1] === topic && entry[2] === partition
        )
      ) {
        loop.wakeForReplay();
      }
    }
    for (const runner of runners) {
      const dueAt = row?.jobs?.find(([service]) => service === runner.service)?.[1];
      if (dueAt !== undefined) runner.due(Temporal.Instant.from(dueAt));
    }
  }

  /** Never inside a publisher's transaction, where the notification would serialise all commits of the database. */
  async function notifyLoop(): Promise<void> {
    while (!closing.signal.aborted) {
      await notifying.wait(closing.signal);
      if (hubs > 1 && !closing.signal.aborted) {
        await notify().catch((cause) => log.warn("other processes were not notified", { cause }));
        await pause(closing.signal, NOTIFY_PAUSE_MS);
      }
    }
  }

  async function notify(): Promise<void> {
    await sql`select pg_notify(${CHANNEL}, ${id})`;
  }

  async function pruneLoop(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(closing.signal, pruneMs);
      if (closing.signal.aborted) return;
      await pruneNow().catch((cause) => log.warn("retention was not applied", { cause }));
    }
  }

  async function pruneNow(): Promise<number> {
    const { events, unread } = await prune(sql, clock.now());
    if (unread > 0) log.error("events went over their retention before a consumer took them", { unread });
    else if (events > 0) log.info("events over their retention were removed", { events });
    return events;
  }

  async function close({ graceMs = 10_000 }: { graceMs?: number } = {}): Promise<void> {
    const giveUp = (): void => abandoned.abort(new DOMException("The hub was closed", "AbortError"));
    const timer = setTimeout(giveUp, graceMs);
    if (graceMs === 0) giveUp();
    await Promise.all([...stops].map((stop) => stop()));
    clearTimeout(timer);
    closing.abort();
    await background;
    await locks.close();
  }
}

/** Stops waiting when `signal` aborts; what was sent may still arrive. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  return await new Promise<T>((resolve, reject) => {
    const give = (): void => reject(signal.reason);
    signal.addEventListener("abort", give, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
}
