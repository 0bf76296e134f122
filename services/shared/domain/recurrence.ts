/**
 * Recurrence rules (RFC 5545, section 3.3.10) on the civil calendar. Pure: dates in, dates out.
 *
 * A rule is evaluated on bare dates, carried through `rrule-temporal` as midnights in UTC, and only a
 * chosen date is resolved to an instant of its zone: the library drops an occurrence whose local time
 * lies in a DST gap, while Rondo keeps it and lets `resolveDue` move that one by the gap.
 *
 * A month too short takes its last day (RFC 7529, SKIP=BACKWARD). The library's own SKIP is not used: it
 * loses February of BYMONTHDAY=31, and it walks from the anchor, 150 ms for ten years of days. Neither are
 * its ordinals of a year: 53FR runs into the next one, and beside one a plain weekday or BYMONTHDAY is
 * forgotten. In both cases it is asked for a wider set, of which `pick` keeps the right days.
 */
import { RRuleTemporal } from "rrule-temporal";
import { type CivilDue, resolveDue } from "./time.ts";

/** How the next occurrence is found: on the rule's own grid, or counted from the day it was done. */
export type RecurrenceMode = "schedule" | "completion";

type Frequency = "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";
type Weekday = "MO" | "TU" | "WE" | "TH" | "FR" | "SA" | "SU";

interface WeekdayPart {
  /** 1 = first, -1 = last of the month or year; null = every one */
  ordinal: number | null;
  day: Weekday;
}

interface Until {
  kind: "date" | "local" | "instant";
  /** `YYYY-MM-DD` as written */
  date: string;
  /** `YYYY-MM-DDTHH:MM:SS` as written; midnight for a bare date */
  dateTime: string;
}

interface Rule {
  freq: Frequency;
  interval: number;
  byMonth: number[];
  byMonthDay: number[];
  byDay: WeekdayPart[];
  bySetPos: number[];
  wkst: Weekday | null;
  count: number | null;
  until: Until | null;
}

const MAX_INTERVAL = 999;
const MAX_COUNT = 9_999;
/** The last date of four-digit years. Text, so that loading this file needs no Temporal yet (browsers get a polyfill). */
const LAST_DATE = "9999-12-31";

/** The order in which a canonical rule names its parts. */
const PARTS = [
  "FREQ",
  "INTERVAL",
  "BYMONTH",
  "BYMONTHDAY",
  "BYDAY",
  "BYSETPOS",
  "WKST",
  "COUNT",
  "UNTIL",
] as const;
type PartName = typeof PARTS[number];

const WEEKDAYS: readonly Weekday[] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/**
 * Days of one period, the periods of the first window looked at, and the periods without an occurrence
 * after which a series counts as ended. The last is what keeps "the 5th Monday of February, every 28
 * years from 2021" (never) from searching for ever; the longest real gap, 29 February on one weekday, is
 * 40 years.
 */
const SEARCH: Record<Frequency, { days: number; first: number; horizon: number }> = {
  DAILY: { days: 1, first: 8, horizon: 15_000 },
  WEEKLY: { days: 7, first: 4, horizon: 2_200 },
  MONTHLY: { days: 31, first: 3, horizon: 1_200 },
  YEARLY: { days: 366, first: 2, horizon: 100 },
};

/** A rule that is refused; its message completes "the rule …". */
class RuleProblem extends Error {}

/**
 * Tells what keeps a recurrence rule from being one Rondo takes: null when nothing does, else a message
 * such as "must not use BYHOUR: …" (RFC 5545, section 3.3.10, without times of day and week numbers).
 *
 * @param rule an RRULE value; a leading `RRULE:` and lower case are accepted
 */
export function checkRule(rule: string): string | null {
  const parsed = tryRule(rule);
  if (parsed instanceof RuleProblem) return parsed.message;
  return canOccur(parsed) ? null : "must be able to produce an occurrence";
}

/**
 * The stored form of a recurrence: a word becomes its rule, a rule becomes upper case with its parts in
 * one order (FREQ first), the mode defaults to "schedule".
 *
 * @throws RangeError when `checkRule` refuses the rule's grammar
 */
