/** Reading a request's body: bounded, and refused with the rule that it breaks. */
import type { Context } from "hono";
import { ProblemError } from "./problem.ts";

/**
 * The body as text and as JSON; empty and undefined when there is none and it is not required.
 *
 * @throws ProblemError 400, 413, 415
 */
export async function readJson(
  context: Context,
  required: boolean,
  mediaTypes: readonly string[],
  maxBytes: number,
): Promise<{ text: string; value: unknown }> {
  const text = await readText(context, maxBytes);
  if (text === "" && !required) return { text, value: undefined };
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (!mediaTypes.includes(type)) {
    throw new ProblemError(415, `The body must be ${mediaTypes.join(" or ")}`, {
      errors: [{ path: "Content-Type", message: `must be ${mediaTypes.join(" or ")}` }],
    });
  }
  try {
    return { text, value: JSON.parse(text) };
  } catch {
    throw new ProblemError(400, "The body is not valid JSON", {
      errors: [{ path: "", message: "must be valid JSON" }],
    });
  }
}

/** The body as text, read no further than its limit. @throws ProblemError 413, 400 when it is not UTF-8 */
export async function readText(context: Context, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new ProblemError(413, `The body is larger than ${maxBytes} bytes`, {
      errors: [{ path: "", message: `must be at most ${maxBytes} bytes` }],
    });
  const length = context.req.header("content-length");
  if (Number(length ?? 0) > maxBytes) throw tooLarge();
  // The server reads no further than the length that was said, so there is nothing to count.
  if (length !== undefined) return decode(await context.req.raw.bytes());
  const stream = context.req.raw.body;
  if (stream === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return decode(bytes);
}

function decode(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch {
    // iCalendar may be folded between the bytes of one character (RFC 5545, section 3.1): that fold goes first.
    const joined = joinSplitCharacters(bytes);
    try {
      if (joined.length < bytes.length) return decoder.decode(joined);
    } catch {
      // It was not only that.
    }
    throw new ProblemError(400, "The body is not valid UTF-8", {
      errors: [{ path: "", message: "must be UTF-8" }],
    });
  }
}

/** The bytes without each line break and space that a continuation byte of UTF-8 follows. */
function joinSplitCharacters(bytes: Uint8Array): Uint8Array {
  const [tab, lf, cr, space] = [9, 10, 13, 32];
  const kept = new Uint8Array(bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; at++) {
    const feed = bytes[at] === cr && bytes[at + 1] === lf ? at + 1 : at;
    const next = bytes[feed + 2] ?? 0;
    const folds = bytes[feed] === lf && (bytes[feed + 1] === space || bytes[feed + 1] === tab);
    if (folds && next >= 0x80 && next < 0xc0) at = feed + 1;
    else kept[size++] = bytes[at] ?? 0;
  }
  return kept.subarray(0, size);
}
