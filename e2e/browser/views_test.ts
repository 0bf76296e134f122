/** The views one by one, the past of a task, and the settings. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import {
  check,
  day,
  eventually,
  journeys,
  load,
  make,
  named,
  row,
  type Task,
  titles,
  toast,
} from "./support.ts";

const test = journeys();

/** The texts of what is announced as headings of sections, without their counts. */
const headings = async (page: Page) =>
  (await page.locator("main h2.section-heading > span:first-child").allInnerTexts()).map((text) =>
    text.trim()
  );

const go = (page: Page, name: string | RegExp) =>
  page.getByRole("navigation", { name: "Views" }).getByRole("link", { name }).click();

test("Today has the overdue first, Upcoming is grouped by day, each in its order", async (app) => {
  await using user = await app.user({ path: "/today" });
  const { page, client } = user;
  await page.getByText("Nothing due today").waitFor();
  await make(client, { title: "Whole day", due: { date: day(0) } });
  await make(client, { title: "Urgent whole day", due: { date: day(0) }, priority: "urgent" });
  await make(client, { title: "Late in the day", due: { date: day(0), time: "23:59" } });
  await make(client, { title: "Three days ago", due: { date: day(-3) } });
  await make(client, { title: "Yesterday", due: { date: day(-1), time: "08:00" } });
  await make(client, { title: "Tomorrow at nine", due: { date: day(1), time: "09:00" } });
  await make(client, { title: "Tomorrow at eight", due: { date: day(1), time: "08:00" } });
  await make(client, { title: "In a month", due: { date: day(30) } });
  await make(client, { title: "Without a date" });
  const today = ["Three days ago", "Yesterday", "Late in the day", "Urgent whole day", "Whole day"];
  await eventually(() => titles(page), today);
  assert.deepEqual(await headings(page), ["Overdue", "Today"]);
  await row(page, "Three days ago").filter({ hasText: "3 days ago" }).waitFor();
  await page.getByRole("link", { name: /Today.*2 overdue/ }).waitFor();

  await go(page, "Upcoming");
  await eventually(() => titles(page), ["Tomorrow at eight", "Tomorrow at nine", "In a month"]);
  const [first = "", ...others] = await headings(page);
  assert.match(first, /^Tomorrow/);
  assert.equal(others.length, 1);
  assert.doesNotMatch(await page.getByRole("main").innerText(), /\d{4}-\d{2}-\d{2}/);
});

test("lists and tags are views with an order of their own, and a list that is deleted can come back", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const { body: list } = await client.call<{ id: string }>("POST", "/api/lists", {
    name: "Household",
    colour: "amber",
  });
  await make(client, { title: "Zip bags", listId: list.id, tags: ["shop"], priority: "low" });
  await make(client, { title: "Apples", listId: list.id, tags: ["shop", "food"], priority: "urgent" });
  await make(client, { title: "Elsewhere", tags: ["food"] });
  await go(page, /Household/);
  await eventually(async () => (await titles(page)).sort(), ["Apples", "Zip bags"]);
  await page.getByRole("combobox", { name: "Sort by" }).selectOption("Title");
  await eventually(() => titles(page), ["Apples", "Zip bags"]);
  await eventually(() => new URL(page.url()).searchParams.get("sort"), "title");

  await go(page, /food/);
  await page.getByRole("heading", { name: "#food", level: 1 }).waitFor();
  await eventually(async () => (await titles(page)).sort(), ["Apples", "Elsewhere"]);
  await page.goBack();
  await page.getByRole("heading", { name: "Household", level: 1 }).waitFor();

  await page.getByRole("button", { name: "List options" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Home");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Home", level: 1 }).waitFor();
  await page.getByRole("button", { name: "List options" }).click();
  await page.getByRole("button", { name: "Delete list" }).click();
  await page.getByRole("button", { name: "Delete with 2 tasks" }).click();
  const gone = page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: /Home/ });
  await gone.waitFor({ state: "detached" });
  await toast(page, "Home").getByRole("button", { name: "Undo" }).click();
  await gone.click();
  await eventually(async () => (await titles(page)).sort(), ["Apples", "Zip bags"]);
});

test("what is completed and what is deleted is kept, and comes back from there", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const done = await make(client, { title: "Done before" });
  await client.call("POST", `/api/tasks/${done.id}/complete`, {});
  await make(client, { title: "To the trash" });
  await row(page, "To the trash").getByRole("link").click();
  await page.getByRole("button", { name: "Delete task" }).click();
  await row(page, "To the trash").waitFor({ state: "detached" });
  await go(page, "Completed");
  await row(page, "Done before").waitFor();
  assert.equal(await check(page, "Done before").getAttribute("aria-checked"), "true");
  await go(page, "Trash");
  await page.getByRole("button", { name: "Restore To the trash" }).click();
  await page.getByText("The trash is empty").waitFor();
  await go(page, /^Inbox/);
  await row(page, "To the trash").waitFor();
});

