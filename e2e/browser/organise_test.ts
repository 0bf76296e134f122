/** Finding and changing many tasks: saved filters, the palette, the selection, the way back. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import {
  day,
  drag,
  eventually,
  focused,
  journeys,
  load,
  make,
  makeAll,
  named,
  row,
  type Task,
  titles,
  toast,
} from "./support.ts";

const test = journeys();
type Client = Parameters<typeof make>[0];

/** Tasks by their title, as a field of theirs is. */
const fields = async <T>(client: Client, read: (task: Task) => T): Promise<Record<string, T>> => {
  const { body } = await client.call<{ items: Task[] }>("GET", "/api/tasks?status=all&limit=200");
  return Object.fromEntries(body.items.map((task) => [task.title, read(task)]));
};

const queryField = (page: Page) => page.getByRole("textbox", { name: "Filter query" });

test("a filter is written with its mistakes named, saved, found again, renamed and deleted", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "Old and low", due: { date: day(-1) }, priority: "low" });
  await make(client, { title: "Old", due: { date: day(-1) } });
  await make(client, { title: "Now", due: { date: day(0) }, tags: ["home"] });
  await make(client, { title: "Later", due: { date: day(5) }, tags: ["home"] });
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  await page.getByRole("heading", { name: "Filter", level: 1 }).waitFor();
  await eventually(() => focused(page), "Filter query");
  await page.keyboard.type("(today | overdue) & frob");
  await page.getByText("Character 21:").waitFor();
  await page.getByText("search: frob").first().waitFor();
  assert.ok(await page.getByRole("button", { name: "Save filter" }).isDisabled());
  await queryField(page).fill("(today | overdue) & !low, #home");
  await eventually(() => titles(page), ["Old", "Now", "Later"]);
  await eventually(() => new URL(page.url()).searchParams.get("q"), "(today | overdue) & !low, #home");

  await page.getByRole("button", { name: "Save filter" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("What matters");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "What matters", level: 1 }).waitFor();
  const link = page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "What matters" });
  await page.reload();
  await link.waitFor();
  await eventually(() => titles(page), ["Old", "Now", "Later"]);
  await make(client, { title: "Comes by itself", due: { date: day(0), time: "00:01" } });
  await row(page, "Comes by itself").waitFor();

  await queryField(page).fill("#home");
  await eventually(() => titles(page), ["Now", "Later"]);
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByRole("button", { name: "Save changes" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Rename or delete" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("At home");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "At home", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Rename or delete" }).click();
  await page.getByRole("button", { name: "Delete filter" }).click();
  await page.getByRole("heading", { name: "Today", level: 1 }).waitFor();
  await toast(page, "Deleted the filter").getByRole("button", { name: "Undo" }).click();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "At home" }).click();
  await eventually(() => titles(page), ["Now", "Later"]);
});

test("a filter that is saved late leaves who has gone on where they are", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const made = await client.call<{ id: string }>("POST", "/api/filters", { name: "Soon", query: "today" });
  await load(page, `/filter/${made.body.id}`);
  const held = Promise.withResolvers<void>();
  await page.route(`**/api/filters/${made.body.id}`, async (route) => {
    await held.promise;
    await route.continue();
  });
  await queryField(page).fill("7 days");
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Inbox" }).click();
  await page.getByRole("heading", { name: "Inbox", level: 1 }).waitFor();
  // Where the address goes from here on.
  await page.evaluate(() => {
    const went: string[] = [];
    Object.assign(globalThis, { went });
    const { replaceState } = history;
    history.replaceState = function (...args) {
      went.push(String(args[2]));
      return replaceState.apply(this, args);
    };
  });
  const answered = page.waitForResponse((response) => response.request().method() === "PATCH");
  held.resolve();
  await answered;
  const link = page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "Soon" });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.deepEqual(await page.evaluate(() => (globalThis as unknown as { went: string[] }).went), []);
  await link.click();
  await eventually(() => queryField(page).inputValue(), "7 days");
});

