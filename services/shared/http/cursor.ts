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
