/**
 * Reminders: the ledger of what is to fire, fired and didn't, and why.
 *
 * The ledger is the truth and a job is only its alarm clock: rows ask for jobs (`job_state`), which are made
 * after the commit, and what is due fires from the ledger even when no job ever rings.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { ReminderEntry, ReminderStatus } from "../shared/contracts/resources.ts";
import { Instant, MAX_LIMIT, Uuid } from "../shared/contracts/task.ts";
import {
  createServiceApp,
  databaseReady,
  internalUser,
  type ServiceDependencies,
} from "../shared/http/app.ts";
import { decodeCursor, pageOf } from "../shared/http/cursor.ts";
import type { Envelope } from "../shared/contracts/events.ts";
import { createLoop, settled } from "../shared/runtime/loop.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { asUser } from "../shared/store/database.ts";
import { createConsumer } from "../shared/store/inbox.ts";
import { createFiring } from "./firing.ts";
import { takeEvent } from "./ledger.ts";

const NAME = "reminders";
const SWEEP_EVERY_MS = 30_000;
const PRUNE_EVERY_MS = 600_000;

const listRoute = createRoute({
  method: "get",
  path: "/internal/reminders",
  request: {
    query: z.object({
      taskId: Uuid.optional(),
      status: ReminderStatus.optional(),
      limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(50),
      cursor: z.string().optional(),
    }),
  },
  responses: {
    200: {
      description: "The ledger, the latest moment first",
      content: {
        "application/json": {
          schema: z.object({ items: z.array(ReminderEntry), nextCursor: z.string().nullable() }),
        },
      },
    },
  },
});
const Cursor = z.tuple([Instant, Uuid]);

/**
 * Runs of events that touch different tasks: each run is sent to the database at once, since none of its events
 * reads what another writes.
 */
function apart(events: readonly Envelope[]): Envelope[][] {
  const runs: Envelope[][] = [];
  let tasks = new Set<string>();
  for (const event of events) {
    const run = runs.at(-1);
    // A new time zone moves every task.
    const whole = !event.type.startsWith("task.");
    if (run === undefined || whole || tasks.has("*") || tasks.has(event.subject)) {
      runs.push([event]);
      tasks = new Set();
    } else run.push(event);
    tasks.add(whole ? "*" : event.subject);
  }
  return runs;
}

/** The reminders service over its ports. */
export function createReminders(dependencies: ServiceDependencies): Service {
  const { sql, runtime, log, metrics, clock } = dependencies;
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  const firing = createFiring({ sql, runtime, clock, metrics });
  // Two loops: a scheduler that does not answer must not hold up what is due.
  const overdue = createLoop({ everyMs: SWEEP_EVERY_MS, log, run: firing.fireOverdue });
  const jobs = createLoop({ everyMs: SWEEP_EVERY_MS, log, run: firing.settleJobs });
  const prune = createLoop({ everyMs: PRUNE_EVERY_MS, log, run: firing.prune });

  runtime.subscribe({
    topic: "task-events",
    consumer: NAME,
    async handle(batch) {
      let written = 0;
      const consume = createConsumer({
        sql,
        schema: "reminders",
        consumer: NAME,
        ...{ log, metrics, clock },
        async effect(tx, events, within) {
          for (const together of apart(events)) {
            const planned = await settled(
              together.map((event) => within(event, () => takeEvent(tx, event, clock.now()))),
            );
            for (const one of planned) {
              metrics.remindersScheduled.inc(one.scheduled);
              written += one.written;
            }
          }
        },
        committed() {
          // Most changes are of tasks without reminders: nobody has to look at the ledger for them.
          if (written === 0) return;
          runtime.wake("outbox");
          overdue.wake();
          jobs.wake();
        },
      });
      return await consume(batch);
    },
  });
  runtime.jobs.handle((job) => firing.ring(job.name));
  const forget = runtime.onWake("reminder-jobs", () => jobs.wake());

  app.openapi(listRoute, async (context) => {
    const { taskId, status, limit, cursor } = context.req.valid("query");
    const userId = internalUser(context.req.raw);
    const after = cursor === undefined ? null : decodeCursor(cursor, Cursor);
    const rows = await asUser(sql, userId, (tx) =>
      tx<ReminderEntry[]>`
        select id, task_id as "taskId", occurrence, reminder_id as "reminderId", fire_at as "fireAt", status,
          delivered_at as "deliveredAt", late, reason
        from reminders.ledger
        where user_id = ${userId}
          ${taskId === undefined ? tx`` : tx`and task_id = ${taskId}`}
          ${status === undefined ? tx`` : tx`and status = ${status}`}
          ${after === null ? tx`` : tx`and (fire_at, id) < (${after[0]}, ${after[1]})`}
        order by fire_at desc, id desc
        limit ${limit + 1}`);
    return context.json(pageOf(rows, limit, ({ fireAt, id }) => [fireAt, id]), 200);
  });

  return {
    name: NAME,
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      overdue.start();
      jobs.start();
      prune.start();
      await runtime.start();
    },
    async stop() {
      forget();
      await runtime.stop();
      await Promise.all([overdue.stop(), jobs.stop(), prune.stop()]);
    },
  };
}
