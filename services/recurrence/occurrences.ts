/** The occurrences that are to be made: recorded with the event, asked of the api outside any transaction. */
import { z } from "zod";
import type { Envelope, TaskEvent } from "../shared/contracts/events.ts";
import { nextOccurrence } from "../shared/domain/recurrence.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { USER_HEADER } from "../shared/http/app.ts";
import { isProblem } from "../shared/http/problem.ts";
import { forEachLimited } from "../shared/runtime/loop.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import { reason } from "../shared/runtime/waiting.ts";
import { asUser, EVERY_USER, type Sql, type Tx } from "../shared/store/database.ts";
import { KEPT_DAYS, PoisonEvent } from "../shared/store/inbox.ts";
import { newContext, runInContext } from "../shared/telemetry/context.ts";

/** How many users' occurrences are asked for at a time; of one user always one. */
const CONCURRENCY = 8;
/** The broker gives up after 20 s, so the sweep begins after that: never both at once. */
const FIRST_SWEEP_AFTER = "PT1M";
const LONGEST_WAIT_MINUTES = 15;
/** Rows that one look takes. */
const PAGE = 500;

interface Intent {
  eventId: string;
  userId: string;
  taskId: string;
  next: { date: string; time: string | null };
  attempts: number;
  causationId: string;
  correlationId: string;
  traceparent: string;
}

type Result =
  | { status: "made"; createdTaskId: string | null; detail: null }
  | { status: "unwanted"; createdTaskId: null; detail: string }
  | { status: "pending"; createdTaskId: null; detail: string };

/** What is recorded of one question; a failed one waits until `nextAttemptAt`, and its user's others with it. */
type Settled = Result & { eventId: string; userId: string; nextAttemptAt: string };

const Answer = z.object({ created: z.object({ id: z.uuid() }).nullable() });

/**
 * Records what an event that asks for the next occurrence wants, in the transaction of the inbox.
 *
 * @throws PoisonEvent for a rule nobody can read
 */
export async function recordIntent(tx: Tx, event: Envelope, now: Temporal.Instant): Promise<void> {
  const { task, userId, seq } = event.data as TaskEvent["data"];
  const next = nextOf(event);
  if (next === undefined) return;
  await tx`
    insert into recurrence.occurrences (
      event_id, user_id, task_id, seq, next, status, next_attempt_at,
      causation_id, correlation_id, traceparent, created_at, updated_at
    ) values (
      ${event.id}, ${userId}, ${task.id}, ${seq}, ${next === null ? null : tx.json(next)},
      ${next === null ? "ended" : "pending"}, ${formatInstant(now.add(FIRST_SWEEP_AFTER))},
      ${event.causationid}, ${event.correlationid}, ${event.traceparent}, ${formatInstant(now)}, ${
    formatInstant(now)
  }
    ) on conflict (event_id) do nothing`;
}

/** Whether events of this type end an occurrence. */
export function asksForNext(type: string): boolean {
  return type === "task.completed.v1" || type === "task.skipped.v1";
}

