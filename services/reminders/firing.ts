/** Firing: a scheduled row becomes delivered once, together with the event that tells it. */
import type { ReminderEntry } from "../shared/contracts/resources.ts";
import type { Due } from "../shared/contracts/task.ts";
import { LATE_AFTER_SECONDS } from "../shared/domain/reminders.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { forEachLimited, gathered } from "../shared/runtime/loop.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import { asUser, EVERY_USER, lockUser, type Sql, tryLockUsers, type Tx } from "../shared/store/database.ts";
import { KEPT_DAYS } from "../shared/store/inbox.ts";
import { appendAll, type CausedEvents, type EventDraft } from "../shared/store/outbox.ts";
import { newContext } from "../shared/telemetry/context.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import { ACTOR, TOPICS, uuids } from "./ledger.ts";

/** How many users fire side by side: half of the pool's six connections, so that events and requests find one. */
const FIRING_AT_ONCE = 3;
/** Calls to the scheduler at a time; they hold no connection. */
const JOBS_AT_ONCE = 6;
const PAGE = 1_000;
/** A scheduler that lost its disk gets the jobs of this many minutes ahead again, those set over an hour ago. */
const REFRESH_AHEAD_MINUTES = 10;

interface Fired extends Omit<ReminderEntry, "status" | "deliveredAt"> {
  userId: string;
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
  /** Fires what is due; `job` is the name of the job that rang. Calls made while one runs become one. */
  ring(job: string): Promise<void>;
  /** Fires all that is due, whatever became of its job. */
  fireOverdue(): Promise<void>;
  /** Makes the jobs that the ledger asks for. */
  settleJobs(): Promise<void>;
  /** Forgets received events and ended plans of more than 45 days ago; the ledger stays. */
  prune(): Promise<void>;
}

interface DueRow {
  id: string;
  userId: string;
}

