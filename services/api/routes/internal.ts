/** What other services of this installation ask of the api. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import type { Profile } from "../../shared/contracts/resources.ts";
import { CivilDate, CivilTime, Uuid } from "../../shared/contracts/task.ts";
import { internalUser } from "../../shared/http/app.ts";
import { ASSISTANT_ROUTE, TURN_HEADER } from "../../shared/http/assistant.ts";
import { invalid, notFound, ProblemError, toErrors } from "../../shared/http/problem.ts";
import { forEachLimited } from "../../shared/runtime/loop.ts";
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
const ProfilesRequest = z.object({ userIds: z.array(Uuid).max(1_000) });
const PROFILES_AT_ONCE = 4;
const ChangesQuery = z.object({
  since: z.coerce.number().int().min(0),
  limit: z.coerce.number().int().min(1).max(500).default(500),
});

export interface InternalOptions {
  sql: Sql;
  units: Units;
  authenticator: Authenticator;
}

/** What the assistant does for a user; accounts and keys are the person's own matter. */
const FOR_ASSISTANT =
  /^\/api\/(tasks|undo|changes|lists|filters|tags|me|notifications|reminders|audit)(\/|$)/;

/** Adds sessions, profiles, changes, next occurrences and the assistant's calls for the other services. */
export function internalRoutes(app: OpenAPIHono, options: InternalOptions): void {
  const { sql, units, authenticator } = options;

  app.get("/internal/session", async (context) => {
    const { userId, scopes } = await authenticator.authenticate(context.req.raw);
    return context.json({ userId, scopes, seq: await currentSeq(sql, userId) });
  });

  // The caller's own credential decides what may be done, by the routes that everybody uses.
  app.all(`${ASSISTANT_ROUTE}/*`, (context) => {
    const url = new URL(context.req.url);
    url.pathname = url.pathname.slice(ASSISTANT_ROUTE.length);
    if (!FOR_ASSISTANT.test(url.pathname)) throw notFound("There is no such address for the assistant");
    if (!context.req.header(TURN_HEADER)) throw invalid(TURN_HEADER, "must name the turn");
    return app.fetch(new Request(url, context.req.raw), context.env);
  });

  // Of many at a time: a call for each would cost more than what is asked for. Those that are gone are left out.
  app.post("/internal/profiles", async (context) => {
    const request = ProfilesRequest.safeParse(await context.req.json().catch(() => null));
    if (!request.success) throw invalidRequest(request.error);
    const profiles: Profile[] = [];
    await forEachLimited(new Set(request.data.userIds), PROFILES_AT_ONCE, async (userId) => {
      const profile = await getProfile(sql, userId).catch((cause) => {
        if (cause instanceof ProblemError && cause.status === 404) return null;
        throw cause;
      });
      if (profile !== null) profiles.push(profile);
    });
    return context.json({ profiles });
  });

  app.get("/internal/changes", async (context) => {
    const query = ChangesQuery.safeParse(context.req.query());
    if (!query.success) throw invalid("since", "must be a number of a change");
    return context.json(await listChanges(sql, internalUser(context.req.raw), query.data));
  });

  app.post("/internal/occurrences", async (context) => {
    const request = OccurrenceRequest.safeParse(await context.req.json().catch(() => null));
    if (!request.success) throw invalidRequest(request.error);
    const { userId, causationId, ...wanted } = request.data;
    const created = await units.run(
      { userId, actor: { kind: "system", id: "recurrence" }, causationId },
      (unit) => createOccurrence(unit, wanted),
    );
    return context.json({ created: created === null ? null : toTask(created) });
  });
}

const invalidRequest = (error: z.ZodError): ProblemError =>
  new ProblemError(422, "The request is not valid", { errors: toErrors(error) });
