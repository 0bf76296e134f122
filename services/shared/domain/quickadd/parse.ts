/**
 * Quick add: one line of text to the fields of a task, deterministic, in linear time, without a network.
 *
 * - A list is `@Work` or `@"two words"`; `/` stays free for paths.
 * - Text between balanced quotes is never parsed and its quotes are dropped; an unbalanced quote stays.
 * - Of two dates, times, recurrences, lists or priorities the last one counts, the others stay in the title.
 */
import {
  type Context,
  dateAt,
  type DateValue,
  endsBefore,
  plus,
  type Read,
  shift,
  timeAt,
  type TimeValue,
} from "./dates.ts";
import { english, type Lexicon, type Priority } from "./lexicon_en.ts";
import {
  type Bound,
  boundAt,
  firstDay,
  recurrenceAt,
  type RecurrenceValue,
  ruleText,
} from "./recurrences.ts";
import { type Word, wordsOf } from "./words.ts";

export interface QuickAddOptions {
  now: Temporal.Instant;
  /** IANA zone in which "today" is said. */
  timeZone: string;
  /** Default monday. */
  weekStart?: "monday" | "sunday" | "saturday";
  /** Keys of chips that the user dismissed: their text stays in the title. */
  dismissed?: string[];
  /** Default English. */
  lexicon?: Lexicon;
}

export type ChipKind = "due" | "time" | "recurrence" | "tag" | "list" | "priority" | "reminder";

export interface Chip {
  /** Stable while the rest of the text changes; unique in a parse. */
  key: string;
  kind: ChipKind;
  text: string;
  /** UTF-16 offsets in the input. */
  start: number;
  end: number;
  /** What it means, for people. */
  label: string;
}

export interface QuickAddFields {
  due?: { date: string; time: string | null; timeZone: null };
  recurrence?: { rule: string; mode: "schedule" | "completion" };
  reminders?: { before: string }[];
  tags?: string[];
  /** A name; the caller finds the list. */
  list?: string;
  priority?: Priority;
}

export interface QuickAddResult {
  title: string;
  fields: QuickAddFields;
  chips: Chip[];
}

type Meaning =
  | { kind: "due"; value: DateValue }
  | { kind: "time"; value: TimeValue }
  | { kind: "recurrence"; value: RecurrenceValue }
  | { kind: "bound"; value: Bound }
  | { kind: "tag"; value: string }
  | { kind: "list"; value: string }
  | { kind: "priority"; value: Priority }
  | { kind: "reminder"; value: string };

type Candidate = { start: number; end: number; next: number; key: string } & Meaning;
type Found = Read<unknown> & Meaning;

const WEEK_STARTS = { monday: 1, saturday: 6, sunday: 7 } as const;
const MAX_TAGS = 50;
const MAX_REMINDERS = 20;

/**
 * Reads a task from one line of text; any string is accepted, and an empty title means that all of it was read.
 *
 * @returns the title that is left, the fields, and a chip for each piece of the text that became a field
 */
export function parseQuickAdd(text: string, options: QuickAddOptions): QuickAddResult {
  const zoned = options.now.toZonedDateTimeISO(options.timeZone);
  const now = zoned.toPlainDateTime();
  const context: Context = {
    words: wordsOf(text),
    lexicon: options.lexicon ?? english,
    zoned,
    now,
    today: now.toPlainDate(),
    weekStart: WEEK_STARTS[options.weekStart ?? "monday"],
  };
  const candidates = findCandidates(context, text, new Set(options.dismissed));
  const { fields, used } = resolve(context, candidates);
  const chips = candidates.filter((one) => used.has(one)).map((one) => chipOf(context, text, one, fields));
  return { title: titleOf(context.words, chips), fields, chips };
}

function findCandidates(context: Context, text: string, dismissed: Set<string>): Candidate[] {
  const found: Candidate[] = [];
  const seen = new Map<string, number>();
  let touching: Candidate["kind"] | null = null;
  for (let i = 0; i < context.words.length;) {
    const word = context.words[i];
    const match: Found | null = word === undefined ? null : matchAt(context, i, word, touching);
    touching = null;
    if (word === undefined || match === null) {
      i++;
      continue;
    }
    const last = context.words[match.next - 1];
    // A comma behind a phrase goes with it; a full stop ends the sentence of the title.
    const comma = last !== undefined && match.end === last.coreEnd && /^[,;:]$/.test(last.trail);
    const end = comma ? match.end + 1 : i === 0 && last !== undefined ? last.end : match.end;
    const kind = match.kind === "bound" ? "recurrence" : match.kind;
    const said = `${kind}:${text.slice(word.start, match.end).toLowerCase().replace(/\s+/g, " ")}`;
    const times = (seen.get(said) ?? 0) + 1;
    seen.set(said, times);
    const key = times === 1 ? said : `${said}:${times}`;
    if (!dismissed.has(key)) {
      const candidate: Candidate = { ...match, start: word.start, end, key };
      found.push(candidate);
      if (!comma) touching = match.kind;
    }
    i = match.next;
  }
  return found;
}

