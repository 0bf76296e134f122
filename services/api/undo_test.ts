import assert from "node:assert/strict";
import { type TestApi, testApi, type TestClient } from "../shared/testing/api.ts";

/** What a user sees, without bookkeeping: live tasks, lists, filters, profile. */
async function view(client: TestClient): Promise<unknown> {
  const get = async (path: string) => (await client.call("GET", path)).body;
  const drop = ({ version: _v, updatedAt: _u, ...rest }: Record<string, unknown>) => rest;
  const tasks = (await get("/api/tasks?status=all&sort=created&limit=200")).items;
  return {
    tasks: tasks.map(drop),
    lists: (await get("/api/lists")).items.map(drop),
    filters: (await get("/api/filters")).items.map(drop),
    me: await get("/api/me"),
  };
}

async function lastCause(client: TestClient): Promise<string> {
  const { changes } = (await client.call("GET", "/api/changes?since=0&limit=500")).body;
  return changes.at(-1).causationId;
}

/** Undoes by the cause and by the first event of it, and undoes that again, twice to and fro. */
async function toAndFro(client: TestClient, change: () => Promise<unknown>): Promise<void> {
  const before = await view(client);
  await change();
  const after = await view(client);
  assert.notDeepEqual(after, before, "the change changes something");
  for (const [round, wanted] of [before, after, before, after, before].entries()) {
    const cause = await lastCause(client);
    const target = round < 2 ? { causationId: cause } : { eventId: await rootOf(client, cause) };
    const answer = await client.call("POST", "/api/undo", target);
    assert.equal(answer.status, 200, `round ${round}: ${answer.text}`);
    assert.ok(answer.body.changes.length > 0);
    assert.deepEqual(await view(client), wanted, `round ${round}`);
  }
}

/** The event that a person would pick of those with one cause: the list's, the topmost task's, the completion. */
async function rootOf(client: TestClient, cause: string): Promise<string> {
  const { changes } = (await client.call("GET", "/api/changes?since=0&limit=500")).body;
  const of = changes.filter(({ causationId }: { causationId: string }) => causationId === cause);
  const rank = (
    { type, task }: { type: string; task: { parentId: string | null; occurrence: number } | null },
  ) => !type.startsWith("task.") ? 0 : 1 + (task?.parentId === null ? 0 : 10) + (task?.occurrence ?? 0);
  return of.toSorted((a: Parameters<typeof rank>[0], b: Parameters<typeof rank>[0]) => rank(a) - rank(b))[0]
    .eventId;
}

async function complete(api: TestApi, client: TestClient, id: string, how = "complete"): Promise<void> {
  await client.call("POST", `/api/tasks/${id}/${how}`);
  await makeNext(api, client, id);
}

