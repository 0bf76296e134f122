/** The time zones of this browser, as choices. */
import { zoneText } from "../model/dates.ts";
import type { Option } from "./options.tsx";

let zones: string[] | null = null;

/** Every zone with its present offset; the list itself is asked for once. */
export function zoneOptions(now: Temporal.Instant): Option[] {
  zones ??= [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])];
  return zones.map((zone) => ({
    value: zone,
    label: zone.includes("/")
      ? `${zoneText(zone)}, ${zone.slice(0, zone.lastIndexOf("/")).replaceAll("_", " ")}`
      : zone,
    words: zone,
    get hint() {
      const { offset } = now.toZonedDateTimeISO(zone);
      return `UTC${offset === "+00:00" ? "" : offset.replace("-", "\u2212")}`;
    },
  }));
}
