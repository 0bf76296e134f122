/** HTTP towards the own origin: one place for keys, correlation, retries and problem documents. */

export interface FieldProblem {
  path: string;
  message: string;
}

/** RFC 9457, as far as this application reads it. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  errors?: FieldProblem[];
  correlationId?: string;
}

/** A request that did not end in a 2xx answer. Status 0 means that no answer came at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;
  readonly correlationId: string;
  readonly retryAfter: number | null;

  constructor(problem: Problem, correlationId: string, retryAfter: number | null = null) {
    super(problem.detail ?? problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.problem = problem;
    this.correlationId = problem.correlationId ?? correlationId;
    this.retryAfter = retryAfter;
  }

  /** The first message for a field, by its path (`title`, `due.date`, …). */
  field(path: string): string | undefined {
    return this.problem.errors?.find((error) => normalise(error.path) === path)?.message;
  }
}

/** JSON pointers and dotted paths name the same field. */
function normalise(path: string): string {
  return path.replace(/^\/|^body\./, "").replaceAll("/", ".");
}

export interface RequestOptions {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is; needs `contentType`. */
  raw?: BodyInit;
  contentType?: string;
  /** One per intended write: retries re-use it, so that a lost answer never doubles the effect. */
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface ClientOptions {
  fetch?: typeof fetch;
  /** Waits between tries; injected by tests. */
  wait?: (ms: number) => Promise<void>;
  newId?: () => string;
  /** A signal that comes after so long; injected by tests. */
  limit?: (ms: number) => AbortSignal;
  /** Told about every 401, so that the session can end in one place. */
  onUnauthorized?: () => void;
}

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

export interface Client {
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
  /** The user leaves: what is under way for them ends as refused, and no answer to it reaches anybody. */
  leave(): void;
}

/** Nobody answered, or only a proxy did: what this browser has is all there is for now. */
export const isAway = (error: unknown): boolean =>
  error instanceof ApiError && [0, 502, 503, 504].includes(error.status);

/**
 * What the server says, or null when there is nobody to answer and the change has to wait. `takeBack` undoes what
 * `ask` has shown meanwhile, whatever went wrong.
 *
 * @throws ApiError as the server refuses it
 */
export async function ifReached<T>(
  offline: () => boolean,
  ask: () => Promise<T>,
  takeBack: () => void = () => {},
): Promise<{ answer: T } | null> {
  if (offline()) return null;
  try {
    return { answer: await ask() };
  } catch (error) {
    takeBack();
    if (isAway(error)) return null;
    throw error;
  }
}

/** `crypto.randomUUID` exists in secure contexts only; a laptop on the local network is not one. */
export function randomId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
}

/** Waits before the second and third try of a request that found nobody. */
const RETRY_AFTER_MS = [300, 1_200];
/** Longer than this a person is told instead of kept waiting. */
const LONGEST_WAIT_MS = 5_000;

/** After this long nobody will answer: the connection is gone without a word. */
const LONGEST_ANSWER_MS = 30_000;

export function createClient(options: ClientOptions = {}): Client {
  const send = options.fetch ?? ((input, init) => fetch(input, init));
  const wait = options.wait ?? ((ms) => new Promise((done) => setTimeout(done, ms)));
  const newId = options.newId ?? randomId;
  const limit = options.limit ?? ((ms) => AbortSignal.timeout(ms));

  async function once<T>(
    method: Method,
    path: string,
    key: string | undefined,
    request: RequestOptions,
    here: AbortSignal,
  ): Promise<T> {
    const correlationId = newId();
    const headers = new Headers({ accept: "application/json", "x-correlation-id": correlationId });
    if (key !== undefined) headers.set("idempotency-key", key);
    let body: BodyInit | undefined;
    if (request.raw !== undefined) {
      body = request.raw;
      headers.set("content-type", request.contentType ?? "application/octet-stream");
    } else if (request.body !== undefined) {
      body = JSON.stringify(request.body);
      headers.set("content-type", "application/json");
    }
    let response: Response;
    let text = "";
    // What is uploaded may take its time.
    const ends = request.raw === undefined ? [here, limit(LONGEST_ANSWER_MS)] : [here];
    try {
      response = await send(path, {
        method,
        headers,
        body,
        signal: AbortSignal.any(request.signal === undefined ? ends : [request.signal, ...ends]),
        credentials: "same-origin",
      });
      if (response.ok) text = await response.text();
    } catch (error) {
      if (request.signal?.aborted) throw error;
      throw new ApiError({ title: "The server could not be reached", status: 0 }, correlationId);
    }
    if (!response.ok) throw await toError(response, correlationId);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  let presence = new AbortController();
  return {
    leave() {
      presence.abort();
      presence = new AbortController();
    },
    async request<T>(method: Method, path: string, request: RequestOptions = {}): Promise<T> {
      const key = method === "GET" ? undefined : request.idempotencyKey ?? newId();
      const here = presence.signal;
      for (let attempt = 0;; attempt++) {
        try {
          const answer = await once<T>(method, path, key, request, here);
          here.throwIfAborted();
          return answer;
        } catch (error) {
          if (here.aborted) throw new ApiError({ title: "You have signed out", status: 401 }, "");
          if (!(error instanceof ApiError)) throw error;
          if (error.status === 401) options.onUnauthorized?.();
          const pause = pauseBefore(error, attempt);
          if (pause === null) throw error;
          await wait(pause);
        }
      }
    },
  };
}

/** Milliseconds until the next try, or null when trying again would not help. */
function pauseBefore(error: ApiError, attempt: number): number | null {
  const pause = RETRY_AFTER_MS[attempt];
  if (pause === undefined) return null;
  if (error.status === 0 || error.status === 502 || error.status === 503 || error.status === 504) {
    return pause;
  }
  if (error.status !== 429) return null;
  const asked = (error.retryAfter ?? 1) * 1_000;
  return asked <= LONGEST_WAIT_MS ? asked : null;
}

async function toError(response: Response, correlationId: string): Promise<ApiError> {
  const after = Number(response.headers.get("retry-after"));
  const retryAfter = response.headers.has("retry-after") && Number.isFinite(after) ? after : null;
  const answered = response.headers.get("x-correlation-id") ?? correlationId;
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // A proxy's HTML page says nothing that a person could use.
  }
  return new ApiError(toProblem(body, response.status), answered, retryAfter);
}

/** Problem documents, and the `{code, message}` of the account routes. */
export function toProblem(body: unknown, status: number): Problem {
  const fallback = { title: `The server answered ${status}`, status };
  if (typeof body !== "object" || body === null) return fallback;
  const record = body as Record<string, unknown>;
  const text = (key: string) => typeof record[key] === "string" ? record[key] as string : undefined;
  const errors = Array.isArray(record.errors) ? record.errors.filter(isFieldProblem) : undefined;
  return {
    type: text("type") ?? text("code"),
    title: text("title") ?? text("message") ?? fallback.title,
    status,
    detail: text("detail"),
    errors,
    correlationId: text("correlationId"),
  };
}

function isFieldProblem(value: unknown): value is FieldProblem {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  return typeof record.path === "string" && typeof record.message === "string";
}
