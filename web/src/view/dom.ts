/** Small helpers towards the browser. */

export const isNarrow = () => globalThis.matchMedia("(max-width: 719.98px)").matches;
/** The width from which the detail pane sits beside the list. */
export const isWide = () => globalThis.matchMedia("(min-width: 1100px)").matches;
export const prefersStill = () => globalThis.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Whether typing goes into `target`: single keys are not shortcuts there. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement &&
    !["checkbox", "radio", "button", "submit"].includes(target.type);
}

/** The row of a task in the list on screen. */
export function rowOf(id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-task="${CSS.escape(id)}"]`);
}

export function focusMain(): void {
  document.getElementById("main")?.focus({ preventScroll: true });
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
