/** The days of a calendar with what falls on them. Pure. */
import { occurrencesBetween } from "../../../services/shared/domain/recurrence.ts";
import type { Task } from "../api/types.ts";
import { byDue } from "./grouping.ts";
import { localDue, monthWeeks } from "./dates.ts";
import type { Span } from "./route.ts";

/** A task on a day: itself, or an occurrence that is still to come. */
export interface DayItem {
  key: string;
  task: Task;
  day: string;
  time: string | null;
  /** Not made yet: the rule says that it will fall here. */
  preview: boolean;
}

/** The days that are on screen, in weeks. */
export function shownWeeks(span: Span, on: Temporal.PlainDate, first: number): Temporal.PlainDate[][] {
  if (span === "month") return monthWeeks(on.toPlainYearMonth(), first);
  const start = on.subtract({ days: (on.dayOfWeek - first + 7) % 7 });
  return [Array.from({ length: 7 }, (_, day) => start.add({ days: day }))];
}

/** A day one month or week before or after. */
export function turned(span: Span, on: Temporal.PlainDate, by: 1 | -1): Temporal.PlainDate {
  return span === "week" ? on.add({ weeks: by }) : on.with({ day: 1 }).add({ months: by });
}

/** Occurrences of one task that are looked ahead to in one view. */
const MOST_PREVIEWS = 45;

/** What falls on the days from `from` to `to` (both `YYYY-MM-DD`, inclusive), in the order of a day. */
export function agenda(
  tasks: Iterable<Task>,
  from: string,
  to: string,
  timeZone: string,
): ReadonlyMap<string, readonly DayItem[]> {
  const days = new Map<string, DayItem[]>();
  const add = (item: DayItem) => {
    const items = days.get(item.day);
    if (items === undefined) days.set(item.day, [item]);
    else items.push(item);
  };
  for (const task of tasks) {
    if (task.due === null) continue;
    const { day, time } = localDue(task.due, timeZone);
    if (day >= from && day <= to) add({ key: task.id, task, day, time, preview: false });
    if (task.recurrence === null || day > to || task.status !== "open") continue;
    for (const date of previews(task, from, to, timeZone)) {
      const local = localDue({ ...task.due, date }, timeZone);
      if (local.day < from || local.day > to) continue;
      add({ key: `${task.id} ${date}`, task, day: local.day, time: local.time, preview: true });
    }
  }
  const order = byDue(timeZone);
  for (const items of days.values()) {
    items.sort((a, b) =>
      a.preview === b.preview
        ? order(a.task, b.task)
        : a.time !== b.time
        ? (a.time ?? "~") < (b.time ?? "~") ? -1 : 1
        : a.preview
        ? 1
        : -1
    );
  }
  return days;
}

/** The dates after its own on which an open task will come again, as far as its rule alone can tell. */
export function previews(task: Task, from: string, to: string, userZone: string): string[] {
  const { due, recurrence } = task;
  // Counted from the day it is done, which nobody knows yet.
  if (due === null || recurrence === null || recurrence.mode === "completion") return [];
  const count = /(?:^|;)COUNT=(\d+)/.exec(recurrence.rule)?.[1];
  const left = count === undefined ? null : Number(count) - (task.occurrence ?? 1) + 1;
  if (left !== null && left < 2) return [];
  const rule = left === null ? recurrence.rule : recurrence.rule.replace(/COUNT=\d+/, `COUNT=${left}`);
  // A day on either side: in another zone an occurrence may fall on the day beside it.
  const day = (text: string, days: number) => Temporal.PlainDate.from(text).add({ days }).toString();
  const start = day(from, -1) > due.date ? day(from, -1) : day(due.date, 1);
  // A rule that has ended need not be parsed.
  const until = /(?:^|;)UNTIL=(\d{8})/.exec(rule)?.[1];
  if (until !== undefined && until < day(start, -1).replaceAll("-", "")) return [];
  try {
    return occurrencesBetween({
      rule,
      anchor: due,
      from: start,
      to: day(to, 1),
      limit: MOST_PREVIEWS,
      userZone,
    });
  } catch {
    // A rule of a newer version than this page: it shows without its future.
    return [];
  }
}

/** The ids of the calendar's tasks in the order of its days: what keys walk along. */
export function agendaOrder(days: ReadonlyMap<string, readonly DayItem[]>): string[] {
  return [...days].sort(([a], [b]) => a < b ? -1 : 1)
    .flatMap(([, items]) => items.filter((item) => !item.preview).map((item) => item.task.id));
}
