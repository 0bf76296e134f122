import assert from "node:assert/strict";
import { type TestAnswer, type TestApi, testApi, type TestClient } from "../shared/testing/api.ts";

const aMonthly = { title: "Pay rent", due: { date: "2027-01-31", time: "09:00" }, recurrence: "monthly" };

async function create(client: TestClient, fields: Record<string, unknown> = {}) {
  const answer = await client.call("POST", "/api/tasks", { title: "Task", ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

/** Asks for the next occurrence as the recurrence service does. */
async function nextOccurrence(
  api: TestApi,
  user: TestClient,
  taskId: string,
  date: string,
  type = "task.completed.v1",
): Promise<
  { status: number; created: { id: string; occurrence: number; due: unknown; dueAt: string } | null }
> {
  const { items } = (await user.call("GET", `/api/tasks/${taskId}/history`)).body;
  const event = items.find((item: { type: string }) => item.type === type);
  const answer = await api.hub.runtime("recurrence").invoke("api", "/internal/occurrences", {
    method: "POST",
    headers: { "content-type": "application/json", "x-rondo-user": user.userId },
    body: JSON.stringify({
      userId: user.userId,
      taskId,
      eventId: event.eventId,
      causationId: event.causationId,
      next: { date, time: "09:00" },
    }),
  });
  return { status: answer.status, created: null, ...await answer.json() };
}

Deno.test("PATCH /api/tasks/{id} keeps fields that it does not name", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const list = (await ada.call("POST", "/api/lists", { name: "Home" })).body;
  const parent = await create(ada);
  const task = await create(ada, {
    ...aMonthly,
    notes: "By transfer",
    priority: "high",
    tags: ["home", "money", "home"],
    reminders: [{ before: "PT30M" }],
  });
  assert.deepEqual(task.tags, ["home", "money"]);
  const patches: Record<string, unknown> = {
    title: "Pay the rent",
    notes: "",
    priority: "urgent",
    tags: [],
    due: { date: "2027-02-01" },
    reminders: [],
    recurrence: { rule: "FREQ=WEEKLY", mode: "completion" },
    position: "a5",
    listId: list.id,
    parentId: parent.id,
  };
  const derived: Record<string, string[]> = {
    due: ["dueAt"],
    listId: ["position"],
    parentId: ["listId", "position"],
  };
  let before = task;
  for (const [field, value] of Object.entries(patches)) {
    const answer = await ada.call("PATCH", `/api/tasks/${task.id}`, { [field]: value });
    assert.equal(answer.status, 200, answer.text);
    const moved = Object.keys(before).filter((key) =>
      JSON.stringify(before[key]) !== JSON.stringify(answer.body[key])
    );
    const allowed = new Set([field, "version", "updatedAt", ...(derived[field] ?? [])]);
    assert.ok(moved.includes(field), field);
    assert.ok(moved.every((key) => allowed.has(key)), `${field} moved ${moved}`);
    assert.equal(answer.body.version, before.version + 1);
    assert.equal(answer.headers.get("etag"), `"${answer.body.version}"`);
    before = answer.body;
  }
  const nothing = await ada.call("PATCH", `/api/tasks/${task.id}`, {});
  assert.equal(nothing.body.version, before.version, "an empty patch is no change");
  const cleared = await ada.call("PATCH", `/api/tasks/${task.id}`, { due: null, parentId: null });
  assert.equal(cleared.body.due, null);
  assert.equal(cleared.body.recurrence, null, "without a due nothing repeats");
  assert.equal(cleared.body.seriesId, null);
});

Deno.test("PATCH /api/tasks/{id} in parallel: different fields both win, numbers have no holes", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const task = await create(ada);
  const answers = await Promise.all([
    ada.call("PATCH", `/api/tasks/${task.id}`, { title: "New title" }),
    ada.call("PATCH", `/api/tasks/${task.id}`, { notes: "New notes" }),
    ada.call("PATCH", `/api/tasks/${task.id}`, { priority: "low" }),
    ...Array.from({ length: 27 }, (_, n) => ada.call("POST", "/api/tasks", { title: `T${n}` })),
  ]);
  assert.ok(answers.every(({ status }) => status < 300));
  const after = (await ada.call("GET", `/api/tasks/${task.id}`)).body;
  assert.deepEqual([after.title, after.notes, after.priority, after.version], [
    "New title",
    "New notes",
    "low",
    4,
  ]);
  const events = await api.events(ada.userId);
  assert.deepEqual(events.map(({ data }) => data.seq), Array.from({ length: 31 }, (_, n) => n + 1));
  const { changes } = (await ada.call("GET", "/api/changes?since=0&limit=500")).body;
  assert.deepEqual(changes.map(({ seq }: { seq: number }) => seq), events.map(({ data }) => data.seq));
  const positions = (await ada.call("GET", "/api/tasks?sort=position&limit=200")).body.items
    .map(({ position }: { position: string }) => position);
  assert.equal(new Set(positions).size, 28, "no two tasks have one place");
});

Deno.test("If-Match on every action of a task: a stale one is 412 and changes nothing", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const task = await create(ada, aMonthly);
  const path = `/api/tasks/${task.id}`;
  const calls: [string, string, unknown?][] = [
    ["PATCH", path, { title: "x" }],
    ["POST", `${path}/complete`],
    ["POST", `${path}/reopen`],
    ["POST", `${path}/skip`],
    ["POST", `${path}/restore`],
    ["DELETE", path],
  ];
  for (const stale of ['"2"', 'W/"2"', "1", '"2", "3"', "garbage", ""]) {
    for (const [method, to, body] of calls) {
      const answer = await ada.call(method, to, body, { headers: { "if-match": stale } });
      assert.equal(answer.status, 412, `${method} ${to} If-Match: ${stale}: ${answer.text}`);
    }
  }
  assert.deepEqual((await ada.call("GET", path)).body, task);
  assert.equal((await api.events(ada.userId)).length, 1);
  for (const [n, good] of ['"1"', 'W/"2"', "*", '"9", "4"'].entries()) {
    const answer = await ada.call("PATCH", path, { title: `t${n}` }, { headers: { "if-match": good } });
    assert.equal(answer.status, 200, answer.text);
  }
});

