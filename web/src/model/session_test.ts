/** Who is here, what stays of whoever was, and what is read for them. */
import assert from "node:assert/strict";
import { anApp, type Answer, until } from "./scene.ts";
import { aTask } from "./testing.ts";

const turn = () => new Promise((done) => setTimeout(done, 0));

Deno.test("answers that come after signing out put nothing of that user anywhere", async () => {
  const { promise: late, resolve: answer } = Promise.withResolvers<void>();
  let holding = false;
  let asked = 0;
  const held = async (body: unknown): Promise<Answer> => {
    asked += 1;
    await late;
    return { body };
  };
  const task = aTask({ id: "private" });
  const list = { id: "l1", name: "Private", position: "a1", version: 1, deletedAt: null };
  const reads = (_method: string, path: string) => {
    if (!holding) return undefined;
    if (path.startsWith("/api/tasks?")) return held({ items: [task], nextCursor: null });
    if (path === "/api/lists" || path === "/api/filters") return held({ items: [list] });
    if (path.startsWith("/api/notifications")) {
      return held({ items: [{ id: "n1" }], nextCursor: null, unread: 1 });
    }
    return undefined;
  };
  await using scene = await anApp([], async () => await held(task), { reads });
  const { app } = scene;
  await until(() => app.connection.value === "live");
  holding = true;
  void app.loadCompleted();
  void app.runSearch("private");
  void app.loadLists().catch(() => {});
  void app.notifications.load();
  app.router.go("/inbox?task=private");
  await until(() => asked === 6);
  app.session.left();
  answer();
  await turn();
  await turn();
  assert.deepEqual([...app.store.all()], []);
  assert.deepEqual([app.lists.value, app.filters.items.value, app.notifications.data.value.items], [
    [],
    [],
    [],
  ]);
  assert.deepEqual([app.completedLoad.value.state, app.notifications.data.value.state, app.missing.value], [
    ...["idle", "idle"],
    null,
  ]);
  holding = false;
});

Deno.test("reading all tasks that fails leaves the connection as it is, and no view that goes on waiting", async () => {
  let failing = false;
  const reads = (_method: string, path: string) => {
    if (!failing || !path.startsWith("/api/tasks?")) return undefined;
    return path.includes("cursor")
      ? { status: 500, body: {} }
      : { body: { items: [aTask()], nextCursor: "second" } };
  };
  await using scene = await anApp([], () => ({}), { reads });
  const { app } = scene;
  await until(() => app.connection.value === "live");
  failing = true;
  scene.change({ type: "list.deleted.v1" });
  assert.equal(app.connection.value, "syncing");
  await until(() => app.toasts.toasts.value.length > 0);
  assert.equal(app.connection.value, "live");
  assert.deepEqual(app.tasksLoad.value, { state: "ready", nextCursor: null, more: false });
});

Deno.test("tasks that are read while the stream has not opened yet leave it connecting", async () => {
  await using scene = await anApp([], () => ({}), { opens: false });
  const { app } = scene;
  const states: string[] = [];
  const stop = app.connection.subscribe((state) => void states.push(state));
  await app.loadTasks();
  stop();
  assert.deepEqual(states, ["connecting", "syncing", "connecting"]);
});
