/** Firing: a scheduled row becomes delivered once, together with the event that tells it. */
import type { ReminderEntry } from "../shared/contracts/resources.ts";
import type { Due } from "../shared/contracts/task.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { forEachLimited, gathered } from "../shared/runtime/loop.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import { asUser, EVERY_USER, lockUser, type Sql, type Tx } from "../shared/store/database.ts";
import { KEPT_DAYS } from "../shared/store/inbox.ts";
import { appendEvents, type EventDraft } from "../shared/store/outbox.ts";
import { newContext, runInContext } from "../shared/telemetry/context.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import { ACTOR, TOPICS, uuids } from "./ledger.ts";

/** A reminder that fires this long after its time is marked late: more than a broker's hiccup, less than a meeting. */
const LATE_AFTER_SECONDS = 60;
/** How many users fire side by side: half of the pool's six connections, so that events and requests find one. */
const FIRING_AT_ONCE = 3;
/** Calls to the scheduler at a time; they hold no connection. */
const JOBS_AT_ONCE = 6;
const PAGE = 1_000;
/** A scheduler that lost its disk gets the jobs of this many minutes ahead again, those set over an hour ago. */
const REFRESH_AHEAD_MINUTES = 10;

interface Fired extends Omit<ReminderEntry, "status" | "deliveredAt"> {
  title: string;
  dueAt: string | null;
  due: Due | null;
  pastWhenSet: boolean;
  correlationId: string;
  traceparent: string;
  causationId: string;
}

export interface FiringOptions {
  sql: Sql;
  runtime: Pick<Runtime, "jobs" | "wake">;
  clock: Clock;
  metrics: Metrics;
}

export interface Firing {
  /** Fires those of these ledger rows that are due; calls made while one runs become one. */
  fire(id: string): Promise<void>;
  /** Fires all that is due, whatever became of its job. */
  fireOverdue(): Promise<void>;
  /** Makes and withdraws the jobs that the ledger asks for. */
  settleJobs(): Promise<void>;
  /** Forgets received events and ended plans of more than 45 days ago; the ledger stays. */
  prune(): Promise<void>;
}

