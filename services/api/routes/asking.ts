/** How the api hands a user's call on to the service that answers it. */
import { contextHeaders, USER_HEADER } from "../../shared/http/app.ts";
import { ProblemError } from "../../shared/http/problem.ts";
import type { Runtime } from "../../shared/runtime/ports.ts";

/** What a peer may say to a user unless it is agreed otherwise; anything else is between the services. */
const ANSWERS = [200, 404, 422];

/** Asks a service for a user. @throws ProblemError 503 when it can't be reached or does not answer as agreed */
export type Ask = (service: string, path: string, userId: string, init?: AskOptions) => Promise<Response>;

export interface AskOptions {
  method?: string;
  /** Goes out as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Passes calls on for their users, and answers of these statuses back. */
export function createAsking(runtime: Pick<Runtime, "invoke">, answers: readonly number[] = ANSWERS): Ask {
  return async (service, path, userId, { method, body, headers } = {}) => {
    const answer = await runtime.invoke(service, path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        ...contextHeaders(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
        [USER_HEADER]: userId,
      },
    }).catch((cause) => {
      throw new ProblemError(503, `The ${service} service does not answer; try again soon`, { cause });
    });
    if (!answers.includes(answer.status)) {
      // An unread body would keep its connection.
      await answer.body?.cancel();
      throw new ProblemError(503, `The ${service} service is not available; try again soon`, {
        cause: new Error(`Cannot pass on what ${service} answered: ${answer.status}`),
      });
    }
    if (answer.status === 204) return new Response(null, { status: 204 });
    return new Response(answer.body, {
      status: answer.status,
      headers: { "content-type": answer.headers.get("content-type") ?? "application/json" },
    });
  };
}

/** The query of an address: what is given, as text. */
export function search(query: Record<string, unknown>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]]
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