/** Asks for the next occurrence as the recurrence service does after the last event of a task. */
async function makeNext(api: TestApi, client: TestClient, id: string): Promise<string | undefined> {
  const [event] = (await client.call("GET", `/api/tasks/${id}/history`)).body.items;
  const answer = await api.hub.runtime("recurrence").invoke("api", "/internal/occurrences", {
    method: "POST",
    headers: { "content-type": "application/json", "x-rondo-user": client.userId },
    body: JSON.stringify({
      userId: client.userId,
      taskId: id,
      eventId: event.eventId,
      causationId: event.causationId,
      next: { date: "2027-02-28", time: null },
    }),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text).created?.id;
}

Deno.test("POST /api/undo takes every kind of change back, and the undo of it, to and fro", async (test) => {
  await using api = await testApi();
  const ada = await api.signUp();
  const make = async (path: string, body: unknown) => {
    const answer = await ada.call("POST", path, body);
    assert.equal(answer.status, 201, answer.text);
    return answer.body;
  };
  const list = await make("/api/lists", { name: "Home" });
  const filter = await make("/api/filters", { name: "Soon", query: "due=today" });
  const task = await make("/api/tasks", {
    title: "Pay rent",
    listId: list.id,
    due: { date: "2027-01-31" },
    recurrence: "monthly",
    tags: ["money"],
    reminders: [{ before: "P1D" }],
  });
  const child = await make("/api/tasks", { title: "Find the number", parentId: task.id });
  const leaf = await make("/api/tasks", { title: "Ask Eve", parentId: child.id });
  const second = await make("/api/tasks", {
    title: "Read",
    due: { date: "2027-01-01" },
    recurrence: "daily",
  });
  const inbox = (await ada.call("GET", "/api/lists")).body.items[0].id;
  const changes: Record<string, () => Promise<unknown>> = {
    "a new task": () => ada.call("POST", "/api/tasks", { title: "New" }),
    "a patch of much": () =>
      ada.call("PATCH", `/api/tasks/${task.id}`, { title: "x", tags: [], due: null, reminders: [] }),
    "another rule": () => ada.call("PATCH", `/api/tasks/${task.id}`, { recurrence: "weekly" }),
    "a move with subtasks": () => ada.call("PATCH", `/api/tasks/${task.id}`, { listId: inbox }),
    "a deletion with subtasks": () => ada.call("DELETE", `/api/tasks/${task.id}`),
    "a skip with subtasks": () => ada.call("POST", `/api/tasks/${task.id}/skip`),
    "a completion with its next occurrence": () => complete(api, ada, second.id),
    "a plain completion": () => ada.call("POST", `/api/tasks/${leaf.id}/complete`),
    "a new list": () => ada.call("POST", "/api/lists", { name: "Garden" }),
    "a list's name": () => ada.call("PATCH", `/api/lists/${list.id}`, { name: "House", colour: "rose" }),
    "a list's deletion with its tasks": () => ada.call("DELETE", `/api/lists/${list.id}`),
    "a new filter": () => ada.call("POST", "/api/filters", { name: "x", query: "y" }),
    "a filter's name": () => ada.call("PATCH", `/api/filters/${filter.id}`, { name: "Later" }),
    "a filter's deletion": () => ada.call("DELETE", `/api/filters/${filter.id}`),
    "a profile's zone": () => ada.call("PATCH", "/api/me", { timeZone: "Asia/Tokyo", name: "Countess" }),
    "preferences": () => ada.call("PATCH", "/api/me", { preferences: { theme: "dark" } }),
  };
  for (const [what, change] of Object.entries(changes)) {
    await test.step(what, () => toAndFro(ada, change));
  }
  await test.step("a bulk and an import, by their cause", async () => {
    const doing = [
      () =>
        ada.call("POST", "/api/tasks/bulk", {
          create: [{ title: "a" }, { title: "b" }],
          update: [{ id: second.id, title: "c" }],
        }),
      () =>
        ada.call(
          "POST",
          "/api/import?format=todoist-csv",
          "TYPE,CONTENT,PRIORITY\nsection,Books,\ntask,Read,1\n",
          {
            headers: { "content-type": "text/csv" },
          },
        ),
    ];
    for (const run of doing) {
      const before = await view(ada);
      assert.equal((await run()).status, 200);
      const after = await view(ada);
      for (const wanted of [before, after, before]) {
        const answer = await ada.call("POST", "/api/undo", { causationId: await lastCause(ada) });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(await view(ada), wanted);
      }
    }
  });
});

Deno.test("POST /api/undo of the undo of a skip skips again, also when no next occurrence was made before", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const aDaily = { title: "Read", due: { date: "2027-01-01" }, recurrence: "daily" };
  const { id } = (await ada.call("POST", "/api/tasks", aDaily)).body;
  const open = async () =>
    (await ada.call("GET", "/api/tasks")).body.items.map(({ occurrence }: { occurrence: number }) =>
      occurrence
    );
  const undo = async () => {
    const answer = await ada.call("POST", "/api/undo", { causationId: await lastCause(ada) });
    assert.equal(answer.status, 200, answer.text);
    return answer.body.changes.map(({ type }: { type: string }) => type);
  };
  await ada.call("POST", `/api/tasks/${id}/skip`);
  assert.deepEqual(await undo(), ["task.restored.v1"]);
  assert.deepEqual(await undo(), ["task.skipped.v1"]);
  assert.notEqual(await makeNext(api, ada, id), undefined, "the skip asks for the next occurrence");
  assert.deepEqual(await open(), [2]);
  assert.deepEqual(await undo(), ["task.deleted.v1", "task.restored.v1"], "it goes with its cause");
  assert.deepEqual(await open(), [1]);
  assert.deepEqual(await undo(), ["task.skipped.v1", "task.restored.v1"]);
  assert.equal(await makeNext(api, ada, id), undefined, "it is there");
  assert.deepEqual(await open(), [2]);

  // A deletion is none, whatever was skipped before.
  const other = (await ada.call("POST", "/api/tasks", aDaily)).body.id;
  await ada.call("POST", `/api/tasks/${other}/skip`);
  await undo();
  await ada.call("DELETE", `/api/tasks/${other}`);
  await undo();
  assert.deepEqual(await undo(), ["task.deleted.v1"]);
});

