/** What filters read, query by query: on Wednesday 14 October 2026 at 10:00 in Berlin. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Condition, type FilterClock, parseFilter } from "./mod.ts";

const clock: FilterClock = { now: Temporal.Instant.from("2026-10-14T08:00:00Z"), timeZone: "Europe/Berlin" };

/** A condition with a pair of brackets wherever one binds. */
function written(condition: Condition): string {
  switch (condition.kind) {
    case "and":
      return `(${condition.parts.map(written).join(" & ")})`;
    case "or":
      return `(${condition.parts.map(written).join(" | ")})`;
    case "not":
      return `!${written(condition.part)}`;
    case "flag":
      return condition.flag;
    case "priority":
      return `p=${condition.priority}`;
    case "tag":
      return `#${condition.name}`;
    case "list":
      return `/${condition.name}`;
    case "search":
      return `search=${condition.words.join("+")}`;
    case "date":
      return `${condition.field}=${condition.from ?? ""}..${condition.to ?? ""}`;
  }
}

const READ: [query: string, expected: string][] = [
  ["today", "due=2026-10-14..2026-10-14"],
  ["Today", "due=2026-10-14..2026-10-14"],
  ["tomorrow", "due=2026-10-15..2026-10-15"],
  ["yesterday", "due=2026-10-13..2026-10-13"],
  ["friday", "due=2026-10-16..2026-10-16"],
  ["31 jan", "due=2027-01-31..2027-01-31"],
  ["2027-01-31", "due=2027-01-31..2027-01-31"],
  ["in 3 days", "due=2026-10-17..2026-10-17"],
  ["+3 days", "due=2026-10-17..2026-10-17"],
  ["-1 week", "due=2026-10-07..2026-10-07"],
  ["2 weeks ago", "due=2026-09-30..2026-09-30"],
  ["7 days", "due=2026-10-14..2026-10-20"],
  ["next 7 days", "due=2026-10-14..2026-10-20"],
  ["1 days", "due=2026-10-14..2026-10-14"],
  ["overdue", "overdue"],
  ["over due", "overdue"],
  ["OD", "overdue"],
  ["upcoming", "upcoming"],
  ["no date", "no-date"],
  ["No   due  date", "no-date"],
  ["has date", "!no-date"],
  ["has time", "has-time"],
  ["no time", "!has-time"],
  ["recurring", "recurring"],
  ["not recurring", "!recurring"],
  ["subtask", "subtask"],
  ["has subtasks", "has-subtasks"],
  ["no subtasks", "!has-subtasks"],
  ["reminder", "reminder"],
  ["no reminders", "!reminder"],
  ["no tags", "no-tags"],
  ["has tags", "!no-tags"],
  ["inbox", "inbox"],
  ["all", "all"],
  ["high", "p=high"],
  ["!high", "!p=high"],
  ["p1", "p=urgent"],
  ["p2 | p4", "(p=high | p=low)"],
  ["priority: Medium", "p=medium"],
  ["#home", "#home"],
  ["#ho*", "#ho*"],
  ["tag: #home", "#home"],
  ["/Work", "/Work"],
  ["@Work", "/Work"],
  ["/Two words", "/Two words"],
  ['/"R & D"', "/R & D"],
  ["list: Work", "/Work"],
  ["search: milk", "search=milk"],
  ["search: Crème  brûlée", "search=creme+brulee"],
  ['search: "whole milk" oats', "search=whole milk+oats"],
  ["search: 10:30", "search=10:30"],
  ["due: friday", "due=2026-10-16..2026-10-16"],
  ["due before: +3 days", "due=..2026-10-16"],
  ["due after: today", "due=2026-10-15.."],
  ["date before: 31 jan", "due=..2027-01-30"],
  ["created: today", "created=2026-10-14..2026-10-14"],
  ["created before: -7 days", "created=..2026-10-06"],
  ["added after: 1 month ago", "created=2026-09-15.."],
  ["changed: yesterday", "changed=2026-10-13..2026-10-13"],
  ["updated after: yesterday", "changed=2026-10-14.."],
  ["(today | overdue) & !high & #home", "((due=2026-10-14..2026-10-14 | overdue) & !p=high & #home)"],
  ["today | overdue & #home", "(due=2026-10-14..2026-10-14 | (overdue & #home))"],
  ["!!high", "!!p=high"],
  ["!(high | low)", "!(p=high | p=low)"],
  ["((((inbox))))", "inbox"],
  ["  inbox&#a  ", "(inbox & #a)"],
];

