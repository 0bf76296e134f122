/** Places in an order given by hand: fractional keys, compared by their characters. */
import { generateNKeysBetween } from "fractional-indexing";
import type { Task } from "../api/types.ts";
import { byPosition, isOpen } from "./grouping.ts";

/** Positions between two others; none when one of them was written in another way: the server chooses then. */
export function keysBetween(before: string | null, after: string | null, count: number): string[] {
  try {
    return generateNKeysBetween(before, after, count);
  } catch {
    return [];
  }
}

/** Positions above everything in a list. */
export function keysOnTop(tasks: Iterable<Task>, listId: string | undefined, count: number): string[] {
  let first: Task | undefined;
  for (const task of tasks) {
    if (!isOpen(task) || task.listId !== listId) continue;
    if (first === undefined || byPosition(task, first) < 0) first = task;
  }
  return keysBetween(null, first?.position ?? null, count);
}
