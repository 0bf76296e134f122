/** What the gate asks of coverage: 85 % of all lines, and nearly all branches of the domain. */

const LINES = 0.85;
const DOMAIN_BRANCHES = 0.9;

interface Totals {
  found: number;
  hit: number;
}

/** Reads an LCOV report and gives what is too low, in words; prints the totals. */
export function coverageProblems(lcov: string, root: string): string[] {
  const lines: Totals = { found: 0, hit: 0 };
  const branches: Totals = { found: 0, hit: 0 };
  for (const record of lcov.split("end_of_record")) {
    const file = /^SF:(.*)$/m.exec(record)?.[1]?.replace(root, "");
    if (file === undefined) continue;
    add(lines, record, "LF", "LH");
    if (file.startsWith("services/shared/domain/")) add(branches, record, "BRF", "BRH");
  }
  console.log(`lines ${percent(lines)}, branches of the domain ${percent(branches)}`);
  return [
    ...(ratio(lines) < LINES ? [`lines: ${percent(lines)} is below ${LINES * 100} %`] : []),
    ...(ratio(branches) < DOMAIN_BRANCHES
      ? [`branches of the domain: ${percent(branches)} is below ${DOMAIN_BRANCHES * 100} %`]
      : []),
  ];
}

function add(totals: Totals, record: string, found: string, hit: string): void {
  totals.found += Number(new RegExp(`^${found}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
  totals.hit += Number(new RegExp(`^${hit}:(\\d+)$`, "m").exec(record)?.[1] ?? 0);
}

const ratio = ({ found, hit }: Totals): number => found === 0 ? 0 : hit / found;
const percent = (totals: Totals): string => `${(ratio(totals) * 100).toFixed(1)} %`;
