/** Reading iCalendar (RFC 5545): VTODO to tasks, property by property, so that one bad line costs only itself. */
import ICAL from "ical.js";
import { formatInstant } from "../time.ts";
import { type JCalProperty, type ZoneDefinition, ZoneReader } from "./ical_zones.ts";
import {
  civilDate,
  Import,
  type ImportedTask,
  type ImportOptions,
  type ImportResult,
  linesOf,
  toTag,
} from "./imported.ts";

interface ContentLine {
  text: string;
  line: number;
}

interface Component {
  name: string;
  line: number;
  lines: ContentLine[];
  alarms: Component[];
}

type Due = NonNullable<ImportedTask["due"]>;
type Reminder = NonNullable<ImportedTask["reminders"]>[number];

/** The properties that become something of a task. */
const READ = new Set(
  ("summary description priority status percent-complete completed created dtstart due duration categories uid " +
    "related-to recurrence-id rrule exdate rdate exrule trigger x-rondo-list x-rondo-recurrence-mode").split(
      " ",
    ),
);
const MAX_REPEATS = 100;
/** The years that `civilDate` takes. */
const FIRST_YEAR = 1_000;
const LAST_YEAR = 9_998;
/** Of components nested deeper than this, the outermost are given up. */
const MAX_DEPTH = 20;

/**
 * Reads the VTODO components of an iCalendar file.
 *
 * A property that cannot be read is left out, with a problem at its line, and the task is imported; a VTODO
 * without a title, without its END, cancelled, or standing for one occurrence of another (RECURRENCE-ID) is
 * skipped, as is every event and journal entry. Parents come before their children in the result.
 */
export function parseICal(text: string, options: ImportOptions): ImportResult {
  const found = new Import();
  const file = componentsOf(text, found);
  const reader = new Reader(found, new ZoneReader(file.zones), options);
  const read: Read[] = [];
  for (const todo of file.todos) {
    const one = reader.todo(todo);
    if (one !== null) read.push(one);
  }
  const { problems, skipped } = found.result();
  return {
    tasks: withParents(read, problems),
    problems: problems.toSorted((a, b) => a.line - b.line),
    skipped,
  };
}

/** Unfolds content lines (RFC 5545, section 3.1), each with the number of its first line. */
function unfolded(text: string): ContentLine[] {
  const unfolded: { parts: string[]; line: number }[] = [];
  linesOf(text).forEach((part, k) => {
    const last = unfolded.at(-1);
    if (last !== undefined && /^[ \t]/.test(part)) last.parts.push(part.slice(1));
    else if (part.trim() !== "") unfolded.push({ parts: [part], line: k + 1 });
  });
  return unfolded.map(({ parts, line }) => ({ text: parts.join(""), line }));
}

function componentsOf(
  text: string,
  found: Import,
): { todos: Component[]; zones: Map<string, ZoneDefinition> } {
  const todos: Component[] = [];
  const zones = new Map<string, ZoneDefinition>();
  const open: Component[] = [];
  let any = false;
  const close = (component: Component, whole: boolean) => {
    if (component.name === "VALARM") open.findLast(({ name }) => name === "VTODO")?.alarms.push(component);
    if (component.name === "VTODO" && whole) todos.push(component);
    if (component.name === "VTODO" && !whole) {
      found.skip(component.line, "skipped, as BEGIN:VTODO must have its END:VTODO");
    }
    if (component.name === "VEVENT" || component.name === "VJOURNAL") {
      found.skip(component.line, `skipped, as a task must be a VTODO: ${component.name}`);
    }
  };
  let zone: string[] | null = null;
  for (const content of unfolded(text)) {
    const [, mark, given = ""] = /^(BEGIN|END):(.*)$/i.exec(content.text) ?? [];
    const name = given.trim().toUpperCase();
    if (mark?.toUpperCase() === "BEGIN") {
      any ||= name === "VCALENDAR";
      if (name === "VTIMEZONE") zone = [];
      // A VTODO holds no VTODO, so the one before has lost its end.
      if (name === "VTODO" || name === "VCALENDAR") {
        const lost = open.findLastIndex((one) => one.name === "VTODO");
        if (lost !== -1) { for (const one of open.splice(lost).toReversed()) close(one, false); }
      }
      const outer = open.length < MAX_DEPTH ? undefined : open.shift();
      if (outer !== undefined) close(outer, false);
      open.push({ name, line: content.line, lines: [], alarms: [] });
    } else if (mark !== undefined) {
      const at = open.findLastIndex((one) => one.name === name);
      if (at !== -1) { for (const one of open.splice(at).toReversed()) close(one, one.name === name); }
    } else open.at(-1)?.lines.push(content);
    zone?.push(content.text);
    if (mark?.toUpperCase() === "END" && name === "VTIMEZONE" && zone !== null) {
      addZone(zones, zone);
      zone = null;
    }
  }
  for (const one of open.toReversed()) close(one, false);
  if (!any && todos.length === 0) found.problem(1, "nothing imported, as the file must hold BEGIN:VCALENDAR");
  return { todos, zones };
}