test("a reminder arrives at its moment, is marked as read, and the ledger tells why", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const at = (seconds: number) => Temporal.Now.instant().add({ seconds }).round("millisecond").toString();
  const { id } = await make(client, { title: "Turn off the oven", reminders: [{ at: at(2) }] });
  await make(client, { title: "Was long ago", reminders: [{ at: at(-3_600) }] });
  await make(client, { title: "Not yet", reminders: [{ at: at(86_400) }] });
  await toast(page, "Turn off the oven").waitFor();
  await page.getByRole("link", { name: /Notifications.*2.*unread/ }).click();
  const notice = (title: string) => page.locator(".notice").filter({ hasText: title });
  await notice("Turn off the oven").filter({ hasText: "In app delivered" }).waitFor();
  await notice("Was long ago").filter({ hasText: "late" }).waitFor();
  await page.getByRole("button", { name: "Mark as read: Turn off the oven" }).click();
  await page.getByText("1 unread").waitFor();
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await page.getByRole("button", { name: /^Mark/ }).first().waitFor({ state: "detached" });
  const unread = async () => (await client.call<{ unread: number }>("GET", "/api/notifications")).body.unread;
  await eventually(unread, 0);

  await load(page, `/inbox?task=${id}&panel=reminders`);
  await page.locator("#detail-panel").getByText(/^Delivered /).waitFor();
  await load(page, `/inbox?task=${(await named(client, "Not yet"))[0]?.id}&panel=reminders`);
  await page.locator("#detail-panel").getByText(/^Planned for tomorrow/).waitFor();
  await page.getByRole("button", { name: "Delete task" }).click();
  await go(page, "Trash");
  await row(page, "Not yet").getByRole("link").click();
  await page.getByRole("button", { name: "Reminder log" }).click();
  await page.locator("#detail-panel").getByText(/^Cancelled, was planned for/).waitFor();
});

test("each change of a task can be undone by itself, and what stands in the way is said in words", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  user.expects(/status of 409 .*\/api\/undo/);
  const { id } = await make(client, { title: "One" });
  for (
    const patch of [{ title: "Two" }, { title: "Three" }, { priority: "urgent" }, { due: { date: day(1) } }]
  ) {
    assert.equal((await client.call("PATCH", `/api/tasks/${id}`, patch)).status, 200);
  }
  await load(page, `/inbox?task=${id}`);
  await page.getByRole("button", { name: "Activity" }).click();
  const panel = page.locator("#detail-panel");
  await eventually(
    async () => (await panel.locator("li .activity-words > span:first-child").allInnerTexts()).slice(1),
    ["Priority urgent", "Renamed from “Two”", "Renamed from “One”", "Added"],
  );
  await panel.getByRole("button", { name: "Undo: Renamed from “One”" }).click();
  const problem = panel.getByRole("alert");
  await problem.waitFor();
  const words = await problem.innerText();
  assert.match(words, /[a-z]+ [a-z]+ [a-z]+/);
  assert.doesNotMatch(
    words,
    /[0-9a-f]{8}-[0-9a-f]{4}|\.v1|undefined|null/,
    "no identifiers in a sentence for people",
  );

  await panel.getByRole("button", { name: "Undo: Priority urgent" }).click();
  await page.getByRole("button", { name: /^Priority: Medium/ }).waitFor();
  await panel.getByRole("button", { name: "Undo: Renamed from “Two”" }).click();
  await eventually(() => page.getByRole("textbox", { name: "Title" }).inputValue(), "Two");
  const { body } = await client.call<Task>("GET", `/api/tasks/${id}`);
  assert.deepEqual([body.title, body.priority, body.due?.date], ["Two", "medium", day(1)]);
});

