import assert from "node:assert/strict";
import expected from "../shared/domain/formats/samples/expected.json" with { type: "json" };
import { TEST_ORIGIN, testApi } from "../shared/testing/api.ts";

const SAMPLES = new URL("../shared/domain/formats/samples/", import.meta.url);
const FILES = [
  { file: "todo.txt", format: "todotxt", type: "text/plain" },
  { file: "todoist.csv", format: "todoist-csv", type: "text/csv" },
  { file: "tasks.ics", format: "ical", type: "text/calendar" },
] as const;

Deno.test("POST /api/import takes the samples as their generator counted, raw and as a form, with one cause", async () => {
  const now = Temporal.Instant.from("2026-10-14T08:00:00Z");
  await using api = await testApi({ clock: { now: () => now } });
  for (const { file, format, type } of FILES) {
    const ada = await api.signUp();
    await ada.call("PATCH", "/api/me", { timeZone: "Europe/Berlin" });
    const text = await Deno.readTextFile(new URL(file, SAMPLES));
    const { imported, skipped, problemLines } = expected[file];
    const form = new FormData();
    form.set("file", new File([text], file, { type }));
    const multipart = new Response(form);
    const sent = format === "todotxt" ? { body: text, type } : {
      body: await multipart.text(),
      type: multipart.headers.get("content-type") ?? "",
    };
    const answer = await ada.call("POST", `/api/import?format=${format}`, sent.body, {
      headers: { "content-type": sent.type },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(
      { ...answer.body, problems: answer.body.problems.map(({ line }: { line: number }) => line) },
      { imported, skipped, problems: problemLines },
    );
    const [row] = await api.admin`
      select count(distinct causation_id)::int as causes, count(distinct entity_id)::int as things
      from tasks.changes where user_id = ${ada.userId} and type <> 'profile.updated.v1'`;
    assert.equal(row?.causes, 1);
    for (
      const [as, pattern] of [["json", /"tasks"/], ["todotxt", /\n/], ["ical", /^BEGIN:VCALENDAR/]] as const
    ) {
      const out = await ada.call("GET", `/api/export?format=${as}`);
      assert.equal(out.status, 200);
      assert.match(out.text, pattern);
      assert.match(out.headers.get("content-disposition") ?? "", /^attachment; filename="/);
      if (as === "json") assert.equal(out.body.tasks.length, imported);
    }
  }
});

Deno.test("POST /api/import lists 1,000 problems at most, and reads a large file beside other calls", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const bad = `${"x".repeat(501)}\n`.repeat(1_500);
  const importing = ada.call("POST", "/api/import?format=todotxt", bad, {
    headers: { "content-type": "text/plain" },
  });
  assert.equal((await ada.call("GET", "/api/me")).status, 200);
  const { body } = await importing;
  assert.deepEqual([body.imported, body.skipped, body.problems.length], [0, 1_500, 1_001]);
  assert.match(body.problems[1_000].message, /^500 more problems/);
  assert.equal(body.problems[1_000].line, 1_001);
  const empty = await ada.call("POST", "/api/import?format=ical", "--x\r\n--x--", {
    headers: { "content-type": "multipart/form-data; boundary=x" },
  });
  assert.equal(empty.status, 422);
});

Deno.test("POST /api/import makes 500 lists at most: tasks of further ones are in the Inbox, and their line is named", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  await ada.call("POST", "/api/lists", { name: "P7" });
  const text = Array.from({ length: 503 }, (_, n) => `Task ${n} list:P${n}\n`).join("") + "Again list:P502\n";
  const { body } = await ada.call("POST", "/api/import?format=todotxt", text, {
    headers: { "content-type": "text/plain" },
  });
  assert.equal(body.imported, 504);
  assert.deepEqual(body.problems.map(({ line }: { line: number }) => line), [502, 503]);
  assert.match(body.problems[1].message, /"P502" was not made/);
  const { items } = (await ada.call("GET", "/api/lists")).body;
  assert.equal(items.length, 502, "the Inbox, P7 and 500 new ones");
  assert.equal(items[0].open, 3);
  assert.ok(items.slice(1).every(({ open }: { open: number }) => open === 1));
});

Deno.test("GET /api/feed/{secret}.ics needs nothing but its address, until that is revoked or made anew", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  await ada.call("POST", "/api/tasks", { title: "Pay rent", due: { date: "2027-01-31" } });
  assert.deepEqual((await ada.call("GET", "/api/feed")).body, { url: null, createdAt: null });
  const read = async (url: string) => await api.guest.call("GET", new URL(url).pathname);
  const first = (await ada.call("POST", "/api/feed")).body.url;
  const feed = await read(first);
  assert.equal(feed.status, 200);
  const shown = (await ada.call("GET", "/api/feed")).body;
  assert.equal(shown.url, null, "it is shown once");
  assert.notEqual(shown.createdAt, null);
  const secret = /feed\/(.+)\.ics/.exec(first)?.[1] ?? "?";
  const [row] = await api.admin<{ row: string }[]>`select f::text as row from tasks.feeds f`;
  assert.ok(row !== undefined && !row.row.includes(secret), "the secret is not kept");
  assert.match(feed.text, /SUMMARY:Pay rent/);
  assert.match(feed.headers.get("content-type") ?? "", /^text\/calendar/);
  const second = (await ada.call("POST", "/api/feed")).body.url;
  assert.equal((await read(first)).status, 404);
  assert.equal((await read(second)).status, 200);
  await ada.call("DELETE", "/api/feed");
  assert.equal((await read(second)).status, 404);
});

Deno.test("a feed from before secrets were hashed goes on working", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  await ada.call("POST", "/api/tasks", { title: "Pay rent", due: { date: "2027-01-31" } });
  // The table as it was.
  await api.admin.unsafe(
    "alter table tasks.feeds drop column secret_hash; alter table tasks.feeds add column secret text not null unique",
  );
  const secret = "abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMN_0";
  await api.admin`insert into tasks.feeds values (${ada.userId}, now(), ${secret})`;
  await api.admin.unsafe(
    await Deno.readTextFile(new URL("./migrations/003.do.feed_hashes.sql", import.meta.url)),
  );
  const feed = await api.guest.call("GET", `/api/feed/${secret}.ics`);
  assert.equal(feed.status, 200);
  assert.match(feed.text, /SUMMARY:Pay rent/);
  assert.equal((await api.guest.call("GET", `/api/feed/${secret.replace("a", "b")}.ics`)).status, 404);
});

Deno.test("POST /api/import joins what iCalendar folded inside a character", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const [head, tail] = [
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:1\r\nSUMMARY:Party ",
    " time\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
  ].map((text) => new TextEncoder().encode(text));
  const emoji = new TextEncoder().encode("😀");
  const fold = new TextEncoder().encode("\r\n ");
  const file = new Blob([head ?? "", emoji.slice(0, 2), fold, emoji.slice(2), tail ?? ""]);
  const response = await api.service.fetch(
    new Request(`${TEST_ORIGIN}/api/import?format=ical`, {
      method: "POST",
      headers: { cookie: ada.cookie, "content-type": "text/calendar" },
      body: file,
    }),
  );
  assert.deepEqual(await response.json(), { imported: 1, skipped: 0, problems: [] });
  assert.equal((await ada.call("GET", "/api/tasks")).body.items[0].title, "Party 😀 time");
});

Deno.test("POST /api/feed wants a key that may read too", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const key = await ada.call("POST", "/api/keys", { name: "writer", scopes: ["write"] });
  assert.equal((await api.bearer(key.body.key).call("POST", "/api/feed")).status, 403);
});
