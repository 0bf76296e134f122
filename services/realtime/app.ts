/**
 * Realtime: what happens, shown in every open tab, over server-sent events (WHATWG HTML, section 9.2).
 *
 * It stores nothing. The broker wakes it up, the api knows what was missed, and a stream's id is the user's own
 * change number, so a dropped stream resumes on any replica with nothing missed and nothing twice.
 */
import { z } from "zod";
import { type Change, ChangesAnswer } from "../shared/contracts/changes.ts";
import { createServiceApp, type ServiceDependencies, USER_HEADER } from "../shared/http/app.ts";
import { invalid, ProblemError } from "../shared/http/problem.ts";
import { forEachLimited } from "../shared/runtime/loop.ts";
import type { Delivery, Outcome, Service } from "../shared/runtime/ports.ts";
import { readNotification, readUpdate, SessionAnswer } from "./changes.ts";
import { Feeds, type FeedsOptions, MAX_GAP, type Reader } from "./feeds.ts";
import { EventStream, format, type StreamLimits } from "./stream.ts";

const NAME = "realtime";
const PAGE = 500;
const RETRY_MS = 2_000;
/** The session is asked for again this often: an ended one ends its streams. */
const RECHECK = { minutes: 1 };
/** Sessions asked for again at a time: one that is answered late holds up few others. */
const CHECKS_AT_ONCE = 8;
const HEARTBEAT = format({ comment: "still here" });

export interface RealtimeOptions {
  /** Between two comments on a stream; default 15,000 ms. */
  heartbeatMs?: number;
  /** After which a stream ends and its client connects again, spread by up to a fifth; default 600 s. */
  rotateSeconds?: number;
  /** Streams of one user at a time; default 50. */
  maxStreamsPerUser?: number;
  /** What may wait for a slow reader; default 1,000 messages or 4 MiB. */
  limits?: StreamLimits;
  /** Calls `work` every so often until the answer is called; default: a timer. */
  every?(ms: number, work: () => void): () => void;
  /** Waits between two questions to an api that does not answer; default: a timer. */
  delay?: FeedsOptions["delay"];
}

type RealtimeDependencies = Omit<ServiceDependencies, "sql">;