Deno.test("PATCH /api/tasks/{id} gives no two reminders one id", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const task = await create(ada, { ...aMonthly, reminders: [{ before: "P1D" }, { before: "PT5M" }] });
  const [{ id: day }, { id: minutes }] = task.reminders;
  const wanted = [
    { before: "P1D" },
    { id: day, before: "PT1H" },
    { before: "PT5M" },
    { id: "mine", before: "PT2H" },
  ];
  const { reminders } = (await ada.call("PATCH", `/api/tasks/${task.id}`, { reminders: wanted })).body;
  assert.deepEqual(reminders.map((each: { before: string }) => each.before), ["P1D", "PT1H", "PT5M", "PT2H"]);
  const ids = reminders.map(({ id }: { id: string }) => id);
  assert.equal(new Set(ids).size, 4, "each has an id of its own");
  assert.deepEqual(ids.slice(1), [day, minutes, "mine"], "named by id, by what it says, and as it was given");
});

Deno.test("POST /api/tasks/{id}/complete: 50 at once give one task.completed and the same answer", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const task = await create(ada, aMonthly);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => ada.call("POST", `/api/tasks/${task.id}/complete`)),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
  const events = await api.events(ada.userId);
  assert.deepEqual(events.map(({ type }) => type), ["task.created.v1", "task.completed.v1"]);
});

Deno.test("POST /api/tasks/{id}/complete takes a completedAt that is not in the future", async () => {
  const now = Temporal.Instant.from("2027-03-01T12:00:00.123456Z");
  await using api = await testApi({ clock: { now: () => now } });
  const ada = await api.signUp();
  const complete = async (completedAt?: string): Promise<TestAnswer> => {
    const { id } = await create(ada);
    return await ada.call(
      "POST",
      `/api/tasks/${id}/complete`,
      completedAt === undefined ? {} : { completedAt },
    );
  };
  assert.equal((await complete()).body.completedAt, "2027-03-01T12:00:00.123Z");
  assert.equal((await complete("2027-03-01T12:00:00.123456Z")).body.completedAt, "2027-03-01T12:00:00.123Z");
  assert.equal((await complete("2027-02-27T10:00:00+01:00")).body.completedAt, "2027-02-27T09:00:00Z");
  assert.equal((await complete("2027-03-01T12:00:01Z")).status, 422);
});

