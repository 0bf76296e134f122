/** The OpenAPI and AsyncAPI documents, made from the contracts, and a page that shows the first. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import {
  CHANGE_TYPES,
  dataSchema,
  Envelope,
  type EventType,
  NOTIFICATION_EVENT_TYPES,
  REMINDER_EVENT_TYPES,
  TOPICS,
} from "../../shared/contracts/events.ts";
import { documentAssistant } from "./assistant_docs.ts";

export const VERSION = "0.1.0";

const TYPES_OF: Record<keyof typeof TOPICS, readonly EventType[]> = {
  "task-events": CHANGE_TYPES,
  "task-updates": CHANGE_TYPES,
  "reminders": REMINDER_EVENT_TYPES,
  "notifications": NOTIFICATION_EVENT_TYPES,
};

/** Adds the OpenAPI and AsyncAPI documents and their page. */
export function documentRoutes(app: OpenAPIHono, options: { publicUrl: string }): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "cookie", {
    type: "apiKey",
    in: "cookie",
    name: "rondo.session_token",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A JWT of `GET /api/auth/token`, or an API key",
  });
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/stream",
    summary: "Live changes as server-sent events",
    description:
      "Events `ready`, `change` (`id:` is its seq), `notification` and `resync`; resumes from `Last-Event-ID`.",
    tags: ["Changes"],
    security: [{ cookie: [] }, { bearer: [] }],
    request: {
      headers: z.object({ "last-event-id": z.string().optional() }),
      query: z.object({ lastEventId: z.coerce.number().int().min(0).optional() }),
    },
    responses: { 200: { description: "A stream", content: { "text/event-stream": { schema: z.string() } } } },
  });

  documentAssistant(app);

  let openApi: ReturnType<typeof app.getOpenAPI31Document> | undefined;
  const document = () =>
    openApi ??= app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Rondo",
        version: VERSION,
        description: "Tasks that recur, remind, sync live and can be undone.",
        license: { name: "Apache-2.0" },
      },
      servers: [{ url: options.publicUrl }],
    });
  app.get("/api/openapi.json", (context) => context.json(document()));
  app.get("/api/docs", (context) => context.html(renderPage(document())));
  app.get(
    "/api/docs.css",
    (context) => context.body(STYLES, 200, { "content-type": "text/css; charset=utf-8" }),
  );
  let asyncApi: unknown;
  app.get("/api/asyncapi.json", (context) => context.json(asyncApi ??= asyncApiDocument()));
}

/** AsyncAPI 3.0: a channel per topic, a message per event type. */
function asyncApiDocument() {
  const types = [...new Set(Object.values(TYPES_OF).flat())];
  const jsonSchema = (schema: z.ZodType) =>
    z.toJSONSchema(schema, { target: "draft-7", unrepresentable: "any" });
  return {
    asyncapi: "3.0.0",
    info: { title: "Rondo events", version: VERSION, description: "CloudEvents 1.0 in JSON; key = user id." },
    defaultContentType: "application/cloudevents+json",
    channels: Object.fromEntries(
      Object.entries(TOPICS).map(([topic, { partitions }]) => [topic, {
        address: topic,
        description: `${partitions} partitions by user`,
        messages: Object.fromEntries(
          TYPES_OF[topic as keyof typeof TOPICS].map((
            type,
          ) => [type, { $ref: `#/components/messages/${type}` }]),
        ),
      }]),
    ),
    operations: Object.fromEntries(
      Object.keys(TOPICS).map((topic) => [`publish-${topic}`, {
        action: "send",
        channel: { $ref: `#/channels/${topic}` },
      }]),
    ),
    components: {
      messages: Object.fromEntries(types.map((type) => [type, {
        name: type,
        payload: {
          allOf: [
            { $ref: "#/components/schemas/Envelope" },
            {
              type: "object",
              properties: { type: { const: type }, data: { $ref: `#/components/schemas/${type}` } },
            },
          ],
        },
      }])),
      schemas: {
        Envelope: jsonSchema(Envelope),
        ...Object.fromEntries(types.map((type) => [type, jsonSchema(dataSchema(type) ?? z.any())])),
      },
    },
  };
}

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; schema?: unknown; description?: string }[];
  requestBody?: { content?: Record<string, { schema?: unknown }> };
  responses?: Record<string, { description?: string; content?: Record<string, { schema?: unknown }> }>;
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** The document as a page without a script. */
function renderPage(document: { paths?: unknown; components?: { schemas?: unknown } }): string {
  const operations = Object.entries(document.paths as Record<string, Record<string, Operation>>)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
    );
  const byTag = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? "Other");
  const sections = [...byTag].map(([tag, group]) =>
    `<section id="${escape(tag)}"><h2>${escape(tag)}</h2>${group.map(renderOperation).join("")}</section>`
  );
  const schemas = Object.entries((document.components?.schemas ?? {}) as Record<string, unknown>).map((
    [name, schema],
  ) =>
    `<details id="schema-${escape(name)}"><summary>${escape(name)}</summary><pre>${
      escape(JSON.stringify(schema, null, 2))
    }</pre></details>`
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Rondo API</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/api/docs.css"></head>
<body><header><h1>Rondo API</h1><p><a href="/api/openapi.json">OpenAPI 3.1</a> · <a href="/api/asyncapi.json">AsyncAPI</a></p>
<nav>${
    [...byTag.keys()].map((tag) => `<a href="#${escape(tag)}">${escape(tag)}</a>`).join(" ")
  } <a href="#schemas">Schemas</a></nav></header>
<main>${sections.join("")}<section id="schemas"><h2>Schemas</h2>${
    schemas.join("")
  }</section></main></body></html>`;
}

function renderOperation(
  { path, method, operation }: { path: string; method: string; operation: Operation },
): string {
  const parameters = (operation.parameters ?? []).map((parameter) =>
    `<tr><td><code>${escape(parameter.name)}</code></td><td>${escape(parameter.in)}</td><td><code>${
      escape(JSON.stringify(parameter.schema ?? {}))
    }</code></td></tr>`
  );
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema }]) =>
    `<p>Body <code>${escape(type)}</code> ${escape(JSON.stringify(schema ?? {}))}</p>`
  );
  const responses = Object.entries(operation.responses ?? {}).map(([status, { description = "" }]) =>
    `<li><code>${escape(status)}</code> ${escape(description)}</li>`
  );
  return `<details><summary><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code> ${
    escape(operation.summary ?? "")
  }</summary>${operation.description === undefined ? "" : `<p>${escape(operation.description)}</p>`}${
    parameters.length === 0 ? "" : `<table>${parameters.join("")}</table>`
  }${bodies.join("")}<ul>${responses.join("")}</ul></details>`;
}

const STYLES = `:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:2rem 1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}
nav a{margin-right:.75rem}details{border-top:1px solid color-mix(in srgb,currentColor 15%,transparent);padding:.5rem 0}
summary{cursor:pointer}b{display:inline-block;width:4.5rem;font-size:.8rem}table{border-collapse:collapse}
td{padding:.15rem .75rem .15rem 0;vertical-align:top}pre{overflow:auto;font-size:.8rem}code{overflow-wrap:anywhere}
.get{color:#0b7285}.post{color:#2b8a3e}.patch{color:#a45a00}.delete{color:#c92a2a}`;