Deno.test("POST /api/undo answers 409 naming the later change, and changes nothing", async (test) => {
  await using api = await testApi();
  const ada = await api.signUp();
  const make = async (path: string, body: unknown) => (await ada.call("POST", path, body)).body;
  const eventOf = async (): Promise<string> => {
    const { changes } = (await ada.call("GET", "/api/changes?since=0&limit=500")).body;
    return changes.at(-1).eventId;
  };
  /** Runs the first change, then the later one; undoing the first must name the later. */
  const refused = async (first: () => Promise<unknown>, later: () => Promise<unknown>) => {
    await first();
    const target = await eventOf();
    await later();
    const inTheWay = await eventOf();
    const before = await view(ada);
    const events = (await api.events(ada.userId)).length;
    const answer = await ada.call("POST", "/api/undo", { eventId: target });
    assert.equal(answer.status, 409, answer.text);
    assert.match(answer.body.detail, new RegExp(inTheWay));
    assert.deepEqual(await view(ada), before);
    assert.equal((await api.events(ada.userId)).length, events);
  };
  const task = await make("/api/tasks", { title: "a" });
  const other = await make("/api/tasks", { title: "b" });
  const list = await make("/api/lists", { name: "Home" });
  const path = `/api/tasks/${task.id}`;
  await test.step("the same field", () =>
    refused(() => ada.call("PATCH", path, { title: "x" }), () => ada.call("PATCH", path, { title: "y" })));
  await test.step("another field is in nobody's way", async () => {
    await ada.call("PATCH", path, { notes: "n" });
    const eventId = await eventOf();
    await ada.call("PATCH", path, { title: "z" });
    const answer = await ada.call("POST", "/api/undo", { eventId });
    assert.equal(answer.status, 200);
    assert.deepEqual([answer.body.changes[0].task.notes, answer.body.changes[0].task.title], ["", "z"]);
  });
  await test.step("a new task that was changed", async () => {
    let made = { id: "" };
    await refused(
      async () => (made = await make("/api/tasks", { title: "new" })),
      () => ada.call("PATCH", `/api/tasks/${made.id}`, { title: "newer" }),
    );
  });
  await test.step("a new task that has a subtask now", async () => {
    let made = { id: "" };
    await refused(
      async () => (made = await make("/api/tasks", { title: "new" })),
      () => ada.call("POST", "/api/tasks", { title: "below", parentId: made.id }),
    );
  });
  await test.step("a new list that holds a task now", async () => {
    let made = { id: "" };
    await refused(
      async () => (made = await make("/api/lists", { name: "New" })),
      () => ada.call("POST", "/api/tasks", { title: "in it", listId: made.id }),
    );
  });
  await test.step("a move from a list that is gone", async () => {
    await ada.call("PATCH", path, { listId: list.id });
    const inbox = (await ada.call("GET", "/api/lists")).body.items[0].id;
    await refused(
      () => ada.call("PATCH", path, { listId: inbox }),
      () => ada.call("DELETE", `/api/lists/${list.id}`),
    );
  });
  await test.step("a parent that is in another list now", async () => {
    const work = await make("/api/lists", { name: "Work" });
    const parent = await make("/api/tasks", { title: "parent" });
    const child = await make("/api/tasks", { title: "child", parentId: parent.id });
    await refused(
      () => ada.call("DELETE", `/api/tasks/${child.id}`),
      () => ada.call("PATCH", `/api/tasks/${parent.id}`, { listId: work.id }),
    );
  });
  await test.step("a subtask that was made in the other list", async () => {
    const work = await make("/api/lists", { name: "Office" });
    const parent = await make("/api/tasks", { title: "parent" });
    await refused(
      () => ada.call("PATCH", `/api/tasks/${parent.id}`, { listId: work.id }),
      () => make("/api/tasks", { title: "child", parentId: parent.id }),
    );
  });
  await test.step("a parent that would close a circle", async () => {
    await ada.call("PATCH", path, { parentId: other.id });
    await refused(
      () => ada.call("PATCH", path, { parentId: null }),
      () => ada.call("PATCH", `/api/tasks/${other.id}`, { parentId: task.id }),
    );
  });
  await test.step("the same undo twice", async () => {
    await ada.call("PATCH", path, { priority: "urgent" });
    const eventId = await eventOf();
    assert.equal((await ada.call("POST", "/api/undo", { eventId })).status, 200);
    assert.equal((await ada.call("POST", "/api/undo", { eventId })).status, 409);
  });
  await test.step("a next occurrence that was changed", async () => {
    const series = await make("/api/tasks", {
      title: "r",
      due: { date: "2027-01-31" },
      recurrence: "monthly",
    });
    await complete(api, ada, series.id);
    const next = (await ada.call("GET", "/api/changes?since=0&limit=500")).body.changes.at(-1).taskId;
    const [{ eventId }] = (await ada.call("GET", `/api/tasks/${series.id}/history`)).body.items;
    await ada.call("PATCH", `/api/tasks/${next}`, { title: "mine" });
    const answer = await ada.call("POST", "/api/undo", { eventId });
    assert.equal(answer.status, 409);
    assert.match(answer.body.detail, new RegExp(await eventOf()));
  });
});