/** The realtime service over its ports. */
export function createRealtime(dependencies: RealtimeDependencies & RealtimeOptions): Service {
  const { runtime, log, metrics, clock } = dependencies;
  const {
    heartbeatMs = 15_000,
    rotateSeconds = 600,
    maxStreamsPerUser = 50,
    limits = { messages: 1_000, bytes: 4 * 1_024 * 1_024 },
    every = everyInterval,
    delay,
  } = dependencies;
  const feeds = new Feeds({ metrics, changesSince, delay });
  let draining = false;
  let stopTimer: (() => void) | null = null;
  const ready = () => Promise.resolve(draining ? "The streams are being drained" : null);
  const app = createServiceApp({ name: NAME, dependencies, ready });

  runtime.subscribe({
    topic: "task-updates",
    consumer: NAME,
    broadcast: true,
    handle: taking((event) => {
      const update = readUpdate(event);
      if (update !== null) feeds.update(update);
    }),
  });
  runtime.subscribe({
    topic: "notifications",
    consumer: NAME,
    broadcast: true,
    handle: taking((event) => {
      const notification = readNotification(event);
      if (notification !== null) feeds.notify(notification);
    }),
  });

  app.get("/api/stream", async (context) => {
    if (draining) {
      throw new ProblemError(503, "The streams are being drained", { headers: { "retry-after": "1" } });
    }
    const from = resumePoint(context.req.raw);
    const credentials = credentialsOf(context.req.raw);
    const { userId, seq } = await session(credentials);
    if (feeds.count(userId) >= maxStreamsPerUser) {
      throw new ProblemError(429, `There are ${maxStreamsPerUser} open streams already`, {
        headers: { "retry-after": "60" },
      });
    }
    return open({ userId, credentials, seq, from });
  });

  function open(
    given: { userId: string; credentials: Reader["credentials"]; seq: number; from: number | null },
  ): Response {
    const { userId, credentials, seq, from } = given;
    const stream = new EventStream({
      limits,
      onDrain: () => feeds.drained(reader),
      onEnd: () => feeds.remove(reader),
    });
    const now = clock.now();
    const reader: Reader = {
      stream,
      userId,
      cursor: from ?? seq,
      credentials,
      checkedAt: now,
      endsAt: now.add({ milliseconds: Math.round(rotateSeconds * (1_000 + 200 * Math.random())) }),
    };
    feeds.add(reader);
    // The id is the reader's own cursor: should the stream drop before the gap is sent, it resumes from there.
    feeds.tell(reader, { retry: RETRY_MS, event: "ready", id: reader.cursor, data: { seq } });
    if (reader.cursor > seq || seq - reader.cursor > MAX_GAP) feeds.resync(reader, seq);
    // An event may have passed between the session's answer and this line.
    feeds.reach(userId, Math.max(seq, feeds.latest(userId)));
    return new Response(stream.body, {
      headers: {
        "content-type": "text/event-stream",
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
      },
    });
  }

  /** @throws ProblemError 401 when the credentials are nobody's */
  async function session(credentials: Reader["credentials"]): Promise<z.infer<typeof SessionAnswer>> {
    const response = await runtime.invoke("api", "/internal/session", { headers: credentials })
      .catch((cause) => {
        throw new ProblemError(503, "The session can't be checked now", {
          cause,
          headers: { "retry-after": "2" },
        });
      });
    if (response.status === 200) {
      const answer = SessionAnswer.parse(await response.json());
      if (!answer.scopes.includes("read")) throw new ProblemError(403, "This API key may not read");
      return answer;
    }
    await response.body?.cancel();
    if (response.status === 401) throw new ProblemError(401, "Sign in to see what happens");
    throw new ProblemError(503, "The session can't be checked now", { headers: { "retry-after": "2" } });
  }

  async function changesSince(userId: string, since: number): Promise<readonly Change[]> {
    try {
      const response = await runtime.invoke("api", `/internal/changes?since=${since}&limit=${PAGE}`, {
        headers: { [USER_HEADER]: userId },
      });
      if (response.status !== 200) {
        throw new Error(`the api answered ${response.status}: ${await response.text()}`);
      }
      return ChangesAnswer.parse(await response.json()).changes;
    } catch (cause) {
      log.warn("a gap could not be filled", { since, cause });
      throw cause;
    }
  }

  /** One timer for every stream: comments, rotation, and whose session is to be asked for again. */
  function tick(): void {
    const now = clock.now();
    const recheck: Reader[] = [];
    for (const reader of [...feeds.readers()]) {
      if (Temporal.Instant.compare(now, reader.endsAt) >= 0) {
        sendAway(reader);
        continue;
      }
      if (Temporal.Instant.compare(now, reader.checkedAt.add(RECHECK)) >= 0) {
        reader.checkedAt = now;
        recheck.push(reader);
      }
      // A reader that has not taken the last message needs no other sign of life.
      if (reader.stream.idle) {
        metrics.sseMessages.inc({ event: "comment" });
        reader.stream.send(HEARTBEAT);
      }
    }
    if (recheck.length > 0) void checkSessions(recheck);
  }

  async function checkSessions(readers: readonly Reader[]): Promise<void> {
    await forEachLimited(readers, CHECKS_AT_ONCE, async (reader) => {
      if (reader.stream.ended) return;
      try {
        const { userId, seq } = await session(reader.credentials);
        if (userId !== reader.userId) reader.stream.close();
        // Should the broker have kept something from this replica, here it is noticed.
        else feeds.reach(userId, seq);
      } catch (cause) {
        if (cause instanceof ProblemError && cause.status === 401) reader.stream.close();
        else log.warn("a session could not be checked again", { cause });
      }
    });
  }

  /** Ends a stream; its client comes back within two seconds, not all of them at once. */
  function sendAway(reader: Reader): void {
    reader.stream.send(format({ retry: Math.round(100 + Math.random() * (RETRY_MS - 100)) }));
    reader.stream.close();
  }

  return {
    name: NAME,
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      stopTimer = every(heartbeatMs, tick);
      await runtime.start();
    },
    async stop() {
      draining = true;
      stopTimer?.();
      for (const reader of [...feeds.readers()]) sendAway(reader);
      await runtime.stop();
    },
  };
}

/** Nothing is retried on a broadcast: what was missed is noticed by the next number. */
function taking(take: (event: unknown) => void): (batch: readonly Delivery[]) => Promise<Outcome[]> {
  return (batch) => {
    for (const { event } of batch) take(event);
    return Promise.resolve(batch.map(() => ({ status: "ok" })));
  };
}

/** Where the client was: the header that a browser sends when it reconnects, else the query; null for neither. */
function resumePoint(request: Request): number | null {
  const given = request.headers.get("last-event-id") || new URL(request.url).searchParams.get("lastEventId");
  if (given === null || given === "") return null;
  if (!/^\d{1,15}$/.test(given)) throw invalid("lastEventId", "must be an integer of at least 0");
  return Number(given);
}

function credentialsOf(request: Request): Record<string, string> {
  return Object.fromEntries(
    ["cookie", "authorization"].flatMap((name) => {
      const value = request.headers.get(name);
      return value === null ? [] : [[name, value]];
    }),
  );
}

function everyInterval(ms: number, work: () => void): () => void {
  const timer = setInterval(work, ms);
  return () => clearInterval(timer);
}
