/**
 * The main views as pictures: what they look like is compared with `pictures/`, pixel by pixel. The clock stands still
 * on a day far ahead, so that no reminder fires meanwhile; fonts are the application's own.
 *
 * `deno task pictures` takes them anew: look at every one that changed before it is kept.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import pixelmatch from "pixelmatch";
import { PNG } from "pngjs";
import { seed, type Seeded } from "./seed.ts";
import { journeys, live, load, row, type TabOptions } from "./support.ts";

const FOLDER = fileURLToPath(new URL("pictures/", import.meta.url));
const UPDATE = Deno.env.get("UPDATE_PICTURES") === "1";
/** Tuesday, 3 March 2037, 10:00 in Berlin. */
const NOW = "2037-03-03T09:00:00Z";
const TODAY = Temporal.PlainDate.from("2037-03-03");
/** So many pixels may differ: less than a row's checkbox has. Smoothed edges are not counted. */
const MOST_PIXELS = 120;
const SENSITIVITY = 0.12;

const DESKTOP = { viewport: { width: 1120, height: 640 } };
const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

const test = journeys();

interface Picture {
  name: string;
  path: (seeded: Seeded) => string;
  scheme: "light" | "dark";
  ready: (page: Page) => Promise<unknown>;
}

const rent = (page: Page) => row(page, "Pay rent").waitFor();
const card = (page: Page) => page.locator(".card").first().waitFor();
const months = (page: Page) => page.locator(".calendar .day-item").first().waitFor({ state: "attached" });

const ON_DESKTOP: Picture[] = [
  { name: "today-light", path: () => "/today", scheme: "light", ready: rent },
  { name: "today-dark", path: () => "/today", scheme: "dark", ready: rent },
  {
    name: "detail-light",
    path: ({ contract }) => `/today?task=${contract}`,
    scheme: "light",
    ready: (page) => page.locator(".prose li").first().waitFor(),
  },
  { name: "board-light", path: () => "/board", scheme: "light", ready: card },
  { name: "board-dark", path: () => "/board?by=priority", scheme: "dark", ready: card },
  { name: "calendar-light", path: () => "/calendar", scheme: "light", ready: months },
  { name: "calendar-week-dark", path: () => "/calendar?span=week", scheme: "dark", ready: months },
  {
    name: "filter-light",
    path: ({ filter }) => `/filter/${filter}`,
    scheme: "light",
    ready: rent,
  },
  {
    name: "add-dark",
    path: () => "/inbox",
    scheme: "dark",
    async ready(page) {
      await page.keyboard.press("q");
      await page.keyboard.type("Pay rent tomorrow 9am #home !high every month *30m before");
      await page.getByRole("group", { name: "Understood" }).getByRole("button").nth(5).waitFor();
    },
  },
  {
    name: "palette-light",
    path: () => "/upcoming",
    scheme: "light",
    async ready(page) {
      await row(page, "Water the plants").waitFor();
      await page.keyboard.press("Control+k");
      await page.keyboard.type("wat");
      await page.locator("dialog [role=option]").filter({ hasText: "Water the tomatoes" }).waitFor();
    },
  },
];
const ON_PHONE: Picture[] = [
  { name: "phone-today-light", path: () => "/today", scheme: "light", ready: rent },
  {
    name: "phone-upcoming-dark",
    path: () => "/upcoming",
    scheme: "dark",
    ready: (page) => row(page, "Water the plants").waitFor(),
  },
  { name: "phone-calendar-light", path: () => "/calendar", scheme: "light", ready: months },
  { name: "phone-board-dark", path: () => "/board", scheme: "dark", ready: card },
];

for (
  const [device, screen, pictures] of [["desktop", DESKTOP, ON_DESKTOP], ["phone", PHONE, ON_PHONE]] as const
) {
  test(`the main views look as they did: ${device}`, async (app) => {
    const client = await app.account("Mara Lindholm");
    const seeded = await seed(client, (offset) => TODAY.add({ days: offset }).toString());
    const options: TabOptions = { ...screen, path: "/nowhere", reducedMotion: "reduce" };
    await using tab = await app.tab(client, options);
    const { page, context } = tab;
    await context.addInitScript((now) => {
      // What the page reads the time by; timers go on.
      Temporal.Now.instant = () => Temporal.Instant.from(now);
    }, NOW);
    const wrong: string[] = [];
    for (const { name, path, scheme, ready } of pictures) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await load(page, path(seeded));
      await live(page);
      await ready(page);
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      await page.evaluate(() => document.fonts.ready.then(() => {}));
      const taken = await page.screenshot({ animations: "disabled", caret: "hide" });
      const problem = await compare(name, taken);
      if (problem !== null) wrong.push(problem);
    }
    assert.deepEqual(wrong, []);
  });
}

/** The same with 64 steps of each colour: fewer bytes, and what is lost nobody sees. */
function coarse(picture: PNG): PNG {
  picture.data.forEach((value, index) => {
    picture.data[index] = index % 4 === 3 ? 255 : Math.min(255, Math.round(value / 4) * 4);
  });
  return picture;
}

/** What is wrong with a picture, or null. */
async function compare(name: string, taken: Uint8Array): Promise<string | null> {
  const file = join(FOLDER, `${name}.png`);
  const now = coarse(PNG.sync.read(Buffer.from(taken)));
  if (UPDATE) {
    await Deno.mkdir(FOLDER, { recursive: true });
    const before = await readPicture(file);
    // One that looks the same stays as it is.
    if (before !== null && difference(before, now).pixels === 0) return null;
    await Deno.writeFile(file, PNG.sync.write(now, { deflateLevel: 9, colorType: 2 }));
    return null;
  }
  const before = await readPicture(file);
  if (before === null) return `${name}: there is no picture to compare it with; deno task pictures takes it`;
  const { pixels, picture } = difference(before, now);
  if (pixels <= MOST_PIXELS) return null;
  const folder = await Deno.makeTempDir({ prefix: `rondo-${name}-` });
  await Deno.writeFile(join(folder, "now.png"), taken);
  if (picture !== null) await Deno.writeFile(join(folder, "difference.png"), PNG.sync.write(picture));
  return `${name}: ${pixels} pixels differ; see ${folder}`;
}

async function readPicture(file: string): Promise<PNG | null> {
  try {
    return PNG.sync.read(Buffer.from(await Deno.readFile(file)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function difference(before: PNG, now: PNG): { pixels: number; picture: PNG | null } {
  const { width, height } = before;
  if (width !== now.width || height !== now.height) return { pixels: now.width * now.height, picture: null };
  const picture = new PNG({ width, height });
  const pixels = pixelmatch(before.data, now.data, picture.data, width, height, { threshold: SENSITIVITY });
  return { pixels, picture };
}
