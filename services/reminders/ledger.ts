/** From task events to the ledger: plans are kept, rows made, moved and cancelled, and what happened is told. */
import { uuidv7 } from "uuidv7";
import type { Envelope, EventType, ProfileEvent, TaskEvent, Topic } from "../shared/contracts/events.ts";
import type { ReminderEntry } from "../shared/contracts/resources.ts";
import { formatInstant, resolveDue } from "../shared/domain/time.ts";
import { lockUser, type Tx } from "../shared/store/database.ts";
import { PoisonEvent } from "../shared/store/inbox.ts";
import { appendEvents, type EventDraft } from "../shared/store/outbox.ts";
import { currentContext } from "../shared/telemetry/context.ts";
import { type Cause, type LedgerRow, type Plan, reconcile, type Step } from "./planning.ts";

/** Where the ledger's events go. */
export const TOPICS: readonly Topic[] = ["reminders"];
/** Who fires: no user. */
export const ACTOR = { kind: "system", id: "reminders" } as const;

/** What an event did to the ledger. */
export interface Planned {
  /** Reminders that were set anew. */
  scheduled: number;
  /** Rows that were written. */
  written: number;
}

const NOTHING: Planned = { scheduled: 0, written: 0 };

/**
 * Takes one event of `task-events`.
 *
 * @throws PoisonEvent when a reminder's duration can't be read
 */
export async function takeEvent(tx: Tx, event: Envelope, now: Temporal.Instant): Promise<Planned> {
  if (event.type.startsWith("task.")) return await takeTask(tx, event, now);
  if (event.type === "profile.updated.v1") return await takeProfile(tx, event, now);
  return NOTHING;
}

async function takeTask(tx: Tx, event: Envelope, now: Temporal.Instant): Promise<Planned> {
  const { task, timeZone, userId, seq } = event.data as TaskEvent["data"];
  const told: Plan = {
    taskId: task.id,
    occurrence: task.occurrence ?? 1,
    active: task.status === "open" && task.deletedAt === null && event.type !== "task.skipped.v1",
    title: task.title,
    due: task.due,
    dueAt: task.dueAt,
    reminders: task.reminders,
    timeZone,
  };
  const locked = lockUser(tx, "reminders", userId);
  // An event that comes late out of the dead letters must not turn back what later ones made.
  const stored = tx<{ timeZone: string }[]>`
    insert into reminders.plans as p (
      task_id, user_id, seq, occurrence, active, title, due, reminders, time_zone, updated_at
    ) values (
      ${told.taskId}, ${userId}, ${seq}, ${told.occurrence}, ${told.active}, ${told.title},
      ${told.due === null ? null : tx.json(told.due)}, ${tx.json(told.reminders as never)},
      coalesce((select time_zone from reminders.zones where user_id = ${userId} and seq > ${seq}), ${timeZone}),
      ${formatInstant(now)}
    )
    on conflict (task_id) do update set
      seq = excluded.seq, occurrence = excluded.occurrence, active = excluded.active, title = excluded.title,
      due = excluded.due, reminders = excluded.reminders,
      time_zone = excluded.time_zone, updated_at = excluded.updated_at
    where p.seq < excluded.seq
    returning time_zone as "timeZone"`.execute();
  const [rows, [fresh]] = await Promise.all([ledgerRows(tx, [task.id]), stored, locked]);
  if (fresh === undefined) return NOTHING;
  const plan = fresh.timeZone === timeZone ? told : inZone(told, fresh.timeZone);
  return await replan(tx, { event, now, plans: [plan], rows });
}

/** A floating due is wherever the user is: a new zone moves the reminders of every such task. */
async function takeProfile(tx: Tx, event: Envelope, now: Temporal.Instant): Promise<Planned> {
  const { profile, before, userId, seq } = event.data as ProfileEvent["data"];
  if (before === null || !("timeZone" in before)) return NOTHING;
  await lockUser(tx, "reminders", userId);
  const fresh = await tx`
    insert into reminders.zones as z (user_id, seq, time_zone) values (${userId}, ${seq}, ${profile.timeZone})
    on conflict (user_id) do update set seq = excluded.seq, time_zone = excluded.time_zone
    where z.seq < excluded.seq
    returning user_id`;
  if (fresh.length === 0) return NOTHING;
  const known = await tx<Omit<Plan, "active" | "timeZone" | "dueAt">[]>`
    update reminders.plans
    set time_zone = ${profile.timeZone}
    where user_id = ${userId} and active and due ->> 'timeZone' is null and reminders <> '[]'
    returning task_id as "taskId", occurrence, title, due, reminders`;
  const plans = known.map((plan) => inZone({ ...plan, active: true }, profile.timeZone));
  const rows = await ledgerRows(tx, plans.map(({ taskId }) => taskId));
  return await replan(tx, { event, now, plans, rows });
}

/** A plan as it is for a user in this zone. */
function inZone(plan: Omit<Plan, "timeZone" | "dueAt">, timeZone: string): Plan {
  const dueAt = plan.due === null ? null : formatInstant(resolveDue(plan.due, timeZone));
  return { ...plan, timeZone, dueAt };
}

function ledgerRows(tx: Tx, taskIds: readonly string[]): Promise<LedgerRow[]> {
  return tx<LedgerRow[]>`
    select id, task_id as "taskId", occurrence, reminder_id as "reminderId", round, fire_at as "fireAt", status,
      title, due_at as "dueAt", due
    from reminders.ledger
    where task_id = any(${uuids(tx, taskIds)})`.execute();
}

