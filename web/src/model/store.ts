/**
 * The local store of tasks: what the server said last, with the writes under way laid over it.
 * Everything on screen is read from here and nothing else holds a task, so that another source
 * (a database in the browser, a queue of offline writes) can feed it through the same few functions.
 */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Task } from "../api/types.ts";

export type Change = (task: Task) => Task;

/** A write under way. Exactly one of the two functions is called, once. */
export interface Mutation {
  /** The server accepted; its answer takes the place of the guess. */
  confirm(answer?: Task | null): void;
  /** The server refused; the guess is dropped and what the server said last shows again. */
  rollback(): void;
}

export interface TaskStore {
  /** Grows with every visible change; reading it subscribes to all tasks. */
  readonly revision: ReadonlySignal<number>;
  /** All tasks, as they are shown. Read within a computed, after the revision has been read. */
  all(): Iterable<Task>;
  get(id: string): Task | undefined;
  /** Takes a task from the server unless a newer version is known. True when it was news. */
  apply(task: Task): boolean;
  applyAll(tasks: Iterable<Task>): void;
  /** Forgets a task altogether. */
  forget(id: string): void;
  /** Shows `change` at once. */
  begin(id: string, change: Change): Mutation;
  /** Shows a task that the server does not know yet. */
  insert(task: Task): Mutation;
  /** A key that stays the same when a new task receives its real id, so that its row is not rebuilt. */
  keyOf(id: string): string;
  /** The real id of a task that was shown under a temporary one. */
  realId(id: string): string;
  /** Creations under way: their events wait, or one task would show twice for a moment. */
  creating(): number;
  /** Open tasks known before a full load which the load did not bring have been closed elsewhere. */
  beginSnapshot(): { finish(ids: ReadonlySet<string>): void };
  clear(): void;
}

interface Pending {
  change: Change;
}

export function createTaskStore(): TaskStore {
  /** What the server said. */
  const base = new Map<string, Task>();
  /** What is shown: `base` with every pending change applied. */
  const shown = new Map<string, Task>();
  const pending = new Map<string, Pending[]>();
  const temporary = new Set<string>();
  const keys = new Map<string, string>();
  const reals = new Map<string, string>();
  const revision = signal(0);
  let quiet = 0;

  const changed = () => {
    // Peeked: an effect that writes must not come to depend on what it writes.
    if (quiet === 0) revision.value = revision.peek() + 1;
  };

  function rebuild(id: string): void {
    const task = base.get(id);
    if (task === undefined) {
      shown.delete(id);
      return;
    }
    const changes = pending.get(id) ?? [];
    shown.set(id, changes.reduce((value, { change }) => change(value), task));
  }

  function apply(task: Task): boolean {
    const known = base.get(task.id);
    if (known !== undefined && known.version >= task.version) return false;
    base.set(task.id, task);
    rebuild(task.id);
    changed();
    return true;
  }

  function drop(id: string, entry: Pending): void {
    const left = (pending.get(id) ?? []).filter((other) => other !== entry);
    if (left.length === 0) pending.delete(id);
    else pending.set(id, left);
  }

  function forget(id: string): void {
    base.delete(id);
    shown.delete(id);
    pending.delete(id);
    changed();
  }

  return {
    revision: computed(() => revision.value),
    all: () => shown.values(),
    get: (id) => shown.get(reals.get(id) ?? id),
    apply,
    applyAll(tasks) {
      quiet += 1;
      let news = false;
      for (const task of tasks) news = apply(task) || news;
      quiet -= 1;
      if (news) changed();
    },
    forget,
    begin(id, change) {
      const entry: Pending = { change };
      pending.set(id, [...pending.get(id) ?? [], entry]);
      rebuild(id);
      changed();
      let settled = false;
      return {
        confirm(answer) {
          if (settled) return;
          settled = true;
          drop(id, entry);
          const known = base.get(id);
          if (answer !== undefined && answer !== null) apply(answer);
          // Without an answer the guess is kept at the old version: the event that follows replaces it.
          else if (known !== undefined) base.set(id, change(known));
          rebuild(id);
          changed();
        },
        rollback() {
          if (settled) return;
          settled = true;
          drop(id, entry);
          rebuild(id);
          changed();
        },
      };
    },
    insert(task) {
      temporary.add(task.id);
      base.set(task.id, task);
      rebuild(task.id);
      changed();
      return {
        confirm(answer) {
          if (!temporary.delete(task.id)) return;
          quiet += 1;
          forget(task.id);
          if (answer !== undefined && answer !== null) {
            keys.set(answer.id, task.id);
            reals.set(task.id, answer.id);
            apply(answer);
          }
          quiet -= 1;
          changed();
        },
        rollback() {
          if (temporary.delete(task.id)) forget(task.id);
        },
      };
    },
    keyOf: (id) => keys.get(id) ?? id,
    realId: (id) => reals.get(id) ?? id,
    creating: () => temporary.size,
    beginSnapshot() {
      const before = new Map(base);
      return {
        finish(ids) {
          quiet += 1;
          for (const [id, task] of before) {
            if (task.status !== "open" || task.deletedAt !== null) continue;
            if (ids.has(id) || temporary.has(id) || base.get(id) !== task) continue;
            forget(id);
          }
          quiet -= 1;
          changed();
        },
      };
    },
    clear() {
      for (const map of [base, shown, pending, keys, reals]) map.clear();
      temporary.clear();
      changed();
    },
  };
}
