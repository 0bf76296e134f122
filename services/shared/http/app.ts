/** What every service's HTTP side has in common. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { routePath } from "hono/route";
import type { Clock } from "../domain/time.ts";
import type { Runtime, Service } from "../runtime/ports.ts";
import type { Sql } from "../store/database.ts";
import { currentContext, newContext, runInContext } from "../telemetry/context.ts";
import { activeTraceparent } from "../telemetry/trace.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { ProblemError, problemResponse, validationHook } from "./problem.ts";
import { ours } from "./security.ts";

/** What a service is built from; `main.ts` and `embedded.ts` make it. */
export interface ServiceDependencies {
  sql: Sql;
  runtime: Runtime;
  log: Log;
  metrics: Metrics;
  clock: Clock;
}

/** The header in which a service names the user it asks for, on `/internal/` routes only. */
export const USER_HEADER = "x-rondo-user";
/** Any other method is one label: clients may send what they like. */
const METHODS = new Set(["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]);
const CORRELATION_HEADER = "x-correlation-id";
const CORRELATION = /^[\w.:-]{1,128}$/;

export interface ServiceAppOptions {
  name: string;
  dependencies: Pick<ServiceDependencies, "runtime" | "log" | "metrics">;
  ready: Service["ready"];
}

/**
 * An app with the correlation id and the trace context of each request, problems for failures, the request
 * metric, a guard over `/internal/`, and `/health`, `/ready`, `/metrics`.
 */
export function createServiceApp(options: ServiceAppOptions): OpenAPIHono {
  const { name, ready } = options;
  const { runtime, log, metrics } = options.dependencies;
  const app = new OpenAPIHono({ defaultHook: validationHook });
  app.use((context, next) => {
    const given = context.req.header(CORRELATION_HEADER) ?? "";
    const fresh = newContext({
      ...(CORRELATION.test(given) ? { correlationId: given } : {}),
      traceparent: context.req.header("traceparent"),
    });
    const work = { ...fresh, traceparent: activeTraceparent() ?? fresh.traceparent };
    return runInContext(work, async () => {
      const started = performance.now();
      await next();
      if (!context.res.headers.has(CORRELATION_HEADER)) {
        // `context.header()` would make a new response for it.
        const answer = ours(context.res);
        answer.headers.set(CORRELATION_HEADER, work.correlationId);
        if (answer !== context.res) context.res = answer;
      }
      metrics.httpDuration.observe(
        {
          service: name,
          method: METHODS.has(context.req.method) ? context.req.method : "OTHER",
          route: routePath(context, -1),
          status: context.res.status,
        },
        (performance.now() - started) / 1_000,
      );
    });
  });
  app.use("/internal/*", async (context, next) => {
    if (!runtime.isInternal(context.req.raw)) {
      throw new ProblemError(403, "Only services of this installation may ask this");
    }
    await next();
  });
  app.onError((cause) => problemResponse(cause, log));
  app.notFound((context) => {
    // To another service a wrong address is a wrong installation, never the news that something is gone.
    const internal = context.req.path.startsWith("/internal/");
    return problemResponse(
      internal
        ? new ProblemError(503, "This service has no such route")
        : new ProblemError(404, "There is no such address"),
      log,
    );
  });
  app.get("/health", (context) => context.json({ status: "ok" }));
  app.get("/ready", async (context) => {
    const problem = await ready();
    if (problem !== null) throw new ProblemError(503, problem);
    return context.json({ status: "ready" });
  });
  app.get("/metrics", async (context) => {
    context.header("content-type", metrics.registry.contentType);
    return context.body(await metrics.registry.metrics());
  });
  return app;
}

/** The user an internal caller asks for. */
export function internalUser(request: Request): string {
  const user = request.headers.get(USER_HEADER);
  if (user === null) throw new ProblemError(400, `${USER_HEADER} is missing`);
  return user;
}

/** Headers that carry the running work to another service. */
export function contextHeaders(): Record<string, string> {
  const { correlationId, traceparent } = currentContext();
  return { [CORRELATION_HEADER]: correlationId, traceparent };
}

/** A readiness check that asks the database. */
export function databaseReady(sql: Sql): Service["ready"] {
  return async () => {
    try {
      await sql`select 1`;
      return null;
    } catch {
      return "The database does not answer";
    }
  };
}
