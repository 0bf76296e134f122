/** The quick-add row: its draft, what is understood of it, and turning it into a task. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { parseQuickAdd, type QuickAddResult } from "../../../services/shared/domain/quickadd/mod.ts";
import type { ListWithCount, TaskInput } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import { type Calendar, shortDayText } from "./dates.ts";
import type { ListActions } from "./lists.ts";
import { freeColour } from "./priorities.ts";
import type { Router } from "./route.ts";
import type { SessionModel } from "./session.ts";
import type { Toasts } from "./toasts.ts";
import { failure, quoted } from "./wording.ts";

export interface QuickAddModelOptions {
  actions: Actions;
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

export function createQuickAdd(options: QuickAddModelOptions) {
  const { actions, listActions, lists, calendar, session, router, toasts } = options;
  const open = signal(false);
  const focusRequest = signal(0);
  const text = signal("");
  const dismissed = signal<readonly string[]>([]);

  const result = computed<QuickAddResult>(() =>
    parseQuickAdd(text.value, {
      now: calendar.value.now,
      timeZone: calendar.value.timeZone,
      weekStart: session.preferences.value.weekStart,
      dismissed: [...dismissed.value],
    })
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

  function input(): TaskInput & { listName?: string } {
    const { fields, title } = result.peek();
    const { list, ...rest } = fields;
    const made: TaskInput & { listName?: string } = { ...rest, title };
    if (list !== undefined) {
      const known = findList(lists.peek(), list);
      if (known === undefined) made.listName = list;
      else made.listId = known.id;
    }
    const implied = context.peek();
    const { view } = router.route.peek();
    if (implied?.kind === "due") {
      const on = view.name === "calendar" ? view.on : null;
      made.due = { date: on ?? calendar.peek().today.toString() };
    }
    if (implied?.kind === "list" && view.name === "list") made.listId = view.listId;
    if (implied?.kind === "tag" && view.name === "tag") made.tags = [...made.tags ?? [], view.tag];
    return made;
  }

  return {
    open: computed(() => open.value),
    focusRequest: computed(() => focusRequest.value),
    text: computed(() => text.value),
    result,
    context,
    pieces: computed(() => pieces(text.value, result.value.chips)),
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
      const made = input();
      if (made.title === "") {
        if (text.peek().trim() !== "") toasts.say("A task needs a title");
        return;
      }
      const draft = text.peek();
      const gone = dismissed.peek();
      text.value = "";
      dismissed.value = [];
      /** False when something else was typed meanwhile. */
      const giveBack = () => {
        if (text.peek() !== "") return false;
        text.value = draft;
        dismissed.value = gone;
        return true;
      };
      const { listName, ...task } = made;
      if (listName !== undefined) {
        try {
          task.listId = (await listActions.create(listName, freeColour(lists.peek()))).id;
        } catch (error) {
          giveBack();
          toasts.show({
            tone: "error",
            text: `Could not make the list ${quoted(listName)}`,
            detail: failure(error, "Your text is kept."),
          });
          return;
        }
      }
      await actions.create(task, giveBack);
    },
  };
}
