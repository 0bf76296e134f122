import assert from "node:assert/strict";
import { encodeCursor } from "../../shared/http/cursor.ts";
import { testApi } from "../../shared/testing/api.ts";
import { dataOf, openJudge, standIns } from "./testing.ts";

const NOWHERE = "01990000-0000-7000-8000-0000000000aa";
const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);

/** One refusal: what is sent, the status, and the field that `errors` names. */
type Refusal = [what: string, call: string, body: unknown, status: number, field?: string, message?: RegExp];

const REFUSALS: Refusal[] = [
  ["no title", "POST /api/tasks", {}, 422, "title", /is required/],
  ["a title of blanks", "POST /api/tasks", { title: "  " }, 422, "title", /at least 1 characters/],
  ["a title too long", "POST /api/tasks", { title: "x".repeat(501) }, 422, "title", /at most 500 characters/],
  ["a title that is a number", "POST /api/tasks", { title: 5 }, 422, "title", /must be text/],
  ["NUL in a title", "POST /api/tasks", { title: "a\0b" }, 422, "title", /NUL/],
  ["half a surrogate pair", "POST /api/tasks", '{"title":"a\\ud800b"}', 422, "title", /surrogate/],
  ["NUL in notes", "POST /api/tasks", { title: "a", notes: "\0" }, 422, "notes", /NUL/],
  ["notes too long", "POST /api/tasks", { title: "a", notes: "x".repeat(50_001) }, 422, "notes", /50000/],
  ["NUL in a tag", "POST /api/tasks", { title: "a", tags: ["ok", "a\0"] }, 422, "tags.1", /NUL/],
  ["a tag with a blank", "POST /api/tasks", { title: "a", tags: ["a b"] }, 422, "tags.0", /white space/],
  ["a tag too long", "POST /api/tasks", { title: "a", tags: ["x".repeat(51)] }, 422, "tags.0", /at most 50/],
  [
    "51 tags",
    "POST /api/tasks",
    { title: "a", tags: Array.from({ length: 51 }, (_, n) => `t${n}`) },
    422,
    "tags",
    /at most 50 entries/,
  ],
  ["tags that are text", "POST /api/tasks", { title: "a", tags: "home" }, 422, "tags", /must be an array/],
  ["an unknown field", "POST /api/tasks", { title: "a", colour: "red" }, 422, "colour", /not a known field/],
  ["an id of one's own", "POST /api/tasks", { title: "a", id: NOWHERE }, 422, "id", /not a known field/],
  [
    "another user's id",
    "POST /api/tasks",
    { title: "a", userId: NOWHERE },
    422,
    "userId",
    /not a known field/,
  ],
  [
    "an unknown priority",
    "POST /api/tasks",
    { title: "a", priority: "p1" },
    422,
    "priority",
    /one of low, medium, high, urgent/,
  ],
  [
    "a date that is none",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-02-30" } },
    422,
    "due.date",
    /date that exists/,
  ],
  [
    "a date with a time",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-02-03T10:00" } },
    422,
    "due.date",
  ],
  [
    "year 0001",
    "POST /api/tasks",
    { title: "a", due: { date: "0001-01-01", timeZone: "Asia/Tokyo" } },
    422,
    "due.date",
    /between the years/,
  ],
  [
    "year 9999",
    "POST /api/tasks",
    { title: "a", due: { date: "9999-12-31", timeZone: "America/New_York" } },
    422,
    "due.date",
    /between the years/,
  ],
  ["year 12027", "POST /api/tasks", { title: "a", due: { date: "+012027-01-01" } }, 422, "due.date"],
  [
    "a time that is none",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01", time: "24:00" } },
    422,
    "due.time",
    /civil time/,
  ],
  [
    "a zone that is none",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01", timeZone: "Mars/Base" } },
    422,
    "due.timeZone",
    /IANA/,
  ],
  [
    "an offset for a zone",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01", timeZone: "+02:00" } },
    422,
    "due.timeZone",
    /IANA/,
  ],
  [
    "a due that is text",
    "POST /api/tasks",
    { title: "a", due: "2027-01-01" },
    422,
    "due",
    /must be an object/,
  ],
  [
    "recurrence without due",
    "POST /api/tasks",
    { title: "a", recurrence: "daily" },
    422,
    "recurrence",
    /needs due/,
  ],
  [
    "a recurrence word that is none",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01" }, recurrence: "x" },
    422,
    "recurrence",
    /daily, weekly, monthly, yearly.*object/,
  ],
  [
    "a recurrence that is a number",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01" }, recurrence: 7 },
    422,
    "recurrence",
    /daily/,
  ],
  [
    "a rule that is none",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01" }, recurrence: { rule: "FREQ=SOMETIMES" } },
    422,
    "recurrence.rule",
  ],
  [
    "a rule by the second",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01" }, recurrence: { rule: "FREQ=SECONDLY" } },
    422,
    "recurrence.rule",
  ],
  [
    "an unknown mode",
    "POST /api/tasks",
    { title: "a", due: { date: "2027-01-01" }, recurrence: { rule: "FREQ=DAILY", mode: "x" } },
    422,
    "recurrence.mode",
    /schedule, completion/,
  ],
  [
    "a duration that is none",
    "POST /api/tasks",
    { title: "a", reminders: [{ before: "30m" }] },
    422,
    "reminders.0.before",
    /ISO 8601/,
  ],
  [
    "a duration of months",
    "POST /api/tasks",
    { title: "a", reminders: [{ before: "P1M" }] },
    422,
    "reminders.0.before",
    /ISO 8601/,
  ],
  [
    "a negative duration",
    "POST /api/tasks",
    { title: "a", reminders: [{ before: "-PT5M" }] },
    422,
    "reminders.0.before",
  ],
  [
    "a reminder at a local time",
    "POST /api/tasks",
    { title: "a", reminders: [{ at: "2027-01-01T10:00" }] },
    422,
    "reminders.0.at",
    /instant/,
  ],
  [
    "a reminder at year 0",
    "POST /api/tasks",
    { title: "a", reminders: [{ at: "0000-01-01T10:00:00Z" }] },
    422,
    "reminders.0.at",
    /between the years/,
  ],
  [
    "a reminder to the picosecond",
    "POST /api/tasks",
    { title: "a", reminders: [{ at: "2027-01-01T10:00:00.123456789012Z" }] },
    422,
    "reminders.0.at",
    /9 digits/,
  ],
  ["a reminder of both kinds", "POST /api/tasks", {
    title: "a",
    reminders: [{ before: "PT5M", at: "2027-01-01T10:00:00Z" }],
  }, 422],
  ["a reminder of no kind", "POST /api/tasks", { title: "a", reminders: [{}] }, 422],
  [
    "one reminder id twice",
    "POST /api/tasks",
    { title: "a", reminders: [{ id: "r", before: "PT5M" }, { id: "r", before: "PT6M" }] },
    422,
    "reminders",
    /twice/,
  ],
  [
    "21 reminders",
    "POST /api/tasks",
    { title: "a", reminders: Array.from({ length: 21 }, () => ({ before: "PT5M" })) },
    422,
    "reminders",
    /at most 20/,
  ],
  [
    "a position that nothing can follow",
    "POST /api/tasks",
    { title: "a", position: "0" },
    422,
    "position",
    /fractional index/,
  ],
  [
    "a position with a sign",
    "POST /api/tasks",
    { title: "a", position: "a-0" },
    422,
    "position",
    /fractional index/,
  ],
  [
    "a list that is not there",
    "POST /api/tasks",
    { title: "a", listId: NOWHERE },
    422,
    "listId",
    /one of your lists/,
  ],
  ["a list that is no id", "POST /api/tasks", { title: "a", listId: "inbox" }, 422, "listId", /UUID/],
  [
    "a parent that is not there",
    "POST /api/tasks",
    { title: "a", parentId: NOWHERE },
    422,
    "parentId",
    /one of your tasks/,
  ],
  ["a body that is an array", "POST /api/tasks", [], 422, "", /object/],
  ["a body that is null", "POST /api/tasks", "null", 422, ""],
  ["broken JSON", "POST /api/tasks", '{"title":', 400, "", /valid JSON/],
  ["no body", "POST /api/tasks", undefined, 415],
  ["JSON nested too deep for sense", "POST /api/tasks", `{"title":${deep(100_000)}}`, 422, "title"],
  [
    "__proto__ as a field",
    "POST /api/tasks",
    '{"title":"a","__proto__":{"priority":"urgent"}}',
    422,
    "__proto__",
    /not a known field/,
  ],
  [
    "constructor as a field",
    "POST /api/tasks",
    '{"title":"a","constructor":{"prototype":{"x":1}}}',
    422,
    "constructor",
  ],
  [
    "a body over its limit",
    "POST /api/tasks",
    JSON.stringify({ title: "a", notes: "x".repeat(1_000_001) }),
    413,
  ],

  ["null for a title", "PATCH /api/tasks/{task}", { title: null }, 422, "title", /text/],
  [
    "a status by patch",
    "PATCH /api/tasks/{task}",
    { status: "completed" },
    422,
    "status",
    /not a known field/,
  ],
  ["NUL by patch", "PATCH /api/tasks/{task}", { notes: "\0" }, 422, "notes"],
  ["a rule without due", "PATCH /api/tasks/{task}", { recurrence: "daily" }, 422, "recurrence", /needs due/],
  ["itself as a parent", "PATCH /api/tasks/{task}", { parentId: "{task}" }, 422, "parentId", /itself/],
  ["an id that is none", "PATCH /api/tasks/42", { title: "a" }, 404],
  ["an id of nothing", "PATCH /api/tasks/" + NOWHERE, { title: "a" }, 404],
  ["NUL in an id", "GET /api/tasks/%00", undefined, 404],
  [
    "completed in the future",
    "POST /api/tasks/{task}/complete",
    { completedAt: "2999-01-01T00:00:00Z" },
    422,
    "completedAt",
    /future/,
  ],
  [
    "completed at year 0",
    "POST /api/tasks/{task}/complete",
    { completedAt: "0000-01-01T00:00:00Z" },
    422,
    "completedAt",
  ],
  ["a field of complete that is none", "POST /api/tasks/{task}/complete", { at: "x" }, 422, "at"],
  ["skip of what does not repeat", "POST /api/tasks/{task}/skip", undefined, 409],

  ["a bulk of nothing", "POST /api/tasks/bulk", {}, 422, "", /at least one/],
  [
    "a bulk with a bad last operation",
    "POST /api/tasks/bulk",
    { create: [{ title: "a" }], delete: ["{task}", NOWHERE] },
    404,
    "delete.1",
  ],
  [
    "a bulk with a bad patch",
    "POST /api/tasks/bulk",
    { update: [{ id: "{task}", title: "b" }, { id: "{task}", title: "" }] },
    422,
    "update.1.title",
  ],
  [
    "a bulk with NUL",
    "POST /api/tasks/bulk",
    { create: [{ title: "a" }, { title: "\0" }] },
    422,
    "create.1.title",
  ],
  [
    "a bulk over 1,000",
    "POST /api/tasks/bulk",
    { create: Array.from({ length: 1001 }, () => ({ title: "a" })) },
    422,
    "create",
    /1000/,
  ],
  [
    "a bulk over 1,000 in all",
    "POST /api/tasks/bulk",
    {
      create: Array.from({ length: 600 }, () => ({ title: "a" })),
      delete: Array.from({ length: 600 }, () => NOWHERE),
    },
    422,
    "",
    /1000 operations/,
  ],

  ["an unknown parameter", "GET /api/tasks?colour=red", undefined, 422, "colour"],
  ["a parameter twice", "GET /api/tasks?list=a&list=b", undefined, 422, "list", /once/],
  ["limit 0", "GET /api/tasks?limit=0", undefined, 422, "limit", /at least 1/],
  ["limit 201", "GET /api/tasks?limit=201", undefined, 422, "limit", /at most 200/],
  ["limit of words", "GET /api/tasks?limit=all", undefined, 422, "limit", /number/],
  ["an unknown sort", "GET /api/tasks?sort=colour", undefined, 422, "sort", /one of/],
  ["NUL in q", "GET /api/tasks?q=%00", undefined, 422, "q", /NUL/],
  ["q too long", "GET /api/tasks?q=" + "x".repeat(201), undefined, 422, "q", /at most 200/],
  ["NUL in tag", "GET /api/tasks?tag=a%00", undefined, 422, "tag.0", /NUL/],
  ["dueFrom that is none", "GET /api/tasks?dueFrom=2027-02-30", undefined, 422, "dueFrom"],
  ["dueFrom in year 1", "GET /api/tasks?dueFrom=0001-01-01", undefined, 422, "dueFrom"],
  ["dueTo at the end of days", "GET /api/tasks?dueTo=9999-12-31", undefined, 422, "dueTo"],
  ["a cursor of garbage", "GET /api/tasks?cursor=%F0%9F%98%80", undefined, 422, "cursor"],
  [
    "a cursor of another sort",
    "GET /api/tasks?sort=title&cursor=" +
    encodeCursor(["created", "desc", "2027-01-01 00:00:00+00", NOWHERE]),
    undefined,
    422,
    "cursor",
    /this call gave/,
  ],
  [
    "a cursor of another order",
    "GET /api/tasks?order=asc&cursor=" + encodeCursor(["created", "desc", "2027-01-01 00:00:00+00", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a forged cursor's date",
    "GET /api/tasks?cursor=" + encodeCursor(["created", "desc", "2027-13-41 00:00:00+00", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a forged cursor's year",
    "GET /api/tasks?cursor=" + encodeCursor(["created", "desc", "0000-01-01 00:00:00+00", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a forged cursor's number",
    "GET /api/tasks?q=a&cursor=" + encodeCursor(["relevance", "desc", "9e99", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a forged cursor's text",
    "GET /api/tasks?sort=title&cursor=" + encodeCursor(["title", "asc", "\0", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a forged cursor's surrogate",
    "GET /api/tasks?sort=title&cursor=" + encodeCursor(["title", "asc", "\ud800", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a forged cursor's prototype",
    "GET /api/tasks?cursor=" + encodeCursor(["__proto__", "desc", "1", NOWHERE]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a history cursor of another kind",
    "GET /api/tasks/{task}/history?cursor=" + encodeCursor(["x"]),
    undefined,
    422,
    "cursor",
  ],
  [
    "a history cursor too large",
    "GET /api/tasks/{task}/history?cursor=" + encodeCursor([1e30]),
    undefined,
    422,
    "cursor",
  ],
  ["at an instant that is none", "GET /api/tasks/{task}?at=yesterday", undefined, 422, "at"],
  ["at year 0", "GET /api/tasks/{task}?at=0000-01-01T00:00:00Z", undefined, 422, "at"],
  ["a list's id as a task's, then", "GET /api/tasks/{list}?at=2999-01-01T00:00:00Z", undefined, 404],
  ["since below 0", "GET /api/changes?since=-1", undefined, 422, "since"],
  ["since beyond counting", "GET /api/changes?since=99999999999999999999", undefined, 422, "since"],
  ["limit over that of changes", "GET /api/changes?since=0&limit=501", undefined, 422, "limit", /500/],

  ["undo of nothing", "POST /api/undo", {}, 422],
  ["undo of two things", "POST /api/undo", { eventId: NOWHERE, causationId: NOWHERE }, 422],
  ["undo of what is not there", "POST /api/undo", { eventId: NOWHERE }, 404],

  ["a list without a name", "POST /api/lists", { name: "" }, 422, "name"],
  ["NUL in a list's name", "POST /api/lists", { name: "\0" }, 422, "name", /NUL/],
  ["an unknown colour", "POST /api/lists", { name: "a", colour: "red" }, 422, "colour", /one of grey/],
  [
    "a list's position that nothing can follow",
    "PATCH /api/lists/{list}",
    { position: "A00000000000000000000000000" },
    422,
    "position",
  ],
  ["a name for the Inbox", "PATCH /api/lists/{inbox}", { name: "Outbox" }, 409],
  ["the Inbox to trash", "DELETE /api/lists/{inbox}", undefined, 409],
  ["NUL in a filter", "POST /api/filters", { name: "a", query: "\0" }, 422, "query", /NUL/],
  ["a filter too long", "POST /api/filters", { name: "a", query: "x".repeat(1001) }, 422, "query", /1000/],
  ["a zone of one's own", "PATCH /api/me", { timeZone: "Berlin" }, 422, "timeZone", /IANA/],
  ["NUL in my name", "PATCH /api/me", { name: "\0" }, 422, "name"],
  ["an e-mail by patch", "PATCH /api/me", { email: "a@example.com" }, 422, "email"],
  ["an unknown preference", "PATCH /api/me", { preferences: { sound: true } }, 422, "preferences.sound"],
  [
    "a quiet hour that is none",
    "PATCH /api/me",
    { preferences: { quietHours: { from: "25:00" } } },
    422,
    "preferences.quietHours.from",
  ],

  ["a key without a name", "POST /api/keys", { scopes: ["read"] }, 422, "name"],
  ["NUL in a key's name", "POST /api/keys", { name: "\0" }, 422, "name"],
  ["a key's name too long", "POST /api/keys", { name: "🎉".repeat(33) }, 422, "name", /32/],
  [
    "a replay from nowhere",
    "POST /api/webhooks/0190a3e4-5b6c-7d8e-9fa0-b1c2d3e4f5a6/replay?since=",
    undefined,
    422,
    "since",
  ],
  ["an unknown scope", "POST /api/keys", { name: "a", scopes: ["admin"] }, 422, "scopes.0", /read, write/],
  ["no scope", "POST /api/keys", { name: "a", scopes: [] }, 422, "scopes"],
  ["a key that is not there", "DELETE /api/keys/nothing", undefined, 404],
  ["NUL in a key's id", "DELETE /api/keys/%00", undefined, 404],
  ["an unknown format", "POST /api/import?format=doc", undefined, 422, "format", /todotxt/],
  ["an import as JSON", "POST /api/import?format=ical", {}, 415],
  ["an unknown format of export", "GET /api/export?format=pdf", undefined, 422, "format"],
  ["a feed that is not there", "GET /api/feed/%00.ics", undefined, 404],
  ["NUL in the audit's actor", "GET /api/audit?actor=%00", undefined, 422, "actor"],
  ["audit from year 0", "GET /api/audit?from=0000-01-01T00:00:00Z", undefined, 422, "from"],
  [
    "NUL in a name at sign-up",
    "POST /api/auth/sign-up/email",
    { name: "\0", email: "x@example.com", password: "12345678" },
    422,
    "name",
  ],
  [
    "an address that is none at sign-up",
    "POST /api/auth/sign-up/email",
    { name: "a", email: "x", password: "12345678" },
    422,
    "email",
  ],
  [
    "a short password",
    "POST /api/auth/sign-up/email",
    { name: "a", email: "x@example.com", password: "1234567" },
    422,
    "password",
  ],
  [
    "a password that is a number",
    "POST /api/auth/sign-up/email",
    { name: "a", email: "x@example.com", password: 12345678 },
    422,
    "password",
  ],
  ["broken JSON at sign-in", "POST /api/auth/sign-in/email", "{", 400],
];

Deno.test("bad input is refused by name, and changes nothing", async (test) => {
  await using api = await testApi();
  const judge = await openJudge(api);
  standIns(api);
  const ada = await api.signUp();
  const task = (await ada.call("POST", "/api/tasks", { title: "Pay rent" })).body.id;
  const list = (await ada.call("POST", "/api/lists", { name: "Home" })).body.id;
  const inbox = (await ada.call("GET", "/api/lists")).body.items[0].id;
  const fill = (text: string) =>
    text.replaceAll("{task}", task).replaceAll("{list}", list).replaceAll("{inbox}", inbox);
  const before = await dataOf(api, ada);
  for (const [what, call, body, status, field, message] of REFUSALS) {
    await test.step(`${call.slice(0, 60)}: ${what}`, async () => {
      const [method = "", path = ""] = call.split(" ");
      const sent = body === undefined
        ? undefined
        : fill(typeof body === "string" ? body : JSON.stringify(body));
      const client = path.startsWith("/api/auth") ? api.guest : ada;
      const answer = await client.call(method, fill(path), sent);
      assert.equal(answer.status, status, answer.text);
      const template = judge.calls.find((each) =>
        new RegExp(`^${each.replaceAll(/\{\w+\}(\.ics)?/g, "[^/]+")}$`).test(
          `${method} ${path.split("?")[0]}`,
        )
      );
      judge.check(template ?? call, answer);
      assert.ok(answer.body.detail.length > 0);
      assert.doesNotMatch(answer.text, /postgres|invalid byte|stack|zod|\bat .*\.ts/i);
      if (field !== undefined) {
        const found = answer.body.errors.find((error: { path: string }) => error.path === field);
        assert.ok(found, `errors name ${field}: ${answer.text}`);
        if (message !== undefined) assert.match(found.message, message);
      }
    });
  }
  assert.deepEqual(await dataOf(api, ada), before);
  assert.ok(!api.logs.some((line) => line.includes('"a request failed"')), "no refusal was a fault");
});

Deno.test("a request body is taken by its media type, size and encoding", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const post = (type: string, body: string) =>
    ada.call("POST", "/api/tasks", body, { headers: { "content-type": type } });
  assert.equal((await post("text/plain", '{"title":"a"}')).status, 415);
  assert.equal((await post("application/x-www-form-urlencoded", "title=a")).status, 415);
  assert.equal((await post("application/merge-patch+json", '{"title":"a"}')).status, 415);
  assert.equal((await post("application/json; charset=utf-8", '{"title":"a"}')).status, 201);
  const { id } = (await post("APPLICATION/JSON", '{"title":"b"}')).body;
  const patched = await ada.call("PATCH", `/api/tasks/${id}`, { title: "c" }, {
    headers: { "content-type": "application/merge-patch+json" },
  });
  assert.equal(patched.status, 200);
  const big = await ada.call("POST", "/api/import?format=todotxt", "x".repeat(20_000_001), {
    headers: { "content-type": "text/plain" },
  });
  assert.equal(big.status, 413);
  const nul = await ada.call("POST", "/api/import?format=todotxt", "a\0b", {
    headers: { "content-type": "text/plain" },
  });
  assert.equal(nul.status, 422);
  const response = await api.service.fetch(
    new Request("http://rondo.test/api/tasks", {
      method: "POST",
      headers: { cookie: ada.cookie, "content-type": "application/json" },
      body: Uint8Array.of(0x22, 0xff, 0x22),
    }),
  );
  assert.equal(response.status, 400);
  await response.body?.cancel();
  const bulk = await ada.call(
    "POST",
    "/api/tasks/bulk",
    `{"update":[{"id":"${id}","__proto__":{"title":"d"}}]}`,
  );
  assert.equal(bulk.body.updated[0].title, "c", "a prototype is no field");
  assert.equal((await ada.call("GET", "/api/tasks")).body.items.length, 2);
});

Deno.test("dates far away are kept and listed in every zone", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const zones = ["Pacific/Kiritimati", "America/Los_Angeles", "Pacific/Pago_Pago", null];
  for (const date of ["1000-01-01", "9998-12-31"]) {
    for (const timeZone of zones) {
      for (const time of ["00:00", "23:59", null]) {
        const made = await ada.call("POST", "/api/tasks", { title: date, due: { date, time, timeZone } });
        assert.equal(made.status, 201, made.text);
      }
    }
  }
  for (const timeZone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
    assert.equal((await ada.call("PATCH", "/api/me", { timeZone })).status, 200);
    for (const query of ["dueFrom=1000-01-01&dueTo=9998-12-31", "due=overdue", "due=upcoming", "sort=due"]) {
      const page = await ada.call("GET", `/api/tasks?limit=200&${query}`);
      assert.equal(page.status, 200, page.text);
      assert.ok(page.body.items.length > 0);
    }
  }
});

Deno.test("Idempotency-Key gives the first answer again, to its user and for its request alone", async () => {
  await using api = await testApi();
  const [ada, eve] = [await api.signUp(), await api.signUp()];
  const headers = { "idempotency-key": "order-1" };
  const first = await ada.call("POST", "/api/tasks", { title: "Once" }, { headers });
  const again = await ada.call("POST", "/api/tasks", { title: "Once" }, { headers });
  assert.equal(first.status, 201);
  assert.equal(again.status, 201);
  assert.equal(again.text, first.text);
  assert.equal(again.headers.get("etag"), first.headers.get("etag"));
  assert.equal(again.headers.get("location"), first.headers.get("location"));
  assert.equal(first.headers.get("idempotent-replayed"), null);
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  const other = await ada.call("POST", "/api/tasks", { title: "Twice" }, { headers });
  assert.equal(other.status, 422);
  assert.equal(other.body.errors[0].path, "Idempotency-Key");
  assert.equal((await ada.call("POST", "/api/lists", { name: "Once" }, { headers })).status, 422);
  const hers = await eve.call("POST", "/api/tasks", { title: "Mine" }, { headers });
  assert.equal(hers.status, 201);
  assert.notEqual(hers.body.id, first.body.id);

  const many = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        ada.call("POST", "/api/tasks", { title: "Parallel" }, { headers: { "idempotency-key": "order-2" } }),
    ),
  );
  assert.deepEqual([...new Set(many.map(({ status }) => status))], [201]);
  assert.equal(new Set(many.map(({ body }) => body.id)).size, 1);
  assert.equal((await api.events(ada.userId)).length, 2);

  // A refusal is not kept: what was wrong may be mended.
  const wrong = await ada.call("POST", `/api/tasks/${first.body.id}/skip`, undefined, {
    headers: { "idempotency-key": "order-3" },
  });
  assert.equal(wrong.status, 409);
  assert.equal(
    (await ada.call("POST", "/api/tasks", { title: "a" }, { headers: { "idempotency-key": "order-3" } }))
      .status,
    201,
  );
  const long = await ada.call("POST", "/api/tasks", { title: "a" }, {
    headers: { "idempotency-key": "x".repeat(256) },
  });
  assert.equal(long.status, 422);
});
