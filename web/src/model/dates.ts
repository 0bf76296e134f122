/** Dates in words: relative where that is shorter to read, in the user's locale and zone always. */
import type { Due, DueInput, Preferences, Task } from "../api/types.ts";

export interface Calendar {
  /** The user's day. */
  today: Temporal.PlainDate;
  /** The same as `YYYY-MM-DD`: days of thousands of tasks are compared as text. */
  day: string;
  /** The present civil time there, `HH:MM`. */
  time: string;
  now: Temporal.Instant;
  /** The profile's zone: floating dues are read in it. */
  timeZone: string;
  locale: string;
}

/** The calendar of one moment for one user. */
export function calendarAt(now: Temporal.Instant, timeZone: string, locale: string): Calendar {
  const local = now.toZonedDateTimeISO(timeZone);
  const today = local.toPlainDate();
  const time = local.toPlainTime().toString({ smallestUnit: "minute" });
  return { today, day: today.toString(), time, now, timeZone, locale };
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Formatters are slow to make and asked for in every row. */
function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (made === undefined) formats.set(key, made = new Intl.DateTimeFormat(locale, options));
  return made;
}

const relatives = new Map<string, Intl.RelativeTimeFormat>();

function relativeFormat(locale: string, style: "long" | "short"): Intl.RelativeTimeFormat {
  const key = `${style} ${locale}`;
  let made = relatives.get(key);
  if (made === undefined) {
    relatives.set(key, made = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style }));
  }
  return made;
}

/** A civil date stands for itself in every zone: it is formatted in UTC, at noon. */
function at(date: Temporal.PlainDate): Date {
  return new Date(Date.UTC(date.year, date.month - 1, date.day, 12));
}

const civil = (locale: string, options: Intl.DateTimeFormatOptions, date: Temporal.PlainDate) =>
  format(locale, { ...options, timeZone: "UTC" }).format(at(date));

/** `HH:MM` as the locale writes it. */
export function timeText(time: string, locale: string): string {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  // "09:00" where a day has 24 hours, "9:00 AM" where it has twice twelve.
  const { hour12 } = format(locale, { hour: "numeric" }).resolvedOptions();
  return format(locale, { hour: hour12 ? "numeric" : "2-digit", minute: "2-digit", timeZone: "UTC" })
    .format(new Date(Date.UTC(2001, 0, 1, hour, minute)));
}

/** A due as it falls in the user's own zone. */
export interface LocalDue {
  date: Temporal.PlainDate;
  /** `YYYY-MM-DD` of `date`. */
  day: string;
  /** `HH:MM`, or null for a whole day. */
  time: string | null;
  /** Set when the task is kept in another zone than the user's. */
  elsewhere: { timeZone: string; date: Temporal.PlainDate; time: string } | null;
}

/** A due as it is sent, with everything said. */
export const wholeDue = ({ date, time, timeZone }: DueInput): Due => ({
  date,
  time: time ?? null,
  timeZone: timeZone ?? null,
});

const locals = new WeakMap<Due, { zone: string; local: LocalDue }>();

/** Where `due` falls for a user in `userZone`. A whole day never moves across zones. */
export function localDue(due: Due, userZone: string): LocalDue {
  const known = locals.get(due);
  if (known !== undefined && known.zone === userZone) return known.local;
  const local = resolveLocal(due, userZone);
  locals.set(due, { zone: userZone, local });
  return local;
}

function resolveLocal(due: Due, userZone: string): LocalDue {
  const date = Temporal.PlainDate.from(due.date);
  if (due.time === null || due.timeZone === null || due.timeZone === userZone) {
    return { date, day: due.date, time: due.time, elsewhere: null };
  }
  const there = date.toPlainDateTime(Temporal.PlainTime.from(due.time)).toZonedDateTime(due.timeZone);
  const here = there.withTimeZone(userZone);
  const time = here.toPlainTime().toString({ smallestUnit: "minute" });
  const same = here.offsetNanoseconds === there.offsetNanoseconds;
  const local = here.toPlainDate();
  return {
    date: local,
    day: local.toString(),
    time,
    elsewhere: same ? null : { timeZone: due.timeZone, date, time: due.time },
  };
}

/**
 * `due` moved to the user's day `day` (`YYYY-MM-DD`), with its time and zone: it stands where it was let go, which in
 * its own zone may be the day beside.
 */
