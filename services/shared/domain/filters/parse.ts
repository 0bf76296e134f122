/**
 * Saved filters: one line of text to a condition on tasks, such as `(today | overdue) & !high & #home`.
 *
 *     query     = condition *( "," condition )          each condition is a section of its own
 *     condition = both *( "|" both )                    or
 *     both      = one *( "&" one )                      and, binds tighter
 *     one       = "!" one / "(" condition ")" / term    not
 *
 * A term is what stands between these signs: words of a closed list (`no date`, `urgent`), a sigil with a name
 * (`#home`, `/Work`), or a field with a value (`due before: friday`). Quotes keep a value in one piece. Dates in
 * words are those of quick add, and are resolved here: a query is read anew each day.
 */
import { parseQuickAdd } from "../quickadd/mod.ts";

export type FilterPriority = "low" | "medium" | "high" | "urgent";
/** What a task can be asked without a value. */
export type Flag =
  | "all"
  | "overdue"
  | "upcoming"
  | "no-date"
  | "has-time"
  | "recurring"
  | "reminder"
  | "subtask"
  | "has-subtasks"
  | "no-tags"
  | "inbox";
export type DateField = "due" | "created" | "changed";

export type Condition =
  | { kind: "and" | "or"; parts: Condition[] }
  | { kind: "not"; part: Condition }
  | { kind: "flag"; flag: Flag }
  | { kind: "priority"; priority: FilterPriority }
  /** A name; `*` stands for any characters. */
  | { kind: "tag" | "list"; name: string }
  | { kind: "search"; words: string[] }
  /** Days `YYYY-MM-DD`, both inclusive; null is open. */
  | { kind: "date"; field: DateField; from: string | null; to: string | null };

export interface FilterSection {
  /** As written, for a heading. */
  text: string;
  condition: Condition;
}

export interface FilterProblem {
  /** UTF-16 offsets of what is wrong in the query. */
  start: number;
  end: number;
  /** The rule that is broken, as a sentence. */
  message: string;
}

export type ParsedFilter =
  | { ok: true; sections: FilterSection[] }
  | { ok: false; problem: FilterProblem };

export interface FilterClock {
  now: Temporal.Instant;
  /** IANA zone in which "today" is said. */
  timeZone: string;
  weekStart?: "monday" | "sunday" | "saturday";
}

/** Deeper nesting than this is no question that a person asks. */
const MAX_DEPTH = 50;

class Refusal extends Error {
  constructor(readonly problem: FilterProblem) {
    super(problem.message);
  }
}

interface Token {
  sign: "(" | ")" | "&" | "|" | "!" | "," | "end" | "term";
  text: string;
  start: number;
  end: number;
}

/** Reads a query; never throws, a query that breaks a rule is answered with the place and the rule. */
export function parseFilter(query: string, clock: FilterClock): ParsedFilter {
  try {
    return { ok: true, sections: new Reader(query, clock).sections() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.problem };
    throw error;
  }
}

function refuse(at: { start: number; end: number }, message: string): never {
  throw new Refusal({ start: at.start, end: at.end, message });
}

const BETWEEN = "Two conditions must have “&” or “|” between them.";
const SIGNS = new Set(["(", ")", "&", "|", ","]);

function tokensOf(query: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < query.length) {
    const sign = query.charAt(at);
    if (/\s/.test(sign)) {
      at++;
      continue;
    }
    if (SIGNS.has(sign) || sign === "!") {
      tokens.push({ sign: sign as Token["sign"], text: sign, start: at, end: at + 1 });
      at++;
      continue;
    }
    const start = at;
    while (at < query.length && !SIGNS.has(query.charAt(at))) {
      if (query.charAt(at) === '"') {
        const close = query.indexOf('"', at + 1);
        if (close < 0) refuse({ start: at, end: query.length }, "A quote must be closed by a second one.");
        at = close;
      }
      at++;
    }
    const text = query.slice(start, at).trimEnd();
    tokens.push({ sign: "term", text, start, end: start + text.length });
  }
  tokens.push({ sign: "end", text: "", start: query.length, end: query.length });
  return tokens;
}

class Reader {
  readonly #tokens: Token[];
  #at = 0;

  constructor(readonly query: string, readonly clock: FilterClock) {
    this.#tokens = tokensOf(query);
  }

  sections(): FilterSection[] {
    const sections: FilterSection[] = [];
    do {
      const { start } = this.#peek();
      const condition = this.#either(0);
      const { end } = this.#tokens[this.#at - 1] ?? { end: start };
      sections.push({ text: this.query.slice(start, end), condition });
    } while (this.#take(","));
    const left = this.#peek();
    if (left.sign === ")") refuse(left, "A “)” must have its “(” before it.");
    if (left.sign !== "end") refuse(left, BETWEEN);
    return sections;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ??
      { sign: "end", text: "", start: this.query.length, end: this.query.length };
  }

  #take(sign: Token["sign"]): boolean {
    if (this.#peek().sign !== sign) return false;
    this.#at++;
    return true;
  }

  #either(depth: number): Condition {
    return this.#joined("or", "|", () => this.#both(depth));
  }

