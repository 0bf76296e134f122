/** What is kept in the browser and said between its tabs, over a whole application. */
import assert from "node:assert/strict";
import { aBrowser } from "../live/testing.ts";
import { type LocalCopies, memoryCopies } from "../local/copy.ts";
import type { Change, Task } from "../api/types.ts";
import { anApp, type Answer, ME, until } from "./scene.ts";
import { aTask } from "./testing.ts";

const turn = () => new Promise((done) => setTimeout(done, 0));

for (const leaver of ["leading", "following"] as const) {
  Deno.test(`signing out in the ${leaver} tab leaves no position behind: the next sign-in reads everything`, async () => {
    const copies = memoryCopies();
    const browser = aBrowser();
    const task = aTask({ title: "Pay rent" });
    await using first = await anApp([task], () => ({}), { copies, tabs: browser.tab().options });
    await using second = await anApp([task], () => ({}), { copies, tabs: browser.tab().options });
    const copy = await copies.open(ME.id);
    first.change({ task: { ...task, version: 2 } });
    await until(() => second.app.store.get(task.id)?.version === 2);
    const [stays, leaves] = leaver === "leading" ? [second, first] : [first, second];
    await leaves.app.signOut();
    await until(() => stays.app.session.session.value.state === "signed-out");
    await turn();
    const { seq, tasks } = await copy.read();
    assert.deepEqual([seq, tasks], [null, []]);
    await using third = await anApp([task], () => ({}), { copies });
    await until(() => third.app.tasksLoad.value.state === "ready");
    assert.deepEqual([...third.app.store.all()].map(({ title }) => title), ["Pay rent"]);
  });
}

/** Copies whose storage refuses to keep tasks as long as `full` says so. */
function copiesThatFill(state: { full: boolean }): LocalCopies {
  const copies = memoryCopies();
  return {
    ...copies,
    async open(userId) {
      const copy = await copies.open(userId);
      return {
        ...copy,
        saveTasks: (part) => state.full ? Promise.reject(new Error("full")) : copy.saveTasks(part),
      };
    },
  };
}

const aChange = (part: Partial<Change>): Change => ({
  ...{ seq: 1, eventId: "e1", type: "task.updated.v1", taskId: null, task: null, at: "2026-03-03T09:00:00Z" },
  ...{ actor: { kind: "user", id: ME.id }, causationId: "c1" },
  ...part,
});

Deno.test("a change that the storage refused is kept with the next one, and no position goes past it before", async () => {
  const storage = { full: false };
  const copies = copiesThatFill(storage);
  const [first, second] = [aTask({ id: "t1" }), aTask({ id: "t2" })];
  await using scene = await anApp([first, second], () => ({}), { copies });
  const copy = await copies.open(ME.id);
  await until(() => scene.app.tasksLoad.value.state === "ready");
  await scene.app.sync.save([]);
  storage.full = true;
  scene.change({ task: { ...first, version: 2 } });
  scene.app.hide();
  await turn();
  assert.equal((await copy.read()).seq, 0);
  storage.full = false;
  scene.change({ task: { ...second, version: 2 } });
  scene.app.hide();
  await turn();
  const { seq, tasks } = await copy.read();
  assert.deepEqual([seq, tasks.map(({ version }) => version)], [2, [2, 2]]);
});

Deno.test("a slow storage is given each task once, however often there is something to keep meanwhile", async () => {
  const kept = memoryCopies();
  const written: string[] = [];
  const waits: (() => void)[] = [];
  let slow = false;
  const copies: LocalCopies = {
    ...kept,
    async open(userId) {
      const copy = await kept.open(userId);
      return {
        ...copy,
        async saveTasks(part) {
          written.push(...Array.from(part.tasks, ({ id }) => id));
          if (slow) await new Promise<void>((resolve) => waits.push(resolve));
          await copy.saveTasks(part);
        },
      };
    },
  };
  await using scene = await anApp([], () => ({}), { copies });
  const { app } = scene;
  await until(() => app.tasksLoad.value.state === "ready");
  await app.sync.save([]);
  [slow, written.length] = [true, 0];
  const ids = Array.from({ length: 20 }, (_, index) => `t${index}`);
  const saves = ids.map((id) => app.sync.save([aTask({ id })]));
  const all = Promise.all(saves);
  slow = false;
  for (const done of waits) done();
  await all;
  assert.deepEqual(written, ids);
  assert.equal((await (await copies.open(ME.id)).read()).tasks.length, ids.length);
});

