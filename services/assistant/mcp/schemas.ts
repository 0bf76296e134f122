/** The schemas of tools as the protocol's library takes them. */
import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import type { z } from "zod";

type Published<S extends z.ZodType> = StandardSchemaWithJSON<z.input<S>, z.output<S>>;

const known = new WeakMap<z.ZodType, StandardSchemaWithJSON>();

/**
 * A schema whose JSON Schema is made once. There is a new server for each request and each turn of a chat, and to
 * describe all tools anew takes it longer than to carry one out.
 */
export function published<S extends z.ZodType>(schema: S): Published<S> {
  const before = known.get(schema);
  if (before !== undefined) return before as Published<S>;
  const standard = schema["~standard"];
  type Make = (typeof standard)["jsonSchema"]["input"];
  const once = (make: Make): Make => {
    const made = new Map<string, ReturnType<Make>>();
    return (options) => {
      const json = made.get(options.target) ?? make(options);
      made.set(options.target, json);
      return json;
    };
  };
  const { input, output } = standard.jsonSchema;
  const after = {
    "~standard": {
      version: standard.version,
      vendor: standard.vendor,
      validate: standard.validate,
      jsonSchema: { input: once(input), output: once(output) },
    },
  } as Published<S>;
  known.set(schema, after);
  return after;
}
