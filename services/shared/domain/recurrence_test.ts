import assert from "node:assert/strict";
import {
  checkRule,
  describeRecurrence,
  nextOccurrence,
  type NextOptions,
  normalizeRecurrence,
  occurrencesBetween,
} from "./recurrence.ts";

function next(
  changes: Partial<NextOptions> & { rule: string },
  date = "2027-01-01",
  time: string | null = null,
) {
  return nextOccurrence({
    mode: "schedule",
    anchor: { date, time, timeZone: "Europe/Berlin" },
    scheduled: date,
    occurrence: 1,
    after: Temporal.Instant.from("1970-01-01T00:00Z"),
    userZone: "America/New_York",
    ...changes,
  });
}

/** The dates of a series whose every occurrence is done on its day. */
function series(rule: string, date: string, length: number): string[] {
  const dates = [date];
  for (let scheduled = date; dates.length < length;) {
    const following = next({ rule, scheduled, occurrence: dates.length }, date);
    if (following === null) break;
    scheduled = following.date;
    dates.push(scheduled);
  }
  return dates;
}

function berlin(text: string): Temporal.Instant {
  return Temporal.ZonedDateTime.from(`${text}[Europe/Berlin]`).toInstant();
}

// --- checkRule

const accepted = [
  "FREQ=DAILY",
  "RRULE:FREQ=DAILY",
  "freq=weekly;byday=mo,fr",
  "INTERVAL=999;FREQ=DAILY",
  "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU;COUNT=10",
  "FREQ=WEEKLY;BYDAY=MO,WE;BYSETPOS=2",
  "FREQ=WEEKLY;BYMONTH=3;BYSETPOS=-1",
  "FREQ=DAILY;BYDAY=MO;BYSETPOS=1",
  "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29",
  "FREQ=MONTHLY;BYDAY=+2TU,-1FR",
  "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
  "FREQ=MONTHLY;BYMONTHDAY=1,-1",
  "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
  "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
  "FREQ=YEARLY;BYMONTH=2;BYDAY=5MO",
  "FREQ=YEARLY;BYDAY=53FR",
  "FREQ=YEARLY;UNTIL=20280229",
  "FREQ=YEARLY;UNTIL=20280229T235959",
  "FREQ=YEARLY;UNTIL=20280229T235959Z",
];
for (const rule of accepted) {
  Deno.test(`checkRule() takes ${rule}`, () => assert.equal(checkRule(rule), null));
}

