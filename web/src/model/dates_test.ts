import assert from "node:assert/strict";
import {
  agoText,
  calendarAt,
  dayText,
  dueText,
  dueTone,
  elsewhereText,
  instantDay,
  instantText,
  isOverdue,
  localDue,
  longDueText,
  monthWeeks,
  onDay,
  reminderText,
  timeText,
  weekdayNames,
  zoneText,
} from "./dates.ts";
import { aTask } from "./testing.ts";

/** Tuesday 3 March 2026, 10:00 in Berlin. */
const calendar = calendarAt(Temporal.Instant.from("2026-03-03T09:00:00Z"), "Europe/Berlin", "en-GB");
const due = (date: string, time: string | null = null, timeZone: string | null = null) => ({
  date,
  time,
  timeZone,
});
const day = (text: string) => Temporal.PlainDate.from(text);

Deno.test("dayText() is relative near today and names the day further away", () => {
  const cases: [string, string][] = [
    ["2026-03-03", "Today"],
    ["2026-03-04", "Tomorrow"],
    ["2026-03-06", "Fri"],
    ["2026-03-09", "Mon"],
    ["2026-03-10", "10 Mar"],
    ["2027-03-10", "10 Mar 2027"],
    ["2026-03-02", "Yesterday"],
    ["2026-02-28", "3 days ago"],
    ["2026-02-20", "20 Feb"],
  ];
  for (const [date, text] of cases) assert.equal(dayText(day(date), calendar), text);
});

Deno.test("dayText() speaks the user's language", () => {
  assert.equal(dayText(day("2026-03-04"), { ...calendar, locale: "de-DE" }), "Morgen");
  assert.equal(dayText(day("2026-03-20"), { ...calendar, locale: "de-DE" }), "20. März");
});

Deno.test("dueText() adds the time, or gives it alone under a heading", () => {
  assert.equal(dueText(due("2026-03-04", "09:00"), calendar), "Tomorrow 09:00");
  assert.equal(dueText(due("2026-03-04"), calendar), "Tomorrow");
  assert.equal(dueText(due("2026-03-04", "09:00"), calendar, { timeOnly: true }), "09:00");
  assert.equal(dueText(due("2026-03-04"), calendar, { timeOnly: true }), "");
  assert.match(dueText(due("2026-03-04", "09:00"), { ...calendar, locale: "en-US" }), /^Tomorrow 9:00\sAM$/);
});

Deno.test("dueText() never shows an ISO date", () => {
  for (const locale of ["en-GB", "en-US", "de-DE", "ja-JP", "ar-EG", "he-IL"]) {
    for (const date of ["2026-03-03", "2026-03-08", "2026-12-31", "2031-01-01"]) {
      const local = { ...calendar, locale };
      assert.doesNotMatch(dueText(due(date, "13:30"), local), /\d{4}-\d{2}-\d{2}|T\d/);
      assert.doesNotMatch(longDueText(due(date, "13:30"), local), /\d{4}-\d{2}-\d{2}|T\d/);
    }
  }
});

Deno.test("elsewhereText() says where a task is kept, but only when its clock differs", () => {
  const tokyo = due("2026-03-04", "09:00", "Asia/Tokyo");
  assert.equal(dueText(tokyo, calendar), "Tomorrow 01:00");
  assert.equal(elsewhereText(tokyo, calendar), "09:00 Tokyo");
  assert.equal(elsewhereText(due("2026-03-04", "09:00", "Europe/Paris"), calendar), null);
  assert.equal(elsewhereText(due("2026-03-04", "09:00"), calendar), null);
});

Deno.test("a whole day stays on its date whatever the zone", () => {
  const date = due("2026-03-04", null, "Pacific/Kiritimati");
  assert.equal(dueText(date, { ...calendar, timeZone: "Pacific/Pago_Pago" }).includes("4"), false);
  assert.equal(dueText(date, calendar), "Tomorrow");
});

Deno.test("isOverdue() counts the time of day only for a timed due", () => {
  assert.equal(isOverdue(aTask({ due: due("2026-03-03") }), calendar), false);
  assert.equal(isOverdue(aTask({ due: due("2026-03-03", "09:59") }), calendar), true);
  assert.equal(isOverdue(aTask({ due: due("2026-03-03", "10:00") }), calendar), false);
  assert.equal(isOverdue(aTask({ due: due("2026-03-02") }), calendar), true);
  assert.equal(isOverdue(aTask({ due: due("2026-03-02"), status: "completed" }), calendar), false);
  assert.equal(isOverdue(aTask({}), calendar), false);
});

