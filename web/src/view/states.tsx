/** What stands where content will be: skeletons, emptiness, failures. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

/** True once `ms` have passed: what comes sooner needs no stand-in (look: skeletons after 150 ms). */
export function useAfter(ms: number): boolean {
  const [passed, setPassed] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setPassed(true), ms);
    return () => clearTimeout(timer);
  }, []);
  return passed;
}

export function Skeleton({ rows }: { rows: number }): JSX.Element {
  const shown = useAfter(150);
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {shown &&
        Array.from(
          { length: rows },
          (_, index) => (
            <div class="skeleton-row" key={index} data-width={index % 4}>
              <span />
              <span />
            </div>
          ),
        )}
    </div>
  );
}

export interface EmptyProps {
  icon: ComponentChildren;
  title: string;
  text: string;
  action?: { label: string; run: () => void };
}

export function Empty({ icon, title, text, action }: EmptyProps): JSX.Element {
  return (
    <div class="empty">
      <div class="empty-icon" aria-hidden="true">{icon}</div>
      <p class="empty-title">{title}</p>
      <p class="empty-text">{text}</p>
      {action && <button type="button" class="button" onClick={action.run}>{action.label}</button>}
    </div>
  );
}

export function Failed(
  { title, detail, retry }: { title: string; detail: string; retry: () => void },
): JSX.Element {
  return (
    <div class="empty" role="alert">
      <p class="empty-title">{title}</p>
      <p class="empty-text">{detail}</p>
      <button type="button" class="button" onClick={retry}>Try again</button>
    </div>
  );
}
