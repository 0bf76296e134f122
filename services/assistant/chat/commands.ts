/**
 * Plain commands: what the assistant understands without a language model. Deterministic, in English, no I/O.
 *
 * Dates, tags, lists and priorities are read by the grammar of quick add; texts of tasks are never read as commands.
 */
import type { Priority } from "../../shared/contracts/task.ts";
import {
  parseQuickAdd,
  type QuickAddOptions,
  type QuickAddResult,
} from "../../shared/domain/quickadd/mod.ts";

/** Which tasks a command is about. */
export type Selection =
  | { by: "words"; words: string }
  | { by: "all"; due?: DueRange; tag?: string; list?: string };

/** Days, the last one included; `overdue` is before now. */
export type DueRange = "overdue" | "none" | { from: string; to: string };

/** What to do with what was selected. */
export type Edit =
  | { to: "complete" }
  | { to: "delete" }
  | { to: "reopen" }
  | { to: "restore" }
  | { to: "skip" }
  | { to: "due"; due: NonNullable<QuickAddResult["fields"]["due"]> | null }
  | { to: "priority"; priority: Priority }
  | { to: "list"; list: string }
  | { to: "tag"; add: string[]; remove: string[] }
  | { to: "title"; title: string };

export type Command =
  | { kind: "add"; parsed: QuickAddResult }
  | { kind: "show"; selection: Selection; completed?: DueRange }
  | { kind: "edit"; selection: Selection; edit: Edit }
  | { kind: "new-list"; name: string }
  | { kind: "lists" | "tags" | "notifications" | "undo" | "help" }
  | { kind: "unknown" };

/** No plain command is longer, and every reader looks at all of it. */
const LONGEST = 700;

/** Reads one message. */
export function parseCommand(message: string, options: QuickAddOptions): Command {
  if (message.length > LONGEST) return { kind: "unknown" };
  const text = message.trim().replace(/^(please|hey rondo|rondo)[,:]?\s+/i, "")
    .replace(/^(?:could|can|would|will) you (?:please )?/i, "")
    .replace(/(?:[,\s]+please)?[\s?!.]*$/i, "");
  for (const read of READERS) {
    const command = read(text, options);
    if (command !== null) return command;
  }
  return { kind: "unknown" };
}

type Reader = (text: string, options: QuickAddOptions) => Command | null;

/** A reader of what a pattern matches; null when the rest makes no sense. */
const on = (
  pattern: RegExp,
  read: (groups: string[], options: QuickAddOptions) => Command | null,
): Reader =>
(text, options) => {
  const match = pattern.exec(text);
  return match === null ? null : read(match.slice(1).map((group) => group ?? ""), options);
};

const EDITS: Record<string, "complete" | "delete" | "reopen" | "restore" | "skip"> = {
  "complete": "complete",
  "finish": "complete",
  "check off": "complete",
  "tick off": "complete",
  "done with": "complete",
  "close": "complete",
  "delete": "delete",
  "remove": "delete",
  "trash": "delete",
  "drop": "delete",
  "reopen": "reopen",
  "uncomplete": "reopen",
  "restore": "restore",
  "undelete": "restore",
  "skip": "skip",
};

