/** Several rows that are meant at once. */
import { computed, signal } from "@preact/signals";

const NONE: ReadonlySet<string> = new Set();

export function createSelection() {
  const ids = signal<ReadonlySet<string>>(NONE);
  /** Where a range begins: the row that was added last by itself. */
  let anchor: string | null = null;

  return {
    ids: computed(() => ids.value),
    size: computed(() => ids.value.size),
    has: (id: string): boolean => ids.value.has(id),
    /** Adds or takes away one row. */
    toggle(id: string): void {
      const next = new Set(ids.peek());
      if (!next.delete(id)) next.add(id);
      ids.value = next;
      anchor = id;
    },
    /** Adds the rows from the anchor (or `from`) to `to`, in the order of the screen. */
    extend(order: readonly string[], to: string, from: string | null = null): void {
      const start = anchor !== null && order.includes(anchor) ? anchor : from ?? to;
      const [a, b] = [order.indexOf(start), order.indexOf(to)];
      if (a < 0 || b < 0) return;
      ids.value = new Set([...ids.peek(), ...order.slice(Math.min(a, b), Math.max(a, b) + 1)]);
      anchor = start;
    },
    all(order: readonly string[]): void {
      ids.value = new Set(order);
      anchor = order[0] ?? null;
    },
    /** Rows that are gone can't be meant any more. */
    keep(order: readonly string[]): void {
      if (ids.peek().size === 0) return;
      const there = new Set(order);
      const left = [...ids.peek()].filter((id) => there.has(id));
      if (left.length !== ids.peek().size) ids.value = left.length === 0 ? NONE : new Set(left);
    },
    clear(): void {
      anchor = null;
      if (ids.peek().size > 0) ids.value = NONE;
    },
  };
}
export type Selection = ReturnType<typeof createSelection>;
