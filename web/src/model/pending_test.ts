import assert from "node:assert/strict";
import type { Filter, List, Me, ProfilePatch, Task } from "../api/types.ts";
import { memoryCopies } from "../local/copy.ts";
import { anApp, type Answer, ME, until } from "./scene.ts";
import { mergeProfile } from "./session.ts";
import { aTask } from "./testing.ts";

const AT = "2026-03-03T09:00:00Z";
const aList = (part: Partial<List>): List => ({
  ...{ id: "l1", name: "Home", colour: "amber", inbox: false, position: "a1", version: 1 },
  ...{ createdAt: AT, updatedAt: AT, deletedAt: null },
  ...part,
});
const aFilter = (part: Partial<Filter>): Filter => ({
  ...{ id: "f1", name: "Urgent", query: "urgent", position: "a1", version: 1 },
  ...{ createdAt: AT, updatedAt: AT, deletedAt: null },
  ...part,
});

/** A server that makes what it is asked to. */
function makes(method: string, path: string, body: unknown): Answer {
  const fields = body as Record<string, unknown>;
  if (method === "POST" && path === "/api/lists") return { body: aList({ id: "l-real", ...fields }) };
  if (method === "PATCH" && path.startsWith("/api/lists/")) {
    return { body: aList({ id: path.slice(11), version: 2, ...fields }) };
  }
  if (method === "POST" && path === "/api/filters") return { body: aFilter({ id: "f-real", ...fields }) };
  if (method === "POST" && path === "/api/tasks") {
    return { status: 201, body: aTask({ id: "t-real", ...fields as Partial<Task> }) };
  }
  if (path === "/api/me") return { body: mergeProfile(ME as Me, body as ProfilePatch) };
  return { status: 204 };
}

const names = (app: { lists: { value: readonly { name: string }[] } }) =>
  app.lists.value.map(({ name }) => name);
const paths = (sent: { method: string; path: string }[]) =>
  sent.map(({ method, path }) => `${method} ${path}`).filter((line) => !line.includes("/changes"));

Deno.test("lists: one made, renamed and filled without a network is there, and goes to the server in that order", async () => {
  await using scene = await anApp([], makes);
  const { app, sent } = scene;
  scene.cut();
  const list = await app.listActions.create("Garden", "green");
  await app.listActions.update(list.id, { name: "Orchard" });
  void app.actions.create({ title: "Prune", listId: list.id });
  assert.deepEqual(names(app), ["Inbox", "Orchard"]);
  await until(() => app.sync.operations.value.every(({ id }) => id < Number.MAX_SAFE_INTEGER));
  assert.deepEqual(paths(sent), []);
  await scene.reconnect();
  await until(() => app.sync.operations.value.length === 0);
  assert.deepEqual(paths(sent), ["POST /api/lists", "PATCH /api/lists/l-real", "POST /api/tasks"]);
  assert.equal((sent.at(-1)?.body as { listId: string }).listId, "l-real");
  assert.deepEqual(app.lists.value.map(({ id, name }) => [id, name]), [["inbox", "Inbox"], [
    "l-real",
    "Orchard",
  ]]);
  assert.ok(sent.every(({ key }) => key !== null));
});

Deno.test("lists: undo takes back one that was not sent, but not one that has tasks", async () => {
  await using scene = await anApp([], makes);
  const { app, sent } = scene;
  scene.cut();
  await app.listActions.create("Empty", "green");
  void app.actions.undoLast();
  await until(() => names(app).length === 1);
  const list = await app.listActions.create("Full", "green");
  void app.actions.create({ title: "Stays", listId: list.id });
  await until(() => app.sync.operations.value.length === 2);
  await until(() => app.sync.operations.value.every(({ id }) => id < Number.MAX_SAFE_INTEGER));
  const [operation] = app.sync.operations.value;
  assert.equal(await app.sync.cancel(operation?.key ?? ""), false);
  assert.deepEqual(names(app), ["Inbox", "Full"]);
  assert.deepEqual(paths(sent), []);
});

Deno.test("lists: one that the server refuses leaves, is kept as a refusal, and what is in it says why", async () => {
  await using scene = await anApp(
    [],
    (method, path, body) =>
      path === "/api/lists" && method === "POST"
        ? { status: 422, body: { title: "Unprocessable", detail: "There is a list of this name." } }
        : makes(method, path, body),
  );
  const { app } = scene;
  scene.cut();
  const list = await app.listActions.create("Home", "green");
  void app.actions.create({ title: "In it", listId: list.id });
  await until(() => app.sync.operations.value.length === 2);
  await scene.reconnect();
  await until(() => app.sync.refusals.value.length === 2);
  assert.deepEqual(names(app), ["Inbox"]);
  assert.match(app.sync.refusals.value[0]?.text ?? "", /list of this name/);
  assert.match(app.sync.refusals.value[1]?.text ?? "", /could not be made/);
});

