/** What a task's reminders and its ledger rows have to do with each other. Pure. */
import type { EventType } from "../shared/contracts/events.ts";
import type { Due, Reminder } from "../shared/contracts/task.ts";
import { planReminders } from "../shared/domain/reminders.ts";

/** What a task's reminders hang on. */
export interface Plan {
  taskId: string;
  occurrence: number;
  /** Open, not in the trash, not skipped. */
  active: boolean;
  title: string;
  due: Due | null;
  dueAt: string | null;
  reminders: readonly Reminder[];
  /** Where a floating due is. */
  timeZone: string;
}

/** What planning reads of a ledger row. */
export interface LedgerRow {
  id: string;
  taskId: string;
  occurrence: number;
  reminderId: string;
  round: number;
  /** RFC 3339 */
  fireAt: string;
  status: "scheduled" | "delivered" | "cancelled" | "failed";
  title: string;
  dueAt: string | null;
  due: Due | null;
}

/** What is to be done about one reminder; `row` is null where a row has to be made. */
export type Step =
  | {
    kind: "schedule";
    row: LedgerRow | null;
    round: number;
    reminderId: string;
    fireAt: Temporal.Instant;
    past: boolean;
    reason: string;
  }
  | { kind: "cancel"; row: LedgerRow; reason: string }
  /** The same moment with another title or due: no news, but what the notification will say. */
  | { kind: "retell"; row: LedgerRow };

/** Why reminders are looked at again. */
export interface Cause {
  type: EventType;
  /** When the change was made: what lay behind then was past when set. */
  at: Temporal.Instant;
}

/**
 * The steps from the ledger rows of one task to its plan.
 *
 * A moment that was delivered is never delivered again, whichever reminder names it now. A reminder that has
 * fired fires once more only when it is set to another moment that lies ahead.
 *
 * @throws RangeError when a reminder's duration can't be read
 */
export function reconcile(plan: Plan, rows: readonly LedgerRow[], cause: Cause): Step[] {
  const planned = plan.active
    ? planReminders({ due: plan.due, reminders: plan.reminders, userZone: plan.timeZone })
    : [];
  const ofOccurrence = rows.filter((row) => row.occurrence === plan.occurrence);
  const rounds = Map.groupBy(ofOccurrence, (row) => row.reminderId);
  const deliveredAt = new Set(
    ofOccurrence.filter((row) => row.status === "delivered").map((row) => epoch(row.fireAt)),
  );
  const steps: Step[] = [];
  const kept = new Set<string>();
  for (const { reminderId, fireAt: exact } of planned) {
    // The ledger keeps milliseconds: finer than that, a moment would seem to move with every event.
    const fireAt = exact.round("millisecond");
    const history = rounds.get(reminderId) ?? [];
    const row = history.reduce<LedgerRow | null>(
      (last, one) => last === null || one.round > last.round ? one : last,
      null,
    );
    const past = Temporal.Instant.compare(fireAt, cause.at) <= 0;
    const firedBefore = history.some(({ status }) => status === "delivered");
    if (deliveredAt.has(fireAt.epochMilliseconds) || (past && firedBefore)) {
      if (row?.status !== "scheduled") continue;
      kept.add(row.id);
      steps.push({
        kind: "cancel",
        row,
        reason: "cancelled: it had fired already and its new moment was past",
      });
      continue;
    }
    const what = describe(plan, reminderId);
    const step = { kind: "schedule", reminderId, fireAt, past } as const;
    if (row === null) {
      steps.push({ ...step, row: null, round: 1, reason: past ? `${what}; already past when set` : what });
    } else if (row.status === "delivered") {
      steps.push({
        ...step,
        row: null,
        round: row.round + 1,
        reason: `${what}; set to a new moment after it had fired`,
      });
    } else if (row.status !== "scheduled") {
      steps.push({ ...step, row, round: row.round, reason: `${what}; set again as ${because(cause.type)}` });
    } else {
      kept.add(row.id);
      if (epoch(row.fireAt) !== fireAt.epochMilliseconds) {
        steps.push({ ...step, row, round: row.round, reason: `${what}; moved from ${row.fireAt}` });
      } else if (
        row.title !== plan.title || !sameInstant(row.dueAt, plan.dueAt) || !sameDue(row.due, plan.due)
      ) {
        steps.push({ kind: "retell", row });
      }
    }
  }
  for (const row of rows) {
    if (row.status !== "scheduled" || kept.has(row.id)) continue;
    steps.push({ kind: "cancel", row, reason: `cancelled: ${whyGone(plan, row, cause)}` });
  }
  return steps;
}

function whyGone(plan: Plan, row: LedgerRow, cause: Cause): string {
  if (!plan.active) return because(cause.type);
  if (row.occurrence !== plan.occurrence) return "the task stands for another occurrence now";
  if (plan.reminders.some(({ id }) => id === row.reminderId)) return "the task has no due date any more";
  return "the reminder was removed";
}

function because(type: EventType): string {
  switch (type) {
    case "task.completed.v1":
      return "the task was completed";
    case "task.deleted.v1":
      return "the task was deleted";
    case "task.skipped.v1":
      return "this occurrence was skipped";
    case "task.reopened.v1":
      return "the task was reopened";
    case "task.restored.v1":
      return "the task was restored";
    case "profile.updated.v1":
      return "the user's time zone changed";
    default:
      return "the task changed";
  }
}

/** `PT30M before due`, in words: `30 min before it is due`. */
function describe(plan: Plan, reminderId: string): string {
  const reminder = plan.reminders.find(({ id }) => id === reminderId);
  if (reminder?.before === undefined) return "at the moment that was chosen";
  const before = Temporal.Duration.from(reminder.before);
  return before.blank
    ? "when it is due"
    : `${before.toLocaleString("en", { style: "short" })} before it is due`;
}

const epoch = (instant: string): number => Temporal.Instant.from(instant).epochMilliseconds;
const sameInstant = (a: string | null, b: string | null): boolean =>
  a === null || b === null ? a === b : epoch(a) === epoch(b);
/** A whole day and midnight are the same instant and read differently. */
const sameDue = (a: Due | null, b: Due | null): boolean =>
  a?.date === b?.date && a?.time === b?.time && a?.timeZone === b?.timeZone;
