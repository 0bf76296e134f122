/** A few users at work while a cluster changes below them, and what became of all that they did. */
import assert from "node:assert/strict";
import type { Answer, Client } from "../support/client.ts";
import { signUp } from "../support/client.ts";
import { follow, type Follower } from "../support/follow.ts";
import { waitFor } from "../support/rondo.ts";

/** Events may have waited for a consumer that was just replaced. */
const SETTLE_MS = 120_000;
const THINK_MS = 250;
/** How long a patient user tries one thing. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 1_000;

export interface Load {
  /** How many calls were answered so far. */
  readonly calls: number;
  /** Ends it, and says whether every call was answered well and every change reached the tab and the audit log. */
  finish(): Promise<void>;
}

interface User {
  client: Client;
  tab: Follower;
  titles: string[];
}

export interface LoadOptions {
  /** How many users (default 3). */
  users?: number;
  /** Whether they come back when nobody is there, as Rondo's own clients do; otherwise each call must be answered. */
  patient?: boolean;
}

/** Starts users who each make, read and complete a task, again and again, with a tab open. */
export async function startLoad(origin: string, options: LoadOptions = {}): Promise<Load> {
  const { users = 3, patient = false } = options;
  const failures: string[] = [];
  const counts = { calls: 0 };
  let stopping = false;
  const all: User[] = await Promise.all(
    Array.from({ length: users }, async () => {
      const client = await signUp(origin);
      return { client, tab: follow(client), titles: [] };
    }),
  );
  await waitFor(() => all.every(({ tab }) => tab.open), 30_000);
  const running = all.map((user) => work(user));

  async function work({ client, titles }: User): Promise<void> {
    while (!stopping) {
      const title = `Load ${crypto.randomUUID()}`;
      const id = (await call(client, "POST", "/api/tasks", { title }, 201))?.id;
      if (id !== undefined) {
        titles.push(title);
        await call(client, "GET", `/api/tasks/${id}`, undefined, 200);
        await call(client, "POST", `/api/tasks/${id}/complete`, {}, 200);
      }
      await new Promise((resolve) => setTimeout(resolve, THINK_MS));
    }
  }

  async function call(client: Client, method: string, path: string, body: unknown, wanted: number) {
    const started = performance.now();
    try {
      const once = (key?: string) =>
        client.call<{ id?: string }>(method, path, body, {
          timeoutMs: 20_000,
          ...(key === undefined ? {} : { key }),
        });
      const { status, body: answer } = patient ? await insist(once) : await once();
      counts.calls++;
      if (status === wanted) return answer;
      failures.push(`${method} ${path}: ${status} ${JSON.stringify(answer).slice(0, 200)}`);
    } catch (cause) {
      failures.push(`${method} ${path}: ${cause} after ${Math.round(performance.now() - started)} ms`);
    }
    return undefined;
  }

  return {
    get calls() {
      return counts.calls;
    },
    async finish() {
      stopping = true;
      await Promise.all(running);
      try {
        assert.deepEqual(failures, [], `${failures.length} of ${counts.calls} calls failed`);
        for (const user of all) await settled(user);
      } finally {
        for (const { tab } of all) await tab[Symbol.asyncDispose]();
      }
    },
  };
}

/**
 * One call as a client makes it who keeps what is not acknowledged: as long as nobody answers, or somebody answers
 * that nobody is there, it is sent again with the same key.
 */
export async function insist<T>(send: (key: string) => Promise<Answer<T>>): Promise<Answer<T>> {
  const key = crypto.randomUUID();
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await send(key).catch((cause) => {
      if (performance.now() > until) throw cause;
      return null;
    });
    const away = answer === null || [502, 503, 504].includes(answer.status);
    if (answer !== null && (!away || performance.now() > until)) return answer;
    const seconds = Number(answer?.headers.get("retry-after") ?? PAUSE_MS / 1_000);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  }
}

/** A task was made and completed each time: two changes, each seen once and in order, and each in the audit log. */
async function settled({ client, tab, titles }: User): Promise<void> {
  const wanted = titles.length * 2;
  const changes = () => tab.events.filter(({ event }) => event === "change");
  await waitFor(() => changes().length >= wanted, SETTLE_MS).catch(() => {});
  assert.deepEqual(changes().map(({ id }) => id), Array.from({ length: wanted }, (_, index) => index + 1));
  const verified = async () =>
    (await client.call<{ ok: boolean; checked: number }>("GET", "/api/audit/verify")).body;
  await waitFor(async () => (await verified()).checked >= wanted, SETTLE_MS).catch(() => {});
  assert.deepEqual(await verified(), { ok: true, checked: wanted, firstBroken: null });
}