Deno.test("lists: a call that nobody answers is kept and sent again with the same key", async () => {
  let away = true;
  await using scene = await anApp(
    [],
    (method, path, body) =>
      away && path === "/api/lists" ? { status: 503, body: {} } : makes(method, path, body),
  );
  const { app, sent } = scene;
  await app.listActions.create("Garden", "green");
  assert.deepEqual(names(app), ["Inbox", "Garden"]);
  away = false;
  app.wake();
  await until(() => app.sync.operations.value.length === 0);
  assert.equal(new Set(sent.filter(({ path }) => path === "/api/lists").map(({ key }) => key)).size, 1);
  assert.equal(app.lists.value.at(-1)?.id, "l-real");
});

Deno.test("filters: saved, changed and deleted without a network, and read from the copy by the next visit", async () => {
  const copies = memoryCopies();
  const network = { up: true };
  const known = aFilter({ id: "f0", name: "Home", query: "#home" });
  const first = await anApp([aTask({ title: "Paint", tags: ["home"] })], makes, {
    ...{ copies, network, filters: [known] },
  });
  await until(() => first.app.filters.items.value.length === 1);
  first.cut();
  await first.app.filters.create("Soon", "today");
  await first.app.filters.update("f0", { query: "#home & !low" });
  const copy = await copies.open(ME.id);
  const kept = async () => {
    const { filters, operations } = await copy.read();
    return filters.length === 1 && operations.length === 2;
  };
  while (!await kept()) await new Promise((done) => setTimeout(done, 1));
  first.close();
  await using second = await anApp([], makes, { copies, network });
  const { app, sent } = second;
  await until(() => app.filters.items.value.length === 2);
  assert.deepEqual(app.filters.items.value.map(({ name, query }) => [name, query]), [
    ["Home", "#home & !low"],
    ["Soon", "today"],
  ]);
  await second.reconnect();
  await until(() => app.sync.operations.value.length === 0);
  assert.deepEqual(paths(sent), ["POST /api/filters", "PATCH /api/filters/f0"]);
});

Deno.test("settings: changed without a network they show, outlive a failing server, and are sent", async () => {
  let failures = 1;
  await using scene = await anApp(
    [],
    (method, path, body) =>
      path === "/api/me" && failures-- > 0 ? { status: 503, body: {} } : makes(method, path, body),
  );
  const { app, sent } = scene;
  scene.cut();
  await app.session.patch({ preferences: { theme: "dark" } });
  await app.session.patch({ preferences: { density: "compact" } });
  assert.equal(app.session.preferences.value.theme, "dark");
  assert.equal(app.session.preferences.value.density, "compact");
  // What the server said last is kept apart from what waits.
  assert.equal(app.session.known.value?.preferences.theme, "system");
  await scene.reconnect();
  await until(() => app.sync.operations.value.length === 0);
  const patches = sent.filter(({ path }) => path === "/api/me");
  assert.deepEqual(patches.map(({ method, body }) => [method, body]), [
    ["PATCH", { preferences: { theme: "dark" } }],
    ["PATCH", { preferences: { theme: "dark" } }],
    ["PATCH", { preferences: { density: "compact" } }],
  ]);
  assert.equal(patches[0]?.key, patches[1]?.key);
});

Deno.test("bulk: without a network each change waits by itself, and one undo takes all of them back", async () => {
  const tasks = [aTask({ id: "a", title: "A" }), aTask({ id: "b", title: "B" })];
  await using scene = await anApp(tasks, makes);
  const { app, sent } = scene;
  scene.cut();
  await app.bulk.setPriority(["a", "b"], "urgent");
  assert.deepEqual(["a", "b"].map((id) => app.store.get(id)?.priority), ["urgent", "urgent"]);
  assert.equal(app.sync.operations.value.length, 2);
  void app.actions.undoLast();
  await until(() => app.sync.operations.value.length === 0);
  assert.deepEqual(["a", "b"].map((id) => app.store.get(id)?.priority), ["medium", "medium"]);
  assert.deepEqual(paths(sent), []);
});

