/** A turn without a language model: a plain command, carried out by the same tools. */
import { z } from "zod";
import { ListWithCount, Notification } from "../../shared/contracts/resources.ts";
import { Task } from "../../shared/contracts/task.ts";
import { fold } from "../../shared/domain/filters/mod.ts";
import type { QuickAddFields } from "../../shared/domain/quickadd/mod.ts";
import { Outcome } from "../perform.ts";
import { dueWords, oneLine } from "../words.ts";
import { type Command, type DueRange, type Edit, parseCommand, type Selection } from "./commands.ts";
import { textOf, type Toolbox, ToolRefusal } from "./toolbox.ts";

export interface PlainTurn {
  message: string;
  toolbox: Toolbox;
  person: { timeZone: string; weekStart: "monday" | "sunday" | "saturday" };
  now: Temporal.Instant;
  /** The latest turn of the conversation that changed something and was not undone. */
  lastTurn: string | null;
}

const Tasks = z.object({ items: z.array(Task), nextCursor: z.string().nullable() });
const Lists = z.object({ items: z.array(ListWithCount) });
const Tags = z.object({ items: z.array(z.object({ tag: z.string(), open: z.int() })) });
const Notifications = z.object({ items: z.array(Notification) });
const PAGE = 200;
const MOST = 1_000;
const SHOWN = 20;

export const HELP = `I am Rondo's assistant without a language model: I understand plain commands.
- add pay rent tomorrow 9am #home !high every month *30m before
- what is due tomorrow · what is overdue · show this week · show #home · show @Work · find milk · show lists
- complete milk · reopen milk · delete milk · restore milk · skip milk
- move milk to Friday 5pm · move milk to @Shopping · rename milk to oat milk · make milk urgent · tag milk with #shop
- move everything overdue to Monday · complete everything in @Shopping · delete everything tagged #old
- undo
What changes several tasks, or deletes, I show you first.`;

const NOT_UNDERSTOOD = "I did not understand that, and changed nothing. Say “help” to see what I understand.";

/** Says something that ends the turn; no failure. */
class Answer extends Error {}

/** Answers a message; a refusal of Rondo is an answer, too. */
export async function answerPlainly(turn: PlainTurn): Promise<string> {
  const { message, now, person } = turn;
  const command = parseCommand(message, { now, timeZone: person.timeZone, weekStart: person.weekStart });
  try {
    return await carryOut(command, turn);
  } catch (cause) {
    if (cause instanceof Answer || cause instanceof ToolRefusal) return cause.message;
    throw cause;
  }
}

/** Whether a message is a plain command at all. */
export function isPlain(message: string, turn: Pick<PlainTurn, "now" | "person">): boolean {
  const { timeZone, weekStart } = turn.person;
  return parseCommand(message, { now: turn.now, timeZone, weekStart }).kind !== "unknown";
}

async function carryOut(command: Command, turn: PlainTurn): Promise<string> {
  switch (command.kind) {
    case "add":
      return await add(command.parsed, turn);
    case "show":
      return await show(command.selection, command.completed, turn);
    case "edit":
      return await edit(command.selection, command.edit, turn);
    case "new-list":
      return await change("create_list", { name: command.name }, turn);
    case "lists": {
      const { items } = await read("list_lists", {}, Lists, turn);
      return items.map(({ name, open }) => `- ${oneLine(name)}: ${open} open`).join("\n");
    }
    case "tags": {
      const { items } = await read("list_tags", {}, Tags, turn);
      return items.length === 0
        ? "There are no tags yet."
        : items.map(({ tag, open }) => `- #${tag}: ${open} open`).join("\n");
    }
    case "notifications": {
      const { items } = await read("list_notifications", { unread: true, limit: SHOWN }, Notifications, turn);
      return items.length === 0 ? "Nothing unread." : items.map(({ title }) => `- ${title}`).join("\n");
    }
    case "undo":
      return await change("undo", turn.lastTurn === null ? {} : { causationId: turn.lastTurn }, turn);
    case "help":
      return HELP;
    case "unknown":
      return NOT_UNDERSTOOD;
  }
}