function addZone(zones: Map<string, ZoneDefinition>, lines: string[]): void {
  const value = (name: RegExp) =>
    lines.find((line) => name.test(line))?.replace(/^[^:]*:/, "").trim() ?? null;
  const tzid = value(/^TZID[:;]/i);
  if (tzid !== null) zones.set(tzid, { lines, location: value(/^X-LIC-LOCATION[:;]/i) });
}

interface Property {
  line: number;
  parameters: Record<string, string>;
  type: string;
  values: string[];
  raw: string;
}

interface Read {
  task: ImportedTask;
  uid: string | null;
  parent: Property | null;
}

/** A date or a moment of a property, before it becomes a due or an instant. */
interface Moment extends Due {
  /** Seconds, which a due has none of. */
  local: string;
}

class Reader {
  #found: Import;
  #zones: ZoneReader;
  #options: ImportOptions;

  constructor(found: Import, zones: ZoneReader, options: ImportOptions) {
    this.#found = found;
    this.#zones = zones;
    this.#options = options;
  }

  /** A task of a VTODO, or null when it was skipped. */
  todo(todo: Component): Read | null {
    const nul = todo.lines.find(({ text }) => text.includes("\0"));
    if (nul !== undefined) return this.#skip(nul.line, "skipped, as text must not hold a NUL character");
    const all = this.#properties(todo.lines);
    const one = (name: string) => all.get(name)?.[0] ?? null;
    const text = (name: string) => one(name)?.values[0] ?? "";
    const status = text("status").toUpperCase();
    if (status === "CANCELLED") return this.#skip(todo.line, "skipped, as STATUS must not be CANCELLED");
    const instance = one("recurrence-id");
    if (instance !== null) {
      return this.#skip(
        instance.line,
        "skipped, as RECURRENCE-ID, one moved occurrence of a series, cannot be read",
      );
    }
    const done = status === "COMPLETED" ||
      (status === "" && (one("completed") !== null || text("percent-complete") === "100"));
    const task: ImportedTask = {
      title: text("summary").replace(/\s+/g, " ").trim(),
      priority: this.#priority(one("priority")),
      status: done ? "completed" : "open",
      due: null,
      recurrence: null,
      line: todo.line,
    };
    const notes = text("description").replace(/\r\n?/g, "\n");
    if (notes !== "") task.notes = notes;
    const tags = new Set((all.get("categories") ?? []).flatMap(({ values }) => values).map(toTag));
    tags.delete(null);
    if (tags.size > 0) task.tags = [...tags].filter((tag) => tag !== null);
    const list = text("x-rondo-list").trim();
    if (list !== "" && list.length <= 100) task.listName = list;
    const created = this.#instant(one("created"));
    if (created !== null) task.createdAt = created;
    const completed = done ? this.#past(one("completed")) : null;
    if (completed !== null) task.completedAt = completed;

    const start = this.#moment(one("dtstart"));
    const due = this.#moment(one("due")) ?? this.#ends(start, one("duration")) ?? start;
    if (due !== null) task.due = { date: due.date, time: due.time, timeZone: due.timeZone };
    task.recurrence = this.#recurrence(all, due, start, text("x-rondo-recurrence-mode"));
    const reminders = todo.alarms.flatMap((alarm) => this.#alarm(alarm, due, start) ?? []);
    if (reminders.length > 0) task.reminders = reminders;

    const parent = (all.get("related-to") ?? []).find(({ parameters }) =>
      (parameters["reltype"] ?? "PARENT").toUpperCase() === "PARENT"
    );
    // The index comes later, with the parents.
    const before = this.#found.tasks.length;
    this.#found.add(task);
    return this.#found.tasks.length === before
      ? null
      : { task, uid: one("uid")?.values[0] ?? null, parent: parent ?? null };
  }

