/** What tools take, from the contracts of the API, with the words that a model needs beside the types. */
import { z } from "zod";
import {
  DueInput,
  Priority,
  RecurrenceInput,
  ReminderInput,
  Tag,
  TaskInput,
  TaskPatch,
  Uuid,
} from "../../shared/contracts/task.ts";

const DUE = "A civil date, with a time and an IANA zone if they matter; without a zone it is the user's own";
const RECURRENCE =
  'daily, weekly, monthly, yearly, or {rule, mode}: rule is an RFC 5545 RRULE without "RRULE:", mode "completion" ' +
  "counts from the day it was done. Needs due";
const REMINDERS = "{before} an ISO 8601 duration before due, such as PT30M or P1D, or {at} an instant";
const LIST = "A list of list_lists; without it the Inbox";

export const TaskId = Uuid.describe("The task's id, as a read tool gave it");

/** What makes a task. */
export const NewTask = TaskInput.omit({ position: true }).extend({
  listId: Uuid.nullish().describe(LIST),
  parentId: Uuid.nullish().describe("Makes it a subtask of this task"),
  due: DueInput.nullish().describe(DUE),
  recurrence: RecurrenceInput.nullish().describe(RECURRENCE),
  reminders: z.array(ReminderInput).max(20).optional().describe(REMINDERS),
});

/** What changes a task: only the fields that are named; null clears one. */
export const ChangedTask = TaskPatch.omit({ position: true }).extend({
  id: TaskId,
  listId: Uuid.optional().describe(LIST),
  due: DueInput.partial().nullable().optional().describe(`${DUE}; null: none`),
  reminders: z.array(ReminderInput).max(20).nullable().optional().describe(`${REMINDERS}. Replaces all`),
});

/** What every tool that changes something takes beside its own. */
export const Deciding = {
  preview: z.boolean().optional().describe(
    "true: only show what would change. Give it whenever it is not certain what the user means",
  ),
  confirm: z.string().optional().describe(
    "The `confirm` of a result that needs confirmation, once the user has seen its changes and agreed",
  ),
};

const page = {
  limit: z.int().min(1).max(200).optional().describe("Default 50"),
  cursor: z.string().optional().describe("The nextCursor of the page before"),
};
export const Page = z.strictObject(page);

/** What finds tasks. */
export const TaskSearch = z.strictObject({
  text: z.string().min(1).max(200).optional().describe(
    "All of these words in title, notes or tags, in any order; prefixes and small typos are found",
  ),
  status: z.enum(["open", "completed", "all"]).optional().describe("Default open"),
  due: z.enum(["today", "overdue", "upcoming", "none"]).optional(),
  dueFrom: z.iso.date().optional().describe("Due on this date or later, in the user's zone"),
  dueTo: z.iso.date().optional().describe("Due on this date or earlier"),
  priority: Priority.optional(),
  tags: z.array(Tag).max(50).optional().describe("All of them must be on the task"),
  listId: Uuid.optional(),
  parentId: Uuid.optional().describe("Subtasks of this task"),
  trash: z.boolean().optional().describe("true: the trash instead"),
  sort: z.enum(["due", "priority", "created", "updated", "title", "position", "relevance"]).optional(),
  order: z.enum(["asc", "desc"]).optional(),
  ...page,
});
