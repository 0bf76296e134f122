/** Import, export and the calendar feed. */
import { z } from "@hono/zod-openapi";
import { Instant } from "../../shared/contracts/task.ts";
import { formatFeed } from "../../shared/domain/formats/mod.ts";
import { readText } from "../../shared/http/body.ts";
import { invalid, notFound, Problem, ProblemError } from "../../shared/http/problem.ts";
import { requireScope } from "../../shared/http/scopes.ts";
import { asUser, type Sql } from "../../shared/store/database.ts";
import { type Clock, formatInstant } from "../../shared/domain/time.ts";
import { IMPORT_FORMATS, parseImport } from "../import_parser.ts";
import { exportTasks, getProfile } from "../queries.ts";
import { EXPORT_FORMATS, formatExport, importTasks } from "../transfer.ts";
import { endpoint, type EndpointTools } from "./endpoint.ts";

const MAX_IMPORT_BYTES = 20_000_000;
const FILE_TYPES = ["text/plain", "text/csv", "text/calendar", "application/octet-stream"];
const FEED_SECRET = /^[A-Za-z0-9_-]{43}$/;

const Summary = z.object({
  imported: z.int(),
  skipped: z.int(),
  problems: z.array(z.object({ line: z.int(), message: z.string() })),
}).openapi("ImportSummary");
const FeedAddress = z.object({
  /** Shown when it is made, and never again. */
  url: z.string().nullable(),
  /** When the address that works now was made; null when there is none. */
  createdAt: Instant.nullable(),
}).openapi("Feed");

export interface TransferOptions {
  sql: Sql;
  clock: Clock;
  publicUrl: string;
}

