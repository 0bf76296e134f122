/** A tab's live stream: it resumes from the last id for as long as it is open, whatever happens to the server. */
import type { Client } from "./client.ts";

export interface ServerSentEvent {
  event: string;
  id: number | null;
  data: unknown;
}

export interface Follower extends AsyncDisposable {
  /** Everything that came, in order, but for `ready`. */
  readonly events: readonly ServerSentEvent[];
  /** The id that it would resume from. */
  readonly lastId: number;
  /** How often it connected. */
  readonly connections: number;
  /** Whether it is connected now. */
  readonly open: boolean;
}

export interface FollowOptions {
  /** The number of the change after which it begins (default 0: from the first). */
  from?: number;
  /** Milliseconds between the end of a connection and the next (default 100). */
  retryMs?: number;
}

/** Follows a user's stream until it is disposed of. */
export function follow(client: Pick<Client, "origin" | "cookie">, options: FollowOptions = {}): Follower {
  const { from = 0, retryMs = 100 } = options;
  const closing = new AbortController();
  const events: ServerSentEvent[] = [];
  let lastId = from;
  let connections = 0;
  let open = false;
  const following = (async () => {
    while (!closing.signal.aborted) {
      try {
        await connection();
      } catch {
        // The server went away, or is not there yet: the next connection resumes.
      }
      open = false;
      await pause(retryMs, closing.signal);
    }
  })();

  async function connection(): Promise<void> {
    const response = await fetch(new URL("/api/stream", client.origin), {
      headers: { cookie: client.cookie, "last-event-id": String(lastId) },
      signal: closing.signal,
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      return;
    }
    connections += 1;
    open = true;
    // Read by hand: a body that is piped through a decoder does not always end when its request is aborted.
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const aborted = new Promise<{ done: true; value: undefined }>((resolve) => {
      closing.signal.addEventListener("abort", () => resolve({ done: true, value: undefined }), {
        once: true,
      });
    });
    let text = "";
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), aborted]);
      if (done) return;
      const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) take(block);
    }
  }

  function take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
      }),
    );
    const [id, event, data] = [fields.get("id"), fields.get("event"), fields.get("data")];
    if (id !== undefined) lastId = Number(id);
    if (data === undefined || event === "ready") return;
    events.push({
      event: event ?? "message",
      id: id === undefined ? null : Number(id),
      data: JSON.parse(data),
    });
  }

  return {
    events,
    get lastId() {
      return lastId;
    },
    get connections() {
      return connections;
    },
    get open() {
      return open;
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await following;
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
