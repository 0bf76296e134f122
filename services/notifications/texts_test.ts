import assert from "node:assert/strict";
import { reminderBody } from "./texts.ts";

const NOW = Temporal.Instant.from("2027-03-02T07:30:00Z");
const body = (dueAt: string | null, late = false, zone = "Europe/Berlin", wholeDay = false) => {
  const local = dueAt === null ? null : Temporal.Instant.from(dueAt).toZonedDateTimeISO(zone);
  const due = local && {
    date: local.toPlainDate().toString(),
    time: wholeDay ? null : local.toPlainTime().toString({ smallestUnit: "minute" }),
    timeZone: null,
  };
  return reminderBody({ due, dueAt, late, now: NOW, zone });
};

Deno.test("reminderBody() names the day as the user sees it", () => {
  assert.equal(body("2027-03-02T08:00:00Z"), "Due today at 09:00");
  assert.equal(body("2027-03-03T08:00:00Z"), "Due tomorrow at 09:00");
  assert.equal(body("2027-03-01T08:00:00Z", true), "Due yesterday at 09:00 · reminded late");
  assert.equal(body("2027-03-09T08:05:00Z", true), "Due Tue 9 Mar at 09:05 · reminded late");
  assert.equal(body("2028-01-01T08:00:00Z"), "Due Sat 1 Jan 2028 at 09:00");
});

Deno.test("reminderBody() turns with the zone", () => {
  assert.equal(body("2027-03-02T08:00:00Z", false, "America/New_York"), "Due today at 03:00");
  assert.equal(body("2027-03-02T16:00:00Z", false, "Asia/Tokyo"), "Due tomorrow at 01:00");
});

Deno.test("reminderBody() names no time for a whole day, also where the day begins late, but midnight", () => {
  assert.equal(body("2027-03-01T23:00:00Z", false, "Europe/Berlin", true), "Due today");
  assert.equal(body("2027-03-01T23:00:00Z"), "Due today at 00:00");
  // Clocks in Beirut go from 00:00 to 01:00 that night.
  assert.equal(body("2027-03-27T22:00:00Z", false, "Asia/Beirut", true), "Due Sun 28 Mar");
  assert.equal(body(null), "You asked to be reminded");
});
