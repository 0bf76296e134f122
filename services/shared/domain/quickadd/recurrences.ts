/** `every …` in words, the rule it means (RFC 5545, section 3.3.10) and the first day that fits it. */
import {
  type Context,
  core,
  dateAt,
  dayNumber,
  endsBefore,
  joined,
  monthDayAt,
  numberAt,
  phrase,
  type Read,
} from "./dates.ts";

export interface Rule {
  freq: "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";
  interval: number;
  /** ISO weekdays */
  weekdays?: number[];
  /** The ordinal of the one weekday of a month, as in "first monday" */
  ordinal?: number;
  monthDays?: number[];
  month?: number;
  setPosition?: number;
}

export interface RecurrenceValue {
  rule: Rule;
  mode: "schedule" | "completion";
  /** Of "every morning" */
  time: Temporal.PlainTime | null;
}

/** Where a series ends: the index of the words that say a date, a count, or a span from its first day. */
export type Bound =
  | { kind: "until"; at: number }
  | { kind: "count"; count: number }
  | { kind: "span"; count: number; unit: string };

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const WORKDAYS = [1, 2, 3, 4, 5];

function read<T>(context: Context, last: number, value: T): Read<T> {
  return { next: last + 1, end: context.words[last]?.coreEnd ?? 0, value };
}

/** A recurrence at word `i`: `every …`, `every! …`, an adverb such as `daily`, or days "of every month". */
export function recurrenceAt(context: Context, i: number): Read<RecurrenceValue> | null {
  const { lexicon } = context;
  const word = context.words[i];
  if (word === undefined || word.quoted !== null) return null;
  const adverb = lexicon.adverbs.get(word.core);
  if (adverb !== undefined) {
    // "daily report" is a title, "stretch daily 9am" is a recurrence.
    const held = lexicon.holdsWeekday.has(core(context, i - 1));
    if (held || i === 0 || !endsBefore(context, i + 1, true)) return null;
    return read(context, i, { rule: { ...adverb }, mode: "schedule", time: null });
  }
  const days = wrap(ofEveryMonthAt(context, i));
  if (days !== null) return { ...days, value: { ...days.value, mode: "schedule" } };
  const completion = word.text.toLowerCase() === `${lexicon.every}!`;
  if (!completion && (word.core !== lexicon.every || word.trail !== "")) return null;
  if (context.words[i + 1]?.spaced !== true) return null;
  const found = dayPartsAt(context, i + 1) ?? wrap(ruleAt(context, i + 1));
  if (found === null) return null;
  return { ...found, value: { ...found.value, mode: completion ? "completion" : "schedule" } };
}

type Part = Omit<RecurrenceValue, "mode">;

function wrap(found: Read<Rule> | null): Read<Part> | null {
  return found === null ? null : { ...found, value: { rule: found.value, time: null } };
}

function dayPartsAt(context: Context, i: number): Read<Part> | null {
  const part = context.lexicon.dayParts.get(core(context, i));
  if (part === undefined) return null;
  return read(context, i, { rule: { freq: "DAILY", interval: 1 }, time: new Temporal.PlainTime(part.hour) });
}

function ruleAt(context: Context, i: number): Read<Rule> | null {
  return yearDayAt(context, i) ?? inMonthAt(context, i) ?? intervalAt(context, i);
}

/** "24 december", "january" */
function yearDayAt(context: Context, i: number): Read<Rule> | null {
  const monthDay = monthDayAt(context, i);
  if (monthDay !== null) {
    const { month, day } = monthDay.value;
    return { ...monthDay, value: { freq: "YEARLY", interval: 1, month, monthDays: [day] } };
  }
  const month = context.lexicon.months.get(core(context, i));
  if (month === undefined || !endsBefore(context, i + 1, true)) return null;
  return read(context, i, { freq: "YEARLY", interval: 1, month, monthDays: [1] });
}

/** "31st", "1st and 15th", "first monday of the month", "last day of the month", "last workday". */
function inMonthAt(context: Context, i: number): Read<Rule> | null {
  const { lexicon } = context;
  const ordinal = lexicon.ordinals.get(core(context, i));
  if (ordinal !== undefined && joined(context, i)) {
    const word = core(context, i + 1);
    const weekday = lexicon.weekdays.get(word);
    const base = { freq: "MONTHLY", interval: 1 } as const;
    let rule: Rule | null = null;
    if (weekday !== undefined) rule = { ...base, weekdays: [weekday], ordinal };
    else if (lexicon.workday.has(word)) rule = { ...base, weekdays: WORKDAYS, setPosition: ordinal };
    else if (word === lexicon.day && (ordinal === -1 || ordinal === 1 || ofMonth(context, i + 1) > 0)) {
      rule = { ...base, monthDays: [ordinal] };
    }
    if (rule !== null) return read(context, i + 1 + ofMonth(context, i + 1), rule);
  }
  const days = listOf(context, i, (at) => dayNumber(context, at, true));
  if (days === null) return null;
  const last = days.next - 1;
  // "every 2nd week" counts weeks, "every 2nd floor" is a title.
  const tail = ofMonth(context, last);
  if (tail === 0 && !endsBefore(context, last + 1, true)) return null;
  return read(context, last + tail, { freq: "MONTHLY", interval: 1, monthDays: ascending(days.value) });
}

