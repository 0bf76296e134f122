import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import ICAL from "ical.js";
import { feedCase, momentOf, USER_ZONE } from "../fuzz/feed_cases.ts";
import { createRandom } from "../fuzz/random.ts";
import { formatFeed, formatICal, parseICal } from "./mod.ts";
import { arbitraryTask, asImported, aTask, LISTS, OPTIONS } from "./testing.ts";

/** A calendar of components given by their lines. */
const calendar = (...lines: string[]) =>
  ["BEGIN:VCALENDAR", "VERSION:2.0", ...lines, "END:VCALENDAR"].join("\r\n");
const todo = (...lines: string[]) => ["BEGIN:VTODO", "SUMMARY:Pay", ...lines, "END:VTODO"];
const parse = (...lines: string[]) => parseICal(calendar(...lines), OPTIONS);
const read = (...lines: string[]) => {
  const { tasks, problems, skipped } = parse(...todo(...lines));
  deepStrictEqual([problems, skipped], [[], 0], lines.join());
  return tasks[0];
};

const OWN_ZONE = [
  "BEGIN:VTIMEZONE",
  "TZID:Office",
  "BEGIN:STANDARD",
  "DTSTART:19701025T030000",
  "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
  "TZOFFSETFROM:+0300",
  "TZOFFSETTO:+0200",
  "END:STANDARD",
  "BEGIN:DAYLIGHT",
  "DTSTART:19700329T020000",
  "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
  "TZOFFSETFROM:+0200",
  "TZOFFSETTO:+0300",
  "END:DAYLIGHT",
  "END:VTIMEZONE",
];

Deno.test("parseICal() reads the properties of a VTODO", () => {
  const task = read(
    "DESCRIPTION:a\\, b\\n",
    " c",
    "PRIORITY:2",
    "CATEGORIES:home,two words",
    "CATEGORIES:a\\,b",
    "STATUS:COMPLETED",
    "COMPLETED:20260203T101112Z",
    "CREATED:20260102T000000Z",
    "DUE;VALUE=DATE:20270131",
  );
  deepStrictEqual(task, {
    title: "Pay",
    notes: "a, b\nc",
    priority: "high",
    tags: ["home", "two-words", "a-b"],
    status: "completed",
    completedAt: "2026-02-03T10:11:12Z",
    createdAt: "2026-01-02T00:00:00Z",
    due: { date: "2027-01-31", time: null, timeZone: null },
    recurrence: null,
    line: 3,
  });
  const priorities = ["0", "1", "2", "4", "5", "6", "9"].map((value) => read(`PRIORITY:${value}`)?.priority);
  deepStrictEqual(priorities, ["medium", "urgent", "high", "high", "medium", "low", "low"]);
});

Deno.test("parseICal() reads each form of DUE", () => {
  const scenarios: [string[], string, string | null, string | null][] = [
    [["DUE:20270131T090000"], "2027-01-31", "09:00", null],
    [["DUE:20270131T080000Z"], "2027-01-31", "08:00", "UTC"],
    [["DUE;TZID=Europe/Berlin:20270131T090000"], "2027-01-31", "09:00", "Europe/Berlin"],
    [
      ["DUE;TZID=/mozilla.org/20070129_1/Europe/Berlin:20270131T090000"],
      "2027-01-31",
      "09:00",
      "Europe/Berlin",
    ],
    [['DUE;TZID="W. Europe Standard Time":20270131T090000'], "2027-01-31", "09:00", "Europe/Berlin"],
    [["DTSTART;VALUE=DATE:20270131"], "2027-01-31", null, null],
    [["DTSTART:20270131T230000", "DURATION:PT2H"], "2027-02-01", "01:00", null],
    [["DTSTART:20270130T090000", "DUE:20270131T090000"], "2027-01-31", "09:00", null],
  ];
  for (const [lines, date, time, timeZone] of scenarios) {
    deepStrictEqual(read(...lines)?.due, { date, time, timeZone });
  }
});

