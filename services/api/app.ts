/** The api: commands, queries and accounts; the only writer of tasks. */
import { createServiceApp, databaseReady, type ServiceDependencies } from "../shared/http/app.ts";
import { withSecurityHeaders } from "../shared/http/security.ts";
import { formatInstant } from "../shared/domain/time.ts";
import { createLoop } from "../shared/runtime/loop.ts";
import type { Service } from "../shared/runtime/ports.ts";
import type { Sql } from "../shared/store/database.ts";
import { createAccounts } from "./accounts.ts";
import { createAuthenticator, createLimiter, DEFAULT_RATE_LIMITS, type RateLimits } from "./auth.ts";
import { createProfile } from "./profile.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { documentRoutes } from "./routes/docs.ts";
import type { EndpointTools } from "./routes/endpoint.ts";
import { internalRoutes } from "./routes/internal.ts";
import { keyRoutes } from "./routes/keys.ts";
import { otherRoutes } from "./routes/others.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { thingRoutes } from "./routes/things.ts";
import { transferRoutes } from "./routes/transfer.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { createSeal } from "./seal.ts";
import { createUnits } from "./unit.ts";

/** What the api needs beside the ports that every service has. */
export interface ApiOptions {
  /** A pool on the accounts schema, with native types. */
  accountsSql: Sql;
  /** Signs sessions; at least 32 characters. */
  secret: string;
  /** Where the browser sees Rondo. */
  publicUrl: string;
  rateLimits?: Partial<RateLimits>;
  trustProxy?: boolean;
  /** Whether the notifications service can send mail. */
  emailEnabled?: boolean;
  /** Whether it can send web push. */
  pushEnabled?: boolean;
}

const NAME = "api";
/** How often what has had its time is removed. */
const PURGE_EVERY_MS = 3_600_000;

/** The api over its ports. */
export function createApi(dependencies: ServiceDependencies & ApiOptions): Service {
  const { sql, accountsSql, runtime, log, metrics, clock, publicUrl } = dependencies;
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  const accounts = createAccounts({ sql: accountsSql, secret: dependencies.secret, publicUrl });
  const limiter = createLimiter({ ...DEFAULT_RATE_LIMITS, ...dependencies.rateLimits });
  const authenticator = createAuthenticator({
    accounts,
    sql: accountsSql,
    limiter,
    async ensureProfile(userId) {
      const [user] = await accountsSql<{ id: string; name: string; email: string }[]>`
        select "id", "name", "email" from "user" where "id" = ${userId}`;
      if (user !== undefined) await createProfile(sql, user, formatInstant(clock.now()));
    },
  });
  const units = createUnits({
    sql,
    runtime,
    metrics,
    now: () => clock.now(),
    seal: createSeal(dependencies.secret),
  });
  const trustProxy = dependencies.trustProxy ?? false;
  const isInternal = (request: Request) => runtime.isInternal(request);
  const tools: EndpointTools = { app, authenticator, limiter, units, publicUrl, trustProxy, isInternal };

  accountRoutes(app, { accounts, authenticator, limiter, publicUrl, trustProxy });
  taskRoutes(tools, { sql, clock });
  const { emailEnabled: email = false, pushEnabled: push = false } = dependencies;
  thingRoutes(tools, { sql, capabilities: { email, push } });
  keyRoutes(tools, { accounts, sql: accountsSql });
  transferRoutes(tools, { sql, clock, publicUrl });
  otherRoutes(tools, { runtime });
  webhookRoutes(tools, { sql, runtime });
  internalRoutes(app, { sql, units, authenticator });
  documentRoutes(app, { publicUrl });

  const secure = publicUrl.startsWith("https:");
  const purge = createLoop({
    everyMs: PURGE_EVERY_MS,
    log,
    async run() {
      const [row] = await sql<{ answers: number; trashed: number }[]>`
        select * from tasks.purge(${formatInstant(clock.now())})`;
      log.debug("purged", { answers: row?.answers, trashed: row?.trashed });
    },
  });

  return {
    name: NAME,
    async fetch(request, connection) {
      return withSecurityHeaders(await app.fetch(request, connection), { secure });
    },
    ready,
    async start() {
      purge.start();
      await runtime.start();
    },
    async stop() {
      await runtime.stop();
      await purge.stop();
    },
  };
}
