/** Dates and times in words: each function reads from word `i` and says where it stopped, or null. */
import type { Lexicon } from "./lexicon_en.ts";
import type { Word } from "./words.ts";

export interface Context {
  words: Word[];
  lexicon: Lexicon;
  zoned: Temporal.ZonedDateTime;
  /** `zoned` on the wall. */
  now: Temporal.PlainDateTime;
  /** What relative and yearless dates count from; `now`'s date but for a bound of a later series. */
  today: Temporal.PlainDate;
  /** ISO weekday on which a week starts. */
  weekStart: number;
}

export interface Read<T> {
  /** The first word not read. */
  next: number;
  /** UTF-16 offset behind the last character read. */
  end: number;
  value: T;
}

export interface DateValue {
  date: Temporal.PlainDate;
  /** Of "tonight", "this morning" and "in 2 hours" */
  time: Temporal.PlainTime | null;
  /** After noon by its words: a bare "at 8" beside it is 20:00. */
  evening: boolean;
}

export interface TimeValue {
  time: Temporal.PlainTime;
  /** Written without am, pm or a part of the day. */
  bare: boolean;
}

const MAX_YEAR = 2999;
const SIGIL = /^[#@*!]./;
const CLOCK = /^(\d{1,2}):(\d{2})(am|pm)?$/;
const HOUR = /^(\d{1,2})(am|pm)$/;

/** The core of word `i`, or "" when there is none or it ends a phrase. */
export function core(context: Context, i: number): string {
  return context.words[i]?.core ?? "";
}

/** Whether word `i` goes on into `i + 1`: no punctuation between them but, where allowed, a comma. */
export function joined(context: Context, i: number, comma = false): boolean {
  const word = context.words[i];
  const next = context.words[i + 1];
  if (word === undefined || next === undefined || next.quoted !== null || !next.spaced) return false;
  return word.trail === "" || (comma && word.trail === ",");
}

/** The cores of `count` words from `i`, as long as nothing parts them. */
export function phrase(context: Context, i: number, count: number): string[] {
  const found = [core(context, i)];
  for (let k = i; found.length < count && joined(context, k); k++) found.push(core(context, k + 1));
  return found;
}

function read<T>(context: Context, last: number, value: T): Read<T> {
  return { next: last + 1, end: context.words[last]?.coreEnd ?? 0, value };
}

/**
 * Whether a phrase has clearly ended before word `i`: the end, punctuation, a sigil, a date or a time;
 * `loose` also takes a preposition.
 */
export function endsBefore(context: Context, i: number, loose: boolean): boolean {
  const word = context.words[i];
  if (word === undefined || word.quoted !== null || context.words[i - 1]?.trail !== "") return true;
  const { lexicon } = context;
  if (SIGIL.test(word.text) || lexicon.priorities.has(word.core)) return true;
  if (CLOCK.test(word.core) || HOUR.test(word.core) || lexicon.clockWords.has(word.core)) return true;
  if (lexicon.relativeDays.has(word.core) || lexicon.weekdays.has(word.core)) return true;
  if (/^\d{4}-\d\d-\d\d$/.test(word.core) || lexicon.dayParts.has(word.core)) return true;
  if (word.core === lexicon.every || word.text.toLowerCase() === `${lexicon.every}!`) return true;
  if (lexicon.starting.has(word.core) || lexicon.until.has(word.core) || word.core === lexicon.at) {
    return true;
  }
  if (word.core === lexicon.for && countAt(context, i + 1) !== null) return true;
  if (/^\d{1,2}\D{0,2}$/.test(word.core) && lexicon.months.has(core(context, i + 1))) return true;
  if (lexicon.months.has(word.core) && /^\d{1,2}\D{0,2}$/.test(core(context, i + 1))) return true;
  return loose && lexicon.connectors.has(word.core);
}

/** A small whole number, in digits or in words. */
export function numberAt(context: Context, i: number): number | null {
  const word = core(context, i);
  if (/^\d{1,4}$/.test(word)) return Number(word);
  return context.lexicon.numbers.get(word) ?? null;
}

function countAt(context: Context, i: number): number | null {
  const count = numberAt(context, i);
  return count === null || count < 1 ? null : count;
}

/** The day of "15th", "15" or "15." (1-31). */
export function dayNumber(context: Context, i: number, ordinalOnly = false): number | null {
  const parts = /^(\d{1,2})(\D{2})?$/.exec(core(context, i));
  if (parts === null) return null;
  const suffix = parts[2];
  if (suffix === undefined ? ordinalOnly : !context.lexicon.ordinalSuffix.test(suffix)) return null;
  const day = Number(parts[1]);
  return day >= 1 && day <= 31 ? day : null;
}

/**
 * A date with the words that lead to it ("on", "by", "due"); null after a word that holds it in the title,
 * unless it was `led` here by a word of the grammar ("until", "starting").
 */
export function dateAt(context: Context, i: number, led = false): Read<DateValue> | null {
  const { lexicon } = context;
  const first = core(context, i);
  let at = i;
  if (first === lexicon.due && joined(context, at)) at++;
  const preposition = core(context, at) === lexicon.on || core(context, at) === lexicon.by;
  if (preposition && joined(context, at)) at++;
  if (at > i || led) return dateAfterPreposition(context, at);
  const before = context.words[i - 1];
  if (before !== undefined && before.trail === "" && lexicon.holdsDate.has(before.core)) return null;
  const found = plainDateAt(context, i, false);
  if (found === null) return null;
  const named = lexicon.weekdays.has(first) && found.next === i + 1;
  const held = before !== undefined && before.trail === "" && lexicon.holdsWeekday.has(before.core);
  return named && held ? null : found;
}

function dateAfterPreposition(context: Context, at: number): Read<DateValue> | null {
  const found = plainDateAt(context, at, true);
  if (found !== null) return found;
  // "on the 15th", but not "on the 2nd floor"
  const from = core(context, at) === context.lexicon.the && joined(context, at) ? at + 1 : at;
  const dated = plainDateAt(context, from, true);
  if (dated !== null) return dated;
  const day = dayNumber(context, from, true);
  if (day === null || !endsBefore(context, from + 1, true)) return null;
  const date = nextDayOfMonth(context.today, day);
  return date === null ? null : read(context, from, dateOnly(date));
}

function dateOnly(date: Temporal.PlainDate): DateValue {
  return { date, time: null, evening: false };
}

/** A date without a preposition; `sure` when one stood before it, so that short names need no care. */
export function plainDateAt(context: Context, i: number, sure: boolean): Read<DateValue> | null {
  const word = context.words[i];
  if (word === undefined || word.core === "") return null;
  return relativeDate(context, i, sure) ?? spelledDate(context, i) ?? numericDate(context, i) ??
    weekdayDate(context, i, sure);
}

function relativeDate(context: Context, i: number, sure: boolean): Read<DateValue> | null {
  const { lexicon, today } = context;
  const word = core(context, i);
  const day = lexicon.relativeDays.get(word);
  if (day !== undefined) {
    if (day.shy === true && !sure && !standsAlone(context, i)) return null;
    const time = day.tonight === true ? Temporal.PlainTime.from("20:00") : null;
    return read(context, i, { date: today.add({ days: day.days }), time, evening: day.tonight === true });
  }
  const [first, second, third] = phrase(context, i, 3);
  if ([first, second, third].join(" ") === lexicon.dayAfter.join(" ")) {
    return read(context, i + 2, dateOnly(today.add({ days: 2 })));
  }
  if (second !== undefined && word === lexicon.next) return nextDate(context, i, second);
  if (second !== undefined && word === lexicon.this) return thisDate(context, i, second);
  if (word === lexicon.in && second !== undefined && third !== undefined) {
    const count = countAt(context, i + 1);
    return count === null ? null : later(context, i + 2, count, third);
  }
  if (second !== undefined && third === lexicon.fromNow[0]) {
    const count = countAt(context, i);
    const last = core(context, i + 3);
    if (count !== null && joined(context, i + 2) && lexicon.fromNow[1].has(last)) {
      const found = later(context, i + 1, count, second);
      return found === null ? null : read(context, i + 3, found.value);
    }
  }
  return endOf(context, i);
}

/** "tom" is tomorrow only in lower case, at a clear end, and not behind a word that takes a person. */
function standsAlone(context: Context, i: number): boolean {
  const word = context.words[i];
  const before = core(context, i - 1);
  if (word === undefined || word.text.charAt(0) !== word.core.charAt(0)) return false;
  return i > 0 && !context.lexicon.beforeNames.has(before) && endsBefore(context, i + 1, false);
}

function later(context: Context, last: number, count: number, unitWord: string): Read<DateValue> | null {
  const unit = context.lexicon.units.get(unitWord);
  if (unit === undefined) return null;
  if (unit === "hour" || unit === "minute") {
    const moment = context.zoned.add(unit === "hour" ? { hours: count } : { minutes: count })
      .round({ smallestUnit: "minute", roundingMode: "ceil" });
    return read(context, last, { date: moment.toPlainDate(), time: moment.toPlainTime(), evening: false });
  }
  const date = plus(context.today, count, unit);
  return date.year > MAX_YEAR ? null : read(context, last, dateOnly(date));
}

/** `date` and `count` days, weeks, months or years. */
export function plus(date: Temporal.PlainDate, count: number, unit: string): Temporal.PlainDate {
  if (unit === "week") return date.add({ weeks: count });
  if (unit === "month") return date.add({ months: count });
  return unit === "year" ? date.add({ years: count }) : date.add({ days: count });
}

function nextDate(context: Context, i: number, word: string): Read<DateValue> | null {
  const { lexicon, today } = context;
  const weekday = lexicon.weekdays.get(word);
  // "next friday" is the Friday of the next week, as the calendar on the wall has it.
  const week = today.add({ days: 7 - ((today.dayOfWeek - context.weekStart + 7) % 7) });
  if (weekday !== undefined) {
    return read(context, i + 1, dateOnly(week.add({ days: (weekday - context.weekStart + 7) % 7 })));
  }
  if (lexicon.weekend.has(word)) return read(context, i + 1, dateOnly(thisSaturday(today).add({ days: 7 })));
  const unit = lexicon.units.get(word);
  if (unit === "week") return read(context, i + 1, dateOnly(week));
  if (unit === "month") return read(context, i + 1, dateOnly(today.with({ day: 1 }).add({ months: 1 })));
  if (unit === "year") {
    return read(context, i + 1, dateOnly(today.with({ month: 1, day: 1 }).add({ years: 1 })));
  }
  return null;
}

function thisDate(context: Context, i: number, word: string): Read<DateValue> | null {
  const { lexicon, today } = context;
  const weekday = lexicon.weekdays.get(word);
  if (weekday !== undefined) {
    return read(context, i + 1, dateOnly(today.add({ days: (weekday - today.dayOfWeek + 7) % 7 })));
  }
  if (lexicon.weekend.has(word)) {
    const date = today.dayOfWeek === 7 ? today : thisSaturday(today);
    return read(context, i + 1, dateOnly(date));
  }
  const part = lexicon.dayParts.get(word);
  if (part === undefined) return null;
  const time = new Temporal.PlainTime(part.hour);
  return read(context, i + 1, { date: today, time, evening: part.evening });
}

/** The Saturday of the weekend that is on or comes next; on a Sunday that is yesterday. */
function thisSaturday(today: Temporal.PlainDate): Temporal.PlainDate {
  return today.dayOfWeek === 7 ? today.subtract({ days: 1 }) : today.add({ days: 6 - today.dayOfWeek });
}

function endOf(context: Context, i: number): Read<DateValue> | null {
  const { lexicon, today } = context;
  let last = i;
  let unit = lexicon.endOf.get(core(context, i));
  if (unit === undefined) {
    const said = phrase(context, i, 4);
    if (said[0] !== lexicon.end || said[1] !== lexicon.of) return null;
    last = said[2] === lexicon.the ? i + 3 : i + 2;
    const found = lexicon.units.get(said[last - i] ?? "");
    if (found !== "month" && found !== "year") return null;
    unit = found;
  }
  const date = unit === "month" ? today.with({ day: today.daysInMonth }) : today.with({ month: 12, day: 31 });
  return read(context, last, dateOnly(date));
}

function weekdayDate(context: Context, i: number, sure: boolean): Read<DateValue> | null {
  const { lexicon, today } = context;
  const word = core(context, i);
  const weekday = lexicon.weekdays.get(word);
  if (weekday === undefined) return null;
  // "friday 31 jan" is one date
  if (joined(context, i, true)) {
    const exact = spelledDate(context, i + 1) ?? numericDate(context, i + 1);
    if (exact !== null) return exact;
  }
  if (lexicon.ambiguousWeekdays.has(word) && !sure && !endsBefore(context, i + 1, false)) return null;
  return read(context, i, dateOnly(today.add({ days: (weekday - today.dayOfWeek + 6) % 7 + 1 })));
}

/** "31 jan", "jan 31", "31st of january 2027", "january 31, 2027". */
export function spelledDate(context: Context, i: number): Read<DateValue> | null {
  const monthDay = monthDayAt(context, i);
  if (monthDay === null) return null;
  const { month, day, sure } = monthDay.value;
  const last = monthDay.next - 1;
  const year = joined(context, last, true) && /^(?:19|2\d)\d\d$/.test(core(context, last + 1))
    ? Number(core(context, last + 1))
    : null;
  if (year !== null) {
    const date = civil(year, month, day);
    return date === null ? null : read(context, last + 1, dateOnly(date));
  }
  if (!sure && !endsBefore(context, last + 1, true)) return null;
  const date = nextMonthDay(context.today, month, day);
  return date === null ? null : read(context, last, dateOnly(date));
}

/** A day and a month in either order; not `sure` when the month is also a word and the day a bare number. */
export function monthDayAt(
  context: Context,
  i: number,
): Read<{ month: number; day: number; sure: boolean }> | null {
  const { lexicon } = context;
  if (!joined(context, i)) {
    // "31. december": the dot belongs to the day
    if (context.words[i]?.trail !== "." || context.words[i + 1]?.spaced !== true) return null;
  }
  const named = lexicon.months.get(core(context, i));
  if (named !== undefined) {
    const day = dayNumber(context, i + 1);
    if (day === null || context.words[i]?.trail !== "") return null;
    const sure = !lexicon.ambiguousMonths.has(core(context, i)) || dayNumber(context, i + 1, true) !== null;
    return read(context, i + 1, { month: named, day, sure });
  }
  const day = dayNumber(context, i);
  if (day === null) return null;
  const at = core(context, i + 1) === lexicon.of && joined(context, i + 1) ? i + 2 : i + 1;
  const month = lexicon.months.get(core(context, at));
  if (month === undefined) return null;
  const ordinal = dayNumber(context, i, true) !== null;
  return read(context, at, { month, day, sure: ordinal || !lexicon.ambiguousMonths.has(core(context, at)) });
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:t(\d{2}:\d{2}))?$/;
const DOTTED = /^(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})?[,;:!?)\]]*$/;
const SLASHED = /^(\d{1,2})\/(\d{1,2})(?:\/(\d{4}|\d{2}))?$/;
/** Halves and thirds in a recipe, and "24/7", are no dates when the title goes on after them. */
const FRACTION = /^(?:1\/[2-9]|1\/10|2\/[359]|3\/[458]|5\/8|7\/8)$/;

