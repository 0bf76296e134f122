import assert from "node:assert/strict";
import { applyPatch } from "./intents.ts";
import { anApp, type Answer, until } from "./scene.ts";
import { aTask } from "./testing.ts";

const shown = (app: Awaited<ReturnType<typeof anApp>>["app"]) =>
  app.sections.value.flatMap((section) => section.tasks.map((task) => task.title));

Deno.test("applyPatch() fills a due and leaves other fields alone", () => {
  const task = aTask({ title: "a", tags: ["x"] });
  const patched = applyPatch(task, { due: { date: "2026-03-04" }, reminders: [{ before: "PT30M" }] });
  assert.deepEqual(patched.due, { date: "2026-03-04", time: null, timeZone: null });
  assert.equal(patched.reminders[0]?.before, "PT30M");
  assert.deepEqual([patched.title, patched.tags], ["a", ["x"]]);
  assert.equal(applyPatch(patched, { due: null }).due, null);
});

Deno.test("complete() shows at once, rolls back on a refusal and says so", async () => {
  const task = aTask({ id: "t1", title: "Pay rent" });
  await using scene = await anApp(
    [task],
    (_method, path) =>
      path.endsWith("/complete")
        ? { status: 409, body: { title: "Conflict", detail: "It was moved." } }
        : { body: {} },
  );
  const { app } = scene;
  const done = app.actions.complete("t1");
  assert.equal(app.store.get("t1")?.status, "completed");
  await done;
  assert.equal(app.store.get("t1")?.status, "open");
  assert.deepEqual(app.toasts.toasts.value.map(({ tone, text, detail }) => [tone, text, detail]), [
    ["error", "Could not complete “Pay rent”", "It was moved."],
  ]);
});

Deno.test("signOut() asks before it drops what could not be sent", async () => {
  const task = aTask({ id: "t1", title: "Pay rent" });
  await using scene = await anApp([task], () => ({ status: 503, body: { title: "Unavailable" } }));
  const { app } = scene;
  void app.actions.complete("t1");
  await until(() => scene.sent.length > 0);
  await app.signOut();
  assert.equal(app.session.session.value.state, "signed-in");
  assert.equal(app.store.get("t1")?.status, "completed", "it still waits to be sent");
  const [toast] = app.toasts.toasts.value.slice(-1);
  assert.equal(toast?.text, "1 change not sent yet, so you are still signed in");
  toast?.action?.run();
  await until(() => app.session.session.value.state === "signed-out");
});

Deno.test("complete() of a recurring task tells the next date when it arrives", async () => {
  const task = aTask({
    id: "t1",
    title: "Rent",
    seriesId: "s",
    occurrence: 1,
    recurrence: { rule: "FREQ=MONTHLY", mode: "schedule" },
    due: { date: "2026-03-03", time: null, timeZone: null },
  });
  await using scene = await anApp([task], () => ({ body: { ...task, status: "completed", version: 2 } }));
  await scene.app.actions.complete("t1");
  scene.change({
    type: "task.created.v1",
    task: aTask({
      ...task,
      id: "t2",
      occurrence: 2,
      due: { date: "2026-04-03", time: null, timeZone: null },
    }),
  });
  assert.equal(scene.app.toasts.toasts.value[0]?.detail, "Next: Fri 3 Apr");
});

Deno.test("completing again after an undo names the next occurrence, which comes back out of the trash", async () => {
  const task = aTask({
    id: "t1",
    title: "Rent",
    seriesId: "s",
    occurrence: 1,
    recurrence: { rule: "FREQ=DAILY", mode: "schedule" },
    due: { date: "2026-03-03", time: null, timeZone: null },
  });
  await using scene = await anApp([task], () => ({ body: { ...task, status: "completed", version: 4 } }));
  await scene.app.actions.complete("t1");
  const next = aTask({
    ...task,
    id: "t2",
    occurrence: 2,
    due: { date: "2026-03-04", time: null, timeZone: null },
  });
  scene.change({ type: "task.restored.v1", task: { ...next, version: 3 } });
  assert.equal(scene.app.toasts.toasts.value[0]?.detail, "Next: Wed 4 Mar");
});

