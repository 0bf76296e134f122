/** Without a network: what is there is read, what is done is kept and sent later, and both ends agree. */
import assert from "node:assert/strict";
import type { BrowserContext, Page } from "playwright-core";
import { freePort, startRondo, temporaryFolder } from "../support/rondo.ts";
import {
  check,
  type Client,
  day,
  eventually,
  journeys,
  live,
  load,
  make,
  named,
  openApp,
  row,
  startLimits,
  type Task,
  titles,
  toast,
} from "./support.ts";

const test = journeys();

const NETWORK = [
  /ERR_INTERNET_DISCONNECTED/,
  /ERR_NETWORK_CHANGED/,
  /ERR_FAILED/,
  /ERR_CONNECTION_REFUSED/,
  /ERR_INCOMPLETE_CHUNKED_ENCODING/,
  /ERR_CONNECTION_RESET/,
  /ERR_EMPTY_RESPONSE/,
  /status of 50[234]/,
];

const offline = (page: Page) =>
  page.locator("[data-testid=connection][data-state=offline]").first().waitFor({ state: "attached" });
/** Waits until so many changes wait to be sent. */
const waiting = (page: Page, count: number) =>
  page.locator(`[data-testid=connection][data-waiting="${count}"]`).first().waitFor({ state: "attached" });

async function add(page: Page, text: string): Promise<void> {
  await page.keyboard.press("q");
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
}

const open = async (client: Client): Promise<Task[]> =>
  (await client.call<{ items: Task[] }>("GET", "/api/tasks?status=all&limit=200&sort=created&order=asc")).body
    .items;

/** Waits until the service worker has kept the application. */
async function installed(page: Page): Promise<void> {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
}

test("offline: reads, adds, edits, completes; all of it is at the server after the network returns, in order", async (app) => {
  await using user = await app.user({ serviceWorkers: "allow" });
  user.expects(...NETWORK);
  const { page, client, context } = user;
  await installed(page);
  const rent = await make(client, { title: "Rent" });
  await make(client, { title: "Groceries" });
  await row(page, "Groceries").waitFor();

  await context.setOffline(true);
  await offline(page);
  await add(page, "Written on the train !high #trip");
  await row(page, "Written on the train").waitFor();
  await row(page, "Written on the train").getByRole("link").click();
  const title = page.getByRole("textbox", { name: "Title" });
  await title.fill("Written on the night train");
  await title.press("Enter");
  await page.keyboard.press("Escape");
  await row(page, "Written on the night train").waitFor();
  await check(page, "Rent").click();
  await row(page, "Rent").waitFor({ state: "detached" });
  await waiting(page, 3);
  assert.equal((await named(client, "Rent"))[0]?.status, "open");

  await context.setOffline(false);
  await live(page);
  await waiting(page, 0);
  await eventually(async () => (await named(client, "Written on the night train")).length, 1);
  const { body } = await client.call<{ changes: { type: string; taskId: string }[] }>(
    "GET",
    "/api/changes?since=0",
  );
  assert.deepEqual(
    body.changes.filter(({ type }) => type.startsWith("task.")).slice(-3).map(({ type }) => type),
    ["task.created.v1", "task.updated.v1", "task.completed.v1"],
  );
  const [made] = await named(client, "Written on the night train");
  assert.deepEqual([made?.priority, made?.tags], ["high", ["trip"]]);
  assert.equal(body.changes.at(-1)?.taskId, rent.id);
});

test("a change made offline outlives its tab, and is sent by the next one", async (app) => {
  await using user = await app.user({ serviceWorkers: "allow" });
  user.expects(...NETWORK);
  const { page, client, context } = user;
  await make(client, { title: "Here before" });
  await row(page, "Here before").waitFor();
  await installed(page);

  await context.setOffline(true);
  await offline(page);
  await add(page, "Survives");
  await add(page, "Survives too");
  await waiting(page, 2);
  await page.close();

  const second = await context.newPage();
  await second.goto("/inbox");
  await row(second, "Survives").waitFor();
  assert.deepEqual((await titles(second)).sort(), ["Here before", "Survives", "Survives too"]);
  await waiting(second, 2);
  await context.setOffline(false);
  await live(second);
  await waiting(second, 0);
  assert.deepEqual((await open(client)).map((task) => task.title), [
    "Here before",
    "Survives",
    "Survives too",
  ]);
  assert.deepEqual((await titles(second)).sort(), ["Here before", "Survives", "Survives too"]);
});

