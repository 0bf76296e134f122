/** Tools that change something; each is one call of the API, which can be looked at first. */
import { z } from "zod";
import { FilterInput, FilterPatch, ListInput, ListPatch } from "../../shared/contracts/resources.ts";
import { InstantInput, Tag, Task, TimeZone, Uuid } from "../../shared/contracts/task.ts";
import { ProblemError } from "../../shared/http/problem.ts";
import type { Api, ApiCall } from "../api.ts";
import { ChangedTask, NewTask, TaskId } from "./fields.ts";

/** A tool that changes tasks, lists, filters or the profile. */
export interface WritingTool {
  name: string;
  title: string;
  description: string;
  input: z.ZodObject;
  /** Doing it again changes nothing more. */
  idempotent: boolean;
  /** It may take something away. */
  destructive: boolean;
  /** What to ask of the api; `args` fit `input`, `api` reads what it depends on. */
  call(args: never, api: Api, context: { seq: number }): ApiCall | Promise<ApiCall>;
}

const BULK_LIMIT = 1_000;
const TAGGED_AT_ONCE = 100;

const tool = <I extends z.ZodObject>(
  definition: Omit<WritingTool, "input" | "call" | "idempotent" | "destructive"> & {
    input: I;
    idempotent?: boolean;
    destructive?: boolean;
    call(args: z.infer<I>, api: Api, context: { seq: number }): ApiCall | Promise<ApiCall>;
  },
): WritingTool => ({ idempotent: false, destructive: false, ...definition });

const One = z.strictObject({ id: TaskId });
const OneThing = z.strictObject({ id: Uuid });