  #both(depth: number): Condition {
    return this.#joined("and", "&", () => this.#one(depth));
  }

  #joined(kind: "and" | "or", sign: "&" | "|", read: () => Condition): Condition {
    const parts = [read()];
    while (this.#take(sign)) parts.push(read());
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind, parts };
  }

  #one(depth: number): Condition {
    const token = this.#peek();
    if (depth > MAX_DEPTH) refuse(token, `Conditions must not be nested deeper than ${MAX_DEPTH}.`);
    if (this.#take("!")) return { kind: "not", part: this.#one(depth + 1) };
    if (this.#take("(")) {
      const inside = this.#either(depth + 1);
      if (!this.#take(")")) {
        const found = this.#peek();
        if (found.sign === "end") refuse(token, "A “(” must be closed by a “)”.");
        refuse(
          found,
          found.sign === "," ? "A comma parts whole filters: it must not stand inside “( )”." : BETWEEN,
        );
      }
      return inside;
    }
    if (token.sign !== "term") {
      const before = this.#tokens[this.#at - 1];
      const after = before === undefined ? "A filter must begin with" : `After “${before.text}” must come`;
      refuse(token, `${after} a condition, such as today or #home.`);
    }
    this.#at++;
    return readTerm(token, this.clock);
  }
}

const FLAGS: Record<string, Flag> = {
  "all": "all",
  "overdue": "overdue",
  "over due": "overdue",
  "od": "overdue",
  "upcoming": "upcoming",
  "no date": "no-date",
  "no due date": "no-date",
  "has time": "has-time",
  "recurring": "recurring",
  "repeats": "recurring",
  "reminder": "reminder",
  "has reminder": "reminder",
  "reminders": "reminder",
  "subtask": "subtask",
  "has subtasks": "has-subtasks",
  "no tags": "no-tags",
  "no tag": "no-tags",
  "inbox": "inbox",
};
/** The opposite of a flag, where people say it with “no” or “has”. */
const OPPOSITES: Record<string, Flag> = {
  "has date": "no-date",
  "no time": "has-time",
  "not recurring": "recurring",
  "no repeat": "recurring",
  "no reminder": "reminder",
  "no reminders": "reminder",
  "no subtasks": "has-subtasks",
  "has tags": "no-tags",
};
const PRIORITIES: Record<string, FilterPriority> = {
  "urgent": "urgent",
  "high": "high",
  "medium": "medium",
  "low": "low",
  "p1": "urgent",
  "p2": "high",
  "p3": "medium",
  "p4": "low",
};

interface FieldSpec {
  field: DateField;
  reads: "on" | "before" | "after";
}
const DATE_FIELDS: Record<string, FieldSpec> = Object.fromEntries(
  ([["due", "due"], ["date", "due"], ["created", "created"], ["added", "created"], ["changed", "changed"], [
    "updated",
    "changed",
  ]] as const).flatMap(([name, field]) => [
    [name, { field, reads: "on" }],
    [`${name} before`, { field, reads: "before" }],
    [`${name} after`, { field, reads: "after" }],
  ]),
);
const OTHER_FIELDS = new Set(["search", "tag", "list", "priority"]);