export function onDay(due: Due | null, day: string, userZone: string): Due {
  if (due === null) return { date: day, time: null, timeZone: null };
  const to = Temporal.PlainDate.from(day);
  const moved = (from: Due): Due => {
    const { days } = localDue(from, userZone).date.until(to, { largestUnit: "day" });
    return { ...from, date: Temporal.PlainDate.from(from.date).add({ days }).toString() };
  };
  // Once more: between the two days one of the zones may have changed its clock, and midnight with it.
  return moved(moved(due));
}

export type Tone = "overdue" | "today" | "soon" | "later" | "done";

/** Whether the moment (or, without a time, the day) has passed. */
export function isOverdue(task: Pick<Task, "due" | "status">, calendar: Calendar): boolean {
  if (task.due === null || task.status === "completed") return false;
  const due = localDue(task.due, calendar.timeZone);
  if (due.day !== calendar.day || due.time === null) return due.day < calendar.day;
  return due.time < calendar.time;
}

/** The colour a due is written in. */
export function dueTone(task: Pick<Task, "due" | "status">, calendar: Calendar): Tone {
  if (task.due === null) return "later";
  if (task.status === "completed") return "done";
  if (isOverdue(task, calendar)) return "overdue";
  const days = daysUntil(localDue(task.due, calendar.timeZone).date, calendar.today);
  return days === 0 ? "today" : days < 7 ? "soon" : "later";
}

export function daysUntil(date: Temporal.PlainDate, today: Temporal.PlainDate): number {
  return today.until(date, { largestUnit: "day" }).days;
}

const sentence = (text: string, locale: string) => text.slice(0, 1).toLocaleUpperCase(locale) + text.slice(1);

/** "Today", "Tomorrow", "Fri", "3 days ago", "12 Mar", "12 Mar 2029". */
export function dayText(date: Temporal.PlainDate, calendar: Calendar): string {
  const days = daysUntil(date, calendar.today);
  const { locale } = calendar;
  if (days >= -6 && days <= 1) {
    return sentence(relativeFormat(locale, "long").format(days, "day"), locale);
  }
  if (days > 1 && days < 7) return civil(locale, { weekday: "short" }, date);
  const year = date.year === calendar.today.year ? undefined : "numeric";
  return civil(locale, { day: "numeric", month: "short", year }, date);
}

/** The day with its weekday: headings and explanations. "Tuesday 3 March", with the year when it is another. */
export function longDayText(date: Temporal.PlainDate, calendar: Calendar): string {
  const year = date.year === calendar.today.year ? undefined : "numeric";
  return civil(calendar.locale, { weekday: "long", day: "numeric", month: "long", year }, date);
}

/** "Tue 3 Mar": the short form that still names the day. */
export function shortDayText(date: Temporal.PlainDate, calendar: Calendar): string {
  const year = date.year === calendar.today.year ? undefined : "numeric";
  return civil(calendar.locale, { weekday: "short", day: "numeric", month: "short", year }, date);
}

/** A zone's last part, as people say it: "Tokyo", "New York". */
export function zoneText(timeZone: string): string {
  return timeZone.slice(timeZone.lastIndexOf("/") + 1).replaceAll("_", " ");
}

/** The due of a row: "Tomorrow 09:00". */
export function dueText(due: Due, calendar: Calendar, options: { timeOnly?: boolean } = {}): string {
  const local = localDue(due, calendar.timeZone);
  const time = local.time === null ? "" : timeText(local.time, calendar.locale);
  return options.timeOnly ? time : `${dayText(local.date, calendar)} ${time}`.trimEnd();
}

/** What a row adds for a task of another zone: "09:00 Tokyo". */
export function elsewhereText(due: Due, calendar: Calendar): string | null {
  const { elsewhere } = localDue(due, calendar.timeZone);
  if (elsewhere === null) return null;
  return `${timeText(elsewhere.time, calendar.locale)} ${zoneText(elsewhere.timeZone)}`;
}

/** The due in full, for the detail pane and for screen readers. */
export function longDueText(due: Due, calendar: Calendar): string {
  const local = localDue(due, calendar.timeZone);
  const day = longDayText(local.date, calendar);
  return local.time === null ? day : `${day}, ${timeText(local.time, calendar.locale)}`;
}

/** The day inside a sentence: "tomorrow", and unchanged where it is a name or a date. */
export function dayInSentence(date: Temporal.PlainDate, calendar: Calendar): string {
  const days = daysUntil(date, calendar.today);
  const text = dayText(date, calendar);
  return days >= -6 && days <= 1 ? uncapped(text, calendar.locale) : text;
}

