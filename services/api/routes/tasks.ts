/** `/api/tasks`, undo and changes. */
import { z } from "@hono/zod-openapi";
import { Actor, CHANGE_TYPES } from "../../shared/contracts/events.ts";
import {
  CivilDateInput,
  Instant,
  InstantInput,
  isStorable,
  NOT_STORABLE,
  Priority,
  Tag,
  Task,
  TaskInput,
  TaskPatch,
  Uuid,
} from "../../shared/contracts/task.ts";
import type { Clock } from "../../shared/domain/time.ts";
import { ProblemError, toErrors } from "../../shared/http/problem.ts";
import type { Sql } from "../../shared/store/database.ts";
import { getTask, listChanges, listTasks, taskHistory } from "../queries.ts";
import { type TaskState, toTask } from "../task_state.ts";
import {
  completeTask,
  createTasks,
  deleteTask,
  ownTask,
  patchTask,
  reopenTask,
  restoreTask,
  skipTask,
} from "../tasks.ts";
import { undo } from "../undo.ts";
import type { Unit } from "../unit.ts";
import { endpoint, type EndpointTools, Paging, requireMatch } from "./endpoint.ts";

/** A bulk of 1,000 tasks with notes is larger than one task. */
const BULK_BYTES = 20_000_000;
const BULK_LIMIT = 1_000;

export const Change = z.object({
  seq: z.int().min(1),
  eventId: Uuid,
  type: z.enum(CHANGE_TYPES),
  taskId: Uuid.nullable(),
  task: z.union([Task, z.null()]),
  list: z.record(z.string(), z.unknown()).optional(),
  filter: z.record(z.string(), z.unknown()).optional(),
  profile: z.record(z.string(), z.unknown()).optional(),
  at: Instant,
  actor: Actor,
  causationId: Uuid,
}).openapi("Change");

const Id = z.object({ id: Uuid });
const TaskPage = z.object({ items: z.array(Task), nextCursor: z.string().nullable() }).openapi("TaskPage");
const HistoryPage = z.object({
  items: z.array(z.object({
    eventId: Uuid,
    seq: z.int(),
    type: z.enum(CHANGE_TYPES),
    at: Instant,
    actor: Actor,
    causationId: Uuid,
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.union([Task, z.null()]),
  })),
  nextCursor: z.string().nullable(),
}).openapi("HistoryPage");

const SORTS = ["due", "priority", "created", "updated", "title", "position", "relevance"] as const;
const Flag = z.enum(["true", "false"]).transform((text) => text === "true");

const ListQuery = z.strictObject({
  status: z.enum(["open", "completed", "all"]).default("open"),
  priority: Priority.optional(),
  tag: z.array(Tag).max(50).optional(),
  list: Uuid.optional(),
  parent: Uuid.optional(),
  due: z.enum(["today", "overdue", "upcoming", "none"]).optional(),
  dueFrom: CivilDateInput.optional(),
  dueTo: CivilDateInput.optional(),
  q: z.string().trim().min(1).max(200).refine(isStorable, NOT_STORABLE).optional(),
  sort: z.enum(SORTS).optional(),
  order: z.enum(["asc", "desc"]).optional(),
  deleted: Flag.optional().openapi({ description: "`true`: the trash instead" }),
  ...Paging,
});

const Bulk = z.strictObject({
  create: z.array(TaskInput).max(BULK_LIMIT).default([]),
  update: z.array(z.looseObject({ id: Uuid })).max(BULK_LIMIT).default([]),
  delete: z.array(Uuid).max(BULK_LIMIT).default([]),
  complete: z.array(Uuid).max(BULK_LIMIT).default([]),
}).refine(
  (bulk) => bulk.create.length + bulk.update.length + bulk.delete.length + bulk.complete.length <= BULK_LIMIT,
  `must hold at most ${BULK_LIMIT} operations in all`,
).refine(
  (bulk) => bulk.create.length + bulk.update.length + bulk.delete.length + bulk.complete.length > 0,
  "must hold at least one operation",
).openapi("Bulk");

const BulkResult = z.object({
  created: z.array(Task),
  updated: z.array(Task),
  deleted: z.array(Task),
  completed: z.array(Task),
  causationId: Uuid.nullable(),
}).openapi("BulkResult");