async function add(
  { title, fields }: { title: string; fields: QuickAddFields },
  turn: PlainTurn,
): Promise<string> {
  const { list, ...rest } = fields;
  const args = { title, ...rest, ...(list === undefined ? {} : { listId: await listId(list, turn) }) };
  return await change("create_task", args, turn);
}

async function show(selection: Selection, completed: DueRange | undefined, turn: PlainTurn): Promise<string> {
  if (completed !== undefined && typeof completed === "object") {
    const tasks = await find({ status: "completed", sort: "updated", order: "desc" }, turn);
    const done = tasks.filter(({ completedAt }) => {
      const day = completedAt === null
        ? ""
        : Temporal.Instant.from(completedAt).toZonedDateTimeISO(turn.person.timeZone).toPlainDate()
          .toString();
      return day >= completed.from && day <= completed.to;
    });
    return listing(done, "You completed", "Nothing was completed then.");
  }
  const tasks = await find({ ...await filterOf(selection, turn), sort: "due" }, turn);
  return listing(tasks, "I found", "There is nothing.");
}

async function edit(selection: Selection, wanted: Edit, turn: PlainTurn): Promise<string> {
  const states: Partial<Record<Edit["to"], Record<string, unknown>>> = {
    reopen: { status: "completed" },
    restore: { trash: true, status: "all" },
    delete: { status: "all" },
  };
  if (selection.by === "words") {
    const { id, title } = await theOne(selection.words, states[wanted.to] ?? {}, turn);
    const [tool, args] = await single(id, wanted, turn);
    // Found by its notes, its tags or a word that is spelt otherwise, it may be another one than is meant.
    return await change(tool, isNamed(title, selection.words) ? args : { ...args, preview: true }, turn);
  }
  if (wanted.to === "reopen" || wanted.to === "restore" || wanted.to === "skip" || wanted.to === "title") {
    throw new Answer("I do that with one task at a time: say which one.");
  }
  const tasks = await find({ ...await filterOf(selection, turn), sort: "due" }, turn);
  if (tasks.length === 0) throw new Answer("There is nothing like that, so nothing was changed.");
  return await change("change_many_tasks", await several(tasks, wanted, turn), turn);
}

/** The tool and its arguments for one task. */
async function single(id: string, wanted: Edit, turn: PlainTurn): Promise<[string, Record<string, unknown>]> {
  switch (wanted.to) {
    case "complete":
      return ["complete_task", { id }];
    case "delete":
      return ["delete_task", { id }];
    case "reopen":
      return ["reopen_task", { id }];
    case "restore":
      return ["restore_task", { id }];
    case "skip":
      return ["skip_occurrence", { id }];
    case "tag":
      return ["tag_tasks", { ids: [id], add: wanted.add, remove: wanted.remove }];
    default:
      return ["update_task", { id, ...await patchOf(wanted, turn) }];
  }
}

async function several(
  tasks: readonly Task[],
  wanted: Exclude<Edit, { to: "reopen" | "restore" | "skip" | "title" }>,
  turn: PlainTurn,
): Promise<Record<string, unknown>> {
  const ids = tasks.map(({ id }) => id);
  switch (wanted.to) {
    case "complete":
      return { complete: ids };
    case "delete":
      return { delete: ids };
    case "tag":
      return {
        update: tasks.map(({ id, tags }) => ({
          id,
          tags: [...new Set([...tags.filter((tag) => !wanted.remove.includes(tag)), ...wanted.add])],
        })),
      };
    default: {
      const patch = await patchOf(wanted, turn);
      return { update: ids.map((id) => ({ id, ...patch })) };
    }
  }
}

async function patchOf(
  wanted: Extract<Edit, { to: "due" | "priority" | "list" | "title" }>,
  turn: PlainTurn,
): Promise<Record<string, unknown>> {
  switch (wanted.to) {
    case "due":
      // A day without a time leaves a task its own.
      return {
        due: wanted.due === null ? null : wanted.due.time === null ? { date: wanted.due.date } : wanted.due,
      };
    case "priority":
      return { priority: wanted.priority };
    case "list":
      return { listId: await listId(wanted.list, turn) };
    case "title":
      return { title: wanted.title };
  }
}