const uncapped = (text: string, locale: string) => text.slice(0, 1).toLocaleLowerCase(locale) + text.slice(1);

/** An instant in the user's zone, near ones by their day: "Today 14:05", "12 Mar 14:05". */
export function instantText(instant: string, calendar: Calendar, day = dayText): string {
  const local = Temporal.Instant.from(instant).toZonedDateTimeISO(calendar.timeZone);
  const time = local.toPlainTime().toString({ smallestUnit: "minute" });
  return `${day(local.toPlainDate(), calendar)} ${timeText(time, calendar.locale)}`;
}

export const instantInSentence = (instant: string, calendar: Calendar) =>
  instantText(instant, calendar, dayInSentence);

/** How long ago, inside a sentence: "just now", "5 min ago", "yesterday 14:05", "12 Mar 14:05". */
export function agoText(instant: string, calendar: Calendar): string {
  const minutes = Math.floor(
    (calendar.now.epochMilliseconds - Temporal.Instant.from(instant).epochMilliseconds) / 60_000,
  );
  if (minutes >= 60) return instantInSentence(instant, calendar);
  return minutes <= 0 ? "just now" : relativeFormat(calendar.locale, "short").format(-minutes, "minute");
}

/** So many instants are remembered with their day; the tasks of one user have two each. */
const MOST_DAYS = 50_000;
const instantDays = { zone: "", days: new Map<string, { date: Temporal.PlainDate; day: string }>() };

/** The user's day of an instant, also as `YYYY-MM-DD`: looked up once, asked for at every key of a filter. */
export function instantDay(instant: string, timeZone: string): { date: Temporal.PlainDate; day: string } {
  if (instantDays.zone !== timeZone || instantDays.days.size > MOST_DAYS) {
    instantDays.zone = timeZone;
    instantDays.days.clear();
  }
  let known = instantDays.days.get(instant);
  if (known === undefined) {
    const date = Temporal.Instant.from(instant).toZonedDateTimeISO(timeZone).toPlainDate();
    instantDays.days.set(instant, known = { date, day: date.toString() });
  }
  return known;
}

/** The user's day of an instant. */
export const dayOf = (instant: string, timeZone: string): Temporal.PlainDate =>
  instantDay(instant, timeZone).date;

/** The ISO weekday (1 = Monday) a week begins with. */
export function firstWeekday(weekStart: Preferences["weekStart"]): number {
  switch (weekStart) {
    case "monday":
      return 1;
    case "sunday":
      return 7;
    case "saturday":
      return 6;
  }
}

/** The weeks that cover a month, each of seven days. */
export function monthWeeks(month: Temporal.PlainYearMonth, first: number): Temporal.PlainDate[][] {
  const start = month.toPlainDate({ day: 1 });
  const lead = (start.dayOfWeek - first + 7) % 7;
  const count = Math.ceil((lead + month.daysInMonth) / 7);
  return Array.from(
    { length: count },
    (_, week) => Array.from({ length: 7 }, (_, day) => start.add({ days: week * 7 + day - lead })),
  );
}

/** Weekday names from the first day of the week on; 2001-01-01 was a Monday. */
export function weekdayNames(
  locale: string,
  first: number,
  width: "short" | "narrow" | "long",
): { day: number; name: string }[] {
  return Array.from({ length: 7 }, (_, index) => {
    const day = (first - 1 + index) % 7 + 1;
    return { day, name: civil(locale, { weekday: width }, new Temporal.PlainDate(2001, 1, day)) };
  });
}

export function monthText(month: Temporal.PlainYearMonth, locale: string): string {
  return civil(locale, { month: "long", year: "numeric" }, month.toPlainDate({ day: 1 }));
}

/** A reminder in words: "30 minutes before", "At the due time", or its moment. */
export function reminderText(reminder: { before?: string; at?: string }, calendar: Calendar): string {
  if (reminder.at !== undefined) return instantText(reminder.at, calendar);
  const duration = Temporal.Duration.from(reminder.before ?? "PT0S");
  if (duration.blank) return "At the due time";
  const parts: [number, string][] = [
    [duration.weeks, "week"],
    [duration.days, "day"],
    [duration.hours, "hour"],
    [duration.minutes, "minute"],
    [duration.seconds, "second"],
  ];
  const words = parts.filter(([amount]) => amount > 0)
    .map(([amount, unit]) =>
      new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long" }).format(amount)
    );
  return `${words.join(" ")} before`;
}
