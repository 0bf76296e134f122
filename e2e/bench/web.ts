/**
 * `deno task bench:web [--quick] [--write] [name…]`: how fast the page is in a real browser, with 10,000 open tasks.
 *
 * Names: `first`, `scroll`, `add`, `filter`, `search`. `--write` puts the figures into docs/benchmarks.md. The browser is
 * what the browser tests use; `CHROMIUM` names another.
 */
import { parseArgs } from "node:util";
import { chromium } from "../../.ci/chromium.ts";
import { build } from "../../web/build.ts";
import { openApp } from "../browser/support.ts";
import { openDatabase, startRondo } from "../support/rondo.ts";
import { seedTasks } from "./seed.ts";
import { filledTab, measureFirstView, measureScroll, measureTyping } from "./web_page.ts";
import { type WebFigures, webReport, writeWebReport } from "./web_report.ts";

const NAMES = ["first", "scroll", "add", "filter", "search"];
/** Of the seeded tasks three in ten are completed. */
const TASKS = { seeded: 14_286, open: 10_000 };
const UNLIMITED = { RATE_CALLS_PER_SECOND: "1000000", RATE_SIGN_IN_PER_MINUTE: "1000000" };
const QUICK_ADD = "Pay rent tomorrow 9am #home !high every month *30m before";
const FILTER = "(today | overdue) & !#home & search: report";
const SEARCH = "review the budget";
const PACES = [{ pixelsPerSecond: 1_500, seconds: 6 }, { pixelsPerSecond: 6_000, seconds: 5 }, {
  pixelsPerSecond: 30_000,
  seconds: 5,
}];

const { values: { quick = false, write = false }, positionals } = parseArgs({
  args: Deno.args,
  options: { quick: { type: "boolean" }, write: { type: "boolean" } },
  allowPositionals: true,
});
for (const name of positionals) {
  if (!NAMES.includes(name)) {
    throw new Error(`Cannot measure ${name}: it is one of ${NAMES.join(", ")}`);
  }
}
const wants = (name: string) => positionals.length === 0 || positionals.includes(name);

Deno.env.set("CHROMIUM", await chromium());
const { javascript } = await build();
await using rondo = await startRondo({ env: UNLIMITED });
const user = await rondo.signUp();
{
  await using admin = await openDatabase(rondo.dataDir);
  await seedTasks(admin, [user], TASKS.seeded);
}
await using app = await openApp(rondo);
await using tab = await filledTab(app, user, TASKS.open);
// What is asked for while the network is cut is meant to fail.
tab.expects(/ERR_INTERNET_DISCONNECTED/, /ERR_NETWORK_CHANGED/);
const { page } = tab;
const figures: WebFigures = {
  ...{ quick, tasks: TASKS.open, javascript, browser: app.browser.version() },
  ...{ load: Deno.loadavg()[0] ?? 0, first: [], scroll: [], typing: [] },
};

if (wants("first")) {
  console.log("first view …");
  const visits = quick ? 5 : 20;
  for (const [what, path] of [["the Inbox, 10,000 rows", "/inbox"], ["Today", "/today"]] as const) {
    for (const offline of [false, true]) {
      const figure = await measureFirstView(tab, { visits, offline, path });
      figures.first.push({ what, offline, ...figure });
    }
  }
}
await page.goto("/inbox");
await page.locator("main .row").first().waitFor();
if (wants("scroll")) {
  console.log("scrolling …");
  for (const pace of PACES) figures.scroll.push(await measureScroll(page, pace));
}
if (wants("add")) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.keyboard.press("q");
  figures.typing.push({ where: "quick add", ...await measureTyping(page, { text: QUICK_ADD, pauseMs: 80 }) });
  await page.keyboard.press("Escape");
}
if (wants("filter")) {
  await page.goto("/filter");
  await page.locator("#filter-query").focus();
  const figure = await measureTyping(page, { text: FILTER, pauseMs: 300 });
  figures.typing.push({ where: "a filter over them", ...figure });
}
if (wants("search")) {
  await page.goto("/search");
  await page.locator("#search").focus();
  figures.typing.push({ where: "search", ...await measureTyping(page, { text: SEARCH, pauseMs: 400 }) });
}
figures.load = Math.max(figures.load, Deno.loadavg()[0] ?? 0);
if (write) await writeWebReport(figures);
console.log(webReport(figures));
