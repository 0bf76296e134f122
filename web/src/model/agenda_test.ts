import assert from "node:assert/strict";
import { agenda, agendaOrder, previews, shownWeeks, turned } from "./agenda.ts";
import { aTask } from "./testing.ts";

const due = (date: string, time: string | null = null, timeZone: string | null = null) => ({
  date,
  time,
  timeZone,
});
const repeats = (rule: string, mode: "schedule" | "completion" = "schedule") => ({ rule, mode });
const BERLIN = "Europe/Berlin";
const shown = (days: ReturnType<typeof agenda>) =>
  [...days].sort(([a], [b]) => a < b ? -1 : 1).map(([day, items]) =>
    `${day.slice(5)} ${items.map((item) => item.task.title + (item.preview ? "*" : "")).join(" ")}`
  );

Deno.test("agenda() shows tasks on their day, in the order of a day, with what will come again", () => {
  const tasks = [
    aTask({ title: "weekly", due: due("2026-03-03", "09:00"), recurrence: repeats("FREQ=WEEKLY") }),
    aTask({ title: "whole", due: due("2026-03-10") }),
    aTask({ title: "early", due: due("2026-03-10", "08:00") }),
    aTask({ title: "outside", due: due("2026-04-20") }),
    aTask({ title: "dateless" }),
  ];
  assert.deepEqual(shown(agenda(tasks, "2026-03-01", "2026-03-20", BERLIN)), [
    "03-03 weekly",
    "03-10 early weekly* whole",
    "03-17 weekly*",
  ]);
});

Deno.test("agenda() puts a task of another zone on the user's day, its future as well", () => {
  const tasks = [
    aTask({
      title: "tokyo",
      due: due("2026-03-04", "07:00", "Asia/Tokyo"),
      recurrence: repeats("FREQ=WEEKLY"),
    }),
  ];
  assert.deepEqual(shown(agenda(tasks, "2026-03-01", "2026-03-10", BERLIN)), ["03-03 tokyo", "03-10 tokyo*"]);
});

for (
  const [name, rule, mode, occurrence, expected] of [
    ["the grid of its rule", "FREQ=MONTHLY", "schedule", 1, ["2026-02-28", "2026-03-31", "2026-04-30"]],
    ["what COUNT leaves", "FREQ=MONTHLY;COUNT=3", "schedule", 1, ["2026-02-28", "2026-03-31"]],
    ["what COUNT leaves of a later one", "FREQ=MONTHLY;COUNT=3", "schedule", 2, ["2026-02-28"]],
    ["nothing after the last", "FREQ=MONTHLY;COUNT=3", "schedule", 3, []],
    ["nothing after UNTIL", "FREQ=MONTHLY;UNTIL=20260315", "schedule", 1, ["2026-02-28"]],
    ["nothing when it counts from being done", "FREQ=MONTHLY", "completion", 1, []],
    ["nothing of a rule it can't read", "FREQ=HOURLY", "schedule", 1, []],
  ] as const
) {
  Deno.test(`previews() gives ${name}`, () => {
    const task = aTask({ due: due("2026-01-31"), recurrence: repeats(rule, mode), occurrence });
    assert.deepEqual(previews(task, "2026-01-01", "2026-05-01", BERLIN), expected);
  });
}

Deno.test("shownWeeks() and turned() go through months and weeks", () => {
  const day = Temporal.PlainDate.from("2026-01-31");
  assert.equal(shownWeeks("month", day, 1).length, 5);
  assert.equal(shownWeeks("week", day, 1)[0]?.[0]?.toString(), "2026-01-26");
  assert.equal(shownWeeks("week", day, 7)[0]?.[0]?.toString(), "2026-01-25");
  assert.equal(turned("month", day, 1).toString(), "2026-02-01");
  assert.equal(turned("week", day, -1).toString(), "2026-01-24");
});

Deno.test("agendaOrder() goes along the days, without what is still to come", () => {
  const tasks = [
    aTask({ id: "late", due: due("2026-03-10", "18:00") }),
    aTask({ id: "first", due: due("2026-03-03"), recurrence: repeats("FREQ=WEEKLY") }),
    aTask({ id: "early", due: due("2026-03-10", "08:00") }),
  ];
  assert.deepEqual(agendaOrder(agenda(tasks, "2026-03-01", "2026-03-20", BERLIN)), [
    "first",
    "early",
    "late",
  ]);
});

Deno.test("previews() end with UNTIL, also when it names a moment that is another day elsewhere", () => {
  const of = (until: string, from: string) =>
    previews(
      aTask({ due: due("2026-03-01", "23:30"), recurrence: repeats(`FREQ=DAILY;UNTIL=${until}`) }),
      from,
      "2026-03-09",
      BERLIN,
    );
  assert.deepEqual(of("20260303", "2026-03-01"), ["2026-03-02", "2026-03-03"]);
  assert.deepEqual(of("20260303", "2026-03-05"), []);
  assert.ok(of("20260303T223000Z", "2026-03-03").includes("2026-03-03"));
});
