/** What the tests of the routes share: the OpenAPI document as a judge, the services behind the api, a user's data. */
import assert from "node:assert/strict";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { TestAnswer, TestApi } from "../../shared/testing/api.ts";

export { dataOf, standIns } from "../../shared/testing/stand_ins.ts";

export interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}
export interface Operation {
  security?: Record<string, string[]>[];
  parameters?: { name: string; in: string; required?: boolean; schema?: unknown }[];
  requestBody?: { content: Record<string, { schema?: unknown }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: unknown }> }>;
}

export interface Judge {
  readonly document: OpenApi;
  /** Every call of the document, such as `GET /api/tasks/{id}`. */
  readonly calls: string[];
  /** Asserts that the document declares this answer of a call, and that the body is as it says. */
  check(call: string, answer: TestAnswer): void;
}

const PROBLEM_KEYS = ["correlationId", "detail", "errors", "status", "title", "type"];

/** A judge with the OpenAPI document of this api. */
export async function openJudge(api: TestApi): Promise<Judge> {
  const document: OpenApi = (await api.guest.call("GET", "/api/openapi.json")).body;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ ...document, $id: "https://rondo.test/openapi" });
  const known = new Map<string, ValidateFunction>();
  const compile = (parts: string[]): ValidateFunction => {
    const pointer = parts.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
      .join("/");
    const validate = known.get(pointer) ?? ajv.compile({ $ref: `https://rondo.test/openapi#/${pointer}` });
    known.set(pointer, validate);
    return validate;
  };
  return {
    document,
    calls: Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`)
    ),
    check(call, { status, headers, body, text }) {
      const [method = "", path = ""] = call.split(" ");
      const lower = method.toLowerCase();
      const response = document.paths[path]?.[lower]?.responses[status];
      assert.ok(response, `${call} answered ${status}, which the document does not declare: ${text}`);
      assert.ok(headers.get("x-correlation-id"), `${call} answers without a correlation id`);
      if (status >= 400) {
        assert.equal(headers.get("content-type"), "application/problem+json", call);
        assert.deepEqual(Object.keys(body).sort(), PROBLEM_KEYS, call);
        assert.equal(body.status, status);
        assert.equal(body.correlationId, headers.get("x-correlation-id"));
      }
      const type = headers.get("content-type")?.split(";")[0] ?? "";
      const declared = Object.keys(response.content ?? {});
      if (declared.length === 0) return;
      const media = declared.find((each) => each === type || each === "*/*");
      assert.ok(media, `${call} answered ${status} as ${type}, the document says ${declared}`);
      const validate = compile([
        "paths",
        path,
        lower,
        "responses",
        String(status),
        "content",
        media,
        "schema",
      ]);
      assert.ok(validate(body), `${call} ${status}: ${JSON.stringify(validate.errors)} in ${text}`);
    },
  };
}
