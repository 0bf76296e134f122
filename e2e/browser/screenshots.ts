/**
 * The pictures of the README, from a running Rondo with a realistic account: `deno task screenshots` writes them to
 * `docs/screenshots`.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { seed } from "./seed.ts";
import { day, openApp, row, type TabOptions } from "./support.ts";

const FOLDER = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
/** A README is read on slow connections as well. */
const LARGEST_BYTES = 250_000;

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

await using app = await openApp();
const client = await app.account("Mara Lindholm");
const { contract, journey } = await seed(client, day);

await picture("today-light", { path: "/today" }, (page) => row(page, "Pay rent").waitFor());
await picture("quick-add-dark", { path: "/inbox", colorScheme: "dark" }, async (page) => {
  await page.keyboard.press("q");
  await page.keyboard.type("Pay rent tomorrow 9am #home !high every month *30m before");
  await page.getByRole("group", { name: "Understood" }).getByRole("button").nth(5).waitFor();
});
await picture(
  "detail-light",
  { path: `/today?task=${contract}` },
  (page) => page.locator(".prose li").first().waitFor(),
);
await picture(
  "activity-light",
  { path: `/upcoming?task=${journey}&panel=activity` },
  (page) => page.locator("#detail-panel li").nth(4).waitFor(),
);
await picture(
  "upcoming-dark",
  { path: "/upcoming", colorScheme: "dark" },
  (page) => row(page, "Water the plants").waitFor(),
);
await picture(
  "calendar-light",
  { path: "/calendar" },
  (page) => page.locator(".calendar .day-item").first().waitFor({ state: "attached" }),
);
await picture(
  "board-dark",
  { path: "/board", colorScheme: "dark" },
  (page) => page.locator(".card").first().waitFor(),
);
await picture("phone-light", { path: "/today", ...PHONE }, (page) => row(page, "Pay rent").waitFor());

async function picture(
  name: string,
  options: TabOptions,
  prepare: (page: Page) => Promise<unknown>,
): Promise<void> {
  await using tab = await app.tab(client, { reducedMotion: "reduce", ...options });
  await prepare(tab.page);
  await tab.page.evaluate(() => document.fonts.ready.then(() => {}));
  const path = `${FOLDER}${name}.png`;
  const { byteLength } = await tab.page.screenshot({ path, caret: "initial" });
  if (byteLength > LARGEST_BYTES) throw new Error(`Cannot keep ${name} as it has ${byteLength} bytes`);
  console.log(`${path}: ${Math.round(byteLength / 1_000)} kB`);
}