/** The due that follows, null when the series is over, undefined for a task of no series. */
function nextOf(event: Envelope): Intent["next"] | null | undefined {
  const { task, series, timeZone } = event.data as TaskEvent["data"];
  if (task.recurrence === null || series === null) return undefined;
  // A skip is no completion: it counts from the moment of skipping.
  const after = event.type === "task.completed.v1" ? task.completedAt ?? event.time : event.time;
  try {
    return nextOccurrence({
      rule: task.recurrence.rule,
      mode: task.recurrence.mode,
      anchor: series.anchor,
      scheduled: series.scheduled,
      occurrence: task.occurrence ?? 1,
      after: Temporal.Instant.from(after),
      userZone: timeZone,
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PoisonEvent(`the rule can't be read: ${cause.message}`, { cause });
  }
}

export interface OccurrencesOptions {
  sql: Sql;
  runtime: Pick<Runtime, "invoke">;
  clock: Clock;
}

export interface Occurrences {
  /** Asks the api for those of these events that still wait; answers the errors by event id. */
  make(eventIds: readonly string[]): Promise<Map<string, string>>;
  /** Asks again for what the broker gave up on; answers how many still fail. */
  sweep(): Promise<number>;
  /** Forgets what was settled, and whose event was received, more than 45 days ago. */
  prune(): Promise<void>;
}

/** The occurrences over the api, which it asks for `CONCURRENCY` users at a time. */
export function createOccurrences(options: OccurrencesOptions): Occurrences {
  const { sql, clock, runtime } = options;
  return {
    make: async (eventIds) => await settle(await waiting(eventIds)),
    async sweep() {
      for (;;) {
        const page = await waiting(null);
        const failing = (await settle(page)).size;
        // While some fail the next page is left to the next run: an api that is down is not asked at length.
        if (failing > 0 || page.length < PAGE) return failing;
      }
    },
    async prune() {
      const before = formatInstant(clock.now().subtract({ hours: KEPT_DAYS * 24 }));
      await asUser(sql, EVERY_USER, async (tx) => {
        await tx`delete from recurrence.inbox where received_at < ${before}`;
        await tx`delete from recurrence.occurrences where status <> 'pending' and updated_at < ${before}`;
      });
    },
  };

  /** Those who have waited longest, whosever they are; then each user's in order. */
  function waiting(eventIds: readonly string[] | null): Promise<Intent[]> {
    return asUser(sql, EVERY_USER, (tx) =>
      tx<Intent[]>`
        with page as (
          select * from recurrence.occurrences
          where status = 'pending'
            and ${
        eventIds === null
          ? tx`next_attempt_at <= ${formatInstant(clock.now())}`
          : tx`event_id = any(array(select value::uuid from jsonb_array_elements_text(${
            tx.json([...eventIds])
          })))`
      }
          order by next_attempt_at, user_id, seq
          limit ${PAGE}
        )
        select event_id as "eventId", user_id as "userId", task_id as "taskId", next, attempts,
          causation_id as "causationId", correlation_id as "correlationId", traceparent
        from page
        order by user_id, seq`);
  }

  /** Users side by side, the occurrences of one user in order; after a failure that user waits. */
  async function settle(intents: readonly Intent[]): Promise<Map<string, string>> {
    const errors = new Map<string, string>();
    const results: Settled[] = [];
    const users = Map.groupBy(intents, (intent) => intent.userId).values();
    await forEachLimited(users, CONCURRENCY, async (ofUser) => {
      for (const intent of ofUser) {
        const result = await runInContext(newContext(intent), () => ask(intent));
        const { eventId, userId, attempts } = intent;
        results.push({ eventId, userId, nextAttemptAt: retryAt(attempts), ...result });
        if (result.status !== "pending") continue;
        errors.set(intent.eventId, result.detail);
        break;
      }
    });
    if (results.length > 0) await record(results);
    return errors;
  }

  async function ask(intent: Intent): Promise<Result> {
    const { userId, taskId, eventId, causationId, next } = intent;
    try {
      const response = await runtime.invoke("api", "/internal/occurrences", {
        method: "POST",
        headers: { "content-type": "application/json", [USER_HEADER]: userId },
        body: JSON.stringify({ userId, taskId, eventId, causationId, next }),
      });
      const body = await response.text();
      if (response.status === 200) {
        return {
          status: "made",
          createdTaskId: Answer.parse(JSON.parse(body)).created?.id ?? null,
          detail: null,
        };
      }
      const detail = `the api answered ${response.status}: ${body.slice(0, 500)}`;
      // The task was deleted, reopened or changed meanwhile: there is nothing left to follow. Only the api can say
      // that: whoever else answers at a wrong address, or refuses a wrong token, knows nothing of the task.
      const unwanted = [404, 409, 422].includes(response.status) && isProblem(response);
      return { status: unwanted ? "unwanted" : "pending", createdTaskId: null, detail };
    } catch (cause) {
      return {
        status: "pending",
        createdTaskId: null,
        detail: `the api could not be asked: ${reason(cause)}`,
      };
    }
  }

  function retryAt(attempts: number): string {
    const minutes = Math.min(2 ** Math.min(attempts, 10), LONGEST_WAIT_MINUTES);
    return formatInstant(clock.now().add({ minutes }));
  }

  async function record(results: readonly Settled[]): Promise<void> {
    const failed = results.filter(({ status }) => status === "pending");
    await asUser(sql, EVERY_USER, async (tx) => {
      await tx`
        update recurrence.occurrences as o
        set status = r.status, created_task_id = r."createdTaskId", detail = r.detail,
          attempts = o.attempts + 1, next_attempt_at = r."nextAttemptAt", updated_at = ${
        formatInstant(clock.now())
      }
        from jsonb_to_recordset(${tx.json(results as never)})
          as r ("eventId" uuid, status text, "createdTaskId" uuid, detail text, "nextAttemptAt" timestamptz)
        where o.event_id = r."eventId" and o.status = 'pending'`;
      if (failed.length === 0) return;
      // The rest of that user waits as long: it keeps its order, and is in nobody's way.
      await tx`
        update recurrence.occurrences as o
        set next_attempt_at = greatest(o.next_attempt_at, f."nextAttemptAt")
        from jsonb_to_recordset(${tx.json(failed as never)}) as f ("userId" uuid, "nextAttemptAt" timestamptz)
        where o.user_id = f."userId" and o.status = 'pending'`;
    });
  }
}
