/** The assistant beside a real api, as programs and browsers call it. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createQuietLog } from "../shared/testing/fake_runtime.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { systemClock } from "../shared/domain/time.ts";
import { TEST_ORIGIN, type TestApi, testApi, type TestClient } from "../shared/testing/api.ts";
import { type AssistantOptions, createAssistant } from "./app.ts";

export interface TestAssistant extends AsyncDisposable {
  readonly api: TestApi;
  readonly service: Service;
  readonly logs: string[];
  /** A key of this person. */
  key(person: TestClient, scopes?: readonly string[]): Promise<string>;
  /** The official client, connected over HTTP with this bearer credential. */
  connect(credential: string): Promise<Client>;
}

export async function testAssistant(
  options: Partial<AssistantOptions> & { api?: Parameters<typeof testApi>[0] } = {},
): Promise<TestAssistant> {
  const api = await testApi(options.api);
  const logs: string[] = [];
  const service = createAssistant({
    runtime: api.hub.runtime("assistant"),
    log: createQuietLog(logs),
    metrics: api.metrics,
    clock: options.api?.clock ?? systemClock,
    publicUrl: TEST_ORIGIN,
    ...options,
  });
  await service.start();
  const clients: Client[] = [];
  return {
    api,
    service,
    logs,
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