/** Firing over the ledger; every function rejects when the database, or the scheduler it needs, does not answer. */
export function createFiring(options: FiringOptions): Firing {
  const { sql, runtime, clock, metrics } = options;
  const fireTogether = gathered({
    atOnce: 1,
    most: PAGE,
    async run(ids: readonly string[]) {
      await fireIds(ids);
      return ids.map(() => {});
    },
  });
  return { fire: fireTogether, fireOverdue, settleJobs, prune };

  async function fireOverdue(): Promise<void> {
    for (;;) {
      const due = await asUser(sql, EVERY_USER, (tx) =>
        tx<{ id: string; userId: string }[]>`
          select id, user_id as "userId" from reminders.ledger
          where status = 'scheduled' and fire_at <= ${formatInstant(clock.now())}
          order by fire_at
          limit ${PAGE}`);
      await fireRows(due);
      if (due.length < PAGE) return;
    }
  }

  async function fireIds(ids: readonly string[]): Promise<void> {
    const rows = await asUser(sql, EVERY_USER, async (tx) => {
      const due = await tx<{ id: string; userId: string }[]>`
        select id, user_id as "userId" from reminders.ledger
        where status = 'scheduled' and fire_at <= ${formatInstant(clock.now())} and id = any(${
        uuids(tx, ids)
      })`;
      if (due.length === ids.length) return due;
      // A job that came too early (the row was moved on, or a clock is ahead) is used up: it needs another.
      await tx`
        update reminders.ledger set job_state = 'wanted'
        where id in (
          select id from reminders.ledger
          where status = 'scheduled' and job_state = 'set' and fire_at > ${formatInstant(clock.now())}
            and id = any(${uuids(tx, ids)})
          for update skip locked
        )`;
      return due;
    });
    await fireRows(rows);
    if (rows.length < ids.length) runtime.wake("reminder-jobs");
  }

  /** Each user in a transaction of their own: a lock of one never waits for another's. */
  async function fireRows(rows: readonly { id: string; userId: string }[]): Promise<void> {
    if (rows.length === 0) return;
    const users = Map.groupBy(rows, ({ userId }) => userId);
    await forEachLimited(
      users,
      FIRING_AT_ONCE,
      ([userId, ofUser]) => fireUser(userId, ofUser.map(({ id }) => id)),
    );
    runtime.wake("outbox");
  }

  async function fireUser(userId: string, ids: readonly string[]): Promise<void> {
    const now = clock.now();
    const fired = await asUser(sql, userId, async (tx) => {
      // Sent together and done in this order, as everything in one transaction.
      const locked = lockUser(tx, "reminders", userId);
      const [rows] = await Promise.all([deliver(tx, ids, now), locked]);
      // Each event goes on with the trace and the cause of the change that set its reminder.
      for (const alike of Map.groupBy(rows, causeOf).values()) {
        await runInContext(newContext(alike[0]), () =>
          appendEvents(tx, alike.map((row) => draft(row, now)), {
            ...{ schema: "reminders", source: "reminders", userId, now },
            causationId: alike[0]?.causationId,
          }));
      }
      return rows;
    });
    for (const { late, pastWhenSet, fireAt } of fired) {
      metrics.remindersDelivered.inc({ late: String(late) });
      // One that was past when set was never waited for.
      if (!pastWhenSet) {
        metrics.reminderDelay.observe(now.since(Temporal.Instant.from(fireAt)).total("seconds"));
      }
    }
  }

  /** Compare-and-set: whoever comes second (the job, the sweep, another replica) finds nothing to set. */
  function deliver(tx: Tx, ids: readonly string[], now: Temporal.Instant): Promise<Fired[]> {
    const at = formatInstant(now);
    const lateBefore = formatInstant(now.subtract({ seconds: LATE_AFTER_SECONDS }));
    return tx<Fired[]>`
      with fired as (
        update reminders.ledger
        set status = 'delivered', delivered_at = ${at}, late = past_when_set or fire_at < ${lateBefore},
          reason = case when past_when_set or fire_at < ${lateBefore} then 'fired late: ' else 'fired: ' end || reason,
          job_state = 'none', updated_at = ${at}
        where status = 'scheduled' and fire_at <= ${at} and id = any(${uuids(tx, ids)})
        returning *
      )
      select id, task_id as "taskId", occurrence, reminder_id as "reminderId", fire_at as "fireAt", late, reason,
        title, due_at as "dueAt", due, past_when_set as "pastWhenSet", correlation_id as "correlationId",
        causation_id as "causationId", traceparent
      from fired
      order by fire_at, id`.execute();
  }

  async function settleJobs(): Promise<void> {
    await refreshJobs();
    for (;;) {
      const page = await asUser(
        sql,
        EVERY_USER,
        (tx) =>
          tx<{ id: string; fireAt: string; jobState: "wanted" | "unwanted" }[]>`
          select id, fire_at as "fireAt", job_state as "jobState" from reminders.ledger
          where job_state in ('wanted', 'unwanted')
          order by fire_at
          limit ${PAGE}`,
      );
      if (page.length === 0) return;
      const done: typeof page[number][] = [];
      const failure = await forEachLimited(page, JOBS_AT_ONCE, async (row) => {
        if (row.jobState === "unwanted") await runtime.jobs.cancel(row.id);
        else {await runtime.jobs.schedule({
            name: row.id,
            dueAt: Temporal.Instant.from(row.fireAt),
            data: {},
          });}
        done.push(row);
      }).then(() => null, (cause) => ({ cause }));
      // Only what still stands as it was read: a row that was moved meanwhile asks for its job again, and so does
      // one that a consumer holds now (to wait for rows of many users here could end in a deadlock with it).
      await asUser(sql, EVERY_USER, (tx) =>
        tx`
          update reminders.ledger as l
          set job_state = case l.job_state when 'wanted' then 'set' else 'none' end,
            job_set_at = ${formatInstant(clock.now())}
          from jsonb_to_recordset(${
          tx.json(done as never)
        }) as p (id uuid, "fireAt" timestamptz, "jobState" text)
          where l.id = p.id and l.id in (
            select l.id from reminders.ledger l
            join jsonb_to_recordset(${
          tx.json(done as never)
        }) as p (id uuid, "fireAt" timestamptz, "jobState" text)
              on l.id = p.id and l.job_state = p."jobState" and l.fire_at = p."fireAt"
            where l.job_state in ('wanted', 'unwanted')
            for update of l skip locked
          )`);
      if (failure !== null) throw failure.cause;
    }
  }

  async function refreshJobs(): Promise<void> {
    const now = clock.now();
    await asUser(sql, EVERY_USER, (tx) =>
      tx`
        update reminders.ledger set job_state = 'wanted'
        where id in (
          select id from reminders.ledger
          where status = 'scheduled' and job_state = 'set'
            and fire_at > ${formatInstant(now)}
            and fire_at < ${formatInstant(now.add({ minutes: REFRESH_AHEAD_MINUTES }))}
            and job_set_at < ${formatInstant(now.subtract({ hours: 1 }))}
          for update skip locked
        )`);
  }

  async function prune(): Promise<void> {
    const before = formatInstant(clock.now().subtract({ hours: KEPT_DAYS * 24 }));
    await asUser(sql, EVERY_USER, async (tx) => {
      await tx`delete from reminders.inbox where received_at < ${before}`;
      await tx`delete from reminders.plans where not active and updated_at < ${before}`;
    });
  }
}

const causeOf = ({ correlationId, causationId, traceparent }: Fired): string =>
  `${correlationId} ${causationId} ${traceparent}`;

function draft(row: Fired, now: Temporal.Instant): EventDraft {
  const { title, dueAt, due, pastWhenSet: _past, ...rest } = row;
  const { correlationId: _cor, causationId: _cause, traceparent: _trace, ...entry } = rest;
  const reminder: ReminderEntry = { ...entry, status: "delivered", deliveredAt: formatInstant(now) };
  return {
    type: "reminder.due.v1",
    subject: row.taskId,
    topics: TOPICS,
    actor: ACTOR,
    data: { reminder, task: { id: row.taskId, title, dueAt, due } },
  };
}