Deno.test("a page of tasks that the storage refused is kept with what says that all have been read", async () => {
  const storage = { full: false };
  const copies = copiesThatFill(storage);
  const task = aTask({ id: "t1" });
  await using scene = await anApp([task], () => ({}), { copies });
  const copy = await copies.open(ME.id);
  storage.full = true;
  await scene.app.sync.save([{ ...task, version: 2 }]);
  storage.full = false;
  await scene.app.sync.complete({ forget: [] }, 7);
  const { seq, tasks } = await copy.read();
  assert.deepEqual([seq, tasks.map(({ version }) => version)], [7, [2]]);
});

Deno.test("a tab that follows writes no position, and keeps what it knows when it comes to lead", async () => {
  const copies = memoryCopies();
  const browser = aBrowser();
  const task = aTask({ id: "t1" });
  // The stream of the first tab brings nothing, so the second one has asked for what it misses.
  const missed = aChange({ seq: 5, task: { ...task, version: 5 }, taskId: "t1" });
  const first = await anApp([task], () => ({}), { copies, tabs: browser.tab().options });
  const copy = await copies.open(ME.id);
  const position = async () => (await copy.read()).seq;
  await until(() => first.app.tasksLoad.value.state === "ready");
  first.app.hide();
  await turn();
  await using second = await anApp(
    [task],
    (_method, path) => path.startsWith("/api/changes") ? { body: { changes: [missed], hasMore: false } } : {},
    { copies, tabs: browser.tab().options },
  );
  await second.app.sync.catchUp();
  assert.equal(second.app.store.get("t1")?.version, 5);
  second.app.hide();
  await turn();
  assert.equal(await position(), 0);
  first.close();
  for (let turns = 0; turns < 1_000 && await position() !== 5; turns++) {
    second.app.hide();
    await turn();
  }
  assert.deepEqual([await position(), (await copy.read()).tasks.map(({ version }) => version)], [5, [5]]);
});

Deno.test("a resync whose reading was cut off leaves no position; the one that ends leaves that of the resync", async () => {
  const copies = memoryCopies();
  const task = aTask({ id: "t1" });
  let failing = false;
  const reads = (_method: string, path: string) =>
    failing && path.startsWith("/api/tasks?") ? { status: 500, body: {} } : undefined;
  await using scene = await anApp([task], () => ({}), { copies, reads });
  const { app } = scene;
  const position = async () => {
    app.hide();
    await turn();
    return (await (await copies.open(ME.id)).read()).seq;
  };
  await until(() => app.connection.value === "live");
  assert.equal(await position(), 0);
  failing = true;
  scene.emit("resync", { seq: 9_000 });
  scene.emit("change", aChange({ seq: 9_001, task: { ...task, version: 2 }, taskId: "t1" }));
  const failed = () => app.toasts.toasts.value.find(({ text }) => text === "Could not refresh your tasks");
  await until(() => failed() !== undefined);
  assert.equal(await position(), null);
  failing = false;
  failed()?.action?.run();
  await until(() => app.connection.value === "live");
  assert.equal(await position(), 9_000);
});

Deno.test("a resync makes the tabs that follow read everything, and not the gap before", async () => {
  const browser = aBrowser();
  const copies = memoryCopies();
  const task = aTask({ id: "t1" });
  const asked: string[] = [];
  const answer = (_method: string, path: string) => {
    asked.push(path);
    return { body: { changes: [], hasMore: false } };
  };
  let reloads = 0;
  const reads = (_method: string, path: string) => {
    if (path.startsWith("/api/tasks?")) reloads += 1;
    return undefined;
  };
  await using first = await anApp([task], () => ({}), { copies, tabs: browser.tab().options });
  await until(() => first.app.tasksLoad.value.state === "ready");
  first.app.hide();
  await turn();
  await using second = await anApp([task], answer, { copies, reads, tabs: browser.tab().options });
  const before = reloads;
  first.emit("resync", { seq: 9_000 });
  first.emit("change", aChange({ seq: 9_001, task: { ...task, version: 2 }, taskId: "t1" }));
  await until(() => second.app.store.get("t1")?.version === 2 && reloads > before);
  assert.deepEqual(asked, []);
});