test("a task is edited in its pane: date in words, repeat, reminder, tags, list, subtasks, notes", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await client.call("POST", "/api/lists", { name: "Flat" });
  const { id } = await make(client, { title: "Renew the contract" });
  await row(page, "Renew the contract").getByRole("link").click();
  const pane = page.getByRole("complementary", { name: "Task" });
  await pane.getByRole("button", { name: /^Date:/ }).click();
  await page.getByRole("textbox", { name: "Date in words" }).fill("tomorrow 14:30");
  await page.keyboard.press("Enter");
  await pane.getByRole("button", { name: /^Date:.*14:30/ }).click();
  await page.getByRole("button", { name: /Floating/ }).click();
  await page.getByRole("combobox", { name: "Find a time zone" }).fill("tokyo");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await pane.getByRole("button", { name: /^Date:.*14:30 Tokyo/ }).waitFor();

  await pane.getByRole("button", { name: /^Repeat:/ }).click();
  await page.getByRole("option", { name: "Custom…" }).click();
  await page.getByRole("spinbutton", { name: "Interval" }).fill("2");
  await page.getByRole("combobox", { name: "Unit" }).selectOption("WEEKLY");
  await page.getByRole("button", { name: "Set repeat" }).click();
  await pane.getByRole("button", { name: /^Repeat:.*2 weeks/ }).waitFor();
  await pane.getByRole("button", { name: /^Reminders:/ }).click();
  await page.getByRole("button", { name: "1 hour before" }).click();
  await page.getByRole("list", { name: "Reminders" }).getByText("1 hour before").waitFor();
  await page.keyboard.press("Escape");
  await pane.getByRole("button", { name: /^Tags:/ }).click();
  await page.getByRole("combobox", { name: "Add or find a tag" }).fill("paper");
  await page.keyboard.press("Enter");
  await page.getByRole("option", { name: "paper", selected: true }).waitFor();
  await page.keyboard.press("Escape");
  await pane.getByRole("button", { name: /^List:/ }).click();
  await page.getByRole("option", { name: "Flat" }).click();
  await pane.getByRole("button", { name: /^List:.*Flat/ }).waitFor();
  await pane.getByRole("button", { name: "Add a subtask" }).click();
  await page.keyboard.type("Read it first");
  await page.keyboard.press("Enter");
  await pane.getByRole("link", { name: "Read it first" }).waitFor();
  await pane.getByRole("button", { name: "Add notes" }).click();
  await page.getByRole("textbox", { name: "Notes" }).fill("See **section 4**");
  await page.keyboard.press("Control+Enter");
  await pane.locator("strong").getByText("section 4").waitFor();

  await eventually(async () => {
    const { body } = await client.call<Task>("GET", `/api/tasks/${id}`);
    return [
      body.due,
      body.recurrence?.rule.includes("INTERVAL=2"),
      body.reminders[0]?.before,
      body.tags,
      body.notes,
    ];
  }, [{ date: day(1), time: "14:30", timeZone: "Asia/Tokyo" }, true, "PT1H", ["paper"], "See **section 4**"]);
});

test("notes and a title that are being written are kept when the pane or the page goes", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const { id } = await make(client, { title: "Call the bank" });
  await row(page, "Call the bank").waitFor();
  // As in browsers that tell a field nothing when it is removed.
  await page.evaluate(() => addEventListener("blur", (event) => event.stopImmediatePropagation(), true));
  const known = async () => {
    const { body } = await client.call<Task>("GET", `/api/tasks/${id}`);
    return [body.title, body.notes];
  };
  await row(page, "Call the bank").getByRole("link").click();
  await page.getByRole("button", { name: "Add notes" }).click();
  await page.getByRole("textbox", { name: "Notes" }).fill("Ask for Ida");
  await page.goBack();
  await eventually(known, ["Call the bank", "Ask for Ida"]);
  await row(page, "Call the bank").getByRole("link").click();
  await page.getByRole("textbox", { name: "Title" }).fill("Call the new bank");
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide")));
  await eventually(known, ["Call the new bank", "Ask for Ida"]);
});

