/** Headers that every answer to a browser carries, and which of its requests are its own. */
import { ProblemError } from "./problem.ts";

/** Nothing but our own scripts, styles, fonts and calls; no inline code, no frames, no plug-ins. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
};

/** The answer with the security headers, where it does not set them itself. */
export function withSecurityHeaders(response: Response, options: { secure?: boolean } = {}): Response {
  const answer = ours(response);
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (!answer.headers.has(name)) answer.headers.set(name, value);
  }
  if (options.secure) {
    answer.headers.set("strict-transport-security", "max-age=31536000; includeSubDomains");
  }
  return answer;
}

/** The answer, its headers open to change: those of an answer that `fetch` gave are not. */
export function ours(response: Response): Response {
  try {
    response.headers.delete("x-never-set");
    return response;
  } catch {
    return new Response(response.body, response);
  }
}

/**
 * A page of another site can make a browser send the cookie along: a write by cookie must come from our origin,
 * which is `publicUrl`'s or, when Rondo is open under another name, the one that was asked.
 *
 * @throws ProblemError 403
 */
export function requireSameOrigin(request: Request, publicUrl: string): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  // A proxy in front may have changed Host: the name that the browser knows is in the settings then.
  const own = origin !== null && URL.parse(origin)?.origin === new URL(publicUrl).origin;
  const foreign = site === "cross-site" || site === "same-site" ||
    (origin !== null && !own && URL.parse(origin)?.host !== request.headers.get("host") &&
      URL.parse(origin)?.host !== new URL(request.url).host);
  if (foreign) throw new ProblemError(403, "This request came from a page of another site");
}