Deno.test("a tab that follows and could not read after a resync reads when the stream is open again", async () => {
  const browser = aBrowser();
  const task = aTask({ id: "t1" });
  let failing = false;
  let reloads = 0;
  const reads = (_method: string, path: string) => {
    if (!path.startsWith("/api/tasks?")) return undefined;
    if (failing) return { status: 500, body: {} };
    reloads += 1;
    return undefined;
  };
  await using first = await anApp([task], () => ({}), { tabs: browser.tab().options });
  await until(() => first.app.tasksLoad.value.state === "ready");
  await using second = await anApp([task], () => ({}), { reads, tabs: browser.tab().options });
  await until(() => second.app.tasksLoad.value.state === "ready");
  failing = true;
  first.emit("resync", { seq: 9_000 });
  await until(() =>
    second.app.toasts.toasts.value.some(({ text }) => text === "Could not refresh your tasks")
  );
  failing = false;
  const before = reloads;
  first.emit("error", {});
  first.app.wake();
  first.emit("ready", { seq: 9_000 });
  await until(() => reloads > before);
});

/** A server that finds the first try of a completion to be ahead of its own clock. */
function behindClock(task: Task) {
  return (_method: string, path: string, body: unknown): Answer => {
    if (!path.endsWith("/complete")) return { body: {} };
    if ((body as { completedAt?: string }).completedAt !== undefined) {
      return { status: 422, body: { title: "Invalid", errors: [{ path: "completedAt", message: "ahead" }] } };
    }
    return { body: { ...task, status: "completed", version: 2 } };
  };
}

Deno.test("a completion that goes on under another key ends in the other tabs, too", async () => {
  const copies = memoryCopies();
  const browser = aBrowser();
  const network = { up: true };
  const task = aTask({ id: "t1" });
  await using first = await anApp([task], behindClock(task), {
    ...{ copies, network, tabs: browser.tab().options },
  });
  await until(() => first.app.tasksLoad.value.state === "ready");
  first.app.hide();
  await turn();
  await using second = await anApp([task], () => ({}), { copies, network, tabs: browser.tab().options });
  first.cut();
  await until(() => second.app.connection.value === "offline");
  void second.app.actions.complete("t1");
  await until(() => first.app.sync.operations.value.length === 1);
  await first.reconnect();
  await until(() => first.app.sync.operations.value.length === 0);
  await until(() => second.app.sync.operations.value.length === 0);
  assert.deepEqual([second.app.store.get("t1")?.status, second.app.store.get("t1")?.version], [
    "completed",
    2,
  ]);
});

Deno.test("what has left the queue without a word is let go of by the tab that comes to lead", async () => {
  const copies = memoryCopies();
  const browser = aBrowser();
  const task = aTask({ id: "t1", priority: "low" });
  const leader = browser.tab();
  // Nobody answers as long as the first tab leads.
  const first = await anApp([task], () => ({ status: 503, body: {} }), { copies, tabs: leader.options });
  await until(() => first.app.tasksLoad.value.state === "ready");
  first.app.hide();
  await turn();
  await using second = await anApp([task], () => ({}), { copies, tabs: browser.tab().options });
  void second.app.actions.setPriority("t1", "high");
  await until(() => first.app.sync.operations.value.length === 1);
  const copy = await copies.open(ME.id);
  const [operation] = (await copy.read()).operations;
  assert.ok(operation);
  // It was sent and settled, and the tab ended before it could say so.
  await copy.settle(operation, { ...task, priority: "urgent", version: 2 });
  first.close();
  await until(() => second.app.sync.operations.value.length === 0);
  assert.equal(
    second.app.store.get("t1")?.priority,
    "low",
    "what the server said last, until the change comes",
  );
});

Deno.test("a change is sent where the browser thinks that there is no network, but the stream is open", async () => {
  const task = aTask({ id: "t1" });
  const answer = () => ({ body: { ...task, priority: "high", version: 2 } });
  await using scene = await anApp([task], answer, { network: { up: true, known: false } });
  void scene.app.actions.setPriority("t1", "high");
  await until(() => scene.sent.length === 1);
  await until(() => scene.app.sync.operations.value.length === 0);
});

Deno.test("a stream that ends and opens again is no loss of the network; one that does not is", async () => {
  const task = aTask({ id: "t1" });
  await using scene = await anApp([task], () => ({ body: { ...task, version: 2 } }));
  const { app } = scene;
  await until(() => app.connection.value === "live");
  const states: string[] = [];
  const stop = app.connection.subscribe((state) => void states.push(state));
  scene.emit("error", {});
  app.wake();
  scene.emit("ready", { seq: 0 });
  await turn();
  assert.deepEqual(new Set(states), new Set(["live"]));
  scene.emit("error", {});
  app.wake();
  scene.emit("error", {});
  assert.equal(states.at(-1), "offline", "it could not be opened again");
  stop();
  app.wake();
  scene.emit("ready", { seq: 0 });
  assert.equal(app.connection.value, "live");
  scene.emit("error", {});
  assert.equal(app.connection.value, "live");
  await until(() => app.connection.value === "offline");
});
