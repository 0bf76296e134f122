/** Everything by keyboard alone; after each step the focus is visible and somewhere sensible. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import {
  day,
  eventually,
  focused,
  journeys,
  live,
  make,
  named,
  row,
  type Task,
  titles,
  toast,
} from "./support.ts";

const test = journeys();

/** The focus is on this, inside the window, and can be seen to be there. */
async function focusOn(page: Page, name: string): Promise<void> {
  await eventually(() => focused(page), name);
  const shown = await page.evaluate(() => {
    const on = document.activeElement;
    if (on === null) return "nothing";
    const { top, bottom } = on.getBoundingClientRect();
    if (bottom < 0 || top > innerHeight) return "outside of the window";
    const marks = (element: Element) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return outlineStyle !== "none" && outlineWidth !== "0px" || boxShadow !== "none";
    };
    // A row, a form and a search field show the focus of what they hold; a choice shows it by its place.
    const holders = [
      on,
      on.closest(".row"),
      on.closest("form"),
      on.closest(".search-field"),
      on.closest("[popover]"),
    ];
    return holders.some((holder) => holder !== null && marks(holder)) ? "visible" : "not marked";
  });
  assert.equal(shown, "visible", `focus on ${name}`);
}

test("from signing in to signing off, no mouse is needed", async (app) => {
  const client = await app.account();
  await using tab = await app.visitor();
  const { page } = tab;
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await eventually(() => page.evaluate(() => document.activeElement?.getAttribute("name")), "email");
  await page.keyboard.type(client.email);
  await press("Tab");
  await page.keyboard.type(client.password);
  await press("Enter");
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await live(page);

  await press("q");
  for (const title of ["Third", "Second", "First"]) {
    await page.keyboard.type(title);
    await press("Enter");
    await row(page, title).waitFor();
    await focusOn(page, "New task");
  }
  await press("Escape");
  await focusOn(page, "First");
  await press("j", "j");
  await focusOn(page, "Third");
  await press("k");
  await focusOn(page, "Second");
  await press("ArrowUp");
  await focusOn(page, "First");

  await press("x");
  await row(page, "First").waitFor({ state: "detached" });
  await focusOn(page, "Second");
  await press("z");
  await row(page, "First").waitFor();
  await eventually(async () => (await named(client, "First"))[0]?.status, "open");
  await press("j", "j", "k", "k", "j");
  await focusOn(page, "Second");

  await press("e");
  await focusOn(page, "Title");
  await page.keyboard.type(", renamed");
  await press("Enter");
  await row(page, "Second, renamed").waitFor();
  await press("Escape");
  await focusOn(page, "Second, renamed");

  await press("d");
  await focusOn(page, "Date in words");
  await page.keyboard.type("in 3 days 10am");
  await press("Enter");
  await focusOn(page, "Second, renamed");
  await press("p");
  await eventually(() => focused(page), "Priority");
  await press("1");
  await focusOn(page, "Second, renamed");
  await press("#");
  await eventually(() => focused(page), "Add or find a tag");
  await page.keyboard.type("deep");
  await press("Enter");
  await page.getByRole("option", { name: "deep", selected: true }).waitFor();
  await press("Escape");
  await focusOn(page, "Second, renamed");
  await press("l");
  await eventually(() => focused(page), "Move to…");
  await page.keyboard.type("Somewhere");
  await page.getByRole("option", { name: "Create list “Somewhere”" }).waitFor();
  await press("Enter");
  await row(page, "Second, renamed").waitFor({ state: "detached" });
  await eventually(async () => {
    const [task] = await named(client, "Second, renamed");
    return [task?.due, task?.priority, task?.tags];
  }, [{ date: day(3), time: "10:00", timeZone: null }, "urgent", ["deep"]]);
  await focusOn(page, "Third");
  await toast(page, "Moved to Somewhere").waitFor();

  await press("Delete");
  await row(page, "Third").waitFor({ state: "detached" });
  await focusOn(page, "First");
  await press("z");
  await row(page, "Third").waitFor();

  await press("/");
  await focusOn(page, "Search tasks");
  await page.keyboard.type("renamed second");
  await eventually(() => titles(page), ["Second, renamed"]);
  await press("Enter");
  await focusOn(page, "Second, renamed");
  await press("Enter");
  await eventually(() => page.getByRole("textbox", { name: "Title" }).inputValue(), "Second, renamed");
  await press("Escape");
  await focusOn(page, "Second, renamed");

  for (
    const [key, name] of [["i", "Inbox"], ["t", "Today"], ["u", "Upcoming"], ["c", "Completed"], [
      "s",
      "Settings",
    ]]
  ) {
    await press("g", key ?? "");
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    await eventually(() => page.evaluate(() => document.activeElement?.id), "main");
  }
  await press("g", "i", "?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.getByText("Undo the last step").waitFor();
  await press("Escape");
  await sheet.waitFor({ state: "detached" });
  await eventually(() => page.evaluate(() => document.activeElement?.id), "main");
});

test("keys mean nothing while one types, and menus give the focus back", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "Undisturbed" });
  await row(page, "Undisturbed").waitFor();
  await page.keyboard.press("q");
  await page.keyboard.type("zxjk?/gi #");
  assert.equal(await page.getByRole("textbox", { name: "New task" }).inputValue(), "zxjk?/gi #");
  await page.keyboard.press("Escape");
  await eventually(() => focused(page), "Undisturbed");
  for (const key of ["d", "p", "l", "#"]) {
    await page.keyboard.press(key);
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await focusOn(page, "Undisturbed");
  }
  await page.keyboard.press("/");
  await eventually(() => focused(page), "Search tasks");
  await page.keyboard.type("undis");
  await row(page, "Undisturbed").waitFor();
  // The Enter that ends a word of an input method is not meant for the page.
  await page.getByRole("searchbox", { name: "Search tasks" }).evaluate((field) =>
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true }))
  );
  await page.keyboard.type("turbed");
  assert.equal(await page.getByRole("searchbox", { name: "Search tasks" }).inputValue(), "undisturbed");
  await row(page, "Undisturbed").waitFor();
  await page.keyboard.press("Enter");
  await focusOn(page, "Undisturbed");
  assert.deepEqual(
    (await named(client, "Undisturbed")).map(({ due, tags, status }: Task) => [due, tags, status]),
    [
      [null, [], "open"],
    ],
  );
});