function readTerm(token: Token, clock: FilterClock): Condition {
  const { text } = token;
  const sigil = text.charAt(0);
  if (sigil === "#") {
    const space = /\s/.exec(text);
    if (space !== null) {
      const rest = text.slice(space.index).trimStart();
      refuse({ start: token.end - rest.length, end: token.end }, BETWEEN);
    }
    return { kind: "tag", name: nameOf(token, text.slice(1), "A “#” must be followed by a tag") };
  }
  if (sigil === "/" || sigil === "@") {
    return { kind: "list", name: nameOf(token, text.slice(1), `A “${sigil}” must be followed by a list`) };
  }
  const colon = colonOf(text);
  if (colon >= 0) return readField(token, colon, clock);
  const words = text.toLowerCase().replace(/\s+/g, " ");
  if (Object.hasOwn(FLAGS, words)) return { kind: "flag", flag: FLAGS[words] ?? "all" };
  if (Object.hasOwn(OPPOSITES, words)) {
    return { kind: "not", part: { kind: "flag", flag: OPPOSITES[words] ?? "all" } };
  }
  const priority = Object.hasOwn(PRIORITIES, words) ? PRIORITIES[words] : undefined;
  if (priority !== undefined) return { kind: "priority", priority };
  const span = /^(?:next )?(\d{1,4}) days$/.exec(words);
  if (span !== null) {
    const today = todayOf(clock);
    const to = today.add({ days: Math.max(0, Number(span[1]) - 1) });
    return { kind: "date", field: "due", from: today.toString(), to: to.toString() };
  }
  const day = dayOf(words, clock);
  if (day !== null) return { kind: "date", field: "due", from: day, to: day };
  const signs = /\s([!#/@])/.exec(text);
  if (signs !== null) {
    const at = token.start + signs.index + 1;
    refuse({ start: at, end: token.end }, BETWEEN);
  }
  return refuse(token, `“${short(text)}” is no condition; to look for words write search: ${short(text)}`);
}

/** The colon behind the name of a field, or -1: one inside a value is none. */
function colonOf(text: string): number {
  const match = /^[a-z ]+:/i.exec(text);
  return match === null ? -1 : match[0].length - 1;
}

function readField(token: Token, colon: number, clock: FilterClock): Condition {
  const name = token.text.slice(0, colon).trim().toLowerCase().replace(/\s+/g, " ");
  const raw = token.text.slice(colon + 1);
  const start = token.start + colon + 1 + (raw.length - raw.trimStart().length);
  const value = raw.trim();
  const at = { start: Math.min(start, token.end), end: token.end };
  const spec = Object.hasOwn(DATE_FIELDS, name) ? DATE_FIELDS[name] : undefined;
  if (spec === undefined && !OTHER_FIELDS.has(name)) {
    refuse(
      { start: token.start, end: token.start + colon + 1 },
      `“${
        short(name)
      }:” is no field; there are search:, tag:, list:, priority:, due:, due before:, due after:, created: and changed:.`,
    );
  }
  if (value === "") refuse({ start: token.start, end: token.end }, `“${name}:” must be followed by a value.`);
  if (spec !== undefined) return readDate(spec, name, value, at, clock);
  switch (name) {
    case "search":
      return { kind: "search", words: searchWords(value, at) };
    case "tag":
      return { kind: "tag", name: nameOf(at, value.replace(/^#/, ""), "“tag:” must be followed by a tag") };
    case "list":
      return {
        kind: "list",
        name: nameOf(at, value.replace(/^[/@]/, ""), "“list:” must be followed by a list"),
      };
    default: {
      const priority = Object.hasOwn(PRIORITIES, value.toLowerCase())
        ? PRIORITIES[value.toLowerCase()]
        : undefined;
      if (priority === undefined) refuse(at, "A priority must be urgent, high, medium or low.");
      return { kind: "priority", priority };
    }
  }
}

function readDate(
  { field, reads }: FieldSpec,
  name: string,
  value: string,
  at: { start: number; end: number },
  clock: FilterClock,
): Condition {
  const day = dayOf(value, clock);
  if (day === null) {
    refuse(at, `“${name}:” must be followed by a date, such as friday, +3 days or 2027-01-31.`);
  }
  const date = Temporal.PlainDate.from(day);
  switch (reads) {
    case "on":
      return { kind: "date", field, from: day, to: day };
    case "before":
      return { kind: "date", field, from: null, to: date.subtract({ days: 1 }).toString() };
    case "after":
      return { kind: "date", field, from: date.add({ days: 1 }).toString(), to: null };
  }
}

const unquoted = (text: string) => text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;

function nameOf(at: { start: number; end: number }, text: string, rule: string): string {
  const name = unquoted(text).trim();
  if (name === "") refuse(at, `${rule}.`);
  return name;
}

function searchWords(value: string, at: { start: number; end: number }): string[] {
  const words = [...value.matchAll(/"([^"]*)"|[^\s"]+/g)].map(([whole, quoted]) => fold(quoted ?? whole))
    .filter((word) => word.trim() !== "");
  if (words.length === 0) refuse(at, "“search:” must be followed by a word.");
  return words;
}

/** Case and accents do not count. */
export const fold = (text: string): string =>
  // Most text has no letter that could carry an accent: it is asked for every task at every key.
  // deno-lint-ignore no-control-regex
  /^[\x00-\x7f]*$/.test(text)
    ? text.toLowerCase()
    : text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

const todayOf = ({ now, timeZone }: FilterClock) => now.toZonedDateTimeISO(timeZone).toPlainDate();

const OFFSET = /^([+-]?)(\d{1,4}) ?(day|week|month|year)s?( ago)?$/;

/** The day that words name, or null. */
function dayOf(text: string, clock: FilterClock): string | null {
  const words = text.toLowerCase().replace(/\s+/g, " ");
  const today = todayOf(clock);
  if (words === "yesterday") return today.subtract({ days: 1 }).toString();
  const offset = OFFSET.exec(words);
  if (offset !== null) {
    const [, sign, count = "0", unit = "day", ago] = offset;
    const back = sign === "-" || ago !== undefined;
    if (sign === "" && ago === undefined) return null;
    if (sign === "+" && ago !== undefined) return null;
    const span = { [`${unit}s`]: back ? -Number(count) : Number(count) };
    return within(today.add(span));
  }
  const { title, fields, chips } = parseQuickAdd(text, clock);
  const onlyADay = title === "" && chips.length === 1 && chips[0]?.kind === "due" &&
    fields.due?.time === null;
  return onlyADay && fields.due !== undefined ? within(Temporal.PlainDate.from(fields.due.date)) : null;
}

/** Days compare as text, so that their years have four digits; one more on either side must have, too. */
function within(date: Temporal.PlainDate): string | null {
  return date.year > 999 && date.year < 9999 ? date.toString() : null;
}

const short = (text: string) => text.length > 30 ? `${text.slice(0, 29)}…` : text;
