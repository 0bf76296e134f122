/** Audit: every event of every user in an append-only chain of hashes, read back and verified. */
import { createRoute, z } from "@hono/zod-openapi";
import { AuditEntry, type Topic } from "../shared/contracts/events.ts";
import { Instant, MAX_LIMIT, Uuid } from "../shared/contracts/task.ts";
import { formatInstant } from "../shared/domain/time.ts";
import {
  createServiceApp,
  databaseReady,
  internalUser,
  type ServiceDependencies,
} from "../shared/http/app.ts";
import { decodeCursor, pageOf } from "../shared/http/cursor.ts";
import type { Delivery, Outcome, Service } from "../shared/runtime/ports.ts";
import { createLoop } from "../shared/runtime/loop.ts";
import { createConsumer, KEPT_DAYS } from "../shared/store/inbox.ts";
import { appendEntries, listEntries, verifyUser } from "./entries.ts";

const NAME = "audit";
const TOPICS: readonly Topic[] = ["task-events", "reminders", "notifications"];
const PRUNE_EVERY_MS = 3_600_000;

const json = <S extends z.ZodType>(description: string, schema: S) => ({
  description,
  content: { "application/json": { schema } },
});
const listRoute = createRoute({
  method: "get",
  path: "/internal/audit",
  request: {
    query: z.object({
      taskId: Uuid.optional(),
      type: z.string().max(100).optional(),
      from: Instant.optional(),
      to: Instant.optional(),
      actor: z.string().max(200).optional(),
      limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(50),
      cursor: z.string().optional(),
    }),
  },
  responses: {
    200: json(
      "Entries, newest first",
      z.object({ items: z.array(AuditEntry), nextCursor: z.string().nullable() }),
    ),
  },
});
const verifyRoute = createRoute({
  method: "get",
  path: "/internal/audit/verify",
  responses: {
    200: json(
      "What walking the chain found",
      z.object({ ok: z.boolean(), checked: z.int(), firstBroken: z.int().nullable() }),
    ),
  },
});
const Cursor = z.tuple([z.int().min(1)]);

/** The audit service over its ports. */
export function createAudit(dependencies: ServiceDependencies): Service {
  const { sql, runtime, log, metrics, clock } = dependencies;
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  const consume = oneAtATime(
    createConsumer({
      sql,
      schema: "audit",
      consumer: NAME,
      ...{ log, metrics, clock },
      effect: {
        // Statements that append what belongs to many traces are in the span of each.
        all: (tx, users, within) =>
          [...users.values()].flat().reduceRight(
            (work, event) => () => within(event, work),
            () => appendEntries(tx, users),
          )(),
      },
    }),
  );
  for (const topic of TOPICS) runtime.subscribe({ topic, consumer: NAME, handle: consume });
  const prune = createLoop({
    everyMs: PRUNE_EVERY_MS,
    log,
    async run() {
      const before = formatInstant(clock.now().subtract({ hours: KEPT_DAYS * 24 }));
      await sql`delete from audit.inbox where received_at < ${before}`;
    },
  });

  app.openapi(listRoute, async (context) => {
    const { cursor, limit, ...filter } = context.req.valid("query");
    const below = cursor === undefined ? undefined : decodeCursor(cursor, Cursor)[0];
    const rows = await listEntries(sql, internalUser(context.req.raw), {
      ...filter,
      below,
      limit: limit + 1,
    });
    const page = pageOf(rows, limit, ({ n }) => [n]);
    const items = page.items.map(({ userId: _user, prevHash: _prev, ...item }) => item as AuditEntry);
    return context.json({ ...page, items }, 200);
  });
  app.openapi(verifyRoute, async (context) => {
    return context.json(await verifyUser(sql, internalUser(context.req.raw)), 200);
  });
  return {
    name: NAME,
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      prune.start();
      await runtime.start();
    },
    async stop() {
      await runtime.stop();
      await prune.stop();
    },
  };
}

type Handle = (batch: readonly Delivery[]) => Promise<Outcome[]>;

/**
 * Batches of the three topics lock the heads of the same users, each in its own order: side by side they would
 * wait for each other until PostgreSQL ends one. None holds up the rest for ever: a consumer's statements have a
 * time limit. Between replicas it still may; the batch is then taken one by one.
 */
function oneAtATime(handle: Handle): Handle {
  let last: Promise<unknown> = Promise.resolve();
  return (batch) => {
    const mine = last.then(() => handle(batch));
    last = mine.catch(() => {});
    return mine;
  };
}
