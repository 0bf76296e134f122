/** The Dapr adapter: a service's runtime over the sidecar beside it. */
import { TOPICS } from "../../contracts/events.ts";
import type { Clock } from "../../domain/time.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { tokenGuard } from "../calls.ts";
import type { OutboundEvent, PublishResult, Runtime, Subscription } from "../ports.ts";
import { bounded, pause, reason } from "../waiting.ts";
import { Wakes } from "../wakes.ts";
import { deadLetterTopic, letterHeaders } from "./dead_letter.ts";
import { createDeliveries, type Letter, readIncoming, type RetryOptions } from "./deliveries.ts";
import { createInvoker } from "./invoke.ts";
import { createJobs } from "./jobs.ts";
import { publishAll } from "./publish.ts";
import { createSecrets } from "./secrets.ts";
import { createSidecar, type SidecarOptions } from "./sidecar.ts";
import { createState } from "./state.ts";

export interface DaprRuntimeOptions extends SidecarOptions {
  /** What the sidecar proves itself with (`APP_API_TOKEN`), 16 characters at least. */
  appToken: string;
  log: Log;
  metrics: Metrics;
  clock: Clock;
  /**
   * Rejects while what every handler needs (the service's database) does not answer: what fails meanwhile is held
   * against no event.
   */
  probe?: () => Promise<unknown>;
  retry?: Partial<RetryOptions>;
  jobs?: {
    /** Milliseconds between two attempts of a job (default 2,000). */
    retryMs?: number;
    /** Milliseconds that one run may take (default 15,000). */
    timeoutMs?: number;
  };
  /** Milliseconds that `start()` waits for the sidecar at most (default 10,000). */
  startTimeoutMs?: number;
}

/** The components by name, as the resources of the sidecar have them. */
const PUBSUB = "pubsub";
const STATE = "state";
const SECRETS = "secrets";
const APP_TOKEN_HEADER = "dapr-api-token";
const INVOKE_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 2_000;
const HEALTH_EVERY_MS = 200;
const DEFAULT_RETRY: RetryOptions = { attempts: 5, timeoutMs: 5_000, budgetMs: 15_000 };

const CALLBACK = /^\/(?:dapr\/(events|broadcast)|(job))\/([^/]+)$/;
const again = (status: number): Response => new Response("again, please", { status });

