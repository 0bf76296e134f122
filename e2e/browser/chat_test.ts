/** The chat with the assistant, as without a language model: streaming, cards, undo, and what axe finds. */
import assert from "node:assert/strict";
import { AxeBuilder } from "@axe-core/playwright";
import { day, eventually, journeys, make, named } from "./support.ts";

const test = journeys();

test("a task is added by words, a change of several is shown, applied by a click and undone by one", async (app) => {
  await using tab = await app.user({ path: "/chat" });
  const { page, client } = tab;
  for (const title of ["First bill", "Second bill"]) await make(client, { title, due: { date: day(-3) } });
  await page.getByRole("heading", { name: "Assistant" }).waitFor();
  const field = page.getByRole("textbox", { name: "Message to the assistant" });
  const say = async (text: string) => {
    await field.fill(text);
    await field.press("Enter");
  };
  await say("add Water the ficus tomorrow #home");
  await page.getByText("One change made").waitFor();
  assert.equal((await named(client, "Water the ficus"))[0]?.due?.date, day(1));

  await say("move everything overdue to tomorrow");
  const card = page.getByRole("region", { name: "Change many tasks: preview" });
  await card.getByText(/First bill/).waitFor();
  await card.getByText("Nothing was changed yet").waitFor();
  assert.equal((await named(client, "First bill"))[0]?.due?.date, day(-3));
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`), []);
  }
  const shots = Deno.env.get("SHOTS");
  if (shots !== undefined) await page.screenshot({ path: `${shots}/chat-dark.png` });
  await page.emulateMedia({ colorScheme: "light" });
  if (shots !== undefined) await page.screenshot({ path: `${shots}/chat-light.png` });
  await card.getByRole("button", { name: "Apply" }).click();
  await card.getByText("Applied").waitFor();
  assert.equal((await named(client, "Second bill"))[0]?.due?.date, day(1));
  await page.getByRole("button", { name: "Undo: move everything overdue to tomorrow" }).click();
  await page.getByText("Undone").waitFor();
  await eventually(async () => (await named(client, "Second bill"))[0]?.due?.date, day(-3));

  await page.reload();
  await page.getByRole("button", { name: "add Water the ficus tomorrow #home", exact: true }).click();
  await page.getByText("Undone").waitFor();
});

test("a card can be dismissed, and says what changed meanwhile; on a phone nothing is cut off", async (app) => {
  await using tab = await app.user({ path: "/chat", viewport: { width: 375, height: 720 } });
  const { page, client } = tab;
  const task = await make(client, { title: "Old shed" });
  const field = page.getByRole("textbox", { name: "Message to the assistant" });
  await field.fill("delete old shed");
  await page.getByRole("button", { name: "Send" }).click();
  const card = page.getByRole("region", { name: "Move a task to trash: preview" });
  await card.getByText(/Old shed/).waitFor();
  await client.call("PATCH", `/api/tasks/${task.id}`, { title: "New shed" });
  await card.getByRole("button", { name: "Apply" }).click();
  await card.getByRole("alert").filter({ hasText: "Something has changed meanwhile" }).waitFor();
  await card.getByText(/New shed/).waitFor();
  const shots = Deno.env.get("SHOTS");
  if (shots !== undefined) await page.screenshot({ path: `${shots}/chat-phone.png` });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await card.getByRole("button", { name: "Dismiss" }).click();
  await card.getByText("Dismissed").waitFor();
  assert.equal((await named(client, "New shed"))[0]?.deletedAt, null);
});
