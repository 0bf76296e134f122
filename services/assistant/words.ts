/** Fields of tasks in words, as cards and answers show them. */
import { describeRecurrence } from "../shared/domain/recurrence.ts";

const LOCALE = "en-GB";
const LONGEST = 80;

/**
 * `Mon 18 Jan 2027, 17:00`, or `no date`. A civil date is meant in the user's own zone, so it is said as it is; one
 * that is fixed to a zone names that.
 */
export function dueWords(
  due: { date: string; time?: string | null; timeZone?: string | null } | null,
): string {
  if (due === null) return "no date";
  const day = Temporal.PlainDate.from(due.date)
    .toLocaleString(LOCALE, { weekday: "short", day: "numeric", month: "short", year: "numeric" })
    .replace(",", "");
  if (due.time == null) return day;
  return `${day}, ${due.time}${due.timeZone == null ? "" : ` (${due.timeZone.replaceAll("_", " ")})`}`;
}

/** A name as a part of a line: with a line break in it, it could look like a line of its own. */
export const oneLine = (name: string): string => name.replaceAll(/[\s\u0085]+/g, " ");

type Values = Readonly<Record<string, unknown>>;

/** What is different between two states of a thing, such as `due Sun 10 Jan 2027 → Mon 18 Jan 2027`. */
export function differenceWords(fields: readonly string[], before: Values, after: Values): string {
  return fields.map((field) => {
    // Ids are nothing that a person could read.
    if (field === "listId") return "to another list";
    if (field === "parentId") return after.parentId === null ? "no longer a subtask" : "to another parent";
    return `${NAMES[field] ?? field} ${valueWords(field, before[field])} → ${
      valueWords(field, after[field])
    }`;
  }).join(", ");
}

const NAMES: Record<string, string> = {
  recurrence: "repeats",
  timeZone: "time zone",
  completedAt: "completed",
  deletedAt: "deleted",
};

function valueWords(field: string, value: unknown): string {
  if (value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) {
    return field === "due" ? "no date" : "none";
  }
  switch (field) {
    case "due":
      return dueWords(value as Parameters<typeof dueWords>[0]);
    case "recurrence":
      return describeRecurrence(value as Parameters<typeof describeRecurrence>[0]);
    case "tags":
      return (value as string[]).map((tag) => `#${tag}`).join(" ");
    case "reminders":
      return (value as { before?: string; at?: string }[]).map(reminderWords).join(" and ");
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

function reminderWords({ before, at }: { before?: string; at?: string }): string {
  if (before !== undefined) {
    return `${Temporal.Duration.from(before).toLocaleString(LOCALE, { style: "long" })} before`;
  }
  const moment = at === undefined ? null : Temporal.Instant.from(at).toZonedDateTimeISO("UTC");
  if (moment === null) return "at a moment";
  const time = moment.toPlainTime().toString({ smallestUnit: "minute" });
  return dueWords({ date: moment.toPlainDate().toString(), time, timeZone: "UTC" });
}