Deno.test("/internal/occurrences makes the next occurrence once, and never for one that was opened again", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const task = await create(ada, {
    ...aMonthly,
    reminders: [{ before: "P1D" }, { at: "2027-01-30T10:00:00Z" }],
  });
  const path = `/api/tasks/${task.id}`;
  await ada.call("POST", `${path}/complete`);
  const made = await Promise.all([1, 2, 3].map(() => nextOccurrence(api, ada, task.id, "2027-02-28")));
  const next = made.map(({ created }) => created).filter((created) => created !== null);
  assert.equal(next.length, 1);
  const id = next[0]?.id ?? "";
  const second = (await ada.call("GET", `/api/tasks/${id}`)).body;
  assert.equal(second.occurrence, 2);
  assert.equal(second.seriesId, task.seriesId);
  assert.deepEqual(second.due, { date: "2027-02-28", time: "09:00", timeZone: null });
  assert.deepEqual(second.reminders.map((each: { before: string }) => each.before), ["P1D"]);
  const state = async () => (await ada.call("GET", `/api/tasks/${id}`)).body.deletedAt === null;

  // To and fro, as often as it takes: an untouched next occurrence goes and comes, and exists once.
  for (const _ of [1, 2, 3]) {
    const opened = await ada.call("POST", `${path}/reopen`);
    assert.equal(opened.body.completedAt, null);
    assert.equal(await state(), false, "reopening withdraws it");
    assert.equal((await nextOccurrence(api, ada, task.id, "2027-02-28")).status, 409);
    await ada.call("POST", `${path}/complete`);
    assert.equal(await state(), false);
    assert.equal((await nextOccurrence(api, ada, task.id, "2027-02-28")).created?.id, id);
    assert.equal(await state(), true);
  }
  const [count] = await api
    .admin`select count(*)::int as n from tasks.tasks where series_id = ${task.seriesId}`;
  assert.equal(count?.n, 2);

  await ada.call("PATCH", "/api/me", { timeZone: "Asia/Tokyo" });
  await ada.call("POST", `${path}/reopen`);
  assert.equal(await state(), false, "another zone is nobody's touch");
  await ada.call("POST", `${path}/complete`);
  await nextOccurrence(api, ada, task.id, "2027-02-28");
  await ada.call("PATCH", `/api/tasks/${id}`, { title: "Mine now" });
  await ada.call("POST", `${path}/reopen`);
  assert.equal(await state(), true, "a touched one stays");
});

Deno.test("/internal/occurrences brings a withdrawn next occurrence back as the task is by then", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const make = async (name: string) => (await ada.call("POST", "/api/lists", { name })).body;
  const [home, garden] = [await make("Home"), await make("Garden")];
  const task = await create(ada, {
    ...aMonthly,
    listId: home.id,
    tags: ["money"],
    reminders: [{ before: "P1D" }],
  });
  const path = `/api/tasks/${task.id}`;
  await ada.call("POST", `${path}/complete`);
  const id = (await nextOccurrence(api, ada, task.id, "2027-02-28")).created?.id;
  await ada.call("POST", `${path}/reopen`);
  const patch = {
    title: "Pay rent by card",
    notes: "The blue one",
    priority: "high",
    tags: ["card"],
    reminders: [{ before: "PT1H" }],
    recurrence: "weekly",
    listId: garden.id,
  };
  assert.equal((await ada.call("PATCH", path, patch)).status, 200);
  assert.equal((await ada.call("DELETE", `/api/lists/${home.id}`)).status, 200);
  const done = (await ada.call("POST", `${path}/complete`)).body;
  assert.equal((await nextOccurrence(api, ada, task.id, "2027-02-07")).created?.id, id);
  const next = (await ada.call("GET", `/api/tasks/${id}`)).body;
  const kept = ["title", "notes", "priority", "tags", "reminders", "recurrence", "listId", "parentId"];
  for (const field of kept) assert.deepEqual(next[field], done[field], field);
  assert.deepEqual(
    [next.status, next.completedAt, next.deletedAt, next.due.date, next.occurrence],
    ["open", null, null, "2027-02-07", 2],
  );

  // A parent that is gone by then is nobody's parent.
  const parent = await create(ada, { title: "Money" });
  await ada.call("POST", `${path}/reopen`);
  await ada.call("PATCH", path, { parentId: parent.id });
  await ada.call("POST", `${path}/complete`);
  await nextOccurrence(api, ada, task.id, "2027-02-07");
  await ada.call("POST", `${path}/reopen`);
  await ada.call("PATCH", path, { parentId: null });
  await ada.call("DELETE", `/api/tasks/${parent.id}`);
  await ada.call("POST", `${path}/complete`);
  await nextOccurrence(api, ada, task.id, "2027-02-07");
  const last = (await ada.call("GET", `/api/tasks/${id}`)).body;
  assert.deepEqual([last.parentId, last.deletedAt], [null, null]);
});