export function normalizeRecurrence(
  input: "daily" | "weekly" | "monthly" | "yearly" | { rule: string; mode?: RecurrenceMode },
): { rule: string; mode: RecurrenceMode } {
  if (typeof input === "string") return { rule: `FREQ=${input.toUpperCase()}`, mode: "schedule" };
  return { rule: formatRule(readRule(input.rule)), mode: input.mode ?? "schedule" };
}

/** What `nextOccurrence` needs to know of a series. */
export interface NextOptions {
  /** an RRULE value that `checkRule` takes */
  rule: string;
  mode: RecurrenceMode;
  /** the due of the series' first occurrence: date, time, zone (null = floating) */
  anchor: CivilDue;
  /** the grid date `YYYY-MM-DD` this occurrence stands for, even when its due was moved by hand */
  scheduled: string;
  /** the number of this occurrence, from 1 */
  occurrence: number;
  /** when it was completed or skipped */
  after: Temporal.Instant;
  /** the zone of a floating anchor */
  userZone: string;
}

/**
 * The civil due of the occurrence that follows, or null when the series ends (COUNT, UNTIL, or a rule
 * that never comes again).
 *
 * In mode `schedule` it is the first grid date after both `scheduled` and `after`, so completing late
 * leaves no pile and completing early skips none; COUNT bounds the rule's whole set, missed ones too. In
 * mode `completion` the rule starts anew on the civil day of `after`, and COUNT compares with
 * `occurrence`. The time is always the anchor's: one in a DST gap is moved when it is resolved, not here.
 *
 * @throws RangeError when the rule's grammar is refused
 */
export function nextOccurrence(options: NextOptions): { date: string; time: string | null } | null {
  const rule = readRule(options.rule);
  const { anchor } = options;
  const zone = anchor.timeZone ?? options.userZone;
  const today = options.after.toZonedDateTimeISO(zone).toPlainDate();
  const date = options.mode === "completion"
    ? nextFromCompletion(rule, options, today.toString())
    : nextOnGrid(rule, options, today);
  return date === null ? null : { date, time: anchor.time };
}

function nextFromCompletion(rule: Rule, options: NextOptions, today: string): string | null {
  if (rule.count !== null && options.occurrence >= rule.count) return null;
  const date = first(gridDates(rule, today, addDays(today, 1)));
  if (date === null || isPastUntil(rule.until, date, options.anchor, options.userZone)) return null;
  return date;
}

function nextOnGrid(rule: Rule, options: NextOptions, today: Temporal.PlainDate): string | null {
  const { anchor, scheduled, userZone } = options;
  // A whole day is over once it is "today"; a time may still come today. Two days back, because a time
  // late on a day whose clock skips midnight (or on a day the zone skips) resolves to the day after.
  const earliest = anchor.time === null ? today.add({ days: 1 }) : today.subtract({ days: 2 });
  const from = later(addDays(scheduled, 1), earliest.toString());
  for (const date of countedDates(rule, anchor.date, from)) {
    if (isPastUntil(rule.until, date, anchor, userZone)) return null;
    if (anchor.time === null) return date;
    const at = resolveDue({ ...anchor, date }, userZone);
    if (Temporal.Instant.compare(at, options.after) > 0) return date;
  }
  return null;
}

/** What `occurrencesBetween` shows, and how much of it. */
export interface BetweenOptions {
  /** an RRULE value that `checkRule` takes */
  rule: string;
  /** the due of the series' first occurrence */
  anchor: CivilDue;
  /** first civil date `YYYY-MM-DD`, inclusive */
  from: string;
  /** last civil date `YYYY-MM-DD`, inclusive */
  to: string;
  /** most dates returned; default 366 */
  limit?: number;
  /** the zone of a floating anchor, needed only for an UNTIL in UTC; default "UTC" */
  userZone?: string;
}

