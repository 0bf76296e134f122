import assert from "node:assert/strict";
import { Preview, type PreviewedChange } from "../shared/contracts/preview.ts";
import { type TestApi, testApi, type TestClient } from "../shared/testing/api.ts";
import { dataOf, openJudge } from "./routes/testing.ts";

/** Fields that differ between two runs of one command. */
const FRESH = ["id", "seriesId", "createdAt", "updatedAt", "completedAt", "deletedAt", "position", "dueAt"];

const plain = (thing: Record<string, unknown>, fresh = FRESH) =>
  Object.fromEntries(
    Object.entries(thing).filter(([name]) => !fresh.includes(name)).map(([name, value]) => [
      name,
      name === "reminders" ? (value as { before?: string }[]).map(({ before }) => before) : value,
    ]),
  );

async function previewOf(
  client: TestClient,
  method: string,
  path: string,
  body?: unknown,
): Promise<Preview> {
  const answer = await client.call(method, `${path}?dryRun=true`, body);
  assert.equal(answer.status, 200, answer.text);
  return Preview.parse(answer.body);
}

/** A list, a repeating task with a subtask and a reminder, and a filter. */
async function furnished(api: TestApi) {
  const ada = await api.signUp();
  const make = async (path: string, body: unknown) => (await ada.call("POST", path, body)).body;
  const list = await make("/api/lists", { name: "Home" });
  const task = await make("/api/tasks", {
    title: "Pay rent",
    listId: list.id,
    due: { date: "2027-01-31" },
    recurrence: "monthly",
    reminders: [{ before: "P1D" }],
  });
  const child = await make("/api/tasks", { title: "Find the number", parentId: task.id });
  const filter = await make("/api/filters", { name: "Soon", query: "due:today" });
  return { ada, list, task, child, filter };
}

Deno.test("a dry run changes nothing, and the same call then does exactly what it said", async () => {
  await using api = await testApi();
  const { ada, list, task, filter } = await furnished(api);
  const judge = await openJudge(api);
  const calls: [string, string, unknown?][] = [
    ["POST", "/api/tasks", { title: "Buy milk", tags: ["shop"], reminders: [{ before: "PT5M" }] }],
    ["PATCH", `/api/tasks/${task.id}`, { title: "Pay the rent", due: { date: "2027-02-01" } }],
    ["POST", `/api/tasks/${task.id}/complete`],
    ["POST", `/api/tasks/${task.id}/reopen`],
    ["POST", "/api/tasks/bulk", { create: [{ title: "a" }, { title: "b" }], complete: [task.id] }],
    ["POST", `/api/tasks/${task.id}/reopen`],
    ["POST", `/api/tasks/${task.id}/skip`],
    ["POST", `/api/tasks/${task.id}/restore`],
    ["DELETE", `/api/tasks/${task.id}`],
    ["POST", "/api/lists", { name: "Work" }],
    ["PATCH", `/api/lists/${list.id}`, { name: "House" }],
    ["DELETE", `/api/lists/${list.id}`],
    ["PATCH", `/api/filters/${filter.id}`, { name: "Sooner" }],
    ["DELETE", `/api/filters/${filter.id}`],
    ["PATCH", "/api/me", { timeZone: "Europe/Berlin" }],
  ];
  for (const [method, path, body] of calls) {
    const before = await dataOf(api, ada);
    const created = await api.metrics.tasksCreated.get();
    const answer = await ada.call(method, `${path}?dryRun=true`, body);
    judge.check(
      `${method} ${path.replace(/[0-9a-f-]{36}/, "{id}")}`,
      answer,
    );
    const preview = Preview.parse(answer.body);
    assert.ok(preview.changes.length > 0, path);
    assert.deepEqual(await dataOf(api, ada), before, `${path} as a dry run`);
    assert.deepEqual(await api.metrics.tasksCreated.get(), created);
    assert.equal(preview.seq, (await changesSince(ada, 0)).length);
    const done = await ada.call(method, path, body, { headers: { "if-preview": `"${preview.preview}"` } });
    assert.ok(done.status < 300, `${path}: ${done.text}`);
    const changes = await changesSince(ada, preview.seq);
    assert.deepEqual(
      changes.map(({ type }) => type),
      preview.changes.map(({ type }) => type),
      path,
    );
    changes.forEach((change, index) => {
      const said = preview.changes[index] as PreviewedChange;
      const real = change[said.kind] as Record<string, unknown>;
      if (said.id !== null) assert.equal(said.id, real.id);
      assert.deepEqual(plain(said.after), plain(real), `${path}: ${said.type}`);
    });
  }
});

