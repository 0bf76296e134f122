/** Who is here, what stays of whoever was, and what is read for them. */
import assert from "node:assert/strict";
import { memoryCopies } from "../local/copy.ts";
import type { List, Notification, Profile } from "../api/types.ts";
import { anApp, type Answer, INBOX, ME, until } from "./scene.ts";
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

Deno.test("a setting that is refused as the session has ended leaves its user signed out", async () => {
  await using scene = await anApp([], () => ({ status: 401, body: { title: "Who are you" } }));
  const { app } = scene;
  const states: string[] = [];
  const stop = app.session.session.subscribe(({ state }) => void states.push(state));
  await assert.rejects(app.session.patch({ preferences: { theme: "dark" } }));
  stop();
  assert.equal(states.at(-1), "signed-out");
});

Deno.test("a setting that is refused takes back itself, and not what came meanwhile", async () => {
  const { promise: refused, resolve: refuse } = Promise.withResolvers<Answer>();
  await using scene = await anApp([], () => refused);
  const { app } = scene;
  const patching = app.session.patch({ preferences: { theme: "dark" } });
  assert.equal(app.session.preferences.value.theme, "dark");
  scene.change({
    type: "profile.updated.v1",
    profile: { ...ME, name: "Mirabel", preferences: { ...ME.preferences, density: "compact" } } as Profile,
  });
  refuse({ status: 422, body: { title: "Invalid" } });
  await assert.rejects(patching);
  const { theme, density } = app.session.preferences.value;
  assert.deepEqual([theme, density, app.session.known.value?.name], ["system", "compact", "Mirabel"]);
});

Deno.test("a list that could not be renamed, and a notification not marked, take back no more than that", async () => {
  const { promise: refused, resolve: refuse } = Promise.withResolvers<Answer>();
  await using scene = await anApp([], () => refused, {
    reads: (method, path) => method === "POST" && path.endsWith("/read") ? refused : undefined,
  });
  const { app } = scene;
  await until(() => app.lists.value.length === 1 && app.notifications.data.value.state === "ready");
  const aNotification = (id: string) => ({ id, title: id, body: "", readAt: null }) as Notification;
  scene.emit("notification", aNotification("n1"));
  const renaming = app.listActions.update(INBOX.id, { name: "Renamed" });
  const marking = app.notifications.markRead("n1");
  assert.equal(app.notifications.data.value.unread, 0);
  scene.emit("notification", aNotification("n2"));
  scene.change({ type: "list.created.v1", list: { ...INBOX, id: "l1", name: "New", inbox: false } as List });
  refuse({ status: 422, body: { title: "Invalid" } });
  await assert.rejects(renaming);
  await marking;
  assert.deepEqual(app.lists.value.map(({ name }) => name), ["Inbox", "New"]);
  const { items, unread } = app.notifications.data.value;
  assert.deepEqual([items.map(({ id, readAt }) => [id, readAt]), unread], [[["n2", null], ["n1", null]], 2]);
});

Deno.test("a task that could not be read is not said to be gone, and is read when the network is back", async () => {
  const task = aTask({ id: "old", title: "Long done", status: "completed" });
  await using scene = await anApp(
    [],
    (_method, path) => path === "/api/tasks/old" ? { body: task } : { status: 404, body: { title: "Gone" } },
  );
  const { app } = scene;
  await until(() => app.connection.value === "live");
  scene.cut();
  app.router.go("/inbox?task=old");
  await until(() => app.toasts.toasts.value.some(({ text }) => text === "Could not read this task"));
  assert.equal(app.missing.value, null);
  await scene.reconnect();
  await until(() => app.store.get("old")?.title === "Long done");
  app.router.go("/inbox?task=never");
  await until(() => app.missing.value === "never");
});

Deno.test("a copy that is read after the server was given up on opens all the same", async () => {
  const copies = memoryCopies();
  const task = aTask({ title: "In the copy" });
  const first = await anApp([task], () => ({}), { copies });
  await until(() => first.app.connection.value === "live");
  first.app.hide();
  await turn();
  first.close();
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const slow = { ...copies, open: (userId: string) => opened.then(() => copies.open(userId)) };
  const network = { up: false, tries: 0 };
  const starting = anApp([], () => ({}), { copies: slow, network });
  // As often as a question is tried.
  await until(() => network.tries === 3);
  await turn();
  open();
  await using second = await starting;
  assert.equal(second.app.session.session.value.state, "signed-in");
  assert.deepEqual([...second.app.store.all()].map(({ title }) => title), ["In the copy"]);
});

Deno.test("what was being written stays for its user while a session ends, and goes when they sign out or another comes", async () => {
  let me = ME;
  const reads = (_method: string, path: string) => path === "/api/me" ? { body: me } : undefined;
  await using scene = await anApp([], () => ({ body: null }), { reads });
  const { app } = scene;
  const come = async (id: string) => {
    me = { ...ME, id };
    await app.session.load();
    await until(() => app.session.me.value?.id === id);
  };
  app.quickAdd.setText("Buy a ring");
  app.session.expire();
  await come(ME.id);
  assert.equal(app.quickAdd.text.value, "Buy a ring");
  app.session.expire();
  await come("another");
  assert.equal(app.quickAdd.text.value, "");
  app.quickAdd.setText("Write to the landlord");
  await app.signOut();
  assert.equal(app.quickAdd.text.value, "");
});