function numericDate(context: Context, i: number): Read<DateValue> | null {
  const word = context.words[i];
  if (word === undefined) return null;
  const iso = ISO.exec(word.core);
  if (iso !== null) {
    const date = civil(Number(iso[1]), Number(iso[2]), Number(iso[3]));
    const time = iso[4] === undefined ? null : clock(iso[4]);
    if (date === null || (iso[4] !== undefined && time === null)) return null;
    return read(context, i, { date, time, evening: false });
  }
  if (context.lexicon.beforeNumber.has(core(context, i - 1))) return null;
  const dotted = DOTTED.exec(word.text);
  if (dotted !== null) {
    const date = dayMonth(context.today, Number(dotted[1]), Number(dotted[2]), dotted[3]);
    if (date === null) return null;
    // The dot after the month belongs to the date, so it goes with the chip.
    const tail = dotted[3] === undefined ? word.start + word.text.lastIndexOf(".") + 1 : word.coreEnd;
    return { next: i + 1, end: tail, value: dateOnly(date) };
  }
  const slashed = SLASHED.exec(word.core);
  if (slashed === null || word.core === "24/7") return null;
  const [, a = "", b = "", year] = slashed;
  if (year === undefined && FRACTION.test(word.core) && !endsBefore(context, i + 1, true)) return null;
  const dayFirst = dayMonth(context.today, Number(a), Number(b), year);
  // Month first only when it can be nothing else: 1/31
  const date = dayFirst ?? (Number(b) > 12 ? dayMonth(context.today, Number(b), Number(a), year) : null);
  return date === null ? null : read(context, i, dateOnly(date));
}

