/** The public API, as the command calls it. */
import { z } from "zod";
import { Failure } from "./failure.ts";
import type { Settings } from "./settings.ts";

const TIMEOUT_MS = 30_000;
const Problem = z.object({ title: z.string(), detail: z.string().optional() });

export interface Client {
  /** Calls the API; the answer as the schema says. @throws Failure */
  call<T>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    schema: z.ZodType<T>,
    options?: { body?: unknown; text?: { content: string; type: string } },
  ): Promise<T>;
  /** An answer to be read as it is. @throws Failure */
  open(path: string, options?: { headers?: Record<string, string>; signal?: AbortSignal }): Promise<Response>;
}

/** A client for these settings. @throws Failure when nobody has signed in */
export function createClient({ server, apiKey }: Settings): Client {
  if (apiKey === null) {
    throw new Failure(
      "access",
      `Nobody is signed in to ${server}: make an API key in its settings, then \`rondo login\` or set RONDO_API_KEY`,
    );
  }
  if (!/^[!-~]+$/.test(apiKey)) {
    throw new Failure("access", "The API key holds a character that no key has: copy it again");
  }
  const authorization = `Bearer ${apiKey}`;

  async function send(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(new URL(path, server), {
        ...init,
        // The key is for this server alone.
        redirect: "error",
        headers: { ...init.headers as Record<string, string>, authorization },
      });
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
      throw new Failure("unreachable", `Cannot reach ${server}: is Rondo running there?`);
    }
    if (response.ok) return response;
    const problem = Problem.safeParse(await response.json().catch(() => null)).data;
    const said = problem?.detail ?? problem?.title ?? `the server answered ${response.status}`;
    const kind = response.status === 401 || response.status === 403
      ? "access"
      : response.status === 404
      ? "not-found"
      : "failed";
    throw new Failure(kind, said);
  }

  return {
    open: (path, { headers = {}, signal } = {}) => send(path, { headers, signal }),
    async call(method, path, schema, { body, text } = {}) {
      const writes = method !== "GET";
      const response = await send(path, {
        method,
        headers: {
          accept: "application/json",
          ...(writes ? { "idempotency-key": crypto.randomUUID() } : {}),
          ...(text !== undefined
            ? { "content-type": text.type }
            : body !== undefined
            ? { "content-type": "application/json" }
            : {}),
        },
        body: text?.content ?? (body === undefined ? undefined : JSON.stringify(body)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = schema.safeParse(await response.json().catch(() => null));
      if (answer.success) return answer.data;
      throw new Failure("failed", `${server} does not answer as Rondo does: is RONDO_SERVER right?`);
    },
  };
}
