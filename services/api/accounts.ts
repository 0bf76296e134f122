/** Accounts by better-auth: e-mail and password, sessions in cookies, JWT with JWKS, API keys. */
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { jwt } from "better-auth/plugins/jwt";
import { Kysely } from "kysely";
import { PostgresJSDialect } from "kysely-postgres-js";
import { uuidv7 } from "uuidv7";
import type { Sql } from "../shared/store/database.ts";

/** How long a JWT of `GET /api/auth/token` is good for. */
export const TOKEN_MINUTES = 15;

export interface AccountsOptions {
  /** A pool whose `search_path` is `accounts`. */
  sql: Sql;
  /** Signs cookies and encrypts the JWKS' private keys; must outlive restarts. */
  secret: string;
  /** Where the browser sees Rondo, such as `http://localhost:8080`. */
  publicUrl: string;
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
    logger: { disabled: true },
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
      }),
    ],
  });
}
export type Accounts = ReturnType<typeof createAccounts>;
