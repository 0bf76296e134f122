/**
 * Writes what Kustomize deploys from what people edit: dashboards as JSON, alert rules as a PrometheusRule.
 *
 * `deno task observability` writes them; a test sees that writing changes nothing.
 */
import { fileURLToPath } from "node:url";
import { buildDashboard } from "./dashboards/panels.ts";
import { DASHBOARDS } from "./dashboards/dashboards.ts";

const RULES = new URL("rules/rondo.yaml", import.meta.url);
const TARGET = new URL("../kustomize/components/observability/", import.meta.url);

/** Files by their path below the component. */
export async function generate(): Promise<Map<string, string>> {
  const files = new Map(DASHBOARDS.map((spec) => [
    `dashboards/${spec.uid}.json`,
    `${JSON.stringify(buildDashboard(spec), null, 2)}\n`,
  ]));
  return files.set("rules.yaml", await prometheusRule());
}

/** The operator's wrapping of the same text: comments stay, and so does what promtool has tested. */
async function prometheusRule(): Promise<string> {
  const rules = await Deno.readTextFile(RULES);
  const body = rules.slice(rules.indexOf("groups:")).trimEnd();
  return [
    "# Made from observability/rules/rondo.yaml by `deno task observability`.",
    "apiVersion: monitoring.coreos.com/v1",
    "kind: PrometheusRule",
    "metadata:",
    "  name: rondo",
    "spec:",
    ...body.split("\n").map((line) => line === "" ? "" : `  ${line}`),
    "",
  ].join("\n");
}

/** Where a generated file is. */
export function targetOf(path: string): string {
  return fileURLToPath(new URL(path, TARGET));
}

if (import.meta.main) {
  await Deno.mkdir(targetOf("dashboards"), { recursive: true });
  for (const [path, text] of await generate()) await Deno.writeTextFile(targetOf(path), text);
}