Deno.test("a burst of changes is drawn together, a few are drawn one by one", async () => {
  await using scene = await anApp([], () => ({}));
  let drawn = 0;
  const stop = scene.app.store.revision.subscribe(() => void drawn++);
  drawn = 0;
  for (let index = 0; index < 500; index++) {
    scene.change({ type: "task.created.v1", task: aTask({ id: `b${index}`, title: `Task ${index}` }) });
  }
  await until(() => [...scene.app.store.all()].length === 500);
  stop();
  assert.ok(drawn <= 25, `${drawn} drawings`);
});

Deno.test("an undo that a later change stands in the way of is refused in words", async () => {
  const task = aTask({ id: "t1", title: "Rent" });
  const eventId = "0199d3f2-7a1e-7cc0-8000-000000000001";
  await using scene = await anApp(
    [task],
    (_method, path) =>
      path === "/api/undo"
        ? {
          status: 409,
          body: { title: "Conflict", detail: `Change ${eventId} (task.updated.v1) stands in the way` },
        }
        : { body: { ...task, priority: "high", version: 2 } },
  );
  await scene.app.actions.setPriority("t1", "high");
  scene.change({ task: aTask({ ...task, priority: "high", version: 2 }), taskId: "t1" });
  void scene.app.actions.undoLast();
  const last = () => scene.app.toasts.toasts.value.at(-1);
  await until(() => last()?.tone === "error");
  assert.equal(last()?.detail, "A later change stands in the way. Undo that one first.");
});

Deno.test("undoLast() takes the offer to undo away and says what was undone", async () => {
  const task = aTask({ id: "t1", title: "Rent" });
  const changed = aTask({ ...task, priority: "high", version: 2 });
  await using scene = await anApp(
    [task],
    (_method, path) => path === "/api/undo" ? { body: { changes: [] } } : { body: changed },
  );
  const { actions, toasts } = scene.app;
  await actions.setPriority("t1", "high");
  scene.change({ task: changed, taskId: "t1" });
  assert.deepEqual(toasts.toasts.value.map(({ text, action }) => [text, action?.label]), [
    ["Priority set to high", "Undo"],
  ]);
  await actions.undoLast();
  assert.deepEqual(toasts.toasts.value.map(({ text, detail, action }) => [text, detail, action]), [
    ["Undone", "Priority set to high", undefined],
  ]);
});

Deno.test("undo uses the event that arrived for the very version", async () => {
  const task = aTask({ id: "t1", title: "Rent" });
  await using scene = await anApp(
    [task],
    (_method, path) =>
      path === "/api/undo"
        ? { body: { changes: [] } }
        : { body: { ...task, status: "completed", version: 2 } },
  );
  await scene.app.actions.complete("t1");
  scene.change({
    eventId: "wanted",
    type: "task.completed.v1",
    task: { ...task, status: "completed", version: 2 },
  });
  scene.app.toasts.toasts.value[0]?.action?.run();
  await until(() => scene.sent.some(({ path }) => path === "/api/undo"));
  assert.deepEqual(scene.sent.at(-1)?.body, { eventId: "wanted" });
});

Deno.test("create() shows one row although its event comes before its answer", async () => {
  let release = (_: Answer) => {};
  const answer = new Promise<Answer>((resolve) => release = resolve);
  await using scene = await anApp([], () => answer);
  const created = scene.app.actions.create({ title: "Milk" });
  assert.deepEqual(shown(scene.app), ["Milk"]);
  const real = aTask({ id: "real", title: "Milk" });
  scene.change({ type: "task.created.v1", task: real });
  assert.deepEqual(shown(scene.app), ["Milk"]);
  release({ status: 201, body: real });
  await created;
  await until(() => scene.app.store.creating() === 0);
  assert.deepEqual(shown(scene.app), ["Milk"]);
  assert.equal(scene.app.store.get("real")?.id, "real");
});