/** "on the 1st and 15th of every month", "last friday of each month": what says by itself that it comes again. */
function ofEveryMonthAt(context: Context, i: number): Read<Rule> | null {
  const { lexicon } = context;
  const on = core(context, i) === lexicon.on && joined(context, i) ? i + 1 : i;
  const found = inMonthAt(context, core(context, on) === lexicon.the && joined(context, on) ? on + 1 : on);
  if (found === null || core(context, found.next - 3) !== lexicon.of) return null;
  return [lexicon.each, lexicon.every].includes(core(context, found.next - 2)) ? found : null;
}

/** How many words "of the month" (also "of each month") takes behind word `last`, or 0. */
function ofMonth(context: Context, last: number): number {
  if (!joined(context, last)) return 0;
  const { lexicon } = context;
  const said = phrase(context, last + 1, 3);
  const determiners = [lexicon.the, lexicon.each, lexicon.every];
  const of = said[0] === lexicon.of;
  if (!of && said[0] !== lexicon.each && said[0] !== lexicon.every) return 0;
  const at = of && determiners.includes(said[1] ?? "") ? 2 : 1;
  return lexicon.units.get(said[at] ?? "") === "month" ? at + 1 : 0;
}

/** "day", "other week", "2 weeks on mon and fri", "3 months on the 15th", "monday", "mon, wed and fri", "weekend". */
function intervalAt(context: Context, i: number): Read<Rule> | null {
  const { lexicon } = context;
  let at = i;
  let interval = 1;
  const first = core(context, i);
  const nth = dayNumber(context, i, true);
  const count = nth ?? numberAt(context, i);
  if (lexicon.other.has(first) || lexicon.second.has(first)) interval = 2;
  else if (nth === null && lexicon.ordinals.has(first)) interval = lexicon.ordinals.get(first) ?? 0;
  else if (count !== null) interval = count;
  if (interval !== 1 || count !== null) {
    if (interval < 1 || interval > 999 || !joined(context, i)) return null;
    at++;
  }
  const word = core(context, at);
  const weekdays = listOf(context, at, (k) => lexicon.weekdays.get(core(context, k)) ?? null, true);
  if (weekdays !== null) {
    return { ...weekdays, value: { freq: "WEEKLY", interval, weekdays: ascending(weekdays.value) } };
  }
  if (lexicon.workday.has(word)) return read(context, at, { freq: "WEEKLY", interval, weekdays: WORKDAYS });
  if (lexicon.weekend.has(word)) return read(context, at, { freq: "WEEKLY", interval, weekdays: [6, 7] });
  if (lexicon.fortnight.has(word)) return read(context, at, { freq: "WEEKLY", interval: 2 * interval });
  if (lexicon.quarter.has(word)) return read(context, at, { freq: "MONTHLY", interval: 3 * interval });
  const unit = lexicon.units.get(word);
  if (unit === undefined || unit === "hour" || unit === "minute") return null;
  const freq = ({ day: "DAILY", week: "WEEKLY", month: "MONTHLY", year: "YEARLY" } as const)[unit];
  return onTail(context, at, { freq, interval });
}

/** What follows "every 2 weeks": "on monday", "on the 15th", "on the last friday", "on 24 december". */
function onTail(context: Context, last: number, rule: Rule): Read<Rule> {
  const { lexicon } = context;
  const plain = read(context, last, rule);
  if (!joined(context, last) || core(context, last + 1) !== lexicon.on || !joined(context, last + 1)) {
    return plain;
  }
  const at = core(context, last + 2) === lexicon.the ? last + 3 : last + 2;
  if (rule.freq === "WEEKLY") {
    const days = listOf(context, at, (k) => lexicon.weekdays.get(core(context, k)) ?? null, true);
    return days === null ? plain : { ...days, value: { ...rule, weekdays: ascending(days.value) } };
  }
  if (rule.freq === "MONTHLY") {
    const found = inMonthAt(context, at);
    return found === null ? plain : { ...found, value: { ...found.value, interval: rule.interval } };
  }
  if (rule.freq === "YEARLY") {
    const found = monthDayAt(context, at);
    if (found === null) return plain;
    return { ...found, value: { ...rule, month: found.value.month, monthDays: [found.value.day] } };
  }
  return plain;
}

