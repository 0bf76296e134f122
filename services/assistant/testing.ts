/** The assistant beside a real api, as programs and browsers call it. */
import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { CHAT_EVENTS, type ChatEvents, type ChatTurn } from "../shared/contracts/chat.ts";
import { createQuietLog } from "../shared/testing/fake_runtime.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { systemClock } from "../shared/domain/time.ts";
import { TEST_ORIGIN, type TestApi, testApi, type TestClient } from "../shared/testing/api.ts";
import { type AssistantOptions, createAssistant } from "./app.ts";

/** What one message brought, in order. */
export interface Said {
  conversationId: string;
  turn: ChatTurn;
  events: { name: keyof ChatEvents; data: unknown }[];
}

export interface TestAssistant extends AsyncDisposable {
  readonly api: TestApi;
  readonly service: Service;
  readonly logs: string[];
  /** A key of this person. */
  key(person: TestClient, scopes?: readonly string[]): Promise<string>;
  /** A call of `/api/chat…` with this person's cookie. */
  call(
    person: TestClient,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** Says something, and reads the answer to its end. */
  say(person: TestClient, message: string, conversationId?: string): Promise<Said>;
  /** The official client, connected over HTTP with this bearer credential. */
  connect(credential: string): Promise<Client>;
}

/** The events of a stream that has ended, each checked against its contract. */
export function readEvents(text: string): Said["events"] {
  return text.split("\n\n").filter((block) => block.startsWith("event:")).map((block) => {
    const [, name = "", data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    const known = name as keyof ChatEvents;
    return { name: known, data: CHAT_EVENTS[known].parse(JSON.parse(data)) };
  });
}

export async function testAssistant(
  options: Partial<AssistantOptions> & {
    api?: Parameters<typeof testApi>[0];
    /** Runs before each call of the api. */
    beforeCall?(path: string, init: RequestInit): Promise<void>;
  } = {},
): Promise<TestAssistant> {
  const api = await testApi(options.api);
  const runtime = api.hub.runtime("assistant");
  const logs: string[] = [];
  const service = createAssistant({
    runtime: {
      ...runtime,
      async invoke(service, path, init = {}) {
        await options.beforeCall?.(path, init);
        return await runtime.invoke(service, path, init);
      },
    },
    log: createQuietLog(logs),
    metrics: api.metrics,
    clock: options.api?.clock ?? systemClock,
    publicUrl: TEST_ORIGIN,
    ...options,
  });
  await service.start();
  const clients: Client[] = [];
  const call: TestAssistant["call"] = async (person, method, path, body, headers = {}) =>
    await service.fetch(
      new Request(`${TEST_ORIGIN}${path}`, {
        method,
        headers: {
          cookie: person.cookie,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  return {
    api,
    service,
    logs,
    call,
    async say(person, message, conversationId) {
      const answer = await call(person, "POST", "/api/chat", { message, conversationId });
      assert.equal(answer.status, 200, answer.ok ? "" : await answer.text());
      const events = readEvents(await answer.text());
      const { conversationId: id } = events.find(({ name }) => name === "start")?.data as ChatEvents["start"];
      const { turn } = events.find(({ name }) => name === "done")?.data as ChatEvents["done"];
      return { conversationId: id, turn, events };
    },
    async key(person, scopes = ["read", "write"]) {
      return (await person.call("POST", "/api/keys", { name: "mcp", scopes })).body.key;
    },
    async connect(credential) {
      const client = new Client({ name: "rondo-test", version: "1.0.0" });
      await client.connect(
        new StreamableHTTPClientTransport(new URL(`${TEST_ORIGIN}/mcp`), {
          requestInit: { headers: { authorization: `Bearer ${credential}` } },
          fetch: async (input, init) => await service.fetch(new Request(input, init)),
        }),
      );
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.close();
      await service.stop();
      await api[Symbol.asyncDispose]();
    },
  };
}
