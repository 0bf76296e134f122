/** Civil time and zones. Pure; Temporal for everything. */

/** A due as the domain sees it: civil, with an optional zone (absent = floating). */
export interface CivilDue {
  /** `YYYY-MM-DD` */
  date: string;
  /** `HH:MM`, or null for a whole day */
  time: string | null;
  /** IANA zone, or null for floating */
  timeZone: string | null;
}

/** Tells the present instant; injected, so that tests decide what time it is. */
export interface Clock {
  now(): Temporal.Instant;
}

export const systemClock: Clock = { now: () => Temporal.Now.instant() };

const known = new Map<string, boolean>();

/** Whether `zone` is an IANA time zone of this machine (offsets such as `+01:00` are not). */
export function isTimeZone(zone: string): boolean {
  let answer = known.get(zone);
  if (answer === undefined) {
    answer = /^[A-Za-z]/.test(zone) && resolves(zone);
    if (known.size < 2_000) known.set(zone, answer);
  }
  return answer;
}

function resolves(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/**
 * The instant of a civil due. A time inside a DST gap uses the offset before the gap (02:30 becomes
 * 03:30), an ambiguous one is the first; a whole day resolves to the start of that day.
 *
 * @param userZone the zone of a floating due
 */
export function resolveDue(due: CivilDue, userZone: string): Temporal.Instant {
  const zone = due.timeZone ?? userZone;
  const date = Temporal.PlainDate.from(due.date);
  if (due.time === null) return date.toZonedDateTime(zone).toInstant();
  return date.toPlainDateTime(Temporal.PlainTime.from(due.time))
    .toZonedDateTime(zone, { disambiguation: "compatible" }).toInstant();
}

/** An RFC 3339 UTC instant with milliseconds only where there are some. */
export function formatInstant(instant: Temporal.Instant): string {
  return instant.round("millisecond").toString();
}
