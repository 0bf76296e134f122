/** State of the screen that is no one else's: what is focused, open, settling. */
import { batch, computed, signal } from "@preact/signals";

/** Which editor hangs on which task. */
export type MenuKind = "due" | "priority" | "list" | "tags" | "recurrence" | "reminders";
export interface Menu {
  kind: MenuKind;
  taskId: string;
  /** Opened from the pane, it hangs on its own button there. */
  from: "row" | "pane" | "bulk";
}

/** The check fills and stays for a moment, then the row collapses. */
export const SETTLE_MS = 420;

export function createUi() {
  const focused = signal<string | null>(null);
  /** Grows when the focused row should also take the keyboard focus. */
  const focusRequest = signal(0);
  const settling = signal<ReadonlySet<string>>(new Set());
  const next = signal<ReadonlyMap<string, string>>(new Map());
  const menu = signal<Menu | null>(null);
  const sheet = signal<"keys" | "more" | null>(null);
  const palette = signal(false);
  /** What was typed after the palette was asked for and before it was there. */
  let typed = "";
  const editTitle = signal(false);
  const addSubtask = signal(false);
  const timers = new Set<ReturnType<typeof setTimeout>>();

  return {
    focused: computed(() => focused.value),
    focusRequest: computed(() => focusRequest.value),
    settling: computed(() => settling.value),
    /** For a recurring task that settles: the words for its next occurrence. */
    next: computed(() => next.value),
    menu: computed(() => menu.value),
    sheet: computed(() => sheet.value),
    palette: computed(() => palette.value),
    editTitle: computed(() => editTitle.value),
    addSubtask: computed(() => addSubtask.value),
    setFocused(id: string | null): void {
      focused.value = id;
    },
    /** Makes a row the current one and moves the keyboard focus there. */
    focusRow(id: string | null): void {
      focused.value = id;
      focusRequest.value = focusRequest.peek() + 1;
    },
    settle(...ids: string[]): void {
      settling.value = new Set([...settling.peek(), ...ids]);
      const timer = setTimeout(() => {
        timers.delete(timer);
        this.unsettle(...ids);
      }, SETTLE_MS);
      timers.add(timer);
    },
    unsettle(...ids: string[]): void {
      const gone = new Set(ids.filter((id) => settling.peek().has(id)));
      if (gone.size === 0) return;
      batch(() => {
        settling.value = new Set([...settling.peek()].filter((id) => !gone.has(id)));
        if ([...gone].some((id) => next.peek().has(id))) {
          next.value = new Map([...next.peek()].filter(([id]) => !gone.has(id)));
        }
      });
    },
    setNext(id: string, words: string): void {
      if (settling.value.has(id)) next.value = new Map(next.value).set(id, words);
    },
    openMenu(opened: Menu): void {
      menu.value = opened;
    },
    closeMenu(): void {
      menu.value = null;
    },
    openSheet(name: "keys" | "more"): void {
      sheet.value = name;
    },
    closeSheet(): void {
      sheet.value = null;
    },
    openPalette(): void {
      typed = "";
      palette.value = true;
    },
    /** A key that came while the palette was being fetched. */
    typeAhead(key: string): void {
      typed += key;
    },
    /** Gives what was typed ahead, once. */
    takeTyped(): string {
      const text = typed;
      typed = "";
      return text;
    },
    closePalette(): void {
      palette.value = false;
    },
    /** Asks the detail pane to put the cursor into the title. */
    requestTitleEdit(): void {
      editTitle.value = true;
    },
    /** Asks the detail pane to open the field for a new subtask. */
    requestSubtask(): void {
      addSubtask.value = true;
    },
    endSubtaskRequest(): void {
      addSubtask.value = false;
    },
    /** The wish is fulfilled: the next task that is opened is not meant. */
    endTitleRequest(): void {
      editTitle.value = false;
    },
    clear(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      settling.value = new Set();
      next.value = new Map();
      focused.value = null;
      menu.value = null;
      sheet.value = null;
      palette.value = false;
    },
  };
}
export type Ui = ReturnType<typeof createUi>;