const shape = "must be parts NAME=VALUE joined by semicolons";
const never = "must be able to produce an occurrence";
const weekdays = "must have BYDAY as MO, TU, WE, TH, FR, SA, SU, with an ordinal such as 2MO or -1FR";
const supported = "supported are FREQ, INTERVAL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS, WKST, COUNT, UNTIL";
const until = "must have UNTIL as a date such as 20271231 or 20271231T235959Z";
const refused: [rule: string, message: string][] = [
  ["", shape],
  ["every day", shape],
  ["FREQ=DAILY;", shape],
  ["FREQ=DAILY;;INTERVAL=2", shape],
  ["FREQ=", shape],
  ["FREQ=DAILY;COUNT=", shape],
  ["DTSTART:20270101\nRRULE:FREQ=DAILY", shape],
  ["INTERVAL=2", "must hold FREQ"],
  ["FREQ=HOURLY", "must have FREQ as DAILY, WEEKLY, MONTHLY or YEARLY"],
  ["FREQ=MINUTELY", "must have FREQ as DAILY, WEEKLY, MONTHLY or YEARLY"],
  ["FREQ=SECONDLY", "must have FREQ as DAILY, WEEKLY, MONTHLY or YEARLY"],
  ["FREQ=constructor", "must have FREQ as DAILY, WEEKLY, MONTHLY or YEARLY"],
  ["FREQ=DAILY;FREQ=DAILY", "must name FREQ once"],
  ["FREQ=DAILY;BYHOUR=9", `must not use BYHOUR: ${supported}`],
  ["FREQ=DAILY;DTSTART=20270101", `must not use DTSTART: ${supported}`],
  ["FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", `must not use BYWEEKNO: ${supported}`],
  ["FREQ=DAILY;X-MINE=1", `must not use X-MINE: ${supported}`],
  ["FREQ=DAILY;INTERVAL=0", "must have INTERVAL as a whole number from 1 to 999"],
  ["FREQ=DAILY;INTERVAL=1000", "must have INTERVAL as a whole number from 1 to 999"],
  ["FREQ=DAILY;INTERVAL=1.5", "must have INTERVAL as a whole number from 1 to 999"],
  ["FREQ=DAILY;COUNT=0", "must have COUNT as a whole number from 1 to 9999"],
  ["FREQ=DAILY;COUNT=10000", "must have COUNT as a whole number from 1 to 9999"],
  ["FREQ=DAILY;COUNT=3;UNTIL=20270101", "must not hold both COUNT and UNTIL"],
  ["FREQ=DAILY;UNTIL=20270230", until],
  ["FREQ=DAILY;UNTIL=2027-02-03", until],
  ["FREQ=DAILY;UNTIL=20270203T250000Z", until],
  ["FREQ=DAILY;WKST=XX", "must have WKST as MO, TU, WE, TH, FR, SA, SU"],
  ["FREQ=WEEKLY;BYDAY=XX", weekdays],
  ["FREQ=WEEKLY;BYDAY=MO,", weekdays],
  ["FREQ=WEEKLY;BYDAY=MO,MO", "must name each value of BYDAY once"],
  ["FREQ=MONTHLY;BYMONTHDAY=1,+1", "must name each value of BYMONTHDAY once"],
  ["FREQ=MONTHLY;BYDAY=0MO", "must have BYDAY from 1 to 53 or from -53 to -1"],
  ["FREQ=MONTHLY;BYDAY=54MO", "must have BYDAY from 1 to 53 or from -53 to -1"],
  ["FREQ=MONTHLY;BYMONTHDAY=32", "must have BYMONTHDAY from 1 to 31 or from -31 to -1"],
  ["FREQ=MONTHLY;BYMONTHDAY=0", "must have BYMONTHDAY from 1 to 31 or from -31 to -1"],
  ["FREQ=YEARLY;BYMONTH=13", "must have BYMONTH as a whole number from 1 to 12"],
  ["FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "must have BYSETPOS from 1 to 366 or from -366 to -1"],
  ["FREQ=MONTHLY;BYSETPOS=1", "must not use BYSETPOS without BYDAY, BYMONTH or BYMONTHDAY"],
  ["FREQ=WEEKLY;BYDAY=1MO", "must not give BYDAY an ordinal when FREQ is DAILY or WEEKLY"],
  ["FREQ=DAILY;BYDAY=-1FR", "must not give BYDAY an ordinal when FREQ is DAILY or WEEKLY"],
  ["FREQ=WEEKLY;BYMONTHDAY=1", "must not use BYMONTHDAY when FREQ is WEEKLY"],
  ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", never],
  ["FREQ=DAILY;BYMONTH=4,6;BYMONTHDAY=31,-31", never],
  ["FREQ=DAILY;BYDAY=MO;BYSETPOS=2", never],
  ["FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3", never],
  ["FREQ=WEEKLY;BYMONTH=3;BYSETPOS=2", never],
  ["FREQ=MONTHLY;BYDAY=6MO", never],
  ["FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=20", never],
  ["FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", never],
  ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-30", never],
];
for (const [rule, message] of refused) {
  Deno.test(`checkRule() refuses ${JSON.stringify(rule)}`, () => assert.equal(checkRule(rule), message));
}

// --- normalizeRecurrence

Deno.test("normalizeRecurrence() turns words into rules", () => {
  for (const word of ["daily", "weekly", "monthly", "yearly"] as const) {
    assert.deepEqual(normalizeRecurrence(word), { rule: `FREQ=${word.toUpperCase()}`, mode: "schedule" });
  }
});

Deno.test("normalizeRecurrence() writes parts in one order, upper case, without what says nothing", () => {
  const normal = (rule: string) => normalizeRecurrence({ rule }).rule;
  assert.equal(
    normal(
      "rrule:wkst=su;byday=+1mo,-1fr;bymonth=03;freq=monthly;bysetpos=1;count=05;bymonthday=7,-2;interval=2",
    ),
    "FREQ=MONTHLY;INTERVAL=2;BYMONTH=3;BYMONTHDAY=7,-2;BYDAY=1MO,-1FR;BYSETPOS=1;WKST=SU;COUNT=5",
  );
  assert.equal(normal("INTERVAL=1;FREQ=DAILY"), "FREQ=DAILY");
  for (const end of ["20280229", "20280229T235959", "20280229T235959Z"]) {
    assert.equal(normal(`UNTIL=${end};FREQ=DAILY`), `FREQ=DAILY;UNTIL=${end}`);
  }
});

Deno.test("normalizeRecurrence() keeps the mode, and is done after once", () => {
  const once = normalizeRecurrence({ rule: "byday=mo;freq=weekly", mode: "completion" });
  assert.deepEqual(once, { rule: "FREQ=WEEKLY;BYDAY=MO", mode: "completion" });
  assert.deepEqual(normalizeRecurrence(once), once);
});

Deno.test("normalizeRecurrence() throws on a rule that is refused", () => {
  assert.throws(() => normalizeRecurrence({ rule: "FREQ=HOURLY" }), {
    name: "RangeError",
    message:
      "Cannot read the recurrence rule as it must have FREQ as DAILY, WEEKLY, MONTHLY or YEARLY: current value is FREQ=HOURLY",
  });
});

// --- the grid

/** Each line: a rule, the anchor, and the dates that follow from it (with the anchor). */
const grids: [rule: string, dates: string][] = [
  ["FREQ=DAILY", "2027-02-27 2027-02-28 2027-03-01"],
  ["FREQ=DAILY;INTERVAL=10", "2027-02-20 2027-03-02 2027-03-12"],
  ["FREQ=DAILY;BYMONTH=1;BYDAY=MO", "2027-01-25 2028-01-03 2028-01-10"],
  ["FREQ=DAILY;BYMONTHDAY=31", "2027-01-31 2027-03-31 2027-05-31"],
  ["FREQ=WEEKLY", "2027-01-01 2027-01-08 2027-01-15"],
  ["FREQ=WEEKLY;BYDAY=MO,FR", "2027-01-01 2027-01-04 2027-01-08"],
  ["FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2027-01-01 2027-01-11 2027-01-15 2027-01-25"],
  ["FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "1997-08-05 1997-08-10 1997-08-19 1997-08-24"],
  ["FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05 1997-08-17 1997-08-19 1997-08-31"],
  ["FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=-1", "2027-01-01 2027-01-08 2027-01-15"],
  ["FREQ=WEEKLY;BYMONTH=12;BYDAY=FR", "2026-12-25 2027-12-03 2027-12-10"],
  ["FREQ=MONTHLY", "2027-01-15 2027-02-15 2027-03-15"],
  ["FREQ=MONTHLY", "2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31"],
  ["FREQ=MONTHLY;INTERVAL=3", "2026-11-30 2027-02-28 2027-05-30 2027-08-30"],
  ["FREQ=MONTHLY;BYMONTH=2,4", "2027-01-31 2027-02-28 2027-04-30 2028-02-29"],
  ["FREQ=MONTHLY;BYMONTHDAY=15,31", "2027-01-31 2027-02-15 2027-02-28 2027-03-15 2027-03-31"],
  ["FREQ=MONTHLY;BYMONTHDAY=30,31", "2027-01-30 2027-01-31 2027-02-28 2027-03-30 2027-03-31 2027-04-30"],
  ["FREQ=MONTHLY;BYMONTHDAY=-1", "2027-01-31 2027-02-28 2027-03-31"],
  ["FREQ=MONTHLY;BYMONTHDAY=-3,1", "2027-01-29 2027-02-01 2027-02-26 2027-03-01"],
  ["FREQ=MONTHLY;BYMONTHDAY=-31", "2027-01-01 2027-03-01 2027-05-01"],
  ["FREQ=MONTHLY;BYMONTHDAY=31,-1", "2027-01-31 2027-02-28 2027-03-31"],
  ["FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=SU", "2027-01-31 2027-02-28 2027-10-31"],
  ["FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "2027-08-13 2028-10-13 2029-04-13"],
  ["FREQ=MONTHLY;BYMONTHDAY=29,30,31;BYSETPOS=-1", "2027-01-31 2027-02-28 2027-03-31"],
  ["FREQ=MONTHLY;BYMONTHDAY=29,30,31;BYSETPOS=2", "2027-01-30 2027-03-30 2027-04-30"],
  ["FREQ=MONTHLY;BYDAY=-1FR", "2027-01-29 2027-02-26 2027-03-26"],
  ["FREQ=MONTHLY;BYDAY=2TU,-2TU", "2027-01-12 2027-01-19 2027-02-09 2027-02-16"],
  ["FREQ=MONTHLY;BYDAY=5SU", "2027-01-31 2027-05-30 2027-08-29"],
  ["FREQ=MONTHLY;BYDAY=SU,1TU", "2027-01-03 2027-01-05 2027-01-10"],
  ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2027-01-29 2027-02-26 2027-03-31"],
  ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1", "2027-01-01 2027-01-29 2027-02-01 2027-02-26"],
  ["FREQ=YEARLY", "2027-03-01 2028-03-01 2029-03-01"],
  ["FREQ=YEARLY", "2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-29"],
  ["FREQ=YEARLY;INTERVAL=4", "2096-02-29 2100-02-28 2104-02-29"],
  ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2027-02-28 2028-02-29 2029-02-28"],
  ["FREQ=YEARLY;BYMONTH=2,4", "2027-04-30 2028-02-29 2028-04-30 2029-02-28"],
  ["FREQ=YEARLY;BYMONTHDAY=31", "2027-01-31 2027-02-28 2027-03-31 2027-04-30"],
  ["FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2027-11-25 2028-11-23 2029-11-22"],
  ["FREQ=YEARLY;BYDAY=20MO", "1997-05-19 1998-05-18 1999-05-17"],
  ["FREQ=YEARLY;BYDAY=53FR", "2027-12-31 2032-12-31 2038-12-31"],
  ["FREQ=YEARLY;BYDAY=-1FR,TU", "2027-12-28 2027-12-31 2028-01-04"],
  ["FREQ=YEARLY;BYDAY=1MO;BYMONTHDAY=1,2,3,4", "2027-01-04 2028-01-03 2029-01-01 2033-01-03"],
  ["FREQ=YEARLY;BYMONTH=2;BYDAY=5MO", "2044-02-29 2072-02-29 2112-02-29"],
  ["FREQ=YEARLY;BYDAY=MO;BYSETPOS=-1", "2027-12-27 2028-12-25 2029-12-31"],
  ["FREQ=YEARLY;INTERVAL=999", "2027-01-01 3026-01-01 4025-01-01"],
];
for (const [rule, text] of grids) {
  const dates = text.split(" ");
  const [anchor = ""] = dates;
  Deno.test(`nextOccurrence() walks ${rule} from ${anchor}`, () => {
    assert.deepEqual(series(rule, anchor, dates.length), dates);
  });
  Deno.test(`occurrencesBetween() lists ${rule} from ${anchor}`, () => {
    const due = { date: anchor, time: null, timeZone: null };
    const from = { rule, anchor: due, from: anchor };
    assert.deepEqual(occurrencesBetween({ ...from, to: dates.at(-1) ?? "" }), dates);
    assert.deepEqual(occurrencesBetween({ ...from, to: "9999-12-31", limit: 2 }), dates.slice(0, 2));
    const [, second = "", third = ""] = dates;
    assert.deepEqual(occurrencesBetween({ ...from, from: second, to: third }), [second, third]);
  });
}

Deno.test("occurrencesBetween() begins with the anchor even where the rule does not name it", () => {
  const anchor = { date: "2027-01-06", time: null, timeZone: null };
  const dates = occurrencesBetween({
    rule: "FREQ=WEEKLY;BYDAY=FR;COUNT=3",
    anchor,
    from: "2026-01-01",
    to: "2028-01-01",
  });
  assert.deepEqual(dates, ["2027-01-06", "2027-01-08", "2027-01-15"]);
});

Deno.test("occurrencesBetween() is empty before the anchor, after the end and for a range turned round", () => {
  const anchor = { date: "2027-01-06", time: null, timeZone: null };
  const between = (rule: string, from: string, to: string, limit?: number) =>
    occurrencesBetween({ rule, anchor, from, to, limit });
  assert.deepEqual(between("FREQ=DAILY", "2026-01-01", "2027-01-05"), []);
  assert.deepEqual(between("FREQ=DAILY;COUNT=3", "2027-01-09", "2028-01-01"), []);
  assert.deepEqual(between("FREQ=DAILY;UNTIL=20270108", "2027-01-09", "2028-01-01"), []);
  assert.deepEqual(between("FREQ=DAILY", "2027-02-02", "2027-02-01"), []);
  assert.deepEqual(between("FREQ=DAILY", "2027-02-02", "2027-03-01", 0), []);
  assert.equal(between("FREQ=DAILY", "2027-02-02", "2037-03-01").length, 366);
});

Deno.test("occurrencesBetween() compares an UNTIL in UTC in the user's zone when floating", () => {
  const anchor = { date: "2027-01-01", time: "20:00", timeZone: null };
  const options = { rule: "FREQ=DAILY;UNTIL=20270103T040000Z", anchor, from: "2027-01-01", to: "2027-02-01" };
  assert.equal(occurrencesBetween(options).length, 2);
  assert.equal(occurrencesBetween({ ...options, userZone: "Asia/Tokyo" }).length, 2);
  assert.equal(
    occurrencesBetween({ ...options, userZone: "Asia/Tokyo", rule: "FREQ=DAILY;UNTIL=20270103T110000Z" })
      .length,
    3,
  );
});

// --- nextOccurrence: when it was done

const daily = { rule: "FREQ=DAILY", scheduled: "2027-01-04" };
const done: [name: string, time: string | null, after: string, expected: string][] = [
  ["done on its day, before its time", "09:00", "2027-01-04T08:00", "2027-01-05"],
  ["done on its day, after its time", "09:00", "2027-01-04T22:00", "2027-01-05"],
  ["done days early", "09:00", "2027-01-01T22:00", "2027-01-05"],
  ["done late, before that day's time", "09:00", "2027-01-08T08:59", "2027-01-08"],
  ["done late, at that day's time", "09:00", "2027-01-08T09:00", "2027-01-09"],
  ["done late, after that day's time", "09:00", "2027-01-08T22:00", "2027-01-09"],
  ["done late by years", "09:00", "2036-12-31T22:00", "2037-01-01"],
  ["a whole day done on it", null, "2027-01-04T23:59", "2027-01-05"],
  ["a whole day done early", null, "2027-01-02T12:00", "2027-01-05"],
  ["a whole day done late", null, "2027-01-08T00:00", "2027-01-09"],
];
for (const [name, time, after, expected] of done) {
  Deno.test(`nextOccurrence() follows ${name}`, () => {
    const answer = next({ ...daily, after: berlin(after) }, "2027-01-01", time);
    assert.deepEqual(answer, { date: expected, time });
  });
}

Deno.test("nextOccurrence() leaves the rule alone when one occurrence was moved by hand", () => {
  // Friday's was moved to Saturday and done there: the next is Friday's, whatever its due said.
  const rule = { rule: "FREQ=WEEKLY;BYDAY=FR", scheduled: "2027-01-08", after: berlin("2027-01-09T12:00") };
  assert.deepEqual(next(rule, "2027-01-01", "09:00"), { date: "2027-01-15", time: "09:00" });
});

Deno.test("nextOccurrence() reads a floating due in the user's zone", () => {
  const anchor = { date: "2027-01-01", time: null, timeZone: null };
  const after = Temporal.Instant.from("2027-01-04T23:30Z");
  const following = (userZone: string) => next({ ...daily, anchor, after, userZone })?.date;
  assert.equal(following("America/New_York"), "2027-01-05");
  assert.equal(following("Asia/Tokyo"), "2027-01-06");
});

Deno.test("nextOccurrence() keeps the anchor's time through a DST gap", () => {
  const after = berlin("2027-03-27T12:00");
  const first = next({ rule: "FREQ=DAILY", scheduled: "2027-03-27", after }, "2027-03-20", "02:30");
  assert.deepEqual(first, { date: "2027-03-28", time: "02:30" });
  const second = next({ rule: "FREQ=DAILY", scheduled: "2027-03-28", after }, "2027-03-20", "02:30");
  assert.deepEqual(second, { date: "2027-03-29", time: "02:30" });
});

Deno.test("nextOccurrence() still finds a time that a gap moved past midnight", () => {
  // Azores: clocks jump from 00:00 to 01:00, so 00:30 on that day is 01:30.
  const anchor = { date: "2027-03-20", time: "00:30", timeZone: "Atlantic/Azores" };
  const after = Temporal.ZonedDateTime.from("2027-03-28T01:10[Atlantic/Azores]").toInstant();
  assert.equal(next({ rule: "FREQ=DAILY", anchor, scheduled: "2027-03-25", after })?.date, "2027-03-28");
  // Samoa had no 30 December 2011: its 09:00 is that of the 31st.
  const samoa = { date: "2011-12-20", time: "09:00", timeZone: "Pacific/Apia" };
  const morning = Temporal.ZonedDateTime.from("2011-12-31T08:00[Pacific/Apia]").toInstant();
  assert.equal(
    next({ rule: "FREQ=DAILY", anchor: samoa, scheduled: "2011-12-29", after: morning })?.date,
    "2011-12-30",
  );
});

// --- nextOccurrence: the end

Deno.test("nextOccurrence() counts the occurrences that were missed", () => {
  const rule = "FREQ=DAILY;COUNT=10";
  assert.deepEqual(series(rule, "2027-01-01", 20).length, 10);
  assert.equal(
    next({ rule, scheduled: "2027-01-02", after: berlin("2027-01-09T12:00") })?.date,
    "2027-01-10",
  );
  assert.equal(next({ rule, scheduled: "2027-01-02", after: berlin("2027-01-10T12:00") }), null);
  assert.equal(
    next({ rule, scheduled: "2027-01-02", after: berlin("2027-01-10T12:00") }),
    null,
    "remembered",
  );
});

Deno.test("nextOccurrence() counts an anchor that the rule does not name", () => {
  assert.deepEqual(series("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", "2027-01-10", 9), [
    "2027-01-10",
    "2027-01-31",
    "2027-02-28",
  ]);
  assert.deepEqual(series("FREQ=MONTHLY;COUNT=1", "2027-01-10", 9), ["2027-01-10"]);
});

Deno.test("nextOccurrence() keeps counting right when it remembers no more series", () => {
  for (let month = 1; month <= 520; month++) {
    const date = Temporal.PlainDate.from("1980-01-01").add({ months: month }).toString();
    assert.equal(series("FREQ=MONTHLY;COUNT=3", date, 9).length, 3);
  }
});

const ends: [name: string, until: string, time: string | null, last: string][] = [
  ["a date, inclusive", "20270105", "09:00", "2027-01-05"],
  ["a date, for whole days", "20270105", null, "2027-01-05"],
  ["a civil time, inclusive", "20270105T090000", "09:00", "2027-01-05"],
  ["a civil time just before", "20270105T085959", "09:00", "2027-01-04"],
  ["a civil time, for whole days", "20270105T000000", null, "2027-01-05"],
  ["an instant, inclusive", "20270105T080000Z", "09:00", "2027-01-05"],
  ["an instant just before", "20270105T075959Z", "09:00", "2027-01-04"],
  ["an instant, for whole days from their start", "20270104T230000Z", null, "2027-01-05"],
];
for (const [name, end, time, last] of ends) {
  Deno.test(`nextOccurrence() ends at UNTIL as ${name}`, () => {
    const rule = `FREQ=DAILY;UNTIL=${end}`;
    const before = Temporal.PlainDate.from(last).subtract({ days: 1 }).toString();
    assert.deepEqual(next({ rule, scheduled: before }, "2027-01-01", time), { date: last, time });
    assert.equal(next({ rule, scheduled: last }, "2027-01-01", time), null);
    const onDay = berlin(`${before}T23:00`);
    const completion = { rule, mode: "completion", after: onDay } as const;
    assert.deepEqual(next(completion, "2027-01-01", time), { date: last, time });
    assert.equal(next({ ...completion, after: berlin(`${last}T23:00`) }, "2027-01-01", time), null);
  });
}

Deno.test("nextOccurrence() ends where the rule never comes again", () => {
  // The 5th Monday of February falls in leap years only, and every 28th year from 2021 is odd.
  assert.equal(next({ rule: "FREQ=YEARLY;INTERVAL=28;BYMONTH=2;BYDAY=5MO" }, "2021-01-01"), null);
  // Every 7th day from a Friday is a Friday.
  assert.equal(next({ rule: "FREQ=DAILY;INTERVAL=7;BYDAY=MO" }, "2027-01-01"), null);
  assert.equal(next({ rule: "FREQ=YEARLY", scheduled: "9999-05-05" }, "2027-05-05"), null);
});

// --- nextOccurrence: from completion

const completed: [rule: string, after: string, expected: string][] = [
  ["FREQ=DAILY", "2027-03-10T23:30", "2027-03-11"],
  ["FREQ=DAILY;INTERVAL=3", "2027-03-10T23:30", "2027-03-13"],
  ["FREQ=WEEKLY;INTERVAL=2", "2027-03-10T12:00", "2027-03-24"],
  ["FREQ=WEEKLY;BYDAY=MO,FR", "2027-03-10T12:00", "2027-03-12"],
  ["FREQ=WEEKLY;BYDAY=WE", "2027-03-10T12:00", "2027-03-17"],
  ["FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2027-03-10T12:00", "2027-03-22"],
  ["FREQ=MONTHLY", "2027-03-10T12:00", "2027-04-10"],
  ["FREQ=MONTHLY", "2027-01-31T12:00", "2027-02-28"],
  ["FREQ=MONTHLY", "2028-01-31T12:00", "2028-02-29"],
  ["FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15", "2027-03-20T12:00", "2027-05-15"],
  ["FREQ=MONTHLY;BYDAY=-1FR", "2027-03-26T12:00", "2027-04-30"],
  ["FREQ=YEARLY", "2028-02-29T12:00", "2029-02-28"],
];
for (const [rule, after, expected] of completed) {
  Deno.test(`nextOccurrence() counts ${rule} from ${after}`, () => {
    const answer = next(
      { rule, mode: "completion", scheduled: "2027-12-31", after: berlin(after) },
      "2026-05-05",
      "07:45",
    );
    assert.deepEqual(answer, { date: expected, time: "07:45" });
  });
}

Deno.test("nextOccurrence() takes the day of completion from the task's zone", () => {
  const after = Temporal.Instant.from("2027-03-10T23:30Z");
  const following = (timeZone: string | null) =>
    next({
      rule: "FREQ=DAILY",
      mode: "completion",
      anchor: { date: "2027-01-01", time: null, timeZone },
      after,
    })?.date;
  assert.equal(following("Asia/Tokyo"), "2027-03-12");
  assert.equal(following(null), "2027-03-11");
});

Deno.test("nextOccurrence() from completion compares COUNT with the occurrence", () => {
  const options = {
    rule: "FREQ=WEEKLY;COUNT=3",
    mode: "completion",
    after: berlin("2029-03-10T12:00"),
  } as const;
  assert.equal(next({ ...options, occurrence: 2 })?.date, "2029-03-17");
  assert.equal(next({ ...options, occurrence: 3 }), null);
});

Deno.test("nextOccurrence() throws on a rule that is refused", () => {
  assert.throws(() => next({ rule: "FREQ=DAILY;BYHOUR=9" }), RangeError);
});

// --- describeRecurrence

const words: [rule: string, schedule: string, completion?: string][] = [
  ["FREQ=DAILY", "every day", "1 day after completion"],
  ["FREQ=DAILY;INTERVAL=3", "every 3 days", "3 days after completion"],
  ["FREQ=DAILY;BYMONTH=1,2", "every day in Jan and Feb"],
  ["FREQ=WEEKLY", "every week", "1 week after completion"],
  ["FREQ=WEEKLY;BYDAY=FR", "every week on Fri"],
  [
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
    "every 2 weeks on Mon and Fri",
    "2 weeks after completion, on Mon and Fri",
  ],
  ["FREQ=WEEKLY;BYDAY=MO,WE,FR;WKST=SU", "every week on Mon, Wed and Fri"],
  [
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "every weekday",
    "1 week after completion, on Mon, Tue, Wed, Thu and Fri",
  ],
  ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "every day"],
  ["FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-1", "every week on the last Mon or Tue"],
  ["FREQ=MONTHLY", "every month", "1 month after completion"],
  ["FREQ=MONTHLY;BYMONTHDAY=1,12,22,23,31", "every month on the 1st, 12th, 22nd, 23rd and 31st"],
  ["FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day"],
  ["FREQ=MONTHLY;BYMONTHDAY=-2", "every month on the 2nd to last day"],
  ["FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday"],
  ["FREQ=MONTHLY;BYDAY=1MO,3MO", "every month on the first Monday and the 3rd Monday"],
  ["FREQ=MONTHLY;BYDAY=-2TH", "every month on the 2nd to last Thursday"],
  ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "every month on the last weekday"],
  ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=2", "every month on the 2nd day"],
  ["FREQ=MONTHLY;BYDAY=FR;BYSETPOS=1,-1", "every month on the first and last Friday"],
  ["FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR", "every month on the 13th when it is Fri"],
  ["FREQ=MONTHLY;BYMONTHDAY=10,20;BYSETPOS=1", "every month on the 10th and 20th (only the first of these)"],
  ["FREQ=MONTHLY;BYMONTH=6;BYDAY=1MO", "every month in Jun on the first Monday"],
  ["FREQ=YEARLY", "every year", "1 year after completion"],
  ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "every year on 29 Feb"],
  ["FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "every year in Feb on the last day"],
  ["FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "every year in Nov on the 4th Thursday"],
  ["FREQ=DAILY;COUNT=5", "every day, 5 times", "1 day after completion, 5 times"],
  ["FREQ=DAILY;COUNT=1", "every day, once"],
  [
    "FREQ=MONTHLY;UNTIL=20270303",
    "every month, until 3 Mar 2027",
    "1 month after completion, until 3 Mar 2027",
  ],
  ["FREQ=MONTHLY;UNTIL=20270303T235959Z", "every month, until 3 Mar 2027"],
  ["FREQ=HOURLY", "a custom schedule", "a custom schedule"],
];
for (const [rule, schedule, completion] of words) {
  Deno.test(`describeRecurrence() says "${schedule}"`, () => {
    assert.equal(describeRecurrence({ rule, mode: "schedule" }), schedule);
    if (completion !== undefined) assert.equal(describeRecurrence({ rule, mode: "completion" }), completion);
  });
}

Deno.test("describeRecurrence() writes the last date in the locale's form", () => {
  const recurrence = { rule: "FREQ=DAILY;UNTIL=20270303", mode: "schedule" } as const;
  assert.equal(describeRecurrence(recurrence, "en-US"), "every day, until Mar 3, 2027");
});
