/** What is kept in the browser and said between its tabs, over a whole application. */
import assert from "node:assert/strict";
import { aBrowser } from "../live/testing.ts";
import { type LocalCopies, memoryCopies } from "../local/copy.ts";
import type { Change } from "../api/types.ts";
import { anApp, ME, until } from "./scene.ts";
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
