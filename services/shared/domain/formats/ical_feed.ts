/** The calendar feed: open tasks with a due as VEVENT (RFC 5545), and when series will come again. */
import ICAL from "ical.js";
import type { Due, Task } from "../../contracts/task.ts";
import { occurrencesBetween } from "../recurrence.ts";
import { resolveDue } from "../time.ts";
import { common, moment, plain, write } from "./ical_write.ts";
import type { JCal, JCalProperty } from "./ical_zones.ts";

export interface FeedOptions {
  /** What a calendar shows as its name. */
  name: string;
  /** IANA zone of the user: floating times are in it. */
  timeZone: string;
}

/** A task, and of a recurring one the grid that its occurrence stands on. */
export interface FeedTask extends Task {
  series?: { anchor: Due; scheduled: string } | null;
}

/** How far ahead a series is written out that no rule of RFC 5545 names, and how often at most. */
const AHEAD = { years: 2 };
const MOST_AHEAD = 400;
const MOST_COUNTED = 10_000;

/**
 * Writes the open tasks with a due as an iCalendar feed.
 *
 * As VEVENT, because calendars that subscribe to a feed (Google, Outlook, Apple) show no VTODO, and both side by
 * side would show a task twice where they do. Without VALARM: Rondo itself reminds. A series counted from completion
 * shows its next occurrence alone, since the others have no date yet.
 */
export function formatFeed(tasks: FeedTask[], { name, timeZone }: FeedOptions): string {
  const due = tasks.filter((task) => task.status === "open" && task.due !== null && task.deletedAt === null);
  const head: JCalProperty[] = [
    ["method", {}, "text", "PUBLISH"],
    ["name", {}, "text", plain(name)],
    ["x-wr-calname", {}, "text", plain(name)],
    ["x-wr-timezone", {}, "text", timeZone],
    ["refresh-interval", {}, "duration", "PT15M"],
    ["x-published-ttl", {}, "duration", "PT15M"],
  ];
  const events = due.map((task) => placed(task, timeZone));
  const dues = events.flatMap((task) =>
    [task.due, task.series?.anchor ?? null].map((one) => sameYear(one, task))
  );
  return write(head, dues, events.flatMap((task) => eventsOf(task, timeZone)));
}

/** A task with its floating times in the user's zone: of subscribed calendars many would take them as UTC. */
function placed(task: FeedTask, userZone: string): FeedTask {
  const inZone = <D extends Due | null>(due: D): D =>
    due === null || due.time === null || due.timeZone !== null ? due : { ...due, timeZone: userZone };
  const { due, series = null } = task;
  return { ...task, due: inZone(due), series: series && { ...series, anchor: inZone(series.anchor) } };
}

/** An anchor long ago needs its zone from the present occurrence on. */
const sameYear = (due: Due | null, task: Task): Due | null =>
  due === null || task.due === null ? due : { ...due, date: task.due.date };

function eventsOf(task: FeedTask, userZone: string): JCal[] {
  const { due, recurrence } = task;
  if (due === null) return [];
  if (recurrence?.mode !== "schedule") return [eventOf(task, due)];
  const { anchor, scheduled } = task.series ?? { anchor: due, scheduled: due.date };
  const onGrid: Due = { ...anchor, date: scheduled };
  const rule = plainRule(recurrence.rule, anchor, scheduled, userZone);
  if (rule === null) {
    const later = writtenOut(recurrence.rule, anchor, scheduled, userZone);
    return [eventOf(task, due), ...later.map((date) => eventOf(task, { ...anchor, date }, { suffix: date }))];
  }
  const extra: JCalProperty[] = [["rrule", {}, "recur", ICAL.Recur.fromString(rule).toJSON()]];
  if (same(due, onGrid)) return [eventOf(task, due, { extra })];
  // Moved by hand: the series stays where it was, and this one of it is elsewhere.
  return [
    eventOf(task, onGrid, { extra }),
    eventOf(task, due, { extra: [moment("recurrence-id", onGrid)] }),
  ];
}

const same = (a: Due, b: Due): boolean => a.date === b.date && a.time === b.time && a.timeZone === b.timeZone;

function eventOf(task: Task, due: Due, { suffix = "", extra = [] as JCalProperty[] } = {}): JCal {
  const properties = common(task);
  if (suffix !== "") properties[0] = ["uid", {}, "text", `${task.id}-${suffix}@rondo`];
  return ["vevent", [
    ...properties,
    moment("dtstart", due),
    // A due is a point in time; half an hour is what calendars can show a title in.
    ["duration", {}, "duration", due.time === null ? "P1D" : "PT30M"],
    ...extra,
    ["transp", {}, "text", "TRANSPARENT"],
  ], []];
}

/** The dates after `scheduled`, for a rule that calendars would read in another way than Rondo. */
function writtenOut(rule: string, anchor: Due, scheduled: string, userZone: string): string[] {
  const day = Temporal.PlainDate.from(scheduled);
  const [from, to] = [day.add({ days: 1 }).toString(), day.add(AHEAD).toString()];
  return occurrencesBetween({ rule, anchor, from, to, limit: MOST_AHEAD, userZone });
}

/**
 * The rule of what comes from `scheduled` on in the words of plain RFC 5545, or null when it has none for it: there
 * a month too short is left out, where Rondo takes its last day. Null as well where calendars are known to differ:
 * over a first occurrence that the rule does not name, and over rules beyond those that people make with a mouse.
 */
