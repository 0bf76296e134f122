/**
 * The tabs of one browser: one of them leads (it holds the stream and sends what is queued), the others hear from
 * it. A Web Lock says who leads; it goes to the next tab when its holder closes, crashes or is too slow to answer.
 */

/** What tabs tell each other; anything a structured clone takes. */
export interface TabsHandlers<M> {
  onMessage(message: M): void;
  /** This tab leads from now on. */
  onLead(): void;
  /** Another tab took over while this one slept. */
  onFollow(): void;
}

export interface ChannelLike {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  close(): void;
}

export interface TabsOptions {
  /** Without locks (insecure origins) every tab leads itself. */
  locks?: LockManager;
  channel?: (name: string) => ChannelLike;
  schedule?: (run: () => void, ms: number) => () => void;
}

export interface Tabs<M> {
  leads(): boolean;
  /** To all other tabs. */
  post(message: M): void;
  /** Asks whether the leader still answers, and takes its place when it does not. */
  check(): void;
  close(): void;
}

/** A leader that is alive answers within this, also from the background. */
const ANSWER_MS = 3_000;

type Wire<M> = { tabs: "ping" | "pong" } | { tabs: "message"; message: M };

/** Joins the tabs called `name`. */
export function joinTabs<M>(name: string, handlers: TabsHandlers<M>, options: TabsOptions): Tabs<M> {
  const { locks } = options;
  const schedule = options.schedule ?? ((run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  });
  const channel = options.channel?.(name) ?? null;
  const closing = new AbortController();
  let leading = false;
  let release = () => {};
  let cancelCheck: (() => void) | null = null;
  const send = (wire: Wire<M>) => {
    // A channel that was closed while something was still under way has nobody to tell.
    if (!closing.signal.aborted) channel?.postMessage(wire);
  };

  function lead(): Promise<void> {
    if (closing.signal.aborted) return Promise.resolve();
    stopChecking();
    leading = true;
    const until = new Promise<void>((resolve) => release = resolve);
    handlers.onLead();
    return until;
  }

  function stopChecking(): void {
    cancelCheck?.();
    cancelCheck = null;
  }

  function apply(how: { steal: true } | { signal: AbortSignal }): void {
    if (locks === undefined || closing.signal.aborted) return;
    locks.request(name, how, lead).catch(() => {
      // Closed, or another tab took the lock away.
      if (closing.signal.aborted) return;
      if (leading) {
        leading = false;
        handlers.onFollow();
      }
      apply({ signal: closing.signal });
    });
  }

  channel?.addEventListener("message", ({ data }) => {
    if (closing.signal.aborted) return;
    const wire = data as Wire<M>;
    switch (wire.tabs) {
      case "ping":
        if (leading) send({ tabs: "pong" });
        return;
      case "pong":
        return stopChecking();
      case "message":
        return handlers.onMessage(wire.message);
    }
  });
  if (locks === undefined) queueMicrotask(() => void lead());
  else apply({ signal: closing.signal });

  return {
    leads: () => leading,
    post: (message) => send({ tabs: "message", message }),
    check() {
      if (leading || cancelCheck !== null || locks === undefined) return;
      send({ tabs: "ping" });
      cancelCheck = schedule(() => {
        cancelCheck = null;
        if (!leading) apply({ steal: true });
      }, ANSWER_MS);
    },
    close() {
      stopChecking();
      leading = false;
      closing.abort();
      release();
      channel?.close();
    },
  };
}
