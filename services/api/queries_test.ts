import assert from "node:assert/strict";
import fc from "fast-check";
import { type TestApi, testApi, type TestClient } from "../shared/testing/api.ts";

type Fields = Record<string, unknown>;

async function bulk(client: TestClient, create: Fields[]): Promise<{ id: string; title: string }[]> {
  const answer = await client.call("POST", "/api/tasks/bulk", { create });
  assert.equal(answer.status, 200, answer.text);
  return answer.body.created;
}

async function titles(client: TestClient, query: string): Promise<string[]> {
  const answer = await client.call("GET", `/api/tasks?limit=200&${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.items.map(({ title }: { title: string }) => title);
}

const found = async (client: TestClient, q: string) =>
  (await titles(client, `q=${encodeURIComponent(q)}`)).sort();

Deno.test("GET /api/tasks filters by status, priority, tags, list and parent", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const list = (await ada.call("POST", "/api/lists", { name: "Home" })).body;
  const [a, b] = await bulk(ada, [
    { title: "a", priority: "high", tags: ["x", "y"], listId: list.id },
    { title: "b", priority: "low", tags: ["x"] },
    { title: "c" },
  ]);
  await ada.call("POST", "/api/tasks", { title: "d", parentId: a?.id });
  await ada.call("POST", `/api/tasks/${b?.id}/complete`);
  const cases: Record<string, string[]> = {
    "": ["a", "c", "d"],
    "status=completed": ["b"],
    "status=all": ["a", "b", "c", "d"],
    "priority=high": ["a"],
    "tag=x": ["a"],
    "status=all&tag=x": ["a", "b"],
    "status=all&tag=x&tag=y": ["a"],
    [`list=${list.id}`]: ["a", "d"],
    [`parent=${a?.id}`]: ["d"],
    "deleted=true": [],
  };
  for (const [query, wanted] of Object.entries(cases)) {
    assert.deepEqual((await titles(ada, query)).sort(), wanted, query);
  }
  const { items } = (await ada.call("GET", "/api/tags")).body;
  assert.deepEqual(items, [{ tag: "x", open: 1 }, { tag: "y", open: 1 }]);
  const lists = (await ada.call("GET", "/api/lists")).body.items;
  assert.deepEqual(lists.map(({ open }: { open: number }) => open), [1, 2]);
});

Deno.test("GET /api/tasks knows today, overdue and upcoming in the user's zone, around midnight and DST", async (test) => {
  let now = Temporal.Instant.from("2027-03-01T00:00:00Z");
  await using api = await testApi({ clock: { now: () => now } });
  const cases: [zone: string, now: string, today: string][] = [
    ["Europe/Berlin", "2027-03-27T22:59:59Z", "2027-03-27"],
    ["Europe/Berlin", "2027-03-27T23:00:00Z", "2027-03-28"],
    ["Europe/Berlin", "2027-03-28T21:59:59Z", "2027-03-28"],
    ["Europe/Berlin", "2027-03-28T22:00:00Z", "2027-03-29"],
    ["America/Los_Angeles", "2027-11-08T07:59:59Z", "2027-11-07"],
    ["Pacific/Kiritimati", "2027-01-01T10:00:00Z", "2027-01-02"],
    ["Pacific/Pago_Pago", "2027-01-01T10:59:59Z", "2026-12-31"],
  ];
  for (const [timeZone, instant, today] of cases) {
    await test.step(`${timeZone} at ${instant}`, async () => {
      const user = await api.signUp();
      await user.call("PATCH", "/api/me", { timeZone });
      now = Temporal.Instant.from(instant);
      const day = (days: number) => Temporal.PlainDate.from(today).add({ days }).toString();
      await bulk(user, [
        { title: "yesterday", due: { date: day(-1) } },
        { title: "yesterday late", due: { date: day(-1), time: "23:59" } },
        { title: "today", due: { date: today } },
        { title: "today early", due: { date: today, time: "00:00" } },
        { title: "today late", due: { date: today, time: "23:59" } },
        { title: "tomorrow", due: { date: day(1) } },
        { title: "tomorrow early", due: { date: day(1), time: "00:00" } },
        // A whole day is that day wherever it was fixed.
        { title: "today, fixed east", due: { date: today, timeZone: "Pacific/Kiritimati" } },
        { title: "today, fixed west", due: { date: today, timeZone: "Pacific/Pago_Pago" } },
        { title: "none" },
      ]);
      const early = Temporal.PlainDate.from(today).toZonedDateTime(timeZone).toInstant();
      const late = Temporal.PlainDateTime.from(`${today}T23:59`).toZonedDateTime(timeZone).toInstant();
      const past = [{ title: "today early", at: early }, { title: "today late", at: late }]
        .filter(({ at }) => Temporal.Instant.compare(at, now) < 0).map(({ title }) => title);
      assert.deepEqual(
        (await titles(user, "due=today")).sort(),
        ["today", "today early", "today late", "today, fixed east", "today, fixed west"],
      );
      assert.deepEqual((await titles(user, "due=overdue")).sort(), [...past, "yesterday", "yesterday late"]);
      assert.deepEqual((await titles(user, "due=upcoming")).sort(), ["tomorrow", "tomorrow early"]);
      assert.deepEqual(await titles(user, "due=none"), ["none"]);
      assert.equal((await titles(user, `dueFrom=${today}&dueTo=${today}`)).length, 5);
      assert.equal((await titles(user, `dueFrom=${day(-1)}&dueTo=${day(1)}`)).length, 9);
      assert.deepEqual((await titles(user, `dueTo=${day(-1)}`)).sort(), ["yesterday", "yesterday late"]);
    });
  }
});

Deno.test("GET /api/tasks pages through every sort and order exactly once", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const made = await bulk(
    ada,
    Array.from({ length: 23 }, (_, n) => ({
      title: ["Ärger", "ask eve", "ASK EVE", "\u0001\u001f'\"", "😀 note", "note"][n % 6],
      priority: ["low", "medium", "high", "urgent"][n % 4],
      ...(n % 3 === 0 ? {} : { due: { date: `2027-01-0${1 + n % 5}`, time: n % 2 === 0 ? "09:00" : null } }),
      notes: n % 2 === 0 ? "note" : "",
    })),
  );
  const all = made.map(({ id }) => id).sort();
  const sort = fc.constantFrom("due", "priority", "created", "updated", "title", "position", "relevance");
  await fc.assert(
    fc.asyncProperty(
      sort,
      fc.constantFrom("asc", "desc"),
      fc.integer({ min: 1, max: 7 }),
      async (by, order, limit) => {
        const query = `sort=${by}&order=${order}&limit=${limit}`;
        const whole = (await ada.call("GET", `/api/tasks?sort=${by}&order=${order}&limit=200`)).body.items;
        const ids: string[] = [];
        let cursor: string | null = "";
        while (cursor !== null) {
          const page = await ada.call(
            "GET",
            `/api/tasks?${query}${cursor === "" ? "" : `&cursor=${cursor}`}`,
          );
          assert.equal(page.status, 200, page.text);
          assert.ok(page.body.items.length <= limit);
          ids.push(...page.body.items.map(({ id }: { id: string }) => id));
          cursor = page.body.nextCursor;
        }
        assert.deepEqual(ids, whole.map(({ id }: { id: string }) => id));
        assert.deepEqual(ids.toSorted(), all);
      },
    ),
    { numRuns: 25 },
  );
  let cursor = "";
  let hits = 0;
  do {
    const page = await ada.call(
      "GET",
      `/api/tasks?q=note&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    assert.equal(page.status, 200, page.text);
    hits += page.body.items.length;
    cursor = page.body.nextCursor ?? "";
  } while (cursor !== "");
  assert.equal(hits, (await found(ada, "note")).length);
});

