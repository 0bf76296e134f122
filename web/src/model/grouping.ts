/** Which tasks a view shows, in which order and under which headings. Pure. */
import type { Priority, Task } from "../api/types.ts";
import { type Calendar, isOverdue, localDue } from "./dates.ts";

export interface Section {
  key: string;
  /** A day for headings that are dates, words for the rest, null where one list needs no heading. */
  heading: { kind: "day"; date: Temporal.PlainDate } | { kind: "words"; text: string } | null;
  tasks: Task[];
}

const RANK: Record<Priority, number> = { urgent: 0, high: 1, medium: 2, low: 3 };

export const isLive = (task: Task) => task.deletedAt === null;
export const isOpen = (task: Task) => isLive(task) && task.status === "open";

/** Fractional positions compare by their characters, not by a locale. */
export function byPosition(a: Task, b: Task): number {
  if (a.position !== b.position) return a.position < b.position ? -1 : 1;
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** Day, then timed before whole days, then time, then priority, then the order given by hand. */
export function byDue(timeZone: string): (a: Task, b: Task) => number {
  return (a, b) => byKey({ task: a, key: dueKey(a, timeZone) }, { task: b, key: dueKey(b, timeZone) });
}

/** Text that orders as a due does, but for the order given by hand; what has no date is last. */
function dueKey({ due, priority }: Task, timeZone: string): string {
  if (due === null) return "~";
  const { day, time } = localDue(due, timeZone);
  return `${day} ${time ?? "~"} ${RANK[priority]}`;
}

interface Keyed {
  task: Task;
  key: string;
}

const byKey = (a: Keyed, b: Keyed): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : byPosition(a.task, b.task);

/** Newest first by an instant that both have. */
function newestFirst(field: "completedAt" | "deletedAt"): (a: Task, b: Task) => number {
  // Instants of the server are written alike: they compare by their characters.
  return (a, b) => {
    const [one, other] = [a[field] ?? "", b[field] ?? ""];
    return one > other ? -1 : one < other ? 1 : byPosition(a, b);
  };
}

export type Sort = "manual" | "due" | "priority" | "title";

const collators = new Map<string, Intl.Collator>();

/** Slow to make, and the same for every revision of the tasks. */
function collatorOf(locale: string): Intl.Collator {
  let made = collators.get(locale);
  if (made === undefined) {
    collators.set(locale, made = new Intl.Collator(locale, { numeric: true, sensitivity: "base" }));
  }
  return made;
}

/** The tasks in an order, as a new array. */
export function sorted(tasks: readonly Task[], sort: Sort, { timeZone, locale }: Calendar): Task[] {
  switch (sort) {
    case "manual":
      return tasks.toSorted(byPosition);
    case "title": {
      const { compare } = collatorOf(locale);
      return tasks.toSorted((a, b) => compare(a.title, b.title) || byPosition(a, b));
    }
    case "due":
      return sortedByKey(tasks, (task) => dueKey(task, timeZone));
    case "priority":
      return sortedByKey(tasks, (task) => `${RANK[task.priority]} ${dueKey(task, timeZone)}`);
  }
}

/**
 * The key is made once for each task and not at each comparison: of ten thousand tasks there are a hundred thousand of
 * those, at every key typed into a filter.
 */
function sortedByKey(tasks: readonly Task[], keyOf: (task: Task) => string): Task[] {
  return tasks.map((task) => ({ task, key: keyOf(task) })).sort(byKey).map(({ task }) => task);
}

/** Overdue first, then what is due today. */
export function todaySections(tasks: Iterable<Task>, calendar: Calendar): Section[] {
  const overdue: Task[] = [];
  const today: Task[] = [];
  for (const task of tasks) {
    if (task.due === null) continue;
    const { day } = localDue(task.due, calendar.timeZone);
    if (day > calendar.day) continue;
    // A time that has passed today stays under today, in the overdue colour: it is still this day's work.
    if (day < calendar.day) overdue.push(task);
    else today.push(task);
  }
  const sections: Section[] = [];
  if (overdue.length > 0) {
    sections.push({
      key: "overdue",
      heading: { kind: "words", text: "Overdue" },
      tasks: sorted(overdue, "due", calendar),
    });
  }
  if (today.length > 0) {
    const heading = overdue.length > 0 ? { kind: "words" as const, text: "Today" } : null;
    sections.push({ key: "today", heading, tasks: sorted(today, "due", calendar) });
  }
  return sections;
}

/** One section for each day after today that has something. */
export function upcomingSections(tasks: Iterable<Task>, calendar: Calendar): Section[] {
  const days = new Map<string, Section>();
  for (const task of tasks) {
    if (task.due === null) continue;
    const { date, day: key } = localDue(task.due, calendar.timeZone);
    if (key <= calendar.day) continue;
    let section = days.get(key);
    if (section === undefined) days.set(key, section = { key, heading: { kind: "day", date }, tasks: [] });
    section.tasks.push(task);
  }
  return [...days.values()]
    .sort((a, b) => a.key < b.key ? -1 : 1)
    .map((section) => ({ ...section, tasks: sorted(section.tasks, "due", calendar) }));
}

/** Completed (or deleted) tasks by the day it happened, newest first. */
export function pastSections(
  tasks: Iterable<Task>,
  field: "completedAt" | "deletedAt",
  dayOf: (instant: string) => Temporal.PlainDate,
): Section[] {
  const days = new Map<string, Section>();
  for (const task of [...tasks].sort(newestFirst(field))) {
    const instant = task[field];
    if (instant === null) continue;
    const date = dayOf(instant);
    const key = date.toString();
    let section = days.get(key);
    if (section === undefined) days.set(key, section = { key, heading: { kind: "day", date }, tasks: [] });
    section.tasks.push(task);
  }
  return [...days.values()];
}

/** How many of each, over all open tasks: what the sidebar shows. */
export interface Counts {
  inbox: number;
  today: number;
  overdue: number;
  lists: ReadonlyMap<string, number>;
  tags: ReadonlyMap<string, number>;
  /** Open and completed subtasks known of each parent. */
  subtasks: ReadonlyMap<string, { open: number; done: number }>;
}

export function countTasks(tasks: Iterable<Task>, inboxId: string | null, calendar: Calendar): Counts {
  const lists = new Map<string, number>();
  const tags = new Map<string, number>();
  const subtasks = new Map<string, { open: number; done: number }>();
  let today = 0;
  let overdue = 0;
  for (const task of tasks) {
    if (!isLive(task)) continue;
    if (task.parentId !== null) {
      let of = subtasks.get(task.parentId);
      if (of === undefined) subtasks.set(task.parentId, of = { open: 0, done: 0 });
      if (task.status === "open") of.open += 1;
      else of.done += 1;
    }
    if (task.status !== "open") continue;
    // Subtasks are counted with their parent, as the list shows them.
    if (task.parentId === null) lists.set(task.listId, (lists.get(task.listId) ?? 0) + 1);
    for (const tag of task.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
    if (task.due !== null) {
      if (localDue(task.due, calendar.timeZone).day <= calendar.day) today += 1;
      if (isOverdue(task, calendar)) overdue += 1;
    }
  }
  return { inbox: inboxId === null ? 0 : lists.get(inboxId) ?? 0, today, overdue, lists, tags, subtasks };
}
