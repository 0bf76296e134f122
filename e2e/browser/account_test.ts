/** Accounts in the browser: signing up, in and out, and what a page must not be able to do. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { eventually, journeys, live, load, make, row } from "./support.ts";

const test = journeys();

test("a new account starts with an empty Inbox in the browser's zone, and survives a reload", async (app) => {
  await using tab = await app.visitor({ timezoneId: "Asia/Tokyo" });
  const { page } = tab;
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Grace Hopper");
  await page.getByRole("textbox", { name: "E-mail" }).fill(`grace-${crypto.randomUUID()}@example.test`);
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("alert").filter({ hasText: "at least 8 characters" }).waitFor();
  assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), "Grace Hopper");

  await page.getByLabel("Password").fill("a long enough password");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.getByText("Your Inbox is clear").waitFor();
  await eventually(() => new URL(page.url()).pathname, "/inbox");
  await live(page);

  await page.reload();
  await page.getByRole("heading", { name: "Inbox" }).waitFor();
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("button", { name: /Time zone.*Tokyo/ }).waitFor();
});

test("a wrong password keeps what was typed, the right one returns to the address that was asked for", async (app) => {
  const client = await app.account();
  const { id } = await make(client, { title: "Read the contract", due: { date: "2030-05-06" } });
  await using tab = await app.visitor({ path: `/upcoming?task=${id}` });
  tab.expects(/status of 401 .*sign-in\/email/);
  const { page } = tab;
  const email = page.getByRole("textbox", { name: "E-mail" });
  await email.fill(client.email);
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "do not belong together" }).waitFor();
  assert.equal(await email.inputValue(), client.email);
  assert.equal(await page.getByLabel("Password").inputValue(), "not the password");

  await page.getByLabel("Password").fill(client.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Upcoming" }).waitFor();
  await eventually(() => page.getByRole("textbox", { name: "Title" }).inputValue(), "Read the contract");
});

test("signing up begins at its first field, and goes on at the first that is wrong", async (app) => {
  await using tab = await app.visitor();
  const { page } = tab;
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "The e-mail address is missing" }).waitFor();
  await eventually(() => focusedField(page), "email");
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByRole("heading", { name: "Create your account" }).waitFor();
  await eventually(() => focusedField(page), "name");
  assert.equal(await page.getByRole("alert").count(), 0, "what was wrong in the other form");

  await page.keyboard.type("Grace");
  await page.getByRole("textbox", { name: "E-mail" }).fill("grace");
  await page.getByLabel("Password").fill("short");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "does not look like an e-mail address" }).waitFor();
  await eventually(() => focusedField(page), "email");
});

const focusedField = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("name"));

test("an address that is taken is said beside its field", async (app) => {
  const client = await app.account();
  await using tab = await app.visitor({ path: "/sign-up" });
  tab.expects(/status of 422 .*sign-up\/email/);
  const { page } = tab;
  await page.getByRole("textbox", { name: "Name" }).fill("Ada");
  await page.getByRole("textbox", { name: "E-mail" }).fill(client.email);
  await page.getByLabel("Password").fill("another password");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("alert").filter({ hasText: "There is an account with this address" }).waitFor();
});

test("signing out ends the session and leaves nothing of it behind", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  user.expects(/status of 401/);
  await make(client, { title: "A private thought" });
  await row(page, "A private thought").waitFor();
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.getByText("A private thought").count(), 0);
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await load(page, "/inbox");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal((await client.call("GET", "/api/me")).status, 401);
});

test("a session that ended elsewhere asks to sign in again and returns to the same place", async (app) => {
  await using user = await app.user({ path: "/today" });
  const { page, client, context } = user;
  user.expects(/status of 401/);
  await context.clearCookies();
  await page.keyboard.press("q");
  await page.keyboard.type("Never lost");
  await page.keyboard.press("Enter");
  await page.getByText("Your session has ended").waitFor();
  await page.getByRole("textbox", { name: "E-mail" }).fill(client.email);
  await page.getByLabel("Password").fill(client.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Today" }).waitFor();
});

test("scripts cannot read the session, and the page runs none that it did not ship", async (app) => {
  await using user = await app.user();
  const { page, context } = user;
  user.expects(/Content Security Policy/);
  const cookies = await context.cookies();
  assert.ok(cookies.length > 0);
  assert.deepEqual(cookies.filter(({ httpOnly, sameSite }) => !httpOnly || sameSite === "None"), []);
  assert.equal(await page.evaluate(() => document.cookie), "");
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.injected = true";
    document.body.append(script);
    const image = document.createElement("img");
    image.setAttribute("onerror", "globalThis.injected = true");
    image.src = "data:image/png;base64,AA==";
    document.body.append(image);
    return new Promise((resolve) => {
      image.addEventListener("error", () => setTimeout(() => resolve("injected" in globalThis)));
    });
  });
  assert.equal(ran, false);
});

test("text of a task is text: no script, image or link of it does anything", async (app) => {
  await using user = await app.user();
  const { page, client } = user;
  // The sanitiser reads the markup in a document without a window; the browser says what it would not run there.
  user.expects(/Content Security Policy/);
  const title = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;
  const { id } = await make(client, {
    title,
    notes: [
      `<img src="https://elsewhere.example/x.png" onerror="window.pwned=1">`,
      "<script>window.pwned=1</script>",
      "<svg onload=window.pwned=1></svg><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
      "<form action=https://elsewhere.example><input type=text name=q><button>Send</button></form>",
      "[a link](javascript:window.pwned=1) [another](data:text/html,<script>window.pwned=1</script>)",
      "<a href='java&#10;script:window.pwned=1'>third</a> [good](https://example.test/page)",
      "![picture](https://elsewhere.example/y.png) **strong**",
    ].join("\n\n"),
    tags: [`<b>tag</b>`],
  });
  await load(page, `/inbox?task=${id}`);
  const pane = page.getByRole("complementary", { name: "Task" });
  await pane.locator(".prose strong").waitFor();
  await row(page, title).waitFor();
  assert.equal(await pane.locator("img, script, iframe, svg[onload], form form, .prose input").count(), 0);
  for (const link of await pane.locator(".prose a").all()) {
    const href = await link.getAttribute("href");
    assert.ok(href === null || href.startsWith("https://"), `links to ${href}`);
  }
  const good = pane.getByRole("link", { name: "good" });
  assert.equal(await good.getAttribute("rel"), "noopener noreferrer nofollow");
  for (const name of ["a link", "another", "third"]) await pane.getByText(name, { exact: true }).click();
  assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
  assert.equal(new URL(page.url()).origin, app.origin);
});
