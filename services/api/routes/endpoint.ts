/** One way to say an endpoint: its contract becomes OpenAPI, its input is parsed, its writes are idempotent. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Preview, PREVIEW_HEADER } from "../../shared/contracts/preview.ts";
import { MAX_LIMIT } from "../../shared/contracts/task.ts";
import { actingAs } from "../../shared/http/assistant.ts";
import { readJson } from "../../shared/http/body.ts";
import { idempotencyKeyOf } from "../../shared/http/idempotency.ts";
import { invalid, Problem, ProblemError, toErrors } from "../../shared/http/problem.ts";
import { requireScope, type Scope } from "../../shared/http/scopes.ts";
import { requireSameOrigin } from "../../shared/http/security.ts";
import type { Connection } from "../../shared/runtime/ports.ts";
import type { Authenticator, Limiter, Principal } from "../auth.ts";
import type { Answer, Foreseen, StoredAnswer, Unit, UnitOptions, Units } from "../unit.ts";

/** What every endpoint is built with. */
export interface EndpointTools {
  app: OpenAPIHono;
  authenticator: Authenticator;
  limiter: Limiter;
  units: Units;
  /** Where the browser sees Rondo. */
  publicUrl: string;
  /** True behind a gateway that sets `X-Forwarded-For`. */
  trustProxy: boolean;
  /** Whether a request comes from a service of this installation. */
  isInternal(request: Request): boolean;
}

/** One request whose principal may make it, its input parsed. */
export interface Call<P, Q, B> {
  context: Context;
  principal: Principal;
  params: P;
  query: Q;
  body: B;
  /**
   * Runs a command once per `Idempotency-Key`; the answer to give.
   *
   * @param options.content what stands for the body when the key is bound to it; default: the JSON as it came
   */
  command(
    work: (unit: Unit) => Promise<Answer>,
    options?: { content?: string; foreseen?: Foreseen },
  ): Promise<Response>;
}

/** The contract of an endpoint. */
export interface EndpointDefinition<P, Q, B> {
  method: "get" | "post" | "patch" | "delete";
  path: string;
  summary: string;
  description?: string;
  tag: string;
  scope: Scope;
  params?: z.ZodObject & z.ZodType<P>;
  query?: z.ZodObject & z.ZodType<Q>;
  body?: { schema: z.ZodType<B>; required: boolean; mediaTypes?: readonly string[]; maxBytes?: number };
  /** A body that is not JSON: the handler reads it. */
  rawBody?: Record<string, z.ZodType>;
  responses: Record<number, { description: string; schema?: z.ZodType; mediaType?: string }>;
  /** Honours `If-Match`. */
  ifMatch?: boolean;
  /** The service that answers, and may be away. */
  asks?: string;
  /** Takes `dryRun=true` and `If-Preview`: all that it does is done by one command. */
  previews?: boolean;
}

const JSON_TYPES = ["application/json"] as const;
const DEFAULT_MAX_BYTES = 1_000_000;

/** `limit` and `cursor` of a page. */
export const Paging = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(50).openapi({ type: "integer" }),
  cursor: z.string().min(1).max(2_000).optional(),
};

const PROBLEMS: Record<number, string> = {
  400: "Malformed request",
  401: "No or bad credential",
  403: "Not allowed for this credential",
  404: "Nothing that this user can see",
  409: "Conflict",
  412: "Stale `If-Match`",
  413: "Too large",
  415: "Unsupported content type",
  422: "Invalid input",
  429: "Too many requests",
  500: "A fault of the server: nothing was changed",
  503: "What answers this is away or busy",
};

