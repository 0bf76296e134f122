/** Builders for tests: everything has a value, and a test names what it is about. */
import type { Task } from "../api/types.ts";

let made = 0;

export function aTask(part: Partial<Task> = {}): Task {
  made += 1;
  return {
    id: `task-${made}`,
    listId: "inbox",
    parentId: null,
    title: `Task ${made}`,
    notes: "",
    priority: "medium",
    tags: [],
    status: "open",
    due: null,
    dueAt: null,
    recurrence: null,
    seriesId: null,
    occurrence: null,
    reminders: [],
    position: "a0",
    version: 1,
    createdAt: "2026-01-01T00:00:00Z",
    updatedAt: "2026-01-01T00:00:00Z",
    completedAt: null,
    deletedAt: null,
    ...part,
  };
}
