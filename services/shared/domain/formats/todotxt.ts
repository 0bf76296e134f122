/**
 * todo.txt (github.com/todotxt/todo.txt), one task a line: `x` and dates, `(A)`, +project, @context, key:value.
 *
 * Read: `due:` (a date, or a date and time), `rec:` (`+` = on schedule, without = from completion), `pri:` of
 * a completed task, `t:` (a threshold, kept as a line of the notes), and Rondo's own `tz:` (the zone of a
 * fixed due), `rrule:` (a rule that `rec:` cannot say, with the same `+`) and `list:` (percent-encoded). Any
 * other key:value stays in the title. A value that cannot be read stays there too, with a problem.
 * Not carried: notes, reminders, subtasks, and words of a title that are themselves of the format.
 */
import type { Task } from "../../contracts/task.ts";
import { isTimeZone } from "../time.ts";
import {
  civilDate,
  Import,
  type ImportedTask,
  type ImportOptions,
  type ImportResult,
  isCivilTime,
  linesOf,
  startOfDay,
  toTag,
} from "./imported.ts";

type Priority = Task["priority"];

export interface TodoTxtOptions {
  /** IANA zone in which a completion or creation instant becomes a date; default UTC. */
  timeZone?: string;
}

const FREQUENCIES = { d: "DAILY", w: "WEEKLY", m: "MONTHLY", y: "YEARLY" } as const;
const WORKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";

/** A/B/C/other = urgent/high/medium/low, as the HTTP API names them. */
function priorityOf(letter: string): Priority {
  return letter === "A" ? "urgent" : letter === "B" ? "high" : letter === "C" ? "medium" : "low";
}

/** Reads a todo.txt file; a line that breaks a limit is skipped with a problem, empty lines are not counted. */
export function parseTodoTxt(text: string, options: ImportOptions): ImportResult {
  const found = new Import();
  linesOf(text).forEach((content, k) => {
    if (content.trim() !== "") parseLine(content, k + 1, found, options);
  });
  return found.result();
}

function parseLine(content: string, line: number, found: Import, options: ImportOptions): void {
  if (content.includes("\0")) {
    found.skip(line, "skipped, as text must not hold a NUL character");
    return;
  }
  const words = content.trim().split(/\s+/);
  const task: ImportedTask = {
    title: "",
    priority: "medium",
    status: "open",
    due: null,
    recurrence: null,
    line,
  };
  let at = readHead(words, task, found, options);
  const state: Line = { task, found, tags: new Set(), title: [], zone: null };
  for (; at < words.length; at++) readWord(words[at] ?? "", state);
  task.title = state.title.join(" ");
  if (state.tags.size > 0) task.tags = [...state.tags];
  if (task.due !== null && task.due !== undefined && state.zone !== null) task.due.timeZone = state.zone;
  if (task.recurrence !== null && task.due === null) {
    task.recurrence = null;
    found.problem(line, "imported without its recurrence, as rec: needs due:");
  }
  found.add(task);
}

/** The mark, the priority and the dates that lead a line; gives the index of the first word of the text. */
function readHead(words: string[], task: ImportedTask, found: Import, options: ImportOptions): number {
  let at = 0;
  if (words[0] === "x" && words.length > 1) {
    task.status = "completed";
    at++;
  }
  const letter = /^\(([A-Z])\)$/.exec(words[at] ?? "")?.[1];
  if (letter !== undefined) {
    task.priority = priorityOf(letter);
    at++;
  }
  const first = civilDate(words[at] ?? "");
  if (first === null) return at;
  if (task.status === "open") {
    task.createdAt = startOfDay(first, options.timeZone);
    return at + 1;
  }
  task.completedAt = startOfDay(first, options.timeZone);
  if (Temporal.Instant.compare(Temporal.Instant.from(task.completedAt), options.now) > 0) {
    delete task.completedAt;
    found.problem(
      task.line,
      `imported without its completion date, as it must not be in the future: ${words[at]}`,
    );
  }
  const second = civilDate(words[at + 1] ?? "");
  if (second !== null) task.createdAt = startOfDay(second, options.timeZone);
  return second === null ? at + 1 : at + 2;
}

interface Line {
  task: ImportedTask;
  found: Import;
  tags: Set<string>;
  title: string[];
  zone: string | null;
}

function readWord(word: string, state: Line): void {
  if (/^[+@]./.test(word)) {
    const tag = toTag(word.slice(1));
    if (tag === null) state.title.push(word);
    else state.tags.add(tag);
    return;
  }
  const [, key, value = ""] = /^([a-z]+):(\S+)$/.exec(word) ?? [];
  const problem = key === undefined ? "" : readPair(key, value, state);
  if (problem === null) return;
  state.title.push(word);
  if (problem !== "") state.found.problem(state.task.line, `kept in the title, as ${problem}: ${word}`);
}

