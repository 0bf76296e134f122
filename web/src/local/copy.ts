/**
 * What one user has in this browser: the tasks as the server said them last, and the changes it has not got yet.
 * Behind it is IndexedDB (`indexed.ts`), or memory where a browser gives no storage.
 */
import type { Filter, ListWithCount, Me, Notification, Task } from "../api/types.ts";
import {
  isOfTask,
  madeBy,
  type NewOperation,
  type Operation,
  type OtherAnswer,
  type Reason,
  type Refusal,
  temporaryIdsOf,
} from "../model/intents.ts";

/** What is kept as one value each. */
export interface Kept {
  me: Me | null;
  lists: readonly ListWithCount[];
  filters: readonly Filter[];
  notifications: { items: readonly Notification[]; unread: number; nextCursor: string | null } | null;
  /** The last change that the tasks hold; null as long as they have not all been read. */
  seq: number | null;
}

export interface Snapshot extends Kept {
  tasks: readonly Task[];
  operations: readonly Operation[];
  refusals: readonly Refusal[];
  /** Real ids by temporary ones. */
  aliases: ReadonlyMap<string, string>;
}

export interface TasksToSave {
  tasks: Iterable<Task>;
  /** Tasks that the server no longer has. */
  forget?: Iterable<string>;
  /** All tasks have been read as of this change; null when they have to be read again. */
  seq?: number | null;
  /** All changes up to this one are kept: a position moves on to it, but where there is none it makes none. */
  upTo?: number;
}

/** Every function rejects when the storage does. Several tabs work on one copy at the same time. */
export interface LocalCopy {
  read(): Promise<Snapshot>;
  /** Takes newer versions only. */
  saveTasks(part: TasksToSave): Promise<void>;
  keep(part: Partial<Omit<Kept, "seq">>): Promise<void>;

  enqueue(operation: NewOperation): Promise<Operation>;
  /** The oldest operation, from now on marked as sent, or null. */
  take(): Promise<Operation | null>;
  /** Keys of the operations that the server has not got yet. */
  waiting(): Promise<readonly string[]>;
  /** Real id of a temporary one. */
  realId(temporary: string): Promise<string | undefined>;
  /** The operation is done: its answer stays instead of it. */
  settle(operation: Operation, answer: Task | OtherAnswer): Promise<void>;
  /** Gives an operation other content (and key) in its place in the queue. */
  replace(operation: Operation): Promise<void>;
  /** The operation leaves the queue and stays until it is dismissed. */
  refuse(operation: Operation, reason: Reason & { at: string }): Promise<Refusal>;
  /** Takes back an operation that was never sent, with all that build on it; null when it is too late. */
  cancel(key: string): Promise<Operation[] | null>;
  /** Forgets a refusal. */
  dismiss(key: string): Promise<void>;

  /** Everything goes. With `keepQueue` what the server has not got stays. */
  clear(options?: { keepQueue?: boolean }): Promise<void>;
  close(): void;
}

/** Where copies are. */
export interface LocalCopies {
  /** Whose copy is shown when the browser starts; null after signing out. */
  lastUser(): string | null;
  setLastUser(userId: string | null): void;
  /** The copy of one user. What others left here goes, but for changes of theirs that were never sent. */
  open(userId: string): Promise<LocalCopy>;
}

/** Operations of `all` that make no sense without `first`: those of a task that it would have made. */
export function dependents(all: readonly Operation[], first: Operation): Operation[] {
  const made = madeBy(first.intent);
  if (made === null) return [];
  const gone = new Set([made]);
  return all.filter(({ intent }) => {
    const orphan = temporaryIdsOf(intent).some((id) => gone.has(id));
    const next = orphan ? madeBy(intent) : null;
    if (next !== null) gone.add(next);
    return orphan;
  });
}

/** What goes with an operation that is taken back; null when it can't be: it was sent, or tasks are in its list. */
export function takenBack(all: readonly Operation[], first: Operation | undefined): Operation[] | null {
  if (first === undefined || first.attempted) return null;
  const others = dependents(all, first);
  if (first.intent.kind === "create-list" && others.some(({ intent }) => isOfTask(intent))) return null;
  return [first, ...others];
}

