/** The laws of recurrence, over random rules, zones and years. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkRule, nextOccurrence, normalizeRecurrence, occurrencesBetween } from "./recurrence.ts";
import { resolveDue } from "./time.ts";

/** Zones that change clocks, in whole and half hours, at midnight and in the small hours, north and south. */
const ZONES = [
  "Africa/Cairo",
  "Africa/Casablanca",
  "America/Anchorage",
  "America/Asuncion",
  "America/Chicago",
  "America/Denver",
  "America/Halifax",
  "America/Havana",
  "America/Los_Angeles",
  "America/Miquelon",
  "America/New_York",
  "America/Nuuk",
  "America/Port-au-Prince",
  "America/Santiago",
  "America/St_Johns",
  "America/Tijuana",
  "Antarctica/Troll",
  "Asia/Beirut",
  "Asia/Gaza",
  "Asia/Jerusalem",
  "Asia/Nicosia",
  "Atlantic/Azores",
  "Atlantic/Bermuda",
  "Australia/Adelaide",
  "Australia/Lord_Howe",
  "Australia/Sydney",
  "Europe/Berlin",
  "Europe/Chisinau",
  "Europe/Dublin",
  "Europe/Kyiv",
  "Europe/Lisbon",
  "Europe/London",
  "Pacific/Auckland",
  "Pacific/Chatham",
  "Pacific/Easter",
  "Pacific/Norfolk",
];

const date = fc.integer({ min: 0, max: 8_000 }).map((days) =>
  Temporal.PlainDate.from("2020-01-01").add({ days }).toString()
);
const time = fc.option(
  fc.tuple(fc.nat({ max: 23 }), fc.nat({ max: 59 })).map(([hour, minute]) =>
    `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`
  ),
);
const interval = fc.integer({ min: 1, max: 12 }).map((every) => `;INTERVAL=${every}`);
const weekday = fc.constantFrom("MO", "TU", "WE", "TH", "FR", "SA", "SU");
const ordinal = fc.constantFrom("", "1", "2", "3", "4", "5", "-1", "-2");

function list<Item>(items: fc.Arbitrary<Item>): fc.Arbitrary<string> {
  return fc.uniqueArray(items, { minLength: 1, maxLength: 3 }).map((values) => values.join());
}

const byMonth = fc.option(list(fc.integer({ min: 1, max: 12 })))
  .map((months) => months === null ? "" : `;BYMONTH=${months}`);
const monthDay = list(fc.oneof(fc.integer({ min: 1, max: 31 }), fc.integer({ min: -31, max: -1 })));
const rule = fc.oneof(
  fc.tuple(fc.constant("FREQ=DAILY"), interval, byMonth),
  fc.tuple(fc.constant("FREQ=WEEKLY"), interval, list(weekday).map((days) => `;BYDAY=${days}`)),
  fc.tuple(fc.constantFrom("FREQ=MONTHLY", "FREQ=YEARLY"), interval, byMonth),
  fc.tuple(
    fc.constantFrom("FREQ=MONTHLY", "FREQ=YEARLY"),
    byMonth,
    monthDay.map((days) => `;BYMONTHDAY=${days}`),
  ),
  fc.tuple(
    fc.constantFrom("FREQ=MONTHLY", "FREQ=YEARLY"),
    interval,
    list(fc.tuple(ordinal, weekday).map((parts) => parts.join(""))).map((days) => `;BYDAY=${days}`),
  ),
  fc.tuple(
    fc.constantFrom("FREQ=MONTHLY", "FREQ=YEARLY"),
    list(weekday).map((days) => `;BYDAY=${days}`),
    fc.constantFrom(1, 2, -1, -2).map((position) => `;BYSETPOS=${position}`),
  ),
).map((parts) => parts.join("")).filter((text) => checkRule(text) === null);
const zone = fc.constantFrom(...ZONES);

Deno.test("nextOccurrence() lies after the occurrence and after its completion", () => {
  fc.assert(
    fc.property(rule, date, time, zone, fc.nat({ max: 3_000 * 24 }), (rule, date, time, zone, hours) => {
      const anchor = { date, time, timeZone: zone };
      const after = resolveDue(anchor, zone).add({ hours: hours - 48 });
      const options = { anchor, scheduled: date, occurrence: 1, after, userZone: "UTC", rule };
      const scheduled = nextOccurrence({ ...options, mode: "schedule" });
      if (scheduled !== null) {
        assert.equal(scheduled.time, time);
        assert.ok(scheduled.date > date);
        assert.ok(Temporal.Instant.compare(resolveDue({ ...anchor, date: scheduled.date }, zone), after) > 0);
      }
      const completed = nextOccurrence({ ...options, mode: "completion" });
      const day = after.toZonedDateTimeISO(zone).toPlainDate().toString();
      if (completed !== null) assert.ok(completed.date > day);
    }),
  );
});