for (const [query, expected] of READ) {
  Deno.test(`parseFilter() reads ${JSON.stringify(query)}`, () => {
    const parsed = parseFilter(query, clock);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.deepEqual(parsed.sections.map(({ condition }) => written(condition)), [expected]);
  });
}

Deno.test("parseFilter() makes a section of each part between commas, with its text", () => {
  const parsed = parseFilter("overdue,  today & #home , no date", clock);
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.sections.map(({ text }) => text), ["overdue", "today & #home", "no date"]);
});

const REFUSED: [query: string, marked: string, rule: RegExp][] = [
  ["", "", /must begin with a condition/],
  ["today &", "", /After “&” must come a condition/],
  ["today && overdue", "&", /After “&” must come a condition/],
  ["| today", "|", /must begin with a condition/],
  ["!", "", /After “!” must come/],
  ["(today", "(", /must be closed/],
  ["today)", ")", /must have its “\(”/],
  ["(today, overdue)", ",", /comma/],
  ["()", ")", /After “\(” must come/],
  ["today (overdue)", "(", /“&” or “\|” between/],
  ["#home #work", "#work", /“&” or “\|” between/],
  ["#home today", "today", /“&” or “\|” between/],
  ["today #home", "#home", /“&” or “\|” between/],
  ["high !low", "!low", /“&” or “\|” between/],
  ["milk", "milk", /search: milk/],
  ["today & frobnicate the thing", "frobnicate the thing", /is no condition/],
  ["#", "#", /followed by a tag/],
  ['/""', '/""', /followed by a list/],
  ["due before: someday", "someday", /followed by a date/],
  ["due before:", "due before:", /followed by a value/],
  ["due before: tomorrow 9am", "tomorrow 9am", /followed by a date/],
  ["owner: me", "owner:", /is no field/],
  ["priority: huge", "huge", /urgent, high, medium or low/],
  ['search: "milk', '"milk', /quote must be closed/],
  ['search: ""', '""', /followed by a word/],
  ["3 days ago ago", "3 days ago ago", /is no condition/],
  ["+9999 years", "+9999 years", /is no condition/],
  ["(".repeat(60) + "today" + ")".repeat(60), "(", /nested deeper/],
];

for (const [query, marked, rule] of REFUSED) {
  Deno.test(`parseFilter() refuses ${JSON.stringify(query.slice(0, 40))} and names the place`, () => {
    const parsed = parseFilter(query, clock);
    assert.ok(!parsed.ok);
    const { start, end, message } = parsed.problem;
    const place = query.slice(start, end);
    if (marked.startsWith("!")) assert.equal(place.charAt(0), "!");
    else assert.equal(place, marked);
    assert.match(message, rule);
  });
}

Deno.test("parseFilter() takes any text: it is read, or refused at a place inside of it", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.array(
      fc.constantFrom(
        "(",
        ")",
        "&",
        "|",
        "!",
        ",",
        " ",
        "today",
        "#a",
        "/L",
        "due before:",
        '"',
        "search:",
        "high",
        "+3 days",
      ),
      { maxLength: 20 },
    ).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (query) => {
      const parsed = parseFilter(query, clock);
      if (parsed.ok) return parsed.sections.length > 0;
      const { start, end, message } = parsed.problem;
      return start >= 0 && start <= end && end <= query.length && message.length > 10;
    }),
    { numRuns: 2_000 },
  );
});

const leaf: fc.Arbitrary<string> = fc.constantFrom(
  "today",
  "overdue",
  "no date",
  "high",
  "#home",
  "/Work",
  "search: milk",
  "due before: +3 days",
);
const { query: anyQuery } = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { depthSize: "small" },
    leaf,
    tie("query").map((part) => `!(${part})`),
    fc.tuple(tie("query"), fc.constantFrom("&", "|"), tie("query")).map(([a, sign, b]) =>
      `(${a}) ${sign} (${b})`
    ),
  ),
}));

Deno.test("parseFilter() reads the same with and without white space around signs", () => {
  fc.assert(fc.property(anyQuery, (query) => {
    const loose = query.replace(/([()&|!])/g, "  $1  ");
    const one = parseFilter(query, clock);
    const other = parseFilter(loose, clock);
    assert.ok(one.ok && other.ok);
    assert.deepEqual(one.sections[0]?.condition, other.sections[0]?.condition);
  }));
});