  #skip(line: number, message: string): null {
    this.#found.skip(line, message);
    return null;
  }

  #properties(lines: ContentLine[]): Map<string, Property[]> {
    const all = new Map<string, Property[]>();
    for (const { text, line } of lines) {
      const name = /^([A-Za-z0-9-]+)[;:]/.exec(text)?.[1]?.toLowerCase();
      if (name === undefined) {
        this.#found.problem(line, "imported without this line, as it must be NAME:VALUE of RFC 5545");
        continue;
      }
      // What is not read need not be right; a name repeated past all limits is not read on.
      if (!READ.has(name) || (all.get(name)?.length ?? 0) >= MAX_REPEATS) continue;
      try {
        const [, parameters, type, ...values]: JCalProperty = ICAL.parse.property(text);
        const property = {
          line,
          parameters,
          type,
          values: values.map(asText),
          raw: text.replace(/^[^:]*:/, ""),
        };
        const same = all.get(name);
        if (same === undefined) all.set(name, [property]);
        else same.push(property);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message.slice(0, 120) : "not a content line";
        this.#found.problem(
          line,
          `imported without this line, as it must be NAME:VALUE of RFC 5545: ${reason}`,
        );
      }
    }
    return all;
  }

  #priority(property: Property | null): ImportedTask["priority"] {
    if (property === null) return "medium";
    const value = /^\d$/.test(property.raw.trim()) ? Number(property.raw) : -1;
    if (value < 0) {
      this.#found.problem(property.line, "imported as medium, as PRIORITY must be 0 to 9");
      return "medium";
    }
    if (value === 0 || value === 5) return "medium";
    return value === 1 ? "urgent" : value < 5 ? "high" : "low";
  }

  /** A DATE, or a local, zoned or UTC DATE-TIME (RFC 5545, sections 3.3.4 and 3.3.5). */
  #moment(property: Property | null): Moment | null {
    if (property === null) return null;
    const { line } = property;
    // Without VALUE=DATE ical.js takes a bare date, which many programs write, for half a date-time.
    const written = (property.values[0] ?? "").replace(/[-:]/g, "").replace(/T$/, "");
    const parts = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/.exec(written);
    const [, year = "", month = "", day = "", hour, minute, second = "00", utc] = parts ?? [];
    const date = `${year}-${month}-${day}`;
    const exact = hour === undefined || (Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60);
    if (parts === null || civilDate(date) === null || !exact) {
      const name = property.raw.slice(0, 40);
      this.#found.problem(
        line,
        `imported without it, as a date must be one that exists, such as 20270131 or 20270131T090000: ${name}`,
      );
      return null;
    }
    if (hour === undefined) return { date, time: null, timeZone: null, local: `${date}T00:00:00` };
    const time = `${hour}:${minute}`;
    const local = `${date}T${time}:${second === "60" ? "59" : second}`;
    if (utc !== undefined) return { date, time, timeZone: "UTC", local };
    const tzid = property.parameters["tzid"];
    if (tzid === undefined) return { date, time, timeZone: null, local };
    const zone = this.#zones.iana(tzid);
    if (zone !== null) return { date, time, timeZone: zone, local };
    const offset = this.#zones.offset(tzid, local);
    if (offset === null) {
      this.#found.problem(
        line,
        `imported as floating, as TZID must be an IANA zone or have its VTIMEZONE: ${tzid.slice(0, 64)}`,
      );
      return { date, time, timeZone: null, local };
    }
    // The file's own zone has no name here: the moment is kept, on the user's clock.
    const moment = Temporal.PlainDateTime.from(local).toZonedDateTime("UTC").subtract({ seconds: offset })
      .withTimeZone(this.#options.timeZone).toPlainDateTime();
    return {
      date: moment.toPlainDate().toString(),
      time: moment.toPlainTime().toString({ smallestUnit: "minute" }),
      timeZone: this.#options.timeZone,
      local: moment.toString({ smallestUnit: "second" }),
    };
  }

  #ends(start: Moment | null, duration: Property | null): Moment | null {
    if (start === null || duration === null) return null;
    const length = durationOf(duration.values[0] ?? "");
    const end = length === null || length.sign < 0
      ? null
      : Temporal.PlainDateTime.from(start.local).add(length);
    if (end === null || end.year > LAST_YEAR) {
      this.#found.problem(
        duration.line,
        "imported without it, as DURATION must be a positive duration such as PT1H",
      );
      return null;
    }
    const time = start.time === null ? null : end.toPlainTime().toString({ smallestUnit: "minute" });
    return {
      ...start,
      date: end.toPlainDate().toString(),
      time,
      local: end.toString({ smallestUnit: "second" }),
    };
  }

  #instantOf(moment: Moment): Temporal.Instant {
    return Temporal.PlainDateTime.from(moment.local).toZonedDateTime(
      moment.timeZone ?? this.#options.timeZone,
    )
      .toInstant();
  }

  #instant(property: Property | null): string | null {
    const moment = this.#moment(property);
    return moment === null ? null : formatInstant(this.#instantOf(moment));
  }

  #past(property: Property | null): string | null {
    const at = this.#instant(property);
    if (at === null || Temporal.Instant.compare(Temporal.Instant.from(at), this.#options.now) <= 0) return at;
    this.#found.problem(
      property?.line ?? 1,
      `imported without its completion date, as it must not be in the future: ${at}`,
    );
    return null;
  }

  #recurrence(
    all: Map<string, Property[]>,
    due: Moment | null,
    start: Moment | null,
    mode: string,
  ): ImportedTask["recurrence"] {
    const [property, second] = all.get("rrule") ?? [];
    if (property === undefined) return null;
    const { line } = property;
    const without = (reason: string) => {
      this.#found.problem(line, `imported without its recurrence, as ${reason}`);
      return null;
    };
    if (due === null) return without("RRULE needs a DUE or a DTSTART that can be read");
    if (second !== undefined) return without("a task must have one RRULE");
    const moved = start !== null && start.date !== due.date;
    if (moved && /BY(DAY|MONTHDAY|YEARDAY|WEEKNO)=/i.test(property.raw)) {
      return without("an RRULE with BYDAY or BYMONTHDAY must count from the due, and DTSTART is another day");
    }
    const rule = this.#found.rules.read(this.#untilOf(property.raw.trim().toUpperCase(), due));
    if ("problem" in rule) return without(`RRULE ${rule.problem}`);
    for (const name of ["exdate", "rdate", "exrule"]) {
      const extra = all.get(name)?.[0];
      if (extra === undefined) continue;
      this.#found.problem(
        extra.line,
        `imported without it, as a recurrence must be an RRULE alone: ${name.toUpperCase()}`,
      );
    }
    return { rule: rule.rule, mode: mode.toLowerCase() === "completion" ? "completion" : "schedule" };
  }

  /** UNTIL at the last second of a day, which is how a moment says "that day included", as the day itself. */
  #untilOf(rule: string, due: Moment): string {
    return rule.replace(
      /UNTIL=(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(Z?)/,
      (all, year, month, day, hour, minute, second, utc) => {
        if (due.time === null) return `UNTIL=${year}${month}${day}`;
        if (
          civilDate(`${year}-${month}-${day}`) === null || Number(hour) > 23 || Number(minute) > 59
        ) return all;
        const written = Temporal.PlainDateTime.from(`${year}-${month}-${day}T${hour}:${minute}:${second}`);
        const zone = due.timeZone ?? this.#options.timeZone;
        const local = utc === ""
          ? written
          : written.toZonedDateTime("UTC").withTimeZone(zone).toPlainDateTime();
        const lastSecond = local.toPlainTime().toString({ smallestUnit: "second" }) === "23:59:59";
        return lastSecond ? `UNTIL=${local.toPlainDate().toString().replaceAll("-", "")}` : all;
      },
    );
  }

  /** A reminder of a VALARM (RFC 5545, section 3.8.6.3): before the due, or at an instant. */
  #alarm(alarm: Component, due: Moment | null, start: Moment | null): Reminder | null {
    const trigger = this.#properties(alarm.lines.filter(({ text }) => /^TRIGGER[:;]/i.test(text))).get(
      "trigger",
    )?.[0];
    const without = (reason: string) => {
      this.#found.problem(trigger?.line ?? alarm.line, `imported without this reminder, as ${reason}`);
      return null;
    };
    if (trigger === undefined) return without("VALARM must have a TRIGGER");
    const value = trigger.values[0] ?? "";
    if (trigger.type === "date-time") {
      if (/T24|T2[5-9]/.test(value)) return without("a TRIGGER must be a time that exists");
      const at = this.#instant(trigger);
      return at === null ? null : { at };
    }
    const length = durationOf(value);
    if (length === null) {
      return without(`a TRIGGER must be a duration such as -PT30M, or a date-time: ${value.slice(0, 40)}`);
    }
    const fromStart = (trigger.parameters["related"] ?? "START").toUpperCase() === "START";
    if (fromStart && start !== null && due !== null && start.local !== due.local) {
      const at = this.#instantOf(start).toZonedDateTimeISO("UTC").add(length);
      if (at.year < FIRST_YEAR || at.year > LAST_YEAR) {
        return without("a reminder must be in the years 1000 to 9998");
      }
      return { at: formatInstant(at.toInstant()) };
    }
    if (length.sign > 0) return without("a reminder must not come after the due");
    const before = writtenDuration(length.abs());
    return before === null
      ? without("a reminder must be at most 999 weeks, 9999 days or 99999 hours before")
      : { before };
  }
}

