/** Single-key shortcuts of the whole window (look: Keys). */
import type { App } from "../model/app.ts";
import type { MenuKind } from "../model/ui.ts";
import { isTyping } from "./dom.ts";
import { addTask } from "./sidebar.tsx";

export const KEY_GROUPS: readonly { title: string; keys: readonly [string[], string][] }[] = [
  {
    title: "Everywhere",
    keys: [
      [["q"], "Add a task"],
      [["/"], "Search"],
      [["g", "i"], "Go to Inbox"],
      [["g", "t"], "Go to Today"],
      [["g", "u"], "Go to Upcoming"],
      [["g", "c"], "Go to Completed"],
      [["g", "n"], "Go to Notifications"],
      [["g", "s"], "Go to Settings"],
      [["z"], "Undo the last step"],
      [["?"], "Show this sheet"],
      [["Esc"], "Close what is open"],
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
      [["p"], "Priority"],
      [["l"], "Move to a list"],
      [["#"], "Tags"],
      [["Del"], "Move to the trash"],
    ],
  },
];

const GO: Record<string, string> = {
  i: "/inbox",
  t: "/today",
  u: "/upcoming",
  c: "/completed",
  n: "/notifications",
  s: "/settings",
};
const MENUS: Record<string, MenuKind> = { d: "due", p: "priority", l: "list", "#": "tags" };
/** After `g` the second key has this long. */
const SEQUENCE_MS = 1_200;

export function listenToKeys(app: App): () => void {
  let goUntil = 0;
  const { ui, router, actions, order } = app;

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

  function onKeyDown(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (app.session.session.peek().state !== "signed-in" || isTyping(event.target)) return;
    const target = event.target;
    if (target instanceof Element && target.closest("dialog, [popover], [role='menu']") !== null) return;
    if (handle(event.key, target)) event.preventDefault();
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
        actions.undoLast();
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
        if (router.taskId.peek() === null) return false;
        closePane(app);
        return true;
    }
    const on = subject(target);
    if (on === null) return false;
    const menu = MENUS[key];
    if (menu !== undefined) {
      ui.openMenu({ kind: menu, taskId: on.id, from: on.from });
      return true;
    }
    switch (key) {
      case "x":
        void actions.toggle(on.id, order.peek());
        return true;
      case "e":
        router.openTask(on.id);
        ui.requestTitleEdit();
        return true;
      case "Delete":
      case "Backspace":
        if (app.router.view.peek().name !== "trash") void actions.remove(on.id, order.peek());
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