Deno.test("parseICal() keeps the moment of a zone that only the file defines", () => {
  const { tasks, problems } = parse(
    ...todo("DUE;TZID=Office:20270131T100000"),
    ...todo("DUE;TZID=Office:20270731T100000"),
    ...OWN_ZONE,
  );
  deepStrictEqual(problems, []);
  deepStrictEqual(tasks.map(({ due }) => `${due?.date} ${due?.time} ${due?.timeZone}`), [
    "2027-01-31 09:00 Europe/Berlin",
    "2027-07-31 09:00 Europe/Berlin",
  ]);
});

Deno.test("parseICal() reads alarms before the due, from the start, and at an instant", () => {
  const alarm = (trigger: string) => ["BEGIN:VALARM", "ACTION:DISPLAY", trigger, "END:VALARM"];
  deepStrictEqual(
    read(
      "DTSTART:20270130T090000Z",
      "DUE:20270131T090000Z",
      ...alarm("TRIGGER;RELATED=END:-PT30M"),
      ...alarm("TRIGGER;RELATED=END:PT0S"),
      ...alarm("TRIGGER:-PT1H"),
      ...alarm("TRIGGER;VALUE=DATE-TIME:20270101T000000Z"),
    )?.reminders,
    [{ before: "PT30M" }, { before: "PT0M" }, { at: "2027-01-30T08:00:00Z" }, { at: "2027-01-01T00:00:00Z" }],
  );
  deepStrictEqual(read("DUE:20270131T090000Z", ...alarm("TRIGGER:-P1W"))?.reminders, [{ before: "P1W" }]);
});

Deno.test("parseICal() puts parents before their children, whatever the order of the file", () => {
  const { tasks, problems } = parse(
    ...todo("UID:c", "RELATED-TO:b"),
    ...todo("UID:a"),
    ...todo("UID:b", "RELATED-TO;RELTYPE=PARENT:a"),
    ...todo("UID:d", "RELATED-TO;RELTYPE=SIBLING:a"),
    ...todo("UID:e", "RELATED-TO:f"),
    ...todo("UID:f", "RELATED-TO:e"),
    ...todo("UID:g", "RELATED-TO:nobody"),
  );
  deepStrictEqual(tasks.map(({ line, parentIndex }) => [line, parentIndex]), [
    [8, undefined],
    [12, 0],
    [3, 1],
    [17, undefined],
    [27, undefined],
    [22, 4],
    [32, undefined],
  ]);
  deepStrictEqual(problems.map(({ line }) => line), [30, 35]);
});

Deno.test("parseICal() names the line and the rule of each problem; one broken VTODO loses no other", () => {
  const { tasks, problems, skipped } = parse(
    ...todo("RRULE:FREQ=HOURLY", "DUE:20270131T090000Z"), // 5
    ...todo("RRULE:FREQ=DAILY;BYHOUR=9", "DUE:20270131T090000Z"), // 10
    ...todo("RRULE:FREQ=SOMETIMES", "DUE:20270131T090000Z"), // 15
    ...todo("RRULE:FREQ=DAILY"), // 20
    ...todo("DUE:20270230T090000Z"), // 24
    ...todo("DUE;TZID=Mars/Base:20270131T090000"), // 28
    ...todo("not a content line"), // 32
    ...todo("PRIORITY:11"), // 36
    "BEGIN:VTODO", // 38, skipped: no title
    "UID:x",
    "END:VTODO",
    "BEGIN:VTODO", // 41, skipped: no end
    "SUMMARY:lost",
    ...todo("STATUS:CANCELLED"), // 43, skipped
    ...todo("RECURRENCE-ID:20270131T090000Z"), // 49, skipped
    ...todo("DUE:20270131T090000Z", "BEGIN:VALARM", "TRIGGER:PT30M", "END:VALARM"), // 55
    ...todo("DUE:20270131", "RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20270201"), // 62
    "BEGIN:VEVENT", // 64, skipped
    "SUMMARY:an event",
    "END:VEVENT",
    ...todo(`SUMMARY:${"y".repeat(501)}`),
    ...todo("COMPLETED:20990101T000000Z"), // 73
    ...todo("DTSTART:20270130", "DUE:20270131", "RRULE:FREQ=WEEKLY;BYDAY=SA"), // 79
    "BEGIN:VTODO", // 81, skipped: too long
    `SUMMARY:${"y".repeat(501)}`,
    "END:VTODO",
    ...todo(),
  );
  deepStrictEqual(problems.map(({ line }) => line), [
    ...[5, 10, 15, 20, 24, 28, 32, 36, 38, 41, 43, 49, 55, 62, 64, 73, 79, 81],
  ]);
  strictEqual(skipped, 6);
  strictEqual(tasks.length, 14);
  ok(problems.every(({ message }) => /must|needs|cannot/.test(message)));
});

