/** What travels with a piece of work from the request to its last effect: correlation id and W3C trace context. */
import { AsyncLocalStorage } from "node:async_hooks";
import { uuidv7 } from "uuidv7";

export interface WorkContext {
  correlationId: string;
  /** W3C `traceparent`, version 00 */
  traceparent: string;
}

const storage = new AsyncLocalStorage<WorkContext>();

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The context of the running work; a fresh one outside of any. */
export function currentContext(): WorkContext {
  return storage.getStore() ?? newContext();
}

/** A context that continues `traceparent` with a span of its own, or begins a trace when it is absent or invalid. */
export function newContext(options: { correlationId?: string; traceparent?: string } = {}): WorkContext {
  const parent = TRACEPARENT.exec(options.traceparent ?? "");
  const usable = parent !== null && !/^0+$/.test(parent[1] ?? "") && !/^0+$/.test(parent[2] ?? "");
  const traceId = usable ? parent[1] : randomHex(16);
  const flags = usable ? parent[3] : "01";
  return {
    correlationId: options.correlationId ?? uuidv7(),
    traceparent: `00-${traceId}-${randomHex(8)}-${flags}`,
  };
}

/** Runs `work` in `context`. */
export function runInContext<T>(context: WorkContext, work: () => T): T {
  return storage.run(context, work);
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
