/** What everybody does every day: importing, adding, completing, undoing, and what happens when it goes wrong. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  check,
  day,
  eventually,
  focused,
  journeys,
  live,
  load,
  make,
  named,
  row,
  type Task,
  titles,
  toast,
} from "./support.ts";

const SAMPLES = new URL("../../services/shared/domain/formats/samples/", import.meta.url);
const QUICK_ADD = "Pay rent tomorrow 9am #home !high every month *30m before";

const test = journeys();

test("five thousand lines of todo.txt come in through Settings, scroll and are found", async (app) => {
  await using user = await app.user({ path: "/settings" });
  const { page, client } = user;
  // Five thousand tasks and their changes arrive at once: on a busy machine that takes its time.
  page.setDefaultTimeout(60_000);
  const expected = JSON.parse(await Deno.readTextFile(new URL("expected.json", SAMPLES)))["todo.txt"] as {
    imported: number;
    skipped: number;
    problemLines: number[];
  };
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose a file" }).click();
  await (await chooser).setFiles(fileURLToPath(new URL("todo.txt", SAMPLES)));
  const outcome = page.getByRole("status").filter({ hasText: "imported" });
  await outcome.waitFor();
  const text = await outcome.innerText();
  assert.match(text, new RegExp(`${expected.imported.toLocaleString("en-GB")} tasks imported`));
  assert.match(text, new RegExp(`${expected.skipped} skipped`));
  assert.match(text, new RegExp(`${expected.problemLines.length} lines with a problem`));
  for (const line of expected.problemLines) {
    assert.ok(text.includes(`Line ${line.toLocaleString("en-GB")} `), `line ${line} is named`);
  }

  await page.getByRole("link", { name: /^Inbox/ }).click();
  await live(page);
  const rows = page.locator("main .row");
  await rows.first().waitFor();
  const open =
    (await client.call<{ items: { inbox: boolean; open: number }[] }>("GET", "/api/lists")).body.items;
  const inbox = open.find((list) => list.inbox)?.open ?? 0;
  assert.ok(inbox > 2_000, `${inbox} open tasks`);
  await eventually(
    () =>
      page.getByRole("link", { name: /^Inbox/ }).locator(".count").evaluate((count) =>
        count.firstChild?.nodeValue
      ),
    inbox.toLocaleString("en-GB"),
  );
  const last = (await page.evaluate(() => document.documentElement.scrollHeight)) - 800;
  await page.mouse.move(640, 500);
  await page.mouse.wheel(0, last + 10_000);
  await eventually(
    () => page.evaluate(() => scrollY > 10_000 && scrollY + innerHeight >= document.body.scrollHeight - 2),
    true,
  );
  await eventually(async () => (await page.locator("main .row:visible").count()) > 0, true);
  assert.ok(await rows.count() < 1_000, "only what is near the window is rendered");

  await page.keyboard.press("/");
  await page.getByRole("searchbox", { name: "Search tasks" }).fill("ramen leipzig");
  await eventually(async () => {
    const found = await titles(page);
    return found.length > 0 && found.every((title) => /ramen/i.test(title) && /leipzig/i.test(title));
  }, true);
});

test("quick add understands the line, a chip can be dismissed, and the field stays open", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await page.keyboard.press("q");
  const field = page.getByRole("textbox", { name: "New task" });
  await page.keyboard.type(QUICK_ADD);
  const chips = page.getByRole("group", { name: "Understood" });
  await eventually(() => chips.getByRole("button").count(), 6);
  for (
    const words of [
      new RegExp(String.raw`\b${Number(day(1).slice(8))}\b`),
      /09:00/,
      /month/,
      /#home/,
      /high/,
      /30m before/,
    ]
  ) {
    await chips.filter({ hasText: words }).waitFor();
  }
  await page.keyboard.press("Enter");
  await row(page, "Pay rent").waitFor();
  await eventually(() => field.inputValue(), "");
  assert.equal(await focused(page), "New task");

  await eventually(async () => (await named(client, "Pay rent")).length, 1);
  const [made] = await named(client, "Pay rent");
  assert.deepEqual(made?.due, { date: day(1), time: "09:00", timeZone: null });
  assert.match(made?.recurrence?.rule ?? "", /FREQ=MONTHLY/);
  assert.deepEqual(made?.reminders.map(({ before }) => before), ["PT30M"]);
  assert.deepEqual([made?.tags, made?.priority], [["home"], "high"]);

  await page.keyboard.type("Read #later !urgent");
  await chips.getByRole("button", { name: /Dismiss.*later/ }).click();
  assert.equal(await focused(page), "New task");
  await page.keyboard.press("Enter");
  await row(page, "Read #later").waitFor();
  await eventually(async () => (await named(client, "Read #later"))[0]?.tags, []);
  assert.equal((await named(client, "Read #later"))[0]?.priority, "urgent");

  await page.keyboard.type("A draft for later");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "A draft for later" }).waitFor();
  await page.keyboard.press("q");
  assert.equal(await field.inputValue(), "A draft for later");
});

test("quick add makes the list it names and says so beforehand", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await page.getByRole("main").getByRole("button", { name: "Add a task" }).first().click();
  await page.getByRole("textbox", { name: "New task" }).fill('Paint the fence @Garden "every day"');
  await page.getByText("new list").waitFor();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: /Garden/ }).click();
  await page.getByRole("heading", { name: "Garden", level: 1 }).waitFor();
  await eventually(async () => (await titles(page)).length, 1);
  const [title = ""] = await titles(page);
  assert.match(title, /^Paint the fence .*every day/);
  await eventually(async () => (await named(client, title))[0]?.recurrence, null);
});

async function occurrences(client: Parameters<typeof named>[0], title: string): Promise<Task[]> {
  return (await named(client, title)).sort((a, b) => (a.occurrence ?? 0) - (b.occurrence ?? 0));
}

test("completing a recurring task names the next one, and undo brings back exactly one", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  const title = "Water the plants";
  await make(client, { title, due: { date: day(0), time: "23:59" }, recurrence: "daily" });
  for (const undo of ["button", "key"]) {
    await check(page, title).click();
    const message = toast(page, `Completed “${title}”`).last();
    await message.filter({ hasText: "Next: " }).waitFor();
    const next = new Intl.DateTimeFormat("en-GB", {
      weekday: "short",
      day: "numeric",
      month: "short",
      timeZone: "UTC",
    })
      .format(Temporal.PlainDate.from(day(1)).toZonedDateTime("UTC").epochMilliseconds);
    assert.ok((await message.innerText()).includes(next), `${await message.innerText()} names ${next}`);
    await row(page, title).filter({ hasText: "Tomorrow 23:59" }).waitFor();
    await eventually(() => row(page, title).count(), 1);

    if (undo === "button") await message.getByRole("button", { name: "Undo" }).click();
    else await page.keyboard.press("z");
    await row(page, title).filter({ hasText: "Today 23:59" }).waitFor();
    await eventually(() => row(page, title).count(), 1);
    await eventually(
      async () => (await occurrences(client, title)).map(({ status, due }) => [status, due?.date]),
      [
        ["open", day(0)],
      ],
    );
  }
});

test("a completed row settles and leaves, and can be reopened where it went", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  await make(client, { title: "First" });
  await make(client, { title: "Second" });
  // It settles for a moment only, which may be over when the click is said to be.
  const settled = row(page, "First").and(page.locator("[data-done]")).waitFor();
  await Promise.all([settled, check(page, "First").click()]);
  await row(page, "First").waitFor({ state: "detached" });
  await toast(page, "Completed “First”").waitFor();
  await page.getByRole("link", { name: "Completed" }).click();
  await row(page, "First").waitFor();
  await check(page, "First").click();
  await row(page, "First").waitFor({ state: "detached" });
  await eventually(async () => (await named(client, "First"))[0]?.status, "open");
});

test("whatever the server refuses is rolled back, said, and the text is kept", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  user.expects(/status of (500|422)/);
  await make(client, { title: "Stays as it is" });
  await row(page, "Stays as it is").waitFor();

  const answer = (status: number, body: Record<string, unknown>) =>
    page.route(
      "**/api/tasks**",
      (route) =>
        route.request().method() === "GET" ? route.continue() : route.fulfill({
          status,
          contentType: "application/problem+json",
          body: JSON.stringify({ type: "about:blank", title: "Refused", status, ...body }),
        }),
    );

  await answer(500, { correlationId: "corr-4711" });
  await page.keyboard.press("q");
  const field = page.getByRole("textbox", { name: "New task" });
  await field.fill("Not lost");
  await page.keyboard.press("Enter");
  await toast(page, "Could not add “Not lost”").filter({ hasText: "Your text is kept" }).waitFor();
  await toast(page, "corr-4711").waitFor();
  assert.equal(await field.inputValue(), "Not lost");
  await row(page, "Not lost").waitFor({ state: "detached" });
  await check(page, "Stays as it is").click();
  await toast(page, "Could not complete “Stays as it is”").waitFor();
  await row(page, "Stays as it is").and(page.locator(":not([data-done])")).waitFor();
  await page.unrouteAll();

  await answer(422, { errors: [{ path: "/title", message: "The title is taken by a rule of tests" }] });
  await field.press("Enter");
  await toast(page, "The title is taken by a rule of tests").waitFor();
  assert.equal(await field.inputValue(), "Not lost");
  await page.unrouteAll();

  await field.press("Enter");
  await row(page, "Not lost").waitFor();
  await eventually(async () => (await named(client, "Not lost")).length, 1);
});