test("two devices edit different fields of one task while one of them is offline: both win", async (app) => {
  await using one = await app.user();
  const { client } = one;
  const { id } = await make(client, { title: "Shared", priority: "low" });
  await using two = await app.tab(client, { path: `/inbox?task=${id}` });
  two.expects(...NETWORK);
  await two.page.getByRole("textbox", { name: "Title" }).waitFor();
  await two.context.setOffline(true);
  await offline(two.page);
  const title = two.page.getByRole("textbox", { name: "Title" });
  await title.fill("Renamed offline");
  await title.press("Enter");
  await waiting(two.page, 1);
  await client.call("PATCH", `/api/tasks/${id}`, { priority: "urgent", tags: ["elsewhere"] });
  await two.context.setOffline(false);
  await live(two.page);
  await waiting(two.page, 0);
  await row(one.page, "Renamed offline").waitFor();
  const { body } = await client.call<Task>("GET", `/api/tasks/${id}`);
  assert.deepEqual([body.title, body.priority, body.tags], ["Renamed offline", "urgent", ["elsewhere"]]);
  await row(two.page, "Renamed offline").filter({ hasText: "elsewhere" }).waitFor();
});

test("what can't be applied stays on view with what was written until it is dismissed", async (app) => {
  await using user = await app.user();
  user.expects(...NETWORK, /status of (404|409)/);
  const { page, client, context } = user;
  const { id } = await make(client, { title: "Deleted elsewhere" });
  await load(page, `/inbox?task=${id}`);
  const title = page.getByRole("textbox", { name: "Title" });
  await title.waitFor();
  await context.setOffline(true);
  await offline(page);
  await title.fill("A long thought that must not get lost");
  await title.press("Enter");
  await waiting(page, 1);
  await client.call("DELETE", `/api/tasks/${id}`);
  await context.setOffline(false);
  await toast(page, "Could not change").waitFor();
  await load(page, "/inbox");
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: /Not saved/ }).click();
  const entry = page.getByRole("listitem").filter({ hasText: "A long thought that must not get lost" });
  await entry.waitFor();
  await entry.getByRole("button", { name: "Dismiss" }).click();
  await page.getByText("Everything is saved").waitFor();
  await page.reload();
  await page.getByText("Everything is saved").waitFor();
});

test("undo takes back what was not sent yet, without a trace at the server", async (app) => {
  await using user = await app.user();
  user.expects(...NETWORK);
  const { page, client, context } = user;
  await make(client, { title: "Stays open" });
  await row(page, "Stays open").waitFor();
  await context.setOffline(true);
  await offline(page);
  await check(page, "Stays open").click();
  await toast(page, "Completed").getByRole("button", { name: "Undo" }).click();
  await waiting(page, 0);
  await row(page, "Stays open").and(page.locator(":not([data-done])")).waitFor();
  await context.setOffline(false);
  await live(page);
  const { body } = await client.call<{ changes: { type: string }[] }>("GET", "/api/changes?since=0");
  assert.equal(body.changes.some(({ type }) => type === "task.completed.v1"), false);
});

/** The open streams of a context, as the browser's own requests tell. */
function streamsOf(context: BrowserContext): { count(): number; total(): number } {
  let total = 0;
  const now = new Set<unknown>();
  context.on("request", (request) => {
    if (!request.url().includes("/api/stream")) return;
    total += 1;
    now.add(request);
  });
  context.on("requestfailed", (request) => void now.delete(request));
  context.on("requestfinished", (request) => void now.delete(request));
  return { count: () => now.size, total: () => total };
}

test("all tabs of a browser share one stream, and another takes over when its tab closes", async (app) => {
  await using user = await app.user();
  const { page, client, context } = user;
  const streams = streamsOf(context);
  const second = await context.newPage();
  await second.goto("/inbox");
  await live(second);
  const third = await context.newPage();
  await third.goto("/inbox");
  await live(third);
  assert.equal(streams.total(), 0, "only the first tab has a stream");
  await make(client, { title: "Told to all" });
  for (const each of [page, second, third]) await row(each, "Told to all").waitFor();
  await page.close();
  await make(client, { title: "Told by the next" });
  for (const each of [second, third]) await row(each, "Told by the next").waitFor();
  assert.equal(streams.count(), 1);
  await check(third, "Told to all").click();
  await row(second, "Told to all").waitFor({ state: "detached" });
  await eventually(async () => (await named(client, "Told to all"))[0]?.status, "completed");
  assert.equal(streams.total(), 1);
});

