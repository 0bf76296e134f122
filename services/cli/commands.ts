/** What the command can do, one function each. */
import { z } from "zod";
import { parseQuickAdd } from "../shared/domain/quickadd/mod.ts";
import type { Clock } from "../shared/domain/time.ts";
import { ListWithCount, Me } from "../shared/contracts/resources.ts";
import { Task } from "../shared/contracts/task.ts";
import type { Client } from "./client.ts";
import { Failure } from "./failure.ts";
import { line, oneLine } from "./line.ts";
import { readEvents } from "./stream.ts";

/** Where results go: words for people, or JSON, one value a line. */
export interface Output {
  json: boolean;
  /** One result; without what a terminal would obey. */
  write(text: string): void;
  /** A file, as it is. */
  copy(text: string): void;
}

export interface Context {
  client: Client;
  output: Output;
  clock: Clock;
  signal: AbortSignal;
}

const Lists = z.object({ items: z.array(ListWithCount) });
const Tasks = z.object({ items: z.array(Task), nextCursor: z.string().nullable() });
const Told = z.looseObject({
  type: z.string(),
  task: z.looseObject({ title: z.string() }).nullish(),
  list: z.looseObject({ name: z.string() }).nullish(),
});
const Done = z.object({ completed: z.array(Task) });
type Told = z.infer<typeof Told>;
const Changes = z.object({ changes: z.array(Told.extend({ seq: z.int(), causationId: z.string() })) });
const Undone = z.object({ changes: z.array(z.looseObject({ type: z.string() })) });
const Imported = z.object({
  imported: z.int(),
  skipped: z.int(),
  problems: z.array(z.object({ line: z.int(), message: z.string() })),
});

/** So many changes are looked at for where an undone step began. */
const STEP = 100;
/** Milliseconds before a stream that ended is opened again. */
const REOPEN_MS = 1_000;

function tell({ output }: Context, value: unknown, text: string): void {
  output.write(output.json ? JSON.stringify(value) : text);
}

/** Adds a task, written as in the application's quick add. */
export async function add(context: Context, text: string): Promise<void> {
  const { client, clock } = context;
  const me = await client.call("GET", "/api/me", Me);
  const { title, fields: { list, ...fields } } = parseQuickAdd(text, {
    now: clock.now(),
    timeZone: me.timeZone,
    weekStart: me.preferences.weekStart,
  });
  if (title === "") throw new Failure("usage", "A task needs a title beside its date, list and tags");
  const listId = list === undefined ? undefined : await listNamed(client, list, { make: true });
  const task = await client.call("POST", "/api/tasks", Task, { body: { ...fields, title, listId } });
  tell(context, task, `Added ${line(task, clock.now(), me.timeZone)}`);
}

/** The id of a list; one that is missing is made, as quick add does it. @throws Failure */
async function listNamed(client: Client, name: string, { make }: { make: boolean }): Promise<string> {
  const { items } = await client.call("GET", "/api/lists", Lists);
  const known = items.find((one) => one.name.localeCompare(name, undefined, { sensitivity: "accent" }) === 0);
  if (known !== undefined) return known.id;
  if (!make) throw new Failure("not-found", `There is no list ${name}`);
  return (await client.call("POST", "/api/lists", z.object({ id: z.string() }), { body: { name } })).id;
}

export interface ListOptions {
  due?: string;
  status?: string;
  list?: string;
  tag?: string[];
  search?: string;
  limit?: string;
}

/** Shows tasks, those that are due first at the top. */
export async function list(context: Context, options: ListOptions): Promise<void> {
  const { client, output, clock } = context;
  const query = new URLSearchParams({ sort: "due", limit: options.limit ?? "50" });
  if (options.due !== undefined) query.set("due", options.due);
  if (options.status !== undefined) query.set("status", options.status);
  if (options.search !== undefined) query.set("q", options.search);
  if (options.list !== undefined) query.set("list", await listNamed(client, options.list, { make: false }));
  for (const tag of options.tag ?? []) query.append("tag", tag);
  const [{ items, nextCursor }, me] = await Promise.all([
    client.call("GET", `/api/tasks?${query}`, Tasks),
    client.call("GET", "/api/me", Me),
  ]);
  if (output.json) return output.write(JSON.stringify(items));
  for (const task of items) output.write(line(task, clock.now(), me.timeZone));
  if (items.length === 0) output.write("Nothing here");
  if (nextCursor !== null) output.write(`… and more: --limit shows up to 200`);
}

/** Completes tasks, each named by its id, the end of it, or words of its title. */
export async function done(context: Context, names: readonly string[]): Promise<void> {
  // All are found before any is completed.
  const found: Task[] = [];
  for (const name of names) found.push(await find(context.client, name));
  const complete = [...new Set(found.map(({ id }) => id))];
  const { completed } = await context.client.call("POST", "/api/tasks/bulk", Done, { body: { complete } });
  for (const task of completed) tell(context, task, `Completed ${oneLine(task.title)}`);
}

