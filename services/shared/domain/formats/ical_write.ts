/** Writing iCalendar (RFC 5545): tasks as VTODO for exchange, and what a feed writes in the same way. */
import ICAL from "ical.js";
import type { Task } from "../../contracts/task.ts";
import { type JCal, type JCalProperty, zoneComponent } from "./ical_zones.ts";

const PRODUCT = "-//Rondo//Rondo//EN";
const PRIORITIES = { urgent: 1, high: 3, medium: 5, low: 9 } as const;
/** Years of changes that a VTIMEZONE names after the last due, for series that go on. */
const ZONE_YEARS = 15;

/**
 * Writes tasks as an iCalendar file of VTODO components.
 *
 * A rule is written as it is: a program that follows RFC 5545 alone leaves out months too short for the day,
 * where Rondo takes their last day. What iCalendar has no property for (the list, recurring from completion) is
 * an X- property. Not carried: the zone of a due without a time, and fractions of a second.
 */
export function formatICal(tasks: Task[], lists: { id: string; name: string }[]): string {
  const names = new Map(lists.map(({ id, name }) => [id, name]));
  const ids = new Set(tasks.map(({ id }) => id));
  const todos = tasks.map((task) => todoOf(task, names.get(task.listId), ids));
  return write([], tasks.map(({ due }) => due), todos);
}

/** A calendar with the zones that these dues are in. */
export function write(head: JCalProperty[], dues: Task["due"][], components: JCal[]): string {
  const calendar: JCal = ["vcalendar", [
    ["version", {}, "text", "2.0"],
    ["prodid", {}, "text", PRODUCT],
    ["calscale", {}, "text", "GREGORIAN"],
    ...head,
  ], [...zonesOf(dues), ...components]];
  return `${ICAL.stringify(calendar)}\r\n`;
}

/** One VTIMEZONE for each zone in use; UTC needs none. */
function zonesOf(dues: Task["due"][]): JCal[] {
  const years = new Map<string, { from: number; to: number }>();
  for (const due of dues) {
    if (due === null || due.time === null || due.timeZone === null || due.timeZone === "UTC") continue;
    const year = Temporal.PlainDate.from(due.date).year;
    const known = years.get(due.timeZone) ?? { from: year, to: year };
    years.set(due.timeZone, { from: Math.min(known.from, year), to: Math.max(known.to, year) });
  }
  return [...years].map(([zone, { from, to }]) =>
    zoneComponent(zone, Math.max(from - 1, 1), Math.min(to + ZONE_YEARS, 9_998))
  );
}

/** Text without the control characters that RFC 5545 (section 3.1) forbids, lines parted by LF. */
export function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/g, "");
}

function utc(name: string, instant: string): JCalProperty {
  const at = Temporal.Instant.from(instant).round({ smallestUnit: "second", roundingMode: "trunc" });
  return [name, {}, "date-time", at.toString()];
}

/** A property that is a due, of the type that it needs. */
export function moment(name: string, due: NonNullable<Task["due"]>): JCalProperty {
  if (due.time === null) return [name, {}, "date", due.date];
  const at = `${due.date}T${due.time}:00`;
  if (due.timeZone === null) return [name, {}, "date-time", at];
  return due.timeZone === "UTC"
    ? [name, {}, "date-time", `${at}Z`]
    : [name, { tzid: due.timeZone }, "date-time", at];
}

/** What a task has whatever component it is written as. */
export function common(task: Task): JCalProperty[] {
  const properties: JCalProperty[] = [
    ["uid", {}, "text", `${task.id}@rondo`],
    utc("dtstamp", task.updatedAt),
    utc("created", task.createdAt),
    utc("last-modified", task.updatedAt),
    ["sequence", {}, "integer", task.version],
    ["summary", {}, "text", plain(task.title).replace(/\n/g, " ")],
    ["priority", {}, "integer", PRIORITIES[task.priority]],
  ];
  if (task.notes !== "") properties.push(["description", {}, "text", plain(task.notes)]);
  if (task.tags.length > 0) properties.push(["categories", {}, "text", ...task.tags.map(plain)]);
  return properties;
}

function todoOf(task: Task, list: string | undefined, ids: Set<string>): JCal {
  const properties = common(task);
  if (list !== undefined) properties.push(["x-rondo-list", {}, "text", plain(list)]);
  if (task.due !== null) {
    // DTSTART is what RRULE counts from; the section on DUE wants it earlier, but for a task both are the due.
    if (task.recurrence !== null) properties.push(moment("dtstart", task.due));
    properties.push(moment("due", task.due));
  }
  if (task.recurrence !== null && task.due !== null) {
    properties.push(ruleOf(task.recurrence.rule, task.due));
    if (task.recurrence.mode === "completion") {
      properties.push(["x-rondo-recurrence-mode", {}, "text", "completion"]);
    }
  }
  if (task.parentId !== null && ids.has(task.parentId)) {
    properties.push(["related-to", { reltype: "PARENT" }, "text", `${task.parentId}@rondo`]);
  }
  if (task.status === "completed") {
    properties.push(["status", {}, "text", "COMPLETED"], ["percent-complete", {}, "integer", 100]);
    properties.push(utc("completed", task.completedAt ?? task.updatedAt));
  } else properties.push(["status", {}, "text", "NEEDS-ACTION"]);
  return ["vtodo", properties, task.reminders.flatMap((reminder) => alarmOf(reminder, task))];
}

function alarmOf(reminder: Task["reminders"][number], task: Task): JCal[] {
  let trigger: JCalProperty;
  if (reminder.at !== undefined) trigger = utc("trigger", reminder.at);
  else if (reminder.before !== undefined) {
    trigger = ["trigger", { related: "END" }, "duration", before(reminder.before)];
  } else return [];
  // ical.js writes VALUE=DATE-TIME by itself, as the trigger's own type is a duration.
  return [["valarm", [
    ["action", {}, "text", "DISPLAY"],
    ["description", {}, "text", plain(task.title).replace(/\n/g, " ")],
    trigger,
  ], []]];
}

/** `-PT30M`; weeks beside other units become days, as RFC 5545 (section 3.3.6) takes weeks alone. */
function before(duration: string): string {
  const parts = /^P(\d+)W(?:(\d+)D)?(T.+)?$/.exec(duration);
  if (parts === null || (parts[2] === undefined && parts[3] === undefined)) return `-${duration}`;
  return `-P${7 * Number(parts[1]) + Number(parts[2] ?? 0)}D${parts[3] ?? ""}`;
}

/** RRULE, its UNTIL of the same type as DTSTART: a date, a local time, or UTC (RFC 5545, section 3.3.10). */
function ruleOf(rule: string, due: NonNullable<Task["due"]>): JCalProperty {
  const written = rule.replace(/UNTIL=(\d{8})(T\d{6}Z?)?/, (_all, date: string, time: string | undefined) => {
    if (due.time === null) return `UNTIL=${date}`;
    if (time?.endsWith("Z") === true || (due.timeZone === null && time !== undefined)) {
      return `UNTIL=${date}${time}`;
    }
    const local = `${date}${time ?? "T235959"}`;
    if (due.timeZone === null) return `UNTIL=${local}`;
    const until = Temporal.PlainDateTime.from(local).toZonedDateTime(due.timeZone).withTimeZone("UTC");
    return `UNTIL=${until.toPlainDateTime().toString({ smallestUnit: "second" }).replace(/[-:]/g, "")}Z`;
  });
  return ["rrule", {}, "recur", ICAL.Recur.fromString(written).toJSON()];
}
