import assert from "node:assert/strict";
import { nextAllowed, planReminders, type QuietHours } from "./reminders.ts";

function fireAt(
  before: string,
  date: string,
  time: string | null,
  timeZone: string | null,
): string | undefined {
  const [planned] = planReminders({
    due: { date, time, timeZone },
    reminders: [{ id: "one", before }],
    userZone: "America/New_York",
  });
  assert.equal(planned?.reminderId, "one");
  return planned?.fireAt.toString();
}

const plans: [
  name: string,
  before: string,
  date: string,
  time: string | null,
  zone: string | null,
  at: string,
][] = [
  ["minutes before", "PT30M", "2027-03-01", "09:00", "Europe/Berlin", "2027-03-01T07:30:00Z"],
  ["nothing before", "PT0S", "2027-03-01", "09:00", "Europe/Berlin", "2027-03-01T08:00:00Z"],
  ["in the user's zone when floating", "PT1H", "2027-01-15", "09:00", null, "2027-01-15T13:00:00Z"],
  [
    "a civil day after clocks went forward",
    "P1D",
    "2027-03-28",
    "09:00",
    "Europe/Berlin",
    "2027-03-27T08:00:00Z",
  ],
  [
    "24 exact hours after clocks went forward",
    "PT24H",
    "2027-03-28",
    "09:00",
    "Europe/Berlin",
    "2027-03-27T07:00:00Z",
  ],
  [
    "a civil day after clocks went back",
    "P1D",
    "2027-10-31",
    "09:00",
    "Europe/Berlin",
    "2027-10-30T07:00:00Z",
  ],
  ["weeks and days together", "P1W1D", "2027-04-01", "09:00", "Europe/Berlin", "2027-03-24T08:00:00Z"],
  [
    "days first, then the exact time",
    "P1DT1H",
    "2027-03-29",
    "02:30",
    "Europe/Berlin",
    "2027-03-28T00:30:00Z",
  ],
  [
    "the real time of the day before a gap",
    "P1D",
    "2027-03-28",
    "02:30",
    "Europe/Berlin",
    "2027-03-27T01:30:00Z",
  ],
  ["a whole day from its start", "PT9H", "2027-03-02", null, "Europe/Berlin", "2027-03-01T14:00:00Z"],
  ["days before a whole day", "P1D", "2027-03-29", null, "Europe/Berlin", "2027-03-27T23:00:00Z"],
];
for (const [name, before, date, time, zone, at] of plans) {
  Deno.test(`planReminders() plans ${name}`, () => assert.equal(fireAt(before, date, time, zone), at));
}

Deno.test("planReminders() keeps the order and takes `at` as it is", () => {
  const planned = planReminders({
    due: { date: "2027-03-01", time: "09:00", timeZone: "UTC" },
    reminders: [{ id: "b", at: "2027-02-01T10:00:00+02:00" }, { id: "a", before: "PT1H" }, { id: "none" }],
    userZone: "UTC",
  });
  assert.deepEqual(planned.map(({ reminderId, fireAt }) => [reminderId, fireAt.toString()]), [
    ["b", "2027-02-01T08:00:00Z"],
    ["a", "2027-03-01T08:00:00Z"],
  ]);
});

Deno.test("planReminders() without a due plans only the reminders at an instant", () => {
  const reminders = [{ id: "a", before: "PT1H" }, { id: "b", at: "2027-02-01T08:00:00Z" }];
  const planned = planReminders({ due: null, reminders, userZone: "UTC" });
  assert.deepEqual(planned.map(({ reminderId }) => reminderId), ["b"]);
});

Deno.test("planReminders() refuses what is no time before", () => {
  for (const before of ["P1M", "P1Y", "-PT5M", "soon", ""]) {
    assert.throws(() => fireAt(before, "2027-03-01", "09:00", "UTC"), RangeError, before);
  }
});

const night: QuietHours = { enabled: true, from: "22:00", to: "07:00" };
const nap: QuietHours = { enabled: true, from: "13:00", to: "14:30" };
const late: QuietHours = { enabled: true, from: "01:00", to: "02:30" };
const quiet: [name: string, hours: QuietHours, at: string, allowed: string][] = [
  [
    "waits from the evening to the morning",
    night,
    "2027-03-01T23:15[Europe/Berlin]",
    "2027-03-02T07:00[Europe/Berlin]",
  ],
  ["waits after midnight", night, "2027-03-02T03:00[Europe/Berlin]", "2027-03-02T07:00[Europe/Berlin]"],
  [
    "counts the first minute as quiet",
    night,
    "2027-03-01T22:00[Europe/Berlin]",
    "2027-03-02T07:00[Europe/Berlin]",
  ],
  [
    "is not before its first minute",
    night,
    "2027-03-01T21:59:59.9[Europe/Berlin]",
    "2027-03-01T21:59:59.9[Europe/Berlin]",
  ],
  [
    "does not count the last as quiet",
    night,
    "2027-03-02T07:00[Europe/Berlin]",
    "2027-03-02T07:00[Europe/Berlin]",
  ],
  ["waits within a day", nap, "2027-03-01T13:10[Europe/Berlin]", "2027-03-01T14:30[Europe/Berlin]"],
  [
    "leaves the rest of the day alone",
    nap,
    "2027-03-01T08:00[Europe/Berlin]",
    "2027-03-01T08:00[Europe/Berlin]",
  ],
  [
    "is no window when it ends as it starts",
    { ...night, to: "22:00" },
    "2027-03-01T22:00[Europe/Berlin]",
    "2027-03-01T22:00[Europe/Berlin]",
  ],
  [
    "is off when not enabled",
    { ...night, enabled: false },
    "2027-03-01T23:00[Europe/Berlin]",
    "2027-03-01T23:00[Europe/Berlin]",
  ],
  [
    "is one hour shorter when clocks go forward",
    night,
    "2027-03-27T23:00[Europe/Berlin]",
    "2027-03-28T07:00[Europe/Berlin]",
  ],
  [
    "ends with the gap that its end lies in",
    late,
    "2027-03-28T01:15[Europe/Berlin]",
    "2027-03-28T03:00[Europe/Berlin]",
  ],
  [
    "ends first at the first 02:30",
    late,
    "2027-10-31T01:15[Europe/Berlin]",
    "2027-10-31T02:30+02:00[Europe/Berlin]",
  ],
  [
    "ends again at the second 02:30",
    late,
    "2027-10-31T02:10+01:00[Europe/Berlin]",
    "2027-10-31T02:30+01:00[Europe/Berlin]",
  ],
  [
    "ends when clocks go back before its start",
    { ...nap, from: "02:50", to: "05:00" },
    "2027-10-31T02:55+02:00[Europe/Berlin]",
    "2027-10-31T02:00+01:00[Europe/Berlin]",
  ],
  ["needs no change of clocks", night, "2027-03-01T23:15[UTC]", "2027-03-02T07:00[UTC]"],
];
for (const [name, quietHours, at, allowed] of quiet) {
  Deno.test(`nextAllowed() ${name}`, () => {
    const from = Temporal.ZonedDateTime.from(at);
    const answer = nextAllowed({ at: from.toInstant(), quietHours, zone: from.timeZoneId });
    assert.equal(answer.toString(), Temporal.ZonedDateTime.from(allowed).toInstant().toString());
  });
}