Deno.test("POST /api/tasks/{id}/skip passes an occurrence over once, with its subtasks", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const task = await create(ada, aMonthly);
  const child = await create(ada, { parentId: task.id });
  const first = await ada.call("POST", `/api/tasks/${task.id}/skip`);
  assert.notEqual(first.body.deletedAt, null);
  assert.equal((await ada.call("POST", `/api/tasks/${task.id}/skip`)).text, first.text);
  assert.notEqual((await ada.call("GET", `/api/tasks/${child.id}`)).body.deletedAt, null);
  const next = await nextOccurrence(api, ada, task.id, "2027-02-28", "task.skipped.v1");
  assert.equal(next.created?.occurrence, 2);
  assert.equal((await nextOccurrence(api, ada, task.id, "2027-02-28", "task.skipped.v1")).created, null);
  await ada.call("POST", `/api/tasks/${next.created?.id}/complete`);
  assert.equal((await ada.call("POST", `/api/tasks/${next.created?.id}/skip`)).status, 409);
});

Deno.test("an occurrence that is moved leaves rule and grid alone; another rule begins a new grid", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const due = { date: "2027-01-31", time: "09:00", timeZone: "Europe/Berlin" };
  const task = await create(ada, { ...aMonthly, due });
  const seriesOf = async () => (await api.events(ada.userId)).at(-1)?.data.series;
  const moved = { date: "2027-02-02", time: "18:00", timeZone: "America/New_York" };
  const answer = await ada.call("PATCH", `/api/tasks/${task.id}`, { due: moved });
  assert.equal(answer.body.dueAt, "2027-02-02T23:00:00Z");
  assert.deepEqual(await seriesOf(), { anchor: due, scheduled: "2027-01-31" });
  await ada.call("POST", `/api/tasks/${task.id}/complete`);
  const { created } = await nextOccurrence(api, ada, task.id, "2027-02-28");
  assert.deepEqual(created?.due, { date: "2027-02-28", time: "09:00", timeZone: "Europe/Berlin" });
  assert.equal(created?.dueAt, "2027-02-28T08:00:00Z");
  await ada.call("PATCH", `/api/tasks/${created?.id}`, { due: moved, recurrence: "weekly" });
  assert.deepEqual(await seriesOf(), { anchor: moved, scheduled: "2027-02-02" });
  const second = (await ada.call("GET", `/api/tasks/${created?.id}`)).body;
  assert.deepEqual([second.seriesId, second.occurrence], [task.seriesId, 2]);
});

Deno.test("POST /api/tasks/bulk is all or nothing, has one cause, and takes 1,000 operations", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const create1000 = Array.from({ length: 1_000 }, (_, n) => ({ title: `T${n}`, tags: [`t${n % 7}`] }));
  const answer = await ada.call("POST", "/api/tasks/bulk", { create: create1000 });
  assert.equal(answer.status, 200, answer.text);
  const ids: string[] = answer.body.created.map(({ id }: { id: string }) => id);
  assert.equal(new Set(ids).size, 1_000);
  const { items } = (await ada.call("GET", "/api/tasks?sort=position&limit=200")).body;
  assert.deepEqual(
    items.map(({ title }: { title: string }) => title),
    create1000.slice(0, 200).map(({ title }) => title),
  );
  const before = await api.events(ada.userId);
  const half = {
    update: ids.slice(0, 500).map((id) => ({ id, priority: "high" })),
    delete: [...ids.slice(500, 600), crypto.randomUUID()],
  };
  const refused = await ada.call("POST", "/api/tasks/bulk", half);
  assert.equal(refused.status, 404);
  assert.equal(refused.body.errors[0].path, "delete.100");
  assert.equal((await api.events(ada.userId)).length, before.length);
  const list = (await ada.call("POST", "/api/lists", { name: "Home" })).body;
  const mixed = await ada.call("POST", "/api/tasks/bulk", {
    create: [{ title: "First there", listId: list.id }],
    update: ids.slice(0, 300).map((id) => ({ id, listId: list.id })),
    complete: ids.slice(300, 600),
    delete: ids.slice(600, 999),
  });
  assert.equal(mixed.status, 200, mixed.text);
  const { changes } = (await ada.call("GET", "/api/changes?since=1001&limit=500")).body;
  assert.deepEqual(
    new Set(changes.map(({ causationId }: { causationId: string }) => causationId)),
    new Set([mixed.body.causationId]),
  );
  const places = [...mixed.body.created, ...mixed.body.updated].map(({ position }) => position);
  assert.equal(new Set(places).size, 301, "every task that moved has a place of its own");
  assert.deepEqual(places, places.toSorted());
});

