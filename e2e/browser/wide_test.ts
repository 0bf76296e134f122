/** The board and the calendar: seen, and moved about by pointer and by key. */
import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { type Client, day, drag, eventually, focused, journeys, load, make, named, ZONE } from "./support.ts";

const test = journeys();

const column = (page: Page, name: string): Locator =>
  page.locator(".board-column").filter({ has: page.getByRole("heading", { name: new RegExp(`^${name}`) }) });
const cards = (page: Page, name: string): Promise<string[]> =>
  column(page, name).locator(".card-title").allInnerTexts();
const card = (page: Page, title: string): Locator =>
  page.locator(".card").filter({ has: page.getByRole("link", { name: title, exact: true }) });
const cell = (page: Page, date: string): Locator => page.locator(`.day[data-drop*="${date}"]`);
const onDay = (page: Page, date: string): Promise<string[]> =>
  cell(page, date).locator(".day-link").evaluateAll((links) =>
    links.map((link) => [...link.childNodes].findLast((node) => node.nodeType === 3)?.textContent ?? "")
  );
const item = (page: Page, title: string): Locator =>
  page.locator(".day-item[data-task]").filter({ hasText: title });

async function aBoard(client: Client): Promise<void> {
  const { body: list } = await client.call<{ id: string }>("POST", "/api/lists", { name: "Work" });
  await make(client, { title: "Alpha", priority: "high", tags: ["x"] });
  await make(client, { title: "Beta", priority: "low" });
  await make(client, { title: "Gamma", listId: list.id, tags: ["y"] });
}

test("a card is dragged between columns, into a place, and back by undo", async (app) => {
  await using user = await app.user({ path: "/board" });
  const { page, client } = user;
  await aBoard(client);
  await eventually(() => cards(page, "Inbox"), ["Alpha", "Beta"]);
  await drag(page, card(page, "Beta"), card(page, "Alpha"), "top");
  await eventually(() => cards(page, "Inbox"), ["Beta", "Alpha"]);
  await drag(page, card(page, "Alpha"), card(page, "Gamma"), "top");
  await eventually(() => cards(page, "Work"), ["Alpha", "Gamma"]);
  await page.keyboard.press("z");
  await eventually(() => cards(page, "Inbox"), ["Beta", "Alpha"]);
  await page.getByRole("combobox", { name: "Columns" }).selectOption("By priority");
  await eventually(() => new URL(page.url()).search, "?by=priority");
  await drag(page, card(page, "Beta"), column(page, "Urgent"));
  await eventually(async () => (await named(client, "Beta"))[0]?.priority, "urgent");
  await eventually(() => cards(page, "Urgent"), ["Beta"]);
  await page.getByRole("combobox", { name: "Columns" }).selectOption("By tag");
  await drag(page, card(page, "Alpha"), column(page, "#y"));
  await eventually(async () => (await named(client, "Alpha"))[0]?.tags, ["y"]);
});

test("the board is walked and cards are carried by keys alone, with the focus on them", async (app) => {
  await using user = await app.user({ path: "/board" });
  const { page, client } = user;
  await aBoard(client);
  await eventually(() => cards(page, "Work"), ["Gamma"]);
  await page.keyboard.press("j");
  await eventually(() => focused(page), "Alpha");
  await page.keyboard.press("ArrowDown");
  await eventually(() => focused(page), "Beta");
  await page.keyboard.press("ArrowRight");
  await eventually(() => focused(page), "Gamma");
  await page.keyboard.press("Alt+ArrowLeft");
  await eventually(async () => (await cards(page, "Inbox")).sort(), ["Alpha", "Beta", "Gamma"]);
  await eventually(() => focused(page), "Gamma");
  await page.keyboard.press("z");
  await eventually(() => cards(page, "Work"), ["Gamma"]);
  await load(page, "/board?by=priority");
  await eventually(() => cards(page, "High"), ["Alpha"]);
  await card(page, "Alpha").getByRole("link").focus();
  await page.keyboard.press("Alt+ArrowRight");
  await eventually(async () => (await named(client, "Alpha"))[0]?.priority, "medium");
  await eventually(() => focused(page), "Alpha");
  await page.keyboard.press("x");
  await card(page, "Alpha").waitFor({ state: "detached" });
  await page.keyboard.press("z");
  await card(page, "Alpha").waitFor();
  await card(page, "Alpha").getByRole("link").click();
  await page.getByRole("complementary", { name: "Task" }).waitFor();
  await page.keyboard.press("Escape");
  await eventually(() => focused(page), "Alpha");
});

