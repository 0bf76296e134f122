/**
 * A browser on a running Rondo. `await using app = await openApp()` gives both, `journeys()` shares them between
 * the tests of a file, and `app.user()` is a tab of a new account in a context of its own.
 *
 * A tab fails its test when the page reported an error that was not expected, or asked another origin for anything.
 * `BASE_URL` names a Rondo that is running already (started with a higher `RATE_SIGN_IN_PER_MINUTE`: these tests
 * make some forty accounts a minute); with `SHOTS` every tab leaves a picture in that folder.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { type Client, type RunningRondo, signUp, startRondo } from "../support/rondo.ts";

export type { Client } from "../support/rondo.ts";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // The public key of a target whose certificate nobody vouches for, as a hash.
  ...[Deno.env.get("BASE_URL_KEY")].flatMap((key) =>
    key === undefined ? [] : [`--ignore-certificate-errors-spki-list=${key}`]
  ),
];
/** Where every test user lives, unless a test says otherwise. */
export const ZONE = "Europe/Berlin";
/** Long enough for a machine that is busy with other things; what is right is there much earlier. */
const TIMEOUT_MS = 30_000;
/** Tests make more accounts and calls in a minute than a person does. */
const LIMITS = { RATE_SIGN_IN_PER_MINUTE: "10000", RATE_CALLS_PER_SECOND: "2000" };

/** A task, as far as tests read it. */
export interface Task {
  id: string;
  title: string;
  notes: string;
  status: "open" | "completed";
  priority: string;
  tags: string[];
  listId: string;
  due: { date: string; time: string | null; timeZone: string | null } | null;
  recurrence: { rule: string; mode: string } | null;
  reminders: { id: string; before?: string; at?: string }[];
  occurrence: number | null;
  completedAt: string | null;
  deletedAt: string | null;
}

export interface Tab extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console that this test means to cause, as `<text> <address>`. */
  expects(...errors: RegExp[]): void;
}

export interface UserTab extends Tab {
  /** The same account over HTTP. */
  readonly client: Client;
}

export interface TabOptions extends BrowserContextOptions {
  /** Where the tab begins (default `/inbox`). */
  path?: string;
  /** How long it waits for anything (default 30 s). */
  patienceMs?: number;
}

export interface App extends AsyncDisposable {
  readonly origin: string;
  readonly browser: Browser;
  /** A tab that nobody is signed in to. */
  visitor(options?: TabOptions): Promise<Tab>;
  /** A tab of a new account. */
  user(options?: TabOptions): Promise<UserTab>;
  /** A tab of an account that there is already. */
  tab(client: Client, options?: TabOptions): Promise<UserTab>;
  /** A new account, living in `ZONE`. */
  account(name?: string): Promise<Client>;
}

/** Opens a browser on `rondo`, or on a Rondo of its own. */
export async function openApp(rondo?: RunningRondo): Promise<App> {
  const target = Deno.env.get("BASE_URL");
  const own = rondo === undefined && target === undefined ? await startRondo({ env: LIMITS }) : null;
  const origin = new URL(rondo?.origin ?? own?.origin ?? target ?? "").origin;
  const browser = await chromium.launch({
    args: ARGUMENTS,
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
  });
  const app: App = {
    origin,
    browser,
    visitor: (options) => openTab(app, null, { path: "/", ...options }),
    user: async (options) => app.tab(await app.account(), options),
    async tab(client, options) {
      const tab = await openTab(app, client, options);
      return { ...tab, client };
    },
    async account(name = "Ada Lovelace") {
      const client = await signUp(origin, name);
      await client.call("PATCH", "/api/me", { timeZone: ZONE });
      return client;
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      await own?.[Symbol.asyncDispose]();
    },
  };
  return app;
}

/** The limits of tests, for those that start a Rondo themselves. */
export const startLimits = () => ({ ...LIMITS });

/** Declares tests that share one Rondo and one browser; each makes accounts of its own. */
export function journeys(): (name: string, run: (app: App) => Promise<void>) => void {
  let opened: Promise<App> | null = null;
  Deno.test.afterAll(async () => {
    // When it could not be opened, the tests have said so.
    const app = await opened?.catch(() => null);
    await app?.[Symbol.asyncDispose]();
  });
  return (name, run) =>
    Deno.test({
      name,
      fn: async () => {
        try {
          await run(await (opened ??= openApp()));
        } catch (error) {
          // What failed first would be hidden by what the tab reports when it is closed.
          if (!(error instanceof SuppressedError)) throw error;
          throw new AggregateError(
            [error.suppressed, error.error],
            "the test failed, and the page reported errors",
          );
        }
      },
      // The browser and Rondo outlive each single test of the file.
      sanitizeOps: false,
      sanitizeResources: false,
    });
}

let shots = 0;

