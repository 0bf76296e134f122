/** Compares the calls that were made with those that were right. */
import type { ExpectedCall } from "./cases.ts";

/** Tools that only look. */
const READS = /^(search_|get_|list_|read_|task_history)/;

export interface MadeCall {
  tool: string;
  args: Record<string, unknown>;
}

/**
 * Whether a turn did what was expected: the same changes in any order and no other, or, when nothing was to be changed,
 * none and the expected look among its looks.
 */
export function isRight(expected: readonly ExpectedCall[], made: readonly MadeCall[]): boolean {
  const changes = made.filter(({ tool }) => !READS.test(tool));
  const wanted = expected.filter(({ tool }) => !READS.test(tool));
  if (changes.length !== wanted.length) return false;
  const left = [...changes];
  for (const call of wanted) {
    const at = left.findIndex((each) => fits(call, each));
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return expected.filter(({ tool }) => READS.test(tool)).every((call) =>
    made.some((each) => fits(call, each))
  );
}

const fits = (expected: ExpectedCall, made: MadeCall): boolean =>
  expected.tool === made.tool && holds(expected.args, made.args);

/** Whether `made` holds all of `expected`: objects in part, lists in any order, `~word` as a part of a text. */
function holds(expected: unknown, made: unknown): boolean {
  if (Array.isArray(expected)) {
    return Array.isArray(made) && made.length === expected.length &&
      expected.every((one) => made.some((other) => holds(one, other)));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof made !== "object" || made === null) return false;
    const fields = new Map(Object.entries(made));
    return Object.entries(expected).every(([name, value]) => holds(value, fields.get(name) ?? null));
  }
  if (typeof expected === "string" && expected.startsWith("~")) {
    return typeof made === "string" && made.toLowerCase().includes(expected.slice(1).toLowerCase());
  }
  return expected === made || (typeof expected === "string" && typeof made === "string" &&
    expected.toLowerCase() === made.toLowerCase());
}