Deno.test("GET /api/tasks?q= finds all words in any order, prefixes, typos and accents", async () => {
  await using api = await testApi();
  const [ada, eve] = [await api.signUp(), await api.signUp()];
  await bulk(ada, [
    { title: "Pay the rent" },
    { title: "Shopping for the week" },
    { title: "Receive the parcel" },
    { title: "Café in Zürich" },
    { title: "Cafe downtown", notes: "about the crème brûlée" },
    { title: "Call mum", notes: "rent, rent, rent: she asked about the rent of the flat ".repeat(50) },
    { title: "Встреча с Анной" },
    { title: "Tagged", tags: ["garden"] },
  ]);
  await bulk(eve, [{ title: "rnet shoping recieve" }]);
  const cases: Record<string, string[]> = {
    "rent pay": ["Pay the rent"],
    "week shop": ["Shopping for the week"],
    "shoping": ["Shopping for the week"],
    "recieve": ["Receive the parcel"],
    "cafe": ["Cafe downtown", "Café in Zürich"],
    "café": ["Cafe downtown", "Café in Zürich"],
    "zurich": ["Café in Zürich"],
    "creme brulee": ["Cafe downtown"],
    "ВСТРЕЧА": ["Встреча с Анной"],
    "garden": ["Tagged"],
    "rent zurich": [],
    "xyzzy": [],
    "!!! ... ---": [],
    "':*|&!()<->\\": [],
    "'; drop table tasks.tasks; --": [],
    "pay & !rent": ["Pay the rent"],
    "%_\\": [],
  };
  for (const [q, wanted] of Object.entries(cases)) assert.deepEqual(await found(ada, q), wanted, q);
  assert.deepEqual(await titles(ada, "q=rent"), ["Pay the rent", "Call mum"], "a title ranks above notes");
  assert.ok((await found(ada, "rnet")).includes("Pay the rent"), "Eve's words make no typo of Ada's a word");
});

