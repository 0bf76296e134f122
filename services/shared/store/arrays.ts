/** One-dimensional PostgreSQL arrays of text, as PostgreSQL writes and reads them. */

/** `{"a","b"}`; every element quoted, so that none is taken for null or for two. */
export function formatArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** The elements of an array literal; a null element is left out. */
export function parseArray(literal: string): string[] {
  const elements = literal.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,{}]+)/gs);
  return [...elements].flatMap(([, quoted, bare]) => {
    if (quoted !== undefined) return [quoted.replaceAll(/\\(.)/gs, "$1")];
    return bare === undefined || bare === "NULL" ? [] : [bare];
  });
}
