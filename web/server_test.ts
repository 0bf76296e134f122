import assert from "node:assert/strict";
import { createStaticHandler } from "./server.ts";

/** A small build in a folder of its own, beside a file that must stay out of reach. */
async function withDist(
  run: (handle: (request: Request) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const dist = `${folder}/dist`;
    await Deno.mkdir(`${dist}/assets`, { recursive: true });
    await Deno.writeTextFile(`${folder}/secret.html`, "secret");
    await Deno.writeTextFile(`${dist}/index.html`, "<!doctype html><title>Rondo</title>");
    await Deno.writeTextFile(`${dist}/build.json`, "{}");
    await Deno.writeTextFile(`${dist}/assets/main-abc.js`, "plain");
    await Deno.writeTextFile(`${dist}/assets/main-abc.js.br`, "brotli");
    await Deno.writeTextFile(`${dist}/assets/main-abc.js.gz`, "gzip");
    await Deno.writeTextFile(`${dist}/assets/font.woff2`, "font");
    await run(createStaticHandler({ dist }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const request = (path: string, init?: RequestInit) => new Request(`http://localhost${path}`, init);

Deno.test("createStaticHandler() serves assets for ever, in the best coding that is accepted", () =>
  withDist(async (handle) => {
    const cases: [string | null, string, string | null][] = [
      ["gzip, deflate, br", "brotli", "br"],
      ["gzip", "gzip", "gzip"],
      ["br;q=0, gzip;q=0.5", "gzip", "gzip"],
      ["*", "brotli", "br"],
      ["identity", "plain", null],
      [null, "plain", null],
    ];
    for (const [accept, body, coding] of cases) {
      const response = await handle(
        request("/assets/main-abc.js", accept === null ? {} : { headers: { "accept-encoding": accept } }),
      );
      assert.equal(response.status, 200);
      assert.equal(await response.text(), body);
      assert.equal(response.headers.get("content-encoding"), coding);
      assert.equal(response.headers.get("content-length"), String(body.length));
      assert.equal(response.headers.get("vary"), "accept-encoding");
      assert.match(response.headers.get("cache-control") ?? "", /immutable/);
      assert.match(response.headers.get("content-type") ?? "", /^text\/javascript/);
    }
    const font = await handle(request("/assets/font.woff2", { headers: { "accept-encoding": "br" } }));
    assert.equal(font.headers.get("content-encoding"), null);
    assert.equal(font.headers.get("content-type"), "font/woff2");
    await font.body?.cancel();
  }));

Deno.test("createStaticHandler() gives the page for every path that is no file", () =>
  withDist(async (handle) => {
    for (const path of ["/", "/inbox", "/list/123?task=4", "/a/b/c", "/index.html"]) {
      const response = await handle(request(path));
      assert.equal(response.status, 200, path);
      assert.match(await response.text(), /<title>Rondo/);
      assert.equal(response.headers.get("cache-control"), "no-cache");
      assert.match(response.headers.get("content-security-policy") ?? "", /script-src 'self'/);
      assert.doesNotMatch(response.headers.get("content-security-policy") ?? "", /unsafe/);
    }
  }));

Deno.test("createStaticHandler() does not leave its folder", () =>
  withDist(async (handle) => {
    const paths = [
      "/assets/missing.js",
      "/assets/..%2findex.html",
      "/assets/%2e%2e%2f%2e%2e%2fsecret.html",
      "/assets/..%5c..%5csecret.html",
      "/assets/",
    ];
    for (const path of paths) {
      const response = await handle(request(path));
      assert.equal(response.status, 404, path);
      assert.doesNotMatch(await response.text(), /secret/);
    }
    for (const path of ["/..%2fsecret.html", "/../secret.html", "/build.json"]) {
      const response = await handle(request(path));
      assert.match(await response.text(), /<title>Rondo/, path);
    }
    const malformed = await handle(request("/%ff"));
    assert.equal(malformed.status, 400);
    await malformed.body?.cancel();
  }));

Deno.test("createStaticHandler() answers 304 to a known ETag, and tells codings apart", () =>
  withDist(async (handle) => {
    const br = await handle(request("/assets/main-abc.js", { headers: { "accept-encoding": "br" } }));
    const identity = await handle(request("/assets/main-abc.js"));
    const etag = br.headers.get("etag") ?? "";
    assert.notEqual(etag, identity.headers.get("etag"));
    await Promise.all([br.body?.cancel(), identity.body?.cancel()]);
    const again = await handle(
      request("/assets/main-abc.js", {
        headers: { "accept-encoding": "br", "if-none-match": `"x", W/${etag}` },
      }),
    );
    assert.equal(again.status, 304);
    assert.equal(again.body, null);
  }));

Deno.test("createStaticHandler() answers HEAD without a body and refuses other methods", () =>
  withDist(async (handle) => {
    const head = await handle(request("/inbox", { method: "HEAD" }));
    assert.equal(head.status, 200);
    assert.equal(await head.text(), "");
    assert.notEqual(head.headers.get("content-length"), "0");
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const response = await handle(request("/inbox", { method }));
      assert.equal(response.status, 405, method);
      assert.equal(response.headers.get("allow"), "GET, HEAD");
      await response.body?.cancel();
    }
  }));

Deno.test("createStaticHandler() says 503 while there is no build, and recovers", async () => {
  const dist = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${dist}/assets`);
    const empty = await createStaticHandler({ dist })(request("/"));
    assert.equal(empty.status, 503);
    await empty.body?.cancel();
  } finally {
    await Deno.remove(dist, { recursive: true });
  }
});
