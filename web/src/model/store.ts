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
  /** A task, a list or a filter that used to be shown under a temporary id. */
  alias(temporary: string, real: string): void;
  /** A list has its real id: its tasks follow. */
  aliasList(temporary: string, real: string): void;
  /** A task of the server with the title and the place of this one. */
  findLike(task: Task): Task | undefined;
  /** Creations under way. */
  creating(): number;
  /** Whether a task of this title is being created: its event waits, or it would show twice for a moment. */
  awaits(title: string): boolean;
  /** Open tasks known before a full load which the load did not bring have been closed elsewhere: `finish` forgets them and says which. */
  beginSnapshot(): { finish(ids: ReadonlySet<string>): string[] };
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
    const next = changes.reduce((value, { change }) => change(value), task);
    const listId = reals.get(next.listId);
    shown.set(id, listId === undefined ? next : { ...next, listId });
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
    begin(given, change) {
      const entry: Pending = { change };
      let id = reals.get(given) ?? given;
      /** The task may have received its real id meanwhile; what was laid over it went along. */
      const follow = () => {
        id = reals.get(id) ?? id;
      };
      pending.set(id, [...pending.get(id) ?? [], entry]);
      rebuild(id);
      changed();
      let settled = false;
      return {
        confirm(answer) {
          if (settled) return;
          settled = true;
          follow();
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
          follow();
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
          const over = pending.get(task.id) ?? [];
          forget(task.id);
          if (answer !== undefined && answer !== null) {
            keys.set(answer.id, task.id);
            reals.set(task.id, answer.id);
            if (over.length > 0) pending.set(answer.id, [...over, ...pending.get(answer.id) ?? []]);
            for (const id of temporary) {
              const child = base.get(id);
              if (child?.parentId !== task.id) continue;
              base.set(id, { ...child, parentId: answer.id });
              rebuild(id);
            }
            apply(answer);
            rebuild(answer.id);
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
    alias(temporary, real) {
      reals.set(temporary, real);
      keys.set(real, temporary);
    },
    aliasList(temporary, real) {
      reals.set(temporary, real);
      for (const [id, task] of [...shown]) if (task.listId === temporary) rebuild(id);
      changed();
    },
    findLike: ({ title, listId, position }) =>
      [...base.values()].find((task) =>
        task.version > 0 && task.title === title && task.listId === listId && task.position === position
      ),
    creating: () => temporary.size,
    awaits: (title) => [...temporary].some((id) => base.get(id)?.title === title),
    beginSnapshot() {
      const before = new Map(base);
      return {
        finish(ids) {
          const gone: string[] = [];
          quiet += 1;
          for (const [id, task] of before) {
            if (task.status !== "open" || task.deletedAt !== null) continue;
            if (ids.has(id) || temporary.has(id) || base.get(id) !== task) continue;
            gone.push(id);
            forget(id);
          }
          quiet -= 1;
          changed();
          return gone;
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
