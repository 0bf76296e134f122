/** What is sent goes over real sockets on loopback; only names are looked up by a stand-in. */
import assert from "node:assert/strict";
import { createPost, type PostOptions } from "./post.ts";
import { receiver } from "./testing.ts";
import { CA, SERVER } from "./testing_certificates.ts";

const LOCAL = { allowPublic: false, allowPrivate: true };
const INTERNET = { allowPublic: true, allowPrivate: false };
const HEADERS = { "webhook-id": "m1", "content-type": "application/json" };

/** Names of this test, and how often each was asked for. */
function names(table: Record<string, string[][]>) {
  const asked: string[] = [];
  const resolve = (name: string) => {
    asked.push(name);
    const answers = table[name] ?? [];
    const times = asked.filter((one) => one === name).length;
    return Promise.resolve(answers[Math.min(times, answers.length) - 1] ?? []);
  };
  return { asked, resolve };
}

const post = (url: string, options: Partial<PostOptions> = {}) =>
  createPost({ rules: LOCAL, ...options })(url, HEADERS, '{"a":1}');

Deno.test("createPost() sends headers and body to the address behind a name, once looked up", async () => {
  await using there = receiver();
  there.answer(() => new Response("x".repeat(9_000), { status: 207, headers: { "retry-after": "5" } }));
  const { asked, resolve } = names({ "hooks.example.test": [["127.0.0.1"]] });
  const posted = await post(`http://hooks.example.test:${there.port}/a/b?c=d`, { resolve });
  assert.deepEqual(posted, { kind: "answer", status: 207, excerpt: "x".repeat(1_000), retryAfter: "5" });
  const [one] = there.received;
  assert.equal(one?.path, "/a/b");
  assert.equal(one?.body, '{"a":1}');
  assert.equal(one?.headers.host, `hooks.example.test:${there.port}`);
  assert.equal(one?.headers["webhook-id"], "m1");
  assert.deepEqual(asked, ["hooks.example.test"]);
});

Deno.test("createPost() goes to the address that it looked at, whatever a name server says the next time", async () => {
  await using there = receiver();
  // The first answer would be allowed and the second not: a client that asks again is led inside.
  const rebinding = names({ "rebind.example.test": [["93.184.215.14"], ["127.0.0.1"]] });
  const aborted = await post(`https://rebind.example.test:${there.port}/`, {
    rules: { allowPublic: false, allowPrivate: true },
    resolve: rebinding.resolve,
  });
  assert.equal(aborted.kind, "forbidden", "the first answer is what counts");
  assert.deepEqual(rebinding.asked, ["rebind.example.test"]);
  const other = names({ "rebind.example.test": [["127.0.0.1"], ["192.0.2.1"]] });
  const posted = await post(`http://rebind.example.test:${there.port}/`, { resolve: other.resolve });
  assert.equal(posted.kind, "answer", "and what is connected to");
  assert.equal(there.received.length, 1);
});

for (const address of ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"]) {
  Deno.test(`createPost() sends nothing to a name with the address ${address}`, async () => {
    await using there = receiver();
    const { resolve } = names({ "inner.example.test": [["93.184.215.14", address]] });
    const posted = await post(`https://inner.example.test:${there.port}/`, { resolve, rules: INTERNET });
    assert.equal(posted.kind, "forbidden");
    assert.equal(there.received.length, 0);
  });
}

Deno.test("createPost() follows 307 and 308 with the same body, three times at most", async () => {
  await using there = receiver();
  const step = (location: string, status = 307) => new Response(null, { status, headers: { location } });
  there.answer(({ path }) => path === "/end" ? new Response("here") : step("/end", 308));
  assert.equal((await post(there.url) as { excerpt: string }).excerpt, "here");
  assert.deepEqual(there.received.map(({ path, body }) => [path, body]), [["/hook", '{"a":1}'], [
    "/end",
    '{"a":1}',
  ]]);
  there.received.length = 0;
  there.answer(() => step("/again"));
  assert.deepEqual(await post(there.url), { kind: "failed", error: "There were more than 3 redirects" });
  assert.equal(there.received.length, 4);
  // Others would make a GET of it.
  for (const status of [301, 302, 303]) {
    there.answer(() => step("/end", status));
    const posted = await post(there.url);
    assert.equal(posted.kind === "answer" && posted.status, status);
  }
});

