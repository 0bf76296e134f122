import assert from "node:assert/strict";
import { formatInstant, isTimeZone, resolveDue, systemClock } from "./time.ts";

Deno.test("isTimeZone() takes IANA names and aliases", () => {
  for (
    const zone of ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Asia/Calcutta", "Etc/GMT+5"]
  ) {
    assert.equal(isTimeZone(zone), true, zone);
    assert.equal(isTimeZone(zone), true, `${zone}, remembered`);
  }
});

Deno.test("isTimeZone() refuses offsets and what is no zone", () => {
  for (const zone of ["", "+01:00", "-0800", "Mars/Olympus", "Europe/", "Berlin, Germany"]) {
    assert.equal(isTimeZone(zone), false, zone);
  }
});

Deno.test("isTimeZone() answers the same when it remembers no more", () => {
  for (let number = 0; number < 2_100; number++) assert.equal(isTimeZone(`No/Zone${number}`), false);
  assert.equal(isTimeZone("Pacific/Chatham"), true);
});

const dues: [name: string, date: string, time: string | null, zone: string, instant: string][] = [
  ["an ordinary time", "2027-03-01", "09:00", "Europe/Berlin", "2027-03-01T08:00:00Z"],
  [
    "a time in the gap takes the offset before it",
    "2027-03-28",
    "02:30",
    "Europe/Berlin",
    "2027-03-28T01:30:00Z",
  ],
  ["the first of an ambiguous time", "2027-10-31", "02:30", "Europe/Berlin", "2027-10-31T00:30:00Z"],
  ["a gap of half an hour", "2027-10-03", "02:15", "Australia/Lord_Howe", "2027-10-02T15:45:00Z"],
  ["a whole day from its midnight", "2027-03-01", null, "Asia/Kathmandu", "2027-02-28T18:15:00Z"],
  [
    "a whole day from 01:00 where midnight is skipped",
    "2026-04-24",
    null,
    "Africa/Cairo",
    "2026-04-23T22:00:00Z",
  ],
  ["a day the zone skipped, from the next", "2011-12-30", "09:00", "Pacific/Apia", "2011-12-30T19:00:00Z"],
];
for (const [name, date, time, zone, instant] of dues) {
  Deno.test(`resolveDue() resolves ${name}`, () => {
    assert.equal(resolveDue({ date, time, timeZone: zone }, "America/Lima").toString(), instant);
    assert.equal(resolveDue({ date, time, timeZone: null }, zone).toString(), instant, "floating");
  });
}

Deno.test("resolveDue() refuses a date that does not exist", () => {
  assert.throws(() => resolveDue({ date: "2027-02-30", time: null, timeZone: null }, "UTC"), RangeError);
});

Deno.test("formatInstant() writes milliseconds only where there are some", () => {
  const format = (text: string) => formatInstant(Temporal.Instant.from(text));
  assert.equal(format("2027-03-01T09:00:00+01:00"), "2027-03-01T08:00:00Z");
  assert.equal(format("2027-03-01T08:00:00.1204Z"), "2027-03-01T08:00:00.12Z");
});

Deno.test("systemClock() tells the time of the machine", () => {
  const readings = [Temporal.Now.instant(), systemClock.now(), Temporal.Now.instant()];
  assert.deepEqual(readings.map(String), readings.toSorted(Temporal.Instant.compare).map(String));
});
