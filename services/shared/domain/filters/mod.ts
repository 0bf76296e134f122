/** Saved filters: a small query language over tasks; see `parse.ts`. */
export * from "./parse.ts";
export * from "./match.ts";