async function openTab(app: App, client: Client | null, options: TabOptions = {}): Promise<Tab> {
  const { path = "/inbox", patienceMs = TIMEOUT_MS, ...rest } = options;
  const context = await app.browser.newContext({
    baseURL: app.origin,
    locale: "en-GB",
    timezoneId: ZONE,
    viewport: { width: 1280, height: 800 },
    colorScheme: "light",
    // A test that means the installed application says so: routes of a test see every call only without a worker.
    serviceWorkers: "block",
    // The page is held to the key above; what a test itself fetches knows nothing of it.
    ignoreHTTPSErrors: Deno.env.has("BASE_URL_KEY"),
    ...rest,
  });
  context.setDefaultTimeout(patienceMs);
  if (client !== null) {
    await context.addCookies(
      client.cookie.split("; ").map((pair) => {
        const at = pair.indexOf("=");
        return { name: pair.slice(0, at), value: pair.slice(at + 1), url: app.origin, httpOnly: true };
      }),
    );
  }
  // A visitor is told by this answer that nobody is signed in; the browser reports it as an error.
  const expected = client === null ? [/status of 401 .*\/api\/me$/] : [];
  const reported: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error") reported.push(`${message.text()} ${message.location().url}`);
  });
  context.on("weberror", (error) => reported.push(`${error.error().stack ?? error.error()}`));
  context.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== app.origin) {
      reported.push(`asked another origin: ${request.url()}`);
    }
  });
  const page = await context.newPage();
  await load(page, path);
  if (client !== null) {
    await page.getByRole("main").waitFor();
    await live(page);
  }
  return {
    page,
    context,
    expects: (...errors) => void expected.push(...errors),
    async [Symbol.asyncDispose]() {
      const folder = Deno.env.get("SHOTS");
      if (folder !== undefined) {
        const file = `${String(++shots).padStart(3, "0")}-${new URL(page.url()).pathname.slice(1)}.png`;
        await page.screenshot({ path: join(folder, file.replaceAll("/", "-")) }).catch(() => {});
      }
      await context.close();
      const errors = reported.filter((text) => !expected.some((pattern) => pattern.test(text)));
      assert.deepEqual(errors, [], "the page reported errors");
    },
  };
}

/** Opens an address as if it had been typed. */
export async function load(page: Page, path: string): Promise<void> {
  try {
    await page.goto(path);
  } catch (error) {
    // Chromium now and then gives up a navigation while it ends the stream of the page that it leaves.
    if (!/ERR_ABORTED/.test(String(error))) throw error;
    await page.goto(path);
  }
}

/** Waits until the tab follows the live stream and has read the tasks. */
export async function live(page: Page): Promise<void> {
  await page.locator("[data-testid=connection][data-state=live]").first().waitFor({ state: "attached" });
}

/** Waits until `read` gives `wanted`; afterwards the difference is the error. */
export async function eventually<T>(read: () => Promise<T> | T, wanted: T, ms = TIMEOUT_MS): Promise<void> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      assert.deepEqual(await read(), wanted);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }
}

/** The row of a task in the list on screen. */
export const row = (page: Page, title: string): Locator =>
  page.getByRole("main").getByRole("listitem").filter({
    has: page.getByRole("link", { name: title, exact: true }),
  });

/** The checkbox of a task's row. */
export const check = (page: Page, title: string): Locator =>
  page.getByRole("main").getByRole("checkbox", { name: `Complete ${title}`, exact: true });

/** The titles on screen, in their order. */
export const titles = (page: Page): Promise<string[]> => page.locator("main .row .row-title").allInnerTexts();

/** A message at the foot of the window. */
export const toast = (page: Page, text: string | RegExp): Locator =>
  page.getByRole("region", { name: "Messages" }).locator(".toast").filter({ hasText: text });

/** What the focus is on, as a screen reader would begin to say it. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const on = document.activeElement;
    if (on === null || on === document.body) return "nothing";
    return on.getAttribute("aria-label") ?? on.textContent?.trim() ?? "";
  });

/** Makes a task over HTTP. */
export async function make(client: Client, task: { title: string } & Record<string, unknown>): Promise<Task> {
  const { status, body } = await client.call<Task>("POST", "/api/tasks", task);
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/** Makes many tasks over HTTP at once. */
export async function makeAll(client: Client, create: ({ title: string } & Record<string, unknown>)[]) {
  const { status, body } = await client.call("POST", "/api/tasks/bulk", { create });
  assert.equal(status, 200, JSON.stringify(body));
}

/** The tasks of an account whose title is this one. */
export async function named(client: Client, title: string, query = "status=all"): Promise<Task[]> {
  const { body } = await client.call<{ items: Task[] }>("GET", `/api/tasks?${query}&limit=200`);
  return body.items.filter((task) => task.title === title);
}

/** A day of `ZONE`, so many days from today. */
export const day = (offset: number): string =>
  Temporal.Now.plainDateISO(ZONE).add({ days: offset }).toString();

/** Drags with the mouse, in steps as a hand does. */
export async function drag(
  page: Page,
  from: Locator,
  to: Locator,
  where: "middle" | "top" = "middle",
): Promise<void> {
  await from.scrollIntoViewIfNeeded();
  const box = await from.boundingBox();
  const target = await to.boundingBox();
  assert.ok(box !== null && target !== null);
  const [x, y] = [box.x + box.width * 0.6, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 9, y + 4);
  const down = where === "top" ? target.y + 3 : target.y + target.height / 2;
  await page.mouse.move(target.x + target.width / 2, down, { steps: 6 });
  await page.locator(".drag-ghost").waitFor();
  await page.mouse.up();
  await page.locator(".drag-ghost").waitFor({ state: "detached" });
}
