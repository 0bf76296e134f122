import assert from "node:assert/strict";
import { generateKeyPair, SignJWT } from "jose";
import { createApi } from "./app.ts";
import { createLimiter, DEFAULT_RATE_LIMITS } from "./auth.ts";
import { SECURITY_HEADERS } from "../shared/http/security.ts";
import { TEST_ORIGIN, testApi, type TestClient } from "../shared/testing/api.ts";
import { connect } from "../shared/store/database.ts";
import { systemClock } from "../shared/domain/time.ts";
import { createLog } from "../shared/telemetry/log.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";

const origin = { headers: { origin: TEST_ORIGIN } };

async function keyOf(client: TestClient, scopes: string[]) {
  const made = await client.call("POST", "/api/keys", { name: "test", scopes });
  assert.equal(made.status, 201, made.text);
  return made.body;
}

Deno.test("sign-in, sign-out: a session ends at once, its cookie is out of scripts' reach", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const wrong = await api.guest.call("POST", "/api/auth/sign-in/email", {
    email: ada.email,
    password: "wrong horse",
  });
  assert.equal(wrong.status, 401);
  const answer = await api.guest.call("POST", "/api/auth/sign-in/email", {
    email: ada.email,
    password: "correct horse",
  });
  assert.equal(answer.status, 200);
  const cookies = answer.headers.getSetCookie();
  assert.ok(cookies.length > 0);
  for (const cookie of cookies) assert.match(cookie, /; HttpOnly; SameSite=Lax/i);
  assert.equal((await ada.call("GET", "/api/me")).status, 200);
  assert.equal((await ada.call("POST", "/api/auth/sign-out", {}, origin)).status, 200);
  assert.equal((await ada.call("GET", "/api/me")).status, 401);
  const twice = await api.guest.call("POST", "/api/auth/sign-up/email", {
    name: "Ada",
    email: ada.email,
    password: "correct horse",
  });
  assert.equal(twice.status, 422);
});

Deno.test("API keys: scopes, last use, revoked at once, no key for keys", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const [reader, writer] = [await keyOf(ada, ["read"]), await keyOf(ada, ["write"])];
  const [asReader, asWriter] = [api.bearer(reader.key), api.bearer(writer.key)];
  assert.equal((await asReader.call("GET", "/api/tasks")).status, 200);
  assert.equal((await asReader.call("POST", "/api/tasks", { title: "a" })).status, 403);
  assert.equal((await asWriter.call("GET", "/api/tasks")).status, 403);
  assert.equal((await asWriter.call("POST", "/api/tasks", { title: "a" })).status, 201);
  const { changes } = (await ada.call("GET", "/api/changes?since=0")).body;
  assert.deepEqual(changes[0].actor, { kind: "api-key", id: writer.id });
  for (const client of [asReader, asWriter]) {
    assert.equal((await client.call("GET", "/api/keys")).status, 403);
    assert.equal((await client.call("POST", "/api/keys", { name: "x" })).status, 403);
    assert.equal((await client.call("DELETE", `/api/keys/${reader.id}`)).status, 403);
    assert.equal((await client.call("GET", "/api/auth/token")).status, 401);
  }
  const { items } = (await ada.call("GET", "/api/keys")).body;
  assert.equal(items.length, 2);
  assert.ok(items.every(({ lastUsedAt }: { lastUsedAt: string | null }) => lastUsedAt !== null));
  assert.ok(items.every((item: object) => !("key" in item)), "a key is shown once");
  assert.equal((await ada.call("POST", "/api/auth/api-key/create", { name: "x" }, origin)).status, 404);
  assert.equal((await ada.call("DELETE", `/api/keys/${reader.id}`)).status, 200);
  assert.equal((await asReader.call("GET", "/api/tasks")).status, 401);
});

Deno.test("JWT: one of /api/auth/token is good, an expired, forged or otherwise signed one is not", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const { token } = (await ada.call("GET", "/api/auth/token")).body;
  assert.equal((await api.bearer(token).call("GET", "/api/me")).body.id, ada.userId);
  const { keys } = (await api.guest.call("GET", "/api/auth/jwks")).body;
  assert.ok(keys.length > 0 && keys.every((key: object) => !("d" in key)));
  const [, payload = ""] = token.split(".");
  const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  assert.equal(claims.exp - claims.iat, 900);
  const { privateKey } = await generateKeyPair("EdDSA");
  const sign = (alg: string, key: CryptoKey | Uint8Array, extra: object = {}) =>
    new SignJWT({ ...claims, ...extra }).setProtectedHeader({ alg, kid: keys[0].kid }).sign(key);
  const none = `${btoa('{"alg":"none"}').replaceAll("=", "")}.${payload}.`;
  const bad = [
    await sign("EdDSA", privateKey),
    await sign("HS256", new TextEncoder().encode(JSON.stringify(keys[0]))),
    await sign("HS256", new TextEncoder().encode(keys[0].x)),
    none,
    `${token.slice(0, -4)}AAAA`,
    token.replace(payload, btoa(JSON.stringify({ ...claims, sub: crypto.randomUUID() })).replaceAll("=", "")),
    "x.y.z",
  ];
  for (const each of bad) assert.equal((await api.bearer(each).call("GET", "/api/me")).status, 401, each);
  const basic = await ada.call("GET", "/api/me", undefined, { headers: { authorization: "Basic YTpi" } });
  assert.equal(basic.status, 401, "a bad credential is not replaced by a good cookie");
});