Deno.test("DELETE and restore take subtasks along; a parent can't be below itself", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const list = (await ada.call("POST", "/api/lists", { name: "Home" })).body;
  const top = await create(ada);
  const middle = await create(ada, { parentId: top.id });
  const leaf = await create(ada, { parentId: middle.id });
  const alone = await create(ada, { parentId: top.id });
  const live = async () =>
    (await ada.call("GET", "/api/tasks?limit=200")).body.items.map(({ id }: { id: string }) => id).sort();
  for (const below of [middle, leaf]) {
    const answer = await ada.call("PATCH", `/api/tasks/${top.id}`, { parentId: below.id });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.errors[0].path, "parentId");
  }
  await ada.call("DELETE", `/api/tasks/${alone.id}`);
  const all = await live();
  await ada.call("DELETE", `/api/tasks/${top.id}`);
  assert.deepEqual(await live(), []);
  assert.equal((await ada.call("PATCH", `/api/tasks/${leaf.id}`, { title: "x" })).status, 409);
  assert.equal((await ada.call("POST", "/api/tasks", { title: "x", parentId: top.id })).status, 422);
  await ada.call("POST", `/api/tasks/${top.id}/restore`);
  assert.deepEqual(await live(), all, "what was deleted before stays in the trash");

  await ada.call("PATCH", `/api/tasks/${top.id}`, { listId: list.id });
  for (const { id } of [top, middle, leaf]) {
    assert.equal((await ada.call("GET", `/api/tasks/${id}`)).body.listId, list.id);
  }
  const inbox = (await ada.call("GET", "/api/lists")).body.items[0].id;
  const both = await ada.call("PATCH", `/api/tasks/${leaf.id}`, { listId: inbox, parentId: top.id });
  assert.equal(both.body.listId, list.id, "a subtask is where its parent is");
  const away = await ada.call("PATCH", `/api/tasks/${leaf.id}`, { listId: inbox });
  assert.equal(away.body.parentId, null);
  await ada.call("DELETE", `/api/tasks/${middle.id}`);
  await ada.call("DELETE", `/api/lists/${list.id}`);
  const back = await ada.call("POST", `/api/tasks/${middle.id}/restore`);
  assert.deepEqual([back.body.listId, back.body.parentId], [inbox, null]);
});

Deno.test("POST /api/tasks/{id}/restore resolves a floating due in the zone that holds by then", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  await ada.call("PATCH", "/api/me", { timeZone: "Europe/Berlin" });
  const due = { date: "2027-01-31", time: "09:00" };
  const task = await create(ada, { due });
  const child = await create(ada, { parentId: task.id, due });
  assert.equal(task.dueAt, "2027-01-31T08:00:00Z");
  await ada.call("DELETE", `/api/tasks/${task.id}`);
  await ada.call("PATCH", "/api/me", { timeZone: "Asia/Tokyo" });
  const back = await ada.call("POST", `/api/tasks/${task.id}/restore`);
  assert.equal(back.body.dueAt, "2027-01-31T00:00:00Z");
  assert.equal((await ada.call("GET", `/api/tasks/${child.id}`)).body.dueAt, "2027-01-31T00:00:00Z");
});

Deno.test("POST /api/tasks/{id}/restore puts a subtask where its parent is by then", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const [home, work] = [
    (await ada.call("POST", "/api/lists", { name: "Home" })).body.id,
    (await ada.call("POST", "/api/lists", { name: "Work" })).body.id,
  ];
  const parent = await create(ada, { listId: home });
  const child = await create(ada, { parentId: parent.id });
  const leaf = await create(ada, { parentId: child.id });
  await ada.call("DELETE", `/api/tasks/${child.id}`);
  await ada.call("PATCH", `/api/tasks/${parent.id}`, { listId: work });
  const back = (await ada.call("POST", `/api/tasks/${child.id}/restore`)).body;
  assert.deepEqual([back.listId, back.parentId], [work, parent.id]);
  assert.equal((await ada.call("GET", `/api/tasks/${leaf.id}`)).body.listId, work);
});

