/**
 * One origin for the browser, as the cluster's gateway makes it: streams go to realtime directly, chats and MCP to the assistant, the API to the api,
 * everything else is the SPA. What services and operators have among themselves is not reachable through it.
 *
 * As a program it reads `PORT`, `HOST`, `API_URL`, `REALTIME_URL`, `ASSISTANT_URL` and `WEB_URL`.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
} from "node:http";
import type { ServerResponse } from "node:http";
import { z } from "zod";
import { SECURITY_HEADERS } from "../../services/shared/http/security.ts";
import { runMain, stopSignal } from "../../services/shared/host/serve.ts";
import { StartError } from "../../services/shared/host/config.ts";

export type Target = "api" | "realtime" | "assistant" | "web";

/** Where a path leads, or null when it leads nowhere from outside. */
export function route(path: string): Target | null {
  if (path === "/api/stream") return "realtime";
  if (/^\/(mcp|api\/chat)(\/|$)/.test(path)) return "assistant";
  if (path.startsWith("/api/") || path === "/health" || path === "/ready") return "api";
  if (/^\/(internal|metrics|dapr|job)(\/|$)/.test(path)) return null;
  return "web";
}

export interface GatewayOptions {
  port: number;
  hostname: string;
  targets: Readonly<Record<Target, string>>;
}

/** Of one connection only (RFC 9110, section 7.6.1), and what a client could claim about where it comes from. */
const NOT_FORWARDED = new Set([
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer"],
  ...["transfer-encoding", "upgrade", "dapr-api-token"],
]);

/** Starts the gateway. @throws StartError when the port can't be had */
export async function startGateway(options: GatewayOptions): Promise<Server> {
  const server = createServer((incoming, outgoing) => forward(options, incoming, outgoing));
  // Streams are open for minutes, and their clients send nothing meanwhile.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new StartError(`Cannot listen on ${options.hostname}:${options.port}: set PORT to a free one`, {
          cause,
        }),
      ));
    server.listen(options.port, options.hostname, resolve);
  });
  return server;
}

function forward({ targets }: GatewayOptions, incoming: IncomingMessage, outgoing: ServerResponse): void {
  // Behind a name, never against one: `//other.example/` as a reference would be another host's address.
  const asked = URL.parse(`http://gateway${incoming.url ?? "/"}`);
  if (asked === null) return plain(outgoing, 400, "Malformed address");
  const target = route(asked.pathname);
  if (target === null) return plain(outgoing, 404, "Not found");
  const { hostname, port } = new URL(targets[target]);
  const upstream = request({
    hostname,
    port,
    path: asked.pathname + asked.search,
    method: incoming.method,
    headers: forwarded(incoming),
  });
  upstream.on("response", (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, { ...SECURITY_HEADERS, ...kept(answer.headers) });
    // The client of a stream waits for the headers, and the first event may be long in coming.
    outgoing.flushHeaders();
    answer.pipe(outgoing);
    // A pipe ends with what it reads, but not when that breaks off: the client would wait for ever.
    answer.on("close", () => {
      if (!answer.complete) outgoing.destroy();
    });
    answer.on("error", () => outgoing.destroy());
  });
  upstream.on("error", () => {
    // As a cluster's gateway answers while no replica is there.
    if (outgoing.headersSent) outgoing.destroy();
    else plain(outgoing, 503, "This part of Rondo is not there at the moment");
  });
  // A tab that was closed must not keep its stream.
  outgoing.on("close", () => upstream.destroy());
  incoming.pipe(upstream);
}

function forwarded(incoming: IncomingMessage): Record<string, string | string[] | undefined> {
  return {
    ...kept(incoming.headers),
    // Replaced, never added to: what the client says of itself is not known to be true.
    "x-forwarded-for": incoming.socket.remoteAddress ?? "",
    "x-forwarded-host": incoming.headers.host ?? "",
    "x-forwarded-proto": "http",
  };
}

function kept(headers: IncomingHttpHeaders): Record<string, string | string[] | undefined> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_FORWARDED.has(name)));
}

function plain(outgoing: ServerResponse, status: number, text: string): void {
  outgoing.writeHead(status, {
    ...SECURITY_HEADERS,
    "cache-control": "no-store",
    "content-type": "text/plain; charset=utf-8",
  });
  outgoing.end(`${text}\n`);
}

const Settings = z.object({
  PORT: z.coerce.number().int(),
  HOST: z.string().default("127.0.0.1"),
  API_URL: z.url(),
  REALTIME_URL: z.url(),
  ASSISTANT_URL: z.url(),
  WEB_URL: z.url(),
});

if (import.meta.main) {
  await runMain(async () => {
    const { PORT, HOST, ...urls } = Settings.parse(Deno.env.toObject());
    const stopped = stopSignal();
    const server = await startGateway({
      port: PORT,
      hostname: HOST,
      targets: {
        api: urls.API_URL,
        realtime: urls.REALTIME_URL,
        assistant: urls.ASSISTANT_URL,
        web: urls.WEB_URL,
      },
    });
    console.log(`gateway is running on http://${HOST}:${PORT}`);
    await stopped;
    server.closeAllConnections();
    server.close();
  });
}
