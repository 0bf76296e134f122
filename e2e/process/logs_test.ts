/** What Rondo writes: one JSON object a line, joined by correlation ids, and never a secret. */
import assert from "node:assert/strict";
import { call } from "../support/client.ts";
import { follow } from "../support/follow.ts";
import { freePort, startRondo, temporaryFolder, waitFor } from "../support/rondo.ts";

interface Line {
  time: string;
  level: string;
  service: string;
  message: string;
  correlationId: string;
  traceId: string;
}

function readLines(text: string): Line[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const entry = JSON.parse(line) as Line;
    assert.doesNotThrow(() => Temporal.Instant.from(entry.time), line);
    assert.match(entry.level, /^(debug|info|warn|error)$/, line);
    assert.ok(entry.service.length > 0 && entry.message.length > 0, line);
    assert.ok(entry.correlationId.length > 0, line);
    assert.match(entry.traceId, /^[0-9a-f]{32}$/, line);
    return entry;
  });
}

Deno.test("every line is one JSON object with time, level, service, message, correlation and trace id; none holds a secret", async () => {
  await using folder = temporaryFolder();
  const smtpPassword = `mail-${crypto.randomUUID()}`;
  // Nothing listens there: the failure to send is what is logged.
  const smtp = `smtp://ada:${smtpPassword}@127.0.0.1:${await freePort()}`;
  await using rondo = await startRondo({
    dataDir: folder.path,
    env: { LOG_LEVEL: "debug", SMTP_URL: smtp },
  });
  const client = await rondo.signUp();
  const { token } = (await client.call<{ token: string }>("GET", "/api/auth/token")).body;
  const key = await client.call<{ key: string }>("POST", "/api/keys", {
    name: "script",
    scopes: ["read", "write"],
  });
  assert.equal(key.status, 201, JSON.stringify(key.body));
  await client.call("PATCH", "/api/me", { preferences: { channels: { email: true } } });
  await using _stream = follow(client);
  const correlationId = crypto.randomUUID();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const now = Temporal.Now.instant();
  const made = await call(
    rondo.origin,
    "POST",
    "/api/tasks",
    {
      title: "Pay rent",
      due: { date: now.toString().slice(0, 10), time: "00:00", timeZone: "UTC" },
      recurrence: "daily",
      reminders: [{ at: now.toString() }],
    },
    { authorization: `Bearer ${key.body.key}` },
    {
      headers: { "x-correlation-id": correlationId, traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    },
  );
  assert.equal(made.status, 201);
  assert.equal(made.headers.get("x-correlation-id"), correlationId);
  // Calls that fail, each with a credential that a careless line would show.
  const badPassword = `bad-${crypto.randomUUID()}`;
  const refused = await call(rondo.origin, "POST", "/api/auth/sign-in/email", {
    email: client.email,
    password: badPassword,
  }, {});
  assert.equal(refused.status, 401);
  const badToken = `${token.slice(0, -6)}AAAAAA`;
  assert.equal(
    (await call(rondo.origin, "GET", "/api/me", undefined, { authorization: `Bearer ${badToken}` })).status,
    401,
  );
  const feed = await client.call<{ url: string }>("POST", "/api/feed");
  await (await fetch(feed.body.url)).body?.cancel();
  await waitFor(
    async () => (await client.call<{ unread: number }>("GET", "/api/notifications")).body.unread === 1,
    20_000,
  );
  const consumers = ["recurrence", "reminders", "notifications", "audit"];
  const heard = () =>
    new Set(
      readLines(rondo.output.stderr.slice(0, rondo.output.stderr.lastIndexOf("\n") + 1))
        .filter((line) => line.correlationId === correlationId).map(({ service }) => service),
    );
  await waitFor(() => consumers.every((name) => heard().has(name)), 15_000)
    .catch(() => assert.fail(`the correlation id shows up at ${[...heard()].join(", ")} only`));
  assert.equal(await rondo.stop(), 0);

  const lines = readLines(rondo.output.stderr);
  // A reminder fires by itself, maybe weeks later: what follows from it is in a trace of its own.
  const traced = new Set(
    lines.filter((line) => line.correlationId === correlationId && line.traceId === traceId)
      .map(({ service }) => service),
  );
  for (const name of ["recurrence", "reminders", "audit"]) {
    assert.ok(traced.has(name), `${name} is in the trace`);
  }
  const all = rondo.output.stdout + rondo.output.stderr;
  const databasePassword = await Deno.readTextFile(`${folder.path}/pg.password`);
  const secret = await Deno.readTextFile(`${folder.path}/secret`);
  const session = client.cookie.split("=")[1] ?? "";
  const secrets = {
    ...{ password: client.password, badPassword, session, token, badToken, apiKey: key.body.key },
    ...{
      smtpPassword,
      databasePassword,
      secret,
      feed: feed.body.url.split("/").at(-1)?.replace(".ics", "") ?? "",
    },
  };
  for (const [name, value] of Object.entries(secrets)) {
    assert.ok(value.length > 8, `${name} is known`);
    const at = all.indexOf(value);
    assert.equal(at, -1, `${name} in a line: ${all.slice(Math.max(0, at - 200), at)}…`);
  }
});
