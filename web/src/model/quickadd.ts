/** The quick-add row: its draft, what is understood of it, and turning it into a task. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { parseQuickAdd, type QuickAddResult } from "../../../services/shared/domain/quickadd/mod.ts";
import type { ListWithCount, TaskInput } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import type { Bulk } from "./bulk.ts";
import { type Calendar, shortDayText } from "./dates.ts";
import type { ListActions } from "./lists.ts";
import { freeColour } from "./priorities.ts";
import type { Router } from "./route.ts";
import type { SessionModel } from "./session.ts";
import type { Toasts } from "./toasts.ts";
import { failure, quoted } from "./wording.ts";

export interface QuickAddModelOptions {
  actions: Actions;
  bulk: Bulk;
  listActions: ListActions;
  lists: Signal<readonly ListWithCount[]>;
  calendar: ReadonlySignal<Calendar>;
  session: SessionModel;
  router: Router;
  toasts: Toasts;
}

/** What the view on screen adds by itself; dismissable like everything else. */
export interface ContextChip {
  key: "context";
  kind: "due" | "tag" | "list";
  label: string;
}

/** A piece of the draft: plain, or recognised as a kind of field. */
export interface Piece {
  text: string;
  kind: QuickAddResult["chips"][number]["kind"] | null;
}

/** Cuts the text at the recognised pieces, for the tint behind the field. */
export function pieces(text: string, chips: QuickAddResult["chips"]): Piece[] {
  const cut: Piece[] = [];
  let at = 0;
  for (const chip of chips.toSorted((a, b) => a.start - b.start)) {
    if (chip.start < at) continue;
    if (chip.start > at) cut.push({ text: text.slice(at, chip.start), kind: null });
    cut.push({ text: text.slice(chip.start, chip.end), kind: chip.kind });
    at = chip.end;
  }
  if (at < text.length) cut.push({ text: text.slice(at), kind: null });
  return cut;
}

export function findList(lists: readonly ListWithCount[], name: string): ListWithCount | undefined {
  const same = (list: ListWithCount) =>
    list.name.localeCompare(name, undefined, { sensitivity: "accent" }) === 0;
  return lists.find(same);
}

/** The lines of a text that say something, without the bullets and boxes of a list. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/)
    .map((line) => line.trim().replace(/^(?:[-*•–]|\d{1,3}[.)])\s+/, "").replace(/^\[[ x]?\]\s+/i, "").trim())
    .filter((line) => line !== "");
}

/** So many lines are remembered with what was understood of them. */
const MOST_LINES = 5_000;