/** Text and numbers; a rule is read from its line instead. */
function asText(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

/** A DURATION (RFC 5545, section 3.3.6), or null. */
function durationOf(text: string): Temporal.Duration | null {
  const parts =
    /^([+-]?)P(?=\d|T\d)(?:(\d{1,7})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,7})S)?)?$/
      .exec(text);
  if (parts === null) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(2).map((part) =>
    Number(part ?? 0)
  );
  const length = Temporal.Duration.from({ weeks, days, hours, minutes, seconds });
  return parts[1] === "-" ? length.negated() : length;
}

/** The ISO 8601 form that a reminder takes, or null when it is too long for one. */
function writtenDuration({ weeks, days, hours, minutes, seconds }: Temporal.Duration): string | null {
  if (weeks > 999 || days > 9_999 || hours > 99_999 || minutes > 999_999) return null;
  const unit = (count: number, letter: string) => count === 0 ? "" : `${count}${letter}`;
  const date = unit(weeks, "W") + unit(days, "D");
  const time = unit(hours, "H") + unit(minutes, "M") + unit(seconds, "S");
  if (date + time === "") return "PT0M";
  return `P${date}${time === "" ? "" : `T${time}`}`;
}

/** The tasks in the order of the file, but each parent before its children; a circle is cut. */
function withParents(read: Read[], problems: { line: number; message: string }[]): ImportedTask[] {
  const byUid = new Map<string, Read>();
  for (const one of read) if (one.uid !== null && !byUid.has(one.uid)) byUid.set(one.uid, one);
  const index = new Map<Read, number>();
  const tasks: ImportedTask[] = [];
  for (const one of read) {
    const chain: Read[] = [];
    const seen = new Set<Read>();
    let at: Read | undefined = one;
    while (at !== undefined && !index.has(at) && !seen.has(at)) {
      seen.add(at);
      chain.push(at);
      const uid: string | undefined = at.parent?.values[0];
      at = uid === undefined ? undefined : byUid.get(uid);
    }
    for (const next of chain.toReversed()) {
      if (next.parent !== null) {
        const parent = byUid.get(next.parent.values[0] ?? "");
        const place = parent === undefined ? undefined : index.get(parent);
        if (place !== undefined) next.task.parentIndex = place;
        else {
          const message =
            "imported without its parent, as RELATED-TO must name another task of the file that was imported";
          problems.push({ line: next.parent.line, message });
        }
      }
      index.set(next, tasks.push(next.task) - 1);
    }
  }
  return tasks;
}
