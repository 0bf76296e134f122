/**
 * Dragging tasks with a pointer: what carries `data-task` can be taken, what carries `data-drop` (a `Drop` as JSON)
 * takes it, and `data-order` is an order given by hand. By key the same is reached with Alt and the arrows.
 *
 * A mouse drags after a few pixels; a finger after it has rested, so that it can still scroll.
 */
import type { App } from "../model/app.ts";
import type { Drop } from "../model/moves.ts";
import { tasksText } from "../model/bulk.ts";

/** A press that moves less is a click. */
const SLACK = 6;
/** A finger that rests so long takes what is under it. */
const REST_MS = 350;
/** Near an edge what can scroll is scrolled. */
const EDGE = 48;
const EDGE_STEP = 14;

interface Target {
  drop: Drop;
  /** What is marked: an element, or an edge of one. */
  mark: Element;
  edge: "whole" | "before" | "after";
}

interface Drag {
  id: string;
  ids: string[];
  source: HTMLElement;
  ghost: HTMLElement;
  line: HTMLElement;
  target: Target | null;
  frame: number;
  x: number;
  y: number;
}

export function listenToDrag(app: App): () => void {
  let pressed: { id: string; source: HTMLElement; x: number; y: number; pointer: number } | null = null;
  let resting: ReturnType<typeof setTimeout> | undefined;
  let drag: Drag | null = null;

  function begin(): void {
    if (pressed === null) return;
    const { id, source, x, y } = pressed;
    if (app.store.get(id)?.deletedAt !== null) return;
    const ids = app.bulk.targets(id);
    const ghost = document.createElement("div");
    ghost.className = "drag-ghost";
    ghost.textContent = ids.length > 1 ? tasksText(ids.length) : app.store.get(id)?.title ?? "";
    ghost.setAttribute("aria-hidden", "true");
    const line = document.createElement("div");
    line.className = "drag-line";
    line.hidden = true;
    document.body.append(ghost, line);
    document.documentElement.dataset.dragging = "true";
    source.dataset.dragged = "true";
    drag = { id, ids, source, ghost, line, target: null, frame: 0, x, y };
    // The current row stays rendered however far the list is scrolled: a finger's events end with their element.
    app.ui.setFocused(id);
    globalThis.getSelection()?.removeAllRanges();
    scrollAtEdges();
    move(x, y);
  }

  function move(x: number, y: number): void {
    if (drag === null) return;
    Object.assign(drag, { x, y });
    drag.ghost.style.transform = `translate(${x + 12}px, ${y + 8}px)`;
    const target = targetAt(app, drag, x, y);
    drag.target?.mark.removeAttribute("data-dropping");
    drag.target = target;
    drag.line.hidden = target === null || target.edge === "whole";
    if (target === null) return;
    if (target.edge === "whole") target.mark.setAttribute("data-dropping", "");
    else {
      const box = target.mark.getBoundingClientRect();
      const top = target.edge === "before" ? box.top - 1 : box.bottom - 1;
      drag.line.style.transform = `translate(${box.left}px, ${top}px)`;
      drag.line.style.inlineSize = `${box.width}px`;
    }
  }

  function scrollAtEdges(): void {
    if (drag === null) return;
    const { x, y } = drag;
    const pace = (near: number, far: number) => near < EDGE ? -EDGE_STEP : far < EDGE ? EDGE_STEP : 0;
    const down = pace(y, innerHeight - y);
    if (down !== 0) globalThis.scrollBy(0, down);
    const board = document.querySelector(".board");
    const across = pace(x - (board?.getBoundingClientRect().left ?? 0), innerWidth - x);
    if (board !== null && across !== 0) board.scrollBy(across, 0);
    if (down !== 0 || across !== 0) move(x, y);
    drag.frame = requestAnimationFrame(scrollAtEdges);
  }

  function end(dropped: boolean): void {
    clearTimeout(resting);
    pressed = null;
    if (drag === null) return;
    const { id, ids, source, ghost, line, target, frame } = drag;
    drag = null;
    cancelAnimationFrame(frame);
    ghost.remove();
    line.remove();
    target?.mark.removeAttribute("data-dropping");
    delete source.dataset.dragged;
    delete document.documentElement.dataset.dragging;
    // The release of a drag is no click on what lies under it.
    const swallow = (event: Event) => {
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
    if (!dropped || target === null) return;
    void app.moves.drop(ids, target.drop);
    app.ui.focusRow(id);
  }

  const onDown = (event: PointerEvent) => {
    if (event.button !== 0 || !event.isPrimary || event.shiftKey || event.ctrlKey || event.metaKey) return;
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("button, input, textarea, select, [popover], dialog") !== null) return;
    const source = event.target.closest<HTMLElement>("main [data-task]");
    const id = source?.dataset.task;
    if (source === null || id === undefined) return;
    pressed = { id, source, x: event.clientX, y: event.clientY, pointer: event.pointerId };
    if (event.pointerType === "touch") resting = setTimeout(begin, REST_MS);
  };
  const onMove = (event: PointerEvent) => {
    if (pressed === null || event.pointerId !== pressed.pointer) return;
    if (drag !== null) return move(event.clientX, event.clientY);
    if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < SLACK) return;
    if (event.pointerType === "touch") {
      // The finger scrolls.
      clearTimeout(resting);
      pressed = null;
    } else {
      begin();
      move(event.clientX, event.clientY);
    }
  };
  const onUp = () => end(true);
  const onCancel = () => end(false);
  const onKey = (event: KeyboardEvent) => {
    if (drag === null || event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end(false);
  };
  // A link would otherwise be dragged as a link, and a finger would scroll.
  const onNative = (event: DragEvent) => {
    if (event.target instanceof Element && event.target.closest("main [data-task]") !== null) {
      event.preventDefault();
    }
  };
  const onTouchMove = (event: TouchEvent) => {
    if (drag !== null) event.preventDefault();
  };

  document.addEventListener("pointerdown", onDown);
  document.addEventListener("pointermove", onMove);
  document.addEventListener("pointerup", onUp);
  document.addEventListener("pointercancel", onCancel);
  document.addEventListener("keydown", onKey, { capture: true });
  document.addEventListener("dragstart", onNative);
  document.addEventListener("touchmove", onTouchMove, { passive: false });
  return () => {
    end(false);
    document.removeEventListener("pointerdown", onDown);
    document.removeEventListener("pointermove", onMove);
    document.removeEventListener("pointerup", onUp);
    document.removeEventListener("pointercancel", onCancel);
    document.removeEventListener("keydown", onKey, { capture: true });
    document.removeEventListener("dragstart", onNative);
    document.removeEventListener("touchmove", onTouchMove);
  };
}

