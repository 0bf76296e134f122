/** Starting and stopping, as it goes well and as it goes wrong: a clear sentence and exit code 1, never a stack. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { connect } from "../../services/shared/store/database.ts";
import { call, type Client } from "../support/client.ts";
import { foreignDatabase } from "../support/database.ts";
import { follow } from "../support/follow.ts";
import {
  freePort,
  inherited,
  openDatabase,
  readyPort,
  type RunningProcess,
  spawn,
  spawnService,
  startRondo,
  stopProcess,
  temporaryFolder,
  waitFor,
} from "../support/rondo.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a start that fails says: one sentence on standard error, exit code 1. */
async function refusal(child: RunningProcess): Promise<string> {
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const code = await child.ended;
  clearTimeout(timer);
  const { stderr } = child.output;
  assert.equal(code, 1, `it ended with ${code}: ${stderr}`);
  assert.match(stderr, /^[A-Z][^\n]{10,300}\n$/, "one line, a sentence");
  assert.doesNotMatch(stderr, /\n +at |file:\/\/|Error:/, "no stack");
  return stderr.trim();
}

const start = (env: Record<string, string>) =>
  refusal(spawnService("embedded", { env: { PORT: "0", ...env } }));

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("a first start makes everything, a second is quick and finds what was there", async () => {
  await using folder = temporaryFolder();
  let client: Client;
  let token: string;
  let port: number;
  {
    await using rondo = await startRondo({ dataDir: folder.path });
    console.log(`  first start ready in ${Math.round(rondo.readyMs)} ms`);
    assert.ok(rondo.readyMs < 45_000);
    client = await rondo.signUp();
    port = rondo.port;
    const made = await client.call("POST", "/api/tasks", { title: "Water the plants" });
    assert.equal(made.status, 201);
    token = (await client.call<{ token: string }>("GET", "/api/auth/token")).body.token;
    const page = await fetch(rondo.origin);
    assert.match(await page.text(), /<!doctype html>/i, "the application is served");
    assert.equal(await rondo.stop(), 0);
    assert.equal(rondo.output.stderr, "");
    assert.match(rondo.output.stdout, /^Rondo is running on http:\/\/localhost:\d+\nData: .*\n$/);
  }
  await using again = await startRondo({ dataDir: folder.path, port });
  console.log(`  second start ready in ${Math.round(again.readyMs)} ms`);
  assert.ok(again.readyMs < 20_000);
  const { status, body } = await client.call<{ items: { title: string }[] }>("GET", "/api/tasks");
  assert.deepEqual([status, body.items.map(({ title }) => title)], [200, ["Water the plants"]]);
  const byToken = await call(again.origin, "GET", "/api/me", undefined, { authorization: `Bearer ${token}` });
  assert.equal(byToken.status, 200, "a JWT of before the restart is still good");
  assert.equal((await sessions(folder.path)).tcp, 0, "PostgreSQL is reached by a socket of the data folder");
});

Deno.test("SIGTERM and SIGINT end open streams and running requests, PostgreSQL and the process", async () => {
  await using folder = temporaryFolder();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await using rondo = await startRondo({ dataDir: folder.path });
    const client = await rondo.signUp();
    await using first = follow(client, { retryMs: 60_000 });
    await using second = follow(client, { retryMs: 60_000 });
    await waitFor(() => first.open && second.open);
    const writes = Array.from(
      { length: 30 },
      (_, index) => client.call("POST", "/api/tasks", { title: `Task ${index}` }).catch(() => null),
    );
    await waitFor(() => first.events.length > 0);
    const asked = performance.now();
    rondo.kill(signal);
    assert.equal(await rondo.ended, 0, rondo.output.stderr);
    const took = performance.now() - asked;
    console.log(`  ${signal} ended it in ${Math.round(took)} ms`);
    assert.ok(took < 20_000, `${took} ms`);
    assert.equal(await exists(join(folder.path, "pg", "postmaster.pid")), false, "PostgreSQL is stopped");
    const acknowledged = (await Promise.all(writes)).filter((answer) => answer?.status === 201).length;
    await using again = await startRondo({ dataDir: folder.path, port: rondo.port });
    const { body } = await client.call<{ items: unknown[] }>("GET", "/api/tasks?limit=200");
    assert.ok(
      acknowledged > 0 && body.items.length >= acknowledged,
      `${body.items.length} of ${acknowledged}`,
    );
    assert.equal(await again.stop(), 0);
  }
});