test("changes made offline in one tab show in the other", async (app) => {
  await using user = await app.user();
  user.expects(...NETWORK);
  const { page, client, context } = user;
  const second = await context.newPage();
  await second.goto("/inbox");
  await live(second);
  await context.setOffline(true);
  await offline(second);
  await add(second, "Made in the second tab");
  await row(page, "Made in the second tab").waitFor();
  await context.setOffline(false);
  await waiting(second, 0);
  await waiting(page, 0);
  await eventually(async () => (await named(client, "Made in the second tab")).length, 1);
  assert.deepEqual(await titles(page), ["Made in the second tab"]);
  assert.deepEqual(await titles(second), ["Made in the second tab"]);
});

test("signing out leaves nothing in the browser, and the next user sees nothing of it", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  user.expects(/status of 401/);
  await make(client, { title: "A private thought" });
  await row(page, "A private thought").waitFor();
  const next = await app.account("Grace Hopper");
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(await kept(page), []);
  await page.getByRole("textbox", { name: "E-mail" }).fill(next.email);
  await page.getByLabel("Password").fill(next.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await live(page);
  await page.reload();
  await live(page);
  assert.deepEqual(await titles(page), []);
  assert.equal(JSON.stringify(await kept(page)).includes("A private thought"), false);
});

/** Everything that IndexedDB of this origin holds. */
const kept = (page: Page): Promise<unknown[]> =>
  page.evaluate(async () => {
    const all: unknown[] = [];
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(name ?? "");
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const store of db.objectStoreNames) {
        const rows = await new Promise<unknown[]>((resolve, reject) => {
          const request = db.transaction(store).objectStore(store).getAll();
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
        all.push(...rows);
      }
      db.close();
    }
    return all;
  });

test("the installed application opens without a network, also at an address it was not opened at", async (app) => {
  await using user = await app.user({ serviceWorkers: "allow" });
  user.expects(...NETWORK);
  const { page, client, context } = user;
  const today = await make(client, { title: "Due today", due: { date: day(0) } });
  await row(page, "Due today").waitFor();
  await installed(page);
  await eventually(async () => JSON.stringify(await kept(page)).includes("Due today"), true);
  await context.setOffline(true);
  await page.goto(`/today?task=${today.id}`);
  await row(page, "Due today").waitFor();
  await page.getByRole("complementary", { name: "Task" }).getByRole("textbox", { name: "Title" }).waitFor();
  await page.goto("/settings");
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await context.setOffline(false);
});

test("the manifest and its icons are what an installation needs", async (app) => {
  await using visitor = await app.visitor({ path: "/sign-in" });
  const { page } = visitor;
  const href = await page.locator("link[rel=manifest]").getAttribute("href");
  const answer = await page.request.get(href ?? "");
  assert.match(answer.headers()["content-type"] ?? "", /manifest\+json/);
  const manifest = await answer.json() as { start_url: string; icons: { src: string; sizes: string }[] };
  assert.ok(manifest.icons.some(({ sizes }) => sizes === "192x192"));
  assert.ok(manifest.icons.some(({ sizes }) => sizes === "512x512"));
  for (const { src, sizes } of manifest.icons) {
    const icon = await page.request.get(src);
    assert.equal(icon.headers()["content-type"], "image/png");
    const bytes = await icon.body();
    assert.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes);
  }
});

// A target that runs already is not this test's to restart.
Deno.test("a server that stops and comes back gets what was done meanwhile, once", {
  ignore: Deno.env.has("BASE_URL"),
}, async () => {
  await using folder = temporaryFolder();
  const port = await freePort();
  const first = await startRondo({ dataDir: folder.path, port, env: startLimits() });
  await using app = await openApp(first);
  await using user = await app.user();
  user.expects(...NETWORK);
  const { page, client } = user;
  await make(client, { title: "Before" });
  await row(page, "Before").waitFor();
  await first.stop();
  await offline(page);
  await add(page, "While it was away");
  await check(page, "Before").click();
  await waiting(page, 2);
  await using _second = await startRondo({ dataDir: folder.path, port, env: startLimits() });
  await waiting(page, 0);
  await live(page);
  await eventually(async () => (await named(client, "While it was away")).length, 1);
  await eventually(async () => (await named(client, "Before"))[0]?.status, "completed");
  assert.deepEqual(await titles(page), ["While it was away"]);
});
