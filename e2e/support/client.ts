/** A user of Rondo over HTTP. */
import assert from "node:assert/strict";

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

export interface CallOptions {
  /** Goes out as `Idempotency-Key`; default: a new one for each write. */
  key?: string;
  headers?: Record<string, string>;
  /** Milliseconds until the call is given up (default 30,000). */
  timeoutMs?: number;
}

export interface Client {
  readonly origin: string;
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
  /** What the browser would send. */
  readonly cookie: string;
  /** Calls the API with the session; a body that is text goes out as `text/plain`, any other as JSON. */
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<Answer<T>>;
}

/** Makes an account and signs in. */
export async function signUp(origin: string, name = "Ada"): Promise<Client> {
  const [email, password] = [`${crypto.randomUUID()}@example.test`, `pw-${crypto.randomUUID()}`];
  const response = await fetch(`${origin}/api/auth/sign-up/email`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, email, password }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { user } = JSON.parse(text) as { user: { id: string } };
  const cookie = response.headers.getSetCookie().map((line) => line.split(";")[0] ?? "").join("; ");
  return {
    ...{ origin, name, email, password, cookie, id: user.id },
    call: (method, path, body, options) => call(origin, method, path, body, { cookie }, options),
  };
}

/** One call to the API with these credentials. */
export async function call<T>(
  origin: string,
  method: string,
  path: string,
  body: unknown,
  credentials: Record<string, string>,
  options: CallOptions = {},
): Promise<Answer<T>> {
  const writes = method !== "GET" && method !== "HEAD";
  const response = await fetch(new URL(path, origin), {
    method,
    headers: {
      ...credentials,
      ...(writes ? { "idempotency-key": options.key ?? crypto.randomUUID() } : {}),
      ...(body === undefined
        ? {}
        : { "content-type": typeof body === "string" ? "text/plain" : "application/json" }),
      ...options.headers,
    },
    body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(options.timeoutMs ?? 30_000),
  });
  const text = await response.text();
  const json = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return { status: response.status, headers: response.headers, body: (json ? JSON.parse(text) : text) as T };
}