/**
 * The grid dates `YYYY-MM-DD` of a series in a range of days, ascending, for a calendar's preview. The
 * anchor is the first of the grid even where the rule alone would not name it (RFC 5545: DTSTART always
 * counts as the first occurrence).
 *
 * @throws RangeError when the rule's grammar is refused
 */
export function occurrencesBetween(options: BetweenOptions): string[] {
  const { anchor, from, to, limit = 366, userZone = "UTC" } = options;
  const rule = readRule(options.rule);
  const dates: string[] = [];
  if (limit < 1 || to < from) return dates;
  for (const date of countedDates(rule, anchor.date, from, to)) {
    if (isPastUntil(rule.until, date, anchor, userZone)) break;
    dates.push(date);
    if (dates.length >= limit) break;
  }
  return dates;
}

// ---------------------------------------------------------------------------------------------------
// Reading a rule

/** Splits, checks and types a rule's parts; throws RuleProblem. */
function parseRule(text: string): Rule {
  const parts = splitParts(text);
  const freq = parts.get("FREQ");
  if (freq === undefined) throw new RuleProblem("must hold FREQ");
  if (!isFrequency(freq)) throw new RuleProblem("must have FREQ as DAILY, WEEKLY, MONTHLY or YEARLY");
  const rule: Rule = {
    freq,
    interval: readInteger("INTERVAL", parts.get("INTERVAL") ?? "1", 1, MAX_INTERVAL),
    byMonth: readList("BYMONTH", parts, (item) => readInteger("BYMONTH", item, 1, 12)),
    byMonthDay: readList("BYMONTHDAY", parts, (item) => readSigned("BYMONTHDAY", item, 31)),
    byDay: readList("BYDAY", parts, readWeekdayPart),
    bySetPos: readList("BYSETPOS", parts, (item) => readSigned("BYSETPOS", item, 366)),
    wkst: readWeekStart(parts.get("WKST")),
    count: parts.has("COUNT") ? readInteger("COUNT", parts.get("COUNT") ?? "", 1, MAX_COUNT) : null,
    until: readUntil(parts.get("UNTIL")),
  };
  checkTogether(rule);
  return rule;
}

function splitParts(text: string): Map<PartName, string> {
  const value = text.trim().toUpperCase().replace(/^RRULE:/, "");
  const parts = new Map<PartName, string>();
  for (const piece of value.split(";")) {
    const match = /^([A-Z][A-Z-]*)=([^=]+)$/.exec(piece);
    if (match === null) throw new RuleProblem("must be parts NAME=VALUE joined by semicolons");
    const [, name = "", content = ""] = match;
    if (!isPartName(name)) throw new RuleProblem(`must not use ${name}: supported are ${PARTS.join(", ")}`);
    if (parts.has(name)) throw new RuleProblem(`must name ${name} once`);
    parts.set(name, content);
  }
  return parts;
}

function isPartName(name: string): name is PartName {
  return (PARTS as readonly string[]).includes(name);
}

function isFrequency(value: string): value is Frequency {
  return Object.hasOwn(SEARCH, value);
}

function isWeekday(value: string): value is Weekday {
  return (WEEKDAYS as readonly string[]).includes(value);
}

function readInteger(name: PartName, text: string, min: number, max: number): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new RuleProblem(`must have ${name} as a whole number from ${min} to ${max}`);
}

function readSigned(name: PartName, text: string, max: number): number {
  const value = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : 0;
  if (value !== 0 && Math.abs(value) <= max) return value;
  throw new RuleProblem(`must have ${name} from 1 to ${max} or from -${max} to -1`);
}

function readWeekdayPart(text: string): WeekdayPart {
  const [, ordinal = "", day = ""] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(text) ?? [];
  if (!isWeekday(day)) {
    throw new RuleProblem(`must have BYDAY as ${WEEKDAYS.join(", ")}, with an ordinal such as 2MO or -1FR`);
  }
  return { ordinal: ordinal === "" ? null : readSigned("BYDAY", ordinal, 53), day };
}

