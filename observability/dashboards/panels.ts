/** What Rondo's dashboards are put together from: Grafana's own builders, with the house's defaults. */
import {
  type Dashboard,
  DashboardBuilder,
  DatasourceVariableBuilder,
  RowBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as SeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** A query, and what its lines are called: `{{label}}` is filled in by Grafana. */
export type Query = readonly [expression: string, legend: string];

export interface PanelSpec {
  title: string;
  /** What a person does with it, in a sentence. */
  description?: string;
  /** Grafana's name of the unit, such as `s`, `reqps` or `percentunit`. */
  unit?: string;
  /** One number instead of lines. */
  stat?: boolean;
  queries: readonly Query[];
}

export interface DashboardSpec {
  /** Part of the address: it stays. */
  uid: string;
  title: string;
  description: string;
  rows: readonly { title: string; panels: readonly PanelSpec[] }[];
}

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const HEIGHT = 8;
const WIDTH = 24;

/** A dashboard as Grafana imports it. */
export function buildDashboard(spec: DashboardSpec): Dashboard {
  const dashboard = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(["rondo"])
    .readonly()
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"));
  for (const { title, panels } of spec.rows) {
    dashboard.withRow(new RowBuilder(title));
    const span = Math.floor(WIDTH / Math.min(panels.length, 3));
    for (const panel of panels) dashboard.withPanel(buildPanel(panel, span));
  }
  return dashboard.build();
}

function buildPanel(spec: PanelSpec, span: number): StatBuilder | SeriesBuilder {
  const panel = spec.stat ? new StatBuilder() : new SeriesBuilder().fillOpacity(8);
  panel.title(spec.title).datasource(DATASOURCE).span(span).height(HEIGHT);
  if (spec.unit !== undefined) panel.unit(spec.unit);
  if (spec.description !== undefined) panel.description(spec.description);
  for (const [index, [expression, legend]] of spec.queries.entries()) {
    panel.withTarget(
      new DataqueryBuilder().refId(String.fromCharCode(65 + index)).expr(expression).legendFormat(legend),
    );
  }
  return panel;
}

/** The rate of a counter per second, by labels. */
export function rate(metric: string, by: readonly string[] = [], matchers = ""): string {
  return `sum by (${by.join(", ")}) (rate(${metric}${selector(matchers)}[$__rate_interval]))`;
}

/** A quantile of a histogram, by labels. */
export function quantile(q: number, metric: string, by: readonly string[] = [], matchers = ""): string {
  return `histogram_quantile(${q}, ${rate(`${metric}_bucket`, ["le", ...by], matchers)})`;
}

/** The middle and the slow end of a histogram. */
export function quantiles(metric: string, by: readonly string[] = [], matchers = ""): Query[] {
  const of = by.map((label) => `{{${label}}} `).join("");
  return [
    [quantile(0.5, metric, by, matchers), `${of}p50`],
    [quantile(0.95, metric, by, matchers), `${of}p95`],
  ];
}

function selector(matchers: string): string {
  return matchers === "" ? "" : `{${matchers}}`;
}