/** Takes a key and gives null; "" when the key is not one of ours, else the rule that its value breaks. */
function readPair(key: string, value: string, state: Line): string | null {
  const { task } = state;
  switch (key) {
    case "due": {
      const [day = "", time = null] = value.split("T", 2);
      if (civilDate(day) === null) return "due: must be a date YYYY-MM-DD that exists";
      if (time !== null && !isCivilTime(time)) return "a time in due: must be HH:MM";
      task.due = { date: day, time, timeZone: null };
      return null;
    }
    case "tz":
      if (!isTimeZone(value)) return "tz: must be an IANA time zone";
      state.zone = value;
      return null;
    case "rec":
      return readRule(recurrenceRule(value), value, "rec:", state);
    case "rrule":
      return readRule(value.replace(/^\+/, ""), value, "rrule:", state);
    case "pri":
      if (!/^[A-Z]$/.test(value)) return "pri: must be a letter from A to Z";
      task.priority = priorityOf(value);
      return null;
    case "t":
      if (civilDate(value) === null) return "t: must be a date YYYY-MM-DD that exists";
      task.notes = `t:${value}`;
      return null;
    case "list":
      return readList(value, task);
    default:
      return "";
  }
}

function readList(value: string, task: ImportedTask): string | null {
  try {
    const name = decodeURIComponent(value).trim();
    if (name === "" || name.length > 100 || name.includes("\0")) return "list: must hold 1 to 100 characters";
    task.listName = name;
    return null;
  } catch {
    return "list: must be percent-encoded";
  }
}

function readRule(rule: string | null, value: string, name: string, { task, found }: Line): string | null {
  if (rule === null) return `${name} must be such as 1d, 2w, +1m, 1y, or 1b for business days`;
  const read = found.rules.read(rule);
  if ("problem" in read) return `${name} ${read.problem}`;
  task.recurrence = { rule: read.rule, mode: value.startsWith("+") ? "schedule" : "completion" };
  return null;
}

/** `+2w` as a rule; five business days are a week, other counts than those have no rule. */
function recurrenceRule(value: string): string | null {
  const [, digits, unit] = /^\+?(\d{1,3})([dwmyb])$/.exec(value) ?? [];
  const count = Number(digits);
  if (unit === undefined || count === 0) return null;
  if (unit === "b") {
    if (count === 1) return WORKDAYS;
    return count % 5 === 0 ? every("WEEKLY", count / 5) : null;
  }
  return unit === "d" || unit === "w" || unit === "m" || unit === "y"
    ? every(FREQUENCIES[unit], count)
    : null;
}

function every(freq: string, interval: number): string {
  return interval === 1 ? `FREQ=${freq}` : `FREQ=${freq};INTERVAL=${interval}`;
}

/**
 * Writes tasks as todo.txt, one line each; the creation date always stands before the title, so that a title
 * that starts with `x`, `(A)` or a date reads back as it is.
 */
export function formatTodoTxt(
  tasks: Task[],
  lists: { id: string; name: string }[],
  options: TodoTxtOptions = {},
): string {
  const names = new Map(lists.map(({ id, name }) => [id, name]));
  const zone = options.timeZone ?? "UTC";
  return tasks.map((task) => `${formatLine(task, names.get(task.listId), zone)}\n`).join("");
}

const LETTERS = { urgent: "A", high: "B", medium: null, low: "D" } as const;

function formatLine(task: Task, list: string | undefined, zone: string): string {
  const day = (instant: string) =>
    Temporal.Instant.from(instant).toZonedDateTimeISO(zone).toPlainDate().toString();
  const letter = LETTERS[task.priority];
  const completed = task.status === "completed";
  const words: string[] = [];
  if (completed) words.push("x", day(task.completedAt ?? task.updatedAt));
  else if (letter !== null) words.push(`(${letter})`);
  words.push(day(task.createdAt), task.title.trim().replace(/[\s\0]+/g, " "));
  for (const tag of task.tags) words.push(`@${tag}`);
  if (task.due !== null) {
    words.push(task.due.time === null ? `due:${task.due.date}` : `due:${task.due.date}T${task.due.time}`);
    if (task.due.timeZone !== null) words.push(`tz:${task.due.timeZone}`);
  }
  if (task.recurrence !== null) words.push(formatRule(task.recurrence));
  const threshold = /^t:\d{4}-\d\d-\d\d$/m.exec(task.notes);
  if (threshold !== null) words.push(threshold[0]);
  // encodeURIComponent refuses half a surrogate pair, which a name could hold.
  if (list !== undefined) words.push(`list:${encodeURIComponent(list.toWellFormed())}`);
  if (completed && letter !== null) words.push(`pri:${letter}`);
  return words.join(" ");
}

function formatRule({ rule, mode }: NonNullable<Task["recurrence"]>): string {
  const plus = mode === "schedule" ? "+" : "";
  if (rule === WORKDAYS) return `rec:${plus}1b`;
  const [, freq, interval = "1"] = /^FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(?:;INTERVAL=(\d+))?$/.exec(rule) ??
    [];
  const unit = Object.entries(FREQUENCIES).find(([, name]) => name === freq)?.[0];
  return unit === undefined ? `rrule:${plus}${rule}` : `rec:${plus}${interval}${unit}`;
}