function readList<Item>(
  name: PartName,
  parts: Map<PartName, string>,
  read: (item: string) => Item,
): Item[] {
  const items = parts.get(name)?.split(",").map(read) ?? [];
  if (new Set(items.map((item) => JSON.stringify(item))).size < items.length) {
    throw new RuleProblem(`must name each value of ${name} once`);
  }
  return items;
}

function readWeekStart(text: string | undefined): Weekday | null {
  if (text === undefined || isWeekday(text)) return text ?? null;
  throw new RuleProblem(`must have WKST as ${WEEKDAYS.join(", ")}`);
}

function readUntil(text: string | undefined): Until | null {
  if (text === undefined) return null;
  const match = /^(\d{4})(\d\d)(\d\d)(?:T([01]\d|2[0-3])([0-5]\d)([0-5]\d)(Z)?)?$/.exec(text);
  const [, year, month, day, hour, minute, second, utc] = match ?? [];
  const date = `${year}-${month}-${day}`;
  if (match === null || !isDate(date)) {
    throw new RuleProblem("must have UNTIL as a date such as 20271231 or 20271231T235959Z");
  }
  if (hour === undefined) return { kind: "date", date, dateTime: `${date}T00:00:00` };
  return {
    kind: utc === undefined ? "local" : "instant",
    date,
    dateTime: `${date}T${hour}:${minute}:${second}`,
  };
}

function isDate(text: string): boolean {
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch {
    return false;
  }
}

/** What no part can know alone; the notes are those below the table of RFC 5545, section 3.3.10. */
function checkTogether(rule: Rule): void {
  const { freq, byDay, bySetPos } = rule;
  const often = freq === "DAILY" || freq === "WEEKLY";
  if (rule.count !== null && rule.until !== null) throw new RuleProblem("must not hold both COUNT and UNTIL");
  if (often && byDay.some(({ ordinal }) => ordinal !== null)) {
    throw new RuleProblem("must not give BYDAY an ordinal when FREQ is DAILY or WEEKLY");
  }
  if (freq === "WEEKLY" && rule.byMonthDay.length > 0) {
    throw new RuleProblem("must not use BYMONTHDAY when FREQ is WEEKLY");
  }
  if (bySetPos.length > 0 && byDay.length + rule.byMonth.length + rule.byMonthDay.length === 0) {
    throw new RuleProblem("must not use BYSETPOS without BYDAY, BYMONTH or BYMONTHDAY");
  }
}

function tryRule(text: string): Rule | RuleProblem {
  try {
    return parseRule(text);
  } catch (cause) {
    if (cause instanceof RuleProblem) return cause;
    throw cause;
  }
}

/** A rule for evaluation; a refused one is a mistake of the caller, who checks at the edge. */
function readRule(text: string): Rule {
  const rule = tryRule(text);
  if (!(rule instanceof RuleProblem)) return rule;
  throw new RangeError(`Cannot read the recurrence rule as it ${rule.message}: current value is ${text}`);
}

function formatRule(rule: Rule): string {
  const lists: Record<PartName, string> = {
    FREQ: rule.freq,
    INTERVAL: rule.interval === 1 ? "" : String(rule.interval),
    BYMONTH: rule.byMonth.join(),
    BYMONTHDAY: rule.byMonthDay.join(),
    BYDAY: rule.byDay.map(formatWeekdayPart).join(),
    BYSETPOS: rule.bySetPos.join(),
    WKST: rule.wkst ?? "",
    COUNT: rule.count === null ? "" : String(rule.count),
    UNTIL: rule.until === null ? "" : formatUntil(rule.until),
  };
  return PARTS.filter((name) => lists[name] !== "").map((name) => `${name}=${lists[name]}`).join(";");
}

function formatWeekdayPart({ ordinal, day }: WeekdayPart): string {
  return `${ordinal ?? ""}${day}`;
}

function formatUntil(until: Until): string {
  const compact = until.dateTime.replaceAll(/[-:]/g, "");
  if (until.kind === "date") return compact.slice(0, 8);
  return until.kind === "instant" ? `${compact}Z` : compact;
}

