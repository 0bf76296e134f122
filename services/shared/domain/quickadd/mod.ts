/** Quick add in natural language; see `parse.ts`. */
export * from "./parse.ts";
export { english, type Lexicon, type Priority } from "./lexicon_en.ts";