Deno.test("PostgreSQL is reached by TCP where the data folder can't be named in a permission", async () => {
  await using folder = temporaryFolder();
  const dataDir = join(folder.path, "my data");
  await using rondo = await startRondo({ dataDir });
  const { own, tcp } = await sessions(dataDir);
  assert.ok(own > 0);
  assert.equal(tcp, own);
  assert.equal(await rondo.stop(), 0);
});

/** How many sessions Rondo has with its PostgreSQL, and how many of them by TCP. */
async function sessions(dataDir: string): Promise<{ own: number; tcp: number }> {
  await using admin = await openDatabase(dataDir);
  const [row] = await admin<{ own: number; tcp: number }[]>`
    select count(*) as own, count(client_addr) as tcp from pg_stat_activity
    where datname = 'rondo' and application_name <> 'test'`;
  assert.ok(row);
  return row;
}

Deno.test("a second SIGINT ends it at once, and the next start takes over what it left", async () => {
  await using folder = temporaryFolder();
  const rondo = await startRondo({ dataDir: folder.path });
  rondo.kill("SIGINT");
  rondo.kill("SIGINT");
  const code = await rondo.ended;
  assert.ok(code === 130 || code === 0, `it ended with ${code}`);
  await using again = await startRondo({ dataDir: folder.path });
  assert.equal(await again.stop(), 0);
});

Deno.test("a setting that can't be is named in one sentence", async () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ PORT: "http" }, /^PORT /],
    [{ PORT: "70000" }, /^PORT /],
    [{ LOG_LEVEL: "loud" }, /^LOG_LEVEL /],
    [{ DATABASE_URL: "mysql://localhost/rondo" }, /^DATABASE_URL .*postgres:\/\//],
    [{ PUBLIC_URL: "rondo.example" }, /^PUBLIC_URL /],
    [{ RONDO_SECRET: "short" }, /^RONDO_SECRET .*32/],
  ];
  for (const [env, sentence] of cases) {
    // The flags are made of the settings, so the task's first half already says what is wrong with them.
    const flags = spawn(["run", "-q", "-A", "services/permissions.ts", "embedded"], {
      ...inherited(),
      ...env,
    });
    assert.match(await refusal(flags), sentence);
    const program = spawn(["run", "-A", "services/embedded.ts"], { ...inherited(), ...env });
    assert.match(await refusal(program), sentence);
  }
});

Deno.test("a port in use, a folder in use and a folder that can't be written are said", async () => {
  await using folder = temporaryFolder();
  await using rondo = await startRondo({ dataDir: folder.path });
  await using other = temporaryFolder();
  assert.match(
    await start({ RONDO_DATA_DIR: other.path, PORT: String(rondo.port) }),
    new RegExp(`Port ${rondo.port} is in use.*PORT`),
  );
  assert.match(await start({ RONDO_DATA_DIR: folder.path }), /Another Rondo is running on .*RONDO_DATA_DIR/);
  const file = await Deno.makeTempFile();
  try {
    // Below a file and in /proc not even root may write.
    for (const path of [join(file, "data"), ...(Deno.build.os === "linux" ? ["/proc/rondo"] : [])]) {
      assert.match(await start({ RONDO_DATA_DIR: path }), /Cannot write to .*RONDO_DATA_DIR/);
    }
  } finally {
    await Deno.remove(file);
  }
  const { body } = await (await rondo.signUp()).call("GET", "/api/me");
  assert.equal(body.name, "Ada", "the one that runs is not disturbed");
});

