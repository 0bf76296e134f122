/** The alert rules as data. */
import { parse } from "yaml";

export const RULES = new URL("rules/rondo.yaml", import.meta.url);

export interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface RuleFile {
  groups: { name: string; rules: Rule[] }[];
}

/** Every alert, in the order of the file. */
export async function readRules(): Promise<Rule[]> {
  return (await readFile()).groups.flatMap(({ rules }) => rules);
}

/**
 * The same alerts for a test that has seconds: what an alert waits and looks back for is shorter, what it asks and
 * its threshold are the same.
 *
 * @param range how far back counters are looked at, such as `20s`
 */
export async function hastyRules(range: string): Promise<RuleFile> {
  const { groups } = await readFile();
  return {
    groups: groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({
        ...rule,
        expr: rule.expr.replaceAll(/\[\d+m\]/g, `[${range}]`),
        ...(rule.for === undefined ? {} : { for: "2s" }),
      })),
    })),
  };
}

async function readFile(): Promise<RuleFile> {
  return parse(await Deno.readTextFile(RULES)) as RuleFile;
}