/**
 * Whether the rule has an occurrence from some anchor. BYMONTH=2;BYMONTHDAY=30 has (28 February, by the
 * rule of short months); the same with FREQ=DAILY has none, because there a part only filters days that
 * exist. Whether it has one from a given anchor is for the bounded search of `gridDates` to find.
 */
function canOccur(rule: Rule): boolean {
  const largest = Math.min(...rule.bySetPos.map(Math.abs));
  // One day, and the named days of one week, are all a position can pick from.
  if (rule.freq === "WEEKLY") return rule.bySetPos.length === 0 || largest <= Math.max(1, rule.byDay.length);
  if (rule.freq === "DAILY" && rule.bySetPos.length > 0 && largest > 1) return false;
  const bySetPos = rule.freq === "DAILY" ? [] : rule.bySetPos;
  const dates = gridDates({ ...rule, interval: 1, bySetPos }, "1999-12-31", "2000-01-01", "2041-01-01");
  return first(dates) !== null;
}

// ---------------------------------------------------------------------------------------------------
// The grid

/**
 * The rule's dates from `from` to `to`, ascending, without COUNT and UNTIL; `anchor` is always the first.
 * Windows of growing size are asked of the library, each near its target, so that the age of a series
 * costs nothing.
 */
function* gridDates(rule: Rule, anchor: string, from: string, to = LAST_DATE): Generator<string, void> {
  if (from <= anchor && anchor <= to) yield anchor;
  const byMonth = isMonthlyInDisguise(rule);
  const full = byMonth
    ? { ...rule, freq: "MONTHLY" as const }
    : withImplicitParts(rule, Temporal.PlainDate.from(anchor));
  const wide = !byMonth && needsPicking(full);
  const engine = newEngine(full, Temporal.PlainDate.from(anchor), wide);
  const { days, first: periods, horizon } = SEARCH[full.freq];
  const last = Temporal.PlainDate.from(to);

  let size = periods;
  let start = Temporal.PlainDate.from(later(from, addDays(anchor, 1)));
  let giveUp = start.add({ days: days * full.interval * horizon });
  while (Temporal.PlainDate.compare(start, last) <= 0 && Temporal.PlainDate.compare(start, giveUp) <= 0) {
    const end = earlierDate(start.add({ days: days * full.interval * size }), last);
    const window = wide ? wholePeriods(full.freq, start, end) : { start, end };
    const found = engine.between(utcMidnight(window.start), utcMidnight(window.end), true)
      .map((at) => at.toPlainDate().toString());
    const low = start.toString();
    const high = last.toString();
    for (const date of wide ? pick(full, found) : found) {
      if (date < low || date > high) continue;
      yield date;
      giveUp = window.end.add({ days: days * full.interval * horizon });
    }
    start = window.end.add({ days: 1 });
    size = Math.min(size * 2, 512);
  }
}

/**
 * Every day that is one of some days of the month: the same set month by month, but thirty times faster
 * to search. Days that a month lacks are left out, since filtering days does not move any.
 */
function isMonthlyInDisguise({ freq, interval, byMonthDay, bySetPos }: Rule): boolean {
  return freq === "DAILY" && interval === 1 && byMonthDay.length > 0 && bySetPos.length === 0;
}

/** RFC 5545: what a rule does not say it takes from the first occurrence. */
function withImplicitParts(rule: Rule, anchor: Temporal.PlainDate): Rule {
  const { freq, byMonth, byMonthDay, byDay } = rule;
  if (freq === "DAILY" || freq === "WEEKLY" || byDay.length > 0 || byMonthDay.length > 0) return rule;
  return {
    ...rule,
    byMonth: freq === "YEARLY" && byMonth.length === 0 ? [anchor.month] : byMonth,
    byMonthDay: [anchor.day],
  };
}

/** Whether the library's own answer can be wrong: a month may lack a named day, or a weekday has an ordinal. */
function needsPicking({ freq, byMonthDay, byDay }: Rule): boolean {
  if (freq === "DAILY" || freq === "WEEKLY") return false;
  return Math.max(...byMonthDay) > 28 || byDay.some(({ ordinal }) => ordinal !== null);
}