Deno.test("DATABASE_URL: a database of one's own, without a superuser", async () => {
  await using database = await foreignDatabase();
  await using folder = temporaryFolder();
  const env = { DATABASE_URL: database.url };
  let client: Client;
  {
    await using rondo = await startRondo({ dataDir: folder.path, env });
    client = await rondo.signUp();
    const { status } = await client.call("POST", "/api/tasks", {
      title: "Pay rent",
      due: { date: "2027-01-31" },
      recurrence: "monthly",
    });
    assert.equal(status, 201);
    await using stream = follow(client);
    await waitFor(() => stream.lastId === 1);
    await waitFor(async () =>
      (await client.call<{ checked: number }>("GET", "/api/audit/verify")).body.checked === 1
    );
    assert.equal(await rondo.stop(), 0);
    assert.equal(await exists(join(folder.path, "pg")), false, "no PostgreSQL of its own");
    assert.equal(rondo.output.stderr, "");
  }
  await using again = await startRondo({
    dataDir: folder.path,
    env,
    port: Number(new URL(client.origin).port),
  });
  assert.equal((await client.call("GET", "/api/tasks")).status, 200, "the session is still good");
  await again.stop();

  const sql = connect({ url: database.url, name: "test", max: 1 });
  await sql`insert into tasks.schema_version (version, name, md5, run_at) values (999, 'later', '', now())`;
  await sql.end();
  assert.match(await start({ RONDO_DATA_DIR: folder.path, ...env }), /version 999 .*newer Rondo/);
});

Deno.test("DATABASE_URL that leads nowhere is said, without the password", async () => {
  await using database = await foreignDatabase();
  await using folder = temporaryFolder();
  const env = { RONDO_DATA_DIR: folder.path };
  const wrong = new URL(database.url);
  wrong.password = "not-the-password";
  const refused = await start({ ...env, DATABASE_URL: wrong.href });
  assert.match(refused, /Cannot use the database: password authentication failed/);
  assert.doesNotMatch(refused, /not-the-password/);
  const missing = new URL(database.url);
  missing.pathname = "/no_such_database";
  assert.match(
    await start({ ...env, DATABASE_URL: missing.href }),
    /Cannot use the database: .*no_such_database/,
  );
  const nobody = new URL(database.url);
  nobody.port = String(await freePort());
  assert.match(
    await start({ ...env, DATABASE_URL: nobody.href }),
    /Cannot use the database: nothing answers/,
  );
});

Deno.test("a checkout whose path holds a space works", async () => {
  const copy = join(tmpdir(), `rondo e2e ${crypto.randomUUID()}`, "my rondo");
  await Deno.mkdir(copy, { recursive: true });
  await using folder = temporaryFolder();
  const dataDir = `${folder.path} with space`;
  try {
    for (const name of ["services", "web", "deno.json", "deno.lock", "package.json", ".ci"]) {
      await copyTree(join(ROOT, name), join(copy, name));
    }
    await Deno.symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
    const env = { ...inherited(), RONDO_DATA_DIR: dataDir, PORT: "0" };
    const asked = spawn(["run", "-q", "-A", "services/permissions.ts", "embedded"], env, copy);
    assert.equal(await asked.ended, 0, asked.output.stderr);
    const flags = asked.output.stdout.trim().split(/ (?=--)/);
    const child = spawn(["run", ...flags, join(copy, "services", "embedded.ts")], env, copy);
    try {
      const origin = `http://localhost:${await readyPort(child)}`;
      assert.match(await (await fetch(origin)).text(), /<!doctype html>/i);
    } finally {
      assert.equal(await stopProcess(child), 0, child.output.stderr);
    }
  } finally {
    await Deno.remove(join(copy, ".."), { recursive: true });
    await Deno.remove(dataDir, { recursive: true }).catch(() => {});
  }
});

async function copyTree(from: string, to: string): Promise<void> {
  const { isDirectory, isSymlink } = await Deno.lstat(from);
  if (isSymlink) return;
  if (!isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    if (name !== "node_modules" && name !== "samples") await copyTree(join(from, name), join(to, name));
  }
}
