/** Opaque cursors: base64url of a JSON array of sort values. */
import { z } from "zod";
import { invalid } from "./problem.ts";

export function encodeCursor(values: readonly unknown[]): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(values))))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reads a cursor that `encodeCursor` made; anything else is a 422 on `cursor`. */
export function decodeCursor<T>(cursor: string, shape: z.ZodType<T>): T {
  try {
    const bytes = Uint8Array.from(
      atob(cursor.replaceAll("-", "+").replaceAll("_", "/")),
      (character) => character.charCodeAt(0),
    );
    return shape.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw invalid("cursor", "must be a cursor that this call gave");
  }
}

/**
 * One page of rows that were asked for one beyond `limit`: whether there is that one tells whether there is more.
 *
 * @param keyOf the sort values of a row, from which the next page goes on
 */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly unknown[],
): { items: Row[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