/** What an answer leaves in the copy: a task, and the real id of what was made. */
export function answered(
  { intent }: Operation,
  answer: Task | OtherAnswer,
): { task: Task | null; alias: { temporary: string; real: string } | null } {
  const temporary = madeBy(intent);
  return {
    task: isOfTask(intent) ? answer as Task | null : null,
    alias: temporary !== null && answer !== null ? { temporary, real: answer.id } : null,
  };
}

export const NOTHING_KEPT: Kept = { me: null, lists: [], filters: [], notifications: null, seq: null };

/** A copy that lasts as long as its tab. */
export function memoryCopy(): LocalCopy {
  const tasks = new Map<string, Task>();
  const aliases = new Map<string, string>();
  let kept: Kept = NOTHING_KEPT;
  let operations: Operation[] = [];
  let refusals: Refusal[] = [];
  let made = 0;
  const without = (key: string) => operations.filter((operation) => operation.key !== key);
  const put = (task: Task) => {
    const known = tasks.get(task.id);
    if (known === undefined || known.version <= task.version) tasks.set(task.id, task);
  };
  const now = <T>(run: () => T): Promise<T> => Promise.resolve().then(run);
  return {
    read: () => now(() => ({ ...kept, tasks: [...tasks.values()], operations, refusals, aliases })),
    saveTasks: ({ tasks: given, forget = [], upTo = 0, ...part }) =>
      now(() => {
        for (const task of given) put(task);
        for (const id of forget) tasks.delete(id);
        const { seq } = { ...kept, ...part };
        kept = { ...kept, seq: seq === null ? null : Math.max(seq, upTo) };
      }),
    keep: (part) =>
      now(() => {
        kept = { ...kept, ...part };
      }),
    enqueue: (operation) =>
      now(() => {
        const queued: Operation = { ...operation, id: ++made, attempted: false };
        operations = [...operations, queued];
        return queued;
      }),
    take: () =>
      now(() => {
        const [first, ...rest] = operations;
        if (first === undefined) return null;
        const sent = { ...first, attempted: true };
        operations = [sent, ...rest];
        return sent;
      }),
    waiting: () => now(() => operations.map(({ key }) => key)),
    realId: (temporary) => now(() => aliases.get(temporary)),
    settle: (operation, answer) =>
      now(() => {
        operations = without(operation.key);
        const { task, alias } = answered(operation, answer);
        if (task !== null) put(task);
        if (alias !== null) aliases.set(alias.temporary, alias.real);
      }),
    replace: (operation) =>
      now(() => {
        operations = operations.map((other) => other.id === operation.id ? operation : other);
      }),
    refuse: (operation, reason) =>
      now(() => {
        const refusal: Refusal = { ...reason, operation };
        operations = without(operation.key);
        refusals = [...refusals, refusal];
        return refusal;
      }),
    cancel: (key) =>
      now(() => {
        const gone = takenBack(operations, operations.find((operation) => operation.key === key));
        operations = operations.filter((operation) => !gone?.includes(operation));
        return gone;
      }),
    dismiss: (key) =>
      now(() => {
        refusals = refusals.filter(({ operation }) => operation.key !== key);
      }),
    clear: ({ keepQueue = false } = {}) =>
      now(() => {
        tasks.clear();
        kept = NOTHING_KEPT;
        if (keepQueue) return;
        aliases.clear();
        operations = [];
        refusals = [];
      }),
    close: () => {},
  };
}

/** Copies in memory: for tests, and for browsers without storage. */
export function memoryCopies(): LocalCopies {
  const copies = new Map<string, LocalCopy>();
  let last: string | null = null;
  return {
    lastUser: () => last,
    setLastUser(userId) {
      last = userId;
    },
    async open(userId) {
      for (const [id, copy] of copies) if (id !== userId) await copy.clear({ keepQueue: true });
      const copy = copies.get(userId) ?? memoryCopy();
      copies.set(userId, copy);
      return copy;
    },
  };
}