Deno.test("sessions, tokens and keys survive a restart of the api", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const { token } = (await ada.call("GET", "/api/auth/token")).body;
  const { key } = await keyOf(ada, ["read"]);
  const accountsSql = connect({
    url: api.database.url,
    role: "rondo_api",
    name: "test-again",
    searchPath: "accounts",
    nativeTypes: true,
  });
  const again = createApi({
    sql: api.database.connect("rondo_api"),
    runtime: api.hub.runtime("api"),
    log: createLog({ service: "api", level: "error" }),
    metrics: createMetrics(),
    clock: systemClock,
    accountsSql,
    secret: "test-secret-test-secret-test-secret-test",
    publicUrl: TEST_ORIGIN,
  });
  const credentials: Record<string, string>[] = [
    { cookie: ada.cookie },
    { authorization: `Bearer ${token}` },
    { authorization: `Bearer ${key}` },
  ];
  for (const headers of credentials) {
    const answer = await again.fetch(new Request(`${TEST_ORIGIN}/api/me`, { headers }));
    assert.equal(answer.status, 200);
    assert.equal((await answer.json()).id, ada.userId);
  }
  await accountsSql.end({ timeout: 5 });
});

Deno.test("rate limits: the 21st sign-in of an address in a minute, the 201st call in a second", async () => {
  await using api = await testApi({ rateLimits: {} });
  const ada = await api.signUp();
  const attempt = () =>
    api.guest.call("POST", "/api/auth/sign-in/email", {
      email: "nobody@example.com",
      password: "wrong horse",
    });
  // The sign-up was the first.
  for (let n = 2; n <= 20; n++) assert.equal((await attempt()).status, 401, `attempt ${n}`);
  const last = await attempt();
  assert.equal(last.status, 429);
  const wait = Number(last.headers.get("retry-after"));
  assert.ok(wait >= 1 && wait <= 60, String(wait));
  const calls = await Promise.all(Array.from({ length: 201 }, () => ada.call("GET", "/api/nothing")));
  assert.ok(calls.every(({ status }) => status === 404), "an address that is none costs nothing");
  const limiter = createLimiter({ ...DEFAULT_RATE_LIMITS });
  await Promise.all(Array.from({ length: 200 }, () => limiter.call("ada")));
  await limiter.call("eve");
  await assert.rejects(limiter.call("ada"), { status: 429 });
});

Deno.test("rate limits: a password is tried no more often with a session than without", async () => {
  await using api = await testApi({ rateLimits: { signInPerMinute: 5 } });
  const ada = await api.signUp();
  const wrong = {
    "verify-password": { password: "x" },
    "change-password": { currentPassword: "x", newPassword: "y" },
  };
  const tries = Object.entries(wrong).flatMap(([path, body]) =>
    [1, 2].map(() => () => ada.call("POST", `/api/auth/${path}`, body, origin))
  );
  // The sign-up was the first.
  for (const attempt of tries) assert.notEqual((await attempt()).status, 429);
  for (const attempt of tries) {
    const refused = await attempt();
    assert.equal(refused.status, 429, refused.text);
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  }
  assert.equal(
    (await ada.call("POST", "/api/auth/sign-out", {}, origin)).status,
    200,
    "no password, no limit",
  );
});

Deno.test("a write by cookie from a page of another site is refused; a bearer's is not", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const { token } = (await ada.call("GET", "/api/auth/token")).body;
  const write = (client: TestClient, headers: Record<string, string>) =>
    client.call("POST", "/api/tasks", { title: "a" }, { headers });
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.test" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site", origin: "http://other.rondo.test" },
  ];
  for (const headers of foreign) {
    assert.equal((await write(ada, headers)).status, 403, JSON.stringify(headers));
    assert.equal((await write(api.bearer(token), headers)).status, 201);
  }
  assert.equal((await write(ada, { origin: TEST_ORIGIN, "sec-fetch-site": "same-origin" })).status, 201);
  assert.equal((await write(ada, {})).status, 201);
  const out = await ada.call("POST", "/api/auth/sign-out", {}, { headers: { origin: "https://evil.test" } });
  assert.equal(out.status, 403);
  assert.equal((await ada.call("GET", "/api/me")).status, 200);
});