Deno.test("dueTone() tells overdue, today, soon and later apart", () => {
  const tone = (date: string, time: string | null = null) =>
    dueTone(aTask({ due: due(date, time) }), calendar);
  assert.equal(tone("2026-03-03", "09:00"), "overdue");
  assert.equal(tone("2026-03-03"), "today");
  assert.equal(tone("2026-03-06"), "soon");
  assert.equal(tone("2026-03-20"), "later");
  assert.equal(dueTone(aTask({ due: due("2026-03-01"), status: "completed" }), calendar), "done");
});

Deno.test("instantText() and agoText() read instants in the user's zone", () => {
  assert.equal(instantText("2026-03-02T23:30:00Z", calendar), "Today 00:30");
  assert.equal(agoText("2026-03-03T08:55:00Z", calendar), "5 min ago");
  assert.equal(agoText("2026-03-03T08:59:50Z", calendar), "just now");
  assert.equal(agoText("2026-03-02T09:00:00Z", calendar), "yesterday 10:00");
  assert.equal(agoText("2026-02-02T09:00:00Z", calendar), "2 Feb 10:00");
});

Deno.test("monthWeeks() covers the month in whole weeks of the user's kind", () => {
  const march = Temporal.PlainYearMonth.from("2026-03");
  for (const first of [1, 6, 7]) {
    const weeks = monthWeeks(march, first);
    assert.ok(weeks.every((week) => week.length === 7 && week[0]?.dayOfWeek === first));
    const days = weeks.flat().filter((date) => date.month === 3);
    assert.equal(days.length, 31);
  }
  assert.equal(weekdayNames("en", 7, "short")[0]?.name, "Sun");
});

Deno.test("reminderText() says durations in words", () => {
  assert.equal(reminderText({ before: "PT30M" }, calendar), "30 minutes before");
  assert.equal(reminderText({ before: "P1DT2H" }, calendar), "1 day 2 hours before");
  assert.equal(reminderText({ before: "PT0S" }, calendar), "At the due time");
  assert.equal(reminderText({ at: "2026-03-04T08:00:00Z" }, calendar), "Tomorrow 09:00");
});

Deno.test("timeText() and zoneText() write what people read", () => {
  assert.equal(timeText("00:05", "en-GB"), "00:05");
  assert.match(timeText("00:05", "en-US"), /^12:05\sAM$/);
  assert.equal(zoneText("America/Argentina/Buenos_Aires"), "Buenos Aires");
});

Deno.test("onDay() moves a due to the user's day, with its time and zone", () => {
  const berlin = "Europe/Berlin";
  assert.deepEqual(onDay(null, "2026-03-05", berlin), due("2026-03-05"));
  assert.deepEqual(onDay(due("2026-03-03", "09:00"), "2026-03-05", berlin), due("2026-03-05", "09:00"));
  const cases: [string, string, string][] = [
    // 07:00 in Tokyo is 23:00 of the day before in Berlin, in summer 00:00 of the same day.
    ["2026-03-03", "2026-03-03", "2026-03-04"],
    ["2026-03-03", "2026-02-28", "2026-03-01"],
    ["2026-03-03", "2026-07-10", "2026-07-10"],
    ["2026-07-10", "2026-03-03", "2026-03-04"],
  ];
  for (const [from, to, date] of cases) {
    const moved = onDay(due(from, "07:00", "Asia/Tokyo"), to, berlin);
    assert.deepEqual(moved, due(date, "07:00", "Asia/Tokyo"));
    assert.equal(localDue(moved, berlin).day, to);
  }
});

Deno.test("instantDay() finds the day of an instant once, and anew in another zone", () => {
  const instant = "2026-03-03T23:30:00Z";
  const known = instantDay(instant, "Europe/Berlin");
  assert.equal(known.day, "2026-03-04");
  assert.equal(known.date.toString(), "2026-03-04");
  assert.equal(instantDay(instant, "Europe/Berlin"), known);
  assert.equal(instantDay(instant, "America/New_York").day, "2026-03-03");
  assert.equal(instantDay(instant, "Europe/Berlin").day, "2026-03-04");
});
