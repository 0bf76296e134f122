/** Uses a Rondo once as a person does, from outside: what it says then is what people will see. */
import { StartError } from "../services/shared/host/config.ts";

export interface SmokeOptions {
  report: (line: string) => void;
  /** How long one thing may take (default 30,000). */
  patienceMs?: number;
}

const PAUSE_MS = 500;

/**
 * Makes an account, completes a repeating task and waits for its next occurrence, which takes the api, the outbox,
 * the relay, the broker and recurrence; asks for the audit log of it; removes what can be removed.
 *
 * @throws StartError naming what did not work
 */
export async function smoke(address: string, options: SmokeOptions): Promise<void> {
  const { report, patienceMs = 30_000 } = options;
  const origin = new URL(address).origin;
  let cookie = "";

  async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    let response;
    try {
      response = await fetch(origin + path, {
        method,
        headers: {
          ...(cookie === "" ? {} : { cookie }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(method === "GET" ? {} : { "idempotency-key": crypto.randomUUID() }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(patienceMs),
      });
    } catch (cause) {
      throw new StartError(`${method} ${path} was not answered by ${origin}`, { cause });
    }
    const text = await response.text();
    if (!response.ok) {
      throw new StartError(`${method} ${path} answered ${response.status}: ${text.slice(0, 300)}`);
    }
    const cookies = response.headers.getSetCookie().map((line) => line.split(";")[0] ?? "");
    if (cookies.length > 0) cookie = cookies.join("; ");
    const json = /\bjson\b/.test(response.headers.get("content-type") ?? "");
    return json ? JSON.parse(text) as Record<string, unknown> : { text };
  }

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!await holds()) {
      if (performance.now() > deadline) {
        throw new StartError(`${what} did not happen in ${patienceMs / 1_000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    report(`ok: ${what}`);
  }

  const page = await call("GET", "/");
  if (!String(page.text).includes("<title>Rondo")) {
    throw new StartError(`${origin} does not show Rondo's page`);
  }
  report("ok: the page");
  await call("POST", "/api/auth/sign-up/email", {
    ...{
      name: "Smoke test",
      email: `smoke-${crypto.randomUUID()}@example.test`,
      password: crypto.randomUUID(),
    },
  });
  report("ok: a new account");
  const task = await call("POST", "/api/tasks", {
    ...{ title: "Smoke", due: { date: "2027-01-31" }, recurrence: "daily" },
  });
  await call("POST", `/api/tasks/${task.id}/complete`, {});
  report("ok: a task made and completed");
  const items = async (path: string) => (await call("GET", path)).items as Record<string, unknown>[];
  await until(
    "the next occurrence",
    async () => (await items("/api/tasks")).some(({ occurrence }) => occurrence === 2),
  );
  await until("the audit log of it", async () => (await items(`/api/audit?taskId=${task.id}`)).length >= 2);
}
