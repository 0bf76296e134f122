/** Between the editor's controls and an RRULE (RFC 5545). */
import type { Recurrence, Task } from "../api/types.ts";
import { weekdayNames } from "./dates.ts";

export type Frequency = "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";

export interface RuleDraft {
  frequency: Frequency;
  interval: number;
  /** ISO weekdays, for WEEKLY. */
  weekdays: readonly number[];
  monthly: "day" | "weekday" | "last-weekday" | "last-day";
  ends: "never" | "count" | "until";
  count: number;
  /** `YYYY-MM-DD` */
  until: string;
  mode: Recurrence["mode"];
  /** The day the rule stands on. */
  date: Temporal.PlainDate;
  /**
   * The rule names no day of its own and takes that of its first date, which need not be that of `date`: begun on
   * the 31st, it stands on the 28th in February. As long as nothing else is chosen, none is named.
   */
  unnamed: boolean;
}

const CODES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"] as const;
const code = (day: number): string => CODES[day - 1] ?? "MO";

export function defaultDraft(date: Temporal.PlainDate): RuleDraft {
  return {
    frequency: "WEEKLY",
    interval: 1,
    weekdays: [date.dayOfWeek],
    monthly: "day",
    ends: "never",
    count: 10,
    until: date.add({ months: 3 }).toString(),
    mode: "schedule",
    date,
    unnamed: false,
  };
}

/** The rule of what the controls say. */
export function buildRule(draft: RuleDraft): string {
  const parts = [`FREQ=${draft.frequency}`];
  if (draft.interval > 1) parts.push(`INTERVAL=${draft.interval}`);
  const ownDay = draft.weekdays.length === 1 && draft.weekdays[0] === draft.date.dayOfWeek;
  if (draft.frequency === "WEEKLY" && draft.weekdays.length > 0 && !(draft.unnamed && ownDay)) {
    parts.push(`BYDAY=${[...draft.weekdays].sort().map(code).join(",")}`);
  }
  if (draft.frequency === "MONTHLY") {
    const weekday = code(draft.date.dayOfWeek);
    if (draft.monthly === "day" && !draft.unnamed) parts.push(`BYMONTHDAY=${draft.date.day}`);
    if (draft.monthly === "weekday") parts.push(`BYDAY=${Math.ceil(draft.date.day / 7)}${weekday}`);
    if (draft.monthly === "last-weekday") parts.push(`BYDAY=-1${weekday}`);
    if (draft.monthly === "last-day") parts.push("BYMONTHDAY=-1");
  }
  if (draft.ends === "count") parts.push(`COUNT=${draft.count}`);
  if (draft.ends === "until" && draft.until !== "") parts.push(`UNTIL=${draft.until.replaceAll("-", "")}`);
  return parts.join(";");
}

/** The controls for the rule of a task that is due on `date`; null when it says more than they can show. */
export function draftOf(recurrence: Recurrence, date: Temporal.PlainDate): RuleDraft | null {
  const parts = new Map(
    recurrence.rule.split(";").map((part) => {
      const [name = "", value = ""] = part.split("=");
      return [name, value];
    }),
  );
  const frequency = parts.get("FREQ");
  if (frequency !== "DAILY" && frequency !== "WEEKLY" && frequency !== "MONTHLY" && frequency !== "YEARLY") {
    return null;
  }
  const draft: RuleDraft = { ...defaultDraft(date), frequency };
  draft.mode = recurrence.mode;
  draft.interval = Number(parts.get("INTERVAL") ?? 1);
  const days = parts.get("BYDAY")?.split(",") ?? [];
  if (frequency === "WEEKLY" && days.length > 0) {
    draft.weekdays = days.map((day) => CODES.findIndex((known) => known === day) + 1).filter((day) =>
      day > 0
    );
  }
  if (frequency === "MONTHLY") {
    const ordinal = days[0]?.match(/^(-?\d)/)?.[1];
    draft.monthly = parts.get("BYMONTHDAY") === "-1"
      ? "last-day"
      : ordinal === "-1"
      ? "last-weekday"
      : ordinal !== undefined
      ? "weekday"
      : "day";
  }
  draft.unnamed = (frequency === "WEEKLY" || frequency === "MONTHLY") &&
    !parts.has("BYDAY") && !parts.has("BYMONTHDAY");
  const count = parts.get("COUNT");
  const until = parts.get("UNTIL");
  if (count !== undefined) Object.assign(draft, { ends: "count", count: Number(count) });
  if (until !== undefined) {
    Object.assign(draft, { ends: "until", until: until.replace(/^(\d{4})(\d\d)(\d\d).*$/, "$1-$2-$3") });
  }
  return sameRule(buildRule(draft), recurrence.rule) ? draft : null;
}

/** Whether two rules say the same, in whatever order. */
function sameRule(one: string, other: string): boolean {
  const said = (rule: string) =>
    rule.split(";").filter((part) => part !== "INTERVAL=1")
      .map((part) => part.split(/[=,]/).toSorted().join()).toSorted().join(";");
  return said(one) === said(other);
}

/** What the editor of a task begins with. */
export function firstDraft(
  task: Pick<Task, "due" | "recurrence">,
  today: Temporal.PlainDate,
): {
  draft: RuleDraft;
  /** The rule that the controls cannot show, and that setting them replaces. */
  beyond: string | null;
} {
  const date = task.due === null ? today : Temporal.PlainDate.from(task.due.date);
  const { recurrence } = task;
  const draft = recurrence === null ? null : draftOf(recurrence, date);
  if (draft !== null || recurrence === null) return { draft: draft ?? defaultDraft(date), beyond: null };
  return { draft: { ...defaultDraft(date), mode: recurrence.mode }, beyond: recurrence.rule };
}

/** What most people want, for a task that is due on `date`. */
export function presets(date: Temporal.PlainDate, locale: string): { rule: string; label: string }[] {
  const weekday = weekdayNames(locale, 1, "long").find(({ day }) => day === date.dayOfWeek)?.name ?? "";
  const day = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" })
      .format(Date.UTC(date.year, date.month - 1, date.day, 12));
  return [
    { rule: "FREQ=DAILY", label: "Every day" },
    { rule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", label: "Every weekday" },
    { rule: `FREQ=WEEKLY;BYDAY=${code(date.dayOfWeek)}`, label: `Every week on ${weekday}` },
    { rule: "FREQ=WEEKLY;INTERVAL=2", label: "Every two weeks" },
    { rule: "FREQ=MONTHLY", label: `Every month on day ${date.day}` },
    { rule: "FREQ=YEARLY", label: `Every year on ${day({ day: "numeric", month: "long" })}` },
  ];
}
