import assert from "node:assert/strict";
import { createInvoker, type InvokeOptions } from "./invoke.ts";

const TOKEN = "an-unguessable-token-of-the-tests";
const invoker = (options: Partial<InvokeOptions>) =>
  createInvoker({ services: new Map(), peers: {}, internalToken: TOKEN, ...options });
const never = () => new Promise<Response>(() => {});

Deno.test("invoke() gives up on a service of its own process that does not answer in time", async () => {
  const { invoke } = invoker({ services: new Map([["api", { fetch: never }]]), timeoutMs: 10 });
  await assert.rejects(invoke("api", "/internal/x"), { name: "TimeoutError" });
});

Deno.test("invoke() gives up on a peer that does not answer in time, or stops in the middle of its answer", async () => {
  const hangs = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, signal: hangs.signal },
    ({ url }) =>
      url.endsWith("/body")
        ? new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(1)) }))
        : never(),
  );
  const { invoke } = invoker({ peers: { api: `http://127.0.0.1:${server.addr.port}` }, timeoutMs: 200 });
  await assert.rejects(invoke("api", "/internal/x"), { name: "TimeoutError" });
  const begun = await invoke("api", "/internal/body");
  assert.equal(begun.status, 200);
  await assert.rejects(begun.text(), { name: "TimeoutError" });
  hangs.abort();
  await server.finished;
});

Deno.test("invoke() ends with its caller's signal", async () => {
  const { invoke } = invoker({ services: new Map([["api", { fetch: never }]]) });
  const caller = new AbortController();
  const answer = invoke("api", "/internal/x", { signal: caller.signal });
  caller.abort(new Error("the caller has gone"));
  await assert.rejects(answer, /the caller has gone/);
  await assert.rejects(invoke("api", "/internal/x", { signal: caller.signal }), /the caller has gone/);
});