function dayMonth(today: Temporal.PlainDate, day: number, month: number, year: string | undefined) {
  if (year === undefined) return nextMonthDay(today, month, day);
  return civil(year.length === 2 ? 2000 + Number(year) : Number(year), month, day);
}

/** A date that exists, or null; years 1000 to 9998, so that any zone keeps four digits. */
export function civil(year: number, month: number, day: number): Temporal.PlainDate | null {
  if (month < 1 || month > 12 || day < 1 || year < 1_000 || year > 9_998) return null;
  const first = new Temporal.PlainDate(year, month, 1);
  return day > first.daysInMonth ? null : first.with({ day });
}

/** The next such day, today included; 29 February waits for its year. */
function nextMonthDay(today: Temporal.PlainDate, month: number, day: number): Temporal.PlainDate | null {
  for (let year = today.year; year <= today.year + 8; year++) {
    const date = civil(year, month, day);
    if (date !== null && Temporal.PlainDate.compare(date, today) >= 0) return date;
  }
  return null;
}

function nextDayOfMonth(today: Temporal.PlainDate, day: number): Temporal.PlainDate | null {
  for (let k = 0; k <= 2; k++) {
    const month = today.with({ day: 1 }).add({ months: k });
    const date = civil(month.year, month.month, day);
    if (date !== null && Temporal.PlainDate.compare(date, today) >= 0) return date;
  }
  return null;
}

