/** Publishing in bulk: as many events as a request may carry, each with its key and its own result. */
import { z } from "zod";
import type { PublishResult } from "../ports.ts";
import { reason } from "../waiting.ts";
import type { Sidecar } from "./sidecar.ts";

/** An event on its way to some topic, the dead-letter topics included. */
export interface Entry {
  key: string;
  event: unknown;
  /** The record's headers beside the key. */
  headers?: Readonly<Record<string, string>>;
}

/** The sidecar refuses a body of 4 MiB: a quarter of it leaves room for one event as large as the broker takes. */
const MOST_CHARACTERS = 1_000_000;
const MOST_ENTRIES = 200;
const PUBLISH_TIMEOUT_MS = 10_000;

const Refusal = z.object({
  failedEntries: z.array(z.object({ entryId: z.string(), error: z.string().default("refused") })),
});

/** Publishes to one topic of one component; never rejects. */
export async function publishAll(
  sidecar: Sidecar,
  where: { component: string; topic: string },
  entries: readonly Entry[],
  signal?: AbortSignal,
): Promise<PublishResult[]> {
  const chunks = await Promise.all(
    chunksOf(entries.map(toWire)).map((chunk) => publishChunk(sidecar, where, chunk, signal)),
  );
  return chunks.flat();
}

/** An entry as it is sent. */
interface Wire {
  entryId: string;
  text: string;
}

function toWire({ key, event, headers }: Entry, index: number): Wire {
  const entryId = String(index);
  const text = JSON.stringify({
    entryId,
    event: withTrace(event),
    // Any other type makes the sidecar wrap the event into one of its own, with another id.
    contentType: "application/cloudevents+json",
    metadata: { ...headers, partitionKey: key },
  });
  return { entryId, text };
}

/** The sidecar puts its own `traceparent` into an event that has no `traceid`. */
function withTrace(event: unknown): unknown {
  if (typeof event !== "object" || event === null || !("traceparent" in event)) return event;
  return { traceid: event.traceparent, ...event };
}

function chunksOf(entries: readonly Wire[]): Wire[][] {
  const chunks: Wire[][] = [];
  let open: Wire[] = [];
  let characters = Infinity;
  for (const entry of entries) {
    characters += entry.text.length;
    if (characters > MOST_CHARACTERS || open.length === MOST_ENTRIES) {
      chunks.push(open = []);
      characters = entry.text.length;
    }
    open.push(entry);
  }
  return chunks;
}

async function publishChunk(
  sidecar: Sidecar,
  { component, topic }: { component: string; topic: string },
  entries: readonly Wire[],
  signal: AbortSignal | undefined,
): Promise<PublishResult[]> {
  try {
    const { ok, status, text } = await sidecar.send("POST", `publish/bulk/${component}/${topic}`, {
      body: `[${entries.map((entry) => entry.text).join(",")}]`,
      signal,
      timeoutMs: PUBLISH_TIMEOUT_MS,
    });
    if (ok) return entries.map(() => ({ ok: true }));
    const failed = failedOf(text);
    // An answer that names nobody is about all of them.
    const error = `the sidecar answered ${status}: ${text.slice(0, 500)}`;
    if (failed.size === 0) return entries.map(() => ({ ok: false, error }));
    return entries.map(({ entryId }) => {
      const refused = failed.get(entryId);
      return refused === undefined ? { ok: true } : { ok: false, error: refused };
    });
  } catch (cause) {
    return entries.map(() => ({ ok: false, error: reason(cause) }));
  }
}

/** What the sidecar says of each entry that was not published, by entry id. */
function failedOf(text: string): Map<string, string> {
  try {
    const refusal = Refusal.safeParse(JSON.parse(text));
    return new Map(refusal.data?.failedEntries.map(({ entryId, error }) => [entryId, error]));
  } catch {
    return new Map();
  }
}
