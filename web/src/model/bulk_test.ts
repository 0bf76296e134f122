import assert from "node:assert/strict";
import { effect } from "@preact/signals";
import type { Task } from "../api/types.ts";
import { anApp, until } from "./scene.ts";
import { aTask } from "./testing.ts";

interface Body {
  update?: ({ id: string } & Partial<Task>)[];
  complete?: string[];
  delete?: string[];
}

/** Many tasks, a server that takes any bulk unless it is told not to, and a count of how often the view is computed. */
async function many(count: number) {
  const tasks = Array.from({ length: count }, (_, index) => aTask({ id: `m${index}` }));
  const known = new Map(tasks.map((task) => [task.id, task]));
  const change = (id: string, part: Partial<Task>): Task => {
    const task = known.get(id) ?? aTask({ id });
    const next = { ...task, ...part, version: task.version + 1 };
    known.set(id, next);
    return next;
  };
  const server = { refuses: false };
  const scene = await anApp(tasks, (_method, path, body) => {
    if (path !== "/api/tasks/bulk" || server.refuses) return { status: 409, body: { title: "Conflict" } };
    const { update = [], complete = [], delete: gone = [] } = body as Body;
    return {
      body: {
        ...{ created: [], causationId: `c${known.size}` },
        updated: update.map(({ id, ...part }) => change(id, part)),
        completed: complete.map((id) => change(id, { status: "completed" })),
        deleted: gone.map((id) => change(id, { deletedAt: "2026-03-03T09:00:00Z" })),
      },
    };
  });
  let drawn = 0;
  const stop = effect(() => {
    scene.app.sections.value;
    drawn += 1;
  });
  return {
    scene,
    server,
    app: scene.app,
    ids: tasks.map(({ id }) => id),
    /** How often the view was computed meanwhile. */
    async during(act: () => Promise<unknown>): Promise<number> {
      const before = drawn;
      await act();
      return drawn - before;
    },
    async [Symbol.asyncDispose]() {
      stop();
      await scene[Symbol.asyncDispose]();
    },
  };
}

Deno.test("bulk: however many tasks are changed, the view is computed a few times", async () => {
  await using set = await many(200);
  const { app, ids, server } = set;
  assert.ok(await set.during(() => app.bulk.setPriority(ids, "high")) <= 3);
  assert.ok(ids.every((id) => app.store.get(id)?.priority === "high"));
  server.refuses = true;
  assert.ok(await set.during(() => app.bulk.setPriority(ids, "low")) <= 3);
  assert.ok(ids.every((id) => app.store.get(id)?.priority === "high"));
  server.refuses = false;
  const completed = await set.during(async () => {
    await app.bulk.complete(ids.slice(0, 100));
    // They stay for a moment, then leave together.
    await until(() => app.ui.settling.value.size === 0);
  });
  assert.ok(completed <= 5, `${completed} computations`);
  assert.equal(app.order.value.length, 100);
  assert.ok(await set.during(() => app.bulk.remove(ids.slice(100))) <= 3);
  assert.equal(app.order.value.length, 0);
});

Deno.test("bulk: many tasks changed without a network show at once", async () => {
  await using set = await many(200);
  const { app, ids, scene } = set;
  scene.cut();
  assert.ok(await set.during(() => app.bulk.setPriority(ids, "high")) <= 3);
  assert.ok(ids.every((id) => app.store.get(id)?.priority === "high"));
  for (const { key } of app.sync.operations.value) await app.sync.cancel(key);
});

Deno.test("create() of several sends the same write again when its answer was lost, and another one after that", async () => {
  let lost = true;
  await using scene = await anApp([], (_method, _path, body) => {
    if (lost) return { status: 503, body: { title: "Unavailable" } };
    const { create } = body as { create: Partial<Task>[] };
    return {
      body: {
        ...{ updated: [], deleted: [], completed: [], causationId: null },
        created: create.map((part, index) => aTask({ ...part, id: `made-${index}` })),
      },
    };
  });
  const { app, sent } = scene;
  const add = async () => {
    app.quickAdd.setText("Milk\nBread");
    await app.quickAdd.submit();
  };
  await add();
  assert.equal(app.quickAdd.text.value, "Milk\nBread");
  // Without a stream it is still the same write: in the queue it would be two others.
  scene.cut();
  await add();
  assert.equal(app.sync.operations.value.length, 0);
  await scene.reconnect();
  lost = false;
  // It was taken, and the stream is faster than the answer to the second try.
  scene.change({ type: "task.created.v1", task: aTask({ id: "made-0", title: "Milk", position: "Zz" }) });
  await until(() => app.store.get("made-0") !== undefined);
  await add();
  await add();
  const writes = new Map(sent.map(({ key, body }) => [key, JSON.stringify(body)]));
  assert.equal(writes.size, 2);
  for (const { key, body } of sent) assert.equal(JSON.stringify(body), writes.get(key));
});

Deno.test("duplicate() puts the copy of a list's last task below it, and not on top", async () => {
  const tasks = [aTask({ id: "t1", position: "a0" }), aTask({ id: "t2", position: "a1" })];
  await using scene = await anApp(
    tasks,
    () => ({ body: { created: [], updated: [], deleted: [], completed: [] } }),
  );
  await scene.app.bulk.duplicate(["t2"]);
  const { create } = scene.sent.at(-1)?.body as { create: { position?: string }[] };
  assert.deepEqual(create.map(({ position }) => position), ["a2"]);
  await scene.app.bulk.duplicate(["t1"]);
  const { create: between } = scene.sent.at(-1)?.body as { create: { position?: string }[] };
  assert.deepEqual(between.map(({ position }) => position), ["a0V"]);
});
