/** Single-key shortcuts of the whole window (look: Keys). */
import type { App } from "../model/app.ts";
import type { MenuKind } from "../model/ui.ts";
import { isTyping } from "./dom.ts";
import { addTask } from "./sidebar.tsx";

export const KEY_GROUPS: readonly { title: string; keys: readonly [string[], string][] }[] = [
  {
    title: "Everywhere",
    keys: [
      [["Ctrl", "k"], "Find any action or task"],
      [["q"], "Add a task"],
      [["/"], "Search"],
      [["z"], "Undo the last step"],
      [["?"], "Show this sheet"],
      [["Esc"], "Close what is open"],
    ],
  },
  {
    title: "Go to",
    keys: [
      [["g", "i"], "Inbox"],
      [["g", "t"], "Today"],
      [["g", "u"], "Upcoming"],
      [["g", "k"], "Calendar"],
      [["g", "b"], "Board"],
      [["g", "f"], "A new filter"],
      [["g", "n"], "Notifications"],
      [["g", "a"], "Activity"],
      [["g", "r"], "Reminders"],
      [["g", "c"], "Completed"],
      [["g", "x"], "Trash"],
      [["g", "s"], "Settings"],
    ],
  },
  {
    title: "On a task",
    keys: [
      [["j", "↓"], "Next task"],
      [["k", "↑"], "Previous task"],
      [["Enter"], "Open"],
      [["x"], "Complete or reopen"],
      [["e"], "Edit the title"],
      [["d"], "Date"],
      [["t"], "Move to today"],
      [["T"], "Move to tomorrow"],
      [["w"], "Move to next week"],
      [["+", "−"], "A day later, a day earlier"],
      [["p"], "Priority"],
      [["l"], "Move to a list"],
      [["#"], "Tags"],
      [["c"], "Duplicate"],
      [["s"], "Add a subtask"],
      [["]", "["], "Make part of the task above, or not"],
      [["Del"], "Move to the trash"],
    ],
  },
  {
    title: "Moving and selecting",
    keys: [
      [["Alt", "↑ ↓"], "Move in the order"],
      [["Alt", "← → ↑ ↓"], "Move on the board, in the calendar"],
      [["v"], "Select, or take out"],
      [["Shift", "j k ↑ ↓"], "Select further"],
      [["Ctrl", "a"], "Select all"],
    ],
  },
];

const GO: Record<string, string> = {
  i: "/inbox",
  t: "/today",
  u: "/upcoming",
  k: "/calendar",
  b: "/board",
  f: "/filter",
  n: "/notifications",
  a: "/activity",
  r: "/reminders",
  c: "/completed",
  x: "/trash",
  s: "/settings",
};
const MENUS: Record<string, MenuKind> = { d: "due", p: "priority", l: "list", "#": "tags" };
/** After `g` the second key has this long. */
const SEQUENCE_MS = 1_200;

