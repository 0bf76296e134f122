/** What a notification says. Pure. */

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export interface ReminderText {
  /** RFC 3339, or null for a task without a due */
  dueAt: string | null;
  late: boolean;
  now: Temporal.Instant;
  /** the user's IANA zone */
  zone: string;
}

/**
 * The body of a reminder in the user's own time, such as `Due today at 09:00` or
 * `Due Tue 3 Mar at 09:00 · reminded late`. A due at the very start of a day is a whole day's: it names no time.
 */
export function reminderBody({ dueAt, late, now, zone }: ReminderText): string {
  const suffix = late ? " · reminded late" : "";
  if (dueAt === null) return `You asked to be reminded${suffix}`;
  const due = Temporal.Instant.from(dueAt).toZonedDateTimeISO(zone);
  const wholeDay = due.equals(due.startOfDay());
  const time = wholeDay ? "" : ` at ${due.toPlainTime().toString({ smallestUnit: "minute" })}`;
  return `Due ${dayName(due.toPlainDate(), now.toZonedDateTimeISO(zone).toPlainDate())}${time}${suffix}`;
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