/** Whether a title holds all of these words, in whatever order. */
function isNamed(title: string, words: string): boolean {
  const within = fold(title);
  return fold(words).split(/\s+/).every((word) => within.includes(word));
}

/** The task that words mean. @throws Answer when there is none, or more than one */
async function theOne(words: string, state: Record<string, unknown>, turn: PlainTurn): Promise<Task> {
  const plain = (text: string): string => text.trim().toLowerCase();
  // Signs and pictures alone are nothing that a search looks for.
  const items = /[\p{L}\p{N}]/u.test(words)
    ? (await read("search_tasks", { text: words.slice(0, 200), ...state, limit: 10 }, Tasks, turn)).items
    : (await find(state, turn)).filter(({ title }) => plain(title).includes(plain(words))).slice(0, 10);
  const exact = items.filter(({ title }) => plain(title) === plain(words));
  const within = items.filter(({ title }) => plain(title).includes(plain(words)));
  const [found, ...others] = exact.length > 0 ? exact : within.length > 0 ? within : items;
  if (found === undefined) throw new Answer(`I found no task for “${words}”, so nothing was changed.`);
  if (others.length > 0) {
    throw new Answer(
      `Which one do you mean? Nothing was changed.\n${
        [found, ...others].map(({ title }) => `- ${oneLine(title)}`).join("\n")
      }`,
    );
  }
  return found;
}

async function filterOf(selection: Selection, turn: PlainTurn): Promise<Record<string, unknown>> {
  if (selection.by === "words") return { text: selection.words.slice(0, 200) };
  const { due, tag, list } = selection;
  return {
    ...(due === undefined ? {} : typeof due === "string" ? { due } : { dueFrom: due.from, dueTo: due.to }),
    ...(tag === undefined ? {} : { tags: [tag] }),
    ...(list === undefined ? {} : { listId: await listId(list, turn) }),
  };
}

/** A list by its name. @throws Answer when there is none */
async function listId(name: string, turn: PlainTurn): Promise<string> {
  const { items } = await read("list_lists", {}, Lists, turn);
  const plain = name.trim().toLowerCase();
  const found = items.find((list) => list.name.trim().toLowerCase() === plain) ??
    items.find((list) => list.inbox && plain === "inbox");
  if (found === undefined) throw new Answer(`There is no list “${name}”, so nothing was changed.`);
  return found.id;
}

/** Every task that fits, up to what can be changed at once. */
async function find(args: Record<string, unknown>, turn: PlainTurn): Promise<Task[]> {
  const found: Task[] = [];
  let cursor: string | null = null;
  do {
    const page: z.infer<typeof Tasks> = await read(
      "search_tasks",
      { ...args, limit: PAGE, ...(cursor === null ? {} : { cursor }) },
      Tasks,
      turn,
    );
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && found.length < MOST);
  if (cursor !== null) throw new Answer(`That is more than ${MOST} tasks: narrow it down.`);
  return found;
}

async function read<T>(
  tool: string,
  args: Record<string, unknown>,
  schema: z.ZodType<T>,
  { toolbox }: PlainTurn,
): Promise<T> {
  const result = await toolbox.use(tool, args);
  if (result.isError) throw new ToolRefusal(textOf(result));
  return schema.parse(result.structuredContent);
}

async function change(tool: string, args: Record<string, unknown>, turn: PlainTurn): Promise<string> {
  const before = turn.toolbox.previews.length;
  const result = await turn.toolbox.use(tool, args);
  if (result.isError) throw new ToolRefusal(textOf(result));
  if (turn.toolbox.previews.length > before) return "This is what would change. Nothing was changed yet.";
  return Outcome.parse(result.structuredContent).summary;
}

function listing(tasks: readonly Task[], beginning: string, none: string): string {
  if (tasks.length === 0) return none;
  const lines = tasks.slice(0, SHOWN).map(({ title, due }) =>
    `- ${oneLine(title)}${due === null ? "" : ` (${dueWords(due)})`}`
  );
  if (tasks.length > SHOWN) lines.push(`- and ${tasks.length - SHOWN} more`);
  return `${beginning} ${tasks.length === 1 ? "one task" : `${tasks.length} tasks`}:\n${lines.join("\n")}`;
}
