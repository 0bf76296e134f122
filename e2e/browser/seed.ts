/** A realistic account: what the pictures show, and what the screenshot tests compare. */
import { type Client, make } from "./support.ts";

export interface Seeded {
  contract: string;
  journey: string;
  /** Lists by their name. */
  lists: Record<string, string>;
  filter: string;
}

/** Fills an account around a day; `day` gives the one so many days from it. */
export async function seed(client: Client, day: (offset: number) => string): Promise<Seeded> {
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
  const { body: filter } = await client.call<{ id: string }>("POST", "/api/filters", {
    name: "Now, at home",
    query: "(today | overdue) & !low, #money | /Home & no date",
  });
  return {
    contract: contract.id,
    journey: journey.id,
    lists: { Home: home, Work: work, Garden: garden, Reading: reading },
    filter: filter.id,
  };
}
