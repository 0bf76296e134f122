/** The columns of the board. Pure. */
import type { ListWithCount, Priority, Task } from "../api/types.ts";
import { type Calendar } from "./dates.ts";
import { sorted } from "./grouping.ts";
import type { Drop } from "./moves.ts";
import { PRIORITIES } from "./priorities.ts";
import type { BoardBy } from "./route.ts";

export interface Column {
  key: string;
  title: string;
  colour?: ListWithCount["colour"];
  priority?: Priority;
  tasks: Task[];
  /** What being let go here means for a task that comes from `from`. */
  drop(from: string | null): Drop;
}

export interface BoardInput {
  by: BoardBy;
  tasks: readonly Task[];
  /** The Inbox first, then by position. */
  lists: readonly ListWithCount[];
  tags: readonly string[];
  calendar: Calendar;
}

const TAG = "tag:";
/** The column of tasks without a tag. */
const UNTAGGED = "none";

export function boardColumns({ by, tasks, lists, tags, calendar }: BoardInput): Column[] {
  switch (by) {
    case "list": {
      const of = Map.groupBy(tasks, (task) => task.listId);
      return lists.map((list): Column => ({
        key: list.id,
        title: list.name,
        ...(!list.inbox && { colour: list.colour }),
        tasks: sorted(of.get(list.id) ?? [], "manual", calendar),
        drop: () => ({ kind: "list", listId: list.id }),
      }));
    }
    case "priority": {
      const of = Map.groupBy(tasks, (task) => task.priority);
      return PRIORITIES.map(({ value, label }): Column => ({
        key: value,
        title: label,
        priority: value,
        tasks: sorted(of.get(value) ?? [], "due", calendar),
        drop: () => ({ kind: "priority", priority: value }),
      }));
    }
    case "tag": {
      const of = new Map<string, Task[]>();
      for (const task of tasks) {
        for (const tag of task.tags.length === 0 ? [""] : task.tags) {
          const same = of.get(tag);
          if (same === undefined) of.set(tag, [task]);
          else same.push(task);
        }
      }
      const untagged: Column = {
        key: UNTAGGED,
        title: "No tag",
        tasks: sorted(of.get("") ?? [], "due", calendar),
        drop: () => ({ kind: "tag", tag: null, from: null }),
      };
      return [
        untagged,
        ...tags.map((tag): Column => ({
          key: TAG + tag,
          title: `#${tag}`,
          tasks: sorted(of.get(tag) ?? [], "due", calendar),
          drop: (from) => ({
            kind: "tag",
            tag,
            from: from?.startsWith(TAG) ? from.slice(TAG.length) : null,
          }),
        })),
      ];
    }
  }
}

/** Where the arrow keys lead from a card. */
export function neighbourCard(
  columns: readonly Column[],
  from: { column: string; id: string },
  key: "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight",
): { column: string; id: string } | null {
  const at = columns.findIndex((column) => column.key === from.column);
  const column = columns[at];
  const row = column?.tasks.findIndex((task) => task.id === from.id) ?? -1;
  if (column === undefined || row < 0) return null;
  if (key === "ArrowUp" || key === "ArrowDown") {
    const next = column.tasks[row + (key === "ArrowDown" ? 1 : -1)];
    return next === undefined ? null : { column: column.key, id: next.id };
  }
  const step = key === "ArrowRight" ? 1 : -1;
  for (let k = at + step; k >= 0 && k < columns.length; k += step) {
    const other = columns[k];
    const next = other?.tasks[Math.min(row, other.tasks.length - 1)];
    if (other !== undefined && next !== undefined) return { column: other.key, id: next.id };
  }
  return null;
}
