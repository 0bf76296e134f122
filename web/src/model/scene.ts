/** An application for tests, whose server is a function and whose network and stream are in the test's hand. */
import assert from "node:assert/strict";
import type { Change, Filter, Task } from "../api/types.ts";
import type { TabsOptions } from "../live/tabs.ts";
import type { LocalCopies } from "../local/copy.ts";
import { createApp } from "./app.ts";

export const ME = {
  id: "u1",
  name: "Mira",
  email: "mira@example.test",
  timeZone: "Europe/Berlin",
  preferences: {
    channels: { inApp: true, email: false, push: false },
    quietHours: { enabled: false, from: "22:00", to: "07:00" },
    theme: "system",
    density: "comfortable",
    weekStart: "monday",
  },
  capabilities: { email: false, push: false },
};
export const INBOX = {
  id: "inbox",
  name: "Inbox",
  colour: "grey",
  inbox: true,
  position: "a0",
  version: 1,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  deletedAt: null,
  open: 0,
};

export type Answer = { status?: number; body?: unknown; headers?: Record<string, string> };

export interface SceneOptions {
  copies?: LocalCopies;
  /** `known`: whether the browser thinks that there is one; by default it is right. `tries`: how often it was not there. */
  network?: { up: boolean; known?: boolean; tries?: number };
  filters?: Filter[];
  /** How it finds the other tabs of its browser; the stream is then the leading tab's. */
  tabs?: TabsOptions;
  /** False: its stream does not open by itself. */
  opens?: boolean;
  /** Answers in the place of what the server usually says to the calls of every start. */
  reads?: (method: string, path: string) => Promise<Answer> | Answer | undefined;
}

/** An application whose server is a function and whose stream is in the test's hand. */
export async function anApp(
  tasks: Task[],
  answer: (method: string, path: string, body: unknown) => Answer | Promise<Answer>,
  options: SceneOptions = {},
) {
  const { network = { up: true } }: SceneOptions = options;
  let address = new URL("http://localhost/inbox");
  const go = (url: string) => {
    address = new URL(url, address);
  };
  const listeners = new Map<string, (event: MessageEvent<string>) => void>();
  const sent: { method: string; path: string; key: string | null; body: unknown }[] = [];
  const app = createApp({
    history: {
      read: () => address,
      push: go,
      replace: go,
      listen: () => {},
    },
    copies: options.copies,
    tabs: options.tabs,
    online: () => network.known ?? network.up,
    locale: "en-GB",
    timeZone: "Europe/Berlin",
    now: () => Temporal.Instant.from("2026-03-03T09:00:00Z"),
    stream: {
      open: () => ({
        addEventListener: (type, listener) => void listeners.set(type, listener),
        close: () => {},
      }),
      schedule: () => () => {},
    },
    fetch: async (input, init) => {
      if (!network.up) {
        network.tries = (network.tries ?? 0) + 1;
        throw new TypeError("Failed to fetch");
      }
      const path = String(input);
      const method = init?.method ?? "GET";
      const text = typeof init?.body === "string" ? JSON.parse(init.body) : null;
      const reply = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
        new Response(status === 204 ? null : JSON.stringify(body), { status, headers });
      const own = await options.reads?.(method, path);
      if (own !== undefined) return reply(own.body, own.status ?? 200);
      if (path === "/api/me" && method === "GET") return reply(ME);
      if (path === "/api/auth/sign-out") return reply({});
      if (path === "/api/lists" && method === "GET") return reply({ items: [INBOX] });
      if (path === "/api/filters" && method === "GET") return reply({ items: options.filters ?? [] });
      if (path.startsWith("/api/notifications")) return reply({ items: [], nextCursor: null, unread: 0 });
      if (path.startsWith("/api/tasks?")) return reply({ items: tasks, nextCursor: null });
      sent.push({ method, path, key: new Headers(init?.headers).get("idempotency-key"), body: text });
      const { status = 200, body, headers } = await answer(method, path, text);
      return reply(body, status, headers);
    },
  });
  const emit = (type: string, data: unknown) =>
    listeners.get(type)?.(new MessageEvent(type, { data: JSON.stringify(data) }));
  const connect = async () => {
    // A tab that follows has no stream: it hears of it.
    await until(() => listeners.has("ready") || app.connection.value === "live");
    emit("ready", { seq: 0 });
    await until(() => app.connection.value === "live");
  };
  if (network.up) {
    await app.start();
    if (options.opens !== false) await connect();
    else await until(() => listeners.has("ready"));
  } else {
    void app.start();
    await until(() => listeners.has("ready"));
    app.cut();
  }
  let seq = 0;
  return {
    app,
    sent,
    /** What the stream says; nothing in a tab without one. */
    emit,
    /** The network goes. */
    cut(): void {
      network.up = false;
      app.cut();
    },
    /** It is back, and the stream with it. */
    async reconnect(): Promise<void> {
      network.up = true;
      app.wake();
      await connect();
    },
    change: (part: Partial<Change>) =>
      emit("change", {
        seq: ++seq,
        eventId: `e${seq}`,
        type: "task.updated.v1",
        taskId: part.task?.id ?? null,
        task: null,
        at: "2026-03-03T09:00:00Z",
        actor: { kind: "user", id: "u1" },
        causationId: `c${seq}`,
        ...part,
      }),
    /** Ends the session: its timers and its stream go with it. */
    async [Symbol.asyncDispose](): Promise<void> {
      network.up = true;
      await app.session.signOut();
    },
    /** The tab ends, what it kept stays. */
    close: () => app.sync.close(),
  };
}

export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5_000; turn++) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 1));
  }
  assert.fail("the condition was not met");
}