/** `HH:MM`, or null when there is no such time. */
function clock(text: string): Temporal.PlainTime | null {
  const [hour = 99, minute = 99] = text.split(":").map(Number);
  return hour < 24 && minute < 60 ? new Temporal.PlainTime(hour, minute) : null;
}

/**
 * A time of day; `touching` when a date or a recurrence ends right before it, so that "monday morning" is a
 * time while "morning run" is a title.
 */
export function timeAt(context: Context, i: number, touching: boolean): Read<TimeValue> | null {
  const { lexicon } = context;
  const lead = core(context, i) === lexicon.at && joined(context, i);
  const at = lead ? i + 1 : i;
  const found = clockAt(context, at, lead) ?? clockWordAt(context, at, lead || touching);
  if (found !== null) return found.value.bare ? withDayPart(context, found) : found;
  return lead ? null : dayPartAt(context, i, touching);
}

function clockAt(context: Context, at: number, lead: boolean): Read<TimeValue> | null {
  const { lexicon } = context;
  const word = core(context, at);
  const parts = CLOCK.exec(word) ?? HOUR.exec(word)?.toSpliced(2, 0, "00") ?? null;
  const bare = parts === null && /^\d{1,2}$/.test(word);
  if (parts === null && !bare) return null;
  const hour = Number(parts === null ? word : parts[1]);
  const minute = Number(parts?.[2] ?? 0);
  const after = joined(context, at) ? lexicon.meridiem.get(core(context, at + 1)) : undefined;
  const meridiem = parts?.[3] ?? after;
  const last = meridiem !== undefined && parts?.[3] === undefined ? at + 1 : at;
  if (meridiem !== undefined) {
    if (hour < 1 || hour > 12 || minute > 59) return null;
    const time = new Temporal.PlainTime(hour % 12 + (meridiem === "pm" ? 12 : 0), minute);
    return read(context, last, { time, bare: false });
  }
  if (hour > 23 || minute > 59) return null;
  const time = new Temporal.PlainTime(hour, minute);
  if (!bare) return read(context, at, { time, bare: true });
  const oclock = joined(context, at) && lexicon.oclock.has(core(context, at + 1));
  if (oclock) return read(context, at + 1, { time, bare: true });
  return lead && endsBefore(context, at + 1, true) ? read(context, at, { time, bare: true }) : null;
}