Deno.test("parseICal() says when a file is no calendar, or ends too early", () => {
  deepStrictEqual(parseICal("hello\nworld", OPTIONS).problems, [
    { line: 1, message: "nothing imported, as the file must hold BEGIN:VCALENDAR" },
  ]);
  const cut = `\uFEFF${calendar(...todo(), "BEGIN:VTODO", "SUMMARY:cut").replace("\r\nEND:VCALENDAR", "")}`;
  const { tasks, problems, skipped } = parseICal(cut, OPTIONS);
  deepStrictEqual([tasks.length, problems.map(({ line }) => line), skipped], [1, [6], 1]);
});

Deno.test("formatICal() writes lines of at most 75 octets, CRLF, escaped text and UID = id@rondo", () => {
  const text = formatICal([aTask({ title: "é🎂, ".repeat(40) + "\\;", tags: ["a", "b;c"] })], LISTS);
  const lines = text.split("\r\n");
  ok(lines.every((line) => !line.includes("\n") && new TextEncoder().encode(line).length <= 75));
  ok(lines.includes("UID:01990000-0000-7000-8000-0000000000aa@rondo"));
  ok(text.replaceAll("\r\n ", "").includes("é🎂\\, \\\\\\;"));
});

Deno.test("formatICal() writes a VTIMEZONE that another parser computes the same instants with", () => {
  const zones = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
  ];
  for (const timeZone of zones) {
    const due = { date: "2027-01-31", time: "09:00", timeZone };
    const recurrence = { rule: "FREQ=MONTHLY;UNTIL=20281231", mode: "schedule" } as const;
    const root = new ICAL.Component(ICAL.parse(formatICal([aTask({ due, recurrence })], [])));
    const component = root.getFirstSubcomponent("vtimezone");
    ok(component !== null);
    const zone = new ICAL.Timezone({ component, tzid: timeZone });
    for (let hour = 0; hour < 24 * 800; hour += 7) {
      const local = Temporal.PlainDateTime.from("2027-01-01T00:30").add({ hours: hour });
      const zoned = local.toZonedDateTime(timeZone);
      // A time that happens twice or never has two right answers.
      if (
        !zoned.toPlainDateTime().equals(local) ||
        local.toZonedDateTime(timeZone, { disambiguation: "later" }).offset !== zoned.offset
      ) continue;
      const offset = zone.utcOffset(ICAL.Time.fromDateTimeString(local.toString({ smallestUnit: "second" })));
      strictEqual(offset * 1e9, zoned.offsetNanoseconds, `${timeZone} ${local}`);
    }
  }
});

