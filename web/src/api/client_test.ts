import assert from "node:assert/strict";
import { ApiError, createClient, toProblem } from "./client.ts";

function aServer(...answers: (Response | Error)[]) {
  const sent: { url: string; init: RequestInit; headers: Headers }[] = [];
  const waited: number[] = [];
  let unauthorized = 0;
  const client = createClient({
    fetch: (input, init = {}) => {
      sent.push({ url: String(input), init, headers: new Headers(init.headers) });
      const answer = answers.shift() ?? new Response("{}");
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    wait: (ms) => {
      waited.push(ms);
      return Promise.resolve();
    },
    onUnauthorized: () => unauthorized++,
  });
  return { client, sent, waited, unauthorized: () => unauthorized };
}

const problem = (status: number, body: object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });

async function refused(run: Promise<unknown>): Promise<ApiError> {
  try {
    await run;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return error;
  }
  return assert.fail("it should have been refused");
}

Deno.test("request() sends a key with every write, the same one with its retries, none with a read", async () => {
  const { client, sent, waited } = aServer(new TypeError("offline"), new Response("{}", { status: 503 }));
  await client.request("POST", "/api/tasks", { body: { title: "a" } });
  const keys = sent.map(({ headers }) => headers.get("idempotency-key"));
  assert.equal(sent.length, 3);
  assert.ok(keys[0]);
  assert.deepEqual(new Set(keys).size, 1);
  assert.equal(new Set(sent.map(({ headers }) => headers.get("x-correlation-id"))).size, 3);
  assert.deepEqual(waited, [300, 1_200]);
  await client.request("GET", "/api/me");
  assert.equal(sent.at(-1)?.headers.has("idempotency-key"), false);
});

Deno.test("request() says which field is wrong, by any way of writing its path", async () => {
  const { client } = aServer(problem(422, {
    title: "Invalid",
    status: 422,
    detail: "The task is not valid",
    errors: [{ path: "due.date", message: "must be a date" }, {
      path: "/tags/0",
      message: "must not hold #",
    }],
    correlationId: "c-1",
  }));
  const error = await refused(client.request("POST", "/api/tasks", { body: {} }));
  assert.equal(error.status, 422);
  assert.equal(error.message, "The task is not valid");
  assert.equal(error.field("due.date"), "must be a date");
  assert.equal(error.field("tags.0"), "must not hold #");
  assert.equal(error.field("title"), undefined);
  assert.equal(error.correlationId, "c-1");
});

Deno.test("request() has status 0 when nobody answers, after its tries", async () => {
  const { client, sent } = aServer(new TypeError("a"), new TypeError("b"), new TypeError("c"));
  const error = await refused(client.request("GET", "/api/me"));
  assert.equal(error.status, 0);
  assert.equal(sent.length, 3);
});

Deno.test("request() waits as long as it is told, unless that is too long", async () => {
  const short = aServer(problem(429, { title: "Slow down" }, { "retry-after": "2" }));
  await short.client.request("GET", "/api/me");
  assert.deepEqual(short.waited, [2_000]);
  const long = aServer(problem(429, { title: "Slow down" }, { "retry-after": "60" }));
  const error = await refused(long.client.request("GET", "/api/me"));
  assert.equal(error.retryAfter, 60);
  assert.deepEqual(long.waited, []);
});

Deno.test("request() does not repeat what was refused, and reports an ended session", async () => {
  const { client, sent, unauthorized } = aServer(problem(401, { title: "Who are you" }));
  await refused(client.request("POST", "/api/tasks", { body: {} }));
  assert.equal(sent.length, 1);
  assert.equal(unauthorized(), 1);
});

Deno.test("request() takes an empty answer as undefined", async () => {
  const { client } = aServer(new Response(null, { status: 204 }), new Response(""));
  assert.equal(await client.request("DELETE", "/api/tasks/1"), undefined);
  assert.equal(await client.request("POST", "/api/x"), undefined);
});

Deno.test("toProblem() reads the account routes' own shape and survives nonsense", () => {
  assert.equal(toProblem({ code: "X", message: "User already exists" }, 422).title, "User already exists");
  assert.equal(toProblem("<html>", 502).title, "The server answered 502");
  assert.deepEqual(toProblem({ title: "t", errors: [{ path: 1 }, null] }, 400).errors, []);
});

Deno.test("request() that hangs is given up as if nobody had answered, and sent again with the same key", async () => {
  const keys: (string | null)[] = [];
  const limits: AbortController[] = [];
  const client = createClient({
    fetch: (_input, init) => {
      keys.push(new Headers(init?.headers).get("idempotency-key"));
      if (keys.length === 2) return Promise.resolve(new Response('{"id":"1"}'));
      const { promise, reject } = Promise.withResolvers<Response>();
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      queueMicrotask(() => limits[0]?.abort());
      return promise;
    },
    wait: () => Promise.resolve(),
    limit: () => {
      const limit = new AbortController();
      limits.push(limit);
      return limit.signal;
    },
  });
  assert.deepEqual(await client.request("POST", "/api/tasks", { body: {} }), { id: "1" });
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
});

Deno.test("leave() ends what is under way, and no answer to it arrives", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const client = createClient({ fetch: () => promise, wait: () => Promise.resolve() });
  const asked = refused(client.request("GET", "/api/me"));
  client.leave();
  resolve(new Response('{"id":"u1"}'));
  assert.equal((await asked).status, 401);
});
