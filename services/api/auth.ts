/** Who asks: a session cookie, a JWT or an API key becomes a principal; limits on how often. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { z } from "zod";
import type { Actor } from "../shared/contracts/events.ts";
import { ProblemError } from "../shared/http/problem.ts";
import type { Scope } from "../shared/http/scopes.ts";
import type { Sql } from "../shared/store/database.ts";
import { type Accounts, orUnavailable } from "./accounts.ts";

/** Who asks. */
export interface Principal {
  userId: string;
  actor: Actor;
  scopes: readonly Scope[];
  /** How it proved itself: only a cookie is sent by a browser on its own. */
  by: "cookie" | "jwt" | "api-key";
}

/** How an API key begins, and a JWT never does. */
export const KEY_PREFIX = "rondo_";
/** The resource under which a key's scopes are stored. */
export const KEY_RESOURCE = "rondo";
/** How long a credential that was found good is not looked up again; a revoked one is good that long elsewhere. */
const TRUST_MS = 5_000;

/** Knows who asks. */
export interface Authenticator {
  /**
   * The principal of a request; `address` is whose wrong guesses at a token or key are counted, absent for a call
   * that another service makes.
   *
   * @throws ProblemError 401, 429 after too many guesses, 503 when it can't be looked up
   */
  authenticate(request: Request, address?: string): Promise<Principal>;
  /** Forgets what it knows of credentials: after a sign-out or a revoked key. */
  forget(): void;
}

/** What an authenticator looks credentials up in. */
export interface AuthenticatorOptions {
  accounts: Accounts;
  /** A pool on the accounts schema. */
  sql: Sql;
  limiter: Pick<Limiter, "attempt">;
  /** Makes what the account needs, the first time that it is seen. */
  ensureProfile(userId: string): Promise<void>;
}

const Verified = z.object({
  valid: z.literal(true),
  key: z.object({
    id: z.string(),
    referenceId: z.string(),
    permissions: z.record(z.string(), z.array(z.string())).nullish(),
  }),
});

/** Looks credentials up, and trusts one that was good for five seconds. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { accounts, sql, limiter, ensureProfile } = options;
  const trusted = new LRUCache<string, Principal>({ max: 10_000, ttl: TRUST_MS });
  const seen = new LRUCache<string, true>({ max: 100_000 });
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  /** Counts what was forgotten: a credential that was looked up before must not be trusted after. */
  let forgotten = 0;

  async function loadKeys(): Promise<ReturnType<typeof createLocalJWKSet>> {
    const rows = await sql<{ id: string; publicKey: string; alg: string | null }[]>`
      select "id", "publicKey", "alg" from "jwks"`;
    const set = {
      keys: rows.map((row) => ({ ...JSON.parse(row.publicKey), kid: row.id, alg: row.alg ?? "EdDSA" })),
    };
    return createLocalJWKSet(set as JSONWebKeySet);
  }

  async function byToken(token: string): Promise<Principal> {
    for (const attempt of ["known", "reloaded"]) {
      keys = attempt === "known" && keys !== undefined ? keys : await orUnavailable(loadKeys);
      try {
        const { payload } = await jwtVerify(token, keys, { issuer: "rondo", audience: "rondo" });
        const userId = z.uuid().parse(payload.sub);
        return { userId, actor: { kind: "user", id: userId }, scopes: ["read", "write"], by: "jwt" };
      } catch (cause) {
        // A key that this process has not seen yet is the one failure that a second look can mend.
        if (attempt === "reloaded" || !isUnknownKey(cause)) {
          throw unauthorized("The token is not valid or has expired");
        }
      }
    }
    throw unauthorized("The token is not valid or has expired");
  }

  async function byKey(key: string): Promise<Principal> {
    const verified = Verified.safeParse(
      await orUnavailable(() => accounts.api.verifyApiKey({ body: { key } })),
    );
    if (!verified.success) throw unauthorized("The API key is not valid");
    const { id, referenceId, permissions } = verified.data.key;
    const scopes = (permissions?.[KEY_RESOURCE] ?? []).filter((scope): scope is Scope =>
      scope === "read" || scope === "write"
    );
    return { userId: referenceId, actor: { kind: "api-key", id }, scopes, by: "api-key" };
  }

  async function byCookie(cookie: string): Promise<Principal> {
    const session = await orUnavailable(() => accounts.api.getSession({ headers: new Headers({ cookie }) }));
    if (session === null) throw unauthorized("Sign in first");
    const userId = session.user.id;
    return { userId, actor: { kind: "user", id: userId }, scopes: ["read", "write"], by: "cookie" };
  }

  return {
    async authenticate(request, address) {
      const authorization = request.headers.get("authorization");
      const bearer = authorization === null ? null : /^Bearer +(\S{1,4096}) *$/i.exec(authorization)?.[1];
      if (bearer === undefined) throw unauthorized("Authorization must be Bearer and a JWT or an API key");
      const credential = bearer ?? sessionCookie(request);
      if (credential === null) throw unauthorized("Sign in first");
      const known = trusted.get(credential);
      if (known !== undefined) return known;
      const asked = forgotten;
      const byBearer = (given: string) => given.startsWith(KEY_PREFIX) ? byKey(given) : byToken(given);
      // A stale cookie is no guess: every open tab of somebody who signed out sends one.
      const principal = bearer === null
        ? await byCookie(request.headers.get("cookie") ?? "")
        : address === undefined
        ? await byBearer(bearer)
        : await limiter.attempt(address, () => byBearer(bearer));
      if (!seen.has(principal.userId)) {
        await ensureProfile(principal.userId);
        seen.set(principal.userId, true);
      }
      // A token says itself how long it is good: it is read each time.
      if (principal.by !== "jwt" && asked === forgotten) trusted.set(credential, principal);
      return principal;
    },
    forget() {
      forgotten++;
      trusted.clear();
    },
  };
}

