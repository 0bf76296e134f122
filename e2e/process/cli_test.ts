/** The command line, as a process with its own permissions, against a real Rondo. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cliFlags } from "../../services/cli/permissions.ts";
import { inherited, signUp, startRondo, waitFor } from "../support/rondo.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The command with a settings file of its own. */
async function setUp() {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "rondo", "cli.json");
  const start = (args: string[], settings: Record<string, string>) => {
    const env = { ...inherited(), RONDO_CONFIG: file, NO_COLOR: "1", ...settings };
    return new Deno.Command(Deno.execPath(), {
      args: ["run", ...cliFlags(env), "services/cli/main.ts", ...args],
      cwd: ROOT,
      env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  };
  return {
    file,
    start,
    async run(
      args: string[],
      { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
    ) {
      const child = start(args, env);
      const writer = child.stdin.getWriter();
      // A command that reads nothing may have ended before.
      await writer.write(new TextEncoder().encode(input)).catch(() => {});
      await writer.close().catch(() => {});
      const { code, stdout, stderr } = await child.output();
      const decoder = new TextDecoder();
      return { code, out: decoder.decode(stdout).trimEnd(), error: decoder.decode(stderr).trimEnd() };
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

Deno.test("rondo signs in, adds, lists, completes, undoes, imports, exports and watches", async () => {
  await using rondo = await startRondo();
  await using cli = await setUp();
  const user = await signUp(rondo.origin);
  const { body: { key } } = await user.call<{ key: string }>("POST", "/api/keys", { name: "shell" });
  const env = { RONDO_SERVER: rondo.origin };

  const early = await cli.run(["list"], { env });
  assert.deepEqual([early.code, early.out], [3, ""]);
  assert.match(early.error, /^rondo: Nobody is signed in to /);
  const login = await cli.run(["login"], { env, input: `${key}\n` });
  assert.deepEqual(
    [login.code, login.out],
    [0, `Signed in to ${rondo.origin} as ${user.email}`],
    login.error,
  );
  assert.equal(((await Deno.stat(cli.file)).mode ?? 0) & 0o777, 0o600);

  // From here on the file alone says where and who.
  const added = await cli.run(["add", "Pay rent", "tomorrow 9am #home !high @Money every month"]);
  assert.equal(added.code, 0, added.error);
  assert.match(added.out, /^Added [0-9a-f]{6} {2}Pay rent {2}tomorrow 09:00 {2}↻ {2}! {2}#home$/);
  // A title may hold what a terminal would obey.
  await user.call("POST", "/api/tasks", { title: "Ring the \u0007bell\u001b[2J" });
  const rung = await cli.run(["done", "Ring the"]);
  assert.equal(rung.out, "Completed Ring the  bell [2J");
  const json = await cli.run(["add", "--json", "Water the plants"]);
  const plants = JSON.parse(json.out);
  assert.equal(plants.title, "Water the plants");
  const lists = await user.call<{ items: { name: string }[] }>("GET", "/api/lists");
  assert.deepEqual(lists.body.items.map(({ name }) => name), ["Inbox", "Money"]);

  const all = await cli.run(["list"]);
  assert.deepEqual(all.out.split("\n").map((line) => line.split("  ")[1]), ["Pay rent", "Water the plants"]);
  const money = JSON.parse((await cli.run(["list", "--json", "--list", "money", "--tag", "home"])).out);
  assert.deepEqual(money.map(({ title }: { title: string }) => title), ["Pay rent"]);

  const watching = cli.start(["watch", "--json"], {});
  let seen = "";
  const reading = (async () => {
    for await (const text of watching.stdout.pipeThrough(new TextDecoderStream())) seen += text;
  })();
  const words = cli.start(["watch"], {});
  let told = "";
  const listening = (async () => {
    for await (const text of words.stdout.pipeThrough(new TextDecoderStream())) told += text;
  })();
  await waitFor(() => told.startsWith("Watching"));

  const completed = await cli.run(["done", plants.id.slice(-6)]);
  assert.deepEqual([completed.code, completed.out], [0, "Completed Water the plants"], completed.error);
  await waitFor(() => told.includes("task.completed  Water the plants"));
  const undone = await cli.run(["undo"]);
  assert.deepEqual([undone.code, undone.out], [0, "Undone: completed Water the plants"], undone.error);
  const open = JSON.parse((await cli.run(["list", "--json", "--search", "plants"])).out);
  assert.equal(open[0].status, "open");
  await waitFor(() => seen.split("\n").some((line) => line.includes('"task.reopened.v1"')));
  for (const child of [watching, words]) {
    child.kill("SIGINT");
    await child.stdin.close();
  }
  await Promise.all([reading, listening]);
  for (const child of [watching, words]) {
    assert.equal((await child.status).code, 0);
    await child.stderr.cancel();
  }
  for (const line of seen.trimEnd().split("\n")) JSON.parse(line);

  const imported = await cli.run(["import", "--format", "todotxt"], { input: "Call mum @phone\nBuy milk\n" });
  assert.deepEqual([imported.code, imported.out], [0, "Imported 2, skipped 0"], imported.error);
  const exported = await cli.run(["export", "--format", "todotxt"]);
  assert.match(exported.out, /Buy milk/);
  assert.ok(Array.isArray(JSON.parse((await cli.run(["export"])).out).tasks));
  const several = await cli.run(["done", "l"]);
  assert.equal(several.code, 4);
  assert.match(several.error, /^rondo: l is more than one task: /);
  assert.deepEqual((await cli.run(["done", "buy milk", "nothing of the kind"])).code, 4);
  const still = await user.call<{ items: { title: string }[] }>("GET", "/api/tasks");
  assert.ok(still.body.items.some(({ title }) => title === "Buy milk"), "all are found or none is completed");

  const keys = await user.call<{ items: { lastUsedAt: string | null }[] }>("GET", "/api/keys");
  assert.notEqual(keys.body.items[0]?.lastUsedAt, null, "a key's last use is shown");

  // What it must not do, and how it says so.
  const readOnly = await user.call<{ key: string }>("POST", "/api/keys", {
    name: "reader",
    scopes: ["read"],
  });
  const refused = await cli.run(["add", "x"], { env: { RONDO_API_KEY: readOnly.body.key } });
  assert.deepEqual([refused.code, refused.error], [
    3,
    "rondo: This API key may not write: make one with the scope write",
  ]);
  assert.equal((await cli.run(["list"], { env: { RONDO_API_KEY: "rondo_wrong" } })).code, 3);
  assert.equal((await cli.run(["fly"])).code, 2);
  assert.equal((await cli.run(["list", "--colour"])).code, 2);
  assert.equal((await cli.run(["add", "#home"])).code, 2);
  const help = await cli.run(["--help"]);
  assert.deepEqual([help.code, help.out.split("\n")[0]], [0, "rondo: tasks from the command line"]);
  // The key that was kept is for its own server: another one is not shown it.
  const elsewhere = await cli.run(["list"], { env: { RONDO_SERVER: "http://127.0.0.1:9" } });
  assert.equal(elsewhere.code, 3);
  const away = await cli.run(["list"], { env: { RONDO_SERVER: "http://127.0.0.1:9", RONDO_API_KEY: key } });
  assert.equal(away.code, 5);
});

Deno.test("rondo completes all or none, shows a title in one line, and ends with its reader", async () => {
  await using rondo = await startRondo();
  await using cli = await setUp();
  const user = await signUp(rondo.origin);
  const { body: { key } } = await user.call<{ key: string }>("POST", "/api/keys", { name: "shell" });
  const env = { RONDO_SERVER: rondo.origin, RONDO_API_KEY: key };

  const make = async (title: string) =>
    (await user.call<{ id: string }>("POST", "/api/tasks", { title })).body.id;
  await make("Milk");
  const trashed = await make("Bread");
  await user.call("DELETE", `/api/tasks/${trashed}`);
  const refused = await cli.run(["done", "Milk", trashed], { env });
  assert.deepEqual([refused.code, refused.out], [1, ""]);
  assert.match((await cli.run(["list"], { env })).out, /Milk/);
  await make("Eggs\ntask.deleted  Everything");
  const done = await cli.run(["done", "Milk", "milk", "eggs"], { env });
  assert.equal(done.out, "Completed Milk\nCompleted Eggs task.deleted  Everything", done.error);
  assert.equal((await cli.run(["undo"], { env })).code, 0);
  assert.equal((await cli.run(["list"], { env })).out.split("\n").length, 2, "they are undone together");

  const watching = cli.start(["watch"], env);
  const reader = watching.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? "", /^Watching/);
  await make("Flour\ntask.deleted  Everything");
  assert.equal((await reader.read()).value, "task.created  Flour task.deleted  Everything\n");
  await reader.cancel();
  const writing = new AbortController();
  const ended = watching.status.finally(() => writing.abort());
  // It notices when it next writes.
  await waitFor(async () => {
    await make("Sugar");
    return writing.signal.aborted;
  });
  assert.equal((await ended).code, 0);
  await watching.stdin.close();
  await watching.stderr.cancel();
});

Deno.test("rondo says in one sentence what is wrong with its settings and with what answers", async () => {
  await using cli = await setUp();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => Response.json({ hello: "world" }),
  );
  const stranger = { RONDO_SERVER: `http://127.0.0.1:${server.addr.port}`, RONDO_API_KEY: "rondo_key" };
  const cases: [number, RegExp, Record<string, string>][] = [
    [1, /does not answer as Rondo does/, stranger],
    [2, /RONDO_SERVER must be an address/, { RONDO_SERVER: "ftp://somewhere" }],
    [2, /RONDO_CONFIG must name a file without/, { RONDO_CONFIG: "/nowhere/my settings/cli.json" }],
    [3, /holds a character that no key has/, { ...stranger, RONDO_API_KEY: "rondo_“key”" }],
  ];
  for (const [code, says, env] of cases) {
    const { code: ended, error } = await cli.run(["list"], { env });
    assert.deepEqual([ended, error.split("\n").length], [code, 1], error);
    assert.match(error, says);
  }
  await Deno.mkdir(join(cli.file, ".."), { recursive: true });
  await Deno.writeTextFile(cli.file, "{");
  assert.match((await cli.run(["list"])).error, /holds no settings/);
});
