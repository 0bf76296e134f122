/**
 * Compares recurrence with python-dateutil on random rules.
 *
 * `deno run -A services/shared/domain/fuzz/recurrence_fuzz.ts [count] [seed]`, with the interpreter that
 * has python-dateutil in PYTHON (default `python3`). Every rule must agree, or differ in a way Rondo
 * chose and a predicate below recognises; anything else is printed and makes the exit code 1.
 */
import { checkRule, occurrencesBetween } from "../recurrence.ts";
import { askPython } from "./python.ts";
import { createRandom } from "./random.ts";

const LIMIT = 20;
const YEARS = 60;

interface Case {
  rule: string;
  anchor: string;
}

/** The answers of `dateutil_compare.py`; see there. */
interface Opinion {
  plain: string[] | null;
  anchored: string[] | null;
  wide: string[] | null;
  chosen: string[];
}

type Verdict =
  | "same"
  | "the anchor counts as the first"
  | "a short month takes its last day"
  | "a plain weekday beside one with an ordinal is kept (dateutil intersects them)"
  | "positions in the first week count all of it (dateutil begins at the anchor)"
  | "an ordinal beyond its month or year names nothing (dateutil fails)"
  | "refused as never coming";

const count = Number(Deno.args[0] ?? "3000");
const seed = Number(Deno.args[1] ?? "20270131");
const random = createRandom(seed);
const cases: Case[] = Array.from({ length: count }, () => {
  const anchor = random.date("2020-01-01", 5_000);
  return { rule: random.rule(anchor), anchor: anchor.toString() };
});

const started = performance.now();
const ours = cases.map(evaluate);
const spent = performance.now() - started;
const opinions = await askDateutil(cases);

const tally = new Map<Verdict, number>();
let failed = 0;
for (const [index, test] of cases.entries()) {
  const mine = ours[index];
  const opinion = opinions[index];
  if (mine === undefined || opinion === undefined) throw new Error(`No answer for case ${index}`);
  const verdict = judge(test, mine, opinion);
  if (verdict !== null) {
    tally.set(verdict, (tally.get(verdict) ?? 0) + 1);
    continue;
  }
  failed++;
  console.error(`FAILED ${test.rule} from ${test.anchor}`);
  console.error(`  Rondo     ${typeof mine === "string" ? mine : mine.join(" ")}`);
  console.error(`  dateutil  ${opinion.plain?.join(" ") ?? "fails"}`);
  console.error(`  chosen    ${opinion.chosen.join(" ")}`);
}
console.log(`seed ${seed}, ${count} rules, Rondo ${(spent / count).toFixed(2)} ms each`);
for (const [verdict, times] of tally) console.log(`${String(times).padStart(6)} ${verdict}`);
console.log(`${count - failed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);

/** The first dates of the grid, or the reason why the rule is refused. */
function evaluate({ rule, anchor }: Case): string[] | string {
  const problem = checkRule(rule);
  if (problem !== null) return problem;
  const to = `${Number(anchor.slice(0, 4)) + YEARS}-12-31`;
  const due = { date: anchor, time: null, timeZone: null };
  return occurrencesBetween({ rule, anchor: due, from: anchor, to, limit: LIMIT });
}

/** Null when the two disagree for a reason that is not known. */
function judge({ rule, anchor }: Case, mine: string[] | string, opinion: Opinion): Verdict | null {
  const { plain, anchored, wide, chosen } = opinion;
  if (typeof mine === "string") {
    const never = chosen.every((date) => date === anchor);
    return mine === "must be able to produce an occurrence" && never ? "refused as never coming" : null;
  }
  if (plain !== null && same(mine, plain)) return "same";
  if (plain !== null && anchored !== null && same(mine, anchored)) {
    return plain.includes(anchor) ? null : "the anchor counts as the first";
  }
  if (!same(mine, chosen)) return null;
  if (wide === null) {
    return hasFarOrdinal(rule) ? "an ordinal beyond its month or year names nothing (dateutil fails)" : null;
  }
  if (/FREQ=WEEKLY.*BYSETPOS/.test(rule)) {
    const week = Temporal.PlainDate.from(anchor).add({ days: 6 }).toString();
    const later = (dates: string[]) => dates.filter((date) => date > week);
    const agree = later(mine).every((date) => wide.includes(date));
    return agree ? "positions in the first week count all of it (dateutil begins at the anchor)" : null;
  }
  if (isMixed(rule)) return "a plain weekday beside one with an ordinal is kept (dateutil intersects them)";
  return isShortMonthDifference(rule, anchor, mine, wide) ? "a short month takes its last day" : null;
}

function weekdays(rule: string): string[] {
  return /BYDAY=([^;]+)/.exec(rule)?.[1]?.split(",") ?? [];
}

function isMixed(rule: string): boolean {
  const tokens = weekdays(rule);
  return tokens.some((token) => token.length === 2) && tokens.some((token) => token.length > 2);
}

function hasFarOrdinal(rule: string): boolean {
  const most = rule.includes("FREQ=MONTHLY") || rule.includes("BYMONTH=") ? 5 : 52;
  return weekdays(rule).some((token) => Math.abs(Number(token.slice(0, -2))) > most);
}

/**
 * Whether our dates are dateutil's plus last days of months that lack a named day, and nothing else. With
 * BYSETPOS a last day also moves the positions of its period, so there the dates agree outside the periods
 * that have one, which is what `chosen` being equal says already.
 */
function isShortMonthDifference(rule: string, anchor: string, mine: string[], wide: string[]): boolean {
  if (!/FREQ=(MONTHLY|YEARLY)/.test(rule)) return false;
  const named = /BYMONTHDAY=([^;]+)/.exec(rule)?.[1]?.split(",").map(Number) ?? [Number(anchor.slice(8))];
  const longest = Math.max(...named);
  if (longest <= 28) return false;
  if (rule.includes("BYSETPOS")) return true;
  const added = mine.filter((date) => date !== anchor && !wide.includes(date));
  const last = mine.at(-1) ?? anchor;
  const kept = wide.filter((date) => date <= last).every((date) => mine.includes(date));
  return kept && added.length > 0 && added.every((date) => {
    const { day, daysInMonth } = Temporal.PlainDate.from(date);
    return day === daysInMonth && day < longest;
  });
}

function same(one: string[], other: string[]): boolean {
  return one.join() === other.join();
}

function askDateutil(cases: Case[]): Promise<Opinion[]> {
  return askPython("dateutil_compare.py", cases.map((test) => ({ ...test, limit: LIMIT, years: YEARS })));
}
