/** A real Prometheus for tests, on loopback and a folder of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { stringify } from "yaml";
import { answers, startPart } from "../deploy/local/part.ts";
import { freePorts, LOOPBACK } from "../deploy/local/ports.ts";
import { tool } from "./tools.ts";

/** A place that it scrapes; the labels are those that a cluster's ServiceMonitors would give. */
export interface Target {
  job: string;
  /** Such as `127.0.0.1:9090`. */
  address: string;
  /** How often it is asked, and for how long an answer is waited for. */
  interval: string;
}

export interface PrometheusOptions {
  /** Made, and removed at the end. */
  folder: string;
  targets: readonly Target[];
  /** A file of alert rules. */
  rules?: string;
}

export interface Alert {
  name: string;
  labels: Record<string, string>;
  state: "pending" | "firing";
}

export interface Prometheus extends AsyncDisposable {
  /** The values of an expression at this moment. */
  query(expression: string): Promise<number[]>;
  alerts(): Promise<Alert[]>;
}

/** How often it evaluates. */
export const INTERVAL = "1s";

/** Starts it and waits until it is ready. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { folder, targets, rules } = options;
  const [port = 0] = freePorts(1);
  const origin = `http://${LOOPBACK}:${port}`;
  const config = join(folder, "prometheus.yaml");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    config,
    stringify({
      global: { evaluation_interval: INTERVAL },
      ...(rules === undefined ? {} : { rule_files: [rules] }),
      scrape_configs: targets.map(({ job, address, interval }) => ({
        job_name: job,
        scrape_interval: interval,
        scrape_timeout: interval,
        // Rondo's own label `service` is more to the point than the ServiceMonitor's.
        honor_labels: true,
        static_configs: [{ targets: [address], labels: { namespace: "rondo" } }],
      })),
    }),
  );
  const part = await startPart({
    name: "prometheus",
    command: await tool("prometheus"),
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${LOOPBACK}:${port}`,
    ],
    logFile: join(folder, "prometheus.log"),
    ready: (signal) => answers(`${origin}/-/ready`, signal),
  });
  return {
    async query(expression) {
      const { result } = await get<{ result: { value: [number, string] }[] }>(
        `/api/v1/query?query=${encodeURIComponent(expression)}`,
      );
      return result.map(({ value }) => Number(value[1]));
    },
    async alerts() {
      const { alerts } = await get<{ alerts: Omit<Alert, "name">[] }>("/api/v1/alerts");
      return alerts.map((alert) => ({ ...alert, name: alert.labels.alertname ?? "" }));
    },
    async [Symbol.asyncDispose]() {
      await part.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };

  async function get<T>(path: string): Promise<T> {
    const response = await fetch(origin + path, { signal: AbortSignal.timeout(10_000) });
    const body = await response.json() as { status: string; error?: string; data: T };
    assert.equal(body.status, "success", `${path}: ${body.error}`);
    return body.data;
  }
}
