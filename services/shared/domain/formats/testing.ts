/** Tasks for the tests of the formats: one by hand, and arbitrary ones. */
import fc from "fast-check";
import type { Task } from "../../contracts/task.ts";
import { normalizeRecurrence } from "../recurrence.ts";
import type { ImportedTask, ImportOptions } from "./mod.ts";

export const OPTIONS: ImportOptions = {
  timeZone: "Europe/Berlin",
  now: Temporal.Instant.from("2026-10-14T08:00:00Z"),
};

export const LISTS = [
  { id: "01990000-0000-7000-8000-000000000001", name: "Inbox" },
  { id: "01990000-0000-7000-8000-000000000002", name: "Home & garden, 100 %" },
];

/** A task with what matters to a test. */
export function aTask(fields: Partial<Task> = {}): Task {
  return {
    id: "01990000-0000-7000-8000-0000000000aa",
    listId: LISTS[0]?.id ?? "",
    parentId: null,
    title: "Pay rent",
    notes: "",
    priority: "medium",
    tags: [],
    status: "open",
    due: null,
    dueAt: null,
    recurrence: null,
    seriesId: null,
    occurrence: null,
    reminders: [],
    position: "a0",
    version: 1,
    createdAt: "2026-01-02T10:00:00Z",
    updatedAt: "2026-02-03T10:00:00Z",
    completedAt: null,
    deletedAt: null,
    ...fields,
  };
}

const RULES = [
  "FREQ=DAILY",
  "FREQ=DAILY;INTERVAL=3",
  "FREQ=WEEKLY;INTERVAL=2",
  "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
  "FREQ=WEEKLY;BYDAY=MO,WE",
  "FREQ=MONTHLY",
  "FREQ=MONTHLY;BYMONTHDAY=-1",
  "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15",
  "FREQ=MONTHLY;BYDAY=1MO",
  "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
  "FREQ=YEARLY;COUNT=7",
  "FREQ=DAILY;UNTIL=20291231",
];

const tag = fc.stringMatching(/^[^\s,#]{1,20}$/u).filter((text) => !/[\p{C}\\]/u.test(text));
const date = fc.nat(7_000).map((days) => Temporal.PlainDate.from("2020-01-01").add({ days }).toString());
const time = fc.tuple(fc.nat(23), fc.nat(59)).map((parts) =>
  parts.map((part) => String(part).padStart(2, "0")).join(":")
);
const zone = fc.constantFrom(
  null,
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Pacific/Auckland",
  "UTC",
);
const due = fc.tuple(date, fc.option(time), zone)
  .map(([date, time, zone]) => ({ date, time, timeZone: time === null ? null : zone }));
const second = fc.integer({ min: 1_577_836_800, max: 1_790_000_000 })
  .map((seconds) => Temporal.Instant.fromEpochMilliseconds(seconds * 1_000).toString());
const reminder = fc.oneof(
  fc.constantFrom("PT30M", "PT1H30M", "P1D", "P2W", "PT0M", "P1DT2H").map((before) => ({ before })),
  second.map((at) => ({ at })),
);

/** Tasks with everything that iCalendar carries; `words` are the titles. */
export function arbitraryTask(words: fc.Arbitrary<string>): fc.Arbitrary<Task> {
  return fc.record({
    title: words,
    notes: fc.oneof(fc.constant(""), fc.lorem(), fc.constant("a, b; c\\n\nsecond line: é🎂")),
    priority: fc.constantFrom("low", "medium", "high", "urgent"),
    tags: fc.uniqueArray(tag, { maxLength: 5 }),
    done: fc.boolean(),
    list: fc.constantFrom(...LISTS.map(({ id }) => id)),
    due: fc.option(due),
    rule: fc.option(fc.constantFrom(...RULES)),
    mode: fc.constantFrom("schedule", "completion"),
    reminders: fc.array(reminder, { maxLength: 3 }),
    createdAt: second,
    completedAt: second,
  }).map(({ done, list, rule, mode, reminders, completedAt, ...rest }) =>
    aTask({
      ...rest,
      listId: list,
      status: done ? "completed" : "open",
      completedAt: done ? completedAt : null,
      recurrence: rule === null || rest.due === null ? null : normalizeRecurrence({ rule, mode }),
      reminders: reminders.map((one, k) => ({ id: String(k), ...one })),
    })
  );
}

/** What an import of a task gives back when the format carries all of it. */
export function asImported(task: Task, line: number): ImportedTask {
  const listName = LISTS.find(({ id }) => id === task.listId)?.name;
  return {
    title: task.title,
    priority: task.priority,
    status: task.status,
    due: task.due,
    recurrence: task.recurrence,
    line,
    createdAt: task.createdAt,
    ...(listName === undefined ? {} : { listName }),
    ...(task.notes === "" ? {} : { notes: task.notes }),
    ...(task.tags.length === 0 ? {} : { tags: task.tags }),
    ...(task.reminders.length === 0 ? {} : { reminders: task.reminders.map(bare) }),
    ...(task.completedAt === null ? {} : { completedAt: task.completedAt }),
  };
}

function bare({ before, at }: Task["reminders"][number]): { before: string } | { at: string } {
  return before === undefined ? { at: at ?? "" } : { before };
}

/** Below this, 16 times the input did not take anything near the square of the time: that would be 256 times. */
export const QUADRATIC = 100;

/** How many times as long `work` takes for 16 times the size; the best of three, so that a busy machine counts less. */
export function growth(work: (size: number) => void): number {
  const best = (size: number): number =>
    Math.min(...Array.from({ length: 3 }, () => {
      const from = performance.now();
      work(size);
      return performance.now() - from;
    }));
  return best(16_000) / best(1_000);
}