async function changesSince(client: TestClient, since: number): Promise<Record<string, unknown>[]> {
  const changes: Record<string, unknown>[] = [];
  for (;;) {
    const { body } = await client.call("GET", `/api/changes?since=${since + changes.length}&limit=500`);
    changes.push(...body.changes);
    if (!body.hasMore) return changes;
  }
}

Deno.test("a commit that is held to a preview refuses what has changed in between, and nothing else", async () => {
  await using api = await testApi();
  const { ada, task, child } = await furnished(api);
  const other = (await ada.call("POST", "/api/tasks", { title: "Another" })).body;
  const path = `/api/tasks/${task.id}`;
  const { preview, changes } = await previewOf(ada, "DELETE", path);
  assert.deepEqual(changes.map(({ id }) => id), [task.id, child.id]);
  const held = { headers: { "if-preview": preview } };

  await ada.call("PATCH", `/api/tasks/${child.id}`, { notes: "it is 42" });
  const before = await dataOf(api, ada);
  const refused = await ada.call("DELETE", path, undefined, held);
  assert.equal(refused.status, 412, refused.text);
  assert.equal(refused.body.errors[0].path, "If-Preview");
  assert.deepEqual(await dataOf(api, ada), before);

  const again = await previewOf(ada, "DELETE", path);
  assert.notEqual(again.preview, preview);
  // What has nothing to do with it does not stand in its way.
  await ada.call("PATCH", `/api/tasks/${other.id}`, { title: "Renamed" });
  const done = await ada.call("DELETE", path, undefined, { headers: { "if-preview": again.preview } });
  assert.equal(done.status, 200, done.text);
});

Deno.test("a dry run is refused as the command would be, and takes no idempotency key with it", async () => {
  await using api = await testApi();
  const { ada, task } = await furnished(api);
  const bob = await api.signUp("Bob");
  const missing = await bob.call("DELETE", `/api/tasks/${task.id}?dryRun=true`);
  assert.equal(missing.status, 404);
  const stale = await ada.call("PATCH", `/api/tasks/${task.id}?dryRun=true`, { title: "x" }, {
    headers: { "if-match": '"9"' },
  });
  assert.equal(stale.status, 412);
  const invalid = await ada.call("POST", "/api/tasks/bulk?dryRun=true", {
    update: [{ id: task.id, title: "" }],
  });
  assert.equal(invalid.status, 422);
  assert.equal((await ada.call("POST", "/api/tasks?dryRun=perhaps", { title: "x" })).status, 422);
  assert.equal((await ada.call("GET", "/api/tasks?dryRun=true")).status, 422);

  const keyed = { headers: { "idempotency-key": "one" } };
  assert.equal((await ada.call("POST", "/api/tasks?dryRun=true", { title: "Milk" }, keyed)).status, 200);
  const made = await ada.call("POST", "/api/tasks", { title: "Milk" }, keyed);
  assert.equal(made.status, 201);
  assert.equal((await ada.call("POST", "/api/tasks", { title: "Milk" }, keyed)).body.id, made.body.id);
});

Deno.test("a dry run of an undo shows what comes back", async () => {
  await using api = await testApi();
  const { ada, task, child } = await furnished(api);
  const { body } = await ada.call("POST", "/api/tasks/bulk", { delete: [task.id] });
  const { changes } = await previewOf(ada, "POST", "/api/undo", { causationId: body.causationId });
  assert.deepEqual(changes.map(({ type, id }) => [type, id]), [
    ["task.restored.v1", child.id],
    ["task.restored.v1", task.id],
  ]);
  assert.equal((await ada.call("GET", `/api/tasks/${task.id}`)).body.deletedAt !== null, true);
});
