/**
 * The pictures of the README, from a running Rondo with a realistic account: `deno run -A e2e/browser/screenshots.ts`
 * writes them to `docs/screenshots`.
 */
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { type Client, day, make, openApp, row, type TabOptions } from "./support.ts";

const FOLDER = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
/** A README is read on slow connections as well. */
const LARGEST_BYTES = 250_000;

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

await using app = await openApp();
const client = await app.account("Mara Lindholm");
const { contract, journey } = await fill(client);

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

async function fill(client: Client): Promise<{ contract: string; journey: string }> {
  const list = async (name: string, colour: string) =>
    (await client.call<{ id: string }>("POST", "/api/lists", { name, colour })).body.id;
  const home = await list("Home", "amber");
  const work = await list("Work", "blue");
  const garden = await list("Garden", "green");
  const reading = await list("Reading", "violet");
  const at = (offset: number, time?: string) => ({
    date: day(offset),
    ...(time === undefined ? {} : { time }),
  });

  await make(client, {
    title: "Send the invoice to Lindqvist & Sons",
    due: at(-3),
    priority: "urgent",
    listId: work,
    tags: ["billing"],
  });
  await make(client, {
    title: "Call the dentist",
    due: at(-1, "16:00"),
    reminders: [{ before: "PT1H" }],
    tags: ["health"],
  });

  await make(client, {
    title: "Pay rent",
    due: at(0, "22:30"),
    priority: "high",
    listId: home,
    tags: ["money"],
    recurrence: { rule: "FREQ=MONTHLY", mode: "schedule" },
    reminders: [{ before: "PT30M" }],
  });
  const contract = await make(client, {
    title: "Review the new tenancy contract",
    due: at(0, "23:00"),
    priority: "high",
    tags: ["flat"],
    reminders: [{ before: "PT1H" }],
  });
  await make(client, {
    title: "Feed the sourdough starter",
    due: at(0),
    listId: home,
    recurrence: { rule: "FREQ=DAILY;INTERVAL=2", mode: "completion" },
  });
  await make(client, {
    title: "Stand-up with Tokyo",
    due: { ...at(1, "07:30"), timeZone: "Asia/Tokyo" },
    listId: work,
    recurrence: { rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", mode: "schedule" },
  });
  await make(client, {
    title: "Water the tomatoes before it gets warm",
    due: at(0),
    priority: "low",
    listId: garden,
    tags: ["balcony"],
  });
  await make(client, {
    title: "Read chapter 4 of Designing Data-Intensive Applications",
    due: at(0),
    listId: reading,
  });

  await make(client, {
    title: "Water the plants",
    due: at(1, "08:00"),
    listId: garden,
    recurrence: { rule: "FREQ=WEEKLY", mode: "schedule" },
    reminders: [{ before: "PT0S" }],
  });
  await make(client, {
    title: "Prepare slides for the steering committee",
    due: at(1, "14:00"),
    priority: "urgent",
    listId: work,
    tags: ["q1"],
  });
  await make(client, { title: "Buy a present for Grandma Ilse", due: at(1), tags: ["family"] });
  await make(client, {
    title: "Put out the paper bin",
    due: at(2, "20:00"),
    listId: home,
    recurrence: { rule: "FREQ=WEEKLY;INTERVAL=2", mode: "schedule" },
    reminders: [{ before: "PT30M" }],
  });
  await make(client, {
    title: "Change the filter of the ventilation",
    due: at(2),
    listId: home,
    recurrence: { rule: "FREQ=MONTHLY;INTERVAL=3", mode: "completion" },
  });
  const journey = await make(client, { title: "Look up trains to Göteborg", due: at(9) });
  for (
    const patch of [
      { title: "Book the train to Göteborg" },
      { tags: ["summer"] },
      { notes: "Window seats, and a place for **two bicycles**." },
      { priority: "high" },
      { due: at(3) },
    ]
  ) await client.call("PATCH", `/api/tasks/${journey.id}`, patch);
  await make(client, { title: "Sow the broad beans", due: at(4), listId: garden, tags: ["balcony"] });
  await make(client, {
    title: "Dinner with Jonas and Aiko",
    due: at(5, "19:30"),
    reminders: [{ before: "PT2H" }],
    tags: ["family"],
  });
  await make(client, {
    title: "Back up the photos",
    due: at(6),
    recurrence: { rule: "FREQ=MONTHLY;BYMONTHDAY=-1", mode: "schedule" },
    listId: home,
  });
  await make(client, {
    title: "File the tax return",
    due: at(24),
    priority: "high",
    tags: ["money"],
    reminders: [{ before: "P1W" }],
  });

  for (
    const title of [
      "Ask Tom about the bicycle",
      "Look for a second-hand desk lamp",
      "Ideas for the team day",
      "Try the new ramen place",
    ]
  ) {
    await make(client, { title, tags: title.startsWith("Ideas") ? ["q1"] : [] });
  }
  for (const title of ["Renew the library card", "Return the drill"]) {
    const { id } = await make(client, { title, due: at(0) });
    await client.call("POST", `/api/tasks/${id}/complete`, {});
  }

  for (const title of ["Compare the deposit with the old one", "Check the notice period", "Sign and scan"]) {
    await make(client, { title, parentId: contract.id });
  }
  for (
    const patch of [
      {
        notes: [
          "Ms Berg wants it back **by tonight**.",
          "",
          "- Notice period: three months, § 4",
          "- Deposit: two rents, not three",
          "- Ask about the [cellar](https://example.com)",
        ].join("\n"),
      },
      { priority: "urgent" },
      { listId: home },
      { tags: ["flat", "money"] },
      { title: "Review the tenancy contract" },
    ]
  ) {
    await client.call("PATCH", `/api/tasks/${contract.id}`, patch);
  }
  return { contract: contract.id, journey: journey.id };
}
