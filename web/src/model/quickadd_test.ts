import assert from "node:assert/strict";
import type { TaskInput } from "../api/types.ts";
import { anApp, until } from "./scene.ts";

Deno.test("submit() gives each of several lines what the view adds, and keeps what a line says itself", async () => {
  await using scene = await anApp([], () => ({
    body: { created: [], updated: [], deleted: [], completed: [], causationId: null },
  }));
  const { app, sent } = scene;
  const at = "2026-03-03T09:00:00Z";
  const list = {
    ...{ id: "home", name: "Household", colour: "amber" as const, inbox: false, position: "a1", version: 1 },
    ...{ createdAt: at, updatedAt: at, deletedAt: null },
  };
  scene.change({ type: "list.created.v1", list });
  await until(() => app.lists.value.length === 2);
  const submit = async (url: string, text: string) => {
    app.router.go(url);
    app.quickAdd.setText(text);
    await app.quickAdd.submit();
    return (sent.at(-1)?.body as { create: TaskInput[] }).create;
  };
  assert.deepEqual(
    (await submit("/list/home", "Milk\nBread @Inbox")).map(({ title, listId }) => [title, listId]),
    [["Milk", "home"], ["Bread", "inbox"]],
  );
  assert.deepEqual(
    (await submit("/today", "Milk\nBread tomorrow")).map(({ due }) => due?.date),
    ["2026-03-03", "2026-03-04"],
  );
  assert.deepEqual(
    (await submit("/tag/food", "Milk\nBread #home")).map(({ tags }) => tags),
    [["food"], ["home", "food"]],
  );
  assert.equal(app.quickAdd.text.value, "");
});

Deno.test("a line is read once, and anew when a piece of it is dismissed", async () => {
  await using scene = await anApp([], () => ({ body: {} }));
  const { quickAdd } = scene.app;
  quickAdd.setText("Rent tomorrow");
  const first = quickAdd.result.value;
  assert.equal(first.fields.due?.date, "2026-03-04");
  quickAdd.setText("Rent tomorrow!");
  quickAdd.result.value;
  quickAdd.setText("Rent tomorrow");
  assert.equal(quickAdd.result.value, first);
  quickAdd.dismiss(first.chips[0]?.key ?? "");
  assert.equal(quickAdd.result.value.fields.due, undefined);
});