/** Ids as one array, computed once: unlike a join with them it is answered by an index, whatever their number. */
export const uuids = (tx: Tx, ids: readonly string[]) =>
  tx`array(select value::uuid from jsonb_array_elements_text(${tx.json([...ids])}))`;

interface Replanning {
  event: Envelope;
  now: Temporal.Instant;
  plans: readonly Plan[];
  rows: readonly LedgerRow[];
}

async function replan(tx: Tx, { event, now, plans, rows }: Replanning): Promise<Planned> {
  const cause: Cause = { type: event.type as EventType, at: Temporal.Instant.from(event.time) };
  const ofTask = Map.groupBy(rows, ({ taskId }) => taskId);
  const written: Record<string, unknown>[] = [];
  const drafts: EventDraft[] = [];
  for (const plan of plans) {
    const known = ofTask.get(plan.taskId) ?? [];
    if (known.length === 0 && (!plan.active || plan.reminders.length === 0)) continue;
    for (const step of steps(plan, known, cause)) {
      const entry = entryAfter(plan, step);
      written.push({
        ...entry,
        round: step.kind === "schedule" ? step.round : step.row.round,
        past: step.kind === "schedule" && step.past,
        title: plan.title,
        dueAt: plan.dueAt,
        due: plan.due,
        kind: step.kind,
      });
      if (step.kind === "retell") continue;
      drafts.push({
        type: step.kind === "schedule" ? "reminder.scheduled.v1" : "reminder.cancelled.v1",
        subject: plan.taskId,
        topics: TOPICS,
        actor: ACTOR,
        data: {
          reminder: entry,
          task: event.type === "task.deleted.v1"
            ? null
            : { id: plan.taskId, title: plan.title, dueAt: plan.dueAt, due: plan.due },
        },
      });
    }
  }
  const { partitionkey: userId, causationid: causationId } = event;
  // Side by side: the transaction keeps the order, and the second does not wait for the first's answer to be sent.
  await Promise.all([
    written.length > 0 ? write(tx, event, written, now) : undefined,
    appendEvents(tx, drafts, { schema: "reminders", source: "reminders", userId, now, causationId }),
  ]);
  return {
    scheduled: drafts.filter((draft) => draft.type === "reminder.scheduled.v1").length,
    written: written.length,
  };
}

function steps(plan: Plan, rows: readonly LedgerRow[], why: Cause): Step[] {
  try {
    return reconcile(plan, rows, why);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PoisonEvent(`the reminders can't be planned: ${cause.message}`, { cause });
  }
}

/** The ledger entry as it is once the step is done. */
function entryAfter(plan: Plan, step: Step): ReminderEntry {
  const common = { taskId: plan.taskId, deliveredAt: null, late: false };
  if (step.kind === "schedule") {
    return {
      ...common,
      id: step.row?.id ?? uuidv7(),
      occurrence: plan.occurrence,
      reminderId: step.reminderId,
      fireAt: formatInstant(step.fireAt),
      status: "scheduled",
      reason: step.reason,
    };
  }
  const { id, occurrence, reminderId, fireAt } = step.row;
  const entry = { ...common, id, occurrence, reminderId, fireAt };
  return step.kind === "cancel"
    ? { ...entry, status: "cancelled", reason: step.reason }
    : { ...entry, status: "scheduled", reason: "" };
}

/** Writes all steps of an event at once: rows that are new, moved, set again, cancelled or told anew. */
async function write(
  tx: Tx,
  event: Envelope,
  rows: readonly unknown[],
  now: Temporal.Instant,
): Promise<void> {
  const at = formatInstant(now);
  const { correlationId, traceparent } = currentContext();
  await tx`
    with given as (
      select *
      from jsonb_to_recordset(${tx.json(rows as never)}) as r (
        id uuid, "taskId" uuid, occurrence int, "reminderId" text, round int, "fireAt" timestamptz, past boolean,
        status text, reason text, kind text, title text, "dueAt" timestamptz,
        due jsonb
      )
    )
    merge into reminders.ledger as l using given as g
      -- The second condition says nothing new; it is what finds the rows by an index.
      on l.id = g.id and l.task_id = any(array(select "taskId" from given))
    -- Delivered is final, whatever this event was planned on.
    when matched and l.status = 'delivered' then do nothing
    when matched and g.kind = 'retell' then update set
      title = g.title, due_at = g."dueAt", due = g.due, updated_at = ${at}
    when matched and g.kind = 'cancel' then update set
      status = 'cancelled', reason = g.reason, updated_at = ${at},
      -- The job of that moment is left alone: other rows may count on it, and for nobody it does nothing.
      job_state = 'none'
    when matched then update set
      status = 'scheduled', fire_at = g."fireAt", past_when_set = g.past, reason = g.reason, title = g.title,
      due_at = g."dueAt", due = g.due, job_state = 'wanted', correlation_id = ${correlationId},
      causation_id = ${event.causationid}, traceparent = ${traceparent}, updated_at = ${at}
    when not matched then insert (
      id, user_id, task_id, occurrence, reminder_id, round, fire_at, past_when_set, status, reason, title, due_at,
      due, job_state, correlation_id, causation_id, traceparent, created_at, updated_at
    ) values (
      g.id, ${event.partitionkey}, g."taskId", g.occurrence, g."reminderId", g.round, g."fireAt", g.past, 'scheduled',
      g.reason, g.title, g."dueAt", g.due, 'wanted', ${correlationId}, ${event.causationid}, ${traceparent}, ${at}, ${at}
    )`;
}