/** Firing over the ledger; every function rejects when the database, or the scheduler it needs, does not answer. */
export function createFiring(options: FiringOptions): Firing {
  const { sql, runtime, clock, metrics } = options;
  const ring = gathered({
    atOnce: 1,
    most: PAGE,
    async run(jobs: readonly string[]) {
      await fireOverdue();
      await wantAgain(Math.max(...jobs.map(momentOf)));
      return jobs.map(() => {});
    },
  });
  return { ring, fireOverdue, settleJobs, prune };

  async function fireOverdue(): Promise<void> {
    for (;;) {
      const due = await asUser(sql, EVERY_USER, (tx) =>
        tx<DueRow[]>`
          select id, user_id as "userId" from reminders.ledger
          where status = 'scheduled' and fire_at <= ${formatInstant(clock.now())}
          order by fire_at
          limit ${PAGE}`);
      await fireRows(due);
      if (due.length < PAGE) return;
    }
  }

  /** A job that came too early, as a clock is ahead, is used up: the rows that counted on it need another. */
  async function wantAgain(moment: number): Promise<void> {
    const now = clock.now();
    if (moment * 1_000 <= now.epochMilliseconds) return;
    const wanting = await asUser(sql, EVERY_USER, (tx) =>
      tx`
        update reminders.ledger set job_state = 'wanted'
        where id in (
          select id from reminders.ledger
          where status = 'scheduled' and job_state = 'set' and fire_at > ${formatInstant(now)}
            and fire_at <= to_timestamp(${moment})
          for update skip locked
        )
        returning id`);
    if (wanting.length > 0) runtime.wake("reminder-jobs");
  }

  /** All in one transaction, but for users whose rows somebody else writes at this moment: nobody waits for them. */
  async function fireRows(rows: readonly DueRow[]): Promise<void> {
    if (rows.length === 0) return;
    const fired = new Set(await fireFree(rows));
    const held = Map.groupBy(rows.filter(({ userId }) => !fired.has(userId)), ({ userId }) => userId);
    await forEachLimited(held, FIRING_AT_ONCE, async ([userId, ofUser]) => {
      count(
        await asUser(sql, userId, async (tx) => {
          // Sent together and done in this order.
          const locked = lockUser(tx, "reminders", userId);
          const [fired] = await Promise.all([deliver(tx, ofUser.map(({ id }) => id), clock.now()), locked]);
          return fired;
        }),
      );
    });
    runtime.wake("outbox");
  }

  /** Gives the users whose rows have been fired. */
  async function fireFree(rows: readonly DueRow[]): Promise<string[]> {
    const users = [...new Set(rows.map(({ userId }) => userId))];
    const { free, fired } = await asUser(sql, EVERY_USER, async (tx) => {
      const free = (await tryLockUsers(tx, "reminders", users)).map(({ userId }) => userId);
      const theirs = new Set(free);
      const ids = rows.filter(({ userId }) => theirs.has(userId)).map(({ id }) => id);
      return { free, fired: ids.length === 0 ? [] : await deliver(tx, ids, clock.now()) };
    });
    count(fired);
    return free;
  }

  /** Compare-and-set: whoever comes second (the job, the sweep, another replica) finds nothing to set. */
  async function deliver(tx: Tx, ids: readonly string[], now: Temporal.Instant): Promise<Fired[]> {
    const at = formatInstant(now);
    const lateBefore = formatInstant(now.subtract({ seconds: LATE_AFTER_SECONDS }));
    const rows = await tx<Fired[]>`
      with fired as (
        update reminders.ledger
        set status = 'delivered', delivered_at = ${at}, late = past_when_set or fire_at < ${lateBefore},
          reason = case when past_when_set or fire_at < ${lateBefore} then 'fired late: ' else 'fired: ' end || reason,
          job_state = 'none', updated_at = ${at}
        where status = 'scheduled' and fire_at <= ${at} and id = any(${uuids(tx, ids)})
        returning *
      )
      select id, user_id as "userId", task_id as "taskId", occurrence, reminder_id as "reminderId",
        fire_at as "fireAt", late, reason, title, due_at as "dueAt", due, past_when_set as "pastWhenSet",
        correlation_id as "correlationId", causation_id as "causationId", traceparent
      from fired
      order by fire_at, id`;
    // Each event goes on with the trace and the cause of the change that set its reminder.
    const groups = [...Map.groupBy(rows, causeOf).values()].map((alike): CausedEvents => ({
      userId: alike[0]?.userId ?? "",
      causationId: alike[0]?.causationId,
      context: newContext(alike[0]),
      drafts: alike.map((row) => draft(row, now)),
    }));
    await appendAll(tx, groups, { schema: "reminders", source: "reminders", now });
    return rows;
  }

  function count(fired: readonly Fired[]): void {
    const now = clock.now();
    for (const { late, pastWhenSet, fireAt } of fired) {
      metrics.remindersDelivered.inc({ late: String(late) });
      // One that was past when set was never waited for.
      if (!pastWhenSet) {
        metrics.reminderDelay.observe(now.since(Temporal.Instant.from(fireAt)).total("seconds"));
      }
    }
  }

  async function settleJobs(): Promise<void> {
    await refreshJobs();
    for (;;) {
      const moments = await asUser(sql, EVERY_USER, (tx) =>
        tx<{ moment: number }[]>`
          select distinct ${momentColumn(tx)} as moment from reminders.ledger
          where job_state = 'wanted'
          order by moment
          limit ${PAGE}`);
      if (moments.length === 0) return;
      const made: number[] = [];
      const failure = await forEachLimited(moments, JOBS_AT_ONCE, async ({ moment }) => {
        await runtime.jobs.schedule({
          name: jobOf(moment),
          dueAt: Temporal.Instant.fromEpochMilliseconds(moment * 1_000),
          data: {},
        });
        made.push(moment);
      }).then(() => null, (cause) => ({ cause }));
      // A row that a consumer holds now goes on asking: to wait for rows of many users could end in a deadlock.
      await asUser(sql, EVERY_USER, (tx) =>
        tx`
          update reminders.ledger set job_state = 'set', job_set_at = ${formatInstant(clock.now())}
          where id in (
            select id from reminders.ledger
            where job_state = 'wanted' and ${momentColumn(tx)} in (
              select value::bigint from jsonb_array_elements_text(${tx.json(made)})
            )
            for update skip locked
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

/** Rows of one second share a job, so that a full minute needs no more than sixty: seconds since the epoch. */
const momentColumn = (tx: Tx) => tx`ceil(extract(epoch from fire_at))::bigint`;
const JOB = "reminders-at-";
const jobOf = (moment: number): string => `${JOB}${moment}`;
/** 0 for a job that an earlier version made for one row. */
const momentOf = (job: string): number => job.startsWith(JOB) ? Number(job.slice(JOB.length)) : 0;

const causeOf = ({ userId, correlationId, causationId, traceparent }: Fired): string =>
  `${userId} ${correlationId} ${causationId} ${traceparent}`;

function draft(row: Fired, now: Temporal.Instant): EventDraft {
  const { userId: _user, title, dueAt, due, pastWhenSet: _past, ...rest } = row;
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