/** @throws Failure when there is none, or more than one */
async function find(client: Client, name: string): Promise<Task> {
  if (z.uuid().safeParse(name).success) return await client.call("GET", `/api/tasks/${name}`, Task);
  let cursor: string | null = null;
  const open: Task[] = [];
  do {
    const page: z.infer<typeof Tasks> = await client.call(
      "GET",
      `/api/tasks?limit=200${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`,
      Tasks,
    );
    open.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  const low = name.toLowerCase();
  const ways = [
    (task: Task) => /^[0-9a-f]{6,}$/.test(low) && task.id.endsWith(low),
    (task: Task) => task.title.toLowerCase() === low,
    (task: Task) => task.title.toLowerCase().includes(low),
  ];
  for (const fits of ways) {
    const [first, second, ...more] = open.filter(fits);
    if (first === undefined) continue;
    if (second === undefined) return first;
    const several = [first, second, ...more].slice(0, 5).map(({ id, title }) =>
      `${id.slice(-6)} ${oneLine(title)}`
    );
    throw new Failure("not-found", `${name} is more than one task: ${several.join("; ")}`);
  }
  throw new Failure("not-found", `There is no open task ${name}`);
}

/** Undoes the last change and all that was made together with it; again, it undoes that. */
export async function undo(context: Context): Promise<void> {
  const { client } = context;
  const seq = await lastSeq(context);
  const since = Math.max(0, seq - STEP);
  const { changes } = seq === 0
    ? { changes: [] }
    : await client.call("GET", `/api/changes?since=${since}&limit=${STEP}`, Changes);
  const last = changes.findLast((change) => change.seq === seq);
  if (last === undefined) throw new Failure("not-found", "There is nothing to undo");
  const undone = await client.call("POST", "/api/undo", Undone, { body: { causationId: last.causationId } });
  const [first = last, ...others] = changes.filter(({ causationId }) => causationId === last.causationId);
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  tell(context, undone, `Undone: ${stepText(first)}${more}`);
}

/** Such as `completed Pay rent`, `list created Garden`. */
function stepText({ type, task, list }: Told): string {
  const words = type.replace(/\.v\d+$/, "").replace(/^task\./, "").replace(".", " ");
  return `${words} ${nameOf({ task, list })}`.trimEnd();
}

/** The number of the last change, which a stream says first. */
async function lastSeq({ client }: Context): Promise<number> {
  const response = await client.open("/api/stream", { signal: AbortSignal.timeout(30_000) });
  for await (const { event, id } of readEvents(response)) {
    if (event === "ready") return Number(id);
  }
  throw new Failure("failed", "The server did not say what changed last");
}

/** Shows what changes, as it happens, until it is ended; a stream that breaks is opened again where it was. */
export async function watch(context: Context): Promise<void> {
  const { client, output, signal } = context;
  let last = "";
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = last === "" ? {} : { "last-event-id": last };
      for await (
        const { event, id, data } of readEvents(await client.open("/api/stream", { headers, signal }))
      ) {
        if (id !== "") last = id;
        if (event === "ready") {
          if (!output.json) output.write("Watching; Ctrl-C ends");
          continue;
        }
        if (output.json) output.write(JSON.stringify({ event, data: JSON.parse(data) }));
        else if (event === "change") output.write(changeLine(data));
        else if (event === "notification") output.write(`notification  ${titleOf(data)}`);
      }
    } catch (cause) {
      if (signal.aborted) return;
      // Nobody reads any more what is written.
      if (cause instanceof Deno.errors.BrokenPipe) throw cause;
      // Once it was there it is waited for; what can't begin is said.
      if (last === "" || (cause instanceof Failure && cause.kind === "access")) throw cause;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, REOPEN_MS);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

function changeLine(data: string): string {
  const change = Told.parse(JSON.parse(data));
  return `${change.type.replace(/\.v\d+$/, "")}  ${nameOf(change)}`.trimEnd();
}

const nameOf = ({ task, list }: Pick<Told, "task" | "list">): string =>
  oneLine(task?.title ?? list?.name ?? "");

function titleOf(data: string): string {
  return oneLine(z.looseObject({ title: z.string() }).safeParse(JSON.parse(data)).data?.title ?? "");
}

const MEDIA_TYPES: Record<string, string> = {
  "todotxt": "text/plain",
  "todoist-csv": "text/csv",
  "ical": "text/calendar",
};

/** Imports what is given as text. */
export async function importText(context: Context, format: string, content: string): Promise<void> {
  const type = MEDIA_TYPES[format];
  if (type === undefined) {
    throw new Failure("usage", `--format must be one of ${Object.keys(MEDIA_TYPES).join(", ")}`);
  }
  const result = await context.client.call("POST", `/api/import?format=${format}`, Imported, {
    text: { content, type },
  });
  const problems = result.problems.map(({ line, message }) => `\nline ${line}: ${message}`).join("");
  tell(context, result, `Imported ${result.imported}, skipped ${result.skipped}${problems}`);
}

/** Writes all tasks in a format. */
export async function exportText({ client, output }: Context, format: string): Promise<void> {
  if (!["json", "todotxt", "ical"].includes(format)) {
    throw new Failure("usage", "--format must be one of json, todotxt, ical");
  }
  const text = await (await client.open(`/api/export?format=${format}`)).text();
  output.copy(text.replace(/\r?\n$/, ""));
}
