/**
 * Todoist's CSV template: a row is a task, a section, a note of the task before it, or nothing of ours.
 *
 * A section is a list, INDENT gives parents, `@label` in CONTENT is a tag, DATE is read by the quick-add grammar
 * in the row's TIMEZONE. DEADLINE and DURATION, which a task has no field for, become lines of the notes.
 */
import Papa from "papaparse";
import { parseQuickAdd } from "../quickadd/mod.ts";
import { isTimeZone } from "../time.ts";
import { Import, type ImportedTask, type ImportOptions, type ImportResult, toTag } from "./imported.ts";

type Row = (column: string) => string;

interface State {
  found: Import;
  options: ImportOptions;
  listName: string | undefined;
  /** Tasks that may take a child, by indent; null = that one was skipped. */
  parents: (number | null)[];
  /** What a note row belongs to. */
  last: ImportedTask | null;
}

const PRIORITIES = new Map(
  [["1", "urgent"], ["2", "high"], ["3", "medium"], ["4", "low"], ["", "medium"]] as const,
);
const ENGLISH = new Set(["", "en"]);

/** Reads a Todoist CSV template or backup; a row that is no task, section or note is a problem. */
export function parseTodoistCsv(text: string, options: ImportOptions): ImportResult {
  const found = new Import();
  const state: State = { found, options, listName: undefined, parents: [], last: null };
  const source = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  let columns: Map<string, number> | null = null;
  let line = 1;
  let counted = 0;
  let stopped = false;
  Papa.parse<string[]>(source, {
    delimiter: ",",
    newline: "\n",
    step: ({ data, meta, errors }, parser) => {
      const start = line;
      line += newlines(source, counted, meta.cursor);
      counted = meta.cursor;
      if (data.every((cell) => cell.trim() === "")) return;
      if (columns === null) {
        columns = new Map(data.map((name, k) => [name.trim().toUpperCase(), k]));
        if (columns.has("TYPE") && columns.has("CONTENT")) return;
        stopped = true;
        parser.abort();
        return;
      }
      const places = columns;
      readRow((column) => data[places.get(column) ?? -1] ?? "", start, errors[0]?.message ?? null, state);
    },
  });
  if (stopped) found.problem(1, "nothing imported, as the first row must name the columns TYPE and CONTENT");
  return found.result();
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at !== -1 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function readRow(row: Row, line: number, quotes: string | null, state: State): void {
  const { found } = state;
  const type = row("TYPE").trim().toLowerCase();
  if (type === "" || type === "meta") {
    // Todoist parts sections with rows of commas, and leads with its own view settings.
    if (type === "" && row("CONTENT").trim() !== "") {
      found.skip(line, "skipped, as TYPE must be task, section or note");
    }
    return;
  }
  const content = row("CONTENT");
  if (quotes !== null) {
    return forget(state, type, line, `skipped, as quotes must be closed and doubled inside: ${quotes}`, row);
  }
  if (content.includes("\0") || row("DESCRIPTION").includes("\0")) {
    return forget(state, type, line, "skipped, as text must not hold a NUL character", row);
  }
  switch (type) {
    case "task":
      return readTask(row, line, state);
    case "section": {
      const name = content.trim();
      state.parents = [];
      state.last = null;
      if (name === "" || name.length > 100) {
        state.listName = undefined;
        return found.problem(
          line,
          "its tasks are imported without a list, as a section must hold 1 to 100 characters",
        );
      }
      state.listName = name;
      return;
    }
    case "note":
      return readNote(content, line, state);
    default:
      found.skip(line, `skipped, as TYPE must be task, section or note: ${type.slice(0, 40)}`);
  }
}

/** Skips a row; a task's children and notes must not go to the task before it. */
function forget(state: State, type: string, line: number, message: string, row: Row): void {
  state.found.skip(line, message);
  if (type !== "task") return;
  state.last = null;
  place(state, Number(row("INDENT")) || 1, null);
}

function place(state: State, indent: number, index: number | null): void {
  state.parents.length = Math.min(state.parents.length, Math.max(indent, 1) - 1);
  state.parents[state.parents.length] = index;
}

function readNote(content: string, line: number, { found, last }: State): void {
  const text = content.trim();
  if (text === "") return;
  if (last === null) return found.skip(line, "skipped, as a note needs a task before it that was imported");
  const notes = last.notes === undefined ? text : `${last.notes}\n\n${text}`;
  if (notes.length > 50_000) return found.skip(line, "skipped, as notes must hold up to 50000 characters");
  last.notes = notes;
}

function readTask(row: Row, line: number, state: State): void {
  const { found } = state;
  const tags = new Set<string>();
  const title: string[] = [];
  for (const word of row("CONTENT").split(/\s+/)) {
    const tag = /^@\S/.test(word) ? toTag(word.slice(1)) : null;
    if (tag === null) title.push(word);
    else tags.add(tag);
  }
  const task: ImportedTask = {
    title: title.join(" ").trim(),
    status: "open",
    due: null,
    recurrence: null,
    line,
  };
  if (tags.size > 0) task.tags = [...tags];
  if (state.listName !== undefined) task.listName = state.listName;
  const notes = notesOf(row);
  if (notes !== "") task.notes = notes;
  task.priority = readPriority(row("PRIORITY").trim(), line, found);
  const indent = readIndent(row("INDENT").trim(), line, state);
  const parent = state.parents[Math.min(indent - 1, state.parents.length) - 1];
  if (typeof parent === "number") task.parentIndex = parent;
  readDate(row, task, state);
  const index = found.add(task);
  if (index !== null && parent === null) {
    found.problem(line, "imported without its parent, as that row was skipped");
  }
  state.last = index === null ? null : task;
  place(state, indent, index);
}

function notesOf(row: Row): string {
  const parts = [row("DESCRIPTION").trim()];
  const deadline = row("DEADLINE").trim();
  const duration = row("DURATION").trim();
  if (deadline !== "") parts.push(`Deadline: ${deadline}`);
  if (duration !== "" && duration !== "None") {
    parts.push(`Duration: ${duration} ${row("DURATION_UNIT").trim()}`.trim());
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

function readPriority(text: string, line: number, found: Import): ImportedTask["priority"] {
  const priority = [...PRIORITIES].find(([name]) => name === text)?.[1];
  if (priority === undefined) {
    found.problem(line, `imported as medium, as PRIORITY must be 1 to 4: ${text.slice(0, 40)}`);
  }
  return priority ?? "medium";
}

function readIndent(text: string, line: number, { found }: State): number {
  if (text === "" || /^[1-9]\d{0,2}$/.test(text)) return Number(text || 1);
  found.problem(line, `imported without its parent, as INDENT must be 1 or more: ${text.slice(0, 40)}`);
  return 1;
}

function readDate(row: Row, task: ImportedTask, { found, options }: State): void {
  const text = row("DATE").trim();
  if (text === "") return;
  const language = row("DATE_LANG").trim().toLowerCase();
  const shown = text.slice(0, 80);
  if (!ENGLISH.has(language)) {
    return found.problem(
      task.line,
      `imported without its date, as DATE_LANG must be en: ${language.slice(0, 20)}, ${shown}`,
    );
  }
  const zone = row("TIMEZONE").trim();
  const known = zone !== "" && isTimeZone(zone);
  if (zone !== "" && !known) {
    found.problem(
      task.line,
      `imported without its zone, as TIMEZONE must be an IANA time zone: ${zone.slice(0, 64)}`,
    );
  }
  const { title, fields } = parseQuickAdd(text, {
    now: options.now,
    timeZone: known ? zone : options.timeZone,
  });
  // A weekday or a "at" that is left over says that a part of the date was not understood.
  if (fields.due === undefined || /[\p{L}\p{N}]/u.test(title)) {
    return found.problem(
      task.line,
      `imported without its date, as DATE must be one that quick add reads: ${shown}`,
    );
  }
  if (fields.recurrence !== undefined) {
    const read = found.rules.read(fields.recurrence.rule);
    if ("problem" in read) {
      found.problem(task.line, `imported without its recurrence, as the rule ${read.problem}: ${shown}`);
    } else task.recurrence = { rule: read.rule, mode: fields.recurrence.mode };
  }
  task.due = { ...fields.due, timeZone: known && fields.due.time !== null ? zone : null };
}
