/**
 * Spans through the OpenTelemetry API: Deno's own exporter takes them when `OTEL_DENO=true`; without it they
 * cost next to nothing and the W3C context still travels.
 */
import { context, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { newContext, runInContext, type WorkContext } from "./context.ts";

export interface SpanOptions {
  kind: "consumer" | "producer";
  /** W3C `traceparent` of what caused this work. */
  parent: string;
  correlationId: string;
  attributes?: Record<string, string | number>;
}

const KINDS = { consumer: SpanKind.CONSUMER, producer: SpanKind.PRODUCER };
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Runs `work` in a span of its own that continues the trace of `parent`, and in a work context that says so. */
export function inSpan<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  const remote = parse(options.parent);
  const base = remote === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
  const settings = { kind: KINDS[options.kind], attributes: options.attributes };
  return trace.getTracer("rondo").startActiveSpan(name, settings, base, async (span) => {
    try {
      return await runInContext(toWork(span.isRecording() ? span.spanContext() : null, options), work);
    } catch (cause) {
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: cause instanceof Error ? cause.message : String(cause),
      });
      throw cause;
    } finally {
      span.end();
    }
  });
}

/** The `traceparent` of the span that Deno's server opened for the running request, if it did. */
export function activeTraceparent(): string | undefined {
  const span = trace.getSpan(context.active());
  return span?.isRecording() ? format(span.spanContext()) : undefined;
}

/**
 * `fetch` as a part of the running work. Where there are spans Deno's own takes one for the call and puts its
 * `traceparent` into the request: beside it ours would make two, of which nobody believes either.
 */
export function fetchInTrace(url: string | URL, init: RequestInit & { headers: Headers }): Promise<Response> {
  const remote = parse(init.headers.get("traceparent") ?? "");
  const base = remote === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
  return context.with(base, () => {
    if (trace.getSpanContext(context.active()) !== undefined) init.headers.delete("traceparent");
    return fetch(url, init);
  });
}

function toWork(span: SpanContext | null, options: SpanOptions): WorkContext {
  if (span === null) return newContext({ correlationId: options.correlationId, traceparent: options.parent });
  return { correlationId: options.correlationId, traceparent: format(span) };
}

const format = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;

function parse(traceparent: string): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}