/** A runtime over one sidecar; it asks nothing of the sidecar before it is used. */
export function createDaprRuntime(options: DaprRuntimeOptions): Runtime {
  const { log, metrics, clock } = options;
  const sidecar = createSidecar(options);
  const isInternal = tokenGuard(APP_TOKEN_HEADER, options.appToken);
  const wakes = new Wakes();
  const stopping = new AbortController();
  const never = new AbortController().signal;
  const subscriptions = {
    events: new Map<string, Subscription>(),
    broadcast: new Map<string, Subscription>(),
  };
  const running = new Set<Promise<Response>>();
  let started = false;
  const jobs = createJobs({
    ...{ sidecar, log },
    retryMs: options.jobs?.retryMs ?? 2_000,
    timeoutMs: options.jobs?.timeoutMs ?? 15_000,
  });
  const deliveries = createDeliveries({
    ...{ log, sound, bury },
    retry: { ...DEFAULT_RETRY, ...options.retry },
    stopping: stopping.signal,
  });

  return {
    atomicBatches: false,
    publish,
    subscribe,
    jobs,
    state: createState(sidecar, STATE),
    secrets: createSecrets(sidecar, SECRETS),
    invoke: createInvoker(sidecar, INVOKE_TIMEOUT_MS).invoke,
    isInternal,
    wake: (name) => wakes.wake(name),
    onWake: (name, listener) => wakes.onWake(name, listener),
    callback,
    start,
    async stop() {
      stopping.abort();
      await Promise.allSettled([...running]);
    },
  };

  function subscribe(subscription: Subscription): void {
    const { topic, consumer, broadcast = false } = subscription;
    const known = broadcast ? subscriptions.broadcast : subscriptions.events;
    if (known.has(topic)) {
      throw new Error(`Cannot subscribe ${consumer} to ${topic} as the sidecar has one route per topic`);
    }
    known.set(topic, subscription);
    // There from the start: a counter that begins with its first letter has never increased.
    if (!broadcast) metrics.deadLetters.inc({ topic, consumer }, 0);
  }

  async function publish(batch: readonly OutboundEvent[], signal?: AbortSignal): Promise<PublishResult[]> {
    const results: PublishResult[] = Array(batch.length);
    const indexes = batch.map((_, index) => index);
    const byTopic = Map.groupBy(indexes, (index) => batch[index]?.topic ?? "");
    await Promise.all([...byTopic].map(async ([topic, places]) => {
      const entries = places.flatMap((index) => batch[index] ?? []);
      const answers = Object.hasOwn(TOPICS, topic)
        ? await publishAll(sidecar, { component: PUBSUB, topic }, entries, signal)
        : [];
      for (const [n, place] of places.entries()) {
        results[place] = answers[n] ?? { ok: false, error: `Cannot publish as there is no topic ${topic}` };
      }
    }));
    return results;
  }

  /** Letters of one delivery, which is of one topic. */
  async function bury(letters: readonly Letter[]): Promise<PublishResult[]> {
    const target = { component: PUBSUB, topic: deadLetterTopic(letters[0]?.topic ?? "") };
    const at = clock.now();
    const entries = letters.map(({ entry, ...letter }) => ({
      key: entry.key,
      event: entry.event,
      headers: letterHeaders({ ...letter, at }),
    }));
    const results = await publishAll(sidecar, target, entries);
    for (const [index, { entry, consumer, error, attempts }] of letters.entries()) {
      const result = results[index];
      const { topic, metadata: { __partition: partition, __offset: offset } } = entry;
      const about = { consumer, topic, partition, offset, attempts, error };
      if (result?.ok) {
        metrics.deadLetters.inc({ topic, consumer });
        log.error("an event became a dead letter", about);
      } else {
        log.warn("a dead letter was not published; its event comes again", {
          ...about,
          refused: result?.error,
        });
      }
    }
    return results;
  }

  async function sound(): Promise<boolean> {
    try {
      await bounded(PROBE_TIMEOUT_MS, never, async () => await options.probe?.());
      return true;
    } catch (cause) {
      log.warn("what a handler needs does not answer; its failures are held against no event", { cause });
      return false;
    }
  }

  function callback(request: Request): Promise<Response> | null {
    const { pathname } = new URL(request.url);
    // Subscriptions are declared beside the sidecar's components.
    if (pathname === "/dapr/subscribe") {
      return Promise.resolve(isInternal(request) ? Response.json([]) : again(403));
    }
    const [, kind = "job", , name] = CALLBACK.exec(pathname) ?? [];
    if (name === undefined) return null;
    const answer = answerTo(request, kind, name).catch((cause) => {
      log.error("a callback of the sidecar was not understood", { path: pathname, cause });
      return again(500);
    });
    running.add(answer);
    void answer.finally(() => running.delete(answer));
    return answer;
  }

  /** Never a 404: to the sidecar it means that an event or a job may be forgotten. */
  async function answerTo(request: Request, kind: string, encoded: string): Promise<Response> {
    if (!isInternal(request)) return again(403);
    if (!started || stopping.signal.aborted) return again(503);
    const name = decodeURIComponent(encoded);
    const body: unknown = JSON.parse(await request.text() || "null");
    if (kind === "job") {
      return await jobs.run(name, body, request.signal).then(() => new Response(), () => again(500));
    }
    const { entries, single } = readIncoming(name, body, request.headers);
    if (kind === "broadcast") {
      const subscription = subscriptions.broadcast.get(name);
      if (subscription !== undefined) await deliveries.show(subscription, entries, request.signal);
      return statuses(entries.map(({ entryId }) => ({ entryId, status: "SUCCESS" })), single);
    }
    const subscription = subscriptions.events.get(name);
    if (subscription === undefined) {
      throw new Error(`Cannot take ${name} as this service does not subscribe to it`);
    }
    const answers = await deliveries.take(subscription, entries, request.signal);
    return statuses(
      entries.map(({ entryId }, index) => ({ entryId, status: answers[index] ?? "RETRY" })),
      single,
    );
  }

  /** Waits until the sidecar can be asked; one that takes longer is asked again by whoever needs it. */
  async function start(): Promise<void> {
    started = true;
    const { startTimeoutMs = 10_000 } = options;
    const until = performance.now() + startTimeoutMs;
    let problem = "";
    while (performance.now() < until && !stopping.signal.aborted) {
      try {
        const { ok, status } = await sidecar.send("GET", "healthz/outbound", {
          timeoutMs: 1_000,
          signal: stopping.signal,
        });
        if (ok) return;
        problem = `it answered ${status}`;
      } catch (cause) {
        problem = reason(cause);
      }
      await pause(stopping.signal, HEALTH_EVERY_MS);
    }
    log.warn("the sidecar is not ready yet", { problem });
  }
}

function statuses(answers: readonly { entryId: string; status: string }[], single: boolean): Response {
  return Response.json(single ? { status: answers[0]?.status } : { statuses: answers });
}
