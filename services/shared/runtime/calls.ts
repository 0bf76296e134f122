/** What calls between services have in common, whatever carries them. */
import { createHash, timingSafeEqual } from "node:crypto";
import { contextHeaders } from "../http/app.ts";

const INTERNAL = "/internal/";
const SHORTEST_TOKEN = 16;

/** The headers and the end of one call. */
export interface Call {
  headers: Headers;
  signal: AbortSignal;
}

/**
 * Checks a call, gives it the correlation id and the trace context of the running work, and bounds it in time.
 *
 * @throws TypeError for a path that is not internal
 */
export function prepareCall(service: string, path: string, init: RequestInit, timeoutMs: number): Call {
  if (!path.startsWith(INTERNAL)) {
    throw new TypeError(
      `Cannot invoke ${service} as the path must begin with ${INTERNAL}: current value is ${path}`,
    );
  }
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(contextHeaders())) headers.set(name, value);
  // The loops of a service run again only when their last run has ended: no call may hang.
  const timeout = AbortSignal.timeout(timeoutMs);
  return { headers, signal: init.signal ? AbortSignal.any([timeout, init.signal]) : timeout };
}

/**
 * Whether a request carries `token` in `header`; how long the comparison takes tells nothing about the token.
 *
 * @throws RangeError for a token short enough to guess
 */
export function tokenGuard(header: string, token: string): (request: Request) => boolean {
  if (token.length < SHORTEST_TOKEN) {
    throw new RangeError(
      `Cannot guard internal routes as the token is too short: current length is ${token.length}`,
    );
  }
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(token);
  return (request) => {
    const given = request.headers.get(header);
    return given !== null && timingSafeEqual(digest(given), expected);
  };
}
