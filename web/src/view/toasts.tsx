import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useApp } from "./context.ts";
import { focusMain } from "./dom.ts";
import { X } from "./icons.tsx";

export function Toasts(): JSX.Element {
  const { toasts, ui } = useApp();
  /** What had the focus before a message got it. */
  const before = useRef<HTMLElement | null>(null);
  /** The button that has the focus goes with its message: the focus returns to where it was. */
  const close = (id: number, button: HTMLElement) => {
    const focused = button === document.activeElement;
    const region = button.closest(".toasts");
    toasts.dismiss(id);
    // Under the pointer the others stay.
    if (!region?.matches(":hover")) toasts.hold(false);
    const to = before.current;
    before.current = null;
    // Some browsers give a button that is clicked no focus: then it is where it was.
    if (!focused) return;
    if (to?.isConnected) to.focus({ preventScroll: true });
    else if (ui.focused.peek() !== null) ui.focusRow(ui.focused.peek());
    else focusMain();
  };
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">{toasts.said}</div>
      <section
        class="toasts"
        aria-label="Messages"
        onPointerEnter={() => toasts.hold(true)}
        onPointerLeave={() => toasts.hold(false)}
        onFocusIn={({ currentTarget, relatedTarget }) => {
          toasts.hold(true);
          if (relatedTarget instanceof Node && currentTarget.contains(relatedTarget)) return;
          before.current = relatedTarget instanceof HTMLElement ? relatedTarget : null;
        }}
        onFocusOut={() => toasts.hold(false)}
      >
        {toasts.toasts.value.map((toast) => (
          <div
            class="toast"
            data-tone={toast.tone}
            key={toast.id}
            role={toast.tone === "error" ? "alert" : undefined}
          >
            <div class="toast-words">
              <span class="toast-text" dir="auto">{toast.text}</span>
              {toast.detail && <span class="toast-detail" dir="auto">{toast.detail}</span>}
            </div>
            {toast.action && (
              <button
                type="button"
                class="toast-action"
                onClick={({ currentTarget }) => {
                  const { action } = toast;
                  close(toast.id, currentTarget);
                  action?.run();
                }}
              >
                {toast.action.label}
              </button>
            )}
            <button
              type="button"
              class="icon-button"
              aria-label="Dismiss"
              onClick={({ currentTarget }) => close(toast.id, currentTarget)}
            >
              <X size={14} />
            </button>
          </div>
        ))}
      </section>
    </>
  );
}
