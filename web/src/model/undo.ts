/** Finds the event behind something the user did, so that it can be undone. */
import type { Rondo } from "../api/rondo.ts";
import type { Change, ChangeType } from "../api/types.ts";

/** What was done: enough to find its event among the changes that arrive. */
export interface Done {
  subject: string;
  type: ChangeType;
  /** The version the write produced, when the answer told it. */
  version?: number;
  /** The cause of many changes at once, which are undone together. */
  causationId?: string;
  /** Settles when the cause is known, or when it is known that there is none: a step can be undone before its answer. */
  pending?: Promise<unknown>;
}

export type Undoable = { eventId: string } | { causationId: string };

/** A list goes and comes back with its tasks: they share the cause, not the event. */
function undoable(change: Change): Undoable {
  return change.type.startsWith("list.") ? { causationId: change.causationId } : { eventId: change.eventId };
}

const KEPT = 500;
const WAIT_MS = 1_500;

export const subjectOf = (change: Change): string | null =>
  change.taskId ?? change.list?.id ?? change.filter?.id ?? null;

export function createUndoLog(rondo: Rondo) {
  const recent: Change[] = [];
  const waiting = new Set<(change: Change) => void>();

  const matches = (change: Change, done: Done) =>
    subjectOf(change) === done.subject && change.type === done.type &&
    (done.version === undefined || change.task === null || change.task.version === done.version);

  /** The event over the stream, or null when it has not come in time. */
  function arriving(done: Done): Promise<Change | null> {
    return new Promise((resolve) => {
      const listener = (change: Change) => {
        if (!matches(change, done)) return;
        finish(change);
      };
      const timer = setTimeout(() => finish(null), WAIT_MS);
      const finish = (change: Change | null) => {
        clearTimeout(timer);
        waiting.delete(listener);
        resolve(change);
      };
      waiting.add(listener);
    });
  }

  return {
    record(change: Change): void {
      recent.push(change);
      if (recent.length > KEPT) recent.shift();
      for (const listener of waiting) listener(change);
    },
    /** What to undo for `done`: from the stream where it was seen, from the task's history otherwise. */
    async find(done: Done): Promise<Undoable | null> {
      await done.pending;
      if (done.causationId === undefined && done.pending !== undefined) return null;
      if (done.causationId !== undefined) return { causationId: done.causationId };
      const seen = recent.findLast((change) => matches(change, done));
      if (seen !== undefined) return undoable(seen);
      if (!done.type.startsWith("task.")) {
        const change = await arriving(done);
        return change === null ? null : undoable(change);
      }
      const { items } = await rondo.history(done.subject);
      const entry =
        items.find((item) =>
          item.type === done.type && (done.version === undefined || item.after?.version === done.version)
        ) ?? items.find((item) => item.type === done.type);
      return entry === undefined ? null : { eventId: entry.eventId };
    },
    clear(): void {
      recent.length = 0;
    },
  };
}
export type UndoLog = ReturnType<typeof createUndoLog>;
