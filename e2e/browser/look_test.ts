/** Every view in both themes and at every width: readable by all, nothing cut off, nothing that jumps. */
import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import {
  type App,
  type Client,
  day,
  eventually,
  journeys,
  live,
  load,
  make,
  makeAll,
  row,
  toast,
} from "./support.ts";

/** The checker's own script: asked directly it is several times faster than through its builder. */
const AXE = await Deno.readTextFile(
  createRequire(realpathSync(fileURLToPath(import.meta.resolve("@axe-core/playwright"))))
    .resolve("axe-core/axe.min.js"),
);
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const LONG = "A title that goes on and on, as titles do when somebody writes down a whole thought at once "
  .repeat(4);
const UNBROKEN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
const RIGHT_TO_LEFT = "اشترِ الحليب والخبز من السوق قبل الغداء ثم اتصل بالطبيب";

const test = journeys();

/** An account with something in every view. */
async function furnished(app: App): Promise<{ client: Client; id: string; listId: string }> {
  const client = await app.account();
  const { body: list } = await client.call<{ id: string }>("POST", "/api/lists", {
    name: "Household",
    colour: "rose",
  });
  const { id } = await make(client, {
    title: "Pay rent",
    notes:
      "To **the landlord**, see [the contract](https://example.test)\n\n- [x] signed\n- [ ] filed\n\n> quote\n\n`code`",
    due: { date: day(2), time: "12:00", timeZone: "Asia/Tokyo" },
    recurrence: "monthly",
    reminders: [{ before: "PT30M" }, { at: Temporal.Now.instant().subtract({ hours: 1 }).toString() }],
    tags: ["home", "money"],
    priority: "urgent",
  });
  await make(client, { title: "A part of it", parentId: id });
  await make(client, { title: "Whole day", due: { date: day(0) } });
  await make(client, { title: "In the list", listId: list.id, tags: ["home"], priority: "low" });
  await make(client, {
    title: LONG,
    due: { date: day(-2) },
    priority: "high",
    tags: ["a-tag-of-considerable-length", "b", "c", "d"],
  });
  await make(client, { title: UNBROKEN, due: { date: day(1), time: "09:00" }, listId: list.id });
  await make(client, { title: RIGHT_TO_LEFT, due: { date: day(3) }, tags: ["بيت"] });
  const done = await make(client, { title: "Done", due: { date: day(-1) } });
  await client.call("POST", `/api/tasks/${done.id}/complete`, {});
  const gone = await make(client, { title: "Gone" });
  await client.call("DELETE", `/api/tasks/${gone.id}`);
  await client.call("PATCH", `/api/tasks/${id}`, { priority: "high" });
  await eventually(
    async () => (await client.call<{ unread: number }>("GET", "/api/notifications")).body.unread,
    1,
  );
  return { client, id, listId: list.id };
}

/** Rules whose outcome depends on the theme; all others see the same markup in both. */
const COLOUR_RULES = ["color-contrast", "link-in-text-block"];

interface Axe {
  run(options: unknown): Promise<{ violations: { id: string; nodes: Node[] }[] }>;
}
interface Node {
  target: string[];
  failureSummary: string;
}