export function createQuickAdd(options: QuickAddModelOptions) {
  const { actions, bulk, listActions, lists, calendar, session, router, toasts } = options;
  const open = signal(false);
  const focusRequest = signal(0);
  const text = signal("");
  const dismissed = signal<readonly string[]>([]);
  /** Which user's visit this is. */
  let visit = 0;

  /** Of many pasted lines all but one are the same at the next key. */
  const parser = computed(() => {
    const { now, timeZone } = calendar.value;
    const { weekStart } = session.preferences.value;
    const told = { now, timeZone, weekStart, dismissed: [...dismissed.value] };
    const known = new Map<string, QuickAddResult>();
    return (line: string): QuickAddResult => {
      let read = known.get(line);
      if (read === undefined) {
        if (known.size >= MOST_LINES) known.clear();
        known.set(line, read = parseQuickAdd(line, told));
      }
      return read;
    };
  });
  const parse = (line: string): QuickAddResult => parser.value(line);
  /** Several lines are several tasks; null while it is one. */
  const lines = computed<QuickAddResult[] | null>(() => {
    const written = linesOf(text.value);
    return written.length < 2 ? null : written.map(parse).filter(({ title }) => title !== "");
  });
  const result = computed<QuickAddResult>(() =>
    lines.value === null ? parse(text.value.replaceAll("\n", " ")) : { title: "", fields: {}, chips: [] }
  );
  const context = computed<ContextChip | null>(() => {
    if (text.value.trim() === "" || dismissed.value.includes("context")) return null;
    const { fields } = result.value;
    const { view } = router.route.value;
    switch (view.name) {
      case "today":
        return fields.due || fields.recurrence ? null : { key: "context", kind: "due", label: "Today" };
      case "calendar": {
        if (view.on === null || fields.due || fields.recurrence) return null;
        const on = Temporal.PlainDate.from(view.on);
        return { key: "context", kind: "due", label: shortDayText(on, calendar.value) };
      }
      case "list": {
        const list = lists.value.find((other) => other.id === view.listId);
        return fields.list || list === undefined ? null : { key: "context", kind: "list", label: list.name };
      }
      case "tag":
        return fields.tags?.includes(view.tag)
          ? null
          : { key: "context", kind: "tag", label: `#${view.tag}` };
      default:
        return null;
    }
  });

  function input({ fields, title }: QuickAddResult): TaskInput & { listName?: string } {
    const { list, ...rest } = fields;
    const made: TaskInput & { listName?: string } = { ...rest, title };
    if (list !== undefined) {
      const known = findList(lists.peek(), list);
      if (known === undefined) made.listName = list;
      else made.listId = known.id;
    }
    const implied = context.peek();
    const { view } = router.route.peek();
    if (implied?.kind === "due" && !made.due && !made.recurrence) {
      const on = view.name === "calendar" ? view.on : null;
      made.due = { date: on ?? calendar.peek().today.toString() };
    }
    if (implied?.kind === "list" && view.name === "list" && list === undefined) made.listId = view.listId;
    if (implied?.kind === "tag" && view.name === "tag") {
      made.tags = [...new Set([...made.tags ?? [], view.tag])];
    }
    return made;
  }

  /** The list of that name, made when there is none; null when it could not be made, which has been said. */
  async function listNamed(name: string): Promise<string | null> {
    try {
      const known = findList(lists.peek(), name);
      return (known ?? await listActions.create(name, freeColour(lists.peek()))).id;
    } catch (error) {
      toasts.show({
        tone: "error",
        text: `Could not make the list ${quoted(name)}`,
        detail: failure(error, "Your text is kept."),
      });
      return null;
    }
  }

  async function submitLines(made: readonly ReturnType<typeof input>[], giveBack: () => void): Promise<void> {
    const inputs: TaskInput[] = [];
    for (const { listName, ...task } of made) {
      if (listName !== undefined) {
        const listId = await listNamed(listName);
        if (listId === null) return giveBack();
        task.listId = listId;
      }
      inputs.push(task);
    }
    if (!await bulk.create(inputs)) giveBack();
  }

  return {
    open: computed(() => open.value),
    focusRequest: computed(() => focusRequest.value),
    text: computed(() => text.value),
    result,
    context,
    pieces: computed(() =>
      lines.value === null
        ? pieces(text.value, result.value.chips)
        : text.value.split(/(\n)/).flatMap((line) => pieces(line, line === "\n" ? [] : parse(line).chips))
    ),
    /** How many tasks Enter makes. */
    count: computed(() => lines.value === null ? 1 : lines.value.length),
    /** Whether the list that is named is not there yet and would be made. */
    newList: computed(() => {
      const name = result.value.fields.list;
      return name !== undefined && findList(lists.value, name) === undefined ? name : null;
    }),
    show(): void {
      open.value = true;
      focusRequest.value = focusRequest.peek() + 1;
    },
    /** Closes the row; the draft stays. */
    hide(): void {
      open.value = false;
    },
    setText(value: string): void {
      text.value = value;
      // A dismissal belongs to one line of text.
      if (value === "") dismissed.value = [];
    },
    dismiss(key: string): void {
      dismissed.value = [...dismissed.value, key];
    },
    /** Adds the task; on a refusal the text comes back, unless something new was typed meanwhile. */
    async submit(): Promise<void> {
      // What the view adds is asked for while its chip is there: it goes with the text.
      const several = lines.peek()?.map(input) ?? null;
      const made = input(result.peek());
      if (several === null && made.title === "") {
        if (text.peek().trim() !== "") toasts.say("A task needs a title");
        return;
      }
      const draft = text.peek();
      const gone = dismissed.peek();
      const mine = visit;
      text.value = "";
      dismissed.value = [];
      /** False when something else was typed meanwhile, or somebody else has come. */
      const giveBack = () => {
        if (text.peek() !== "" || mine !== visit) return false;
        text.value = draft;
        dismissed.value = gone;
        return true;
      };
      if (several !== null) return await submitLines(several, giveBack);
      const { listName, ...task } = made;
      if (listName !== undefined) {
        const listId = await listNamed(listName);
        if (listId === null) return void giveBack();
        task.listId = listId;
      }
      await actions.create(task, giveBack);
    },
    /** What somebody has begun to write is not for the next user. */
    clear(): void {
      visit += 1;
      text.value = "";
      dismissed.value = [];
      open.value = false;
    },
  };
}