test("the palette finds actions and tasks by a few letters, and gives the focus back", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "Water the plants" });
  await make(client, { title: "Pay rent", due: { date: day(3) } });
  await row(page, "Pay rent").waitFor();
  const palette = page.getByRole("dialog", { name: "Command palette" });
  const open = async (text: string) => {
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type(text);
  };
  await open("plnts wtr");
  await palette.getByRole("option", { name: "Water the plants" }).waitFor();
  await page.keyboard.press("Enter");
  await eventually(() => page.getByRole("textbox", { name: "Title" }).inputValue(), "Water the plants");
  await page.keyboard.press("Escape");
  await eventually(() => focused(page), "Water the plants");

  await open("move to tomorrow");
  await page.keyboard.press("Enter");
  await palette.waitFor({ state: "detached" });
  await eventually(async () => (await named(client, "Water the plants"))[0]?.due?.date, day(1));
  await eventually(() => focused(page), "Water the plants");

  await open("zzzzzz");
  await palette.getByText("Nothing is called like that").waitFor();
  await page.keyboard.press("Escape");
  await palette.waitFor({ state: "detached" });
  await eventually(() => focused(page), "Water the plants");

  await open("calendar week");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Calendar", level: 1 }).waitFor();
  assert.equal(new URL(page.url()).search, "?span=week");
  await open("dark theme");
  await page.keyboard.press("Enter");
  await page.locator("html[data-theme=dark]").waitFor();
});

test("the palette that is closed and asked for again in one breath is open", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "Stays open" });
  await row(page, "Stays open").waitFor();
  const field = page.getByRole("dialog", { name: "Command palette" }).getByRole("combobox");
  await page.keyboard.press("Control+k");
  await field.waitFor();
  // Without waiting for what comes of one key before the next.
  const session = await page.context().newCDPSession(page);
  const [escape, k] = [{ key: "Escape", code: "Escape", windowsVirtualKeyCode: 27 }, {
    ...{ key: "k", code: "KeyK", windowsVirtualKeyCode: 75, modifiers: 2 },
  }];
  await Promise.all(
    [escape, k].flatMap((key) =>
      (["rawKeyDown", "keyUp"] as const).map((type) =>
        session.send("Input.dispatchKeyEvent", { type, ...key })
      )
    ),
  );
  await page.keyboard.type("zzzzzz");
  await page.getByText("Nothing is called like that").waitFor();
  assert.equal(await field.inputValue(), "zzzzzz");
});

test("what is typed while the palette is on its way is meant for it, and changes no task", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "Stays open" });
  await row(page, "Stays open").waitFor();
  await page.keyboard.press("j");
  // The palette is fetched when it is first asked for: slower than anybody types.
  await page.route(/\/assets\/palette-/, async (route) => {
    await eventually(() => page.evaluate(() => (globalThis as { typed?: boolean }).typed ?? false), true);
    await route.continue();
  });
  await page.keyboard.press("Control+k");
  await page.keyboard.type("xtx");
  await page.evaluate(() => Object.assign(globalThis, { typed: true }));
  const field = page.getByRole("combobox", { name: "Find an action or a task" });
  await field.waitFor();
  await eventually(() => field.inputValue(), "xtx");
  await page.keyboard.press("Escape");
  const [task] = await named(client, "Stays open");
  assert.deepEqual([task?.status, task?.due], ["open", null]);
});

