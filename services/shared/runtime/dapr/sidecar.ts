/** The sidecar's HTTP API, bounded in time. */

/** An answer of the sidecar that says no. */
export class SidecarError extends Error {
  override name = "SidecarError";
  readonly status: number;
  readonly body: string;

  constructor(what: string, status: number, body: string) {
    super(`Cannot ${what} as the sidecar answered ${status}: ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

export interface SidecarOptions {
  /** Where its HTTP API is, such as `http://127.0.0.1:3500`. */
  address: string;
  /** What the sidecar wants to see (`DAPR_API_TOKEN`); absent: it asks for none. */
  apiToken?: string;
}

export interface Sidecar {
  /** An address below `/v1.0/`, and the headers that every request needs. */
  request(path: string): { url: string; headers: Headers };
  /**
   * Sends `body` as JSON (absent: none) and answers the status and text of what comes back.
   *
   * @throws TypeError when nothing answers, a `TimeoutError` after `timeoutMs`, the reason of `signal`
   */
  send(method: "GET" | "POST" | "DELETE", path: string, options?: SendOptions): Promise<Answer>;
}

export interface SendOptions {
  /** JSON text. */
  body?: string;
  signal?: AbortSignal;
  /** Default 5,000 ms. */
  timeoutMs?: number;
}

export interface Answer {
  ok: boolean;
  status: number;
  headers: Headers;
  text: string;
}

/** A client of one sidecar; it holds no connection open by itself. */
export function createSidecar(options: SidecarOptions): Sidecar {
  const { address, apiToken } = options;
  return { request, send };

  function request(path: string): { url: string; headers: Headers } {
    const headers = new Headers(apiToken === undefined ? {} : { "dapr-api-token": apiToken });
    return { url: `${address}/v1.0/${path}`, headers };
  }

  async function send(
    method: string,
    path: string,
    { body, signal, timeoutMs = 5_000 }: SendOptions = {},
  ): Promise<Answer> {
    const { url, headers } = request(path);
    if (body !== undefined) headers.set("content-type", "application/json");
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, {
      method,
      headers,
      body,
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      redirect: "manual",
    });
    const { ok, status } = response;
    return { ok, status, headers: response.headers, text: await response.text() };
  }
}

/** The `errorCode` of an answer of the sidecar itself, null for any other text. */
export function errorCodeOf(text: string): string | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "errorCode" in parsed
      ? String(parsed.errorCode)
      : null;
  } catch {
    return null;
  }
}