test("walking along the board draws the cards that the focus leaves and reaches, no others", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const titles = Array.from({ length: 12 }, (_, index) => `Card ${index}`);
  for (const title of titles) await make(client, { title, due: { date: day(20) } });
  await load(page, "/board");
  await eventually(async () => (await cards(page, "Inbox")).length, titles.length);
  await page.evaluate(() => {
    const format = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format");
    const seen = { dates: 0 };
    Object.defineProperty(Intl.DateTimeFormat.prototype, "format", {
      configurable: true,
      get() {
        seen.dates += 1;
        return format?.get?.call(this);
      },
    });
    Object.assign(globalThis, { seen });
  });
  /** Each card that is drawn writes its date at least once. */
  const drawn = async (act: () => Promise<void>) => {
    const read = () => page.evaluate(() => (globalThis as unknown as { seen: { dates: number } }).seen.dates);
    const before = await read();
    await act();
    return await read() - before;
  };
  await card(page, "Card 0").getByRole("link").focus();
  const all = await drawn(async () => {
    await page.getByRole("combobox", { name: "Columns" }).selectOption("priority");
    await eventually(async () => (await cards(page, "Medium")).length, titles.length);
  });
  const each = all / titles.length;
  assert.ok(each >= 1, "dates are written");
  await card(page, "Card 0").getByRole("link").focus();
  const steps: number[] = [];
  for (const title of ["Card 1", "Card 2", "Card 3"]) {
    steps.push(
      await drawn(async () => {
        await page.keyboard.press("ArrowDown");
        await eventually(() => focused(page), title);
      }),
    );
  }
  // When a minute passes all of them are drawn, as words for dates may change.
  assert.ok(Math.min(...steps) <= 2 * each, `${steps} dates for the steps, ${all} for all cards`);
});

test("a task is added on the board and on the chosen day of the calendar", async (app) => {
  await using user = await app.user({ path: "/board" });
  const { page, client } = user;
  await page.keyboard.press("q");
  await page.keyboard.type("From the board");
  await page.keyboard.press("Enter");
  await card(page, "From the board").waitFor();
  await page.keyboard.press("Escape");
  const date = Temporal.Now.plainDateISO(ZONE).with({ day: 15 }).toString();
  await load(page, `/calendar?on=${date}`);
  await cell(page, date).waitFor();
  await page.keyboard.press("q");
  await page.keyboard.type("On that day");
  await page.keyboard.press("Enter");
  await eventually(() => onDay(page, date), ["On that day"]);
  await eventually(async () => (await named(client, "On that day"))[0]?.due?.date, date);
});

test("the calendar moves tasks by pointer and by key, and shows what will come again", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const date = (n: number) => Temporal.PlainDate.from("2030-05-01").add({ days: n - 1 }).toString();
  await make(client, { title: "Movable", due: { date: date(8), time: "09:00" } });
  await make(client, { title: "Weekly", due: { date: date(7) }, recurrence: "weekly" });
  await load(page, `/calendar?on=${date(8)}`);
  await eventually(() => onDay(page, date(8)), ["Movable"]);
  await eventually(() => onDay(page, date(7)), ["Weekly"]);
  for (const n of [14, 21, 28]) {
    await cell(page, date(n)).locator(".day-item[data-preview]").filter({ hasText: "Weekly" }).waitFor();
  }
  await drag(page, item(page, "Movable"), cell(page, date(15)));
  await eventually(() => onDay(page, date(15)), ["Movable"]);
  const due = async () => (await named(client, "Movable"))[0]?.due;
  await eventually(due, { date: date(15), time: "09:00", timeZone: null });
  await item(page, "Movable").getByRole("link").focus();
  await page.keyboard.press("Alt+ArrowRight");
  await eventually(() => onDay(page, date(16)), ["Movable"]);
  await eventually(() => focused(page), "09:00 Movable");
  await page.keyboard.press("Alt+ArrowUp");
  await eventually(() => onDay(page, date(9)), ["Movable"]);
  await page.keyboard.press("z");
  await eventually(() => onDay(page, date(16)), ["Movable"]);
  await page.keyboard.press("k");
  await eventually(() => focused(page), "Weekly");

  await page.getByRole("combobox", { name: "Span" }).selectOption("Week");
  await eventually(() => page.locator(".day").count(), 7);
  await page.getByRole("button", { name: "Next week" }).click();
  await eventually(() => onDay(page, date(16)), ["Movable"]);
  await page.getByRole("button", { name: "Today", exact: true }).click();
  await cell(page, day(0)).waitFor();
});

test("walking along the calendar looks ahead through no rule again", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  for (const title of ["One", "Two", "Three"]) {
    await make(client, {
      title,
      due: { date: day(0) },
      recurrence: { rule: "FREQ=WEEKLY", mode: "schedule" },
    });
  }
  await load(page, "/calendar");
  await page.getByRole("link", { name: "Three" }).waitFor();
  await page.evaluate(() => {
    const { exec } = RegExp.prototype;
    const seen = { rules: 0 };
    RegExp.prototype.exec = function (text: string) {
      if (this.source.includes("COUNT")) seen.rules += 1;
      return exec.call(this, text);
    };
    Object.assign(globalThis, { seen });
  });
  const rules = () => page.evaluate(() => (globalThis as unknown as { seen: { rules: number } }).seen.rules);
  await page.getByRole("link", { name: "One" }).focus();
  for (const title of ["Two", "Three"]) {
    await page.keyboard.press("ArrowDown");
    await eventually(() => focused(page), title);
  }
  assert.equal(await rules(), 0);
  await page.getByRole("button", { name: "Next month" }).click();
  await eventually(async () => await rules() > 0, true);
});

test("on a phone the calendar shows the tasks of the day that is touched", async (app) => {
  const client = await app.account();
  await make(client, { title: "In ten days", due: { date: "2030-05-18" } });
  await using tab = await app.tab(client, {
    path: "/calendar?on=2030-05-08",
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const { page } = tab;
  await page.getByText("Nothing on this day").waitFor();
  await page.getByRole("button", { name: /18 May 2030, 1 task/ }).tap();
  await page.locator(".calendar-list").getByRole("link", { name: "In ten days" }).waitFor();
});