/** noon and midnight: sure behind "at" or a date, else only in lower case and at a clear end. */
function clockWordAt(context: Context, at: number, sure: boolean): Read<TimeValue> | null {
  const word = context.words[at];
  const said = word === undefined ? undefined : context.lexicon.clockWords.get(word.core);
  if (word === undefined || said === undefined) return null;
  const held = context.lexicon.holdsWeekday.has(core(context, at - 1));
  const typed = word.text.startsWith(word.core);
  if (!sure && (held || !typed || !endsBefore(context, at + 1, false))) return null;
  return read(context, at, { time: Temporal.PlainTime.from(said), bare: false });
}

/** "8 in the evening", "8 tonight" is left to the date. */
function withDayPart(context: Context, found: Read<TimeValue>): Read<TimeValue> {
  const part = dayPartAt(context, found.next, true);
  if (part === null || context.words[found.next - 1]?.trail !== "") return found;
  const evening = part.value.time.hour >= 12;
  return { ...part, value: { time: shift(found.value.time, evening), bare: false } };
}

/** The evening reading of a bare hour before noon. */
export function shift(time: Temporal.PlainTime, evening: boolean): Temporal.PlainTime {
  return evening && time.hour < 12 ? time.add({ hours: 12 }) : time;
}

function dayPartAt(context: Context, i: number, touching: boolean): Read<TimeValue> | null {
  const { lexicon } = context;
  const said = phrase(context, i, 3);
  const long = said[0] === lexicon.in && said[1] === lexicon.the;
  const part = lexicon.dayParts.get((long ? said[2] : said[0]) ?? "");
  if (part === undefined || (!long && !touching)) return null;
  const last = long ? i + 2 : i;
  // "tomorrow evening at 8"
  if (joined(context, last)) {
    const lead = core(context, last + 1) === lexicon.at && joined(context, last + 1);
    const exact = clockAt(context, lead ? last + 2 : last + 1, lead);
    if (exact !== null) {
      const time = exact.value.bare ? shift(exact.value.time, part.evening) : exact.value.time;
      return { ...exact, value: { time, bare: false } };
    }
  }
  return read(context, last, { time: new Temporal.PlainTime(part.hour), bare: false });
}
