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

/**
 * A context that hands `traceparent` on as it is (whoever opens a span puts its own in), or begins a trace when it
 * is absent or invalid.
 */
export function newContext(options: { correlationId?: string; traceparent?: string } = {}): WorkContext {
  const given = options.traceparent ?? "";
  const [, traceId = "", spanId = ""] = TRACEPARENT.exec(given) ?? [];
  const usable = /[^0]/.test(traceId) && /[^0]/.test(spanId);
  return {
    correlationId: options.correlationId ?? uuidv7(),
    traceparent: usable ? given : `00-${randomHex(16)}-${randomHex(8)}-01`,
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
