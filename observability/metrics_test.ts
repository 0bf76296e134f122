import assert from "node:assert/strict";
import { metricsOf } from "./metrics.ts";

Deno.test("metricsOf() finds names, not labels, functions, ranges or texts", () => {
  const names = (expression: string) => [...metricsOf(expression)].sort();
  assert.deepEqual(names('sum by (le, service) (rate(a_bucket{b=~"c|d{}"}[5m])) / on(pod) up > 14 * 86400'), [
    "a_bucket",
    "up",
  ]);
  assert.deepEqual(names("histogram_quantile(0.95, sum(rate(x_bucket[$__rate_interval])) by (le))"), [
    "x_bucket",
  ]);
  assert.deepEqual(names('count(up == 0) or vector(0) - time() + label_replace(y, "z", "$1", "w", "(.*)")'), [
    "up",
    "y",
  ]);
});
