/**
 * Who reads what: every open stream by its user, each with a cursor.
 *
 * One rule keeps the order and lets nothing through twice: a reader takes a change only when its number is the
 * cursor's next. Live events and the api's pages are both merely offered, so it does not matter how they
 * interleave; whoever is behind afterwards is filled up from the api, one question at a time per user.
 */
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { Change } from "../shared/contracts/changes.ts";
import type { Update } from "./changes.ts";
import { type EventStream, format, type Message } from "./stream.ts";

/** A gap larger than this is not replayed: the client reads everything anew. */
export const MAX_GAP = 5_000;
/** Failed questions in a row after which the streams that wait are ended; their clients come back by themselves. */
const MAX_FAILURES = 3;
const RETRY_AFTER_MS = 200;
/** Users whose last number is remembered without a reader: it bridges the time a stream takes to be set up. */
const REMEMBERED = 10_000;

export interface Reader {
  stream: EventStream;
  userId: string;
  /** The number of the last change sent. */
  cursor: number;
  /** `cookie` and `authorization` of the request, to ask again whether the session still stands. */
  credentials: Record<string, string>;
  checkedAt: Temporal.Instant;
  endsAt: Temporal.Instant;
}

interface Feed {
  readers: Set<Reader>;
  /** The highest number known of this user. */
  target: number;
  filling: boolean;
  /** The last number of the notifications' own stream: a redelivered one is not shown again. */
  notified: number;
}

export interface FeedsOptions {
  metrics: Metrics;
  /** Up to 500 changes after `since`; rejects when the api can't tell. */
  changesSince(userId: string, since: number): Promise<readonly Change[]>;
  /** Waits; default: a timer. */
  delay?(ms: number): Promise<void>;
}

/** The open streams of this replica; users and their numbers are kept apart. */
export class Feeds {
  readonly #feeds = new Map<string, Feed>();
  readonly #latest = new Map<string, number>();
  readonly #metrics: Metrics;
  readonly #changesSince: FeedsOptions["changesSince"];
  readonly #delay: (ms: number) => Promise<void>;

  constructor(options: FeedsOptions) {
    this.#metrics = options.metrics;
    this.#changesSince = options.changesSince;
    this.#delay = options.delay ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  /** Every open stream's reader. */
  *readers(): Generator<Reader> {
    for (const { readers } of this.#feeds.values()) yield* readers;
  }

  /** How many streams a user has open. */
  count(userId: string): number {
    return this.#feeds.get(userId)?.readers.size ?? 0;
  }

  /** The highest number seen of a user lately; 0 when none was. */
  latest(userId: string): number {
    return this.#latest.get(userId) ?? 0;
  }

  /** Counts a reader in; it is sent what comes after its cursor. */
  add(reader: Reader): void {
    const feed = this.#feeds.get(reader.userId) ??
      { readers: new Set(), target: 0, filling: false, notified: 0 };
    this.#feeds.set(reader.userId, feed);
    feed.readers.add(reader);
    this.#metrics.sseConnections.inc();
  }

  /** Counts a reader out; one that is out already is fine. */
  remove(reader: Reader): void {
    const feed = this.#feeds.get(reader.userId);
    if (feed === undefined || !feed.readers.delete(reader)) return;
    if (feed.readers.size === 0) this.#feeds.delete(reader.userId);
    this.#metrics.sseConnections.dec();
  }

  /** Sends one message to one reader, outside of the numbering. */
  tell(reader: Reader, message: Message): void {
    this.#metrics.sseMessages.inc({ event: message.event ?? "comment" });
    reader.stream.send(format(message));
  }

  /** The user's changes are known to go up to `seq`: whoever is behind is filled up. */
  reach(userId: string, seq: number): void {
    const feed = this.#feeds.get(userId);
    if (feed === undefined) return;
    feed.target = Math.max(feed.target, seq);
    if (behind(feed).length > 0) void this.#fill(userId, feed);
  }

  /** A reader has taken everything: if a replay stopped for it, it goes on. */
  drained(reader: Reader): void {
    const feed = this.#feeds.get(reader.userId);
    if (feed !== undefined && reader.cursor < feed.target) void this.#fill(reader.userId, feed);
  }

  /** Takes a live event. */
  update({ userId, seq, change }: Update): void {
    this.#remember(userId, seq);
    const feed = this.#feeds.get(userId);
    if (feed === undefined) return;
    if (change !== null) this.#offer([...feed.readers], change);
    this.reach(userId, seq);
  }

  /** Takes a live notification: sent to every stream of its user, without a number. */
  notify({ userId, seq, notification }: { userId: string; seq: number; notification: unknown }): void {
    const feed = this.#feeds.get(userId);
    if (feed === undefined || seq <= feed.notified) return;
    feed.notified = seq;
    const bytes = format({ event: "notification", data: notification });
    for (const reader of feed.readers) {
      this.#metrics.sseMessages.inc({ event: "notification" });
      reader.stream.send(bytes);
    }
  }

  /** Tells a reader to read everything anew and goes on from `seq`. */
  resync(reader: Reader, seq: number): void {
    reader.cursor = seq;
    this.tell(reader, { event: "resync", id: seq, data: { seq } });
  }

  #remember(userId: string, seq: number): void {
    const known = this.latest(userId);
    this.#latest.delete(userId);
    this.#latest.set(userId, Math.max(known, seq));
    if (this.#latest.size <= REMEMBERED) return;
    const [oldest] = this.#latest.keys();
    if (oldest !== undefined) this.#latest.delete(oldest);
  }

  /** Sends a change to those whose next it is; whether there was one. */
  #offer(readers: readonly Reader[], change: Change): boolean {
    let bytes: Uint8Array<ArrayBuffer> | null = null;
    for (const reader of readers) {
      if (change.seq !== reader.cursor + 1) continue;
      bytes ??= format({ event: "change", id: change.seq, data: change });
      reader.cursor = change.seq;
      this.#metrics.sseMessages.inc({ event: "change" });
      reader.stream.send(bytes);
    }
    return bytes !== null;
  }

  /** Asks page by page for those who are behind and have taken everything so far; a drained stream asks again. */
  async #fill(userId: string, feed: Feed): Promise<void> {
    if (feed.filling) return;
    feed.filling = true;
    let failures = 0;
    for (let late = behind(feed); late.length > 0; late = behind(feed)) {
      for (const reader of late) if (feed.target - reader.cursor > MAX_GAP) this.resync(reader, feed.target);
      late = late.filter(({ cursor }) => cursor < feed.target);
      if (late.length === 0) continue;
      const since = Math.min(...late.map(({ cursor }) => cursor));
      const changes = await this.#changesSince(userId, since).catch(() => []);
      const [first] = changes;
      if (first !== undefined && first.seq > since + 1) {
        // The api no longer has what comes next for them.
        for (const reader of late) if (reader.cursor < first.seq - 1) this.resync(reader, feed.target);
      }
      let moved = false;
      for (const change of changes) {
        moved = this.#offer(late.filter(({ stream }) => stream.roomy), change) || moved;
      }
      failures = moved ? 0 : failures + 1;
      if (failures === 0) continue;
      if (failures < MAX_FAILURES) await this.#delay(RETRY_AFTER_MS * failures);
      else for (const reader of behind(feed)) reader.stream.close();
    }
    feed.filling = false;
  }
}

const behind = (feed: Feed): Reader[] =>
  [...feed.readers].filter(({ cursor, stream }) => !stream.ended && stream.idle && cursor < feed.target);
