import assert from "node:assert/strict";
import fc from "fast-check";
import { compileFilter, type FilterClock, type FilterTask, type FilterWorld, parseFilter } from "./mod.ts";

const clock: FilterClock = { now: Temporal.Instant.from("2026-10-14T08:00:00Z"), timeZone: "Europe/Berlin" };
const world: FilterWorld = {
  today: "2026-10-14",
  time: "10:00",
  localDue: ({ date, time }) => ({ day: date, time }),
  dayOf: (instant) => instant.slice(0, 10),
  list: (id) =>
    id === "inbox"
      ? { name: "Inbox", inbox: true }
      : id === "work"
      ? { name: "Work", inbox: false }
      : undefined,
  hasSubtasks: (id) => id === "parent",
};

function aTask(part: Partial<FilterTask> = {}): FilterTask {
  return {
    id: "t",
    title: "",
    notes: "",
    priority: "medium",
    tags: [],
    listId: "inbox",
    parentId: null,
    due: null,
    recurrence: null,
    reminders: [],
    createdAt: "2026-10-01T00:00:00Z",
    updatedAt: "2026-10-10T00:00:00Z",
    ...part,
  };
}
const on = (date: string, time: string | null = null) => ({ date, time, timeZone: null });

const TASKS: Record<string, FilterTask> = {
  yesterday: aTask({ due: on("2026-10-13") }),
  morning: aTask({ due: on("2026-10-14", "09:00"), priority: "high" }),
  evening: aTask({ due: on("2026-10-14", "20:00"), tags: ["home"] }),
  day: aTask({ due: on("2026-10-14"), listId: "work" }),
  friday: aTask({ due: on("2026-10-16"), recurrence: { rule: "FREQ=WEEKLY" } }),
  milk: aTask({ title: "Buy Milk", notes: "and a crème brûlée", tags: ["Shop", "home-made"] }),
  parent: aTask({ id: "parent", reminders: [{}], createdAt: "2026-10-14T05:00:00Z" }),
  child: aTask({ parentId: "parent", priority: "urgent", listId: "gone" }),
};

const TABLE: [query: string, found: string][] = [
  ["all", "yesterday morning evening day friday milk parent child"],
  ["today", "morning evening day"],
  ["overdue", "yesterday morning"],
  ["upcoming", "friday"],
  ["no date", "milk parent child"],
  ["has date & no time", "yesterday day friday"],
  ["has time", "morning evening"],
  ["due before: today", "yesterday"],
  ["due before: +3 days", "yesterday morning evening day friday"],
  ["due after: today", "friday"],
  ["3 days", "morning evening day friday"],
  ["2 days", "morning evening day"],
  ["(today | overdue) & !high", "yesterday evening day"],
  ["today & #home", "evening"],
  ["#home*", "evening milk"],
  ["#*made", "milk"],
  ["#h*e-m*e", "milk"],
  ["#home*home", ""],
  ["#shop", "milk"],
  ["no tags & no date", "parent child"],
  ["/work", "day"],
  ["/w*", "day"],
  ["inbox & has date", "yesterday morning evening friday"],
  ["!inbox", "day child"],
  ["search: milk", "milk"],
  ["search: BRULEE buy", "milk"],
  ['search: "milk buy"', ""],
  ["recurring", "friday"],
  ["subtask", "child"],
  ["has subtasks", "parent"],
  ["reminder", "parent"],
  ["urgent | high", "morning child"],
  ["created: today", "parent"],
  ["created before: today & changed after: 2026-10-10", ""],
  ["changed: 2026-10-10 & urgent", "child"],
];

for (const [query, found] of TABLE) {
  Deno.test(`compileFilter() finds by ${query}`, () => {
    assert.equal(find(query), found);
  });
}

function find(query: string): string {
  const parsed = parseFilter(query, clock);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const [section] = parsed.sections;
  assert.ok(section !== undefined);
  const matches = compileFilter(section.condition, world);
  return Object.entries(TASKS).filter(([, task]) => matches(task)).map(([name]) => name).join(" ");
}

const query = fc.constantFrom(...TABLE.map(([text]) => text));

Deno.test("compileFilter() obeys the laws of not, and, or", () => {
  fc.assert(fc.property(query, query, (a, b) => {
    assert.equal(find(`!!(${a})`), find(a));
    assert.equal(find(`!((${a}) & (${b}))`), find(`!(${a}) | !(${b})`));
    assert.equal(find(`!((${a}) | (${b}))`), find(`!(${a}) & !(${b})`));
    assert.equal(find(`(${a}) & (${b})`), find(`(${b}) & (${a})`));
    assert.equal(find(`(${a}) | !(${a})`), find("all"));
    assert.equal(find(`(${a}) & !(${a})`), "");
  }));
});

Deno.test("compileFilter() reads the text of a task once, whatever is searched for then", () => {
  let looks = 0;
  const task = Object.defineProperty(aTask({ title: "Buy Milk" }), "notes", {
    get() {
      looks += 1;
      return "and a crème brûlée";
    },
  });
  const found = (query: string) => {
    const parsed = parseFilter(query, clock);
    assert.ok(parsed.ok);
    return parsed.sections.every(({ condition }) => compileFilter(condition, world)(task));
  };
  assert.deepEqual(["search: milk", "search: creme", "search: bread"].map(found), [true, true, false]);
  assert.equal(looks, 1);
});
