import assert from "node:assert/strict";
import { calendarAt } from "./dates.ts";
import {
  byDue,
  byPosition,
  countTasks,
  pastSections,
  sorted,
  todaySections,
  upcomingSections,
} from "./grouping.ts";
import { aTask } from "./testing.ts";

/** Tuesday 3 March 2026, 10:00 in Berlin. */
const calendar = calendarAt(Temporal.Instant.from("2026-03-03T09:00:00Z"), "Europe/Berlin", "en-GB");
const due = (date: string, time: string | null = null, timeZone: string | null = null) => ({
  date,
  time,
  timeZone,
});
const titles = (tasks: { title: string }[]) => tasks.map((task) => task.title);

Deno.test("todaySections() puts what is overdue first and keeps today's missed times under today", () => {
  const sections = todaySections([
    aTask({ title: "plants", due: due("2026-03-03") }),
    aTask({ title: "late", due: due("2026-03-03", "09:00") }),
    aTask({ title: "old", due: due("2026-02-27") }),
    aTask({ title: "soon", due: due("2026-03-03", "16:00") }),
    aTask({ title: "tomorrow", due: due("2026-03-04") }),
    aTask({ title: "someday" }),
  ], calendar);
  assert.deepEqual(sections.map((section) => [section.key, titles(section.tasks)]), [
    ["overdue", ["old"]],
    ["today", ["late", "soon", "plants"]],
  ]);
});

Deno.test("todaySections() has no heading when nothing is overdue, and nothing when nothing is due", () => {
  const [only] = todaySections([aTask({ due: due("2026-03-03") })], calendar);
  assert.equal(only?.heading, null);
  assert.deepEqual(todaySections([aTask({})], calendar), []);
});

Deno.test("upcomingSections() groups by the user's day, also for a task of another zone", () => {
  const sections = upcomingSections([
    aTask({ title: "far", due: due("2026-03-20") }),
    // 07:00 on the 4th in Tokyo is still the 3rd, 23:00, in Berlin: not upcoming.
    aTask({ title: "tokyo tonight", due: due("2026-03-04", "07:00", "Asia/Tokyo") }),
    aTask({ title: "tokyo", due: due("2026-03-05", "07:00", "Asia/Tokyo") }),
    aTask({ title: "floating", due: due("2026-03-04", "08:00") }),
    aTask({ title: "today", due: due("2026-03-03") }),
  ], calendar);
  assert.deepEqual(sections.map((section) => [section.key, titles(section.tasks)]), [
    ["2026-03-04", ["floating", "tokyo"]],
    ["2026-03-20", ["far"]],
  ]);
});

Deno.test("upcomingSections() orders a day by time, then priority, then position", () => {
  const [section] = upcomingSections([
    aTask({ title: "low", due: due("2026-03-04"), priority: "low", position: "a0" }),
    aTask({ title: "second", due: due("2026-03-04"), priority: "urgent", position: "a2" }),
    aTask({ title: "first", due: due("2026-03-04"), priority: "urgent", position: "a1" }),
    aTask({ title: "timed", due: due("2026-03-04", "18:00"), priority: "low", position: "a9" }),
  ], calendar);
  assert.deepEqual(titles(section?.tasks ?? []), ["timed", "first", "second", "low"]);
});

Deno.test("pastSections() gives the days newest first", () => {
  const sections = pastSections(
    [
      aTask({ title: "a", completedAt: "2026-03-01T10:00:00Z" }),
      aTask({ title: "b", completedAt: "2026-03-02T10:00:00Z" }),
      aTask({ title: "c", completedAt: "2026-03-02T11:00:00Z" }),
      aTask({ title: "open" }),
    ],
    "completedAt",
    (instant) => Temporal.Instant.from(instant).toZonedDateTimeISO("Europe/Berlin").toPlainDate(),
  );
  assert.deepEqual(sections.map((section) => [section.key, titles(section.tasks)]), [
    ["2026-03-02", ["c", "b"]],
    ["2026-03-01", ["a"]],
  ]);
});

Deno.test("byPosition() compares characters, not letters of a language", () => {
  const tasks = ["a1", "Zz", "a0V", "a0"].map((position) => aTask({ title: position, position }));
  assert.deepEqual(titles(tasks.sort(byPosition)), ["Zz", "a0", "a0V", "a1"]);
});

Deno.test("countTasks() counts open top-level tasks by list, tags, and subtasks by parent", () => {
  const counts = countTasks(
    [
      aTask({ id: "p", listId: "inbox", tags: ["home"], due: due("2026-03-02") }),
      aTask({ listId: "inbox", parentId: "p", tags: ["home"] }),
      aTask({ listId: "inbox", parentId: "p", status: "completed" }),
      aTask({ listId: "work", due: due("2026-03-03", "23:00") }),
      aTask({ listId: "work", deletedAt: "2026-03-01T00:00:00Z", tags: ["gone"] }),
    ],
    "inbox",
    calendar,
  );
  assert.equal(counts.inbox, 1);
  assert.deepEqual([...counts.lists], [["inbox", 1], ["work", 1]]);
  assert.deepEqual([...counts.tags], [["home", 2]]);
  assert.deepEqual([...counts.subtasks], [["p", { open: 1, done: 1 }]]);
  assert.deepEqual([counts.today, counts.overdue], [2, 1]);
});

Deno.test("sorted() by date gives the order that byDue() compares to", () => {
  const times = [null, "09:00", "23:30"];
  const priorities = ["low", "medium", "high", "urgent"] as const;
  const tasks = Array.from({ length: 200 }, (_, index) =>
    aTask({
      position: `a${index * 7 % 13}`,
      priority: priorities[index * 5 % 4] ?? "low",
      due: index % 9 === 0
        ? null
        : { date: `2026-03-0${1 + index * 3 % 7}`, time: times[index % 3] ?? null, timeZone: null },
    }));
  assert.deepEqual(
    sorted(tasks, "due", calendar).map(({ id }) => id),
    tasks.toSorted(byDue(calendar.timeZone)).map(({ id }) => id),
  );
});

Deno.test("sorted() looks a date up once for each task", () => {
  for (const sort of ["due", "priority"] as const) {
    let looks = 0;
    const tasks = Array.from({ length: 200 }, (_, index) => {
      const task = aTask({ title: `t${index}`, priority: index % 2 === 0 ? "low" : "high" });
      const day = due(`2026-03-${String(index * 7 % 28 + 1).padStart(2, "0")}`);
      return Object.defineProperty({ ...task }, "due", {
        get() {
          looks += 1;
          return day;
        },
      });
    });
    sorted(tasks, sort, calendar);
    assert.equal(looks, tasks.length, sort);
  }
});

Deno.test("sorted() by priority has the dates of each priority in order, and those without one last", () => {
  const tasks = [
    aTask({ title: "low soon", priority: "low", due: due("2026-03-03") }),
    aTask({ title: "high dateless", priority: "high" }),
    aTask({ title: "high later", priority: "high", due: due("2026-03-09") }),
    aTask({ title: "high soon", priority: "high", due: due("2026-03-04", "09:00") }),
    aTask({ title: "urgent", priority: "urgent" }),
  ];
  assert.deepEqual(titles(sorted(tasks, "priority", calendar)), [
    "urgent",
    "high soon",
    "high later",
    "high dateless",
    "low soon",
  ]);
});
