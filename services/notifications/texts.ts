/** What a notification says. Pure. */
import type { Due } from "../shared/contracts/task.ts";

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export interface ReminderText {
  /** As the user set it, or null for a task without one */
  due: Due | null;
  /** RFC 3339, or null for a task without a due */
  dueAt: string | null;
  late: boolean;
  now: Temporal.Instant;
  /** the user's IANA zone */
  zone: string;
}

/**
 * The body of a reminder in the user's own time, such as `Due today at 09:00` or
 * `Due Tue 3 Mar at 09:00 · reminded late`. A whole day's due names its own date and no time.
 */
export function reminderBody({ due, dueAt, late, now, zone }: ReminderText): string {
  const suffix = late ? " · reminded late" : "";
  if (due === null || dueAt === null) return `You asked to be reminded${suffix}`;
  const today = now.toZonedDateTimeISO(zone).toPlainDate();
  if (due.time === null) return `Due ${dayName(Temporal.PlainDate.from(due.date), today)}${suffix}`;
  const at = Temporal.Instant.from(dueAt).toZonedDateTimeISO(zone);
  const time = at.toPlainTime().toString({ smallestUnit: "minute" });
  return `Due ${dayName(at.toPlainDate(), today)} at ${time}${suffix}`;
}

function dayName(date: Temporal.PlainDate, today: Temporal.PlainDate): string {
  switch (today.until(date).days) {
    case -1:
      return "yesterday";
    case 0:
      return "today";
    case 1:
      return "tomorrow";
  }
  const year = date.year === today.year ? "" : ` ${date.year}`;
  return `${DAYS[date.dayOfWeek - 1]} ${date.day} ${MONTHS[date.month - 1]}${year}`;
}
