/** When reminders fire, and when a person may be disturbed. Pure. */
import { type CivilDue, resolveDue } from "./time.ts";

/** A reminder that comes this long after its time is marked late: more than a broker's hiccup, less than a meeting. */
export const LATE_AFTER_SECONDS = 60;

/** Whether a reminder of `fireAt` that comes at `now` is marked late. */
export function isLate(fireAt: Temporal.Instant, now: Temporal.Instant): boolean {
  return Temporal.Instant.compare(fireAt, now.subtract({ seconds: LATE_AFTER_SECONDS })) < 0;
}

/** What `planReminders` needs to know of a task. */
export interface PlanOptions {
  /** the task's due; null plans only the reminders at an instant */
  due: CivilDue | null;
  /** `before`: an ISO 8601 duration of weeks, days and time; `at`: an RFC 3339 instant */
  reminders: readonly { id: string; before?: string; at?: string }[];
  /** the zone of a floating due */
  userZone: string;
}

/** One reminder and the instant it fires. */
export interface PlannedReminder {
  reminderId: string;
  fireAt: Temporal.Instant;
}

/**
 * The instant of each reminder that has one, in the order given.
 *
 * Weeks and days of `before` are nominal: they step back on the calendar of the due's zone and keep its
 * civil time across a DST change; hours and less are exact. A whole-day due is anchored at the start of
 * its day (RFC 5545, sections 3.3.6 and 3.8.6.3).
 *
 * @throws RangeError when a duration is not ISO 8601, is negative, or holds months or years
 */
export function planReminders(options: PlanOptions): PlannedReminder[] {
  const { due, reminders, userZone } = options;
  return reminders.flatMap(({ id, before, at }) => {
    if (at !== undefined) return [{ reminderId: id, fireAt: Temporal.Instant.from(at) }];
    if (before === undefined || due === null) return [];
    return [{ reminderId: id, fireAt: stepBack(due, before, userZone) }];
  });
}

function stepBack(due: CivilDue, before: string, userZone: string): Temporal.Instant {
  const { years, months, weeks, days, hours, minutes, seconds, sign } = Temporal.Duration.from(before);
  if (sign < 0 || years !== 0 || months !== 0) {
    throw new RangeError(
      `Cannot plan the reminder as it must be weeks, days or a time before its due: current value is ${before}`,
    );
  }
  // The calendar first, on the civil due: a due in a DST gap resolves later than it reads, and stepping
  // back from that instant would carry the moved time to a day on which the real one exists.
  const date = Temporal.PlainDate.from(due.date).subtract({ weeks, days }).toString();
  return resolveDue({ ...due, date }, userZone).subtract({ hours, minutes, seconds });
}

/** The daily window in which a person is not disturbed; civil times `HH:MM`, may cross midnight. */
export interface QuietHours {
  enabled: boolean;
  /** first quiet minute */
  from: string;
  /** first minute that is not quiet; equal to `from` means there is no window */
  to: string;
}

/** What `nextAllowed` decides on. */
export interface AllowedOptions {
  at: Temporal.Instant;
  quietHours: QuietHours;
  /** the IANA zone of the person */
  zone: string;
}

/** The first moment at or after `at` that lies outside the quiet hours, read on the zone's own clock. */
export function nextAllowed(options: AllowedOptions): Temporal.Instant {
  const { at, quietHours, zone } = options;
  const isAllowed = (moment: Temporal.Instant) => !isQuiet(quietHours, moment.toZonedDateTimeISO(zone));
  if (isAllowed(at)) return at;

  const local = at.toZonedDateTimeISO(zone);
  const end = Temporal.PlainTime.from(quietHours.to);
  const ends = [0, 1].flatMap((days) => {
    const dateTime = local.toPlainDate().add({ days }).toPlainDateTime(end);
    // On the day clocks go back the window may end twice; the first end at or after `at` counts.
    return (["earlier", "later"] as const).map((disambiguation) =>
      dateTime.toZonedDateTime(zone, { disambiguation }).toInstant()
    );
  });
  // A change of clocks can also jump out of the window (forward over its end, or back before its start).
  const change = local.getTimeZoneTransition("next")?.toInstant();
  const moments = change === undefined ? ends : [...ends, change];
  return moments
    .filter((moment) => Temporal.Instant.compare(moment, at) > 0 && isAllowed(moment))
    .reduce((one, other) => Temporal.Instant.compare(one, other) <= 0 ? one : other);
}

function isQuiet({ enabled, from, to }: QuietHours, local: Temporal.ZonedDateTime): boolean {
  if (!enabled || from === to) return false;
  const time = local.toPlainTime().toString();
  // Text compares right: "22:00" <= "22:00:00" and "22:00:00" >= "22:00".
  return from < to ? time >= from && time < to : time >= from || time < to;
}
