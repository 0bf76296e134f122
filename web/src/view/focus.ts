/** The keyboard focus of views that are no lists of rows. */
import { useEffect, useRef } from "preact/hooks";
import { useSignalEffect } from "@preact/signals";
import { useApp } from "./context.ts";
import { focusMain } from "./dom.ts";

/**
 * Tells the application in which order the tasks stand here, moves the focus to the one that is asked for, and
 * hands it on when the task that has it leaves.
 */
export function useArranged(order: readonly string[], find: (id: string) => HTMLElement | null): void {
  const app = useApp();
  const { ui } = app;
  const key = order.join();
  const before = useRef(order);
  useEffect(() => {
    const known = before.current;
    before.current = order;
    app.arrange(order);
    const id = ui.focused.peek();
    if (id === null || order.includes(id) || document.activeElement !== document.body) return;
    const at = known.indexOf(id);
    if (at < 0) return;
    const stays = (other: string) => order.includes(other);
    ui.focusRow(known.slice(at).find(stays) ?? known.slice(0, at).findLast(stays) ?? null);
  }, [key]);
  useEffect(() => () => app.arrange(null), []);
  useSignalEffect(() => {
    const request = ui.focusRequest.value;
    if (request === 0) return;
    const id = ui.focused.peek();
    // The change that moved the task is drawn first.
    requestAnimationFrame(() => {
      if (id === null) return focusMain();
      const element = find(app.store.realId(id));
      element?.focus({ preventScroll: true });
      element?.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  });
}
