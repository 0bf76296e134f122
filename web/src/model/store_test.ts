import assert from "node:assert/strict";
import { effect } from "@preact/signals";
import { createTaskStore } from "./store.ts";
import { aTask } from "./testing.ts";

Deno.test("apply() takes newer versions only, whatever order they come in", () => {
  const store = createTaskStore();
  assert.equal(store.apply(aTask({ id: "a", version: 3, title: "three" })), true);
  assert.equal(store.apply(aTask({ id: "a", version: 2, title: "two" })), false);
  assert.equal(store.apply(aTask({ id: "a", version: 3, title: "three again" })), false);
  assert.equal(store.get("a")?.title, "three");
  assert.equal(store.apply(aTask({ id: "a", version: 4, title: "four" })), true);
  assert.equal(store.get("a")?.title, "four");
});

Deno.test("begin() shows the change at once and rollback() puts the server's task back", () => {
  const store = createTaskStore();
  store.apply(aTask({ id: "a", title: "old" }));
  const mutation = store.begin("a", (task) => ({ ...task, title: "new" }));
  assert.equal(store.get("a")?.title, "new");
  mutation.rollback();
  assert.equal(store.get("a")?.title, "old");
  mutation.confirm(aTask({ id: "a", version: 9, title: "too late" }));
  assert.equal(store.get("a")?.title, "old");
});

Deno.test("begin() stays on top of changes that arrive in between, and merges with them", () => {
  const store = createTaskStore();
  store.apply(aTask({ id: "a", title: "old", priority: "low" }));
  const mutation = store.begin("a", (task) => ({ ...task, title: "mine" }));
  store.apply(aTask({ id: "a", version: 2, title: "old", priority: "urgent" }));
  assert.deepEqual([store.get("a")?.title, store.get("a")?.priority], ["mine", "urgent"]);
  mutation.confirm(aTask({ id: "a", version: 3, title: "mine", priority: "urgent" }));
  assert.deepEqual([store.get("a")?.title, store.get("a")?.version], ["mine", 3]);
});

Deno.test("two changes under way are undone one by one", () => {
  const store = createTaskStore();
  store.apply(aTask({ id: "a", title: "old", priority: "low" }));
  const title = store.begin("a", (task) => ({ ...task, title: "new" }));
  const priority = store.begin("a", (task) => ({ ...task, priority: "urgent" }));
  title.rollback();
  assert.deepEqual([store.get("a")?.title, store.get("a")?.priority], ["old", "urgent"]);
  priority.confirm(null);
  assert.equal(store.get("a")?.priority, "urgent");
});

Deno.test("confirm() without an answer keeps the guess until the event replaces it", () => {
  const store = createTaskStore();
  store.apply(aTask({ id: "a" }));
  store.begin("a", (task) => ({ ...task, deletedAt: "2026-01-01T00:00:00Z" })).confirm();
  assert.equal(store.get("a")?.deletedAt, "2026-01-01T00:00:00Z");
  store.apply(aTask({ id: "a", version: 2, deletedAt: "2026-01-02T00:00:00Z" }));
  assert.equal(store.get("a")?.deletedAt, "2026-01-02T00:00:00Z");
});

Deno.test("insert() replaces the temporary task by the real one under the same key", () => {
  const store = createTaskStore();
  const mutation = store.insert(aTask({ id: "new-1", version: 0 }));
  assert.equal(store.creating(), 1);
  mutation.confirm(aTask({ id: "real", version: 1 }));
  assert.equal(store.creating(), 0);
  assert.deepEqual([...store.all()].map((task) => task.id), ["real"]);
  assert.equal(store.keyOf("real"), "new-1");
  assert.equal(store.realId("new-1"), "real");
  assert.equal(store.get("new-1")?.id, "real");
});

Deno.test("insert() leaves nothing behind after a refusal", () => {
  const store = createTaskStore();
  store.insert(aTask({ id: "new-1", version: 0 })).rollback();
  assert.deepEqual([...store.all()], []);
  assert.equal(store.creating(), 0);
});

Deno.test("beginSnapshot() forgets open tasks the server no longer has, and nothing else", () => {
  const store = createTaskStore();
  store.applyAll([
    aTask({ id: "kept" }),
    aTask({ id: "gone" }),
    aTask({ id: "done", status: "completed" }),
    aTask({ id: "binned", deletedAt: "2026-01-01T00:00:00Z" }),
    aTask({ id: "moved" }),
  ]);
  const snapshot = store.beginSnapshot();
  store.apply(aTask({ id: "arrived" }));
  store.apply(aTask({ id: "moved", version: 2 }));
  store.insert(aTask({ id: "new-1", version: 0 }));
  snapshot.finish(new Set(["kept"]));
  assert.deepEqual([...store.all()].map((task) => task.id).sort(), [
    "arrived",
    "binned",
    "done",
    "kept",
    "moved",
    "new-1",
  ]);
});

Deno.test("revision grows once for a batch, and not for what is no news", () => {
  const store = createTaskStore();
  const seen: number[] = [];
  const stop = effect(() => {
    seen.push(store.revision.value);
  });
  store.applyAll([aTask({ id: "a" }), aTask({ id: "b" }), aTask({ id: "c" })]);
  store.applyAll([aTask({ id: "a" })]);
  stop();
  assert.equal(seen.length, 2);
});
