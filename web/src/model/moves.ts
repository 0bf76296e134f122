/** Moving tasks: within an order, into a list, to a day, under another task. */
import type { ReadonlySignal } from "@preact/signals";
import type { ListWithCount, Priority, Task, TaskPatch } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import type { Bulk } from "./bulk.ts";
import { type Calendar, dayInSentence, localDue, onDay } from "./dates.ts";
import { keysBetween } from "./positions.ts";
import { priorityLabel } from "./priorities.ts";
import type { TaskStore } from "./store.ts";
import { quoted } from "./wording.ts";

/** Where a task is let go. */
export type Drop =
  /** With a place: also between two others of that list. */
  | { kind: "list"; listId: string; place?: { before: string | null; after: string | null } }
  | { kind: "priority"; priority: Priority }
  /** Null takes all tags that are columns away: the task is let go where none is. */
  | { kind: "tag"; tag: string | null; from: string | null }
  /** A day of the user's. */
  | { kind: "day"; date: string }
  /** Between two others of an order given by hand; null is the end. */
  | { kind: "between"; before: string | null; after: string | null };

export interface MovesOptions {
  store: TaskStore;
  actions: Actions;
  bulk: Bulk;
  lists: ReadonlySignal<readonly ListWithCount[]>;
  calendar: ReadonlySignal<Calendar>;
}

export function createMoves({ store, actions, bulk, lists, calendar }: MovesOptions) {
  const place = (id: string | null) => id === null ? null : store.get(id)?.position ?? null;
  /** Places for `ids` between two others. */
  function between(ids: readonly string[], before: string | null, after: string | null): string[] {
    const [low, high] = [place(before), place(after)];
    if (low === null || low !== high) return keysBetween(low, high, ids.length);
    // Two devices gave both the same place: there is none between them. What comes from above goes behind all of them.
    const own = place(ids[0] ?? null) ?? "";
    const listId = store.get(before ?? "")?.listId;
    let [lower, higher]: [string | null, string | null] = [null, null];
    for (const { listId: other, position } of store.all()) {
      if (other !== listId) continue;
      if (position < low && (lower === null || position > lower)) lower = position;
      if (position > low && (higher === null || position < higher)) higher = position;
    }
    return own > low ? keysBetween(lower, low, ids.length) : keysBetween(low, higher, ids.length);
  }

  /** What letting `task` go there changes, with its words; null when nothing. */
  function change(task: Task, drop: Drop): { patch: TaskPatch; said: string } | null {
    switch (drop.kind) {
      case "list": {
        if (task.listId === drop.listId) return null;
        const name = lists.peek().find((list) => list.id === drop.listId)?.name ?? "another list";
        const patch: TaskPatch = { listId: drop.listId };
        const [position] = drop.place === undefined
          ? []
          : between([task.id], drop.place.before, drop.place.after);
        if (position !== undefined) patch.position = position;
        return { patch, said: `Moved to ${name}` };
      }
      case "priority":
        if (task.priority === drop.priority) return null;
        return {
          patch: { priority: drop.priority },
          said: `Priority set to ${priorityLabel(drop.priority).toLowerCase()}`,
        };
      case "tag": {
        const { tag, from } = drop;
        const left = tag === null ? [] : task.tags.filter((other) => other !== from || other === tag);
        const tags = tag === null || left.includes(tag) ? left : [...left, tag];
        if (tags.join() === task.tags.join()) return null;
        return { patch: { tags }, said: tag === null ? "Tags removed" : `Tagged #${tag}` };
      }
      case "day": {
        const { timeZone } = calendar.peek();
        if (task.due !== null && localDue(task.due, timeZone).day === drop.date) return null;
        return {
          patch: { due: onDay(task.due, drop.date, timeZone) },
          said: `Moved to ${dayInSentence(Temporal.PlainDate.from(drop.date), calendar.peek())}`,
        };
      }
      case "between": {
        if (drop.before === task.id || drop.after === task.id) return null;
        const [position] = between([task.id], drop.before, drop.after);
        return position === undefined ? null : { patch: { position }, said: `Moved ${quoted(task.title)}` };
      }
    }
  }

  return {
    /** Lets tasks go somewhere; one shows its own words, several are one step. */
    async drop(ids: readonly string[], drop: Drop): Promise<boolean> {
      const [id] = ids;
      if (ids.length > 1) {
        switch (drop.kind) {
          case "day":
            return await bulk.setDay(ids, drop.date);
          case "list":
            return await bulk.setList(ids, drop.listId);
          case "priority":
            return await bulk.setPriority(ids, drop.priority);
          case "tag":
            return await bulk.update(
              ids,
              (task) => change(task, drop)?.patch ?? null,
              (count) => `Tags of ${count} tasks changed`,
            );
          case "between": {
            const keys = between(ids, drop.before, drop.after);
            return await bulk.update(ids, (task) => {
              const position = keys[ids.indexOf(task.id)];
              return position === undefined ? null : { position };
            }, (count) => `Moved ${count} tasks`);
          }
        }
      }
      const task = id === undefined ? undefined : store.get(id);
      const made = task === undefined ? null : change(task, drop);
      return task !== undefined && made !== null && await actions.patch(task.id, made.patch, made.said);
    },
    /** One step up or down in an order given by hand; the row keeps the focus. */
    async step(id: string, order: readonly string[], by: 1 | -1): Promise<boolean> {
      const at = order.indexOf(id);
      const to = at + by;
      if (at < 0 || to < 0 || to >= order.length) return false;
      const [before, after] = by > 0 ? [order[to], order[to + 1]] : [order[to - 1], order[to]];
      return await this.drop([id], { kind: "between", before: before ?? null, after: after ?? null });
    },
    /** Makes a task part of another, or (null) a task of its own. */
    async setParent(id: string, parentId: string | null): Promise<boolean> {
      const task = store.get(id);
      const parent = parentId === null ? undefined : store.get(parentId);
      if (task === undefined || task.parentId === parentId) return false;
      if (parent === undefined) {
        return await actions.patch(id, { parentId: null }, "Is a task of its own now");
      }
      const patch: TaskPatch = { parentId: parent.id };
      if (parent.listId !== task.listId) patch.listId = parent.listId;
      return await actions.patch(id, patch, `Now part of ${quoted(parent.title)}`);
    },
    /** Moves a task by days; one without a date starts from today. */
    async shift(id: string, days: number): Promise<boolean> {
      const task = store.get(id);
      if (task === undefined) return false;
      const { today, timeZone } = calendar.peek();
      const from = task.due === null ? today : localDue(task.due, timeZone).date;
      return await this.drop([id], { kind: "day", date: from.add({ days }).toString() });
    },
  };
}
export type Moves = ReturnType<typeof createMoves>;