function matchAt(context: Context, i: number, word: Word, touching: Candidate["kind"] | null): Found | null {
  if (word.quoted !== null) {
    const name = word.quoted.trim();
    if (!word.quotedList || name === "" || name.length > 100) return null;
    return { next: i + 1, end: word.end, kind: "list", value: name };
  }
  if (!word.spaced) return null;
  const sigil = sigilAt(context, i, word);
  if (sigil !== null) return sigil;
  const recurrence = recurrenceAt(context, i);
  if (recurrence !== null) return { ...recurrence, kind: "recurrence" };
  const after = touching === "recurrence" || touching === "bound";
  const bound = boundAt(context, i, after || touching === "time");
  if (bound !== null) return { ...bound, kind: "bound" };
  const start = startAt(context, i, after) ?? dateAt(context, i);
  if (start !== null) return { ...start, kind: "due" };
  // "*at 8:30" is no duration before the due, so it stays whole.
  if (context.words[i - 1]?.core === `*${context.lexicon.at}`) return null;
  const time = timeAt(context, i, after || touching === "due");
  return time === null ? null : { ...time, kind: "time" };
}

function startAt(context: Context, i: number, touching: boolean): Read<DateValue> | null {
  const { core = "", trail = "" } = context.words[i] ?? {};
  const { lexicon } = context;
  const leads = lexicon.starting.has(core) || (touching && lexicon.startingAfter.has(core));
  return leads && trail === "" ? dateAt(context, i + 1, true) : null;
}