/** The session's cookie as it came, or null. */
export function sessionCookie(request: Request): string | null {
  const cookie = request.headers.get("cookie");
  return cookie === null
    ? null
    : /(?:^|;\s*)((?:__Secure-)?rondo\.session_token=[^;]+)/.exec(cookie)?.[1] ?? null;
}

function unauthorized(detail: string): ProblemError {
  return new ProblemError(401, detail, { headers: { "www-authenticate": "Bearer" } });
}

const isUnknownKey = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_JWKS_NO_MATCHING_KEY";

/** How often is too often. */
export interface RateLimits {
  /** Sign-ups, sign-ins and other tries at a password, a minute and address (default 20). */
  signInPerMinute: number;
  /** Credentials a minute and address that turn out to be none (default 60). */
  failuresPerMinute: number;
  /** Other calls a second and user (default 200). */
  callsPerSecond: number;
}
export const DEFAULT_RATE_LIMITS: RateLimits = {
  signInPerMinute: 20,
  failuresPerMinute: 60,
  callsPerSecond: 200,
};

/** Refuses what comes too often. */
export interface Limiter {
  /** @throws ProblemError 429 with Retry-After */
  signIn(address: string): Promise<void>;
  /** Runs an authentication; one that fails counts, and after too many no more is tried. */
  attempt<T>(address: string, authenticate: () => Promise<T>): Promise<T>;
  call(userId: string): Promise<void>;
}

/** Limits by token buckets in this process's memory: each replica counts for itself. */
export function createLimiter(limits: RateLimits): Limiter {
  const signIns = new RateLimiterMemory({ points: limits.signInPerMinute, duration: 60 });
  const failed = new RateLimiterMemory({ points: limits.failuresPerMinute, duration: 60 });
  const calls = new RateLimiterMemory({ points: limits.callsPerSecond, duration: 1 });
  const tooMany = ({ msBeforeNext }: RateLimiterRes): ProblemError =>
    new ProblemError(429, "Too many requests: wait before the next", {
      headers: { "retry-after": String(Math.max(1, Math.ceil(msBeforeNext / 1_000))) },
    });
  const consume = async (limiter: RateLimiterMemory, key: string): Promise<void> => {
    try {
      await limiter.consume(key);
    } catch (cause) {
      throw cause instanceof RateLimiterRes ? tooMany(cause) : cause;
    }
  };
  return {
    signIn: (address) => consume(signIns, address),
    call: (userId) => consume(calls, userId),
    async attempt(address, authenticate) {
      const spent = await failed.get(address);
      if (spent !== null && spent.consumedPoints >= limits.failuresPerMinute) throw tooMany(spent);
      try {
        return await authenticate();
      } catch (cause) {
        if (cause instanceof ProblemError && cause.status === 401) await failed.penalty(address);
        throw cause;
      }
    },
  };
}