test("several tasks are selected by keys and changed at once, with one undo", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await client.call("POST", "/api/lists", { name: "Elsewhere" });
  await makeAll(client, ["A", "B", "C", "D"].map((title) => ({ title })));
  await eventually(() => titles(page), ["A", "B", "C", "D"]);
  await page.keyboard.press("j");
  await eventually(() => focused(page), "A");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Shift+ArrowDown");
  const bar = page.getByRole("region", { name: "Selected tasks" });
  await bar.getByText("3 selected").waitFor();
  await page.keyboard.press("p");
  await page.getByRole("dialog", { name: "Priority of 3 tasks" }).waitFor();
  await page.keyboard.press("1");
  const priorities = () => fields(client, ({ priority }) => priority);
  await eventually(priorities, { A: "urgent", B: "urgent", C: "urgent", D: "medium" });
  await toast(page, "Priority of 3 tasks set to urgent").getByRole("button", { name: "Undo" }).click();
  await eventually(priorities, { A: "medium", B: "medium", C: "medium", D: "medium" });

  await bar.getByRole("button", { name: /^Tags/ }).click();
  await page.keyboard.type("batch");
  await page.keyboard.press("Enter");
  await eventually(() => fields(client, ({ tags }) => tags.join()), {
    A: "batch",
    B: "batch",
    C: "batch",
    D: "",
  });
  await page.keyboard.press("Escape");
  await bar.getByRole("button", { name: /^Date/ }).click();
  await page.getByRole("button", { name: /^Tomorrow/ }).click();
  const dates = () => fields(client, ({ due }) => due?.date ?? null);
  await eventually(dates, { A: day(1), B: day(1), C: day(1), D: null });

  await page.keyboard.press("x");
  await eventually(() => titles(page), ["D"]);
  await bar.waitFor({ state: "detached" });
  await page.keyboard.press("z");
  await eventually(() => titles(page), ["A", "B", "C", "D"]);
  await row(page, "B").getByRole("link").click({ modifiers: ["Control"] });
  await row(page, "D").getByRole("link").click({ modifiers: ["Shift"] });
  await bar.getByText("3 selected").waitFor();
  await bar.getByRole("button", { name: /^List/ }).click();
  await page.keyboard.type("else");
  await page.keyboard.press("Enter");
  await eventually(() => titles(page), ["A"]);
  await toast(page, "Moved 3 tasks to Elsewhere").getByRole("button", { name: "Undo" }).click();
  await eventually(() => titles(page), ["A", "B", "C", "D"]);
  await page.keyboard.press("Control+a");
  await bar.getByText("4 selected").waitFor();
  await bar.getByRole("button", { name: /^Delete/ }).click();
  await page.getByText("Your Inbox is clear").waitFor();
  await page.keyboard.press("z");
  await eventually(() => titles(page), ["A", "B", "C", "D"]);
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Escape");
  await bar.waitFor({ state: "detached" });
});

test("a task is duplicated, put off, and made part of another by single keys", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await makeAll(client, [{ title: "Parent" }, { title: "Child", tags: ["t"], priority: "high" }]);
  await eventually(() => titles(page), ["Parent", "Child"]);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await eventually(() => focused(page), "Child");
  const due = async () => (await named(client, "Child"))[0]?.due?.date ?? null;
  for (const [key, date] of [["t", day(0)], ["T", day(1)], ["+", day(2)], ["-", day(1)]] as const) {
    await page.keyboard.press(key);
    await eventually(due, date);
  }
  await page.keyboard.press("c");
  await eventually(() => titles(page), ["Parent", "Child", "Child"]);
  // It shows before the server has it.
  await eventually(
    async () =>
      (await named(client, "Child")).map(({ tags, priority, due }) => [tags, priority, due?.date ?? null]),
    [[["t"], "high", day(1)], [["t"], "high", day(1)]],
  );
  await page.keyboard.press("z");
  await eventually(() => titles(page), ["Parent", "Child"]);

  await eventually(() => focused(page), "Child");
  await page.keyboard.press("]");
  await eventually(() => titles(page), ["Parent"]);
  await row(page, "Parent").filter({ hasText: "0/1" }).waitFor();
  await page.keyboard.press("z");
  await eventually(() => titles(page), ["Parent", "Child"]);
  await row(page, "Parent").getByRole("link").focus();
  await page.keyboard.press("s");
  await eventually(() => focused(page), "New subtask");
  await page.keyboard.type("By key");
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: "Task" }).getByRole("link", { name: "By key" }).waitFor();
});

