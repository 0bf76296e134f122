/** `/api/auth/*`: better-auth's own routes behind Rondo's limits, with failures as problems. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { isStorable, NOT_STORABLE } from "../../shared/contracts/task.ts";
import { readText } from "../../shared/http/body.ts";
import { invalid, notFound, Problem, ProblemError, type ProblemStatus } from "../../shared/http/problem.ts";
import { type Accounts, orUnavailable } from "../accounts.ts";
import { requireSameOrigin } from "../../shared/http/security.ts";
import { type Authenticator, type Limiter, sessionCookie } from "../auth.ts";
import { addressOf } from "./endpoint.ts";

const MAX_BYTES = 100_000;
const STATUSES: readonly number[] = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429];
const Failure = z.object({ message: z.string().max(500) });

/** What the account routes stand before. */
export interface AccountRouteOptions {
  accounts: Pick<Accounts, "handler">;
  authenticator: Pick<Authenticator, "forget">;
  limiter: Pick<Limiter, "signIn">;
  /** Where the browser sees Rondo. */
  publicUrl: string;
  /** True behind a gateway that sets `X-Forwarded-For`. */
  trustProxy: boolean;
}

/** Adds `/api/auth/*`; what better-auth refuses becomes a problem. */
export function accountRoutes(app: OpenAPIHono, options: AccountRouteOptions): void {
  const { accounts, authenticator, limiter, publicUrl, trustProxy } = options;

  app.on(["GET", "POST"], "/api/auth/*", async (context) => {
    const { path, method } = context.req;
    // Keys have one door, /api/keys, which says who may make them and with what scopes.
    if (path.startsWith("/api/auth/api-key")) throw notFound("There is no such address");
    const entering = path.startsWith("/api/auth/sign-in") || path.startsWith("/api/auth/sign-up");
    const limit = () => limiter.signIn(addressOf(context, trustProxy));
    if (method === "POST" && entering) await limit();
    let request = context.req.raw;
    if (method === "POST") {
      requireSameOrigin(request, publicUrl);
      const body = await readText(context, MAX_BYTES);
      const fields = body === "" ? {} : readFields(body, context.req.header("content-type"));
      // A session that somebody left open is no place to guess its password either.
      if (!entering && Object.keys(fields).some((name) => /password/i.test(name))) await limit();
      request = new Request(request.url, { method, headers: request.headers, body });
    }
    const response = await orUnavailable(() => accounts.handler(request));
    if (response.status < 400) {
      // What was known of this session may have just ended.
      if (method === "POST" && !entering && sessionCookie(request) !== null) authenticator.forget();
      return response;
    }
    const failure = Failure.safeParse(await response.json().catch(() => null));
    const known = STATUSES.includes(response.status) ? response.status as ProblemStatus : 500;
    // The body was read as JSON before: what better-auth calls a bad request is a field that breaks a rule.
    const status = known === 400 ? 422 : known;
    throw new ProblemError(
      status,
      failure.success && status < 500 ? failure.data.message : "The request could not be completed",
      {
        errors: failure.success ? fieldOf(failure.data.message) : [],
      },
    );
  });

  register(app);
}

/** The fields of a JSON body. @throws ProblemError 415, 400, 422 for one that can't be stored */
function readFields(body: string, contentType: string | undefined): Record<string, unknown> {
  if (!contentType?.toLowerCase().startsWith("application/json")) {
    throw new ProblemError(415, "The body must be application/json", {
      errors: [{ path: "Content-Type", message: "must be application/json" }],
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ProblemError(400, "The body is not valid JSON", {
      errors: [{ path: "", message: "must be valid JSON" }],
    });
  }
  const fields: Record<string, unknown> = { ...value ?? {} };
  const bad = Object.entries(fields).find(([, field]) => typeof field === "string" && !isStorable(field));
  if (bad !== undefined) throw invalid(bad[0], NOT_STORABLE);
  return fields;
}

/** better-auth names the fields in its sentence: `[body.email] Invalid input`, `Password too short`. */
function fieldOf(message: string): { path: string; message: string }[] {
  const named = [...message.matchAll(/\[body\.(\w+)\]\s*(.*?)(?=;?\s*\[body\.|$)/g)];
  if (named.length > 0) return named.map(([, path = "", text = message]) => ({ path, message: text }));
  if (/password/i.test(message)) return [{ path: "password", message }];
  if (/e-?mail|user already exists/i.test(message)) return [{ path: "email", message }];
  return [];
}

function register(app: OpenAPIHono): void {
  const tags = ["Accounts"];
  const SignedIn = z.looseObject({
    user: z.looseObject({ id: z.string(), email: z.string(), name: z.string() }),
  });
  const json = (schema: z.ZodType) => ({ content: { "application/json": { schema } } });
  const problem = (description: string) => ({
    description,
    content: { "application/problem+json": { schema: Problem } },
  });
  const refusals = {
    400: problem("Malformed request"),
    403: problem("The request came from a page of another site"),
    413: problem("Too large"),
    415: problem("Unsupported content type"),
    503: problem("Accounts can't be looked up now"),
  };
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/api/auth/sign-up/email",
    summary: "Make an account; the answer sets the session cookie",
    tags,
    security: [],
    request: {
      body: json(z.object({ name: z.string(), email: z.email(), password: z.string().min(8).max(128) })),
    },
    responses: {
      200: { description: "Signed in", ...json(SignedIn) },
      ...refusals,
      422: problem("The address has an account already, or a field is invalid"),
      429: problem("Too many attempts from this address"),
    },
  });
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/api/auth/sign-in/email",
    summary: "Sign in; the answer sets the session cookie",
    tags,
    security: [],
    request: { body: json(z.object({ email: z.email(), password: z.string() })) },
    responses: {
      200: { description: "Signed in", ...json(SignedIn) },
      ...refusals,
      401: problem("Wrong e-mail or password"),
      422: problem("A field is invalid"),
      429: problem("Too many attempts from this address"),
    },
  });
  app.openAPIRegistry.registerPath({
    method: "post",
    path: "/api/auth/sign-out",
    summary: "End the session",
    tags,
    security: [{ cookie: [] }],
    responses: { 200: { description: "Signed out" }, ...refusals },
  });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/auth/token",
    summary: "A JWT (EdDSA, 15 minutes) for this session",
    tags,
    security: [{ cookie: [] }],
    responses: {
      200: { description: "The token", ...json(z.object({ token: z.string() })) },
      401: problem("Not signed in"),
      503: problem("Accounts can't be looked up now"),
    },
  });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/auth/jwks",
    summary: "The keys that sign the tokens",
    tags,
    security: [],
    responses: {
      200: { description: "A JSON Web Key Set", ...json(z.object({ keys: z.array(z.looseObject({})) })) },
      503: problem("Accounts can't be looked up now"),
    },
  });
}
