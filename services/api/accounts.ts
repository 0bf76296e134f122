/** Accounts by better-auth: e-mail and password, sessions in cookies, JWT with JWKS, API keys. */
import { AsyncLocalStorage } from "node:async_hooks";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { isAPIError } from "better-auth/api";
import { jwt } from "better-auth/plugins/jwt";
import { Kysely } from "kysely";
import { PostgresJSDialect } from "kysely-postgres-js";
import postgres from "postgres";
import { uuidv7 } from "uuidv7";
import { ProblemError } from "../shared/http/problem.ts";
import type { Sql } from "../shared/store/database.ts";

/** How long a JWT of `GET /api/auth/token` is good for. */
const TOKEN_MINUTES = 15;

/** What accounts are built from. */
export interface AccountsOptions {
  /** A pool whose `search_path` is `accounts`. */
  sql: Sql;
  /** Signs cookies and encrypts the JWKS' private keys; must outlive restarts. */
  secret: string;
  /** Where the browser sees Rondo, such as `http://localhost:8080`. */
  publicUrl: string;
}

/** What failed in the call that runs: better-auth turns a database that is away into an answer like any other. */
const failures = new AsyncLocalStorage<unknown[]>();

/**
 * Runs a call of better-auth.
 *
 * @throws ProblemError 503 with the cause when something failed on the way, whatever better-auth made of it
 */
export async function orUnavailable<T>(call: () => Promise<T>): Promise<T> {
  const seen: unknown[] = [];
  const [result] = await Promise.allSettled([failures.run(seen, call)]);
  const [first] = seen;
  const cause = first ??
    (result.status === "rejected" && isFailure(result.reason) ? result.reason : undefined);
  if (cause !== undefined) {
    throw new ProblemError(503, "Accounts can't be looked up now; try again soon", {
      headers: { "retry-after": "5" },
      cause,
    });
  }
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

/** Whether it is a fault of ours: neither a refusal of better-auth nor an address that somebody else just took. */
function isFailure(cause: unknown): boolean {
  if (isAPIError(cause)) return cause.statusCode >= 500;
  return cause instanceof Error && !(cause instanceof postgres.PostgresError && cause.code === "23505");
}

/** The better-auth instance behind `/api/auth/*`. */
export function createAccounts(options: AccountsOptions) {
  const secure = options.publicUrl.startsWith("https:");
  return betterAuth({
    appName: "Rondo",
    baseURL: options.publicUrl,
    basePath: "/api/auth",
    secret: options.secret,
    // The page may be open under another name of this host; what it may not be is of another host.
    trustedOrigins: (request) => {
      const host = request?.headers.get("host");
      return host === null || host === undefined ? [] : [`http://${host}`, `https://${host}`];
    },
    telemetry: { enabled: false },
    logger: {
      level: "error",
      // Its sentences may quote what was sent: the causes alone go on, and to the log from there.
      log: (_level, ...said: unknown[]) => void failures.getStore()?.push(...said.filter(isFailure)),
    },
    // A failure comes out of the call instead of going to the console.
    onAPIError: { throw: true },
    database: {
      db: new Kysely({ dialect: new PostgresJSDialect({ postgres: options.sql }) }),
      type: "postgres",
    },
    emailAndPassword: { enabled: true, minPasswordLength: 8, maxPasswordLength: 128 },
    session: { expiresIn: 30 * 86_400, updateAge: 86_400 },
    // Rondo limits these calls itself, so that one setting covers all of the API.
    rateLimit: { enabled: false },
    advanced: {
      // Where a request came from is checked by the routes, for these calls as for all others.
      disableCSRFCheck: true,
      cookiePrefix: "rondo",
      useSecureCookies: secure,
      defaultCookieAttributes: { httpOnly: true, sameSite: "lax", secure },
      database: { generateId: () => uuidv7() },
    },
    plugins: [
      jwt({
        jwks: { keyPairConfig: { alg: "EdDSA", crv: "Ed25519" } },
        jwt: { issuer: "rondo", audience: "rondo", expirationTime: `${TOKEN_MINUTES}m` },
      }),
      apiKey({
        rateLimit: { enabled: false },
        defaultPrefix: "rondo_",
        enableMetadata: true,
        requireName: false,
        // It counts UTF-16 units; the contract has looked at the characters.
        maximumNameLength: 64,
      }),
    ],
  });
}
/** better-auth, set up for Rondo. */
export type Accounts = ReturnType<typeof createAccounts>;
