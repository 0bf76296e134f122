/** A small layer that hangs on an element: native popover for the top layer, light dismissal and Escape. */
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isNarrow } from "./dom.ts";

export interface PopoverProps {
  label: string;
  anchor: () => Element | null;
  onClose: () => void;
  children: ComponentChildren;
}

const GAP = 6;

export function Popover({ label, anchor, onClose, children }: PopoverProps): JSX.Element {
  const layer = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = layer.current;
    if (element === null) return;
    const before = document.activeElement;
    element.showPopover();
    const place = () => position(element, anchor());
    place();
    const watcher = new ResizeObserver(place);
    watcher.observe(element);
    globalThis.addEventListener("resize", place);
    // Content that is still being fetched takes the focus when it comes; until then the layer has it.
    const content = new MutationObserver(() => {
      if (focusFirst(element)) content.disconnect();
    });
    if (!focusFirst(element)) {
      element.focus({ preventScroll: true });
      content.observe(element, { childList: true, subtree: true });
    }
    return () => {
      watcher.disconnect();
      content.disconnect();
      globalThis.removeEventListener("resize", place);
      const inside = element.contains(document.activeElement) || document.activeElement === document.body;
      if (inside && before instanceof HTMLElement && before.isConnected) {
        before.focus({ preventScroll: true });
      }
    };
  }, []);
  return (
    <div
      ref={layer}
      class="popover"
      tabIndex={-1}
      popover="auto"
      role="dialog"
      aria-label={label}
      onToggle={(event) => {
        if (event.newState === "closed") onClose();
      }}
      onKeyDown={(event) => {
        // Single keys mean something else outside.
        event.stopPropagation();
        if (event.key === "Escape") {
          event.preventDefault();
          onClose();
        }
      }}
    >
      {children}
    </div>
  );
}

function focusFirst(element: HTMLElement): boolean {
  const target = element.querySelector<HTMLElement>("[data-autofocus], [autofocus]") ??
    element.querySelector<HTMLElement>("input, button, select, textarea, [tabindex='0']");
  target?.focus({ preventScroll: true });
  if (target instanceof HTMLInputElement && target.type === "text") target.select();
  return target !== null;
}

function position(element: HTMLElement, anchor: Element | null): void {
  // On a phone it is a sheet at the foot, placed by the style sheet alone.
  if (isNarrow() || anchor === null) {
    element.style.left = element.style.top = "";
    return;
  }
  const box = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = element;
  const rtl = getComputedStyle(anchor).direction === "rtl";
  // A row carries the layer at its end, where the dates are.
  const row = anchor.classList.contains("row");
  const start = row !== rtl ? box.right - width : box.left;
  const left = Math.max(8, Math.min(start, innerWidth - width - 8));
  const below = box.bottom + GAP;
  const top = below + height <= innerHeight - 8 ? below : Math.max(8, box.top - height - GAP);
  element.style.left = `${left}px`;
  element.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
}