Deno.test("quick add gives the text back when the server refuses it", async () => {
  await using scene = await anApp([], () => ({
    status: 422,
    body: { title: "Invalid", errors: [{ path: "title", message: "must be shorter" }] },
  }));
  const { quickAdd, toasts } = scene.app;
  quickAdd.setText("Milk #shop");
  await quickAdd.submit();
  assert.equal(quickAdd.text.value, "Milk #shop");
  assert.equal(toasts.toasts.value[0]?.detail, "must be shorter");
  assert.deepEqual(shown(scene.app), []);
});

Deno.test("quick add finds lists by name in any case", async () => {
  await using scene = await anApp(
    [],
    (_method, _path, body) => ({ status: 201, body: { ...aTask({}), ...body as object } }),
  );
  scene.app.quickAdd.setText("Milk @inbox !high");
  await scene.app.quickAdd.submit();
  const [post] = scene.sent;
  assert.deepEqual([post?.method, post?.path], ["POST", "/api/tasks"]);
  assert.ok(post?.key);
  const { listId, priority, title } = post?.body as { listId: string; priority: string; title: string };
  assert.deepEqual([title, listId, priority], ["Milk", "inbox", "high"]);
});

Deno.test("a change from another tab shows without a reload, an older one does not", async () => {
  const task = aTask({ id: "t1", title: "old", version: 5 });
  await using scene = await anApp([task], () => ({ body: {} }));
  scene.change({ task: { ...task, title: "new", version: 6 } });
  assert.deepEqual(shown(scene.app), ["new"]);
  scene.change({ task: { ...task, title: "stale", version: 4 } });
  assert.deepEqual(shown(scene.app), ["new"]);
});

Deno.test("create() sends the same key again when the answer to the same task was lost", async () => {
  let answers = 0;
  await using scene = await anApp([], (_method, _path, body) => {
    answers += 1;
    return answers === 1
      ? { status: 500, body: {} }
      : { status: 201, body: { ...aTask({}), ...body as object } };
  });
  const { quickAdd } = scene.app;
  quickAdd.setText("Milk");
  await quickAdd.submit();
  assert.equal(quickAdd.text.value, "Milk");
  await quickAdd.submit();
  quickAdd.setText("Milk");
  await quickAdd.submit();
  const [first, second, third] = scene.sent.map(({ key }) => key);
  assert.ok(first);
  assert.equal(first, second);
  assert.notEqual(second, third);
});

Deno.test("undoLast() means the last thing that was done, also while its answer is still on the way", async () => {
  const task = aTask({ id: "t1", title: "Rent" });
  const { promise: deleted, resolve: answerDelete } = Promise.withResolvers<Answer>();
  await using scene = await anApp([task], (method, path) => {
    if (method === "DELETE") return deleted;
    return path === "/api/undo"
      ? { body: { changes: [] } }
      : { body: { ...task, priority: "high", version: 2 } };
  });
  await scene.app.actions.setPriority("t1", "high");
  scene.change({ task: aTask({ ...task, priority: "high", version: 2 }), taskId: "t1" });
  const removing = scene.app.actions.remove("t1");
  await until(() => scene.sent.some(({ method }) => method === "DELETE"));
  void scene.app.actions.undoLast();
  const gone = aTask({ ...task, version: 3, deletedAt: "2026-03-03T09:00:00Z" });
  scene.change({ type: "task.deleted.v1", task: gone, taskId: "t1", eventId: "the-deletion" });
  answerDelete({ body: gone });
  await removing;
  const undone = () => scene.sent.find(({ path }) => path === "/api/undo")?.body;
  await until(() => undone() !== undefined);
  assert.deepEqual(undone(), { eventId: "the-deletion" });
});