Deno.test("createPost() looks at where a redirect leads as at the first address", async () => {
  await using there = receiver();
  const { resolve, asked } = names({ "a.example.test": [["127.0.0.1"]], "b.example.test": [["0.0.0.0"]] });
  for (
    const location of [
      ...["http://169.254.169.254/latest/meta-data", "http://b.example.test/", "http://[::]/"],
      "http://[::ffff:169.254.169.254]/",
    ]
  ) {
    there.received.length = 0;
    there.answer(() => new Response(null, { status: 307, headers: { location } }));
    const posted = await post(`http://a.example.test:${there.port}/`, { resolve });
    assert.equal(posted.kind, "forbidden", location);
    assert.equal(there.received.length, 1);
  }
  assert.ok(asked.includes("b.example.test"));
  there.answer(() => new Response(null, { status: 307, headers: { location: "ftp://a.example.test/" } }));
  assert.equal((await post(there.url)).kind, "answer", "an address that is none of ours is no redirect");
});

/** A receiver with TLS, for the name `hooks.example.test` alone. */
function secureReceiver(answer: (request: Request) => Response = () => new Response("secure")) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, ...SERVER, onListen: () => {}, onError: () => new Response() },
    async (request) => {
      await request.text();
      return answer(request);
    },
  );
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("createPost() speaks TLS for the name in the URL, and trusts no other", async () => {
  await using there = secureReceiver();
  const { resolve } = names({
    "hooks.example.test": [["127.0.0.1"]],
    "other.example.test": [["127.0.0.1"]],
  });
  const at = (name: string, options: Partial<PostOptions>) =>
    post(`https://${name}:${there.port}/`, { resolve, ...options });
  const good = await at("hooks.example.test", { caCerts: [CA] });
  assert.equal(good.kind === "answer" && good.excerpt, "secure", JSON.stringify(good));
  const foreign = await at("other.example.test", { caCerts: [CA] });
  assert.equal(foreign.kind, "failed");
  assert.match((foreign as { error: string }).error, /certificate/);
  const untrusted = await at("hooks.example.test", {});
  assert.match((untrusted as { error: string }).error, /certificate/);
});

Deno.test("createPost() does not follow from https to http", async () => {
  await using open = receiver();
  await using there = secureReceiver(() =>
    new Response(null, { status: 307, headers: { location: open.url } })
  );
  const { resolve } = names({ "hooks.example.test": [["127.0.0.1"]] });
  const posted = await post(`https://hooks.example.test:${there.port}/`, { resolve, caCerts: [CA] });
  assert.deepEqual(posted, { kind: "forbidden", error: "A redirect led from https to http" });
  assert.equal(open.received.length, 0);
});

Deno.test("createPost() gives up in time: no answer, no handshake, an answer without end", async () => {
  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of silent) connections.push(connection);
  })();
  try {
    for (const protocol of ["http", "https"]) {
      const started = performance.now();
      const posted = await post(`${protocol}://127.0.0.1:${silent.addr.port}/`, { timeoutMs: 200 });
      assert.deepEqual(posted, { kind: "failed", error: "There was no answer within 0.2 s" }, protocol);
      assert.ok(performance.now() - started < 5_000);
    }
  } finally {
    silent.close();
    await accepting;
    for (const connection of connections) connection.close();
  }
});

Deno.test("createPost() reads the beginning of an answer that never ends", async () => {
  await using there = receiver();
  let cancelled = false;
  const endless = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("again ")),
      cancel: () => void (cancelled = true),
    });
  there.answer(() => new Response(endless()));
  const posted = await post(there.url);
  assert.equal(posted.kind === "answer" && posted.excerpt.length, 1_000);
  await there.answered();
  assert.ok(cancelled, "and closes the connection");
});

Deno.test("createPost() says in words why nothing came back", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  assert.deepEqual(await post(`http://127.0.0.1:${port}/`), {
    kind: "failed",
    error: "Nothing listens at that address",
  });
  const missing = () => Promise.reject(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }));
  assert.deepEqual(await post("http://nowhere.example.test/", { resolve: missing }), {
    kind: "failed",
    error: "The name was not found",
  });
  const broken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = broken.accept().then((connection) => connection.close());
  const posted = await post(`http://127.0.0.1:${broken.addr.port}/`);
  assert.equal(posted.kind, "failed");
  await accepting;
  broken.close();
});

Deno.test("createPost() tries the next address behind a name when nothing listens at the first", async () => {
  await using there = receiver();
  const { resolve } = names({ "two.example.test": [["127.0.0.2", "127.0.0.1"]] });
  const posted = await post(`http://two.example.test:${there.port}/`, { resolve });
  assert.equal(posted.kind, "answer");
});