/** Adds an endpoint to the app and to its OpenAPI document. */
export function endpoint<P = Record<string, never>, Q = Record<string, never>, B = undefined>(
  tools: EndpointTools,
  definition: EndpointDefinition<P, Q, B>,
  handle: (call: Call<P, Q, B>) => Promise<Response>,
): void {
  const { app, authenticator, limiter, units, publicUrl, trustProxy, isInternal } = tools;
  const writes = definition.method !== "get";
  const mediaTypes = definition.body?.mediaTypes ?? JSON_TYPES;
  const headers = z.object({
    "x-correlation-id": z.string().optional(),
    ...(writes ? { "idempotency-key": z.string().min(1).max(255).optional() } : {}),
    ...(definition.ifMatch ? { "if-match": z.string().optional() } : {}),
    ...(definition.previews ? { [PREVIEW_HEADER]: z.string().optional() } : {}),
  });
  const problems = [
    ...[401, 403, 422, 429, 500, 503],
    ...(definition.params === undefined ? [] : [404]),
    ...(writes ? [400, 409, 413, 415, 422] : []),
    ...(definition.ifMatch || definition.previews ? [412] : []),
  ];
  const query = definition.previews
    ? (definition.query ?? NO_QUERY).extend({ dryRun: DryRun })
    : definition.query;
  const route = createRoute({
    method: definition.method,
    path: definition.path,
    summary: definition.summary,
    description: definition.description,
    tags: [definition.tag],
    security: [{ cookie: [] }, { bearer: [] }],
    request: {
      headers,
      ...(definition.params === undefined ? {} : { params: definition.params }),
      ...(query === undefined ? {} : { query }),
      ...(definition.body === undefined ? {} : {
        body: {
          required: definition.body.required,
          content: Object.fromEntries(
            mediaTypes.map((type) => [type, { schema: definition.body?.schema ?? z.any() }]),
          ),
        },
      }),
      ...(definition.rawBody === undefined ? {} : {
        body: {
          required: true,
          content: Object.fromEntries(
            Object.entries(definition.rawBody).map(([type, schema]) => [type, { schema }]),
          ),
        },
      }),
    },
    responses: {
      ...Object.fromEntries(
        Object.entries(responsesOf(definition)).map((
          [status, { description, schema, mediaType = "application/json" }],
        ) => [
          status,
          Number(status) >= 400
            ? { description, content: { "application/problem+json": { schema: Problem } } }
            : { description, ...(schema === undefined ? {} : { content: { [mediaType]: { schema } } }) },
        ]),
      ),
      ...Object.fromEntries(problems.map((status) => [status, {
        description: PROBLEMS[status] ?? "Problem",
        content: { "application/problem+json": { schema: Problem } },
      }])),
    },
  });
  app.openAPIRegistry.registerPath({ ...route, path: route.getRoutingPath().replaceAll(/:(\w+)/g, "{$1}") });
  app.on(definition.method.toUpperCase(), route.getRoutingPath(), async (context) => {
    const address = isInternal(context.req.raw) ? undefined : addressOf(context, trustProxy);
    const principal = await authenticator.authenticate(context.req.raw, address);
    await limiter.call(principal.userId);
    requireScope(principal, definition.scope);
    if (writes && principal.by === "cookie") requireSameOrigin(context.req.raw, publicUrl);
    const params = parse(definition.params, context.req.param(), 404) as P;
    const { dryRun, ...asked } = parse(query ?? NO_QUERY, queryOf(context, query), 422) as Record<
      string,
      unknown
    >;
    const { text, value } = definition.body === undefined ? { text: "", value: undefined } : await readJson(
      context,
      definition.body.required,
      mediaTypes,
      definition.body.maxBytes ?? DEFAULT_MAX_BYTES,
    );
    const body = (definition.body === undefined || value === undefined && !definition.body.required
      ? value
      : parse(definition.body.schema, value, 422)) as B;
    const key = writes ? idempotencyKeyOf(context.req.raw) : undefined;
    return await handle({
      context,
      principal,
      params,
      query: asked as Q,
      body,
      command: async (work, { content = text, foreseen = {} } = {}) => {
        const { pathname, search } = new URL(context.req.url);
        const options: UnitOptions = {
          userId: principal.userId,
          ...actingAs(context.req.raw, principal.actor, isInternal),
          foreseen,
          ...previewOf(context, definition, dryRun === true),
          ...(key === undefined ? {} : {
            idempotency: { key, request: `${context.req.method} ${pathname}${search}\n${content}` },
          }),
        };
        return toResponse(await units.answer(options, work));
      },
    });
  });
}

const NO_QUERY = z.strictObject({});
const DryRun = z.enum(["true", "false"]).transform((text) => text === "true").optional().openapi({
  description: "`true`: nothing is changed; the answer is what would be (`Preview`)",
});

function responsesOf<P, Q, B>(
  { responses, previews }: EndpointDefinition<P, Q, B>,
): EndpointDefinition<P, Q, B>["responses"] {
  if (!previews) return responses;
  const { description, schema } = responses[200] ?? {};
  return {
    ...responses,
    200: {
      description: description === undefined ? "What a dry run would change" : `${description}, or a preview`,
      schema: schema === undefined ? Preview : z.union([schema, Preview]),
    },
  };
}

/** Whether a command is only looked at, or held to what was looked at before. */
function previewOf(
  context: Context,
  definition: { previews?: boolean },
  dryRun: boolean,
): Pick<UnitOptions, "preview"> {
  if (!definition.previews) return {};
  if (dryRun) return { preview: true };
  const digest = context.req.header(PREVIEW_HEADER)?.trim().replace(/^"(.*)"$/, "$1");
  return digest === undefined ? {} : { preview: digest };
}

function toResponse({ status, headers, body }: StoredAnswer): Response {
  return new Response(body, { status, headers: { "content-type": "application/json", ...headers } });
}

function parse(schema: z.ZodType | undefined, value: unknown, status: 404 | 422): unknown {
  if (schema === undefined) return {};
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = toErrors(result.error);
  const [first] = errors;
  const detail = first === undefined
    ? "The request is not valid"
    : `${first.path || "The body"}: ${first.message}`;
  throw new ProblemError(status, detail, { errors });
}

/** Query values as text; a parameter that the schema says is an array keeps all of its values. */
function queryOf(context: Context, schema: z.ZodObject | undefined): Record<string, unknown> {
  const lists = new Set(
    Object.entries(schema?.shape ?? {}).filter(([, field]) => holdsArray(field as z.ZodType)).map(([name]) =>
      name
    ),
  );
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([name, values]) => {
      if (!lists.has(name) && values.length > 1) throw invalid(name, "must be given once");
      return [name, lists.has(name) ? values : values[0]];
    }),
  );
}

function holdsArray(field: z.ZodType): boolean {
  return field instanceof z.ZodArray ||
    (field instanceof z.ZodOptional && holdsArray(field.unwrap() as z.ZodType));
}

/** Who called, for limits by address; with `trustProxy` as the gateway nearest to us saw it. */
export function addressOf(context: Context, trustProxy: boolean): string {
  const forwarded = trustProxy ? context.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() : undefined;
  const connection = context.env as Partial<Connection> | undefined;
  return forwarded ?? connection?.address ?? "unknown";
}

/** @throws ProblemError 412 when `If-Match` is given and names another version */
export function requireMatch(context: Context, version: number): void {
  const header = context.req.header("if-match");
  if (header === undefined) return;
  const tags = header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (tags.includes("*") || tags.includes(`"${version}"`)) return;
  throw new ProblemError(412, `The task is at version ${version} by now; nothing was changed`, {
    errors: [{ path: "If-Match", message: `must be "${version}"` }],
  });
}
