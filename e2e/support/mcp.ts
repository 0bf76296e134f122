/** An MCP client of a running Rondo, and a person who talks to its assistant. */
import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { CHAT_EVENTS, type ChatTurn } from "../../services/shared/contracts/chat.ts";
import type { Client as Person } from "./client.ts";

export interface McpClient extends AsyncDisposable {
  readonly client: Client;
  /** Uses a tool, and gives its structured answer. @throws AssertionError when the tool refuses */
  use(name: string, args?: Record<string, unknown>, meta?: Record<string, unknown>): Promise<Structured>;
}

// deno-lint-ignore no-explicit-any -- a test looks into whatever came
export type Structured = any;

/** Makes a key with these scopes and connects the official client with it. */
export async function connectMcp(person: Person, scopes: readonly string[]): Promise<McpClient> {
  const { body } = await person.call<{ key: string }>("POST", "/api/keys", { name: "mcp", scopes });
  const client = new Client({ name: "rondo-e2e", version: "1.0.0" });
  await client.connect(
    new StreamableHTTPClientTransport(new URL("/mcp", person.origin), {
      requestInit: { headers: { authorization: `Bearer ${body.key}` } },
    }),
  );
  return {
    client,
    async use(name, args = {}, meta = {}) {
      const result = await client.callTool({ name, arguments: args, _meta: meta });
      assert.equal(result.isError ?? false, false, JSON.stringify(result.content));
      return result.structuredContent;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Says something to the assistant, and reads the answer to its end. */
export async function say(person: Person, message: string): Promise<ChatTurn> {
  const response = await fetch(new URL("/api/chat", person.origin), {
    method: "POST",
    headers: { cookie: person.cookie, "content-type": "application/json" },
    body: JSON.stringify({ message }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const [, data = "null"] = /^event: done\ndata: (.*)$/m.exec(text) ?? [];
  return CHAT_EVENTS.done.parse(JSON.parse(data)).turn;
}
