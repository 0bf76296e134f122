/** Time zones of iCalendar: TZID to an IANA zone when reading, VTIMEZONE from Temporal's transitions when writing. */
import ICAL from "ical.js";
import { isTimeZone } from "../time.ts";

/** jCal (RFC 7265): name, properties, components. */
export type JCal = [name: string, properties: JCalProperty[], components: JCal[]];
export type JCalProperty = [
  name: string,
  parameters: Record<string, string>,
  type: string,
  ...values: unknown[],
];

/** A VTIMEZONE as it stands in the file, unfolded. */
export interface ZoneDefinition {
  lines: string[];
  /** X-LIC-LOCATION, which many programs write beside a TZID of their own. */
  location: string | null;
}

/** The names that Windows, Outlook and Exchange write, after the Unicode CLDR table windowsZones. */
const WINDOWS = new Map(Object.entries({
  "Dateline Standard Time": "Etc/GMT+12",
  "Hawaiian Standard Time": "Pacific/Honolulu",
  "Alaskan Standard Time": "America/Anchorage",
  "Pacific Standard Time": "America/Los_Angeles",
  "Mountain Standard Time": "America/Denver",
  "US Mountain Standard Time": "America/Phoenix",
  "Central Standard Time": "America/Chicago",
  "Central America Standard Time": "America/Guatemala",
  "Central Standard Time (Mexico)": "America/Mexico_City",
  "Eastern Standard Time": "America/New_York",
  "SA Pacific Standard Time": "America/Bogota",
  "Atlantic Standard Time": "America/Halifax",
  "Newfoundland Standard Time": "America/St_Johns",
  "E. South America Standard Time": "America/Sao_Paulo",
  "Argentina Standard Time": "America/Buenos_Aires",
  "GMT Standard Time": "Europe/London",
  "Greenwich Standard Time": "Atlantic/Reykjavik",
  "W. Europe Standard Time": "Europe/Berlin",
  "Central Europe Standard Time": "Europe/Budapest",
  "Central European Standard Time": "Europe/Warsaw",
  "Romance Standard Time": "Europe/Paris",
  "GTB Standard Time": "Europe/Bucharest",
  "FLE Standard Time": "Europe/Kiev",
  "E. Europe Standard Time": "Europe/Chisinau",
  "Turkey Standard Time": "Europe/Istanbul",
  "Israel Standard Time": "Asia/Jerusalem",
  "Egypt Standard Time": "Africa/Cairo",
  "South Africa Standard Time": "Africa/Johannesburg",
  "Russian Standard Time": "Europe/Moscow",
  "Arab Standard Time": "Asia/Riyadh",
  "Arabian Standard Time": "Asia/Dubai",
  "Iran Standard Time": "Asia/Tehran",
  "Pakistan Standard Time": "Asia/Karachi",
  "India Standard Time": "Asia/Calcutta",
  "Bangladesh Standard Time": "Asia/Dhaka",
  "SE Asia Standard Time": "Asia/Bangkok",
  "China Standard Time": "Asia/Shanghai",
  "Singapore Standard Time": "Asia/Singapore",
  "Taipei Standard Time": "Asia/Taipei",
  "W. Australia Standard Time": "Australia/Perth",
  "Tokyo Standard Time": "Asia/Tokyo",
  "Korea Standard Time": "Asia/Seoul",
  "Cen. Australia Standard Time": "Australia/Adelaide",
  "AUS Eastern Standard Time": "Australia/Sydney",
  "E. Australia Standard Time": "Australia/Brisbane",
  "New Zealand Standard Time": "Pacific/Auckland",
}));

/** Finds the zones of one file. */
export class ZoneReader {
  #definitions: Map<string, ZoneDefinition>;
  #timezones = new Map<string, ICAL.Timezone | null>();

  constructor(definitions: Map<string, ZoneDefinition>) {
    this.#definitions = definitions;
  }

  /** The IANA zone that a TZID means, or null: by name, by X-LIC-LOCATION, by the end of a path, by Windows. */
  iana(tzid: string): string | null {
    if (isTimeZone(tzid)) return tzid;
    const location = this.#definitions.get(tzid)?.location ?? null;
    if (location !== null && isTimeZone(location)) return location;
    const parts = tzid.slice(0, 200).split("/");
    for (const count of [3, 2]) {
      const name = parts.slice(-count).join("/");
      if (parts.length > count && isTimeZone(name)) return name;
    }
    return WINDOWS.get(tzid) ?? null;
  }