/** Fails with what axe finds against WCAG 2.2 AA on the page as it is, in light and in dark. */
async function accessible(page: Page, where: string): Promise<void> {
  if (!await page.evaluate(() => "axe" in globalThis)) await page.evaluate(AXE);
  const found: string[] = [];
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const runOnly = colorScheme === "dark"
      ? { type: "rule", values: COLOUR_RULES }
      : { type: "tag", values: TAGS };
    found.push(
      ...await page.evaluate(async (runOnly) => {
        const { axe } = globalThis as unknown as { axe: Axe };
        const { violations } = await axe.run({ runOnly, resultTypes: ["violations"] });
        return violations.flatMap(({ id, nodes }) =>
          nodes.map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary}`)
        );
      }, runOnly).then((problems) => problems.map((problem) => `${where}, ${colorScheme}: ${problem}`)),
    );
  }
  assert.deepEqual(found, []);
}

for (const [device, screen] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
  test(`every view is accessible in both themes: ${device}`, async (app) => {
    const { client, id, listId } = await furnished(app);
    await using tab = await app.tab(client, screen);
    const { page } = tab;
    const views = [
      ...[
        "inbox",
        "today",
        "upcoming",
        `list/${listId}`,
        "tag/home",
        "search",
        "search?q=rent",
        "search?q=zzzz",
      ],
      ...["completed", "trash", "notifications", "settings", "nowhere"],
      ...["filter", "filter?q=today%20%7C%20%23home", "filter?q=today%20%26", "activity", "reminders"],
      ...["board", "board?by=priority", "board?by=tag", "calendar", "calendar?span=week"],
      ...[`inbox?task=${id}`, `inbox?task=${id}&panel=activity`, `inbox?task=${id}&panel=reminders`],
    ];
    await load(page, "/inbox");
    await live(page);
    for (const path of views) {
      await visit(page, path);
      await page.locator("main :is(.row, .empty, .notice, .settings, .card, .calendar, .activity)").first()
        .waitFor();
      if (path.startsWith("search?q=")) {
        await page.locator(path.endsWith("zzzz") ? ".empty" : ".row").first().waitFor();
      }
      if (path === "settings") await page.getByRole("button", { name: "Create an address" }).waitFor();
      if (path.includes("task=")) await page.locator(".pane .prose strong").waitFor();
      if (path.includes("panel=")) await page.locator("#detail-panel .activity").waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      await accessible(page, `/${path}`);
    }
  });

  test(`everything that opens is accessible in both themes: ${device}`, async (app) => {
    const { client, id } = await furnished(app);
    await using tab = await app.tab(client, screen);
    tab.expects(/status of 500/);
    const { page } = tab;
    await load(page, "/inbox");
    await row(page, "Pay rent").waitFor();
    await page.keyboard.press("q");
    await accessible(page, "quick add, empty");
    await page.keyboard.type("Call @Nobody tomorrow 9am #home !high every month *30m before");
    await page.locator(".chip").nth(6).waitFor();
    await accessible(page, "quick add");
    await page.locator(".qa-input").fill("");
    await page.keyboard.press("Escape");

    await row(page, "Pay rent").getByRole("link").focus();
    for (const key of ["d", "p", "l", "#"]) {
      await page.keyboard.press(key);
      await page.locator(".popover :is([data-autofocus], input)").first().waitFor();
      await accessible(page, `menu of ${key}`);
      await page.keyboard.press("Escape");
      await page.locator(".popover").waitFor({ state: "detached" });
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await accessible(page, "keyboard sheet");
    await page.keyboard.press("Escape");

    await page.keyboard.press("Control+k");
    await page.getByRole("dialog", { name: "Command palette" }).getByRole("option").first().waitFor();
    await accessible(page, "palette");
    await page.keyboard.type("rent");
    await accessible(page, "palette with what it found");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Command palette" }).waitFor({ state: "detached" });
    await row(page, "Pay rent").getByRole("link").focus();
    await page.keyboard.press("v");
    await page.getByRole("region", { name: "Selected tasks" }).waitFor();
    await accessible(page, "bulk bar");
    await page.keyboard.press("Escape");
    await page.getByRole("region", { name: "Selected tasks" }).waitFor({ state: "detached" });

    await load(page, "/filter");
    await page.getByRole("button", { name: "What a filter can ask" }).click();
    await page.locator(".filter-help").waitFor();
    await accessible(page, "help of filters");
    await load(page, "/activity");
    await page.getByRole("button", { name: /as it was$/ }).first().click();
    await page.locator(".travel").waitFor();
    await accessible(page, "a task as it was");
    await load(page, `/inbox?task=${id}`);
    await page.locator(".pane .prose strong").waitFor();
    for (const kind of ["recurrence", "reminders"]) {
      await page.locator(`[data-property=${kind}]`).click();
      await page.locator(".popover [data-autofocus]").first().waitFor();
      await accessible(page, `editor of ${kind}`);
      if (kind === "recurrence") {
        await page.getByRole("option", { name: "Custom…" }).click();
        await page.getByRole("combobox", { name: "Unit" }).selectOption("WEEKLY");
        await accessible(page, "custom recurrence");
      }
      await page.keyboard.press("Escape");
      await page.locator(".popover").waitFor({ state: "detached" });
    }
    await page.getByRole("button", { name: "Edit notes" }).press("Enter");
    await accessible(page, "notes being edited");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.locator(".pane").waitFor({ state: "detached" });

    await row(page, "Pay rent").getByRole("checkbox").click();
    await toast(page, "Completed").waitFor();
    await page.route("**/api/tasks/**", (route) => route.fulfill({ status: 500, body: "{}" }));
    await row(page, RIGHT_TO_LEFT).getByRole("checkbox").click();
    await toast(page, "Could not complete").waitFor();
    await accessible(page, "messages");
    // A browser that has no copy of the tasks yet can only say that they did not come.
    await using fresh = await app.visitor({ ...screen, path: "/sign-in" });
    fresh.expects(/status of 500/);
    await fresh.page.route("**/api/tasks?**", (route) => route.fulfill({ status: 500, body: "{}" }));
    await fresh.page.getByRole("textbox", { name: "E-mail" }).fill(client.email);
    await fresh.page.getByLabel("Password").fill(client.password);
    await fresh.page.getByRole("button", { name: "Sign in" }).click();
    await fresh.page.getByText("Your tasks could not be loaded").waitFor();
    await accessible(fresh.page, "failed");
    if (device === "phone") {
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("dialog", { name: "More" }).waitFor();
      await accessible(page, "more");
    }
  });
}

test("signing in and empty views are accessible in both themes", async (app) => {
  await using visitor = await app.visitor();
  for (const path of ["/sign-in", "/sign-up"]) {
    await load(visitor.page, path);
    await visitor.page.getByRole("button", { name: /Sign in|Create account/ }).click();
    await visitor.page.getByRole("alert").first().waitFor();
    await accessible(visitor.page, path);
  }
  await using user = await app.user();
  for (
    const path of [
      "inbox",
      "today",
      "upcoming",
      "completed",
      "trash",
      "notifications",
      "search",
      "tag/none",
      "filter",
      "reminders",
    ]
  ) {
    await load(user.page, `/${path}`);
    await user.page.locator("main .empty").waitFor();
    await accessible(user.page, `empty /${path}`);
  }
});

/** Goes to another view as a link does, without loading the page again. */
const visit = (page: Page, path: string): Promise<void> =>
  page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/${path}`);

/** A window in which nothing is measured while it still slides to its place. */
const STILL = { deviceScaleFactor: 2, reducedMotion: "reduce" } as const;

/** What sticks out of the window to the side. */
const overflowing = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    return [...document.querySelectorAll("body *")].filter((element) =>
      element.getBoundingClientRect().right > root.clientWidth + 1
    ).map((element) => `${element.tagName}.${element.className}`).slice(0, 5);
  });

test("nothing sticks out at any width, with long titles, right-to-left text and five thousand tasks", async (app) => {
  const { client, id, listId } = await furnished(app);
  for (let batch = 0; batch < 5; batch++) {
    await makeAll(
      client,
      Array.from(
        { length: 1_000 },
        (_, index) => ({ title: `Task ${batch * 1_000 + index}`, due: { date: day(40 + index % 50) } }),
      ),
    );
  }
  // Two pixels to each of the style sheet: 640 px are a window of 1280 px at 200 %.
  await using tab = await app.tab(client, { ...STILL, patienceMs: 60_000 });
  const { page } = tab;
  for (const width of [360, 640, 768, 1280, 1680]) {
    await page.setViewportSize({ width, height: width === 640 ? 400 : 900 });
    for (
      const path of [
        "settings",
        "inbox",
        "today",
        "upcoming",
        `list/${listId}`,
        "notifications",
        `inbox?task=${id}`,
      ]
    ) {
      await visit(page, path);
      await page.locator("main :is(.row, .notice, .settings)").first().waitFor();
      assert.deepEqual(await overflowing(page), [], `/${path} at ${width}`);
    }
    assert.ok(await page.locator("main .row").count() < 1_000, "only what is near the window is rendered");
  }
});

test("every view fits 320 px, and a window of 1280 px at 200 %, without scrolling two ways", async (app) => {
  const { client, id, listId } = await furnished(app);
  await using tab = await app.tab(client, STILL);
  const { page } = tab;
  const wrong: string[] = [];
  for (const [width, height] of [[320, 640], [640, 400]] as const) {
    await page.setViewportSize({ width, height });
    for (
      const path of [
        ...[
          "inbox",
          "today",
          "upcoming",
          `list/${listId}`,
          "tag/home",
          "search?q=rent",
          "completed",
          "trash",
        ],
        ...[
          "filter?q=today%20%7C%20%23home",
          "filter?q=today%20%26",
          "board",
          "board?by=priority",
          "board?by=tag",
        ],
        ...["calendar", "calendar?span=week", "activity", "reminders", "notifications", "not-saved", "chat"],
        ...["settings", "nowhere", `inbox?task=${id}`, `inbox?task=${id}&panel=activity`],
        `inbox?task=${id}&panel=reminders`,
      ]
    ) {
      await visit(page, path);
      await page.locator(SOMETHING).first().waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      if (path.includes("panel=")) await page.locator("#detail-panel .activity").waitFor();
      wrong.push(...(await outside(page)).map((what) => `/${path} at ${width}: ${what}`));
    }
    await visit(page, "inbox");
    await page.keyboard.press("Control+k");
    await page.locator("dialog [role=option]").first().waitFor();
    wrong.push(...(await outside(page)).map((what) => `palette at ${width}: ${what}`));
    await page.keyboard.press("Escape");
    // Until it is closed, what is typed is the palette's.
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    wrong.push(...(await outside(page)).map((what) => `sheet at ${width}: ${what}`));
    await page.keyboard.press("Escape");
  }
  assert.deepEqual(wrong, []);
});

/** Of every view what is there when it has been drawn. */
const SOMETHING =
  "main :is(.row, .empty, .notice, .settings, .settings-group, .card, .calendar, .activity, .chat, li)";

/** What can be used and lies outside of the window to the side, unless what holds it is scrolled that way alone. */
const outside = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const found = scrollWidth > clientWidth ? [`the page is ${scrollWidth} wide`] : [];
    const aside = (element: Element) => {
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        const { overflowX } = getComputedStyle(at);
        if ((overflowX === "auto" || overflowX === "scroll") && at.scrollWidth > at.clientWidth) return true;
      }
      return false;
    };
    for (const element of document.querySelectorAll("a, button, input, select, textarea, h1, h2")) {
      if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const { left, right, width } = element.getBoundingClientRect();
      if (width <= 1 || right <= clientWidth + 1 && left >= -1 || aside(element)) continue;
      found.push(`${element.tagName}.${element.className} ${element.textContent?.trim().slice(0, 30)}`);
    }
    return found;
  });

