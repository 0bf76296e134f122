/** Dashboards, alerts, their tests and their pages fit each other and the code. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { DASHBOARDS } from "./dashboards/dashboards.ts";
import { generate, targetOf } from "./generate.ts";
import { metricsOf, ownNames, thirdPartyNames } from "./metrics.ts";
import { readRules, RULES } from "./rules.ts";
import { tool } from "./tools.ts";

const ROOT = new URL("..", import.meta.url);
const TESTS = new URL("rules/tests/", import.meta.url);

interface RuleTest {
  name: string;
  alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[];
}

Deno.test("what Kustomize deploys is what the generator makes", async () => {
  const made = await generate();
  for (const [path, text] of made) {
    assert.equal(await Deno.readTextFile(targetOf(path)), text, `run deno task observability: ${path}`);
  }
  const there = [...Deno.readDirSync(targetOf("dashboards"))].map(({ name }) => `dashboards/${name}`);
  assert.deepEqual(there.filter((path) => !made.has(path)), []);
  const kustomization = parse(await Deno.readTextFile(targetOf("kustomization.yaml"))) as {
    configMapGenerator: { files?: string[] }[];
  };
  const deployed = kustomization.configMapGenerator.flatMap(({ files }) => files ?? []);
  for (const path of there) assert.ok(deployed.includes(path), `${path} is in no ConfigMap`);
});

Deno.test("the deployed PrometheusRule holds the tested rules", async () => {
  const deployed = parse(await Deno.readTextFile(targetOf("rules.yaml"))) as { spec: unknown };
  assert.deepEqual(deployed.spec, parse(await Deno.readTextFile(RULES)));
});

Deno.test("every metric that a dashboard or an alert names exists, and no third party's is listed for nothing", async () => {
  const own = await ownNames();
  const others = new Set(Object.values(await thirdPartyNames()).flat());
  const rules = await readRules();
  const queries = DASHBOARDS.flatMap(({ uid, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) => queries.map(([query]) => [`${uid}: ${title}`, query] as const))
    )
  );
  const named = [...queries, ...rules.map(({ alert, expr }) => [alert, expr] as const)].flatMap((
    [where, expression],
  ) => [...metricsOf(expression)].map((name) => [where, name] as const));
  assert.deepEqual(named.filter(([, name]) => !own.has(name) && !others.has(name)), []);
  const used = new Set(named.map(([, name]) => name));
  assert.deepEqual([...others].filter((name) => !used.has(name)), []);
});

Deno.test("panels of one dashboard have different titles, and queries a legend where there may be several lines", () => {
  for (const { uid, rows } of DASHBOARDS) {
    const panels = rows.flatMap(({ panels }) => panels);
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length, uid);
    for (const { title, queries, stat } of panels) {
      assert.ok(queries.every(([, legend]) => stat || legend !== ""), `${uid}: ${title}`);
    }
  }
  assert.equal(new Set(DASHBOARDS.map(({ uid }) => uid)).size, DASHBOARDS.length);
});

Deno.test("every alert has a test in which it fires and one in which it does not, and a runbook", async () => {
  const rules = await readRules();
  const tests = (await Promise.all(
    [...Deno.readDirSync(TESTS)].map(async ({ name }) =>
      parse(await Deno.readTextFile(new URL(name, TESTS))) as { tests: RuleTest[] }
    ),
  )).flatMap(({ tests }) => tests);
  for (const { alert, labels, annotations } of rules) {
    const about = tests.map(({ alert_rule_test }) =>
      alert_rule_test.filter(({ alertname }) => alertname === alert)
    ).filter((cases) => cases.length > 0);
    const fires = (cases: RuleTest["alert_rule_test"]) =>
      cases.some(({ exp_alerts = [] }) => exp_alerts.length > 0);
    assert.ok(about.some(fires), `${alert} is never seen to fire`);
    assert.ok(about.some((cases) => !fires(cases)), `${alert} is never seen to be quiet`);
    assert.ok(["critical", "warning"].includes(labels.severity ?? ""), alert);
    const page = await Deno.readTextFile(new URL(annotations.runbook ?? "", ROOT));
    for (const heading of ["## What it means", "## What to look at", "## What to do"]) {
      assert.ok(page.includes(`\n${heading}\n`), `${annotations.runbook} has no "${heading}"`);
    }
  }
  const pages = [...Deno.readDirSync(new URL("docs/runbooks/", ROOT))].map(({ name }) =>
    `docs/runbooks/${name}`
  );
  const known = new Set(rules.map(({ annotations }) => annotations.runbook));
  assert.deepEqual(pages.filter((page) => !known.has(page)), []);
});

Deno.test("promtool accepts the rules, and their tests pass", async () => {
  const promtool = await tool("promtool");
  for (
    const args of [
      ["check", "rules", "--lint=all", "--lint-fatal", fileURLToPath(RULES)],
      [
        "test",
        "rules",
        ...[...Deno.readDirSync(TESTS)].map(({ name }) => fileURLToPath(new URL(name, TESTS))),
      ],
    ]
  ) {
    const { success, stdout, stderr } = await new Deno.Command(promtool, { args }).output();
    assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  }
});
