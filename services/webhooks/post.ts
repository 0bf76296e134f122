/**
 * One POST to a receiver, over a connection to an address that was looked at.
 *
 * `fetch` would look the name up by itself, a second time, and may be told another address then. So the connection is
 * made here, TLS is for the name in the URL, and HTTP runs over it.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { Duplex } from "node:stream";
import { lookup } from "node:dns/promises";
import type { ReadableStream, WritableStream } from "node:stream/web";
import { bounded, reason } from "../shared/runtime/waiting.ts";
import { type AddressRules, allowedAddresses, ForbiddenAddress, type Resolve } from "./addresses.ts";

const TIMEOUT_MS = 10_000;
/** Steps of one delivery to another address; only those that keep the method (307, 308) are taken. */
const MAX_REDIRECTS = 3;
/** Bytes of an answer that are read, and characters that are kept. */
const READ_BYTES = 4_096;
const EXCERPT = 1_000;

export interface PostOptions {
  rules: AddressRules;
  /** Default: the system's name servers. */
  resolve?: Resolve;
  /** Certificates that are trusted beside those of Deno, in PEM. */
  caCerts?: string[];
  /** Milliseconds for all of it, redirects included (default 10,000). */
  timeoutMs?: number;
}

/** What came of a POST. */
export type Posted =
  | { kind: "answer"; status: number; excerpt: string; retryAfter: string | null }
  /** Nobody answered, or not as HTTP does. */
  | { kind: "failed"; error: string }
  /** Nothing was sent, since the address is not allowed. */
  | { kind: "forbidden"; error: string };

export type Post = (url: string, headers: Record<string, string>, body: string) => Promise<Posted>;

/** A function that posts; its answers are values, whatever goes wrong. */
export function createPost(options: PostOptions): Post {
  const { resolve = resolveBySystem, rules, timeoutMs = TIMEOUT_MS, caCerts } = options;
  const never = new AbortController().signal;
  return async (url, headers, body) => {
    try {
      return await bounded(timeoutMs, never, (signal) => follow(new URL(url), signal));
    } catch (cause) {
      if (cause instanceof ForbiddenAddress) return { kind: "forbidden", error: cause.message };
      return { kind: "failed", error: explain(cause, timeoutMs) };
    }

    async function follow(first: URL, signal: AbortSignal): Promise<Posted> {
      let target = first;
      for (let step = 0; step <= MAX_REDIRECTS; step++) {
        const answer = await once(target, signal);
        const next = redirectOf(answer, target);
        if (next === null) return answer.posted;
        if (target.protocol === "https:" && next.protocol !== "https:") {
          return { kind: "forbidden", error: "A redirect led from https to http" };
        }
        target = next;
      }
      return { kind: "failed", error: `There were more than ${MAX_REDIRECTS} redirects` };
    }

    async function once(target: URL, signal: AbortSignal): Promise<Answer> {
      const addresses = await allowedAddresses(target, rules, resolve);
      await using connection = await connect(addresses, target, signal, caCerts);
      return await exchange(connection, target, headers, body, signal);
    }
  };
}

interface Answer {
  posted: Posted & { kind: "answer" };
  location: string | null;
}

function redirectOf({ posted, location }: Answer, from: URL): URL | null {
  if (posted.status !== 307 && posted.status !== 308) return null;
  const next = location === null ? null : URL.parse(location, from);
  return next !== null && /^https?:$/.test(next.protocol) && next.username === "" ? next : null;
}

/** A connection to the first of these addresses that takes one; closed when it goes out of scope or on abort. */
async function connect(
  addresses: readonly string[],
  target: URL,
  signal: AbortSignal,
  caCerts: string[] | undefined,
): Promise<{ duplex: Duplex } & AsyncDisposable> {
  const port = Number(target.port) || (target.protocol === "https:" ? 443 : 80);
  const tcp = await firstThatTakes(addresses, port, signal);
  let conn: Deno.Conn = tcp;
  // A handshake that hangs ends with its connection.
  const end = () => close(conn);
  signal.addEventListener("abort", end, { once: true });
  try {
    if (target.protocol === "https:") {
      const tls = await Deno.startTls(tcp, { hostname: target.hostname.replace(/^\[|\]$/g, ""), caCerts });
      conn = tls;
      signal.throwIfAborted();
      await tls.handshake();
    }
  } catch (cause) {
    signal.removeEventListener("abort", end);
    close(conn);
    throw cause;
  }
  const duplex = Duplex.fromWeb({
    readable: conn.readable as ReadableStream,
    writable: conn.writable as WritableStream,
  });
  // What breaks after the answer was read is nobody's concern; before, the request says so.
  duplex.on("error", () => {});
  return {
    duplex,
    [Symbol.asyncDispose]() {
      signal.removeEventListener("abort", end);
      duplex.destroy();
      close(conn);
      return Promise.resolve();
    },
  };
}

async function firstThatTakes(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  let failure: unknown;
  for (const hostname of addresses) {
    signal.throwIfAborted();
    try {
      return await Deno.connect({ hostname, port, signal });
    } catch (cause) {
      failure = cause;
    }
  }
  throw failure;
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}

/** An agent that gives out the one connection it was made for. */
class OneConnection extends Agent {
  readonly #duplex: Duplex;

  constructor(duplex: Duplex) {
    super();
    this.#duplex = duplex;
  }

  override createConnection(): Duplex {
    return this.#duplex;
  }
}

function exchange(
  { duplex }: { duplex: Duplex },
  target: URL,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const bytes = new TextEncoder().encode(body);
    const outgoing = request({
      method: "POST",
      path: target.pathname + target.search,
      host: target.hostname,
      agent: new OneConnection(duplex),
      headers: { ...headers, host: target.host, "content-length": String(bytes.length), connection: "close" },
    });
    const abort = () => {
      reject(signal.reason);
      outgoing.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
    duplex.on("close", () => reject(new Error("The connection was closed before an answer came")));
    outgoing.on("error", reject);
    outgoing.on("response", (answer) => {
      readExcerpt(answer).then((excerpt) => {
        resolve({
          posted: {
            kind: "answer",
            status: answer.statusCode ?? 0,
            excerpt,
            retryAfter: answer.headers["retry-after"] ?? null,
          },
          location: answer.headers.location ?? null,
        });
        answer.destroy();
      }, reject).finally(() => signal.removeEventListener("abort", abort));
    });
    outgoing.end(bytes);
  });
}

/** The beginning of an answer's body. Its status has come: a body that breaks off takes nothing from it. */
async function readExcerpt(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= READ_BYTES) break;
    }
  } catch {
    // What came of it is kept.
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  const text = new TextDecoder().decode(bytes.subarray(0, READ_BYTES));
  // PostgreSQL takes neither NUL nor half of a surrogate pair.
  return text.replaceAll("\0", "").slice(0, EXCERPT).toWellFormed();
}

async function resolveBySystem(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/** Why nothing came back, in words for the owner of the webhook. */
function explain(cause: unknown, timeoutMs: number): string {
  if (cause instanceof DOMException && cause.name === "TimeoutError") {
    return `There was no answer within ${timeoutMs / 1_000} s`;
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return "This Rondo may not connect to that address (WEBHOOKS_ALLOW_PUBLIC)";
  }
  if (cause instanceof Error && "code" in cause && /^E(NOTFOUND|AI_AGAIN)$/.test(String(cause.code))) {
    return "The name was not found";
  }
  if (cause instanceof Deno.errors.ConnectionRefused) return "Nothing listens at that address";
  return reason(cause).slice(0, EXCERPT);
}