function newEngine(rule: Rule, anchor: Temporal.PlainDate, wide: boolean): RRuleTemporal {
  const { freq, interval, byMonth, byMonthDay, byDay, bySetPos, wkst } = rule;
  // Positions are picked from whole periods, and the first of them begins before the anchor.
  const start = wide ? wholePeriods(freq, anchor, anchor).start : anchor;
  return new RRuleTemporal({
    freq,
    interval,
    ...(byMonth.length > 0 && { byMonth }),
    ...(byMonthDay.length > 0 && { byMonthDay: wide ? widen(byMonthDay) : byMonthDay }),
    ...(byDay.length > 0 && { byDay: wide ? plainWeekdays(byDay) : byDay.map(formatWeekdayPart) }),
    ...(bySetPos.length > 0 && !wide && { bySetPos }),
    ...(wkst !== null && { wkst }),
    dtstart: utcMidnight(start),
  });
}

/** The days named, and every day that can be a last day standing in for one of them. */
function widen(byMonthDay: number[]): number[] {
  const days = new Set(byMonthDay);
  for (let day = 28; day < Math.max(...byMonthDay); day++) days.add(day);
  return [...days];
}

function plainWeekdays(byDay: WeekdayPart[]): Weekday[] {
  return [...new Set(byDay.map(({ day }) => day))];
}

/**
 * Of whole periods of a wider set keeps what the rule names, in the order of RFC 7529, section 4.1:
 * BYMONTHDAY, SKIP, BYDAY, BYSETPOS.
 */
function pick(rule: Rule, dates: string[]): string[] {
  const kept = dates.filter((text) => {
    const date = Temporal.PlainDate.from(text);
    return isNamedMonthDay(rule, date) && isNamedWeekday(rule, date);
  });
  if (rule.bySetPos.length === 0) return kept;
  const periods = Map.groupBy(kept, (date) => date.slice(0, rule.freq === "MONTHLY" ? 7 : 4));
  return [...periods.values()].flatMap((period) => {
    const positions = rule.bySetPos.map((n) => n > 0 ? n - 1 : period.length + n);
    return period.filter((_, index) => positions.includes(index));
  });
}

/**
 * A last day stands in for any later one that is named. A day counted from the end that the month lacks
 * (-31 in April) is left out: it has no day of that month before it.
 */
function isNamedMonthDay({ byMonthDay }: Rule, { day, daysInMonth }: Temporal.PlainDate): boolean {
  return byMonthDay.length === 0 || byMonthDay.includes(day) || byMonthDay.includes(day - daysInMonth - 1) ||
    (day === daysInMonth && Math.max(...byMonthDay) > day);
}

/** An ordinal counts within the month, or within the year when the rule is yearly and names no month. */
function isNamedWeekday({ freq, byMonth, byDay }: Rule, date: Temporal.PlainDate): boolean {
  const ofYear = freq === "YEARLY" && byMonth.length === 0;
  const day = ofYear ? date.dayOfYear : date.day;
  const length = ofYear ? date.daysInYear : date.daysInMonth;
  const ordinals = [null, Math.ceil(day / 7), -Math.ceil((length - day + 1) / 7)];
  return byDay.length === 0 ||
    byDay.some((part) => part.day === WEEKDAYS[date.dayOfWeek - 1] && ordinals.includes(part.ordinal));
}

function wholePeriods(freq: Frequency, start: Temporal.PlainDate, end: Temporal.PlainDate) {
  if (freq === "MONTHLY") return { start: start.with({ day: 1 }), end: end.with({ day: end.daysInMonth }) };
  return { start: start.with({ month: 1, day: 1 }), end: end.with({ month: 12, day: 31 }) };
}

function utcMidnight(date: Temporal.PlainDate): Temporal.ZonedDateTime {
  return date.toZonedDateTime("UTC");
}

// ---------------------------------------------------------------------------------------------------
// The end of a series