function readDrop(element: Element | null): Drop | null {
  const text = element?.getAttribute("data-drop") ?? null;
  return text === null ? null : JSON.parse(text) as Drop;
}

/** What letting go at this point means, or null. */
function targetAt(app: App, drag: Drag, x: number, y: number): Target | null {
  const under = document.elementFromPoint(x, y);
  if (under === null) return null;
  const over = under.closest<HTMLElement>("main [data-task]");
  const zone = under.closest("[data-drop]");
  const drop = readDrop(zone);
  if (zone !== null && drop !== null) {
    const home = drag.source.closest("[data-drop]");
    if (drop.kind === "list" && zone.hasAttribute("data-order")) {
      return inOrder(zone, drag, y, drop, home === zone);
    }
    if (home === zone) return null;
    if (drop.kind === "tag") {
      const from = readDrop(home);
      return {
        drop: { ...drop, from: from?.kind === "tag" ? from.tag : null },
        mark: zone,
        edge: "whole",
      };
    }
    return { drop, mark: zone, edge: "whole" };
  }
  return over === null ? null : onRow(app, drag, over, y);
}

/** In a column kept by hand: between the two cards that the pointer is between. */
function inOrder(
  zone: Element,
  drag: Drag,
  y: number,
  drop: Extract<Drop, { kind: "list" }>,
  home: boolean,
): Target {
  const cards = [...zone.querySelectorAll<HTMLElement>("[data-task]")].filter((card) =>
    !drag.ids.includes(card.dataset.task ?? "")
  );
  const next = cards.find((card) => {
    const box = card.getBoundingClientRect();
    return y < box.top + box.height / 2;
  });
  const previous = next === undefined ? cards.at(-1) : cards[cards.indexOf(next) - 1];
  const place = { before: previous?.dataset.task ?? null, after: next?.dataset.task ?? null };
  const edge = next !== undefined ? "before" : previous !== undefined ? "after" : "whole";
  return {
    drop: home ? { kind: "between", ...place } : { ...drop, place },
    mark: next ?? previous ?? zone,
    edge,
  };
}

/** On a row of a list: between rows where the order is by hand, else onto the day of that row. */
function onRow(app: App, drag: Drag, over: HTMLElement, y: number): Target | null {
  const id = over.dataset.task ?? "";
  const { view, sort } = app.router.route.peek();
  if ((view.name === "inbox" || view.name === "list") && (sort ?? "manual") === "manual") {
    if (drag.ids.includes(id)) return null;
    const box = over.getBoundingClientRect();
    const before = y < box.top + box.height / 2;
    const order = app.order.peek().filter((other) => !drag.ids.includes(other));
    const at = order.indexOf(id);
    return {
      drop: {
        kind: "between",
        before: (before ? order[at - 1] : id) ?? null,
        after: (before ? id : order[at + 1]) ?? null,
      },
      mark: over,
      edge: before ? "before" : "after",
    };
  }
  if (view.name !== "upcoming" && view.name !== "today") return null;
  const section = app.sections.peek().find((one) => one.tasks.some((task) => task.id === id));
  if (section === undefined || section.key === "overdue") return null;
  const date = section.key === "today" ? app.calendar.peek().day : section.key;
  if (section.tasks.some((task) => task.id === drag.id)) return null;
  return { drop: { kind: "day", date }, mark: over, edge: "whole" };
}