test("on a phone what is touched is at least 44 px", async (app) => {
  const { client } = await furnished(app);
  await using tab = await app.tab(client, { ...PHONE, ...STILL, path: "/inbox" });
  const { page } = tab;
  await row(page, "Pay rent").waitFor();
  const small = await page.evaluate(() => {
    /** The place around the middle of an element in which a touch reaches it. */
    const reach = (element: Element) => {
      const box = element.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      const far = (dx: number, dy: number) => {
        let steps = 0;
        while (steps < 60 && element.contains(document.elementFromPoint(x + dx * steps, y + dy * steps))) {
          steps += 1;
        }
        return steps;
      };
      return { width: far(1, 0) + far(-1, 0), height: far(0, 1) + far(0, -1) };
    };
    const targets = [...document.querySelectorAll(".bottom-bar :is(a, button), .row .check, .qa-closed")];
    return targets.filter((target) => {
      const { top, bottom } = target.getBoundingClientRect();
      return top > 60 && bottom < innerHeight;
    }).flatMap((target) => {
      const { width, height } = reach(target);
      return width >= 44 && height >= 44
        ? []
        : [`${target.getAttribute("aria-label") ?? target.textContent} ${width}x${height}`];
    });
  });
  assert.deepEqual(small, []);

  assert.deepEqual(await overflowing(page), []);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Today" }).tap();
  await page.getByRole("heading", { name: "Today", level: 1 }).waitFor();
  await page.getByRole("button", { name: "More" }).tap();
  await page.getByRole("dialog", { name: "More" }).getByRole("link", { name: /Household/ }).tap();
  await page.getByRole("heading", { name: "Household", level: 1 }).waitFor();
  await row(page, "In the list").getByRole("link").tap();
  await page.getByRole("complementary", { name: "Task" }).waitFor();
  await page.goBack();
  await page.getByRole("complementary", { name: "Task" }).waitFor({ state: "detached" });
});