function isPastUntil(until: Until | null, date: string, anchor: CivilDue, userZone: string): boolean {
  if (until === null) return false;
  // A bare date includes that whole day; so does a local date-time where the task has no time.
  if (until.kind === "date" || (until.kind === "local" && anchor.time === null)) return date > until.date;
  if (until.kind === "local") return `${date}T${anchor.time}:00` > until.dateTime;
  const at = resolveDue({ ...anchor, date }, userZone);
  return Temporal.Instant.compare(at, Temporal.Instant.from(`${until.dateTime}Z`)) > 0;
}

/** The grid without what lies beyond COUNT; the dates a user skipped or missed count (RFC 5545). */
function* countedDates(rule: Rule, anchor: string, from: string, to?: string): Generator<string, void> {
  const { count } = rule;
  let rank = count === null ? 0 : rankOf(rule, count, anchor, from);
  if (count !== null && rank >= count) return;
  for (const date of gridDates(rule, anchor, from, to)) {
    yield date;
    if (++rank === count) return;
  }
}

/** Of each series bounded by COUNT, how many of its dates lie before a date. */
const ranks = new Map<string, { date: string; rank: number }>();

/**
 * How many dates of the grid lie before `from`, at most `count`. A steady step can be divided; elsewhere
 * only walking the series tells, so the latest answer is kept and the next walk, which is nearly always
 * later, goes on from it.
 */
function rankOf(rule: Rule, count: number, anchor: string, from: string): number {
  if (from <= anchor) return 0;
  if (isSteady(rule)) {
    const { days } = Temporal.PlainDate.from(anchor).until(Temporal.PlainDate.from(from));
    return Math.min(count, Math.ceil(days / (SEARCH[rule.freq].days * rule.interval)));
  }
  const key = `${anchor} ${formatRule(rule)}`;
  const known = ranks.get(key);
  const start = known !== undefined && known.date <= from ? known : { date: anchor, rank: 0 };
  let { rank } = start;
  if (rank < count) {
    for (const _date of gridDates(rule, anchor, start.date, addDays(from, -1))) {
      if (++rank === count) break;
    }
  }
  if (ranks.size >= 500) ranks.clear();
  ranks.set(key, { date: from, rank });
  return rank;
}

function isSteady({ freq, byMonth, byMonthDay, byDay }: Rule): boolean {
  return (freq === "DAILY" || freq === "WEEKLY") && byMonth.length + byMonthDay.length + byDay.length === 0;
}

function first(dates: Generator<string, void>): string | null {
  for (const date of dates) return date;
  return null;
}

function addDays(date: string, days: number): string {
  return Temporal.PlainDate.from(date).add({ days }).toString();
}

/** ISO dates of four-digit years sort as text. */
function later(one: string, other: string): string {
  return one > other ? one : other;
}

function earlierDate(one: Temporal.PlainDate, other: Temporal.PlainDate): Temporal.PlainDate {
  return Temporal.PlainDate.compare(one, other) < 0 ? one : other;
}

// ---------------------------------------------------------------------------------------------------
// In words

const DAY_NAMES: Record<Weekday, string> = {
  MO: "Monday",
  TU: "Tuesday",
  WE: "Wednesday",
  TH: "Thursday",
  FR: "Friday",
  SA: "Saturday",
  SU: "Sunday",
};
const MONTH_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const UNITS: Record<Frequency, string> = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };

/**
 * A recurrence in short English for the screen, such as "every 2 weeks on Mon and Fri, 5 times".
 *
 * @param locale decides how the date of UNTIL is written; default "en-GB" ("3 Mar 2027")
 */
export function describeRecurrence(
  recurrence: { rule: string; mode: RecurrenceMode },
  locale = "en-GB",
): string {
  const rule = tryRule(recurrence.rule);
  if (rule instanceof RuleProblem) return "a custom schedule";
  const ends = describeEnd(rule, locale);
  if (recurrence.mode === "completion") {
    const days = describeDays(rule);
    const unit = `${rule.interval} ${UNITS[rule.freq]}${rule.interval === 1 ? "" : "s"}`;
    return [`${unit} after completion`, days, ends].filter((part) => part !== "").join(", ");
  }
  return [describeGrid(rule), ends].filter((part) => part !== "").join(", ");
}