function sigilAt(context: Context, i: number, word: Word): Found | null {
  const one = { next: i + 1, end: word.coreEnd };
  const core = word.text.slice(0, word.coreEnd - word.start);
  switch (word.text.charAt(0)) {
    case "#":
      // "#1" is a number, "C#" and "https://x/#part" do not start with the sigil.
      if (!/^#[^\s,#"“”]{1,50}$/.test(core) || !/\p{L}/u.test(core)) return null;
      return { ...one, kind: "tag", value: core.slice(1) };
    case "@":
      if (!/^@\p{L}[^\s@"“”]{0,99}$/u.test(core)) return null;
      return { ...one, kind: "list", value: core.slice(1) };
    case "*":
      return reminderAt(context, i);
    default: {
      // "!!" is all punctuation, so its core is empty: the word as typed decides.
      const whole = context.lexicon.priorities.get(word.text.toLowerCase());
      if (whole !== undefined && word.text.startsWith("!")) {
        return { next: i + 1, end: word.end, kind: "priority", value: whole };
      }
      const value = context.lexicon.priorities.get(word.core);
      // "P1 incident" is a title
      const typed = word.text.startsWith(word.core) || endsBefore(context, i + 1, false);
      return value === undefined || !typed ? null : { ...one, kind: "priority", value };
    }
  }
}

/** `*30m`, `*1h30m`, `*2 days`, each with "before" or without (durations of RFC 5545, section 3.3.6). */
function reminderAt(context: Context, i: number): Found | null {
  const { lexicon, words } = context;
  const word = words[i];
  const pieces = word?.core.match(/\d+|\D+/g);
  if (word === undefined || pieces?.[0] !== "*") return null;
  let last = i;
  const amounts = pieces.slice(1);
  if (amounts.length === 1 && word.trail === "") {
    last = i + 1;
    amounts.push(words[last]?.core ?? "");
  }
  const before = durationOf(amounts, lexicon);
  if (before === null) return null;
  const next = words[last + 1];
  if (next !== undefined && words[last]?.trail === "" && lexicon.before.has(next.core)) last++;
  return { next: last + 1, end: words[last]?.coreEnd ?? 0, kind: "reminder", value: before };
}

function durationOf(amounts: string[], lexicon: Lexicon): string | null {
  let days = "";
  let clock = "";
  if (amounts.length === 0 || amounts.length > 8 || amounts.length % 2 === 1) return null;
  for (let k = 0; k < amounts.length; k += 2) {
    const [count = "", unit = ""] = amounts.slice(k, k + 2);
    const letter = lexicon.reminderUnits.get(unit);
    if (letter === undefined || !/^\d{1,3}$/.test(count)) return null;
    const part = `${Number(count)}${letter}`;
    if (letter === "D" || letter === "W") days += part;
    else clock += part;
  }
  // Each unit once, the larger first, as ISO 8601 writes it.
  if (!/^(\d+W)?(\d+D)?$/.test(days) || !/^(\d+H)?(\d+M)?$/.test(clock)) return null;
  return `P${days}${clock === "" ? "" : `T${clock}`}`;
}

function resolve(
  context: Context,
  candidates: Candidate[],
): { fields: QuickAddFields; used: Set<Candidate> } {
  const used = new Set<Candidate>();
  const fields: QuickAddFields = {};
  const last = <K extends Candidate["kind"]>(kind: K) => {
    const one = candidates.findLast((candidate): candidate is Candidate & { kind: K } =>
      candidate.kind === kind
    );
    if (one !== undefined) used.add(one);
    return one;
  };
  const list = last("list");
  if (list !== undefined) fields.list = list.value;
  const priority = last("priority");
  if (priority !== undefined) fields.priority = priority.value;
  const tags = new Set<string>();
  const reminders = new Set<string>();
  for (const one of candidates) {
    if (one.kind === "tag" && (tags.has(one.value) || tags.size < MAX_TAGS)) {
      tags.add(one.value);
      used.add(one);
    }
    if (one.kind === "reminder" && (reminders.has(one.value) || reminders.size < MAX_REMINDERS)) {
      reminders.add(one.value);
      used.add(one);
    }
  }
  if (tags.size > 0) fields.tags = [...tags];
  if (reminders.size > 0) fields.reminders = [...reminders].map((before) => ({ before }));

  const due = last("due");
  const recurrence = last("recurrence");
  const clock = last("time");
  const bound = recurrence === undefined ? undefined : last("bound");
  if (due === undefined && recurrence === undefined && clock === undefined) return { fields, used };

  const said = clock === undefined
    ? undefined
    : clock.value.bare
    ? shift(clock.value.time, due?.value.evening === true)
    : clock.value.time;
  const time = said ?? due?.value.time ?? recurrence?.value.time ?? null;
  const passed = time !== null && Temporal.PlainTime.compare(time, context.now.toPlainTime()) < 0;
  let date = due?.value.date ?? (passed ? context.today.add({ days: 1 }) : context.today);
  if (recurrence !== undefined) {
    const { rule, mode } = recurrence.value;
    date = firstDay(rule, date);
    const end = bound === undefined ? "" : boundText(context, bound.value, date);
    if (bound !== undefined && end === "") used.delete(bound);
    fields.recurrence = { rule: ruleText(rule, context.weekStart) + end, mode };
  }
  fields.due = {
    date: date.toString(),
    time: time === null ? null : time.toString({ smallestUnit: "minute" }),
    timeZone: null,
  };
  return { fields, used };
}

/** The part of the rule that ends it, or "" when it would end before it starts. */
function boundText(context: Context, bound: Bound, first: Temporal.PlainDate): string {
  if (bound.kind === "count") return `;COUNT=${bound.count}`;
  const until = bound.kind === "span"
    ? plus(first, bound.count, bound.unit).subtract({ days: 1 })
    : untilDate(context, bound.at, first);
  if (until === null || until.year > 9999) return "";
  return `;UNTIL=${until.toString().replaceAll("-", "")}`;
}

function untilDate(context: Context, at: number, first: Temporal.PlainDate): Temporal.PlainDate | null {
  for (const today of [context.today, first]) {
    const read = dateAt({ ...context, today }, at, true);
    if (read !== null && Temporal.PlainDate.compare(read.value.date, first) >= 0) return read.value.date;
  }
  return null;
}

function chipOf(context: Context, text: string, one: Candidate, fields: QuickAddFields): Chip {
  const { key, start, end } = one;
  const kind = one.kind === "bound" ? "recurrence" : one.kind;
  return { key, kind, text: text.slice(start, end), start, end, label: labelOf(context, text, one, fields) };
}

function labelOf(context: Context, text: string, one: Candidate, fields: QuickAddFields): string {
  const { labels } = context.lexicon;
  const said = text.slice(one.start, one.end).replace(/[,;:\s]+$/, "").replace(/\s+/g, " ");
  switch (one.kind) {
    case "due": {
      const date = Temporal.PlainDate.from(fields.due?.date ?? one.value.date);
      const day = `${labels.weekdays[date.dayOfWeek - 1]} ${date.day} ${labels.months[date.month - 1]}`;
      const year = date.year === context.today.year ? "" : ` ${date.year}`;
      const time = one.value.time === null ? "" : ` ${fields.due?.time ?? ""}`;
      return `${day}${year}${time}`;
    }
    case "time":
      return fields.due?.time ?? "";
    case "recurrence": {
      const plain = said.toLowerCase();
      if (one.value.mode === "schedule") return plain;
      return `${plain.replace("!", "")}, ${labels.afterCompletion}`;
    }
    case "bound":
      return said.toLowerCase();
    case "tag":
      return `#${one.value}`;
    case "list":
      return one.value;
    case "priority":
      return labels.priority(one.value);
    case "reminder":
      return labels.reminder(one.value.replace(/[PT]/g, "").toLowerCase());
  }
}

/** The words outside the chips, one space between them; quoted text keeps its own white space. */
function titleOf(words: Word[], chips: Chip[]): string {
  let title = "";
  let k = 0;
  for (const word of words) {
    while ((chips[k]?.end ?? Infinity) <= word.start) k++;
    const chip = chips[k];
    const inside = chip !== undefined && chip.start <= word.start;
    const from = inside ? Math.min(chip.end, word.end) : word.start;
    if (from === word.end) continue;
    const kept = word.quoted !== null && !word.quotedList ? word.quoted : word.text.slice(from - word.start);
    // What is left of a word after its chip is punctuation: it stands against the word before.
    const space = title === "" || inside || !word.spaced ? "" : " ";
    title += space + kept;
  }
  return title;
}