test("nothing moves when a row's actions appear", async (app) => {
  const { client } = await furnished(app);
  await using tab = await app.tab(client);
  const { page } = tab;
  const rows = page.locator("main .row");
  await row(page, "Pay rent").waitFor();
  const places = () =>
    page.locator("main .row, main .row-title, main .row .check, main .row-due").evaluateAll((elements) =>
      elements.map((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return [x, y, width, height];
      })
    );
  const before = await places();
  for (const each of await rows.all()) {
    await each.hover();
    await each.locator(".row-actions").waitFor();
    assert.deepEqual(await places(), before);
  }
});

test("who prefers less motion sees none", async (app) => {
  const { client } = await furnished(app);
  await using tab = await app.tab(client, { reducedMotion: "reduce" });
  const { page } = tab;
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(globalThis, { seen });
    const look = () => {
      for (const animation of document.getAnimations()) seen.push(String(animation.playState));
      requestAnimationFrame(look);
    };
    look();
  });
  await page.keyboard.press("q");
  await page.keyboard.press("Escape");
  await row(page, "Pay rent").getByRole("link").click();
  await row(page, "Pay rent").getByRole("checkbox").click();
  await toast(page, "Completed").waitFor();
  await toast(page, "Completed").filter({ hasText: "Next" }).waitFor();
  assert.deepEqual(await page.evaluate(() => (globalThis as unknown as { seen: string[] }).seen), []);
});