test("settings: name, zone, look and reminders are saved as they are made", async (app) => {
  await using user = await app.user({ path: "/settings" });
  const { page, client } = user;
  const dueAt = async () =>
    (await client.call<{ dueAt: string }>("GET", `/api/tasks/${floating.id}`)).body.dueAt;
  const floating = await make(client, { title: "Floating", due: { date: "2030-01-15", time: "09:00" } });
  await make(client, { title: "Fixed", due: { date: day(2), time: "09:00", timeZone: "Asia/Tokyo" } });
  assert.equal(await dueAt(), "2030-01-15T08:00:00Z");

  const name = page.getByRole("textbox", { name: "Name" });
  await name.fill("Augusta Ada");
  await name.press("Tab");
  await page.getByRole("link", { name: "Settings of Augusta Ada" }).waitFor();
  await page.getByRole("button", { name: /Time zone/ }).click();
  await page.getByRole("combobox", { name: "Find a time zone" }).fill("tokyo");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /Time zone.*Tokyo/ }).waitFor();
  await eventually(dueAt, "2030-01-15T00:00:00Z");
  await page.getByRole("combobox", { name: "Theme" }).selectOption("dark");
  await page.locator("html[data-theme=dark]").waitFor();
  await page.getByRole("combobox", { name: "Density" }).selectOption("compact");
  await page.locator("html[data-density=compact]").waitFor();
  await page.getByRole("combobox", { name: "The week starts on" }).selectOption("sunday");
  assert.ok(await page.getByRole("switch", { name: /By e-mail.*E-mail is off on this server/ }).isDisabled());
  await page.getByRole("switch", { name: /Quiet hours/ }).click();
  await page.getByLabel("Quiet from").fill("21:30");
  await page.getByLabel("Quiet from").press("Tab");

  type Me = { name: string; timeZone: string; preferences: Record<string, unknown> };
  await eventually(async () => {
    const { name, timeZone, preferences: { theme, density, weekStart, quietHours } } =
      (await client.call<Me>("GET", "/api/me")).body;
    return { name, timeZone, theme, density, weekStart, quietHours };
  }, {
    ...{
      name: "Augusta Ada",
      timeZone: "Asia/Tokyo",
      theme: "dark",
      density: "compact",
      weekStart: "sunday",
    },
    quietHours: { enabled: true, from: "21:30", to: "07:00" },
  });
  await page.reload();
  await page.locator("html[data-theme=dark][data-density=compact]").waitFor();
  await go(page, /^Inbox/);
  await row(page, "Fixed").filter({ hasText: "09:00" }).waitFor();
  assert.equal(await row(page, "Fixed").getByText("Tokyo").count(), 0, "at home in Tokyo it needs no zone");
  assert.equal((await row(page, "Fixed").boundingBox())?.height, 32);
});

test("a setting that cannot be saved goes back and says so", async (app) => {
  await using user = await app.user({ path: "/settings" });
  const { page } = user;
  user.expects(/status of 500/);
  await page.route(
    "**/api/me",
    (route) =>
      route.request().method() === "PATCH" ? route.fulfill({ status: 500, body: "{}" }) : route.continue(),
  );
  await page.getByRole("combobox", { name: "Theme" }).selectOption("dark");
  await toast(page, "Could not save this setting").filter({ hasText: "The old value is back" }).waitFor();
  await page.locator("html[data-theme=system]").waitFor();
  await eventually(() => page.getByRole("combobox", { name: "Theme" }).inputValue(), "system");
});

test("keys, the calendar feed and exports: made, used and revoked", async (app) => {
  await using user = await app.user({ path: "/settings" });
  const { page, client, context } = user;
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await make(client, { title: "In the export", due: { date: day(3) } });

  await page.getByRole("textbox", { name: "New key" }).fill("A script");
  await page.getByRole("button", { name: "Create key" }).click();
  const key = await page.getByRole("textbox", { name: "Copy the key" }).inputValue();
  await page.getByRole("button", { name: "Copy the key" }).click();
  await toast(page, "Copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  const withKey = async () => {
    const response = await fetch(`${app.origin}/api/tasks`, { headers: { authorization: `Bearer ${key}` } });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await withKey(), 200);
  await page.getByRole("list", { name: "API keys" }).getByText("A script").waitFor();
  await page.getByRole("button", { name: "Revoke A script" }).click();
  await page.getByRole("button", { name: "Revoke A script" }).waitFor({ state: "detached" });
  await eventually(withKey, 401);
  assert.equal(
    await page.getByRole("textbox", { name: "Copy the key" }).count(),
    0,
    "a revoked key is not offered",
  );

  await page.getByRole("button", { name: "Create an address" }).click();
  const address = await page.getByRole("textbox", { name: "Copy the feed’s address" }).inputValue();
  const feed = async () => {
    const response = await fetch(new URL(new URL(address).pathname, app.origin));
    return [response.status, /SUMMARY:In the export/.test(await response.text())];
  };
  assert.deepEqual(await feed(), [200, true]);
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("button", { name: "Create an address" }).waitFor();
  await eventually(feed, [404, false]);

  for (
    const [name, words] of [["JSON", '"In the export"'], ["todo.txt", "In the export"], [
      "iCalendar",
      "VTODO",
    ]]
  ) {
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name }).click();
    const file = await download;
    assert.match(file.suggestedFilename(), /\.(json|txt|ics)$/);
    assert.ok((await Deno.readTextFile(await file.path())).includes(words ?? ""), `${name} holds ${words}`);
  }
});
