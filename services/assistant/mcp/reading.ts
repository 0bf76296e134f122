/** Tools that only read. */
import { z } from "zod";
import { Actor, AuditEntry, CHANGE_TYPES } from "../../shared/contracts/events.ts";
import {
  Filter,
  ListWithCount,
  Me,
  Notification,
  ReminderEntry,
  ReminderStatus,
} from "../../shared/contracts/resources.ts";
import { Instant, InstantInput, Task, Uuid } from "../../shared/contracts/task.ts";
import type { ApiCall } from "../api.ts";
import { Page, TaskId, TaskSearch } from "./fields.ts";

/** A tool that asks the api one question. */
export interface ReadingTool {
  name: string;
  title: string;
  description: string;
  input: z.ZodObject;
  output: z.ZodObject;
  /** `args` fit `input`. */
  call(args: never): ApiCall;
}

const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
const itemsOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });

const HistoryEntry = z.object({
  eventId: Uuid,
  seq: z.int(),
  type: z.enum(CHANGE_TYPES),
  at: Instant,
  actor: Actor,
  causationId: Uuid,
  before: z.record(z.string(), z.unknown()).nullable(),
  after: Task.nullable(),
});

const tool = <I extends z.ZodObject>(
  definition: Omit<ReadingTool, "input" | "call"> & { input: I; call(args: z.infer<I>): ApiCall },
): ReadingTool => definition;

export const READING_TOOLS: readonly ReadingTool[] = [
  tool({
    name: "search_tasks",
    title: "Find tasks",
    description:
      "Finds the user's tasks by words, date, list, tags, priority and state. Use it to get ids before changing anything.",
    input: TaskSearch,
    output: pageOf(Task),
    call: ({ text, tags, listId, parentId, trash, ...rest }) => ({
      method: "GET",
      path: "/api/tasks",
      query: { q: text, tag: tags, list: listId, parent: parentId, deleted: trash, ...rest },
    }),
  }),
  tool({
    name: "get_task",
    title: "Look at a task",
    description: "One task with its notes, now or as it was at an instant.",
    input: z.strictObject({ id: TaskId, at: InstantInput.optional().describe("As it was at this instant") }),
    output: Task,
    call: ({ id, at }) => ({ method: "GET", path: `/api/tasks/${id}`, query: { at } }),
  }),
  tool({
    name: "task_history",
    title: "History of a task",
    description: "What happened to a task, newest first: who changed which fields, and the ids that undo it.",
    input: Page.extend({ id: TaskId }),
    output: pageOf(HistoryEntry),
    call: ({ id, ...query }) => ({ method: "GET", path: `/api/tasks/${id}/history`, query }),
  }),
  tool({
    name: "list_lists",
    title: "Lists",
    description: "The user's lists with the number of open tasks, the Inbox first.",
    input: z.strictObject({}),
    output: itemsOf(ListWithCount),
    call: () => ({ method: "GET", path: "/api/lists" }),
  }),
  tool({
    name: "list_tags",
    title: "Tags",
    description: "The user's tags with the number of open tasks, most used first.",
    input: z.strictObject({}),
    output: itemsOf(z.object({ tag: z.string(), open: z.int() })),
    call: () => ({ method: "GET", path: "/api/tags" }),
  }),
  tool({
    name: "list_filters",
    title: "Saved filters",
    description: "The user's saved filters.",
    input: z.strictObject({}),
    output: itemsOf(Filter),
    call: () => ({ method: "GET", path: "/api/filters" }),
  }),
  tool({
    name: "list_reminders",
    title: "Reminders",
    description: "The reminder ledger: when each reminder fires, and why one did or did not.",
    input: Page.extend({ taskId: Uuid.optional(), status: ReminderStatus.optional() }),
    output: pageOf(ReminderEntry),
    call: (query) => ({ method: "GET", path: "/api/reminders", query }),
  }),
  tool({
    name: "list_notifications",
    title: "Notifications",
    description: "What the user was told, newest first, and the number of unread ones.",
    input: Page.extend({ unread: z.boolean().optional().describe("true: unread ones only") }),
    output: pageOf(Notification).extend({ unread: z.int() }),
    call: (query) => ({ method: "GET", path: "/api/notifications", query }),
  }),
  tool({
    name: "list_changes",
    title: "Changes",
    description:
      "Everything that changed after a number, oldest first: tasks, lists, filters and the profile, with the ids that undo it.",
    input: z.strictObject({
      since: z.int().min(0).describe("The number of the last change already known; 0: from the beginning"),
      limit: z.int().min(1).max(500).optional().describe("Default 100"),
    }),
    output: z.object({
      changes: z.array(z.looseObject({ seq: z.int(), eventId: Uuid, type: z.string(), causationId: Uuid })),
      nextSeq: z.int(),
      hasMore: z.boolean(),
    }),
    call: (query) => ({ method: "GET", path: "/api/changes", query }),
  }),
  tool({
    name: "read_audit_log",
    title: "Audit log",
    description: "Who did what and when, newest first, from the log that nobody can change.",
    input: Page.extend({
      taskId: Uuid.optional(),
      type: z.string().max(100).optional().describe("Such as task.completed.v1"),
      from: InstantInput.optional(),
      to: InstantInput.optional(),
      actor: z.string().max(200).optional(),
    }),
    output: pageOf(AuditEntry),
    call: (query) => ({ method: "GET", path: "/api/audit", query }),
  }),
  tool({
    name: "get_profile",
    title: "Who the user is",
    description: "Name, time zone and preferences of the user: dates are meant in this zone.",
    input: z.strictObject({}),
    output: Me,
    call: () => ({ method: "GET", path: "/api/me" }),
  }),
];
