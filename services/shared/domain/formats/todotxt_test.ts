import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { formatTodoTxt, type ImportedTask, parseTodoTxt } from "./mod.ts";
import { arbitraryTask, asImported, aTask, growth, LISTS, OPTIONS, QUADRATIC } from "./testing.ts";

const parse = (text: string) => parseTodoTxt(text, OPTIONS);
const BARE = { priority: "medium", status: "open", due: null, recurrence: null, line: 1 } as const;

Deno.test("parseTodoTxt() reads one line of each kind", () => {
  const scenarios: [string, Partial<ImportedTask>][] = [
    ["Pay rent", { title: "Pay rent" }],
    ["(A) Pay rent", { title: "Pay rent", priority: "urgent" }],
    ["(B) 2026-01-02 Pay rent", { title: "Pay rent", priority: "high", createdAt: "2026-01-01T23:00:00Z" }],
    ["(C) x", { title: "x", priority: "medium" }],
    ["(Z) x", { title: "x", priority: "low" }],
    ["(a) x", { title: "(a) x" }],
    ["(A)x", { title: "(A)x" }],
    ["X done", { title: "X done" }],
    ["xylophone", { title: "xylophone" }],
    ["x Pay rent", { title: "Pay rent", status: "completed" }],
    ["x 2026-02-03 2026-01-02 Pay rent pri:B", {
      title: "Pay rent",
      priority: "high",
      status: "completed",
      completedAt: "2026-02-02T23:00:00Z",
      createdAt: "2026-01-01T23:00:00Z",
    }],
    ["x (A) 2026-02-03 Pay", {
      title: "Pay",
      priority: "urgent",
      status: "completed",
      completedAt: "2026-02-02T23:00:00Z",
    }],
    ["Call Mum +Family @phone now", { title: "Call Mum now", tags: ["Family", "phone"] }],
    ["Mail a@b.example 1+1 @ +", { title: "Mail a@b.example 1+1 @ +" }],
    ["See https://example.org/a:b note:x", { title: "See https://example.org/a:b note:x" }],
    ["Pay due:2027-01-31", { title: "Pay", due: { date: "2027-01-31", time: null, timeZone: null } }],
    ["Pay due:2027-01-31T09:00", {
      title: "Pay",
      due: { date: "2027-01-31", time: "09:00", timeZone: null },
    }],
    ["Pay tz:Asia/Tokyo due:2027-01-31T09:00", {
      title: "Pay",
      due: { date: "2027-01-31", time: "09:00", timeZone: "Asia/Tokyo" },
    }],
    ["Pay t:2027-01-01", { title: "Pay", notes: "t:2027-01-01" }],
    ["Pay list:Home%20office", { title: "Pay", listName: "Home office" }],
  ];
  for (const [line, expected] of scenarios) {
    deepStrictEqual(parse(line), { tasks: [{ ...BARE, ...expected }], problems: [], skipped: 0 }, line);
  }
});

Deno.test("parseTodoTxt() reads rec: with + on schedule and without it from completion", () => {
  const scenarios: [string, string, "schedule" | "completion"][] = [
    ["rec:1d", "FREQ=DAILY", "completion"],
    ["rec:2w", "FREQ=WEEKLY;INTERVAL=2", "completion"],
    ["rec:+1m", "FREQ=MONTHLY", "schedule"],
    ["rec:+1y", "FREQ=YEARLY", "schedule"],
    ["rec:1b", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "completion"],
    ["rec:+10b", "FREQ=WEEKLY;INTERVAL=2", "schedule"],
    ["rrule:+FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=1MO", "schedule"],
  ];
  for (const [word, rule, mode] of scenarios) {
    const { tasks, problems } = parse(`Pay ${word} due:2027-01-31`);
    deepStrictEqual([tasks[0]?.title, tasks[0]?.recurrence, problems], ["Pay", { rule, mode }, []], word);
  }
});

