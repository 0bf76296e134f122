/** Whether a task meets a condition; a condition is made into a function once and asked of thousands of tasks. */
import { type Condition, type Flag, fold } from "./parse.ts";

/** A task, as far as filters look at it. */
export interface FilterTask {
  id: string;
  title: string;
  notes: string;
  priority: string;
  tags: readonly string[];
  listId: string;
  parentId: string | null;
  due: { date: string; time: string | null; timeZone: string | null } | null;
  recurrence: unknown;
  reminders: readonly unknown[];
  createdAt: string;
  updatedAt: string;
}

/** What a task alone does not say. */
export interface FilterWorld<T extends FilterTask = FilterTask> {
  /** The user's day, `YYYY-MM-DD`, and civil time, `HH:MM`. */
  today: string;
  time: string;
  /** Where a due falls for the user; called only for tasks that have one. */
  localDue(due: NonNullable<T["due"]>): { day: string; time: string | null };
  /** The user's day of an instant. */
  dayOf(instant: string): string;
  list(id: string): { name: string; inbox: boolean } | undefined;
  hasSubtasks(id: string): boolean;
}

export type Matcher<T extends FilterTask = FilterTask> = (task: T) => boolean;

/** The condition as a function of a task. */
export function compileFilter<T extends FilterTask>(condition: Condition, world: FilterWorld<T>): Matcher<T> {
  switch (condition.kind) {
    case "and": {
      const parts = condition.parts.map((part) => compileFilter(part, world));
      return (task) => parts.every((part) => part(task));
    }
    case "or": {
      const parts = condition.parts.map((part) => compileFilter(part, world));
      return (task) => parts.some((part) => part(task));
    }
    case "not": {
      const part = compileFilter(condition.part, world);
      return (task) => !part(task);
    }
    case "flag":
      return flag(condition.flag, world);
    case "priority":
      return (task) => task.priority === condition.priority;
    case "tag": {
      const named = nameMatcher(condition.name);
      return (task) => task.tags.some(named);
    }
    case "list": {
      const named = nameMatcher(condition.name);
      return (task) => {
        const list = world.list(task.listId);
        return list !== undefined && named(list.name);
      };
    }
    case "search": {
      const { words } = condition;
      return (task) => {
        const text = searchText(task);
        return words.every((word) => text.includes(word));
      };
    }
    case "date": {
      const { field, from, to } = condition;
      const day = (task: T): string | null => {
        switch (field) {
          case "due":
            return task.due === null ? null : world.localDue(task.due).day;
          case "created":
            return world.dayOf(task.createdAt);
          case "changed":
            return world.dayOf(task.updatedAt);
        }
      };
      return (task) => {
        const on = day(task);
        return on !== null && (from === null || on >= from) && (to === null || on <= to);
      };
    }
  }
}

/** What a task is searched in, folded once: a filter that is being written asks for it at every key. */
const searchTexts = new WeakMap<FilterTask, string>();
function searchText(task: FilterTask): string {
  let text = searchTexts.get(task);
  if (text === undefined) searchTexts.set(task, text = fold(`${task.title}\n${task.notes}`));
  return text;
}

function flag<T extends FilterTask>(name: Flag, world: FilterWorld<T>): Matcher<T> {
  switch (name) {
    case "all":
      return () => true;
    case "overdue":
      return ({ due }) => {
        if (due === null) return false;
        const { day, time } = world.localDue(due);
        return day < world.today || (day === world.today && time !== null && time < world.time);
      };
    case "upcoming":
      return ({ due }) => due !== null && world.localDue(due).day > world.today;
    case "no-date":
      return ({ due }) => due === null;
    case "has-time":
      return ({ due }) => due !== null && due.time !== null;
    case "recurring":
      return ({ recurrence }) => recurrence !== null;
    case "reminder":
      return ({ reminders }) => reminders.length > 0;
    case "subtask":
      return ({ parentId }) => parentId !== null;
    case "has-subtasks":
      return ({ id }) => world.hasSubtasks(id);
    case "no-tags":
      return ({ tags }) => tags.length === 0;
    case "inbox":
      return ({ listId }) => world.list(listId)?.inbox === true;
  }
}

/** Compares names without case and accents; `*` stands for any characters. */
function nameMatcher(wanted: string): (name: string) => boolean {
  const pieces = fold(wanted).split("*");
  const [first = ""] = pieces;
  if (pieces.length === 1) return (name) => fold(name) === first;
  const last = pieces.at(-1) ?? "";
  const between = pieces.slice(1, -1);
  return (name) => {
    const text = fold(name);
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) {
      return false;
    }
    let at = first.length;
    const end = text.length - last.length;
    for (const piece of between) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}
