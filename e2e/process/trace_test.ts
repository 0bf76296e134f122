/** Deno's own OpenTelemetry: one trace from the request to the last effect, seen by a collector. */
import assert from "node:assert/strict";
import { startRondo, waitFor } from "../support/rondo.ts";

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}

interface Export {
  resourceSpans?: { scopeSpans?: { spans?: Span[] }[] }[];
}

Deno.test("a trace leads from the request to its last effect", async () => {
  const spans: Span[] = [];
  const collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    if (new URL(request.url).pathname === "/v1/traces") {
      const { resourceSpans = [] } = JSON.parse(body) as Export;
      spans.push(
        ...resourceSpans.flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap(({ spans = [] }) => spans)),
      );
    }
    return new Response("{}", { headers: { "content-type": "application/json" } });
  });
  try {
    await using rondo = await startRondo({
      env: {
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
        OTEL_BSP_SCHEDULE_DELAY: "200",
        OTEL_METRICS_EXPORTER: "none",
        OTEL_LOGS_EXPORTER: "none",
      },
    });
    const ada = await rondo.signUp();
    const traceId = crypto.randomUUID().replaceAll("-", "");
    const due = Temporal.Now.plainDateISO("UTC").add({ days: 1 }).toString();
    const made = await ada.call<{ id: string }>("POST", "/api/tasks", {
      title: "Traced",
      due: { date: due, time: "09:00" },
      recurrence: "daily",
      reminders: [{ before: "PT30M" }],
    });
    await ada.call("POST", `/api/tasks/${made.body.id}/complete`, {}, {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    // The completion, the next occurrence that it makes, and the reminder planned for that: all one trace.
    const wanted = [
      "recurrence task.completed.v1",
      "reminders task.completed.v1",
      "reminders task.created.v1",
      "audit reminder.scheduled.v1",
    ];
    const seen = () => spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
    await waitFor(() => wanted.every((name) => seen().includes(name)), 30_000);
    const mine = spans.filter((span) => span.traceId === traceId);
    const ids = new Set([...mine.map(({ spanId }) => spanId), "00f067aa0ba902b7"]);
    for (const span of mine) {
      assert.ok(ids.has(span.parentSpanId ?? ""), `${span.name} hangs on a span of its trace`);
    }
  } finally {
    await collector.shutdown();
  }
});