test("the order is changed by keys and by dragging, and a drag to the sidebar moves", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await client.call("POST", "/api/lists", { name: "Drawer" });
  await makeAll(client, ["One", "Two", "Three"].map((title) => ({ title })));
  await eventually(() => titles(page), ["One", "Two", "Three"]);
  const stored = async () =>
    (await client.call<{ items: Task[] }>("GET", "/api/tasks?sort=position")).body.items.map(({ title }) =>
      title
    );
  await page.keyboard.press("j");
  await eventually(() => focused(page), "One");
  await page.keyboard.press("Alt+ArrowDown");
  await eventually(() => titles(page), ["Two", "One", "Three"]);
  await eventually(() => focused(page), "One");
  await eventually(stored, ["Two", "One", "Three"]);
  await page.keyboard.press("z");
  await eventually(() => titles(page), ["One", "Two", "Three"]);

  await drag(page, row(page, "Three"), row(page, "One"), "top");
  await eventually(() => titles(page), ["Three", "One", "Two"]);
  await eventually(stored, ["Three", "One", "Two"]);
  assert.equal(new URL(page.url()).search, "", "a drag opens nothing");
  const nav = page.getByRole("navigation", { name: "Views" });
  await drag(page, row(page, "One"), nav.getByRole("link", { name: /Drawer/ }));
  await eventually(() => titles(page), ["Three", "Two"]);
  await drag(page, row(page, "Two"), nav.getByRole("link", { name: /^Today/ }));
  await eventually(async () => (await named(client, "Two"))[0]?.due?.date, day(0));
  await page.keyboard.press("z");
  await eventually(async () => (await named(client, "Two"))[0]?.due, null);
});

test("activity shows what happened, a task as it was, and undoes a bulk and a single step", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const { id } = await make(client, { title: "First name", priority: "high" });
  await client.call("PATCH", `/api/tasks/${id}`, { title: "Second name" });
  await client.call("PATCH", `/api/tasks/${id}`, { priority: "low" });
  await makeAll(client, [{ title: "Bulk 1" }, { title: "Bulk 2" }]);
  await load(page, "/activity");
  await page.getByRole("button", { name: "Undo: 2 changes at once" }).click();
  await eventually(async () => Object.keys(await fields(client, () => 1)), ["Second name"]);
  await page.locator(".log-line").filter({ hasText: "Added" }).filter({ hasText: "Second name" })
    .getByRole("button", { name: /as it was$/ }).click();
  const travel = page.getByRole("dialog", { name: "The task as it was" });
  await travel.getByText("First name").first().waitFor();
  await travel.getByText("now Second name").waitFor();
  await travel.getByText("now Low").waitFor();
  await travel.getByRole("button", { name: "Bring this state back" }).click();
  await eventually(() => fields(client, ({ priority }) => priority), { "First name": "high" });
  await page.keyboard.press("z");
  await eventually(() => fields(client, ({ priority }) => priority), { "Second name": "low" });
  await page.getByRole("button", { name: /^Undo: Priority low/ }).click();
  await eventually(() => fields(client, ({ priority }) => priority), { "Second name": "high" });
});

test("the reminder ledger tells why each reminder fired, waits or was cancelled", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const at = (hours: number) => Temporal.Now.instant().add({ hours }).round("second").toString();
  await make(client, { title: "Was past", reminders: [{ at: at(-2) }] });
  await make(client, { title: "Is to come", reminders: [{ at: at(48) }] });
  const gone = await make(client, { title: "Was given up", reminders: [{ at: at(72) }] });
  await client.call("PATCH", `/api/tasks/${gone.id}`, { reminders: [] });
  await eventually(async () => {
    const { body } = await client.call<{ items: { status: string }[] }>("GET", "/api/reminders");
    return body.items.map(({ status }) => status).sort();
  }, ["cancelled", "delivered", "scheduled"]);
  await load(page, "/reminders");
  const entry = (title: string) => page.locator(".log li").filter({ hasText: title });
  await entry("Was past").filter({ hasText: /Delivered .*late/ }).waitFor();
  await entry("Is to come").filter({ hasText: /Planned for/ }).waitFor();
  await entry("Was given up").filter({ hasText: /Cancelled/ }).waitFor();
  await page.getByRole("combobox", { name: "Show" }).selectOption("Planned");
  await entry("Was past").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Is to come" }).click();
  await page.locator("#detail-panel").getByText(/^Planned for/).waitFor();
});

