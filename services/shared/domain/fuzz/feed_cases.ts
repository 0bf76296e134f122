/** Random recurring tasks, each with when it comes by Rondo's own expansion: what readers of the feed must agree with. */
import type { Due } from "../../contracts/task.ts";
import type { FeedTask } from "../formats/mod.ts";
import { aTask } from "../formats/testing.ts";
import { checkRule, nextOccurrence, normalizeRecurrence, occurrencesBetween } from "../recurrence.ts";
import { resolveDue } from "../time.ts";
import type { Random } from "./random.ts";

export const USER_ZONE = "Europe/Berlin";

export interface FeedCase {
  task: FeedTask;
  /** Civil days: the window that is compared, the last one not in it. */
  from: string;
  to: string;
  expected: Due[];
}

const ZONES = [
  ...["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "Europe/Dublin"],
  ...["America/Sao_Paulo", "Pacific/Auckland"],
];
/** Some of them in the hour that is skipped or comes twice. */
const TIMES = ["00:00", "00:30", "01:30", "02:00", "02:30", "09:00", "23:59"] as const;
const MOST_STEPS = 6;

/** One series, some occurrences on, and sometimes moved by hand. */
export function feedCase(random: Random, index: number): FeedCase {
  const [first, rule] = seriesOf(random);
  const anchor = dueOf(random, first.toString());
  const recurrence = normalizeRecurrence({ rule: withUntilOf(rule, anchor, random) });
  let scheduled = anchor.date;
  for (let step = random.below(MOST_STEPS); step > 0; step--) {
    const after = resolveDue({ ...anchor, date: scheduled }, USER_ZONE);
    const next = nextOccurrence({
      ...recurrence,
      ...{ anchor, scheduled, occurrence: 1, after, userZone: USER_ZONE },
    });
    if (next === null) break;
    scheduled = next.date;
  }
  const day = Temporal.PlainDate.from(scheduled);
  const moved = random.chance(0.25);
  const due: Due = moved
    ? {
      ...anchor,
      date: day.add({ days: random.below(4) }).toString(),
      time: anchor.time === null ? null : random.oneOf(TIMES),
    }
    : { ...anchor, date: scheduled };
  const id = `01990000-0000-7000-8000-${String(index).padStart(12, "0")}`;
  const task = { ...aTask({ id, title: recurrence.rule, due, recurrence }), series: { anchor, scheduled } };
  const [from, to] = [day.subtract({ days: 1 }).toString(), day.add({ years: 1 }).toString()];
  const dates = occurrencesBetween({
    rule: recurrence.rule,
    anchor,
    from: day.add({ days: 1 }).toString(),
    to: day.add({ years: 1 }).subtract({ days: 1 }).toString(),
    userZone: USER_ZONE,
  });
  return { task, from, to, expected: [due, ...dates.map((date): Due => ({ ...anchor, date }))] };
}

function seriesOf(random: Random): [Temporal.PlainDate, string] {
  for (;;) {
    const first = random.date("2024-01-01", 2_000);
    const rule = random.rule(first);
    if (checkRule(rule) === null) return [first, rule];
  }
}

function dueOf(random: Random, date: string): Due {
  const kind = random.below(3);
  if (kind === 0) return { date, time: null, timeZone: null };
  const time = random.oneOf(TIMES);
  const [zone = "UTC", ...zones] = ZONES;
  return { date, time, timeZone: kind === 1 ? null : random.oneOf([zone, ...zones]) };
}

/** Sometimes the end is a moment, as other programs write it. */
function withUntilOf(rule: string, { time }: Due, random: Random): string {
  if (!rule.includes("UNTIL=") || !random.chance(0.5)) return rule;
  const clock = time === null || random.chance(0.5) ? "T120000" : `T${time.replace(":", "")}00`;
  return rule.replace(/(UNTIL=\d{8})/, `$1${clock}${random.chance(0.5) ? "Z" : ""}`);
}

/** `2027-03-28` or `2027-03-28T01:30Z`: a floating time is meant in the user's zone. */
export function momentOf(due: Due): string {
  if (due.time === null) return due.date;
  return resolveDue(due, USER_ZONE).toString({ smallestUnit: "minute" });
}