test("a message's button gives the focus back to where it was", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "First" });
  await make(client, { title: "Second" });
  await row(page, "Second").waitFor();
  await page.keyboard.press("j");
  await focusOn(page, "First");
  const press = async (button: string) => {
    await toast(page, "to today").getByRole("button", { name: button }).focus();
    await page.keyboard.press("Enter");
    await toast(page, "to today").waitFor({ state: "detached" });
    await focusOn(page, "First");
  };
  await page.keyboard.press("t");
  await press("Dismiss");
  await page.keyboard.press("+");
  await toast(page, "to tomorrow").getByRole("button", { name: "Dismiss" }).click();
  await toast(page, "to tomorrow").waitFor({ state: "detached" });
  // After a click the focus is there without its mark.
  await eventually(() => focused(page), "First");
  await page.keyboard.press("t");
  await press("Undo");
  await eventually(async () => (await named(client, "First"))[0]?.due?.date, day(1));
  // Where it was is gone: the row that has taken its place.
  await page.keyboard.press("x");
  await toast(page, "Completed “First”").getByRole("button", { name: "Dismiss" }).focus();
  await row(page, "First").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await focusOn(page, "Second");
});

test("Tab goes past the list in one step and reaches everything; the first stop skips to the tasks", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  for (const title of ["One", "Two", "Three"]) await make(client, { title });
  await eventually(async () => (await titles(page)).length, 3);
  await page.keyboard.press("Tab");
  await focusOn(page, "Skip to the tasks");
  await page.keyboard.press("Enter");
  await eventually(() => page.evaluate(() => document.activeElement?.id), "main");
  const stops: string[] = [];
  for (let step = 0; step < 8 && !stops.includes("Skip to the tasks"); step++) {
    await page.keyboard.press("Tab");
    stops.push(await page.evaluate(() => document.activeElement?.closest(".row")?.textContent ?? ""));
  }
  assert.equal(
    stops.filter((text) => text.includes("One")).length,
    2,
    "the checkbox and the title of one row",
  );
  assert.equal(stops.filter((text) => text.includes("Two")).length, 0);
});
