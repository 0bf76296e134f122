/** A few users at work while a cluster changes below them, and what became of all that they did. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { signUp } from "../support/client.ts";
import { follow, type Follower } from "../support/follow.ts";
import { waitFor } from "../support/rondo.ts";

/** Events may have waited for a consumer that was just replaced. */
const SETTLE_MS = 120_000;
const THINK_MS = 250;

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

/** Starts users who each make, read and complete a task, again and again, with a tab open. */
export async function startLoad(origin: string, users = 3): Promise<Load> {
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
      const { status, body: answer } = await client.call<{ id?: string }>(method, path, body, {
        timeoutMs: 20_000,
      });
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