Deno.test("PATCH /api/tasks/{id} places a task at the end of the list that it ends up in", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const [home, work] = [
    (await ada.call("POST", "/api/lists", { name: "Home" })).body.id,
    (await ada.call("POST", "/api/lists", { name: "Work" })).body.id,
  ];
  for (const listId of [home, home, work]) await create(ada, { listId });
  const parent = await create(ada, { listId: home });
  const lastOf = async (list: string) =>
    (await ada.call("GET", `/api/tasks?list=${list}&sort=position`)).body.items.at(-1).id;
  // The list of a new parent, also against the list that was asked for.
  for (const patch of [{ parentId: parent.id }, { parentId: parent.id, listId: work }]) {
    const task = await create(ada);
    const moved = (await ada.call("PATCH", `/api/tasks/${task.id}`, patch)).body;
    assert.deepEqual([moved.listId, moved.parentId], [home, parent.id]);
    assert.equal(await lastOf(home), task.id);
    assert.ok(moved.position > parent.position);
  }
  const [placed, stays] = [await create(ada), await create(ada, { listId: home })];
  const given = await ada.call("PATCH", `/api/tasks/${placed.id}`, { listId: work, position: "a0V" });
  assert.equal(given.body.position, "a0V");
  await create(ada, { listId: home });
  const kept = await ada.call("PATCH", `/api/tasks/${stays.id}`, { listId: home, parentId: parent.id });
  assert.equal(kept.body.position, stays.position, "the same list, the same place");
});

Deno.test("/internal/occurrences makes no subtask of a task in the trash", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const [kept, gone] = [await create(ada), await create(ada)];
  for (const [parent, expected] of [[kept, kept.id], [gone, null]] as const) {
    const task = await create(ada, { ...aMonthly, parentId: parent.id });
    await ada.call("POST", `/api/tasks/${task.id}/complete`);
    if (expected === null) await ada.call("DELETE", `/api/tasks/${parent.id}`);
    const { created } = await nextOccurrence(api, ada, task.id, "2027-02-28");
    const next = (await ada.call("GET", `/api/tasks/${created?.id}`)).body;
    assert.equal(next.parentId, expected);
  }
});

Deno.test("reminders keep their identity through a patch", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const { id, reminders: [first, second] } = await create(ada, {
    due: { date: "2027-01-01" },
    reminders: [{ before: "PT30M" }, { before: "P1D" }],
  });
  const patched = await ada.call("PATCH", `/api/tasks/${id}`, {
    reminders: [{ before: "P1D" }, { id: first.id, before: "PT10M" }, { before: "PT5M" }],
  });
  assert.deepEqual(patched.body.reminders.map((each: { id: string }) => each.id).slice(0, 2), [
    second.id,
    first.id,
  ]);
  assert.equal(patched.body.reminders.length, 3);
});

Deno.test("limits: what is just allowed is taken", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  await create(ada, {
    title: "x".repeat(500),
    notes: "y".repeat(50_000),
    tags: Array.from({ length: 50 }, (_, n) => String(n).padStart(50, "t")),
    due: { date: "2027-01-01" },
    reminders: Array.from({ length: 20 }, (_, n) => ({ before: `PT${n}M` })),
  });
});

Deno.test("PATCH /api/tasks/{id} merges inside due and recurrence, and null gives a default back", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const made = await ada.call("POST", "/api/tasks", {
    title: "Stand-up",
    notes: "daily",
    tags: ["work"],
    priority: "high",
    due: { date: "2027-01-01", time: "09:00", timeZone: "Asia/Tokyo" },
    recurrence: "daily",
  });
  const patch = (body: unknown) => ada.call("PATCH", `/api/tasks/${made.body.id}`, body);
  assert.deepEqual((await patch({ due: { date: "2027-01-02" } })).body.due, {
    date: "2027-01-02",
    time: "09:00",
    timeZone: "Asia/Tokyo",
  });
  assert.equal((await patch({ due: { time: "10:00" } })).body.due.date, "2027-01-02");
  assert.equal((await patch({ due: { time: null } })).body.due.timeZone, "Asia/Tokyo");
  assert.deepEqual((await patch({ recurrence: { mode: "completion" } })).body.recurrence, {
    rule: "FREQ=DAILY",
    mode: "completion",
  });
  const cleared = (await patch({ notes: null, tags: null, priority: null, reminders: null })).body;
  assert.deepEqual([cleared.notes, cleared.tags, cleared.priority, cleared.reminders], [
    "",
    [],
    "medium",
    [],
  ]);
  const bare = await ada.call("POST", "/api/tasks", { title: "No date" });
  const refused = await ada.call("PATCH", `/api/tasks/${bare.body.id}`, { due: { time: "09:00" } });
  assert.deepEqual([refused.status, refused.body.errors[0].path], [422, "due.date"]);
});
