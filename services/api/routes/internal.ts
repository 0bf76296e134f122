/** What other services of this installation ask of the api. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { CivilDate, CivilTime, Uuid } from "../../shared/contracts/task.ts";
import { internalUser } from "../../shared/http/app.ts";
import { invalid, ProblemError, toErrors } from "../../shared/http/problem.ts";
import type { Sql } from "../../shared/store/database.ts";
import type { Authenticator } from "../auth.ts";
import { currentSeq, getProfile, listChanges } from "../queries.ts";
import { toTask } from "../task_state.ts";
import { createOccurrence } from "../tasks.ts";
import type { Units } from "../unit.ts";

const OccurrenceRequest = z.object({
  userId: Uuid,
  taskId: Uuid,
  eventId: Uuid,
  causationId: Uuid,
  next: z.object({ date: CivilDate, time: CivilTime.nullable() }),
});
const ChangesQuery = z.object({
  since: z.coerce.number().int().min(0),
  limit: z.coerce.number().int().min(1).max(500).default(500),
});

export interface InternalOptions {
  sql: Sql;
  units: Units;
  authenticator: Authenticator;
}

/** Adds sessions, profiles, changes and next occurrences for the other services. */
export function internalRoutes(app: OpenAPIHono, options: InternalOptions): void {
  const { sql, units, authenticator } = options;

  app.get("/internal/session", async (context) => {
    const { userId } = await authenticator.authenticate(context.req.raw);
    return context.json({ userId, seq: await currentSeq(sql, userId) });
  });

  app.get(
    "/internal/profile",
    async (context) => context.json(await getProfile(sql, internalUser(context.req.raw))),
  );

  app.get("/internal/changes", async (context) => {
    const query = ChangesQuery.safeParse(context.req.query());
    if (!query.success) throw invalid("since", "must be a number of a change");
    return context.json(await listChanges(sql, internalUser(context.req.raw), query.data));
  });

  app.post("/internal/occurrences", async (context) => {
    const request = OccurrenceRequest.safeParse(await context.req.json().catch(() => null));
    if (!request.success) {
      throw new ProblemError(422, "The request is not valid", { errors: toErrors(request.error) });
    }
    const { userId, causationId, ...wanted } = request.data;
    const created = await units.run(
      { userId, actor: { kind: "system", id: "recurrence" }, causationId },
      (unit) => createOccurrence(unit, wanted),
    );
    return context.json({ created: created === null ? null : toTask(created) });
  });
}