function describeGrid(rule: Rule): string {
  const { freq, interval, byDay } = rule;
  if (freq === "WEEKLY" && interval === 1 && rule.byMonth.length + rule.bySetPos.length === 0) {
    if (byDay.length === 7) return "every day";
    if (isWorkWeek(byDay)) return "every weekday";
  }
  const unit = interval === 1 ? `every ${UNITS[freq]}` : `every ${interval} ${UNITS[freq]}s`;
  return [unit, describeDays(rule)].filter((part) => part !== "").join(" ");
}

/** The BY parts: "in Mar on the last Friday", "on the 1st and 15th", "" where there are none. */
function describeDays(rule: Rule): string {
  const { byDay, bySetPos } = rule;
  const months = join(rule.byMonth.map((month) => MONTH_NAMES[month - 1] ?? ""));
  const monthDays = join(rule.byMonthDay.map(describeMonthDay));
  const [day] = rule.byMonthDay;
  const positions = join(bySetPos.map(describeOrdinal));
  const words: string[] = [];

  const isBirthday = rule.freq === "YEARLY" && rule.byMonth.length === 1 && rule.byMonthDay.length === 1;
  if (isBirthday && day !== undefined && day > 0 && byDay.length + bySetPos.length === 0) {
    return `on ${day} ${months}`;
  }
  if (months !== "") words.push(`in ${months}`);
  if (
    byDay.length > 0 && monthDays === "" && positions !== "" && byDay.every((part) => part.ordinal === null)
  ) {
    words.push(`on the ${positions} ${describeSet(byDay)}`);
    return words.join(" ");
  }
  if (monthDays !== "") words.push(`on the ${monthDays}`);
  if (byDay.length > 0) words.push(`${monthDays === "" ? "on" : "when it is"} ${describeWeekdays(byDay)}`);
  if (positions !== "") words.push(`(only the ${positions} of these)`);
  return words.join(" ");
}

/** The days a position chooses from: "weekday", "day", "Friday", "Mon or Tue". */
function describeSet(byDay: WeekdayPart[]): string {
  const [only] = byDay;
  if (byDay.length === 1 && only !== undefined) return DAY_NAMES[only.day];
  if (byDay.length === 7) return "day";
  if (isWorkWeek(byDay)) return "weekday";
  return join(byDay.map(({ day }) => DAY_NAMES[day].slice(0, 3)), "or");
}

function describeWeekdays(byDay: WeekdayPart[]): string {
  return join(
    byDay.map(({ ordinal, day }) =>
      ordinal === null ? DAY_NAMES[day].slice(0, 3) : `the ${describeOrdinal(ordinal)} ${DAY_NAMES[day]}`
    ),
  );
}

function describeMonthDay(day: number): string {
  return day > 0 ? ordinalNumber(day) : `${describeOrdinal(day)} day`;
}

function describeOrdinal(value: number): string {
  if (value === 1) return "first";
  if (value === -1) return "last";
  return value > 0 ? ordinalNumber(value) : `${ordinalNumber(-value)} to last`;
}

function ordinalNumber(value: number): string {
  const ending = value % 100 > 10 && value % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][value % 10] ?? "th";
  return `${value}${ending}`;
}

function isWorkWeek(byDay: WeekdayPart[]): boolean {
  return byDay.length === 5 &&
    byDay.every(({ day, ordinal }) => ordinal === null && day !== "SA" && day !== "SU");
}

function describeEnd({ count, until }: Rule, locale: string): string {
  if (count !== null) return count === 1 ? "once" : `${count} times`;
  if (until === null) return "";
  const date = Temporal.PlainDate.from(until.date);
  return `until ${date.toLocaleString(locale, { day: "numeric", month: "short", year: "numeric" })}`;
}

function join(items: string[], word = "and"): string {
  if (items.length < 2) return items.join();
  return `${items.slice(0, -1).join(", ")} ${word} ${items.at(-1)}`;
}
