/** Rondo's dashboards. `deno task observability` writes them where Kustomize takes them from. */
import { type DashboardSpec, quantile, quantiles, rate } from "./panels.ts";

/** What a person asked for; probes and scrapes are everybody's noise. */
const ASKED = 'route!~"/(ready|health|metrics)"';
const FAILED = `status=~"5..",${ASKED}`;
const HTTP = "http_request_duration_seconds";

/** The share of a service's requests that failed: nothing failed as long as no failure is known. */
const ERRORS =
  `(${rate(`${HTTP}_count`, ["service"], FAILED)} or ${rate(`${HTTP}_count`, ["service"], ASKED)} * 0)` +
  ` / ${rate(`${HTTP}_count`, ["service"], ASKED)}`;

export const DASHBOARDS: readonly DashboardSpec[] = [
  {
    uid: "rondo-overview",
    title: "Rondo: overview",
    description: "Whether people are served and events flow. Begin here.",
    rows: [
      {
        title: "Now",
        panels: [
          {
            title: "Targets that do not answer",
            stat: true,
            queries: [['count(up{namespace=~"rondo.*"} == 0) or vector(0)', ""]],
          },
          {
            title: "Oldest event in an outbox",
            description: "How long the broker has not acknowledged something that is committed.",
            stat: true,
            unit: "s",
            queries: [["max(outbox_oldest_seconds)", ""]],
          },
          {
            title: "Dead letters in an hour",
            stat: true,
            queries: [["sum(increase(dead_letters_total[1h]))", ""]],
          },
        ],
      },
      {
        title: "Requests",
        panels: [
          {
            title: "Requests",
            unit: "reqps",
            queries: [[rate(`${HTTP}_count`, ["service"], ASKED), "{{service}}"]],
          },
          { title: "Share that fails", unit: "percentunit", queries: [[ERRORS, "{{service}}"]] },
          {
            title: "95th percentile by service",
            unit: "s",
            queries: [[quantile(0.95, HTTP, ["service"], ASKED), "{{service}}"]],
          },
        ],
      },
      {
        title: "Events",
        panels: [
          {
            title: "Published",
            unit: "cps",
            queries: [[rate("events_published_total", ["topic"]), "{{topic}}"]],
          },
          {
            title: "From a change to its effect (p95)",
            unit: "s",
            queries: [[quantile(0.95, "event_lag_seconds", ["consumer"]), "{{consumer}}"]],
          },
          {
            title: "Memory",
            unit: "bytes",
            queries: [['process_resident_memory_bytes{namespace=~"rondo.*"}', "{{job}}"]],
          },
        ],
      },
    ],
  },
  {
    uid: "rondo-tasks",
    title: "Rondo: tasks",
    description: "What people do, and how long they wait for it.",
    rows: [
      {
        title: "Work",
        panels: [
          {
            title: "Created",
            unit: "cps",
            queries: [[rate("tasks_created_total", ["priority"]), "{{priority}}"]],
          },
          {
            title: "Recurring or not",
            unit: "cps",
            queries: [[rate("tasks_created_total", ["has_recurrence"]), "recurring: {{has_recurrence}}"]],
          },
          {
            title: "Completed and moved to trash",
            unit: "cps",
            queries: [
              [rate("tasks_completed_total"), "completed"],
              [rate("tasks_deleted_total"), "moved to trash"],
            ],
          },
        ],
      },
      {
        title: "The API",
        panels: [
          {
            title: "Time of writes",
            unit: "s",
            queries: quantiles(HTTP, [], 'service="api",method=~"POST|PATCH|DELETE",route=~"/api/tasks.*"'),
          },
          {
            title: "Time of reads",
            unit: "s",
            queries: quantiles(HTTP, [], 'service="api",method="GET",route=~"/api/tasks.*"'),
          },
          {
            title: "Answers by status",
            unit: "reqps",
            queries: [[rate(`${HTTP}_count`, ["status"], `service="api",${ASKED}`), "{{status}}"]],
          },
        ],
      },
    ],
  },
  {
    uid: "rondo-events",
    title: "Rondo: events and Kafka",
    description: "From the outbox over Kafka to each consumer.",
    rows: [
      {
        title: "Outbox and relay",
        panels: [
          { title: "Waiting", queries: [["sum by (source) (outbox_pending)", "{{source}}"]] },
          {
            title: "Oldest",
            unit: "s",
            queries: [["max by (source) (outbox_oldest_seconds)", "{{source}}"]],
          },
          {
            title: "Published",
            unit: "cps",
            queries: [[rate("events_published_total", ["event_type"]), "{{event_type}}"]],
          },
        ],
      },
      {
        title: "Consumers",
        panels: [
          {
            title: "Behind",
            description: "Groups of realtime are left out: each replica begins at the end.",
            queries: [[
              'sum by (topic, group) (kafka_consumer_lag{group!~"realtime-.*"})',
              "{{group}} on {{topic}}",
            ]],
          },
          {
            title: "Deliveries by outcome",
            unit: "cps",
            queries: [[rate("events_consumed_total", ["consumer", "outcome"]), "{{consumer}}: {{outcome}}"]],
          },
          {
            title: "Time for one event",
            unit: "s",
            queries: [[quantile(0.95, "event_processing_seconds", ["consumer"]), "{{consumer}} p95"]],
          },
          {
            title: "From a change to its effect",
            unit: "s",
            queries: quantiles("event_lag_seconds", ["consumer"]),
          },
          {
            title: "Dead letters",
            queries: [[
              "sum by (topic, consumer) (increase(dead_letters_total[15m]))",
              "{{consumer}} on {{topic}}",
            ]],
          },
          {
            title: "Numbers that a consumer has not seen",
            description:
              "A hole in a user's stream, which the broker's order does not allow: see the runbooks.",
            queries: [["sum(increase(event_gaps_total[15m])) or vector(0)", "gaps"]],
          },
        ],
      },
    ],
  },
  {
    uid: "rondo-reminders",
    title: "Rondo: reminders and notifications",
    description: "Whether people are reminded in time, and by which channels.",
    rows: [
      {
        title: "Reminders",
        panels: [
          {
            title: "Planned and fired",
            unit: "cps",
            queries: [
              [rate("reminders_scheduled_total"), "planned"],
              [rate("reminders_delivered_total", ["late"]), "fired, late: {{late}}"],
            ],
          },
          {
            title: "From a reminder's time to its firing",
            unit: "s",
            queries: quantiles("reminder_delay_seconds"),
          },
        ],
      },
      {
        title: "Notifications",
        panels: [
          {
            title: "By channel",
            unit: "cps",
            queries: [[rate("notifications_sent_total", ["channel", "status"]), "{{channel}}: {{status}}"]],
          },
          {
            title: "Share that fails",
            unit: "percentunit",
            queries: [[
              `${rate("notifications_sent_total", ["channel"], 'status="failed"')} / ` +
              `${rate("notifications_sent_total", ["channel"], 'status=~"delivered|failed"')}`,
              "{{channel}}",
            ]],
          },
        ],
      },
    ],
  },
  {
    uid: "rondo-realtime",
    title: "Rondo: realtime",
    description: "Open streams and what goes over them.",
    rows: [{
      title: "Streams",
      panels: [
        {
          title: "Open",
          queries: [['sum by (instance) (sse_connections{job="realtime"})', "{{instance}}"]],
        },
        { title: "Messages", unit: "cps", queries: [[rate("sse_messages_total", ["event"]), "{{event}}"]] },
        {
          title: "Memory",
          unit: "bytes",
          queries: [['process_resident_memory_bytes{job="realtime"}', "{{instance}}"]],
        },
      ],
    }],
  },
  {
    uid: "rondo-dapr",
    title: "Rondo: Dapr",
    description: "What the sidecars and the scheduler do for the services.",
    rows: [
      {
        title: "Events",
        panels: [
          {
            title: "Publishes",
            unit: "cps",
            queries: [[
              rate("dapr_component_pubsub_egress_bulk_count", ["app_id", "topic"]),
              "{{app_id}} to {{topic}}",
            ]],
          },
          {
            title: "Time of a publish (p95)",
            unit: "ms",
            queries: [[
              quantile(0.95, "dapr_component_pubsub_egress_bulk_latencies", ["topic"]),
              "{{topic}}",
            ]],
          },
          {
            title: "Deliveries",
            unit: "cps",
            queries: [[
              rate("dapr_component_pubsub_ingress_bulk_event_count", ["app_id", "process_status"]),
              "{{app_id}}: {{process_status}}",
            ]],
          },
          {
            title: "Time of a delivery (p95)",
            unit: "ms",
            queries: [[
              quantile(0.95, "dapr_component_pubsub_ingress_bulk_latencies", ["app_id"]),
              "{{app_id}}",
            ]],
          },
        ],
      },
      {
        title: "Calls between services",
        panels: [
          {
            title: "Calls",
            unit: "reqps",
            queries: [[
              rate("dapr_runtime_service_invocation_req_sent_total", ["app_id", "dst_app_id"]),
              "{{app_id}} to {{dst_app_id}}",
            ]],
          },
          {
            title: "Time of a call (p95)",
            unit: "ms",
            queries: [[
              quantile(0.95, "dapr_runtime_service_invocation_res_recv_latency_ms", ["app_id"]),
              "{{app_id}}",
            ]],
          },
          {
            title: "Policies applied",
            description: "Retries, timeouts and circuit breakers: a steady rise means that somebody fails.",
            unit: "cps",
            queries: [[
              rate("dapr_resiliency_count", ["app_id", "policy", "target"]),
              "{{app_id}} {{policy}} {{target}}",
            ]],
          },
        ],
      },
      {
        title: "Jobs",
        panels: [
          {
            title: "Set and triggered",
            unit: "cps",
            queries: [
              [rate("dapr_scheduler_jobs_created_total"), "set"],
              [rate("dapr_scheduler_jobs_triggered_total"), "triggered"],
              [rate("dapr_component_job_success_count", ["app_id"]), "taken by {{app_id}}"],
            ],
          },
          {
            title: "Time of a trigger (p95)",
            unit: "ms",
            queries: [[quantile(0.95, "dapr_scheduler_trigger_latency"), "p95"]],
          },
          {
            title: "Sidecars at the scheduler",
            queries: [["sum(dapr_scheduler_sidecars_connected)", "connected"]],
          },
          {
            title: "Health checks of the services",
            unit: "cps",
            queries: [[
              rate("dapr_http_healthprobes_completed_count", ["app_id", "status"]),
              "{{app_id}}: {{status}}",
            ]],
          },
        ],
      },
    ],
  },
  {
    uid: "rondo-database",
    title: "Rondo: database",
    description: "The services' pools, and PostgreSQL itself.",
    rows: [
      {
        title: "Pools",
        panels: [
          {
            title: "In use, of what there may be",
            description: "Reads and writes of a pool have connections of their own.",
            unit: "percentunit",
            queries: [["database_connections_used / database_connections_max", "{{pool}} {{pod}}"]],
          },
          {
            title: "Connections that somebody holds",
            queries: [["database_connections_used", "{{pool}} {{pod}}"]],
          },
          { title: "Callers that wait", queries: [["database_waiting", "{{pool}} {{pod}}"]] },
        ],
      },
      {
        title: "PostgreSQL",
        panels: [
          {
            title: "Connections",
            queries: [['sum by (state) (pg_stat_activity_count{datname="rondo"})', "{{state}}"]],
          },
          {
            title: "Transactions",
            unit: "cps",
            queries: [
              [rate("pg_stat_database_xact_commit", [], 'datname="rondo"'), "committed"],
              [rate("pg_stat_database_xact_rollback", [], 'datname="rondo"'), "undone"],
            ],
          },
          {
            title: "Longest transaction",
            unit: "s",
            queries: [['max(pg_stat_activity_max_tx_duration{datname="rondo"})', "longest"]],
          },
          {
            title: "Pages found in memory",
            unit: "percentunit",
            queries: [[
              'sum(rate(pg_stat_database_blks_hit{datname="rondo"}[$__rate_interval])) / ' +
              '(sum(rate(pg_stat_database_blks_hit{datname="rondo"}[$__rate_interval])) + ' +
              'sum(rate(pg_stat_database_blks_read{datname="rondo"}[$__rate_interval])))',
              "share",
            ]],
          },
          {
            title: "Locks and deadlocks",
            queries: [
              ['sum by (mode) (pg_locks_count{datname="rondo"}) > 0', "{{mode}}"],
              ['increase(pg_stat_database_deadlocks{datname="rondo"}[15m])', "deadlocks in 15 minutes"],
            ],
          },
          {
            title: "Size",
            unit: "bytes",
            queries: [['pg_database_size_bytes{datname="rondo"}', "rondo"]],
          },
        ],
      },
    ],
  },
];