export function listenToKeys(app: App): () => void {
  let goUntil = 0;
  const { ui, router, actions, order, bulk, moves, selection } = app;

  /** The task that a key means: the open one while the focus is in the pane, else the current row. */
  function subject(target: EventTarget | null): { id: string; from: "row" | "pane" } | null {
    const open = router.taskId.peek();
    const inPane = target instanceof Element && target.closest(".pane") !== null;
    if (open !== null && (inPane || ui.focused.peek() === null)) return { id: open, from: "pane" };
    const id = ui.focused.peek();
    return id !== null && order.peek().includes(id) ? { id, from: "row" } : null;
  }

  function walk(step: number): void {
    const ids = order.peek();
    if (ids.length === 0) return;
    const focused = ui.focused.peek();
    const at = focused === null ? -1 : ids.indexOf(focused);
    const next = at < 0 ? 0 : Math.max(0, Math.min(ids.length - 1, at + step));
    ui.focusRow(ids[next] ?? null);
  }

  /** Selects the current row and the next one in that direction, which becomes the current. */
  function stretch(step: 1 | -1): void {
    const ids = order.peek();
    const from = ui.focused.peek();
    const at = from === null ? -1 : ids.indexOf(from);
    const to = ids[Math.max(0, Math.min(ids.length - 1, at + step))];
    if (to === undefined) return;
    selection.extend(ids, to, from);
    ui.focusRow(to);
  }

  /** Moves the current row in an order given by hand. */
  function carry(step: 1 | -1): void {
    const id = ui.focused.peek();
    const { view, sort } = router.route.peek();
    if (id === null || !order.peek().includes(id)) return;
    const byHand = (view.name === "inbox" || view.name === "list") && (sort ?? "manual") === "manual";
    if (!byHand) {
      app.toasts.show({
        text: "This view is not ordered by hand",
        detail: "Sort a list by “My order” to move its tasks.",
      });
      return;
    }
    void moves.step(id, order.peek(), step);
    ui.focusRow(id);
  }

  /** The row above in this list that a task can become part of: one that is no part itself. */
  function indent(id: string): void {
    const ids = order.peek();
    const above = ids.slice(0, Math.max(0, ids.indexOf(id))).findLast((other) =>
      app.store.get(other)?.parentId === null
    );
    if (above === undefined) {
      app.toasts.show({ text: "There is no task above that this one could be part of" });
      return;
    }
    ui.focusRow(above);
    void moves.setParent(id, above);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return;
    if (app.session.session.peek().state !== "signed-in") return;
    const { target, key } = event;
    const command = event.ctrlKey || event.metaKey;
    if (command && !event.altKey && !event.shiftKey && key.toLowerCase() === "k") {
      event.preventDefault();
      if (!(target instanceof Element && target.closest("dialog") !== null)) ui.openPalette();
      return;
    }
    if (ui.palette.peek() && !(target instanceof Element && target.closest("dialog") !== null)) {
      // It is on its way: what is typed is meant for it, and no task may be changed by it.
      if (command || event.altKey || key === "Tab") return;
      event.preventDefault();
      if (key === "Escape") ui.closePalette();
      else if (key.length === 1) ui.typeAhead(key);
      return;
    }
    if (isTyping(target)) return;
    if (target instanceof Element && target.closest("dialog, [popover], [role='menu']") !== null) return;
    const inMain = !(target instanceof Element) ||
      target.closest(".pane, .sidebar, .bottom-bar, form") === null;
    if (command) {
      if (key !== "a" || !inMain || event.altKey || order.peek().length === 0) return;
      event.preventDefault();
      selection.all(order.peek());
      return;
    }
    const step = key === "ArrowDown" || key === "J" ? 1 : key === "ArrowUp" || key === "K" ? -1 : null;
    if (step !== null && inMain && event.altKey !== event.shiftKey) {
      event.preventDefault();
      if (event.altKey) carry(step);
      else stretch(step);
      return;
    }
    if (event.altKey) return;
    if (handle(key, target)) event.preventDefault();
  }

  /** True when the key meant something. */
  function handle(key: string, target: EventTarget | null): boolean {
    const now = performance.now();
    const place = now < goUntil ? GO[key] : undefined;
    goUntil = 0;
    if (place !== undefined) {
      router.go(place);
      return true;
    }
    const inList = !(target instanceof Element) ||
      target.closest(".pane, .sidebar, .bottom-bar, form") === null;
    switch (key) {
      case "g":
        goUntil = now + SEQUENCE_MS;
        return true;
      case "q":
        addTask(app);
        return true;
      case "/": {
        const field = document.getElementById("search");
        if (field === null) router.setQuery("");
        else field.focus();
        return true;
      }
      case "?":
        ui.openSheet("keys");
        return true;
      case "z":
        void actions.undoLast();
        return true;
      case "j":
        walk(1);
        return true;
      case "k":
        walk(-1);
        return true;
      case "ArrowDown":
      case "ArrowUp":
        if (!inList) return false;
        walk(key === "ArrowDown" ? 1 : -1);
        return true;
      case "Home":
      case "End":
        if (!inList || ui.focused.peek() === null) return false;
        ui.focusRow((key === "Home" ? order.peek()[0] : order.peek().at(-1)) ?? null);
        return true;
      case "Escape":
        if (ui.menu.peek() !== null) {
          ui.closeMenu();
          return true;
        }
        if (selection.size.peek() > 0) {
          selection.clear();
          return true;
        }
        if (router.taskId.peek() === null) return false;
        closePane(app);
        return true;
    }
    const on = subject(target);
    if (on === null) return false;
    const ids = on.from === "pane" ? [on.id] : bulk.targets(on.id);
    const several = ids.length > 1;
    const trash = router.view.peek().name === "trash";
    const menu = MENUS[key];
    if (menu !== undefined) {
      ui.openMenu({ kind: menu, taskId: on.id, from: several ? "bulk" : on.from });
      return true;
    }
    const { today } = app.calendar.peek();
    const setDay = (days: number) => void bulk.setDay(ids, today.add({ days }).toString());
    switch (key) {
      case "x":
        if (several) void bulk.complete(ids);
        else void actions.toggle(on.id, order.peek());
        return true;
      case "e":
        router.openTask(on.id);
        ui.requestTitleEdit();
        return true;
      case "v":
        if (on.from === "pane") return false;
        selection.toggle(on.id);
        return true;
      case "t":
        setDay(0);
        return true;
      case "T":
        setDay(1);
        return true;
      case "w":
        setDay(8 - today.dayOfWeek);
        return true;
      case "+":
      case "=":
        void moves.shift(on.id, 1);
        return true;
      case "-":
      case "−":
        void moves.shift(on.id, -1);
        return true;
      case "c":
        void bulk.duplicate(ids);
        return true;
      case "s":
        router.openTask(on.id);
        ui.requestSubtask();
        return true;
      case "]":
        if (on.from === "row") indent(on.id);
        return true;
      case "[":
        void moves.setParent(on.id, null);
        return true;
      case "Delete":
      case "Backspace":
        if (trash) return true;
        if (several) void bulk.remove(ids);
        else void actions.remove(on.id, order.peek());
        return true;
    }
    return false;
  }

  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}

/** Closes the pane; the focus returns to the row that it belongs to. */
export function closePane(app: App): void {
  const id = app.router.taskId.peek();
  app.router.closeTask();
  if (id !== null && app.order.peek().includes(id)) app.ui.focusRow(id);
  else app.ui.focusRow(app.order.peek()[0] ?? null);
}
