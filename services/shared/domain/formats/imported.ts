/** What every import gives, and the limits of a task (the same as those of the HTTP API) that it keeps. */
import { checkRule, normalizeRecurrence } from "../recurrence.ts";
import { formatInstant } from "../time.ts";

export interface ImportOptions {
  /** IANA zone of the user: the days of the file are days there. */
  timeZone: string;
  now: Temporal.Instant;
}

export interface ImportedTask {
  title: string;
  notes?: string;
  priority?: "low" | "medium" | "high" | "urgent";
  tags?: string[];
  listName?: string;
  due?: { date: string; time: string | null; timeZone: string | null } | null;
  recurrence?: { rule: string; mode: "schedule" | "completion" } | null;
  reminders?: ({ before: string } | { at: string })[];
  status: "open" | "completed";
  /** RFC 3339 UTC */
  completedAt?: string;
  /** RFC 3339 UTC */
  createdAt?: string;
  /** Index in `tasks`, always less than the task's own. */
  parentIndex?: number;
  /** Where it starts in the file, from 1. */
  line: number;
}

export interface Problem {
  /** From 1 */
  line: number;
  /** Names the rule, and whether the task was skipped or imported without something. */
  message: string;
}

export interface ImportResult {
  tasks: ImportedTask[];
  problems: Problem[];
  /** How many records of the file became no task; each of them has a problem. */
  skipped: number;
}

const MAX_TITLE = 500;
const MAX_NOTES = 50_000;
const MAX_TAGS = 50;
const MAX_TAG = 50;
const MAX_REMINDERS = 20;
const MAX_RULE = 500;

/** A tag from free text: white space, commas and # inside become `-`, cut at 50; null when nothing is left. */
export function toTag(text: string): string | null {
  const tag = cut(text.split(/[\s,#]+/).filter((part) => part !== "").join("-"), MAX_TAG);
  return tag === "" ? null : tag;
}

/** The first `length` UTF-16 units, never half a character. */
function cut(text: string, length: number): string {
  const end = /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) ? length - 1 : length;
  return text.slice(0, end);
}

/** The limit that a task breaks, as a message, or null. */
export function limitProblem(task: ImportedTask): string | null {
  const tags = task.tags?.length ?? 0;
  const reminders = task.reminders?.length ?? 0;
  const notes = task.notes?.length ?? 0;
  if (task.title === "") return "skipped, as a title must hold 1 to 500 characters: it holds none";
  if (task.title.length > MAX_TITLE) {
    return `skipped, as a title must hold 1 to 500 characters: it holds ${task.title.length}`;
  }
  if (notes > MAX_NOTES) return `skipped, as notes must hold up to 50000 characters: they hold ${notes}`;
  if (tags > MAX_TAGS) return `skipped, as a task must hold up to 50 tags: it holds ${tags}`;
  if (reminders > MAX_REMINDERS) {
    return `skipped, as a task must hold up to 20 reminders: it holds ${reminders}`;
  }
  return null;
}

/** Checks and normalises rules; remembers them, since a file repeats a few. */
export class RuleReader {
  #known = new Map<string, { rule: string } | { problem: string }>();

  /** The normal form of an RRULE, or the reason why it cannot be one of Rondo's. */
  read(rule: string): { rule: string } | { problem: string } {
    const known = this.#known.get(rule);
    if (known !== undefined) return known;
    const answer = this.#check(rule);
    if (this.#known.size < 10_000) this.#known.set(rule, answer);
    return answer;
  }

  #check(rule: string): { rule: string } | { problem: string } {
    if (rule.length > MAX_RULE) return { problem: "must hold up to 500 characters" };
    const problem = checkRule(rule);
    return problem === null ? { rule: normalizeRecurrence({ rule }).rule } : { problem };
  }
}

/** A civil date that exists, from `YYYY-MM-DD`, or null; years 1000 to 9998, so that any zone keeps four digits. */
export function civilDate(text: string): Temporal.PlainDate | null {
  if (!/^[1-9]\d{3}-\d{2}-\d{2}$/.test(text) || text.startsWith("9999")) return null;
  try {
    return Temporal.PlainDate.from(text, { overflow: "reject" });
  } catch {
    return null;
  }
}

/** Whether `text` is a civil time `HH:MM`. */
export function isCivilTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
}

/** The RFC 3339 instant at which a day starts in a zone. */
export function startOfDay(date: Temporal.PlainDate, timeZone: string): string {
  return formatInstant(date.toZonedDateTime(timeZone).toInstant());
}

/** The lines of a file of any line ending, without a byte order mark. */
export function linesOf(text: string): string[] {
  return text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
}

/** Collects what an import finds. */
export class Import {
  readonly tasks: ImportedTask[] = [];
  readonly problems: Problem[] = [];
  readonly rules = new RuleReader();
  skipped = 0;

  /** A problem that costs the task something, but not its place. */
  problem(line: number, message: string): void {
    this.problems.push({ line, message });
  }

  /** A record that becomes no task. */
  skip(line: number, message: string): void {
    this.problem(line, message);
    this.skipped++;
  }

  /** Takes a task within the limits and gives its index, or skips it with a problem and gives null. */
  add(task: ImportedTask): number | null {
    const problem = limitProblem(task);
    if (problem === null) return this.tasks.push(task) - 1;
    this.skip(task.line, problem);
    return null;
  }

  /** The result, problems in the order of the file. */
  result(): ImportResult {
    const problems = this.problems.toSorted((a, b) => a.line - b.line);
    return { tasks: this.tasks, problems, skipped: this.skipped };
  }
}
