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
  const close = (id: number) => {
    toasts.dismiss(id);
    toasts.hold(false);
    if (before.current?.isConnected) before.current.focus({ preventScroll: true });
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
                onClick={() => {
                  const { action } = toast;
                  close(toast.id);
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
              onClick={() => close(toast.id)}
            >
              <X size={14} />
            </button>
          </div>
        ))}
      </section>
    </>
  );
}