test("settings show the devices and end one; a key that only reads can only read", async (app) => {
  const client = await app.account();
  await using other = await app.visitor();
  await other.page.getByLabel("E-mail").fill(client.email);
  await other.page.getByLabel("Password").fill(client.password);
  await other.page.keyboard.press("Enter");
  await other.page.getByRole("heading", { name: "Inbox" }).waitFor();
  other.expects(/status of 401/, /api\/stream/);

  await using tab = await app.tab(client, { path: "/settings" });
  const { page } = tab;
  const devices = page.getByRole("list", { name: "Devices" });
  await devices.getByText("This device").waitFor();
  await devices.getByText(/Chrome on/).waitFor();
  await devices.getByRole("button", { name: /^Sign out Chrome/ }).click();
  await eventually(() => devices.getByRole("listitem").count(), 1);
  await other.page.reload();
  await other.page.getByRole("heading", { name: "Sign in" }).waitFor();

  await page.getByLabel("New key").fill("Reader");
  await page.getByLabel("What it may do").selectOption("Only read");
  await page.getByRole("button", { name: "Create key" }).click();
  const key = await page.getByRole("textbox", { name: "Copy the key" }).inputValue();
  await page.getByRole("list", { name: "API keys" }).getByText("only reads").waitFor();
  const call = (method: string, body?: string) =>
    fetch(`${app.origin}/api/tasks`, {
      method,
      body,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    }).then(async (answer) => {
      await answer.body?.cancel();
      return answer.status;
    });
  assert.equal(await call("GET"), 200);
  assert.equal(await call("POST", JSON.stringify({ title: "No" })), 403);
  await page.reload();
  await page.getByRole("list", { name: "API keys" }).getByText(/last used/).waitFor();
});

test("quick add completes tags and lists, and many pasted lines are many tasks with one undo", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await client.call("POST", "/api/lists", { name: "Two words" });
  await make(client, { title: "Tagged", tags: ["household"] });
  await row(page, "Tagged").waitFor();
  await page.keyboard.press("q");
  const field = page.getByRole("textbox", { name: "New task" });
  await field.waitFor();
  await page.keyboard.type("Sweep #hou");
  await page.getByRole("option", { name: "#household" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await field.inputValue(), "Sweep #household ");
  await page.keyboard.type("@tw");
  await page.getByRole("option", { name: '@"Two words"' }).click();
  assert.equal(await field.inputValue(), 'Sweep #household @"Two words" ');
  await page.keyboard.press("Enter");
  await eventually(async () => (await named(client, "Sweep"))[0]?.tags, ["household"]);

  // What the clipboard would give.
  await field.evaluate((element) =>
    document.execCommand("insertText", false, "- [ ] Milk #shop\n* Bread tomorrow\n\n3. Eggs !high\n") ||
    element
  );
  await page.getByText("3 lines: Enter adds 3 tasks").waitFor();
  await page.keyboard.press("Enter");
  await eventually(() => titles(page), ["Milk", "Bread", "Eggs", "Tagged"]);
  const read = () =>
    fields(client, ({ tags, priority, due }) => `${tags} ${priority} ${due?.date ?? ""}`.trim());
  await eventually(async () => {
    const { Milk, Bread, Eggs } = await read();
    return { Milk, Bread, Eggs };
  }, { Milk: "shop medium", Bread: `medium ${day(1)}`, Eggs: "high" });
  await toast(page, "Added 3 tasks").getByRole("button", { name: "Undo" }).click();
  await eventually(() => titles(page), ["Tagged"]);
});