/** Adds import, export and the feed. */
export function transferRoutes(tools: EndpointTools, options: TransferOptions): void {
  const { sql, clock, publicUrl } = options;
  const tag = "Import and export";
  const file = z.string().openapi({ format: "binary" });
  const addressOf = (secret: string): string => `${publicUrl}/api/feed/${secret}.ics`;

  endpoint(tools, {
    method: "post",
    path: "/api/import",
    summary: "Import a file of tasks; bad lines are reported, the others taken",
    tag,
    scope: "write",
    query: z.strictObject({ format: z.enum(IMPORT_FORMATS) }),
    rawBody: {
      ...Object.fromEntries(FILE_TYPES.map((type) => [type, file])),
      "multipart/form-data": z.object({ file }),
    },
    responses: { 200: { description: "What was taken and what was not", schema: Summary } },
  }, async ({ context, principal, query, command }) => {
    const text = await fileOf(context.req.raw, (maxBytes) => readText(context, maxBytes));
    if (text.includes("\0")) throw invalid("file", "must be text: it holds NUL");
    // Read before the transaction begins: reading takes seconds, and nobody should wait for its lock meanwhile.
    const { timeZone } = await getProfile(sql, principal.userId);
    const parsed = await parseImport(
      { format: query.format, text, timeZone, now: formatInstant(clock.now()) },
      context.req.raw.signal,
    );
    return command(async (unit) => ({ status: 200, body: await importTasks(unit, parsed) }), {
      content: text,
    });
  });

  endpoint(tools, {
    method: "get",
    path: "/api/export",
    summary: "Export all tasks that are not in the trash",
    tag,
    scope: "read",
    query: z.strictObject({ format: z.enum(EXPORT_FORMATS) }),
    responses: { 200: { description: "A file", schema: z.any(), mediaType: "*/*" } },
  }, async ({ principal, query }) => {
    const { text, contentType, fileName } = formatExport(
      query.format,
      await exportTasks(sql, principal.userId),
    );
    return new Response(text, {
      headers: { "content-type": contentType, "content-disposition": `attachment; filename="${fileName}"` },
    });
  });

  endpoint(tools, {
    method: "get",
    path: "/api/feed",
    summary: "Whether there is a calendar feed, and since when",
    tag,
    scope: "read",
    responses: { 200: { description: "Its address is known to nobody here", schema: FeedAddress } },
  }, async ({ context, principal }) => {
    const [row] = await asUser(sql, principal.userId, (tx) =>
      tx<{ createdAt: string }[]>`
        select created_at as "createdAt" from tasks.feeds where user_id = ${principal.userId}`);
    return context.json({ url: null, createdAt: row?.createdAt ?? null });
  });

  endpoint(tools, {
    method: "post",
    path: "/api/feed",
    summary: "Make a new feed address, shown this once; an earlier one stops working",
    tag,
    scope: "write",
    responses: { 201: { description: "The address", schema: FeedAddress } },
  }, ({ principal, command }) => {
    // Whoever has the address can read: a key that may only write may not make one.
    requireScope(principal, "read");
    return command(async (unit) => {
      const secret = newSecret();
      await unit.tx`
        insert into tasks.feeds (user_id, secret_hash, created_at)
        values (${unit.userId}, encode(sha256(convert_to(${secret}, 'UTF8')), 'hex'), ${unit.at})
        on conflict (user_id) do update set secret_hash = excluded.secret_hash, created_at = excluded.created_at`;
      return { status: 201, body: { url: addressOf(secret), createdAt: unit.at } };
    });
  });

  endpoint(tools, {
    method: "delete",
    path: "/api/feed",
    summary: "Revoke the feed address",
    tag,
    scope: "write",
    responses: { 200: { description: "There is none now", schema: FeedAddress } },
  }, ({ command }) =>
    command(async (unit) => {
      await unit.tx`delete from tasks.feeds where user_id = ${unit.userId}`;
      return { status: 200, body: { url: null, createdAt: null } };
    }));

  // No credential but the address itself: calendars can send no other.
  tools.app.get("/api/feed/:file", async (context) => {
    const secret = context.req.param("file").replace(/\.ics$/, "");
    if (!FEED_SECRET.test(secret)) throw notFound("There is no such feed");
    const [row] = await sql<{ user_id: string | null }[]>`select tasks.feed_user(${secret}) as user_id`;
    const userId = row?.user_id ?? null;
    if (userId === null) throw notFound("There is no such feed");
    const { tasks, profile } = await exportTasks(sql, userId);
    return new Response(formatFeed(tasks, { name: "Rondo", timeZone: profile.timeZone }), {
      headers: { "content-type": "text/calendar; charset=utf-8", "cache-control": "private, max-age=300" },
    });
  });
  tools.app.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/feed/{secret}.ics",
    summary: "The calendar feed",
    tags: [tag],
    security: [],
    request: { params: z.object({ secret: z.string() }) },
    responses: {
      200: { description: "iCalendar", content: { "text/calendar": { schema: z.string() } } },
      404: {
        description: "No such feed, or it was revoked",
        content: { "application/problem+json": { schema: Problem } },
      },
    },
  });
}

/** The text of the file, as raw body or as `file` of a multipart form. */
async function fileOf(request: Request, read: (maxBytes: number) => Promise<string>): Promise<string> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (FILE_TYPES.includes(type)) return await read(MAX_IMPORT_BYTES);
  if (type !== "multipart/form-data") {
    throw new ProblemError(
      415,
      "The file must be text/plain, text/csv, text/calendar or multipart/form-data",
      {
        errors: [{ path: "Content-Type", message: "must be that of the file, or multipart/form-data" }],
      },
    );
  }
  const raw = await read(MAX_IMPORT_BYTES + 100_000);
  const form = await new Response(raw, {
    headers: { "content-type": request.headers.get("content-type") ?? "" },
  })
    .formData().catch(() => null);
  const file = form?.get("file");
  if (file instanceof File) return await file.text();
  throw new ProblemError(422, "The form has no file in its field `file`", {
    errors: [{ path: "file", message: "must be a file" }],
  });
}

function newSecret(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