test("an answer that got lost on the way does not double the task", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  user.expects(/ERR_FAILED/);
  let lost = 0;
  await page.route("**/api/tasks", async (route) => {
    if (route.request().method() !== "POST" || lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    await route.abort();
  });
  await page.keyboard.press("q");
  await page.keyboard.type("Only once");
  await page.keyboard.press("Enter");
  await row(page, "Only once").waitFor();
  await eventually(async () => (await named(client, "Only once")).length, 1);
  await page.reload();
  await row(page, "Only once").waitFor();
  assert.equal(await row(page, "Only once").count(), 1);
});

test("tasks that cannot be read are said to be so, and trying again reads them", async (app) => {
  const client = await app.account();
  await make(client, { title: "Behind the fault" });
  await using tab = await app.visitor({ path: "/sign-in" });
  tab.expects(/status of 500/);
  const { page } = tab;
  await page.route("**/api/tasks?**", (route) => route.fulfill({ status: 500, body: "{}" }));
  await page.getByRole("textbox", { name: "E-mail" }).fill(client.email);
  await page.getByLabel("Password").fill(client.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "Your tasks could not be loaded" }).waitFor();
  await page.unrouteAll();
  await page.getByRole("button", { name: "Try again" }).click();
  await row(page, "Behind the fault").waitFor();
});

test("two tabs that edit different fields of one task both win", async (app) => {
  await using one = await app.user();
  const { client } = one;
  const { id } = await make(client, { title: "Shared" });
  await using two = await app.tab(client, { path: `/inbox?task=${id}` });
  await load(one.page, `/inbox?task=${id}`);
  const title = one.page.getByRole("textbox", { name: "Title" });
  await title.fill("Shared and renamed");
  await two.page.getByRole("button", { name: "Add notes" }).click();
  await two.page.getByRole("textbox", { name: "Notes" }).fill("Written in the other tab");
  await Promise.all([title.press("Enter"), two.page.keyboard.press("Control+Enter")]);
  for (const { page } of [one, two]) {
    await eventually(() => page.getByRole("textbox", { name: "Title" }).inputValue(), "Shared and renamed");
    await page.locator(".notes-shown").filter({ hasText: "Written in the other tab" })
      .waitFor();
  }
  const { body } = await client.call<Task>("GET", `/api/tasks/${id}`);
  assert.deepEqual([body.title, body.notes], ["Shared and renamed", "Written in the other tab"]);
});
