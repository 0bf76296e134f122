/** Short messages at the foot of the window: what happened, and the one thing to do about it. */
import { computed, signal } from "@preact/signals";

export interface Toast {
  id: number;
  tone: "plain" | "error";
  text: string;
  /** A second, quieter sentence: what was kept, what to do. */
  detail?: string;
  action?: { label: string; run: () => void };
  /** Stays until it is answered or dismissed. */
  lasting?: boolean;
}

/** How long an undo stays offered. */
export const TOAST_MS = 8_000;
/** Errors wait longer: they have more to read. */
export const ERROR_TOAST_MS = 15_000;
const MOST = 3;

export interface ToastOptions {
  schedule?: (run: () => void, ms: number) => () => void;
}

export function createToasts(options: ToastOptions = {}) {
  const schedule = options.schedule ?? ((run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  });
  const toasts = signal<readonly Toast[]>([]);
  const timers = new Map<number, () => void>();
  /** Said to screen readers: plain messages, and what a change of focus alone would not tell. */
  const said = signal("");
  let next = 1;
  let paused = false;

  const lifetime = (toast: Toast) => toast.tone === "error" ? ERROR_TOAST_MS : TOAST_MS;

  function dismiss(id: number): void {
    timers.get(id)?.();
    timers.delete(id);
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }

  function arm(toast: Toast): void {
    timers.get(toast.id)?.();
    if (toast.lasting) return;
    timers.set(toast.id, schedule(() => dismiss(toast.id), lifetime(toast)));
  }

  function say(text: string): void {
    // The same words twice are only announced again when the text node changes.
    said.value = said.value === text ? `${text}\u00a0` : text;
  }

  /** An error is an alert by itself. The others are said where a screen reader listens already: not all read a region that is new. */
  function announce({ tone, text, detail }: Toast): void {
    if (tone !== "error") say(detail === undefined ? text : `${text}. ${detail}`);
  }

  function show(toast: Omit<Toast, "id" | "tone"> & { tone?: Toast["tone"] }): number {
    const made: Toast = { tone: "plain", ...toast, id: next++ };
    const passing = toasts.value.filter(({ lasting }) => !lasting);
    for (const old of passing.slice(0, Math.max(0, passing.length - MOST + 1))) dismiss(old.id);
    toasts.value = [...toasts.value, made];
    announce(made);
    if (!paused) arm(made);
    return made.id;
  }

  return {
    toasts: computed(() => toasts.value),
    said: computed(() => said.value),
    show,
    dismiss,
    /** Changes the words of a message that is still there. */
    amend(id: number, change: Partial<Pick<Toast, "text" | "detail" | "action">>): void {
      toasts.value = toasts.value.map((toast) => toast.id === id ? { ...toast, ...change } : toast);
      const amended = toasts.value.find((toast) => toast.id === id);
      if (amended !== undefined) announce(amended);
    },
    /** While the pointer or the focus is on the messages nothing disappears (WCAG 2.2.1). */
    hold(held: boolean): void {
      if (held === paused) return;
      paused = held;
      for (const toast of toasts.value) {
        if (held) timers.get(toast.id)?.();
        else arm(toast);
      }
    },
    say,
    clear(): void {
      said.value = "";
      for (const toast of toasts.value) if (!toast.lasting) dismiss(toast.id);
    },
  };
}
export type Toasts = ReturnType<typeof createToasts>;