function plainRule(rule: string, anchor: Due, scheduled: string, userZone: string): string | null {
  const parts = new Map(rule.split(";").map((part) => part.split("=") as [string, string]));
  // Calendars move a time in UTC to the zone of the feed, and then repeat it there.
  if (anchor.timeZone === "UTC" && userZone !== "UTC") return null;
  if (!isUsual(parts) || !isNamed(rule, scheduled) || !sayLastDay(parts, anchor.date)) return null;
  const count = parts.get("COUNT");
  if (count !== undefined) {
    const before = Temporal.PlainDate.from(scheduled).subtract({ days: 1 }).toString();
    const range = { from: anchor.date, to: before, limit: MOST_COUNTED };
    const gone = occurrencesBetween({ rule, anchor, ...range, userZone }).length;
    parts.set("COUNT", String(Math.max(1, Number(count) - gone)));
  }
  const until = parts.get("UNTIL");
  if (until !== undefined) parts.set("UNTIL", untilOf(until, anchor, userZone));
  return [...parts].map(([name, value]) => `${name}=${value}`).join(";");
}

/** Whether a rule names a date by itself: asked of the rule from a year before on, so that no anchor counts. */
function isNamed(rule: string, date: string): boolean {
  const open = rule.replace(/;(?:COUNT|UNTIL|INTERVAL)=[^;]+/g, "");
  // What a rule takes from its first occurrence, this one has as well.
  if (!/BY(?:DAY|MONTHDAY|MONTH)=/.test(open)) return true;
  const day = Temporal.PlainDate.from(date);
  if (!/BY(?:DAY|MONTHDAY)=/.test(open)) {
    return new RegExp(`BYMONTH=(?:\\d+,)*${day.month}(?:,|;|$)`).test(open);
  }
  const early = day.with({ month: 1, day: 1 }).subtract({ years: 1 }).toString();
  const anchor = { date: early, time: null, timeZone: null };
  return occurrencesBetween({ rule: open, anchor, from: date, to: date }).length === 1;
}

/** The parts beside FREQ, INTERVAL, WKST, COUNT and UNTIL that every calendar reads alike, and their values. */
const USUAL: Record<string, readonly (readonly [name: string, value: RegExp][])[]> = {
  DAILY: [[], [["BYDAY", /./]]],
  WEEKLY: [[], [["BYDAY", /./]]],
  MONTHLY: [
    [],
    [["BYMONTHDAY", /./]],
    [["BYDAY", /^[A-Z,]+$/]],
    [["BYDAY", /^(?:-?[1-5][A-Z]+,?)+$/]],
    [["BYDAY", /^[A-Z,]+$/], ["BYSETPOS", /^-?\d$/]],
  ],
  YEARLY: [
    [],
    [["BYMONTH", /^\d+$/]],
    [["BYMONTH", /^\d+$/], ["BYMONTHDAY", /^-?\d+$/]],
    [["BYMONTH", /^\d+$/], ["BYDAY", /^-?[1-5][A-Z]+$/]],
  ],
};

function isUsual(parts: ReadonlyMap<string, string>): boolean {
  const by = [...parts.keys()].filter((name) => name.startsWith("BY"));
  return (USUAL[parts.get("FREQ") ?? ""] ?? []).some((shape) =>
    shape.length === by.length && shape.every(([name, value]) => value.test(parts.get(name) ?? ""))
  );
}

/** Names day 31, or 29 February, as the last of the month; false when a day may be missing and can't be named. */
function sayLastDay(parts: Map<string, string>, anchor: string): boolean {
  const freq = parts.get("FREQ");
  if (parts.has("BYDAY") || (freq !== "MONTHLY" && freq !== "YEARLY")) return true;
  const days = (parts.get("BYMONTHDAY") ?? anchor.slice(8)).split(",").map(Number);
  const month = Number(parts.get("BYMONTH") ?? anchor.slice(5, 7));
  // Of a month that is not named, the shortest; of February, that of most years.
  const length = freq === "MONTHLY" ? 28 : new Temporal.PlainDate(2027, month, 1).daysInMonth;
  if (days.every((day) => day <= length && day >= -length)) return true;
  const longest = freq === "MONTHLY" ? 31 : month === 2 ? 29 : length;
  const [day = 0, ...others] = days;
  if (others.length > 0 || day < longest) return false;
  if (freq === "YEARLY") parts.set("BYMONTH", String(month));
  parts.set("BYMONTHDAY", "-1");
  return true;
}

/**
 * UNTIL in the type of the first occurrence, as RFC 5545 (section 3.3.10) wants it: a date, or UTC.
 * Written as the end of the last day that may come.
 */
function untilOf(until: string, anchor: Due, userZone: string): string {
  const last = lastDay(until, anchor, userZone);
  const compact = last.toString().replaceAll("-", "");
  if (anchor.time === null) return compact;
  const end = last.toPlainDateTime({ hour: 23, minute: 59, second: 59 })
    .toZonedDateTime(anchor.timeZone ?? userZone);
  return `${
    end.withTimeZone("UTC").toPlainDateTime().toString({ smallestUnit: "second" }).replace(/[-:]/g, "")
  }Z`;
}

function lastDay(until: string, anchor: Due, userZone: string): Temporal.PlainDate {
  const [, day = "", time = "", utc = ""] = /^(\d{8})(?:T(\d{6})(Z?))?$/.exec(until) ?? [];
  const date = Temporal.PlainDate.from(day);
  if (time === "" || (utc === "" && anchor.time === null)) return date;
  if (utc === "") {
    const late = `${(anchor.time ?? "").replace(":", "")}00` > time;
    return late ? date.subtract({ days: 1 }) : date;
  }
  const instant = Temporal.Instant.from(`${day}T${time}Z`);
  const there = instant.toZonedDateTimeISO(anchor.timeZone ?? userZone).toPlainDate();
  const at = resolveDue({ ...anchor, date: there.toString() }, userZone);
  return Temporal.Instant.compare(at, instant) > 0 ? there.subtract({ days: 1 }) : there;
}
