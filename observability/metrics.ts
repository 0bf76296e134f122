/** The metrics that dashboards and alerts may name: Rondo's own, and third parties' as they were seen. */
import { Registry } from "prom-client";
import { parse } from "yaml";
import { registerLag } from "../deploy/kafka/lag_exporter.ts";
import { createMetrics } from "../services/shared/telemetry/metrics.ts";

/** Names that Prometheus gives, and no exporter. */
const PROMETHEUS = ["up", "ALERTS"];
const SUFFIXES = { histogram: ["_bucket", "_count", "_sum"], summary: ["", "_count", "_sum"] };

/** Every series name that Rondo exports, as the code registers it. */
export async function ownNames(): Promise<Set<string>> {
  const lag = new Registry();
  registerLag(lag, "127.0.0.1:1");
  const registered = await Promise.all([createMetrics().registry, lag].map((one) => one.getMetricsAsJSON()));
  return new Set([
    ...PROMETHEUS,
    ...registered.flat().flatMap(({ name, type }) => {
      const suffixes = Object.entries(SUFFIXES).find(([kind]) => String(type) === kind)?.[1] ?? [""];
      return suffixes.map((suffix) => name + suffix);
    }),
  ]);
}

/** Third parties' names, by who exports them. */
export async function thirdPartyNames(): Promise<Record<string, string[]>> {
  const text = await Deno.readTextFile(new URL("third_party.yaml", import.meta.url));
  const sources = parse(text) as Record<string, { metrics: string[] }>;
  return Object.fromEntries(Object.entries(sources).map(([source, { metrics }]) => [source, metrics]));
}

/** The words of PromQL, which are no metrics. */
const WORDS = new Set(
  ("abs absent absent_over_time and avg avg_over_time bool by ceil clamp clamp_max clamp_min count count_over_time " +
    "delta deriv floor group group_left group_right histogram_quantile ignoring increase irate label_replace " +
    "max max_over_time min min_over_time offset on or predict_linear quantile rate round scalar sort sort_desc sum " +
    "sum_over_time time timestamp topk unless vector without").split(" "),
);

/** The metrics that an expression of PromQL names. */
export function metricsOf(expression: string): Set<string> {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, "")
    .replaceAll(/\{[^}]*\}/g, "")
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, "");
  return new Set(
    [...bare.matchAll(/[a-zA-Z_:][\w:]*/g)].map(([word]) => word).filter((word) => !WORDS.has(word)),
  );
}