Deno.test("a write is taken from a page of PUBLIC_URL when a proxy has changed Host", async () => {
  await using api = await testApi({ publicUrl: "https://todo.example" });
  const body = JSON.stringify({ name: "Ada", email: "ada@example.com", password: "correct horse" });
  const signUp = (origin: string) =>
    api.service.fetch(
      new Request("http://127.0.0.1:8080/api/auth/sign-up/email", {
        method: "POST",
        headers: { "content-type": "application/json", host: "api.internal:3001", origin },
        body,
      }),
      { address: "127.0.0.1" },
    );
  for (const origin of ["http://todo.example", "https://todo.example:444", "https://evil.example"]) {
    assert.equal((await signUp(origin)).status, 403, origin);
  }
  const made = await signUp("https://todo.example");
  assert.equal(made.status, 200);
  const cookie = made.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  const write = await api.guest.call("POST", "/api/tasks", { title: "a" }, {
    headers: { cookie, origin: "https://todo.example" },
  });
  assert.equal(write.status, 201, write.text);
});

Deno.test("accounts that can't be read are 503 with their cause in the log, not a wrong credential", async () => {
  await using api = await testApi();
  const [ada, eve] = [await api.signUp(), await api.signUp()];
  const { key } = await keyOf(ada, ["read"]);
  const { token } = (await ada.call("GET", "/api/auth/token")).body;
  await api.admin`revoke all on all tables in schema accounts from rondo_api`;
  const credentials = { email: ada.email, password: "correct horse" };
  const answers = [
    // Not seen yet: a credential that was good is trusted for some seconds.
    await eve.call("GET", "/api/me"),
    await api.bearer(key).call("GET", "/api/me"),
    await api.bearer(token).call("GET", "/api/me"),
    await api.guest.call("POST", "/api/auth/sign-in/email", credentials),
    await api.guest.call("POST", "/api/auth/sign-up/email", { ...credentials, name: "A", email: "a@b.test" }),
    await ada.call("POST", "/api/auth/sign-out", {}, origin),
    await ada.call("GET", "/api/auth/token"),
  ];
  for (const { status, text, headers } of answers) {
    assert.equal(status, 503, text);
    assert.ok(headers.get("retry-after"));
    const line = api.logs.find((each) => each.includes(headers.get("x-correlation-id") ?? "?"));
    assert.match(line ?? "", /permission denied for table/);
  }
  await api.admin`grant select, insert, update, delete on all tables in schema accounts to rondo_api`;
  assert.equal((await ada.call("GET", "/api/me")).status, 200, "the session did not end");
  for (const secret of [key, token, "correct horse"]) {
    assert.ok(!api.logs.some((line) => line.includes(secret)));
  }
});

Deno.test("guesses at keys and tokens are limited by address; cookies and what is trusted are not", async () => {
  await using api = await testApi({ rateLimits: { failuresPerMinute: 3 } });
  const ada = await api.signUp();
  const { key } = await keyOf(ada, ["read"]);
  assert.equal((await api.bearer(key).call("GET", "/api/me")).status, 200);
  for (const guess of ["rondo_wrong", "x.y.z", "rondo_other"]) {
    assert.equal((await api.bearer(guess).call("GET", "/api/me")).status, 401);
  }
  const refused = await api.bearer("rondo_again").call("GET", "/api/me");
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  assert.equal((await ada.call("GET", "/api/me")).status, 200);
  assert.equal((await api.bearer(key).call("GET", "/api/me")).status, 200);
  const elsewhere = await api.service.fetch(
    new Request(`${TEST_ORIGIN}/api/me`, { headers: { authorization: "Bearer rondo_wrong" } }),
    { address: "127.0.0.2" },
  );
  assert.equal(elsewhere.status, 401);
});

Deno.test("every answer carries the security headers, and the log no secret", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const { token } = (await ada.call("GET", "/api/auth/token")).body;
  const { key } = await keyOf(ada, ["read", "write"]);
  const feed = (await ada.call("POST", "/api/feed")).body.url;
  const answers = await Promise.all([
    ada.call("GET", "/api/me"),
    ada.call("POST", "/api/tasks", "{"),
    api.guest.call("GET", "/api/me"),
    api.guest.call("GET", "/api/nothing"),
    api.guest.call("GET", "/api/docs"),
    api.guest.call("GET", "/health"),
    api.guest.call("GET", new URL(feed).pathname),
    api.bearer(key).call("GET", "/api/audit"),
    api.bearer(token).call("GET", "/api/me"),
    api.bearer(`${key}x`).call("GET", "/api/me"),
    api.guest.call("POST", "/api/auth/sign-in/email", { email: ada.email, password: "wrong horse" }),
    api.guest.call("POST", "/internal/occurrences", {}),
  ]);
  for (const { headers, status } of answers) {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      assert.equal(headers.get(name), value, `${status}`);
    }
  }
  assert.equal(answers.at(-1)?.status, 403, "internal routes are nobody else's");
  const secrets = [
    ada.cookie.split("=")[1] ?? "?",
    token,
    key,
    "correct horse",
    "wrong horse",
    feed.split("/").at(-1),
  ];
  for (const secret of secrets) assert.ok(!api.logs.some((line) => line.includes(secret)), secret);
});
