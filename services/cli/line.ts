/** A task as one line for people. Pure. */
import type { Task } from "../shared/contracts/task.ts";

const MARKS = { urgent: "!!", high: "!", medium: "", low: "" } as const;

/** Such as `3f9a1c  Pay rent  tomorrow 09:00  every  #home`; the first word is the end of the id. */
export function line(task: Task, now: Temporal.Instant, zone: string): string {
  const parts = [
    task.id.slice(-6),
    `${task.status === "completed" ? "✓ " : ""}${task.title}`,
    task.due === null ? "" : dueText(task.due, now, zone),
    task.recurrence === null ? "" : "↻",
    MARKS[task.priority],
    ...task.tags.map((tag) => `#${tag}`),
  ];
  return oneLine(parts.filter((part) => part !== "").join("  "));
}

/** A title as a part of one line: a line break in it would make a line that looks like another answer. */
export function oneLine(title: string): string {
  return title.replaceAll(/[\r\n\u0085\u2028\u2029]+/g, " ");
}

/** Text for a terminal: a title may hold what one would obey, or turn around what stands behind it. Lines stay lines. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu, " ");
}

function dueText(due: NonNullable<Task["due"]>, now: Temporal.Instant, zone: string): string {
  const date = Temporal.PlainDate.from(due.date);
  const days = now.toZonedDateTimeISO(zone).toPlainDate().until(date, { largestUnit: "day" }).days;
  const near = days === 0 ? "today" : days === 1 ? "tomorrow" : days === -1 ? "yesterday" : due.date;
  return [near, due.time ?? "", due.timeZone === null || due.timeZone === zone ? "" : due.timeZone]
    .filter((part) => part !== "").join(" ");
}
