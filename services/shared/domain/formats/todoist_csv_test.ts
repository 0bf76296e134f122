import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseTodoistCsv } from "./mod.ts";
import { growth, OPTIONS, QUADRATIC } from "./testing.ts";

const HEAD =
  "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT";
const parse = (...rows: string[]) => parseTodoistCsv([HEAD, ...rows].join("\n"), OPTIONS);
/** A row with a date. */
const dated = (date: string, zone = "", language = "en") => `task,Pay,,4,1,,,"${date}",${language},${zone},,`;

Deno.test("parseTodoistCsv() reads a task with its labels, description and priority", () => {
  deepStrictEqual(
    parse('task,"Pay rent, now @home @bills",By transfer,1,1,Ana (1),,,en,Europe/Berlin,30,minute').tasks,
    [{
      title: "Pay rent, now",
      status: "open",
      due: null,
      recurrence: null,
      line: 2,
      tags: ["home", "bills"],
      notes: "By transfer\n\nDuration: 30 minute",
      priority: "urgent",
    }],
  );
  const priorities = ["1", "2", "3", "4", ""].map((value) =>
    parse(`task,x,,${value},1,,,,,,,`).tasks[0]?.priority
  );
  deepStrictEqual(priorities, ["urgent", "high", "medium", "low", "medium"]);
});

Deno.test("parseTodoistCsv() reads dates by the quick-add grammar, in the row's zone", () => {
  const scenarios: [string, string, string | null, string | null][] = [
    ["tomorrow at 9am", "2026-10-15", "09:00", null],
    ["2027-01-31", "2027-01-31", null, null],
    ["31 Jan 2027 14:00", "2027-01-31", "14:00", null],
    ["Jan 31", "2027-01-31", null, null],
    ["every 2 weeks", "2026-10-14", null, "FREQ=WEEKLY;INTERVAL=2 schedule"],
    ["every! 3 days", "2026-10-14", null, "FREQ=DAILY;INTERVAL=3 completion"],
    ["every mon, wed at 18:00", "2026-10-14", "18:00", "FREQ=WEEKLY;BYDAY=MO,WE schedule"],
    ["every last day of the month", "2026-10-31", null, "FREQ=MONTHLY;BYMONTHDAY=-1 schedule"],
    [
      "every day starting 1 Dec 2026 until 31 Dec 2026",
      "2026-12-01",
      null,
      "FREQ=DAILY;UNTIL=20261231 schedule",
    ],
  ];
  for (const [text, date, time, rule] of scenarios) {
    const { tasks, problems } = parse(dated(text));
    const { due, recurrence } = tasks[0] ?? {};
    const read = recurrence ? `${recurrence.rule} ${recurrence.mode}` : null;
    deepStrictEqual([due?.date, due?.time, read, problems], [date, time, rule, []], text);
  }
  deepStrictEqual(parse(dated("today at 20:00", "Asia/Tokyo")).tasks[0]?.due, {
    date: "2026-10-14",
    time: "20:00",
    timeZone: "Asia/Tokyo",
  });
  strictEqual(parse(dated("today", "Asia/Tokyo")).tasks[0]?.due?.timeZone, null);
});

Deno.test("parseTodoistCsv() makes parents of indents, lists of sections and notes of notes", () => {
  const { tasks, problems, skipped } = parse(
    "meta,view_style=list,,,,,,,,,,",
    "task,Loose,,4,1,,,,,,,",
    ",,,,,,,,,,,",
    "section,Kitchen,,,,,,,,,,",
    "task,Parent,,4,1,,,,,,,",
    "task,Child,,4,2,,,,,,,",
    "task,Grandchild,,4,3,,,,,,,",
    'note,"first',
    'line",,,,,,,,,,',
    "note,second,,,,,,,,,,",
    "task,Second child,,4,2,,,,,,,",
    "task,Far,,4,5,,,,,,,",
    "task,Last,,4,1,,,,,,,",
  );
  deepStrictEqual(tasks.map(({ title, parentIndex, listName }) => [title, parentIndex, listName]), [
    ["Loose", undefined, undefined],
    ["Parent", undefined, "Kitchen"],
    ["Child", 1, "Kitchen"],
    ["Grandchild", 2, "Kitchen"],
    ["Second child", 1, "Kitchen"],
    ["Far", 4, "Kitchen"],
    ["Last", undefined, "Kitchen"],
  ]);
  strictEqual(tasks[3]?.notes, "first\nline\n\nsecond");
  deepStrictEqual(tasks.map(({ line }) => line), [3, 6, 7, 8, 12, 13, 14]);
  deepStrictEqual([problems, skipped], [[], 0]);
});

Deno.test("parseTodoistCsv() names the line and the rule of each problem and imports the rest", () => {
  const { tasks, problems, skipped } = parse(
    "note,no task before it,,,,,,,,,,", // 2, skipped
    dated("when pigs fly"), // 3
    dated("jeden Tag", "", "de"), // 4
    dated("tomorrow 9am", "Mars/Base"), // 5
    "task,x,,7,1,,,,,,,", // 6
    "task,x,,4,zero,,,,,,,", // 7
    `task,${"y".repeat(501)},,4,1,,,,,,,`, // 8, skipped
    "task,child of the skipped,,4,2,,,,,,,", // 9
    "project,x,,,,,,,,,,", // 10, skipped
    "task,,,4,1,,,,,,,", // 11, skipped
    "note,of the skipped,,,,,,,,,,", // 12, skipped
    "task,a\0b,,4,1,,,,,,,", // 13, skipped
    'task,"open " quote",,4,1,,,,,,,', // 14, skipped
    "task,Good,,4,1,,,,,,,",
  );
  deepStrictEqual(problems.map(({ line }) => line), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  strictEqual(skipped, 7);
  deepStrictEqual(tasks.map(({ title }) => title), [
    "Pay",
    "Pay",
    "Pay",
    "x",
    "x",
    "child of the skipped",
    "Good",
  ]);
  ok(problems.every(({ message }) => /must|needs|cannot|as that row was skipped/.test(message)));
});

Deno.test("parseTodoistCsv() wants its columns, in any order and case", () => {
  deepStrictEqual(parseTodoistCsv("a,b\n1,2\n", OPTIONS), {
    tasks: [],
    problems: [{
      line: 1,
      message: "nothing imported, as the first row must name the columns TYPE and CONTENT",
    }],
    skipped: 0,
  });
  const { tasks } = parseTodoistCsv("\uFEFFContent,Type\r\nPay,task\r\n\r\nCall,TASK\r\n", OPTIONS);
  deepStrictEqual(tasks.map(({ title, line }) => [title, line]), [["Pay", 2], ["Call", 4]]);
});

Deno.test("parseTodoistCsv() never throws", () => {
  const piece = fc.constantFrom("task,", "note,", "section,", '"', ",", "\n", "every ", "@a ", "\r", "9");
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: "binary" }))), (parts) => {
      ok(Array.isArray(parse(parts.join("")).tasks));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("parseTodoistCsv() takes linear time", () => {
  const row = 'task,"Pay, the ""rent""",,4,1,,,every 2 weeks at 9am,en,Europe/Berlin,,\n';
  ok(growth((rows) => strictEqual(parse(row.repeat(rows)).problems.length, 0)) < QUADRATIC);
});