const UndoTarget = z.union([z.strictObject({ eventId: Uuid }), z.strictObject({ causationId: Uuid })])
  .openapi("UndoTarget");
const CompleteBody = z.strictObject({ completedAt: InstantInput.optional() }).openapi("CompleteBody");

const taskAnswer = (state: TaskState, status = 200, extra: Record<string, string> = {}) => ({
  status,
  body: toTask(state),
  headers: { etag: `"${state.version}"`, ...extra },
});

/** Adds `/api/tasks`, undo, history and changes. */
export function taskRoutes(tools: EndpointTools, options: { sql: Sql; clock: Clock }): void {
  const { sql, clock } = options;
  const tag = "Tasks";

  endpoint(tools, {
    method: "post",
    path: "/api/tasks",
    summary: "Create a task",
    tag,
    scope: "write",
    previews: true,
    body: { schema: TaskInput, required: true },
    responses: { 201: { description: "The task", schema: Task } },
  }, ({ body, command }) =>
    command(async (unit) => {
      const [state] = await createTasks(unit, [body]);
      if (state === undefined) throw new Error("Cannot answer as no task was made");
      return taskAnswer(state, 201, { location: `/api/tasks/${state.id}` });
    }, { foreseen: { endOf: body.listId ?? null } }));

  endpoint(
    tools,
    {
      method: "get",
      path: "/api/tasks",
      summary: "List, filter and search tasks",
      tag,
      scope: "read",
      query: ListQuery,
      responses: { 200: { description: "A page", schema: TaskPage } },
    },
    async ({ context, principal, query }) =>
      context.json(await listTasks(sql, principal.userId, query, clock.now())),
  );

  endpoint(tools, {
    method: "post",
    path: "/api/tasks/bulk",
    summary: "Create, update, complete and delete up to 1,000 tasks, all or nothing",
    tag,
    scope: "write",
    previews: true,
    body: { schema: Bulk, required: true, maxBytes: BULK_BYTES },
    responses: {
      200: { description: "What was done", schema: BulkResult },
      404: { description: "A task that this user can't see" },
    },
  }, ({ body, command }) => {
    const patches = body.update.map(({ id, ...patch }, index) => ({ id, patch: parsePatch(patch, index) }));
    return command(async (unit) => {
      await unit.loadTasks([...body.update.map(({ id }) => id), ...body.delete, ...body.complete]);
      const created = await createTasks(unit, body.create, (index) => `create.${index}.`);
      const updated = await each(
        patches,
        "update",
        ({ id, patch }, index) => patchTask(unit, id, patch, `update.${index}.`),
      );
      const completed = await each(body.complete, "complete", (id) => completeTask(unit, id));
      const deleted = await each(body.delete, "delete", (id) => deleteTask(unit, id));
      await unit.flush();
      return {
        status: 200,
        body: {
          created: created.map(toTask),
          updated: updated.map(toTask),
          completed: completed.map(toTask),
          deleted: deleted.map(toTask),
          causationId: unit.causationId ?? null,
        },
      };
    });
  });

  endpoint(tools, {
    method: "get",
    path: "/api/tasks/{id}",
    summary: "One task, now or at an instant",
    tag,
    scope: "read",
    params: Id,
    query: z.strictObject({ at: InstantInput.optional() }),
    responses: { 200: { description: "The task", schema: Task } },
  }, async ({ context, principal, params, query }) => {
    const task = await getTask(sql, principal.userId, params.id, query.at);
    return context.json(task, 200, { etag: `"${task.version}"` });
  });

  endpoint(tools, {
    method: "patch",
    path: "/api/tasks/{id}",
    summary: "Change fields of a task",
    tag,
    scope: "write",
    previews: true,
    params: Id,
    body: {
      schema: TaskPatch,
      required: true,
      mediaTypes: ["application/json", "application/merge-patch+json"],
    },
    ifMatch: true,
    responses: { 200: { description: "The task", schema: Task } },
  }, ({ context, params, body, command }) =>
    command(async (unit) => {
      requireMatch(context, (await ownTask(unit, params.id)).version);
      return taskAnswer(await patchTask(unit, params.id, body));
    }, { foreseen: { taskId: params.id } }));

  const action = (
    path: string,
    method: "post" | "delete",
    summary: string,
    run: (unit: Unit, id: string) => Promise<TaskState>,
  ) =>
    endpoint(tools, {
      method,
      path,
      summary,
      tag,
      scope: "write",
      previews: true,
      params: Id,
      body: { schema: z.strictObject({}), required: false },
      ifMatch: true,
      responses: { 200: { description: "The task", schema: Task } },
    }, ({ context, params, command }) =>
      command(async (unit) => {
        requireMatch(context, (await ownTask(unit, params.id)).version);
        return taskAnswer(await run(unit, params.id));
      }, { foreseen: { taskId: params.id } }));

  action("/api/tasks/{id}", "delete", "Move a task and its subtasks to trash", deleteTask);
  action("/api/tasks/{id}/restore", "post", "Bring a task back from trash", restoreTask);
  action("/api/tasks/{id}/reopen", "post", "Open a completed task again", reopenTask);
  action("/api/tasks/{id}/skip", "post", "Pass over this occurrence", skipTask);

  endpoint(tools, {
    method: "post",
    path: "/api/tasks/{id}/complete",
    summary: "Complete a task; the same again on repeat",
    tag,
    scope: "write",
    previews: true,
    params: Id,
    body: { schema: CompleteBody, required: false },
    ifMatch: true,
    responses: { 200: { description: "The task", schema: Task } },
  }, ({ context, params, body, command }) =>
    command(async (unit) => {
      requireMatch(context, (await ownTask(unit, params.id)).version);
      return taskAnswer(await completeTask(unit, params.id, body ?? {}));
    }, { foreseen: { taskId: params.id } }));

  endpoint(
    tools,
    {
      method: "get",
      path: "/api/tasks/{id}/history",
      summary: "The changes of a task, newest first",
      tag,
      scope: "read",
      params: Id,
      query: z.strictObject(Paging),
      responses: { 200: { description: "A page", schema: HistoryPage } },
    },
    async ({ context, principal, params, query }) =>
      context.json(await taskHistory(sql, principal.userId, params.id, query)),
  );

  endpoint(tools, {
    method: "post",
    path: "/api/undo",
    summary: "Undo a change by its event, or all changes with one cause",
    tag: "Changes",
    scope: "write",
    previews: true,
    body: { schema: UndoTarget, required: true },
    responses: {
      200: { description: "The compensating changes", schema: z.object({ changes: z.array(Change) }) },
      404: { description: "No such change" },
    },
  }, ({ body, command }) =>
    command(async (unit) => {
      await undo(unit, body);
      await unit.flush();
      return { status: 200, body: { changes: unit.changes } };
    }));

  endpoint(tools, {
    method: "get",
    path: "/api/changes",
    summary: "Changes after a number, in order",
    tag: "Changes",
    scope: "read",
    query: z.strictObject({
      since: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).openapi({
        type: "integer",
      }),
      limit: z.coerce.number().int().min(1).max(500).default(100).openapi({ type: "integer" }),
    }),
    responses: {
      200: {
        description: "Changes",
        schema: z.object({ changes: z.array(Change), nextSeq: z.int(), hasMore: z.boolean() }),
      },
    },
  }, async ({ context, principal, query }) => context.json(await listChanges(sql, principal.userId, query)));
}

function parsePatch(patch: Record<string, unknown>, index: number): TaskPatch {
  const result = TaskPatch.safeParse(patch);
  if (result.success) return result.data;
  const errors = toErrors(result.error).map(({ path, message }) => ({
    path: `update.${index}.${path}`,
    message,
  }));
  throw new ProblemError(422, `${errors[0]?.path}: ${errors[0]?.message}`, { errors });
}

/** Runs one operation of a bulk after the other; a refusal names the operation. */
async function each<T, R>(
  items: readonly T[],
  name: string,
  run: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) {
    try {
      results.push(await run(item, index));
    } catch (cause) {
      if (!(cause instanceof ProblemError) || (cause.options.errors ?? []).length > 0) throw cause;
      throw new ProblemError(cause.status, cause.message, {
        ...cause.options,
        errors: [{ path: `${name}.${index}`, message: cause.message }],
      });
    }
  }
  return results;
}