Deno.test("parseTodoTxt() names the line and the rule of each problem and imports the rest", () => {
  const text = [
    "Good",
    `${"y".repeat(501)}`,
    "",
    "Pay due:2027-02-30",
    "Pay due:2027-02-28T25:00",
    "Pay rec:3q due:2027-01-01",
    "Pay rec:3b due:2027-01-01",
    "Pay rec:1d",
    "a\0b",
    "@only +tags",
    Array.from({ length: 51 }, (_, k) => `@t${k}`).join(" ") + " many",
    "x 2099-01-01 from the future",
    "Pay tz:Mars/Base due:2027-01-01T10:00",
    "(A) Good",
  ].join("\n");
  const { tasks, problems, skipped } = parse(text);
  deepStrictEqual(problems.map(({ line }) => line), [2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  strictEqual(skipped, 4);
  strictEqual(tasks.length, 9);
  strictEqual(tasks[1]?.title, "Pay due:2027-02-30");
  ok(problems.every(({ message }) => /must|needs/.test(message)));
});

Deno.test("parseTodoTxt() takes a byte order mark, any line ending and empty lines", () => {
  const { tasks, problems, skipped } = parse("\uFEFF(A) one\r\n\r\n  \ntwo\rthree\n");
  deepStrictEqual(tasks.map(({ title, line }) => [title, line]), [["one", 1], ["two", 4], ["three", 5]]);
  deepStrictEqual([tasks[0]?.priority, problems, skipped], ["urgent", [], 0]);
});

Deno.test("parseTodoTxt() cuts a tag at 50 and joins what a tag must not hold", () => {
  deepStrictEqual(parse(`Pay @a,b#c +${"é".repeat(60)}`).tasks[0]?.tags, ["a-b-c", "é".repeat(50)]);
});

Deno.test("formatTodoTxt() keeps a title that looks like the format's own head", () => {
  for (const title of ["x marks the spot", "(A) grade", "2026-05-05 retro"]) {
    for (const status of ["open", "completed"] as const) {
      const text = formatTodoTxt([aTask({ title, status })], LISTS);
      deepStrictEqual(parse(text).tasks.map((task) => [task.title, task.status]), [[title, status]]);
    }
  }
});

Deno.test("formatTodoTxt() writes a line that other programs read", () => {
  const task = aTask({
    priority: "urgent",
    tags: ["home"],
    due: { date: "2027-01-31", time: "09:00", timeZone: null },
    recurrence: { rule: "FREQ=MONTHLY", mode: "schedule" },
  });
  strictEqual(
    formatTodoTxt([task], LISTS),
    "(A) 2026-01-02 Pay rent @home due:2027-01-31T09:00 rec:+1m list:Inbox\n",
  );
  strictEqual(
    formatTodoTxt([aTask({ priority: "low", status: "completed", completedAt: "2026-02-03T23:30:00Z" })], []),
    "x 2026-02-03 2026-01-02 Pay rent pri:D\n",
  );
});

Deno.test("parseTodoTxt() reads back what formatTodoTxt() carries", () => {
  const word = fc.stringMatching(/^[^\s+@:\p{Cc}]{1,12}$/u).map((text) => text.trim()).filter((text) =>
    text !== ""
  );
  const title = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(" "));
  const day = (instant: string) =>
    Temporal.Instant.from(instant).toZonedDateTimeISO(OPTIONS.timeZone).startOfDay().toInstant().toString();
  fc.assert(
    fc.property(fc.array(arbitraryTask(title), { maxLength: 4 }), (tasks) => {
      const text = formatTodoTxt(tasks, LISTS, { timeZone: OPTIONS.timeZone });
      const expected = tasks.map((task, k) => {
        const { notes: _notes, reminders: _reminders, ...carried } = asImported(task, k + 1);
        if (carried.completedAt !== undefined) carried.completedAt = day(carried.completedAt);
        return { ...carried, createdAt: day(task.createdAt) };
      });
      deepStrictEqual(parse(text), { tasks: expected, problems: [], skipped: 0 });
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseTodoTxt() never throws", () => {
  const piece = fc.constantFrom(
    "x ",
    "(A) ",
    "due:",
    "2027-02-31",
    "rec:+",
    "list:%",
    "t:",
    "\n",
    "\0",
    "@",
    " ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: "binary" }))), (parts) => {
      const { tasks, problems, skipped } = parse(parts.join(""));
      ok(tasks.length + skipped >= 0 && problems.length >= skipped);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("parseTodoTxt() takes linear time", () => {
  const line = "(A) 2026-01-02 Pay the rent of the flat due:2027-01-31 rec:+1m @home\n";
  ok(growth((lines) => strictEqual(parse(line.repeat(lines)).problems.length, 0)) < QUADRATIC);
});
