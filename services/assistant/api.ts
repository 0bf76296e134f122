/** The api as the assistant calls it for a user: their credential, one cause per turn, a key per write. */
import { z } from "zod";
import { PREVIEW_HEADER } from "../shared/contracts/preview.ts";
import { ASSISTANT_ROUTE, TURN_HEADER } from "../shared/http/assistant.ts";
import { ProblemError, type ProblemStatus } from "../shared/http/problem.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import type { Caller } from "./caller.ts";

/** One call of Rondo's API. */
export interface ApiCall {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Such as `/api/tasks`. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  body?: unknown;
}

/** How a write is made. */
export interface WriteOptions {
  /** Only looks at what it would do. */
  dryRun?: boolean;
  /** The preview that it must still come to. */
  preview?: string;
  /** The same key does the same write once (default: a new one). */
  idempotencyKey?: string;
}

/** Makes a call and gives its answer. @throws ProblemError as the api says it, 503 when it can't be reached */
export type Api = (call: ApiCall, options?: WriteOptions) => Promise<unknown>;

export interface ApiOptions {
  runtime: Pick<Runtime, "invoke">;
  caller: Caller;
  /** The cause of all changes made by it. */
  turn: string;
  signal?: AbortSignal;
}

const Refusal = z.object({
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).default([]),
});

/** The api for one user and one turn. */
export function createApi({ runtime, caller, turn, signal }: ApiOptions): Api {
  return async (call, options = {}) => {
    const { method, path, query = {}, body } = call;
    const { dryRun, preview, idempotencyKey = crypto.randomUUID() } = options;
    const address = `${ASSISTANT_ROUTE}${path}${searchOf(dryRun ? { ...query, dryRun } : query)}`;
    const init: RequestInit = {
      method,
      headers: {
        ...caller.credential,
        [TURN_HEADER]: turn,
        ...(method === "GET" ? {} : { "idempotency-key": idempotencyKey }),
        ...(preview === undefined ? {} : { [PREVIEW_HEADER]: preview }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    };
    const answer = await runtime.invoke("api", address, init)
      // The key makes a second try safe: an answer may have been lost on its way.
      .catch((cause) => signal?.aborted ? Promise.reject(cause) : runtime.invoke("api", address, init))
      .catch((cause) => {
        signal?.throwIfAborted();
        throw new ProblemError(503, "Rondo's api does not answer; try again soon", { cause });
      });
    const value: unknown = await answer.json().catch(() => null);
    if (answer.ok) return value;
    const refusal = Refusal.safeParse(value);
    if (!refusal.success) throw new ProblemError(503, `Rondo's api answered ${answer.status}`);
    const { status, detail, errors } = refusal.data;
    throw new ProblemError(status as ProblemStatus, detail, { errors });
  };
}

function searchOf(query: NonNullable<ApiCall["query"]>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) value.forEach((each: string) => search.append(name, each));
    else if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? "" : `?${search}`;
}