const READERS: readonly Reader[] = [
  on(/^(?:undo|take (?:it|that) back|revert)(?: (?:that|it|this|the last (?:one|change|turn)))?$/i, () => ({
    kind: "undo",
  })),
  on(/^(?:help|what can you do|commands|how does this work)$/i, () => ({ kind: "help" })),
  on(/^(?:(?:show|list)(?: me)?(?: all)?(?: my)? )?lists$|^what lists (?:do i have|are there)$/i, () => ({
    kind: "lists",
  })),
  on(/^(?:(?:show|list)(?: me)?(?: all)?(?: my)? )?tags$|^what tags (?:do i have|are there)$/i, () => ({
    kind: "tags",
  })),
  on(/^(?:(?:show|list|read)(?: me)?(?: my)?(?: unread)? )?notifications$|^what did i miss$/i, () => ({
    kind: "notifications",
  })),
  on(/^(?:add|create|make|new)(?: a| an)?(?: new)? list(?: called| named|:)? (.+)$/i, ([name = ""]) => ({
    kind: "new-list",
    name: unquoted(name),
  })),
  on(
    /^(?:add(?: a)?(?: new)?(?: task)?(?: to)?|create(?: a)?(?: new)?(?: task)?(?: to)?|new task|new|todo|remind me to|i need to|i have to|don't let me forget(?: to| that)?|(?:jot|write|note) down(?: that)?|note)[: ] *(.+)$/i,
    ([rest = ""], options) => {
      const parsed = parseQuickAdd(rest, options);
      return parsed.title === "" ? null : { kind: "add", parsed };
    },
  ),
  on(
    /^(?:rename|retitle) (["“][^"”]+["”]|.+?) (?:to|as) (.+)$/i,
    ([what = "", title = ""], options) => edit(what, { to: "title", title: unquoted(title) }, options),
  ),
  on(
    /^(?:mark|set) (.+?) (?:as |to )?(?:done|completed?|finished)$/i,
    ([what = ""], options) => edit(what, { to: "complete" }, options),
  ),
  on(
    /^i(?:'ve| have)? \w+ (.+?),? (?:so |and )?(?:it|that)(?:'s| is) (?:done|finished)$/i,
    ([what = ""], options) => edit(what, { to: "complete" }, options),
  ),
  on(
    /^i(?:'ve| have)? (?:just )?(?:did|done|finished|completed) (.+)$/i,
    ([what = ""], options) => edit(what, { to: "complete" }, options),
  ),
  on(
    /^(?:make|set|mark) (.+?)(?:'s priority)? (?:to |as )?(low|medium|normal|high|urgent)(?: priority)?$/i,
    ([what = "", level = ""], options) =>
      edit(what, { to: "priority", priority: priorityOf(level) }, options),
  ),
  on(
    /^(?:tag|label) (.+?) (?:with |as )?((?:#[^\s#,]+[\s,]*)+)$/i,
    ([what = "", tags = ""], options) => edit(what, { to: "tag", add: tagsOf(tags), remove: [] }, options),
  ),
  on(
    /^(?:untag|remove|take) ((?:#[^\s#,]+[\s,]*)+) (?:from|off) (.+)$/i,
    ([tags = "", what = ""], options) => edit(what, { to: "tag", add: [], remove: tagsOf(tags) }, options),
  ),
  on(
    /^(?:clear|remove) the (?:due )?date (?:of|from) (.+)$/i,
    ([what = ""], options) => edit(what, { to: "due", due: null }, options),
  ),
  on(
    /^(?:move|postpone|push|reschedule|shift|defer|put|set) (.+)$/i,
    ([rest = ""], options) => moved(rest, options),
  ),
  on(/^(.+?) can wait (?:until|till|for) (.+)$/i, ([what = "", when = ""], options) => {
    const due = dueOf(when, options);
    return due === null ? null : edit(what, { to: "due", due }, options);
  }),
  on(
    /^(?:postpone|push|reschedule|defer) (.+?) (today|tomorrow|next .+|monday|tuesday|wednesday|thursday|friday|saturday|sunday)$/i,
    ([what = "", when = ""], options) => {
      const due = dueOf(when, options);
      return due === null ? null : edit(what, { to: "due", due }, options);
    },
  ),
  on(
    new RegExp(`^(${Object.keys(EDITS).join("|")}) (.+)$`, "i"),
    ([verb = "", what = ""], options) => {
      const to = EDITS[verb.toLowerCase()];
      return to === undefined ? null : edit(what, { to }, options);
    },
  ),
  on(
    /^what (?:did i|have i) (?:do|done|complete|completed|finish|finished|get done|gotten done)(?: (.+))?$/i,
    ([when = ""], options) => {
      const range = when === "" ? rangeOf("today", options) : rangeOf(when, options);
      return range === null ? null : { kind: "show", selection: { by: "all" }, completed: range };
    },
  ),
  on(
    /^what do i (?:have|need) to (?:do|get done)(?: (.+))?$/i,
    ([rest = ""], options) => shown(rest, options),
  ),
  on(
    /^(?:am i|i am|i'm) (?:behind|late)(?: (?:with|on) (?:something|anything))?$/i,
    () => ({ kind: "show", selection: { by: "all", due: "overdue" } }),
  ),
  on(
    /^(?:what is|what's|is anything|anything) (?:left|open|to do) (?:in|at) (?:my |the )?(.+)$/i,
    ([list = ""]) => ({ kind: "show", selection: { by: "all", list: listOf(list) } }),
  ),
  on(/^(?:my |all |open )*tasks (.+)$/i, ([rest = ""], options) => shown(rest, options)),
  on(
    /^(?:what(?:'s| is| are| was| were)?(?: still)?|show(?: me)?|list|which tasks are|do i have anything|anything|is anything)(?: my)?(?: all)?(?: (?:tasks|everything|things))?(?: (?:is|are|that are|on))?(?: due)?(?: (?:for|on))? *(.*)$/i,
    ([rest = ""], options) => shown(rest, options),
  ),
  on(/^(?:find|search(?: for)?|look for|where is) (.+)$/i, ([words = ""]) => ({
    kind: "show",
    selection: { by: "words", words: unquoted(words) },
  })),
  (text, options) => {
    const range = rangeOf(text, options);
    return range === null ? null : { kind: "show", selection: { by: "all", due: range } };
  },
];

function edit(what: string, change: Edit, options: QuickAddOptions): Command | null {
  const selection = selectionOf(what, options);
  return selection === null ? null : { kind: "edit", selection, edit: change };
}

/** Places at which a sentence is taken apart: each is read, and nobody says more of them. */
const MOST_PLACES = 20;

/** `milk to Friday 5pm`, `everything in @Shopping to @Home`: what is moved ends where a whole date or list begins. */
function moved(text: string, options: QuickAddOptions): Command | null {
  const places = [...text.matchAll(/ (to|until|till|for|on|in|into|due) /gi)].slice(0, MOST_PLACES)
    .map(({ index, 0: between, 1: word = "" }) => ({
      what: text.slice(0, index),
      where: text.slice(index + between.length),
      word: word.toLowerCase(),
    }));
  for (const { what, where } of places) {
    const due = dueOf(where, options);
    const command = due === null ? null : edit(what, { to: "due", due }, options);
    if (command !== null) return command;
  }
  const last = places.findLast(({ word }) => /^(?:to|in|into|on)$/.test(word));
  return last === undefined ? null : edit(last.what, { to: "list", list: listOf(last.where) }, options);
}

function shown(rest: string, options: QuickAddOptions): Command | null {
  const text = rest.trim();
  if (text === "" || /^(?:open|to do|left)$/i.test(text)) return { kind: "show", selection: { by: "all" } };
  const range = rangeOf(text, options);
  if (range !== null) return { kind: "show", selection: { by: "all", due: range } };
  const whole = qualified(text.replace(/^(?:in|on|tagged|with) /i, ""), options);
  if (whole !== null) return { kind: "show", selection: whole };
  return null;
}

/** `everything overdue`, `all tasks in @Work`, or the words of one task. */
function selectionOf(text: string, options: QuickAddOptions): Selection | null {
  const what = text.trim().replace(/^the /i, "");
  const many =
    /^(?:everything|all|all of|all tasks|all of the|every task|every)(?: (?:tasks|things))?(?: (?:that(?:'s| is| are)|which (?:is|are)))?(?: (.+))?$/i
      .exec(what);
  if (many === null) {
    const words = unquoted(what.replace(/^task /i, ""));
    return words === "" ? null : { by: "words", words };
  }
  const rest = (many[1] ?? "").trim().replace(/ (?:tasks|things)$/i, "");
  if (rest === "") return { by: "all" };
  const range = rangeOf(rest.replace(/^(?:due|on|for|from)(?: on)? /i, ""), options);
  return range === null ? qualified(rest.replace(/^(?:tasks )?(?:in|from|tagged|with) /i, ""), options) : {
    by: "all",
    due: range,
  };
}

/** `#tag`, `@list`, `my Work list`, `the inbox`. */
function qualified(text: string, options: QuickAddOptions): Selection | null {
  const tag = /^#([^\s#,]+)$/.exec(text)?.[1];
  if (tag !== undefined) return { by: "all", tag };
  if (/^@/.test(text)) {
    const { fields, title } = parseQuickAdd(text, options);
    return fields.list === undefined || title !== "" ? null : { by: "all", list: fields.list };
  }
  const list = /^(?:my |the )?(.+?) list$/i.exec(text)?.[1] ?? /^(?:my |the )?(inbox)$/i.exec(text)?.[1];
  return list === undefined ? null : { by: "all", list: unquoted(list) };
}

/** Days in words. */
function rangeOf(text: string, options: QuickAddOptions): DueRange | null {
  const words = text.trim().toLowerCase().replace(/^(?:due|on|for)(?: on)? /, "");
  if (/^(?:overdue|late|past due)$/.test(words)) return "overdue";
  if (/^(?:undated|without (?:a )?(?:due )?date|no date)$/.test(words)) return "none";
  const today = options.now.toZonedDateTimeISO(options.timeZone).toPlainDate();
  const first = { monday: 1, saturday: 6, sunday: 7 }[options.weekStart ?? "monday"];
  const weekStart = today.subtract({ days: (today.dayOfWeek - first + 7) % 7 });
  const week = (start: Temporal.PlainDate) => ({
    from: start.toString(),
    to: start.add({ days: 6 }).toString(),
  });
  switch (words) {
    case "this week":
    case "the week":
      return week(weekStart);
    case "next week":
      return week(weekStart.add({ days: 7 }));
    case "last week":
      return week(weekStart.subtract({ days: 7 }));
    case "yesterday":
      return { from: today.subtract({ days: 1 }).toString(), to: today.subtract({ days: 1 }).toString() };
    case "this month":
      return {
        from: today.with({ day: 1 }).toString(),
        to: today.with({ day: today.daysInMonth }).toString(),
      };
  }
  const due = dueOf(words, options);
  return due === null ? null : { from: due.date, to: due.date };
}

/** A date, with a time when one is said, and nothing else. */
function dueOf(
  text: string,
  options: QuickAddOptions,
): NonNullable<QuickAddResult["fields"]["due"]> | null {
  const { title, fields } = parseQuickAdd(text, options);
  const only = Object.keys(fields).every((name) => name === "due");
  return title === "" && only ? fields.due ?? null : null;
}

const listOf = (text: string): string =>
  unquoted(text.replace(/^@/, "").replace(/^(?:my|the) /i, "").replace(/ list$/i, ""));
const tagsOf = (text: string): string[] => [...text.matchAll(/#([^\s#,]+)/g)].map(([, tag = ""]) => tag);
const unquoted = (text: string): string => text.trim().replace(/^["'“](.*)["'”]$/, "$1");
function priorityOf(word: string): Priority {
  const lower = word.toLowerCase();
  return lower === "low" || lower === "high" || lower === "urgent" ? lower : "medium";
}
