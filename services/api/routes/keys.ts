/** API keys: made and revoked by the person, never by a key. */
import { z } from "@hono/zod-openapi";
import { Instant, isStorable, NOT_STORABLE } from "../../shared/contracts/task.ts";
import { notFound, ProblemError } from "../../shared/http/problem.ts";
import type { Scope } from "../../shared/http/scopes.ts";
import type { Sql } from "../../shared/store/database.ts";
import type { Accounts } from "../accounts.ts";
import { KEY_PREFIX, KEY_RESOURCE, type Principal } from "../auth.ts";
import { endpoint, type EndpointTools } from "./endpoint.ts";

const Scopes = z.array(z.enum(["read", "write"])).min(1).max(2);
const KeyInput = z.strictObject({
  name: z.string().trim().min(1).max(32).refine(isStorable, NOT_STORABLE),
  scopes: Scopes.default(["read", "write"]),
})
  .openapi("KeyInput");
const Key = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  /** The beginning of the key, to recognise it by. */
  start: z.string(),
  createdAt: Instant,
  lastUsedAt: Instant.nullable(),
}).openapi("Key");
const NewKey = Key.extend({ key: z.string() }).openapi("NewKey");

interface KeyRow {
  id: string;
  name: string | null;
  start: string | null;
  permissions: string | null;
  createdAt: Date;
  lastRequest: Date | null;
}

export interface KeyOptions {
  accounts: Accounts;
  /** A pool on the accounts schema. */
  sql: Sql;
}

/** Adds `/api/keys`. */
export function keyRoutes(tools: EndpointTools, options: KeyOptions): void {
  const { accounts, sql } = options;
  const tag = "API keys";

  endpoint(tools, {
    method: "post",
    path: "/api/keys",
    summary: "Make an API key; it is shown this once",
    tag,
    scope: "write",
    body: { schema: KeyInput, required: true },
    responses: { 201: { description: "The key", schema: NewKey } },
  }, ({ principal, body, command }) => {
    requirePerson(principal);
    return command(async (unit) => {
      const scopes = [...new Set<Scope>(body.scopes)];
      const made = await accounts.api.createApiKey({
        body: {
          name: body.name,
          userId: unit.userId,
          prefix: KEY_PREFIX,
          permissions: { [KEY_RESOURCE]: scopes },
        },
      });
      return {
        status: 201,
        body: {
          id: made.id,
          name: body.name,
          scopes,
          start: made.start ?? KEY_PREFIX,
          createdAt: made.createdAt.toISOString(),
          lastUsedAt: null,
          key: made.key,
        },
      };
    });
  });

  endpoint(tools, {
    method: "get",
    path: "/api/keys",
    summary: "My API keys",
    tag,
    scope: "read",
    responses: { 200: { description: "Keys, newest first", schema: z.object({ items: z.array(Key) }) } },
  }, async ({ context, principal }) => {
    requirePerson(principal);
    const rows = await sql<KeyRow[]>`
      select "id", "name", "start", "permissions", "createdAt", "lastRequest" from "apikey"
      where "referenceId" = ${principal.userId} order by "createdAt" desc`;
    return context.json({ items: rows.map(toKey) });
  });

  endpoint(tools, {
    method: "delete",
    path: "/api/keys/{id}",
    summary: "Revoke an API key",
    tag,
    scope: "write",
    params: z.object({ id: z.string().min(1).max(64).refine(isStorable, NOT_STORABLE) }),
    responses: { 200: { description: "The key that was", schema: Key } },
  }, ({ principal, params, command }) => {
    requirePerson(principal);
    return command(async (unit) => {
      const [row] = await sql<KeyRow[]>`
        delete from "apikey" where "id" = ${params.id} and "referenceId" = ${unit.userId}
        returning "id", "name", "start", "permissions", "createdAt", "lastRequest"`;
      if (row === undefined) throw notFound("There is no such key");
      tools.authenticator.forget();
      return { status: 200, body: toKey(row) };
    });
  });
}

function requirePerson(principal: Principal): void {
  if (principal.by === "api-key") throw new ProblemError(403, "An API key may not manage API keys");
}

function toKey(row: KeyRow): z.infer<typeof Key> {
  const permissions = z.record(z.string(), z.array(z.string())).safeParse(
    JSON.parse(row.permissions ?? "{}"),
  );
  return {
    id: row.id,
    name: row.name ?? "",
    scopes: permissions.success ? permissions.data[KEY_RESOURCE] ?? [] : [],
    start: row.start ?? KEY_PREFIX,
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastRequest?.toISOString() ?? null,
  };
}