Deno.test("nextOccurrence() is the first of the grid that lies after, whenever it is asked", () => {
  fc.assert(
    fc.property(rule, date, time, zone, fc.nat({ max: 900 }), (rule, date, time, zone, days) => {
      const anchor = { date, time, timeZone: zone };
      const after = resolveDue(anchor, zone).add({ hours: days * 24 + 5 });
      const to = Temporal.PlainDate.from(date).add({ years: 6 }).toString();
      const expected = occurrencesBetween({ rule, anchor, from: date, to, limit: 5_000 }).find((day) => {
        if (time === null) return day > after.toZonedDateTimeISO(zone).toPlainDate().toString();
        return day > date && Temporal.Instant.compare(resolveDue({ ...anchor, date: day }, zone), after) > 0;
      });
      const options = {
        rule,
        mode: "schedule",
        anchor,
        scheduled: date,
        occurrence: 1,
        after,
        userZone: "UTC",
      } as const;
      const answer = nextOccurrence(options);
      if (expected !== undefined) assert.equal(answer?.date, expected);
      else assert.ok(answer === null || answer.date > to);
    }),
    { numRuns: 60 },
  );
});

Deno.test("nextOccurrence() gives one and the same grid from every day of it", () => {
  fc.assert(
    fc.property(rule, date, (rule, date) => {
      const anchor = { date, time: null, timeZone: null };
      const grid = occurrencesBetween({ rule, anchor, from: date, to: "9999-12-31", limit: 12 });
      assert.deepEqual(grid, [...new Set(grid)].sort());
      for (const [index, scheduled] of grid.slice(0, -1).entries()) {
        const after = Temporal.Instant.from("1970-01-01T00:00Z");
        const options = {
          rule,
          mode: "schedule",
          anchor,
          scheduled,
          occurrence: index + 1,
          after,
          userZone: "UTC",
        } as const;
        assert.equal(nextOccurrence(options)?.date, grid[index + 1]);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("normalizeRecurrence() does not change what a rule means", () => {
  fc.assert(fc.property(rule, date, (text, date) => {
    const anchor = { date, time: null, timeZone: null };
    const grid = (rule: string) =>
      occurrencesBetween({ rule, anchor, from: date, to: "2099-12-31", limit: 8 });
    const turned = text.split(";").reverse().join(";").toLowerCase();
    assert.deepEqual(grid(normalizeRecurrence({ rule: turned }).rule), grid(text));
  }));
});

/** The changes of offset from 2026 to 2028, each as the zoned moment just after it. */
function changes(zone: string): Temporal.ZonedDateTime[] {
  const found: Temporal.ZonedDateTime[] = [];
  let at = Temporal.ZonedDateTime.from(`2026-01-01T00:00[${zone}]`).getTimeZoneTransition("next");
  while (at !== null && at.year <= 2028) {
    found.push(at);
    at = at.getTimeZoneTransition("next");
  }
  return found;
}

for (const zone of ZONES) {
  Deno.test(`nextOccurrence() keeps the civil time across every DST change of ${zone}`, () => {
    const all = changes(zone);
    for (const change of all) {
      const before = change.subtract({ nanoseconds: 1 });
      const shift = (change.offsetNanoseconds - before.offsetNanoseconds) / 60e9;
      // Civil times about the change: in the gap (or the hour that comes twice), beside it, and at noon.
      const edge = before.toPlainDateTime().round("minute");
      for (const minutes of [-90, -61, -30, -15, -1, 0, 1, 15, 29, 59, 60, 61, 90, 720]) {
        const civil = edge.add({ minutes });
        const time = civil.toPlainTime().toString({ smallestUnit: "minute" });
        let scheduled = civil.toPlainDate().subtract({ days: 2 });
        const anchor = { date: scheduled.toString(), time, timeZone: zone };
        for (let day = 1; day <= 4; day++) {
          const after = resolveDue({ ...anchor, date: scheduled.toString() }, zone);
          const options = { rule: "FREQ=DAILY", mode: "schedule", occurrence: day, userZone: "UTC" } as const;
          const next = nextOccurrence({ ...options, anchor, scheduled: scheduled.toString(), after });
          scheduled = scheduled.add({ days: 1 });
          assert.deepEqual(next, { date: scheduled.toString(), time });
          const wanted = scheduled.toPlainDateTime(civil.toPlainTime());
          const local = resolveDue({ ...anchor, date: scheduled.toString() }, zone).toZonedDateTimeISO(zone);
          const inGap = shift > 0 && Temporal.PlainDateTime.compare(wanted, edge) >= 0 &&
            Temporal.PlainDateTime.compare(wanted, edge.add({ minutes: shift })) < 0;
          assert.equal(
            local.toPlainDateTime().toString(),
            (inGap ? wanted.add({ minutes: shift }) : wanted).toString(),
          );
          const twice = shift < 0 && Temporal.PlainDateTime.compare(wanted, edge) < 0 &&
            Temporal.PlainDateTime.compare(wanted, edge.add({ minutes: shift })) >= 0;
          if (twice) assert.equal(local.offset, before.offset);
        }
      }
    }
  });
}

Deno.test("nextOccurrence() is tested on the DST changes of at least 30 zones", () => {
  const changing = ZONES.filter((zone) => changes(zone).length > 0);
  assert.ok(changing.length >= 30, `only ${changing.length} change clocks from 2026 to 2028`);
});

Deno.test("nextOccurrence() keeps the anchor day in every month that has it, over years", () => {
  fc.assert(
    fc.property(
      date,
      fc.integer({ min: 1, max: 13 }),
      fc.constantFrom("MONTHLY", "YEARLY"),
      (date, every, freq) => {
        const anchor = Temporal.PlainDate.from(date);
        const due = { date, time: null, timeZone: null };
        const rule = `FREQ=${freq};INTERVAL=${every}`;
        const grid = occurrencesBetween({ rule, anchor: due, from: date, to: "9999-12-31", limit: 60 });
        for (const [index, day] of grid.entries()) {
          // Temporal constrains a day to its month just as RFC 7529 does, counted from the anchor each time.
          const step = freq === "MONTHLY" ? { months: index * every } : { years: index * every };
          assert.equal(day, anchor.add(step).toString());
        }
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("nextOccurrence() ends a series after exactly COUNT occurrences, or with UNTIL", () => {
  fc.assert(fc.property(rule, date, fc.integer({ min: 1, max: 15 }), (rule, date, count) => {
    const anchor = { date, time: "09:00", timeZone: "Europe/Berlin" };
    const grid = occurrencesBetween({ rule, anchor, from: date, to: "9999-12-31", limit: count });
    const last = grid.at(-1) ?? date;
    for (const end of [`COUNT=${grid.length}`, `UNTIL=${last.replaceAll("-", "")}`]) {
      const dates = [date];
      while (dates.length < 40) {
        const scheduled = dates.at(-1) ?? date;
        const next = nextOccurrence({
          rule: `${rule};${end}`,
          mode: "schedule",
          anchor,
          scheduled,
          occurrence: dates.length,
          after: resolveDue({ ...anchor, date: scheduled }, "UTC"),
          userZone: "UTC",
        });
        if (next === null) break;
        dates.push(next.date);
      }
      assert.deepEqual(dates, grid);
    }
  }));
});

Deno.test("nextOccurrence() answers the same on a machine of any zone", async () => {
  const program = `
    import { nextOccurrence } from ${JSON.stringify(new URL("./recurrence.ts", import.meta.url).href)};
    const answers = [];
    for (const rule of ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,SU", "FREQ=MONTHLY", "FREQ=YEARLY;UNTIL=20280101T000000Z"]) {
      for (const time of [null, "00:30", "02:30", "23:45"]) {
        for (const timeZone of [null, "Asia/Tokyo", "America/New_York"]) {
          for (const mode of ["schedule", "completion"]) {
            answers.push(nextOccurrence({
              rule, mode, anchor: { date: "2026-12-31", time, timeZone }, scheduled: "2026-12-31", occurrence: 1,
              after: Temporal.Instant.from("2027-03-28T00:59:00Z"), userZone: "Europe/Berlin",
            }));
          }
        }
      }
    }
    console.log(JSON.stringify(answers));`;
  const zones = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"];
  const answers = await Promise.all(zones.map(async (TZ) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", program],
      cwd: new URL("../../..", import.meta.url),
      env: { TZ },
      stderr: "inherit",
    });
    const { success, stdout } = await child.output();
    assert.ok(success, TZ);
    return new TextDecoder().decode(stdout);
  }));
  assert.ok((answers[0]?.length ?? 0) > 1_000);
  assert.equal(new Set(answers).size, 1);
});