  /** The offset in seconds of a local time by the file's own VTIMEZONE, or null when it has none for the TZID. */
  offset(tzid: string, local: string): number | null {
    let timezone = this.#timezones.get(tzid);
    if (timezone === undefined) {
      timezone = this.#read(tzid);
      this.#timezones.set(tzid, timezone);
    }
    try {
      return timezone === null ? null : timezone.utcOffset(ICAL.Time.fromDateTimeString(local));
    } catch {
      return null;
    }
  }

  #read(tzid: string): ICAL.Timezone | null {
    const definition = this.#definitions.get(tzid);
    if (definition === undefined) return null;
    try {
      const component = new ICAL.Component(ICAL.parse(definition.lines.join("\r\n")));
      return component.getFirstSubcomponent() === null ? null : new ICAL.Timezone({ component, tzid });
    } catch {
      return null;
    }
  }
}

interface Observance {
  kind: "standard" | "daylight";
  from: string;
  to: string;
  onsets: Temporal.PlainDateTime[];
}

/** A VTIMEZONE (RFC 5545, section 3.6.5) of a zone for the years given, inclusive. */
export function zoneComponent(timeZone: string, fromYear: number, toYear: number): JCal {
  const start = new Temporal.PlainDate(fromYear, 1, 1).toZonedDateTime(timeZone);
  const end = new Temporal.PlainDate(toYear + 1, 1, 1).toZonedDateTime(timeZone);
  const observances: Observance[] = [
    { kind: "standard", from: start.offset, to: start.offset, onsets: [start.toPlainDateTime()] },
  ];
  let before = start;
  for (;;) {
    const after = before.getTimeZoneTransition("next");
    if (after === null || Temporal.ZonedDateTime.compare(after, end) >= 0) break;
    // The onset is written on the clock that was still running.
    const onset = after.withTimeZone("UTC").toPlainDateTime().add({ nanoseconds: before.offsetNanoseconds });
    const kind = after.offsetNanoseconds > before.offsetNanoseconds ? "daylight" : "standard";
    const { offset: from } = before;
    const { offset: to } = after;
    const same = observances.findLast((one) => one.kind === kind && one.from === from && one.to === to);
    if (same === undefined) observances.push({ kind, from, to, onsets: [onset] });
    else same.onsets.push(onset);
    before = after;
  }
  return ["vtimezone", [["tzid", {}, "text", timeZone]], observances.map((one) => component(one, toYear))];
}

function component({ kind, from, to, onsets }: Observance, toYear: number): JCal {
  const [first, ...others] = onsets.map((onset) => onset.toString({ smallestUnit: "second" }));
  const properties: JCalProperty[] = [
    ["dtstart", {}, "date-time", first],
    ["tzoffsetfrom", {}, "utc-offset", from],
    ["tzoffsetto", {}, "utc-offset", to],
  ];
  const rule = yearlyRule(onsets, toYear);
  if (rule !== null) properties.push(["rrule", {}, "recur", rule]);
  // One date a property: readers, ical.js among them, take only the first of several.
  else for (const onset of others) properties.push(["rdate", {}, "date-time", onset]);
  return [kind, properties, []];
}

const DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/** The rule that all onsets follow, such as the last Sunday of March, when there is one and it still holds. */
function yearlyRule(onsets: Temporal.PlainDateTime[], toYear: number): Record<string, unknown> | null {
  const [first] = onsets;
  if (first === undefined || onsets.length < 3 || onsets.at(-1)?.year !== toYear) return null;
  const regular = onsets.every((onset, k) =>
    onset.year === first.year + k && onset.month === first.month && onset.dayOfWeek === first.dayOfWeek &&
    onset.toPlainTime().equals(first.toPlainTime())
  );
  if (!regular) return null;
  const nth = (onset: Temporal.PlainDateTime) => Math.ceil(onset.day / 7);
  const last = onsets.every((onset) => onset.day > onset.daysInMonth - 7);
  if (!last && !onsets.every((onset) => nth(onset) === nth(first))) return null;
  const byday = `${last ? -1 : nth(first)}${DAYS[first.dayOfWeek - 1]}`;
  return { freq: "YEARLY", bymonth: first.month, byday };
}
