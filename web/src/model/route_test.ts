import assert from "node:assert/strict";
import { afterSignIn, createRouter, parseRoute, signInUrl, type View, viewUrl } from "./route.ts";

const at = (path: string) => parseRoute(new URL(path, "http://localhost"));

/** A history of addresses with a place in it. */
function fakeHistory(start: string) {
  const entries = [start];
  let index = 0;
  let changed = () => {};
  return {
    entries,
    back() {
      index = Math.max(0, index - 1);
      changed();
    },
    read: () => new URL(entries[index] ?? "/", "http://localhost"),
    push(url: string) {
      entries.splice(index + 1);
      entries.push(url);
      index += 1;
    },
    replace(url: string) {
      entries[index] = url;
    },
    listen(run: () => void) {
      changed = run;
    },
  };
}

Deno.test("parseRoute() and viewUrl() are each other's inverse", () => {
  const views: View[] = [
    { name: "inbox" },
    { name: "today" },
    { name: "list", listId: "0190-ab" },
    { name: "tag", tag: "ärger/50%" },
    { name: "search", q: "milk & honey" },
    { name: "settings" },
  ];
  for (const view of views) {
    assert.deepEqual(at(viewUrl(view)).view, view);
    const open = at(viewUrl(view, { taskId: "t1", panel: "activity", sort: "due" }));
    assert.deepEqual(open, { view, taskId: "t1", panel: "activity", sort: "due" });
  }
});

Deno.test("parseRoute() opens the task that a message links to", () => {
  const { view, taskId } = parseRoute(new URL("http://localhost/task/t-1"));
  assert.deepEqual([view.name, taskId], ["inbox", "t-1"]);
  assert.equal(parseRoute(new URL("http://localhost/task/a/b")).view.name, "not-found");
});

Deno.test("parseRoute() answers addresses nobody made", () => {
  assert.deepEqual(at("/").view, { name: "inbox" });
  assert.deepEqual(at("/nonsense").view, { name: "not-found" });
  assert.deepEqual(at("/inbox/deeper").view, { name: "not-found" });
  assert.deepEqual(at("/list/%ff").view, { name: "not-found" });
  assert.equal(at("/inbox?panel=activity").panel, null);
  assert.equal(at("/inbox?sort=evil").sort, null);
});

Deno.test("createRouter() lets back close a task, however many were opened in a row", () => {
  const history = fakeHistory("/today");
  const router = createRouter(history);
  router.openTask("a");
  router.openTask("b");
  assert.equal(router.taskId.value, "b");
  history.back();
  assert.equal(router.taskId.value, null);
  assert.equal(router.view.value.name, "today");
});

Deno.test("afterSignIn() leads back to the address that was asked for, and never to another origin", () => {
  const back = (path: string) => afterSignIn(new URL(path, "http://localhost"));
  assert.equal(back(signInUrl("/upcoming?task=t1&panel=activity")), "/upcoming?task=t1&panel=activity");
  assert.equal(signInUrl("/inbox"), "/sign-in");
  assert.equal(back("/sign-in"), "/inbox");
  for (
    const next of ["https://elsewhere.example/", "//elsewhere.example/x", "javascript:alert(1)", "/sign-up"]
  ) {
    assert.equal(back(signInUrl(next)), "/inbox");
  }
});
