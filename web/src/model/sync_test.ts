/** What is kept in the browser and said between its tabs, over a whole application. */
import assert from "node:assert/strict";
import { aBrowser } from "../live/testing.ts";
import { memoryCopies } from "../local/copy.ts";
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
