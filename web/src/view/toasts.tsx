import type { JSX } from "preact";
import { useApp } from "./context.ts";
import { X } from "./icons.tsx";

export function Toasts(): JSX.Element {
  const { toasts } = useApp();
  return (
    <>
      <div class="visually-hidden" role="status" aria-live="polite">{toasts.said}</div>
      <section
        class="toasts"
        aria-label="Messages"
        onPointerEnter={() => toasts.hold(true)}
        onPointerLeave={() => toasts.hold(false)}
        onFocusIn={() => toasts.hold(true)}
        onFocusOut={() => toasts.hold(false)}
      >
        {toasts.toasts.value.map((toast) => (
          <div
            class="toast"
            data-tone={toast.tone}
            key={toast.id}
            role={toast.tone === "error" ? "alert" : "status"}
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
                  toasts.dismiss(toast.id);
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
              onClick={() => toasts.dismiss(toast.id)}
            >
              <X size={14} />
            </button>
          </div>
        ))}
      </section>
    </>
  );
}
