/** RFC 9457 problems: one error class with a status, rendered in one place. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { z } from "@hono/zod-openapi";
import { currentContext } from "../telemetry/context.ts";
import type { Log } from "../telemetry/log.ts";

export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })),
  correlationId: z.string(),
}).openapi("Problem");
export type Problem = z.infer<typeof Problem>;

const MEDIA_TYPE = "application/problem+json";

/** Whether an answer is a problem that a service wrote, and not what a proxy or a stranger at its address says. */
export function isProblem(response: Response): boolean {
  return response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() === MEDIA_TYPE;
}

export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 422 | 429 | 500 | 503;

const TITLES: Record<ProblemStatus, string> = {
  400: "Malformed request",
  401: "Not signed in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Stale",
  413: "Too large",
  415: "Unsupported content type",
  422: "Invalid",
  429: "Too many requests",
  500: "Something went wrong",
  503: "Not available",
};

export interface ProblemOptions {
  errors?: { path: string; message: string }[];
  headers?: Record<string, string>;
  cause?: unknown;
}

/** A failure that a client may read: `detail` is written for them, `cause` goes to the log alone. */
export class ProblemError extends Error {
  override name = "ProblemError";
  constructor(
    readonly status: ProblemStatus,
    detail: string,
    readonly options: ProblemOptions = {},
  ) {
    super(detail, { cause: options.cause });
  }
}

/** One field that breaks one rule: 422. */
export function invalid(path: string, message: string): ProblemError {
  return new ProblemError(422, `${path} ${message}`, { errors: [{ path, message }] });
}

export function notFound(what = "There is nothing here that you can see"): ProblemError {
  return new ProblemError(404, what);
}

/** Flattens zod's issues to paths and messages; unions name the branch that came nearest. */
export function toErrors(
  error: { issues: readonly z.core.$ZodIssue[] },
): { path: string; message: string }[] {
  return error.issues.flatMap((issue) => flatten(issue, [])).slice(0, 50);
}

function flatten(issue: z.core.$ZodIssue, prefix: PropertyKey[]): { path: string; message: string }[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key].map(String).join("."),
      message: "is not a known field",
    }));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The branch with the deepest or fewest complaints is the one that was meant.
    const nearest = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
    if (nearest !== undefined && depth(nearest) > 0) return nearest.flatMap((inner) => flatten(inner, path));
    const rules = [...new Set(issue.errors.flatMap((branch) => branch.map(ruleOf)))];
    return [{ path: path.map(String).join("."), message: rules.join(", or ") }];
  }
  return [{ path: path.map(String).join("."), message: ruleOf(issue) }];
}

const KINDS: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

/** The rule that an issue breaks, in words; a message that the schema brings is one already. */
function ruleOf(issue: z.core.$ZodIssue): string {
  if (!/^(Invalid|Too|Unrecognized)\b/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      if (issue.message.endsWith("received undefined")) return "is required";
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return issue.values.length === 1
        ? `must be ${String(issue.values[0])}`
        : `must be one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      return `must ${amount(issue.origin, `at least ${issue.minimum}`)}`;
    case "too_big":
      return `must ${amount(issue.origin, `at most ${issue.maximum}`)}`;
    case "invalid_format":
      return `must be a valid ${issue.format.toUpperCase()}`;
    default:
      return issue.message;
  }
}

function amount(origin: string, bound: string): string {
  if (origin === "string") return `hold ${bound} characters`;
  if (origin === "array" || origin === "set") return `hold ${bound} entries`;
  return `be ${bound}`;
}

const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map((issue) => issue.path.length + (issue.code === "unrecognized_keys" ? 1 : 0)));

/** The problem response of any failure. */
export function problemResponse(cause: unknown, log: Log): Response {
  const failure = toProblemError(cause);
  if (failure.status >= 500) {
    log.error("a request failed", { status: failure.status, cause: failure.cause ?? failure });
  }
  const body: Problem = {
    type: "about:blank",
    title: TITLES[failure.status],
    status: failure.status,
    detail: failure.message,
    errors: failure.options.errors ?? [],
    correlationId: currentContext().correlationId,
  };
  return new Response(JSON.stringify(body), {
    status: failure.status,
    headers: { "content-type": MEDIA_TYPE, ...failure.options.headers },
  });
}

function toProblemError(cause: unknown): ProblemError {
  if (cause instanceof ProblemError) return cause;
  if (cause instanceof HTTPException && cause.status < 500) {
    const status = cause.status in TITLES ? cause.status as ProblemStatus : 400;
    return new ProblemError(status, cause.message || TITLES[status], { cause });
  }
  return new ProblemError(500, "The request could not be completed; nothing was changed.", { cause });
}

/** For zod-openapi's validators: the first complaint in words, all of them in `errors`. */
export function validationHook(
  result: { success: true } | {
    success: false;
    error: { issues: readonly z.core.$ZodIssue[] };
    target: string;
  },
  _context: Context,
): void {
  if (result.success) return;
  const errors = toErrors(result.error);
  const first = errors[0];
  const detail = first === undefined
    ? "The request is not valid."
    : `${first.path || "The body"}: ${first.message}`;
  // A malformed id in a path names nothing that exists.
  throw new ProblemError(result.target === "param" ? 404 : 422, detail, { errors });
}