Deno.test("bulk: a call that nobody answers is kept task by task", async () => {
  const tasks = [aTask({ id: "a", title: "A" }), aTask({ id: "b", title: "B" })];
  await using scene = await anApp(
    tasks,
    (method, path, body) =>
      path === "/api/tasks/bulk"
        ? { status: 503, body: {} }
        : method === "PATCH" && path.startsWith("/api/tasks/")
        ? { body: { ...tasks.find(({ id }) => path.endsWith(id)), ...body as Partial<Task>, version: 2 } }
        : makes(method, path, body),
  );
  const { app, sent } = scene;
  assert.equal(await app.bulk.setPriority(["a", "b"], "high"), true);
  await until(() => app.sync.operations.value.length === 0);
  assert.deepEqual(paths(sent).filter((line) => line.startsWith("PATCH")).sort(), [
    "PATCH /api/tasks/a",
    "PATCH /api/tasks/b",
  ]);
  assert.deepEqual(["a", "b"].map((id) => app.store.get(id)?.priority), ["high", "high"]);
});

Deno.test("duplicate() copies the open parts of a task with it, also without a network", async () => {
  const tasks = [
    aTask({ id: "whole", title: "Whole" }),
    aTask({ id: "part", title: "Part", parentId: "whole", position: "a1" }),
    aTask({ id: "done", title: "Done part", parentId: "whole", status: "completed" }),
  ];
  let made = 0;
  await using scene = await anApp(tasks, (_method, path, body) => {
    if (path === "/api/tasks") {
      return { status: 201, body: aTask({ id: `copy-${++made}`, ...body as Partial<Task> }) };
    }
    const { create } = body as { create: Partial<Task>[] };
    return {
      body: {
        ...{ updated: [], deleted: [], completed: [], causationId: `cause-${made}` },
        created: create.map((task) => aTask({ id: `copy-${++made}`, ...task })),
      },
    };
  });
  const { app, sent } = scene;
  await app.bulk.duplicate(["whole", "part"]);
  const bulks = sent.filter(({ path }) => path === "/api/tasks/bulk").map(({ body }) => body) as {
    create: { title: string; parentId?: string }[];
  }[];
  assert.deepEqual(bulks.map(({ create }) => create.map(({ title, parentId }) => [title, parentId])), [
    [["Whole", undefined]],
    [["Part", "copy-1"]],
  ]);
  scene.cut();
  await app.bulk.duplicate(["whole"]);
  await scene.reconnect();
  await until(() => app.sync.operations.value.length === 0);
  const alone = sent.filter(({ path }) => path === "/api/tasks").map(({ body }) => body) as {
    title: string;
    parentId?: string;
  }[];
  assert.deepEqual(alone.map(({ title, parentId }) => [title, parentId]), [
    ["Whole", undefined],
    ["Part", "copy-3"],
  ]);
});

Deno.test("bulk: what is done to several does not overtake a change that waits to be tried again", async () => {
  let refusals = 1;
  await using scene = await anApp([aTask({ id: "a", title: "A" })], (method, path, body) => {
    if (method === "PATCH" && refusals-- > 0) {
      return { status: 429, body: {}, headers: { "retry-after": "9" } };
    }
    if (path === "/api/tasks/bulk") return { body: { created: [], updated: [], deleted: [], completed: [] } };
    return { body: aTask({ id: "a", title: "A", version: 3, ...body as Partial<Task> }) };
  });
  const { app, sent } = scene;
  void app.actions.setPriority("a", "urgent");
  await until(() => sent.length === 1);
  const done = app.bulk.setPriority(["a"], "low");
  app.wake();
  await done;
  await until(() => app.sync.operations.value.length === 0);
  assert.deepEqual(sent.map(({ method, path, body }) => [method, path, body]), [
    ["PATCH", "/api/tasks/a", { priority: "urgent" }],
    ["PATCH", "/api/tasks/a", { priority: "urgent" }],
    ["PATCH", "/api/tasks/a", { priority: "low" }],
  ]);
});

Deno.test("lists: renaming one that is still being made waits for its real id", async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  await using scene = await anApp([], async (method, path, body) => {
    if (path === "/api/lists") await answered;
    return makes(method, path, body);
  });
  const { app, sent } = scene;
  scene.cut();
  const list = await app.listActions.create("Garden", "green");
  await scene.reconnect();
  await until(() => sent.length === 1);
  await app.listActions.update(list.id, { name: "Orchard" });
  assert.deepEqual(names(app), ["Inbox", "Orchard"]);
  const other = await app.listActions.create("Shed", "grey");
  assert.equal(app.toasts.toasts.value.at(-1)?.text, "List “Shed” made");
  answer();
  await until(() => app.sync.operations.value.length === 0);
  assert.ok(other.id.startsWith("new-"));
  assert.deepEqual(paths(sent), ["POST /api/lists", "PATCH /api/lists/l-real", "POST /api/lists"]);
});
