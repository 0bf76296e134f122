/** The assistant's routes in the api's OpenAPI document: another service answers them under the same origin. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { Chat, ChatInput, Chats, ChatTurn } from "../../shared/contracts/chat.ts";
import { Uuid } from "../../shared/contracts/task.ts";
import { Problem } from "../../shared/http/problem.ts";

const TAG = "Assistant";
const PROBLEMS = { 401: "No or bad credential", 403: "Not allowed", 404: "Nothing that this user can see" };
const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: Problem } },
});
const json = (description: string, schema: z.ZodType) => ({
  description,
  content: { "application/json": { schema } },
});

interface Route {
  method: "get" | "post" | "delete";
  path: string;
  summary: string;
  description?: string;
  body?: z.ZodType;
  /** Whether a repeat with the same `Idempotency-Key` gets the first answer. */
  keyed?: boolean;
  /** Absent: 204. */
  answer?: ReturnType<typeof json> | { description: string; content: Record<string, { schema: z.ZodType }> };
}

const ROUTES: readonly Route[] = [
  {
    method: "post",
    path: "/api/chat",
    summary: "Say something to the assistant",
    description:
      "The answer is a stream of events: `start`, `text`, `tool`, `preview`, and `done` with the whole turn. Closing it stops the assistant.",
    body: ChatInput,
    keyed: true,
    answer: { description: "A stream", content: { "text/event-stream": { schema: z.string() } } },
  },
  {
    method: "get",
    path: "/api/chat",
    summary: "Conversations, latest first",
    answer: json("Conversations", Chats),
  },
  {
    method: "get",
    path: "/api/chat/{id}",
    summary: "One conversation",
    answer: json("The conversation", Chat),
  },
  { method: "delete", path: "/api/chat/{id}", summary: "Forget a conversation" },
  {
    method: "post",
    path: "/api/chat/{id}/previews/{previewId}/apply",
    summary:
      "Do what a preview said; when something changed in between, the turn's preview says what it would be now",
    answer: json("The turn", ChatTurn),
  },
  {
    method: "post",
    path: "/api/chat/{id}/previews/{previewId}/dismiss",
    summary: "Let a preview go",
    answer: json("The turn", ChatTurn),
  },
  {
    method: "post",
    path: "/api/chat/{id}/turns/{turnId}/undo",
    summary: "Undo everything that a turn changed",
    answer: json("The turn", ChatTurn),
  },
  {
    method: "post",
    path: "/mcp",
    summary: "Model Context Protocol over streamable HTTP",
    description:
      "JSON-RPC of the protocol's revision 2026-07-28 or an earlier one; a bearer credential alone.",
    body: z.record(z.string(), z.unknown()),
    answer: {
      description: "A JSON-RPC answer",
      content: {
        "application/json": { schema: z.record(z.string(), z.unknown()) },
        "text/event-stream": { schema: z.string() },
      },
    },
  },
];

/** Adds `/api/chat` and `/mcp` to the document. */
export function documentAssistant(app: OpenAPIHono): void {
  for (const { method, path, summary, description, body, keyed, answer } of ROUTES) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    app.openAPIRegistry.registerPath({
      method,
      path,
      summary,
      description,
      tags: [TAG],
      security: path === "/mcp" ? [{ bearer: [] }] : [{ cookie: [] }, { bearer: [] }],
      request: {
        ...(names.length === 0
          ? {}
          : { params: z.object(Object.fromEntries(names.map((name) => [name, Uuid]))) }),
        ...(keyed ? { headers: z.object({ "idempotency-key": z.string().min(1).max(255).optional() }) } : {}),
        ...(body === undefined
          ? {}
          : { body: { required: true, content: { "application/json": { schema: body } } } }),
      },
      responses: {
        ...(answer === undefined ? { 204: { description: "It is forgotten" } } : { 200: answer }),
        ...Object.fromEntries(Object.entries(PROBLEMS).map(([status, text]) => [status, problem(text)])),
      },
    });
  }
}
