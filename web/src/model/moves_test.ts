import assert from "node:assert/strict";
import type { Task } from "../api/types.ts";
import { localDue } from "./dates.ts";
import { anApp } from "./scene.ts";
import { aTask } from "./testing.ts";

Deno.test("a task of another zone stands on the day of the user's that it is moved to", async () => {
  // 23:00 on 2 March in Berlin; it is 3 March there.
  const task = aTask({ id: "t1", due: { date: "2026-03-03", time: "07:00", timeZone: "Asia/Tokyo" } });
  let known = task;
  await using scene = await anApp([task], (_method, path, body) => {
    const patch = path === "/api/tasks/bulk"
      ? (body as { update: Partial<Task>[] }).update[0]
      : body as Partial<Task>;
    known = { ...known, ...patch, version: known.version + 1 };
    return path === "/api/tasks/bulk"
      ? { body: { created: [], updated: [known], deleted: [], completed: [], causationId: "c" } }
      : { body: known };
  });
  const { app } = scene;
  const day = () => {
    const { due } = app.store.get("t1") ?? task;
    return due === null ? null : localDue(due, "Europe/Berlin").day;
  };
  assert.equal(day(), "2026-03-02");
  await app.bulk.setDay(["t1"], "2026-03-03");
  assert.equal(day(), "2026-03-03");
  assert.equal(await app.bulk.setDay(["t1"], "2026-03-03"), false);
  await app.moves.shift("t1", 2);
  assert.equal(day(), "2026-03-05");
  // The date that the task has in its own zone is another day here.
  assert.equal(app.store.get("t1")?.due?.date, "2026-03-06");
  assert.equal(await app.moves.drop(["t1"], { kind: "day", date: "2026-03-06" }), true);
  assert.equal(day(), "2026-03-06");
  assert.equal(await app.moves.drop(["t1"], { kind: "day", date: "2026-03-06" }), false);
  assert.deepEqual(app.store.get("t1")?.due, { date: "2026-03-07", time: "07:00", timeZone: "Asia/Tokyo" });
});

Deno.test("step() goes past neighbours that have the same place", async () => {
  const tasks = [["x", "a0"], ["a", "a1"], ["b", "a1"], ["y", "a2"]].map(([id, position]) =>
    aTask({ id, position, createdAt: `2026-01-01T00:00:0${id === "b" ? 1 : 0}Z` })
  );
  const known = new Map(tasks.map((task) => [task.id, task]));
  await using scene = await anApp(tasks, (_method, path, body) => {
    const task = known.get(path.split("/").at(-1) ?? "") ?? aTask();
    const next = { ...task, ...body as Partial<Task>, version: task.version + 1 };
    known.set(task.id, next);
    return { body: next };
  });
  const { app } = scene;
  const order = () => app.order.value.join("");
  assert.equal(order(), "xaby");
  assert.equal(await app.moves.step("x", app.order.value, 1), true);
  assert.equal(order(), "abxy");
  assert.equal(await app.moves.step("x", app.order.value, -1), true);
  assert.equal(order(), "xaby");
  assert.equal(await app.moves.step("y", app.order.value, -1), true);
  assert.equal(order(), "xyab");
});