export const WRITING_TOOLS: readonly WritingTool[] = [
  tool({
    name: "create_task",
    title: "Add a task",
    description: "Adds one task. Only the title is required.",
    input: NewTask,
    call: (body) => ({ method: "POST", path: "/api/tasks", body }),
  }),
  tool({
    name: "update_task",
    title: "Change a task",
    description:
      "Changes the named fields of one task, such as due, list, tags, priority or reminders; null clears a field.",
    input: ChangedTask,
    idempotent: true,
    destructive: true,
    call: ({ id, ...body }) => ({ method: "PATCH", path: `/api/tasks/${id}`, body }),
  }),
  tool({
    name: "complete_task",
    title: "Complete a task",
    description: "Marks a task done. Of a repeating task the next occurrence is made.",
    input: One.extend({ completedAt: InstantInput.optional().describe("When it was done; default now") }),
    idempotent: true,
    call: ({ id, ...body }) => ({ method: "POST", path: `/api/tasks/${id}/complete`, body }),
  }),
  tool({
    name: "reopen_task",
    title: "Reopen a task",
    description: "Opens a completed task again; an untouched next occurrence goes back with it.",
    input: One,
    idempotent: true,
    call: ({ id }) => ({ method: "POST", path: `/api/tasks/${id}/reopen` }),
  }),
  tool({
    name: "skip_occurrence",
    title: "Skip an occurrence",
    description: "Passes over this occurrence of a repeating task; the next one is made.",
    input: One,
    destructive: true,
    call: ({ id }) => ({ method: "POST", path: `/api/tasks/${id}/skip` }),
  }),
  tool({
    name: "delete_task",
    title: "Move a task to trash",
    description: "Moves a task and its subtasks to trash, where they stay for 30 days.",
    input: One,
    idempotent: true,
    destructive: true,
    call: ({ id }) => ({ method: "DELETE", path: `/api/tasks/${id}` }),
  }),
  tool({
    name: "restore_task",
    title: "Restore a task",
    description: "Brings a task back from trash.",
    input: One,
    idempotent: true,
    call: ({ id }) => ({ method: "POST", path: `/api/tasks/${id}/restore` }),
  }),
  tool({
    name: "change_many_tasks",
    title: "Change many tasks",
    description:
      "Adds, changes, completes and deletes up to 1,000 tasks at once, all or nothing. Prefer it to many single calls.",
    input: z.strictObject({
      create: z.array(NewTask).max(BULK_LIMIT).optional(),
      update: z.array(ChangedTask).max(BULK_LIMIT).optional(),
      complete: z.array(TaskId).max(BULK_LIMIT).optional(),
      delete: z.array(TaskId).max(BULK_LIMIT).optional(),
    }),
    destructive: true,
    call: (body) => ({ method: "POST", path: "/api/tasks/bulk", body }),
  }),
  tool({
    name: "tag_tasks",
    title: "Tag tasks",
    description: "Puts tags on tasks or takes them off, and leaves their other tags.",
    input: z.strictObject({
      ids: z.array(TaskId).min(1).max(TAGGED_AT_ONCE),
      add: z.array(Tag).max(50).optional(),
      remove: z.array(Tag).max(50).optional(),
    }),
    idempotent: true,
    destructive: true,
    async call({ ids, add = [], remove = [] }, api) {
      const tasks = await Promise.all(ids.map((id) => api({ method: "GET", path: `/api/tasks/${id}` })));
      const update = tasks.map((task) => Task.parse(task)).map(({ id, tags }) => ({
        id,
        tags: [...new Set([...tags.filter((tag) => !remove.includes(tag)), ...add])],
      }));
      return { method: "POST", path: "/api/tasks/bulk", body: { update } };
    },
  }),
  tool({
    name: "undo",
    title: "Undo",
    description:
      "Takes back changes: those with one causationId (a whole turn), one eventId, or without either the user's latest change.",
    input: z.strictObject({ causationId: Uuid.optional(), eventId: Uuid.optional() }),
    destructive: true,
    async call({ causationId, eventId }, api, { seq }) {
      const body = eventId !== undefined
        ? { eventId }
        : { causationId: causationId ?? await latest(api, seq) };
      return { method: "POST", path: "/api/undo", body };
    },
  }),
  tool({
    name: "create_list",
    title: "Add a list",
    description: "Adds a list.",
    input: ListInput,
    call: (body) => ({ method: "POST", path: "/api/lists", body }),
  }),
  tool({
    name: "update_list",
    title: "Change a list",
    description: "Changes a list's name or colour.",
    input: ListPatch.omit({ position: true }).extend({ id: Uuid }),
    idempotent: true,
    destructive: true,
    call: ({ id, ...body }) => ({ method: "PATCH", path: `/api/lists/${id}`, body }),
  }),
  tool({
    name: "delete_list",
    title: "Move a list to trash",
    description: "Moves a list and its tasks to trash.",
    input: OneThing,
    destructive: true,
    call: ({ id }) => ({ method: "DELETE", path: `/api/lists/${id}` }),
  }),
  tool({
    name: "create_filter",
    title: "Save a filter",
    description: "Saves a search under a name.",
    input: FilterInput,
    call: (body) => ({ method: "POST", path: "/api/filters", body }),
  }),
  tool({
    name: "update_filter",
    title: "Change a filter",
    description: "Changes a saved filter's name or query.",
    input: FilterPatch.omit({ position: true }).extend({ id: Uuid }),
    idempotent: true,
    destructive: true,
    call: ({ id, ...body }) => ({ method: "PATCH", path: `/api/filters/${id}`, body }),
  }),
  tool({
    name: "delete_filter",
    title: "Delete a filter",
    description: "Deletes a saved filter.",
    input: OneThing,
    destructive: true,
    call: ({ id }) => ({ method: "DELETE", path: `/api/filters/${id}` }),
  }),
  tool({
    name: "set_time_zone",
    title: "Change the time zone",
    description: "Changes the user's time zone; times without a zone of their own move with it.",
    input: z.strictObject({ timeZone: TimeZone }),
    idempotent: true,
    destructive: true,
    call: (body) => ({ method: "PATCH", path: "/api/me", body }),
  }),
];

const LastChanges = z.object({ changes: z.array(z.object({ seq: z.int(), causationId: Uuid })) });

/** The cause of the user's latest change. */
async function latest(api: Api, seq: number): Promise<string> {
  let since = Math.max(0, seq - 1);
  for (;;) {
    const { changes } = LastChanges.parse(
      await api({ method: "GET", path: "/api/changes", query: { since, limit: 500 } }),
    );
    const last = changes.at(-1);
    if (last === undefined) throw new ProblemError(404, "There is nothing to undo yet");
    if (changes.length < 500) return last.causationId;
    since = last.seq;
  }
}

/** Tools that change what no preview can show: what has been read of notifications. */
export const MARKING_TOOLS: readonly Omit<WritingTool, "destructive">[] = [
  tool({
    name: "mark_notification_read",
    title: "Mark a notification read",
    description: "Marks one notification read.",
    input: OneThing,
    idempotent: true,
    call: ({ id }) => ({ method: "POST", path: `/api/notifications/${id}/read` }),
  }),
  tool({
    name: "mark_all_notifications_read",
    title: "Mark all notifications read",
    description: "Marks every notification read.",
    input: z.strictObject({}),
    idempotent: true,
    call: () => ({ method: "POST", path: "/api/notifications/read-all" }),
  }),
];
