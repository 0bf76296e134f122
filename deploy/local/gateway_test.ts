import assert from "node:assert/strict";
import { route, startGateway } from "./gateway.ts";
import { freePorts, LOOPBACK } from "./ports.ts";

Deno.test("route() leads to each part, and from outside to nothing that services have among themselves", () => {
  const places = {
    realtime: ["/api/stream"],
    assistant: ["/mcp", "/api/chat", "/api/chat/1/turns/2/undo"],
    api: ["/api/tasks", "/api/stream/x", "/api/auth/sign-in", "/api/chats", "/health", "/ready"],
    web: ["/", "/today", "/assets/app.js", "/metrics-of-mine", "/jobs", "/api", "/mcps"],
  };
  for (const [target, paths] of Object.entries(places)) {
    for (const path of paths) assert.equal(route(path), target, path);
  }
  for (
    const path of ["/internal", "/internal/changes", "/metrics", "/job/x", "/dapr/config", "/dapr/events/x"]
  ) {
    assert.equal(route(path), null, path);
  }
});

Deno.test("startGateway() hands on what was asked, says who asked, and streams the answer", async () => {
  const seen: { url: string; headers: Headers; body: string }[] = [];
  const chunks = Promise.withResolvers<void>();
  let left = false;
  await using upstream = Deno.serve({ hostname: LOOPBACK, port: 0, onListen: () => {} }, async (request) => {
    seen.push({ url: request.url, headers: request.headers, body: await request.text() });
    if (request.url.endsWith("/api/stream")) {
      return new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode("first"));
            await chunks.promise;
            controller.enqueue(new TextEncoder().encode("second"));
          },
          cancel: () => void (left = true),
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    }
    return new Response("made", { status: 201, headers: { "set-cookie": "a=1" } });
  });
  const [port = 0, nobody = 0] = freePorts(2);
  const own = `http://${LOOPBACK}:${upstream.addr.port}`;
  const server = await startGateway({
    port,
    hostname: LOOPBACK,
    targets: { api: own, realtime: own, assistant: own, web: `http://${LOOPBACK}:${nobody}` },
  });
  const gateway = `http://${LOOPBACK}:${port}`;
  try {
    const made = await fetch(`${gateway}/api/tasks?x=1%202`, {
      method: "POST",
      body: "title",
      headers: { "x-forwarded-for": "192.0.2.1", "dapr-api-token": "guessed", cookie: "b=2" },
    });
    assert.equal(made.status, 201);
    assert.equal(await made.text(), "made");
    assert.equal(made.headers.get("set-cookie"), "a=1");
    assert.equal(made.headers.get("x-frame-options"), "DENY");
    const [asked] = seen;
    assert.equal(asked?.url, `${gateway}/api/tasks?x=1%202`);
    assert.equal(asked?.body, "title");
    assert.equal(asked?.headers.get("cookie"), "b=2");
    assert.equal(asked?.headers.get("x-forwarded-for"), LOOPBACK);
    assert.equal(asked?.headers.get("x-forwarded-host"), `${LOOPBACK}:${port}`);
    assert.equal(asked?.headers.get("dapr-api-token"), null);

    const stream = await fetch(`${gateway}/api/stream`);
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader?.read())?.value, "first");
    chunks.resolve();
    assert.equal((await reader?.read())?.value, "second");
    await reader?.cancel();
    while (!left) await new Promise((resolve) => setTimeout(resolve, 5));

    for (const [path, status] of [["/internal/changes", 404], ["/", 503]] as const) {
      const answer = await fetch(gateway + path);
      assert.equal(answer.status, status, await answer.text());
    }
    // Such a line names another host, which must not be asked.
    for (const line of [`//${LOOPBACK}:${upstream.addr.port}/api/tasks`, `${own}/api/tasks`]) {
      await raw(port, line);
    }
    assert.equal(seen.length, 2);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

Deno.test("startGateway() ends a stream whose service is gone, so that its client comes again", async () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const upstream = `http://${LOOPBACK}:${listener.addr.port}`;
  const [port = 0] = freePorts(1);
  const server = await startGateway({
    ...{ port, hostname: LOOPBACK },
    targets: { api: upstream, realtime: upstream, assistant: upstream, web: upstream },
  });
  try {
    const answer = fetch(`http://${LOOPBACK}:${port}/api/stream`);
    {
      // As a killed process leaves it: the connection is closed in the middle of a chunked body.
      using connection = await listener.accept();
      await connection.read(new Uint8Array(10_000));
      await connection.write(
        new TextEncoder().encode(
          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        ),
      );
      assert.equal((await answer).status, 200);
    }
    await assert.rejects(async () => await (await answer).text());
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** The first line of the answer to a request with exactly this target. */
async function raw(port: number, target: string): Promise<string> {
  using connection = await Deno.connect({ hostname: LOOPBACK, port });
  await connection.write(
    new TextEncoder().encode(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`),
  );
  const buffer = new Uint8Array(100);
  const count = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}