/** "mon, wed and fri": the longest list from `i`, in linear time. */
function listOf(
  context: Context,
  i: number,
  item: (at: number) => number | null,
  comma = true,
): Read<number[]> | null {
  const { lexicon } = context;
  const first = item(i);
  if (first === null) return null;
  const found = new Set([first]);
  let last = i;
  while (joined(context, last, comma)) {
    const at = lexicon.and.has(core(context, last + 1)) && joined(context, last + 1) ? last + 2 : last + 1;
    // Without "and" or a comma, the next name is another phrase.
    if (at === last + 1 && context.words[last]?.trail !== ",") break;
    const more = item(at);
    if (more === null) break;
    found.add(more);
    last = at;
  }
  return read(context, last, [...found]);
}

function ascending(values: number[]): number[] {
  return values.toSorted((a, b) => a - b);
}

/** A bound at word `i`; `touching` when a recurrence ends right before it, which allows more words. */
export function boundAt(context: Context, i: number, touching: boolean): Read<Bound> | null {
  const { lexicon } = context;
  const word = core(context, i);
  if (lexicon.until.has(word) && joined(context, i)) {
    const found = dateAt(context, i + 1, true);
    return found === null ? null : { ...found, value: { kind: "until", at: i + 1 } };
  }
  const lead = word === lexicon.for && joined(context, i);
  if (!lead && !touching) return null;
  const at = lead ? i + 1 : i;
  const count = numberAt(context, at);
  if (count === null || count < 1 || !joined(context, at)) return null;
  const said = core(context, at + 1);
  if (lexicon.times.has(said)) return read(context, at + 1, { kind: "count", count });
  const unit = lexicon.units.get(said);
  if (!lead || unit === undefined || unit === "hour" || unit === "minute") return null;
  return read(context, at + 1, { kind: "span", count, unit });
}

/** The RRULE of a rule; WKST only where it changes the answer (RFC 5545, section 3.3.10). */
export function ruleText(rule: Rule, weekStart: number): string {
  const parts = [`FREQ=${rule.freq}`];
  if (rule.interval > 1) parts.push(`INTERVAL=${rule.interval}`);
  if (rule.month !== undefined) parts.push(`BYMONTH=${rule.month}`);
  if (rule.monthDays !== undefined) parts.push(`BYMONTHDAY=${rule.monthDays.join(",")}`);
  if (rule.weekdays !== undefined) {
    const days = rule.weekdays.map((day) => `${rule.ordinal ?? ""}${DAYS[day - 1]}`);
    parts.push(`BYDAY=${days.join(",")}`);
  }
  if (rule.setPosition !== undefined) parts.push(`BYSETPOS=${rule.setPosition}`);
  if (rule.freq === "WEEKLY" && rule.interval > 1 && weekStart !== 1) {
    parts.push(`WKST=${DAYS[weekStart - 1]}`);
  }
  return parts.join(";");
}

/** The first day from `from` on which `rule` can start. */
export function firstDay(rule: Rule, from: Temporal.PlainDate): Temporal.PlainDate {
  if (rule.freq === "WEEKLY") {
    const ahead = (rule.weekdays ?? [from.dayOfWeek]).map((day) => (day - from.dayOfWeek + 7) % 7);
    return from.add({ days: Math.min(...ahead) });
  }
  // Thirteen months hold every month, and a fifth Monday.
  for (let k = 0; k <= 13; k++) {
    const month = from.with({ day: 1 }).add({ months: k });
    if (rule.month !== undefined && rule.month !== month.month) continue;
    const days = daysInMonth(rule, month);
    const fits = days?.find((day) => Temporal.PlainDate.compare(month.with({ day }), from) >= 0);
    if (days === null) return from;
    if (fits !== undefined) return month.with({ day: fits });
  }
  return from;
}

/** The days of a month that fit, ascending; null when the rule names none. */
function daysInMonth(rule: Rule, month: Temporal.PlainDate): number[] | null {
  const length = month.daysInMonth;
  if (rule.monthDays !== undefined) {
    // A month too short takes its last day (RFC 7529, SKIP=BACKWARD).
    return ascending(rule.monthDays.map((day) => day < 0 ? length + 1 + day : Math.min(day, length)));
  }
  const { weekdays } = rule;
  if (weekdays === undefined) return null;
  const fits: number[] = [];
  for (let day = 1; day <= length; day++) {
    if (weekdays.includes((month.dayOfWeek + day - 2) % 7 + 1)) fits.push(day);
  }
  const nth = rule.ordinal ?? rule.setPosition;
  if (nth === undefined) return fits;
  const one = nth < 0 ? fits.at(nth) : fits[nth - 1];
  return one === undefined ? [] : [one];
}
