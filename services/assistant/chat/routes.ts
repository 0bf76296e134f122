/** `/api/chat`: a person's conversations with the assistant; an answer is a stream of server-sent events. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { z } from "zod";
import { type ChatEvents, ChatInput } from "../../shared/contracts/chat.ts";
import { readJson } from "../../shared/http/body.ts";
import { idempotencyKeyOf } from "../../shared/http/idempotency.ts";
import { notFound, ProblemError, toErrors } from "../../shared/http/problem.ts";
import { requireScope, type Scope } from "../../shared/http/scopes.ts";
import { requireSameOrigin } from "../../shared/http/security.ts";
import type { Runtime } from "../../shared/runtime/ports.ts";
import type { Log } from "../../shared/telemetry/log.ts";
import { type Caller, identify } from "../caller.ts";
import type { ChatService } from "./service.ts";

const MAX_BYTES = 50_000;
/** Each may cost the operator money. */
const MESSAGES_PER_MINUTE = 30;
const HEARTBEAT_MS = 15_000;

export interface ChatRouteOptions {
  runtime: Pick<Runtime, "invoke">;
  log: Log;
  chat: ChatService;
  publicUrl: string;
}

/** Adds `/api/chat`. The answer that is being given ends when its client goes away. */
export function chatRoutes(app: OpenAPIHono, { runtime, log, chat, publicUrl }: ChatRouteOptions): void {
  const limiter = new RateLimiterMemory({ points: MESSAGES_PER_MINUTE, duration: 60 });
  /** To ask is to read, whatever the answer then may do: the tools look at the scopes themselves. */
  const callerOf = async (context: Context, scope: Scope): Promise<Caller> => {
    if (context.req.method !== "GET") requireSameOrigin(context.req.raw, publicUrl);
    const caller = await identify(runtime, context.req.raw, ["authorization", "cookie"]);
    requireScope(caller, scope);
    return caller;
  };
  const id = (context: Context, name: string): string => {
    const given = z.uuid().safeParse(context.req.param(name));
    if (!given.success) throw notFound("There is no such conversation");
    return given.data;
  };

  app.post("/api/chat", async (context) => {
    const caller = await callerOf(context, "read");
    const input = { ...await inputOf(context), caller, key: idempotencyKeyOf(context.req.raw) };
    await limiter.consume(caller.userId).catch((cause) => {
      throw cause instanceof RateLimiterRes ? tooMany(cause) : cause;
    });
    const begun = await chat.begin(input);
    const { conversationId, answered } = begun;
    if (answered !== undefined) context.header("idempotent-replayed", "true");
    context.header("cache-control", "no-store, no-transform");
    context.header("x-accel-buffering", "no");
    return streamSSE(context, async (stream) => {
      if (answered !== undefined) {
        await stream.writeSSE({
          event: "start",
          data: JSON.stringify({ conversationId, turn: answered } satisfies ChatEvents["start"]),
        });
        await stream.writeSSE({
          event: "done",
          data: JSON.stringify({ turn: answered } satisfies ChatEvents["done"]),
        });
        return;
      }
      const stop = new AbortController();
      stream.onAbort(() => stop.abort());
      const heartbeat = setInterval(() => void stream.write(": still here\n\n"), HEARTBEAT_MS);
      let sent: Promise<unknown> = Promise.resolve();
      try {
        await chat.answer({
          ...input,
          ...begun,
          signal: stop.signal,
          send: (event, data) => {
            sent = sent.then(() => stream.writeSSE({ event, data: JSON.stringify(data) }));
          },
        });
        await sent;
      } catch (cause) {
        // Thrown on, its message would be sent.
        log.error("a conversation broke off", { cause });
      } finally {
        clearInterval(heartbeat);
      }
    });
  });

  app.get("/api/chat", async (context) => {
    const caller = await callerOf(context, "read");
    return context.json({ mode: chat.mode, items: await chat.list(caller) });
  });

  app.get(
    "/api/chat/:id",
    async (context) => context.json(await chat.get(await callerOf(context, "read"), id(context, "id"))),
  );

  app.delete("/api/chat/:id", async (context) => {
    const caller = await callerOf(context, "write");
    await chat.get(caller, id(context, "id"));
    await chat.remove(caller, id(context, "id"));
    return context.body(null, 204);
  });

  for (const act of ["apply", "dismiss"] as const) {
    app.post(`/api/chat/:id/previews/:previewId/${act}`, async (context) => {
      const caller = await callerOf(context, "write");
      return context.json(await chat[act](caller, id(context, "id"), id(context, "previewId")));
    });
  }

  app.post("/api/chat/:id/turns/:turnId/undo", async (context) => {
    const caller = await callerOf(context, "write");
    return context.json(await chat.undo(caller, id(context, "id"), id(context, "turnId")));
  });
}

/** @throws ProblemError 400, 413, 415, 422 */
async function inputOf(context: Context): Promise<z.infer<typeof ChatInput>> {
  const { value } = await readJson(context, true, ["application/json"], MAX_BYTES);
  const input = ChatInput.safeParse(value);
  if (input.success) return input.data;
  const errors = toErrors(input.error);
  throw new ProblemError(422, errors.map(({ path, message }) => `${path} ${message}`)[0] ?? "Invalid", {
    errors,
  });
}

function tooMany({ msBeforeNext }: RateLimiterRes): ProblemError {
  return new ProblemError(429, "Too many messages: wait before the next", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(msBeforeNext / 1_000))) },
  });
}