Deno.test("history, changes and ?at= tell what was", async () => {
  let now = Temporal.Instant.from("2027-01-01T00:00:00Z");
  await using api: TestApi = await testApi({ clock: { now: () => now } });
  const ada = await api.signUp();
  const { id } = (await ada.call("POST", "/api/tasks", { title: "t0" })).body;
  for (let n = 1; n <= 9; n++) {
    now = now.add({ hours: 1 });
    await ada.call("PATCH", `/api/tasks/${id}`, { title: `t${n}` });
  }
  const seen: number[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { items: { seq: number; before: Fields | null }[]; nextCursor: string | null } =
      (await ada.call("GET", `/api/tasks/${id}/history?limit=4${cursor === "" ? "" : `&cursor=${cursor}`}`))
        .body;
    seen.push(...page.items.map(({ seq }) => seq));
    for (const { seq, before } of page.items) {
      assert.deepEqual(before, seq === 1 ? null : { title: `t${seq - 2}` });
    }
    cursor = page.nextCursor;
  }
  assert.deepEqual(seen, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  const at = async (instant: string) =>
    await ada.call("GET", `/api/tasks/${id}?at=${encodeURIComponent(instant)}`);
  assert.equal((await at("2027-01-01T03:59:59Z")).body.title, "t3");
  assert.equal((await at("2027-01-01T05:00:00+01:00")).body.title, "t4");
  assert.equal((await at("2026-12-31T23:59:59Z")).status, 404);
  let since = 0;
  const pages: number[] = [];
  for (let more = true; more;) {
    const { changes, nextSeq, hasMore } = (await ada.call("GET", `/api/changes?since=${since}&limit=4`)).body;
    pages.push(changes.length);
    [since, more] = [nextSeq, hasMore];
  }
  assert.deepEqual([pages, since], [[4, 4, 2], 10]);
  const none = (await ada.call("GET", "/api/changes?since=10")).body;
  assert.deepEqual(none, { changes: [], nextSeq: 10, hasMore: false });
});
