import assert from "node:assert/strict";
import { testApi } from "../shared/testing/api.ts";

Deno.test("/api/lists makes, renames, colours and orders lists, and counts open tasks", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const home = await ada.call("POST", "/api/lists", { name: "Home", colour: "teal" });
  assert.equal(home.status, 201);
  assert.equal(home.headers.get("location"), `/api/lists/${home.body.id}`);
  const work = await ada.call("POST", "/api/lists", { name: "Work" });
  assert.equal(work.body.colour, "grey");
  await ada.call("POST", "/api/tasks", { title: "Sweep", listId: home.body.id });
  const done = await ada.call("POST", "/api/tasks", { title: "Mop", listId: home.body.id });
  await ada.call("POST", `/api/tasks/${done.body.id}/complete`);
  const renamed = await ada.call("PATCH", `/api/lists/${home.body.id}`, { name: "House" });
  assert.deepEqual([renamed.body.name, renamed.body.colour, renamed.body.version], ["House", "teal", 2]);
  await ada.call("PATCH", `/api/lists/${work.body.id}`, { position: "Zz" });
  const { body } = await ada.call("GET", "/api/lists");
  assert.deepEqual(body.items.map(({ name, open }: { name: string; open: number }) => [name, open]), [
    ["Inbox", 0],
    ["Work", 0],
    ["House", 1],
  ]);
  assert.deepEqual(
    (await api.events(ada.userId)).filter(({ type }) => type.startsWith("list.")).map(({ type }) => type),
    [
      "list.created.v1",
      "list.created.v1",
      "list.updated.v1",
      "list.updated.v1",
    ],
  );
});

Deno.test("DELETE /api/lists/{id} takes its tasks to trash with it; the Inbox stays", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const list = await ada.call("POST", "/api/lists", { name: "Trip" });
  const task = await ada.call("POST", "/api/tasks", { title: "Pack", listId: list.body.id });
  assert.equal((await ada.call("DELETE", `/api/lists/${list.body.id}`)).status, 200);
  assert.equal((await ada.call("GET", `/api/lists/${list.body.id}`)).status, 404);
  assert.notEqual((await ada.call("GET", `/api/tasks/${task.body.id}`)).body.deletedAt, null);
  const back = await ada.call("POST", `/api/tasks/${task.body.id}/restore`);
  const lists = await ada.call("GET", "/api/lists");
  const inbox = lists.body.items.find(({ inbox }: { inbox: boolean }) => inbox);
  assert.equal(back.body.listId, inbox.id, "a task of a list that is gone comes back to the Inbox");
  for (
    const [method, body] of [["DELETE", undefined], ["PATCH", { name: "Mine" }], ["PATCH", {
      position: "Zz",
    }]] as const
  ) {
    assert.equal((await ada.call(method, `/api/lists/${inbox.id}`, body)).status, 409);
  }
});

Deno.test("/api/filters keeps queries in their order", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const first = await ada.call("POST", "/api/filters", { name: "Soon", query: "today | overdue" });
  await ada.call("POST", "/api/filters", { name: "Home", query: "#home" });
  assert.equal(first.status, 201);
  const changed = await ada.call("PATCH", `/api/filters/${first.body.id}`, { query: "today" });
  assert.deepEqual([changed.body.name, changed.body.query], ["Soon", "today"]);
  assert.equal((await ada.call("DELETE", `/api/filters/${first.body.id}`)).status, 200);
  const { body } = await ada.call("GET", "/api/filters");
  assert.deepEqual(body.items.map(({ name }: { name: string }) => name), ["Home"]);
  assert.equal((await ada.call("GET", `/api/filters/${first.body.id}`)).status, 404);
});
