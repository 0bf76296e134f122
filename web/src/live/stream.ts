/**
 * The live stream: server-sent events with own reconnects. The browser's reconnect gives up on an HTTP
 * error and cannot be told a position by query, so the source is remade here with backoff.
 */
import type { Change, Notification } from "../api/types.ts";

export interface StreamHandlers {
  /** The stream is open at `seq`; `resumed` when it continues one that had already been seen. */
  onReady(seq: number, resumed: boolean): void;
  onChange(change: Change): void;
  onNotification(notification: Notification): void;
  /** The gap is too old: everything has to be read again, and is then known as of `seq`. */
  onResync(seq: number): void;
  onDown(attempt: number): void;
}

export interface EventSourceLike {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface StreamOptions {
  url?: string;
  /** The last change that is known already: the stream goes on after it. */
  since?: number;
  open?: (url: string) => EventSourceLike;
  schedule?: (run: () => void, ms: number) => () => void;
  random?: () => number;
  /** Milliseconds of a clock that goes on while the device sleeps. */
  clock?: () => number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 20_000;
/** Silent for longer, a source is not believed to be open when the user comes back. */
const SILENCE_MS = 20_000;
/** A source that takes the place of such a one says that it is open within this. */
const ANSWER_MS = 10_000;

/** Full jitter between half and all of an exponential pause, so that tabs do not come back in step. */
export function pauseAfter(attempt: number, random: () => number): number {
  const whole = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10));
  return Math.round(whole / 2 + random() * whole / 2);
}

export interface Stream {
  /**
   * Tries at once, for instance when the browser says that the network is back. A source that has been silent for
   * long is opened anew: after a sleep it may be dead and not know.
   */
  wake(): void;
  /** Gives up the connection at once: the network is gone, and an open source would not notice for minutes. */
  cut(): void;
  close(): void;
}

export function openStream(handlers: StreamHandlers, options: StreamOptions = {}): Stream {
  const url = options.url ?? "/api/stream";
  const open = options.open ?? ((address) => new EventSource(address));
  const random = options.random ?? Math.random;
  const schedule = options.schedule ?? ((run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  });
  const clock = options.clock ?? (() => Temporal.Now.instant().epochMilliseconds);
  let heard = clock();
  let giveUp: (() => void) | null = null;
  let last: number | null = options.since ?? null;
  let attempt = 0;
  let closed = false;
  let source: EventSourceLike | null = null;
  let cancel: (() => void) | null = null;

  function connect(): void {
    cancel = null;
    const resumed = last !== null;
    const mine = open(last === null ? url : `${url}?lastEventId=${last}`);
    source = mine;
    /** Events of a source that has been replaced are not listened to any more. */
    const on = (type: string, listener: (event: MessageEvent<string>) => void) =>
      mine.addEventListener(type, (event) => {
        if (source !== mine) return;
        heard = clock();
        listener(event);
      });
    on("ready", (event) => {
      attempt = 0;
      giveUp?.();
      giveUp = null;
      const data = JSON.parse(event.data) as { seq: number };
      // A resumed stream keeps its own position: what lies between is about to be sent.
      last ??= data.seq;
      handlers.onReady(data.seq, resumed);
    });
    on("change", (event) => {
      const change = JSON.parse(event.data) as Change;
      if (last !== null && change.seq <= last) return;
      last = change.seq;
      handlers.onChange(change);
    });
    on("notification", (event) => handlers.onNotification(JSON.parse(event.data) as Notification));
    on("resync", (event) => {
      last = null;
      handlers.onResync((JSON.parse(event.data) as { seq: number }).seq);
    });
    on("error", down);
  }

  function down(): void {
    giveUp?.();
    giveUp = null;
    source?.close();
    source = null;
    if (closed) return;
    handlers.onDown(attempt);
    cancel = schedule(connect, pauseAfter(attempt, random));
    attempt += 1;
  }

  connect();
  return {
    wake() {
      if (closed) return;
      if (cancel !== null) cancel();
      else if (source === null || giveUp !== null || clock() - heard <= SILENCE_MS) return;
      else {
        source.close();
        giveUp = schedule(down, ANSWER_MS);
      }
      connect();
    },
    cut() {
      if (source !== null) down();
    },
    close() {
      closed = true;
      cancel?.();
      giveUp?.();
      source?.close();
      source = null;
    },
  };
}