Deno.test("formatICal() writes UNTIL of the type of DTSTART", () => {
  const until = (time: string | null, timeZone: string | null) => {
    const due = { date: "2027-01-31", time, timeZone };
    const recurrence = { rule: "FREQ=DAILY;UNTIL=20270301", mode: "schedule" } as const;
    return /UNTIL=([^;\r]+)/.exec(formatICal([aTask({ due, recurrence })], []))?.[1];
  };
  strictEqual(until(null, null), "20270301");
  strictEqual(until("09:00", null), "20270301T235959");
  strictEqual(until("09:00", "Europe/Berlin"), "20270301T225959Z");
});

Deno.test("parseICal() reads back what formatICal() carries", () => {
  const title = fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 })
    .map((text) => text.replace(/[\s\p{Cc}]+/gu, " ").trim()).filter((text) => text !== "");
  fc.assert(
    fc.property(fc.array(arbitraryTask(title), { maxLength: 4 }), (tasks) => {
      const { tasks: back, problems, skipped } = parseICal(formatICal(tasks, LISTS), OPTIONS);
      deepStrictEqual([problems, skipped], [[], 0]);
      deepStrictEqual(back, tasks.map((task, k) => asImported(task, back[k]?.line ?? 0)));
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseICal() reads back subtasks", () => {
  const parent = aTask();
  const child = aTask({ id: "01990000-0000-7000-8000-0000000000bb", parentId: parent.id });
  deepStrictEqual(parseICal(formatICal([child, parent], []), OPTIONS).tasks.map((task) => task.parentIndex), [
    undefined,
    0,
  ]);
});

Deno.test("formatFeed() shows open tasks with a due as events, and series as their rule", () => {
  const at = { date: "2027-01-31", time: "09:00", timeZone: "Europe/Berlin" };
  const day = { date: "2027-01-31", time: null, timeZone: null };
  const text = formatFeed([
    aTask({ due: at, recurrence: { rule: "FREQ=MONTHLY", mode: "schedule" } }),
    aTask({ due: day, recurrence: { rule: "FREQ=DAILY", mode: "completion" } }),
    aTask({ due: null }),
    aTask({ due: at, status: "completed", completedAt: "2027-01-31T08:00:00Z" }),
  ], { name: "Rondo, Ana", timeZone: "Europe/Berlin" });
  const root = new ICAL.Component(ICAL.parse(text));
  strictEqual(root.getFirstPropertyValue("x-wr-calname"), "Rondo, Ana");
  const events = root.getAllSubcomponents("vevent");
  deepStrictEqual(events.map((event) => String(event.getFirstPropertyValue("rrule") ?? "")), [
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "",
  ]);
  strictEqual(String(events[1]?.getFirstPropertyValue("dtstart")), "2027-01-31");
  strictEqual(root.getAllSubcomponents("vtodo").length, 0);
  strictEqual(root.getAllSubcomponents("vtimezone").length, 1);
});

/** What is compared: the clock on the wall, and the instant where no clock is set back or forward. */
const shown = (wall: string, zone: string | null, instant: string): string =>
  zone === null || wall.slice(11) < "09:00" ? `${wall} ${zone ?? ""}` : `${wall} ${zone} ${instant}`;

/** When the events of a task start, as ical.js reads a feed. */
function startsOf(feed: string, from: string, to: string): string[] {
  const root = new ICAL.Component(ICAL.parse(feed));
  const events = root.getAllSubcomponents("vevent").map((component) => new ICAL.Event(component));
  const moments = events.filter((event) => !event.isRecurrenceException()).flatMap((event) => {
    if (!event.isRecurring()) return [event.startDate];
    const starts: ICAL.Time[] = [];
    const iterator = event.iterator();
    let next = iterator.next();
    for (let count = 0; next && next.toString().slice(0, 10) <= to && count < 1_000; count++) {
      starts.push(event.getOccurrenceDetails(next).startDate);
      next = iterator.next();
    }
    return starts;
  });
  return moments.filter((time) => time.toString().slice(0, 10) >= from && time.toString().slice(0, 10) < to)
    .map((time) => {
      if (time.isDate) return shown(time.toString(), null, "");
      const zone = time.zone === ICAL.Timezone.localTimezone ? null : time.zone?.tzid ?? "?";
      const instant = Temporal.Instant.fromEpochMilliseconds(1_000 * time.toUnixTime());
      return shown(time.toString().slice(0, 16), zone, instant.toString({ smallestUnit: "minute" }));
    }).sort();
}

Deno.test("formatFeed() shows a series where Rondo sees it, as ical.js reads it: across DST, to its end, moved by hand", () => {
  const random = createRandom(20270131);
  let rules = 0;
  for (let index = 0; index < 300; index++) {
    const { task, from, to, expected } = feedCase(random, index);
    const feed = formatFeed([task], { name: "Rondo", timeZone: USER_ZONE });
    if (/^BEGIN:VEVENT[^]*^RRULE/m.test(feed)) rules++;
    const wanted = expected.map((due) =>
      due.time === null
        ? shown(due.date, null, "")
        : shown(`${due.date}T${due.time}`, due.timeZone ?? USER_ZONE, momentOf(due))
    );
    deepStrictEqual(startsOf(feed, from, to), wanted.sort(), JSON.stringify(task));
  }
  ok(rules > 100, "a series is its rule where calendars read that alike");
});

Deno.test("formatICal() takes texts that no calendar may hold", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.string({ unit: "binary" }),
      (title, notes) => {
        const task = aTask({ title: `a${title}`, notes });
        strictEqual(parseICal(formatICal([task], LISTS), OPTIONS).tasks.length, 1);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("parseICal() never throws", () => {
  const line = fc.constantFrom(
    ..."BEGIN:VTODO|END:VTODO|BEGIN:VALARM|END:VALARM|BEGIN:VTIMEZONE|END:VTIMEZONE|TZID:x|SUMMARY:a|DUE;TZID=x:20270101T000000"
      .split("|"),
    ..."DUE:2027|DUE:20270101T246060Z|RRULE:FREQ=DAILY|RRULE:FREQ=|TRIGGER:-P1D|TRIGGER;VALUE=DATE-TIME:20270101T990000Z|UID:1"
      .split("|"),
    ..."RELATED-TO:1|DTSTART:99999999|DTSTART:00000101|DURATION:-PT1H|DURATION:P9999999D|COMPLETED:x|CATEGORIES:,|STATUS: | x"
      .split("|"),
    ..."RRULE:FREQ=DAILY;UNTIL=20279999T999999Z|DUE;VALUE=DATE:20270101|DTSTART:20270101T000000|DTSTART:99990101T000000|TRIGGER:P9999999D|CREATED:99981231T235959|PRIORITY:"
      .split("|"),
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 9, arbitrary: line }, fc.string({ unit: "binary" }))),
      (lines) => {
        const { tasks, problems, skipped } = parse("BEGIN:VTODO", "SUMMARY:a", ...lines, "END:VTODO");
        ok(problems.length >= skipped);
        for (const { due, createdAt, completedAt, reminders = [] } of tasks) {
          const times = [
            due?.date,
            createdAt,
            completedAt,
            ...reminders.map((one) => "at" in one ? one.at : ""),
          ];
          // A year beyond 9999 would be written with a sign, which no schema takes.
          ok(!times.join().includes("+"));
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

Deno.test("parseICal() reads many tasks, a long folded line and deep nesting", () => {
  const one = todo("UID:1", "DUE;TZID=Europe/Berlin:20270131T090000", "DESCRIPTION:a", " b").join("\r\n");
  strictEqual(parse(...Array.from({ length: 10_000 }, () => one)).tasks.length, 10_000);
  // Were these read in the square of their length, this test would not end.
  strictEqual(parse(...todo("DESCRIPTION:a".concat("\r\n efg".repeat(5e5)))).skipped, 1);
  strictEqual(parse("BEGIN:X\r\n".repeat(1e5), "END:Y\r\n".repeat(1e5), ...todo()).tasks.length, 1);
});
