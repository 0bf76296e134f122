/** Every metric that Rondo exports, in one place: dashboards and alerts name no other. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

const FAST = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** How much of one pool's connections is in use. */
export interface PoolUse {
  /** Connections that somebody holds. */
  used: number;
  /** As many as there may be. */
  most: number;
  /** Callers that wait for one. */
  waiting: number;
}

const SLOW = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

/** The metrics of one process; services that share it are told apart by labels. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets = FAST,
  ) => new Histogram({ name, help, labelNames: [...labelNames], buckets, registers });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of this process",
    registers,
    collect() {
      this.set(Deno.memoryUsage().rss);
    },
  });
  const pools = new Map<string, () => PoolUse>();
  const poolGauge = (name: string, help: string, value: (use: PoolUse) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["pool"],
      registers,
      collect() {
        for (const [pool, use] of pools) this.set({ pool }, value(use()));
      },
    });
  poolGauge("database_connections_used", "Connections that somebody holds", ({ used }) => used);
  poolGauge("database_connections_max", "Connections that a pool may have", ({ most }) => most);
  poolGauge("database_waiting", "Callers that wait for a connection", ({ waiting }) => waiting);
  return {
    registry,
    /** Shows the use of a pool under this name, asked at each scrape. */
    watchPool: (pool: string, use: () => PoolUse) => void pools.set(pool, use),
    tasksCreated: counter("tasks_created_total", "Tasks created", ["priority", "has_recurrence"]),
    tasksCompleted: counter("tasks_completed_total", "Tasks completed"),
    tasksDeleted: counter("tasks_deleted_total", "Tasks moved to trash"),
    eventsPublished: counter("events_published_total", "Events acknowledged by the broker", [
      "topic",
      "event_type",
    ]),
    eventsConsumed: counter("events_consumed_total", "Deliveries by what became of them", [
      "consumer",
      "event_type",
      "outcome",
    ]),
    eventProcessing: histogram("event_processing_seconds", "Time a consumer took for one event", [
      "consumer",
    ]),
    eventLag: histogram("event_lag_seconds", "From the change to its effect at a consumer", ["consumer"]),
    eventGaps: counter("event_gaps_total", "Numbers of a user's stream that a consumer has not taken", [
      "consumer",
    ]),
    outboxPending: gauge("outbox_pending", "Events not yet acknowledged by the broker", ["source"]),
    outboxOldest: gauge("outbox_oldest_seconds", "Age of the oldest event not yet acknowledged", ["source"]),
    deadLetters: counter("dead_letters_total", "Events that went to a dead-letter topic", [
      "topic",
      "consumer",
    ]),
    notificationsSent: counter("notifications_sent_total", "Deliveries by channel", ["channel", "status"]),
    remindersScheduled: counter("reminders_scheduled_total", "Reminders planned"),
    remindersDelivered: counter("reminders_delivered_total", "Reminders that fired", ["late"]),
    reminderDelay: histogram("reminder_delay_seconds", "From a reminder's time to its firing", [], SLOW),
    httpDuration: histogram("http_request_duration_seconds", "HTTP requests", [
      "service",
      "method",
      "route",
      "status",
    ]),
    webhooksDeliveries: counter("webhooks_deliveries_total", "Attempts of webhooks by what became of them", [
      "status",
    ]),
    webhookDelivery: histogram("webhook_delivery_seconds", "Time a receiver of webhooks took to answer", []),
    sseConnections: gauge("sse_connections", "Open streams"),
    sseMessages: counter("sse_messages_total", "Messages sent to streams", ["event"]),
  };
}
export type Metrics = ReturnType<typeof createMetrics>;
