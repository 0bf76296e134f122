/** What is done to several tasks at once: one call, all or nothing, one undo. */
import { batch, type ReadonlySignal } from "@preact/signals";
import { isAway, randomId } from "../api/client.ts";
import type { BulkInput, Calls } from "../api/calls.ts";
import type { DueInput, ListWithCount, ReminderInput, Task, TaskInput, TaskPatch } from "../api/types.ts";
import type { Actions, TaskWrite } from "./actions.ts";
import { type Calendar, dayInSentence, localDue, onDay, wholeDue } from "./dates.ts";
import { byPosition, isOpen } from "./grouping.ts";
import { applyPatch } from "./intents.ts";
import { keysBetween, keysOnTop } from "./positions.ts";
import { priorityLabel } from "./priorities.ts";
import type { Selection } from "./selection.ts";
import type { Change, Mutation, TaskStore } from "./store.ts";
import type { Toasts } from "./toasts.ts";
import type { Ui } from "./ui.ts";
import type { Done } from "./undo.ts";
import { failure, plural } from "./wording.ts";

/** The most that one call takes. */
export const BULK_LIMIT = 1_000;

export interface BulkOptions {
  calls: Calls;
  store: TaskStore;
  actions: Actions;
  toasts: Toasts;
  ui: Ui;
  selection: Selection;
  lists: ReadonlySignal<readonly ListWithCount[]>;
  calendar: ReadonlySignal<Calendar>;
  /** Without a connection each change waits by itself, in the queue that every change waits in. */
  offline: () => boolean;
}

export const tasksText = (count: number) => plural(count, "task", "tasks");

/** What makes the same task once more; its place, its history and its occurrence stay its own. */
export function copyOf(task: Task): TaskInput {
  return {
    title: task.title,
    notes: task.notes,
    priority: task.priority,
    tags: task.tags,
    listId: task.listId,
    ...(task.parentId !== null && { parentId: task.parentId }),
    ...(task.due !== null && { due: task.due }),
    ...(task.recurrence !== null && { recurrence: task.recurrence }),
    reminders: task.reminders.flatMap(({ before, at }): ReminderInput[] =>
      before !== undefined ? [{ before }] : at !== undefined ? [{ at }] : []
    ),
  };
}

export function createBulk(options: BulkOptions) {
  const { calls, store, actions, toasts, ui, selection, lists, calendar, offline } = options;
  /** The last creation, until it is answered. */
  let unanswered: { said: string; body: BulkInput; key: string } | null = null;

  /**
   * Sends one bulk; `guesses` are already on screen. Resolves to whether it was taken. When nobody answers, `instead`
   * keeps the same changes one by one: made twice, they are what they were.
   */
  async function send(
    body: BulkInput,
    guesses: readonly Mutation[],
    said: string,
    instead?: () => Promise<boolean>,
    key = randomId(),
  ): Promise<boolean> {
    const answer = calls.bulk(body, key);
    // The step counts from the key press on: `z` right after it waits for the answer and means this.
    const part: Done = { subject: "", type: "task.updated.v1", pending: answer.catch(() => {}) };
    const step = actions.remember([part]);
    try {
      const result = await answer;
      if (unanswered?.key === key) unanswered = null;
      if (result.causationId !== null) part.causationId = result.causationId;
      const answers = new Map(
        [...result.updated, ...result.deleted, ...result.completed].map((task) => [task.id, task]),
      );
      const ids = [...body.update?.map(({ id }) => id) ?? [], ...body.delete ?? [], ...body.complete ?? []];
      batch(() => {
        ids.forEach((id, index) => guesses[index]?.confirm(answers.get(id) ?? null));
        store.applyAll(result.created);
      });
      actions.announce(said, step);
      return true;
    } catch (error) {
      actions.forgetStep(step);
      batch(() => {
        for (const guess of guesses) guess.rollback();
        ui.unsettle(...body.complete ?? [], ...body.delete ?? []);
      });
      if (!isAway(error) && unanswered?.key === key) unanswered = null;
      if (instead !== undefined && isAway(error)) return await instead();
      toasts.show({
        tone: "error",
        text: "Could not change these tasks",
        detail: failure(error, "All of them are as they were."),
      });
      return false;
    }
  }

  const known = (ids: readonly string[]) =>
    ids.map((id) => store.get(id)).filter((task) => task !== undefined && task.version > 0) as Task[];

  /** The same change of each task by itself, in the queue that every change waits in, as one step. */
  function queue(tasks: readonly Task[], write: (task: Task) => Omit<TaskWrite, "title">, said: string) {
    return actions.writeAll(tasks.map((task) => ({ title: task.title, ...write(task) })), said);
  }

  /** Shows a change of many tasks at once: drawn one by one, each would compute the whole view anew. */
  const show = (tasks: readonly Task[], change: Change): Mutation[] =>
    batch(() => tasks.map(({ id }) => store.begin(id, change)));

  function tooMany(count: number): boolean {
    if (count <= BULK_LIMIT) return false;
    toasts.show({
      tone: "error",
      text: `At most ${tasksText(BULK_LIMIT)} can be changed at once`,
      detail: `${count.toLocaleString()} are selected. Nothing was changed.`,
    });
    return true;
  }

  async function update(
    ids: readonly string[],
    change: (task: Task) => TaskPatch | null,
    said: (count: number) => string,
  ): Promise<boolean> {
    const changes = known(ids).flatMap((task) => {
      const patch = change(task);
      return patch === null ? [] : [{ task, patch }];
    });
    if (changes.length === 0 || tooMany(changes.length)) return false;
    const patches = new Map(changes.map(({ task, patch }) => [task.id, patch]));
    const instead = () =>
      queue(
        changes.map(({ task }) => task),
        ({ id }) => ({
          type: "task.updated.v1",
          intent: { kind: "patch", id, patch: patches.get(id) ?? {} },
        }),
        said(changes.length),
      );
    if (offline()) return await instead();
    const guesses = show(
      changes.map(({ task }) => task),
      (value) => applyPatch(value, patches.get(value.id) ?? {}),
    );
    return await send(
      { update: changes.map(({ task, patch }) => ({ id: task.id, ...patch })) },
      guesses,
      said(changes.length),
      instead,
    );
  }

  function setDue(ids: readonly string[], due: DueInput | null): Promise<boolean> {
    if (due === null) {
      return update(
        ids,
        (task) =>
          task.due === null ? null : task.recurrence ? { due: null, recurrence: null } : { due: null },
        (count) => `Removed the date of ${tasksText(count)}`,
      );
    }
    const { timeZone } = calendar.peek();
    const day = dayInSentence(localDue(wholeDue(due), timeZone).date, calendar.peek());
    return update(ids, () => ({ due }), (count) => `Moved ${tasksText(count)} to ${day}`);
  }

  return {
    /** What an action on `id` means: all selected rows when it is one of them, else it alone. */
    targets(id: string): string[] {
      const chosen = selection.ids.peek();
      return chosen.has(id) ? [...chosen] : [id];
    },
    update,
    setDue,
    /** Moves to a day; each keeps its time. */
    setDay(ids: readonly string[], date: string): Promise<boolean> {
      const day = dayInSentence(Temporal.PlainDate.from(date), calendar.peek());
      return update(
        ids,
        ({ due }) => {
          const { timeZone } = calendar.peek();
          return due !== null && localDue(due, timeZone).day === date
            ? null
            : { due: onDay(due, date, timeZone) };
        },
        (count) => `Moved ${tasksText(count)} to ${day}`,
      );
    },
    setPriority: (ids: readonly string[], priority: Task["priority"]) =>
      update(
        ids,
        (task) => task.priority === priority ? null : { priority },
        (count) => `Priority of ${tasksText(count)} set to ${priorityLabel(priority).toLowerCase()}`,
      ),
    setList(ids: readonly string[], listId: string): Promise<boolean> {
      const name = lists.peek().find((list) => list.id === listId)?.name ?? "another list";
      return update(
        ids,
        (task) => task.listId === listId ? null : { listId },
        (count) => `Moved ${tasksText(count)} to ${name}`,
      );
    },
    /** Gives a tag to all, or takes it from all when each has it. */
    toggleTag(ids: readonly string[], tag: string): Promise<boolean> {
      const all = known(ids).every((task) => task.tags.includes(tag));
      return update(
        ids,
        ({ tags }) =>
          all
            ? { tags: tags.filter((other) => other !== tag) }
            : tags.includes(tag)
            ? null
            : { tags: [...tags, tag] },
        (count) => all ? `Took #${tag} from ${tasksText(count)}` : `Tagged ${tasksText(count)} with #${tag}`,
      );
    },
    async complete(ids: readonly string[]): Promise<boolean> {
      const tasks = known(ids).filter(isOpen);
      if (tasks.length === 0 || tooMany(tasks.length)) return false;
      const completedAt = calendar.peek().now.toString();
      const said = `Completed ${tasksText(tasks.length)}`;
      const instead = () =>
        queue(
          tasks,
          ({ id }) => ({
            type: "task.completed.v1",
            intent: { kind: "complete", id, at: completedAt, sendAt: true },
          }),
          said,
        );
      const settle = () =>
        batch(() => {
          selection.clear();
          ui.settle(...tasks.map(({ id }) => id));
        });
      if (offline()) {
        settle();
        return await instead();
      }
      const guesses = batch(() => {
        settle();
        return show(tasks, (value) => ({ ...value, status: "completed", completedAt }));
      });
      return await send(
        { complete: tasks.map(({ id }) => id) },
        guesses,
        said,
        instead,
      );
    },
    async remove(ids: readonly string[]): Promise<boolean> {
      const tasks = known(ids).filter((task) => task.deletedAt === null);
      if (tasks.length === 0 || tooMany(tasks.length)) return false;
      const deletedAt = calendar.peek().now.toString();
      const said = `Moved ${tasksText(tasks.length)} to the trash`;
      const instead = () =>
        queue(
          tasks,
          ({ id }) => ({ type: "task.deleted.v1", intent: { kind: "delete", id, at: deletedAt } }),
          said,
        );
      if (offline()) {
        selection.clear();
        return await instead();
      }
      const guesses = batch(() => {
        selection.clear();
        return show(tasks, (value) => ({ ...value, deletedAt }));
      });
      return await send(
        { delete: tasks.map(({ id }) => id) },
        guesses,
        said,
        instead,
      );
    },
    /** What one user's creation was is not for the next one. */
    clear(): void {
      unanswered = null;
    },
    /** Adds tasks, the first on top; they show when the server has them. */
    async create(inputs: readonly TaskInput[]): Promise<boolean> {
      if (inputs.length === 0 || tooMany(inputs.length)) return false;
      // Sent again after an answer that did not come it is the same write: the tasks may be there already.
      const said = JSON.stringify(inputs);
      if (offline() && unanswered?.said !== said) {
        // The last one lands on top, as every new task does.
        const made = await Promise.all(inputs.toReversed().map((input) => actions.create(input)));
        return made.every((task) => task !== null);
      }
      if (unanswered?.said !== said) unanswered = { said, body: { create: placed(inputs) }, key: randomId() };
      const { body, key } = unanswered;
      return await send(body, [], `Added ${tasksText(inputs.length)}`, undefined, key);
    },
    /** Makes the same tasks once more, each under the one it was made from, with its open parts. */
    async duplicate(ids: readonly string[]): Promise<boolean> {
      const chosen = new Set(ids);
      // A part that is chosen beside its whole comes with it.
      const tasks = known(ids).filter((task) =>
        task.deletedAt === null && (task.parentId === null || !chosen.has(task.parentId))
      );
      const parts = new Map(tasks.map((task) => [task.id, partsOf(task.id)]));
      const count = tasks.length + [...parts.values()].reduce((sum, some) => sum + some.length, 0);
      if (tasks.length === 0 || tooMany(count)) return false;
      const create = tasks.map((task): TaskInput => {
        const position = positionAfter(task);
        return position === undefined ? copyOf(task) : { ...copyOf(task), position };
      });
      const said = `Duplicated ${tasksText(tasks.length)}`;
      if (offline()) {
        const made = await Promise.all(create.map(async (input, index) => {
          const whole = await actions.create(input);
          const of = parts.get(tasks[index]?.id ?? "") ?? [];
          // The queue gives the parts the real id of their whole when that has one.
          return whole !== null && (await Promise.all(
            of.map((part) =>
              actions.create({ ...copyOf(part), parentId: whole.id, position: part.position })
            ),
          )).every((part) => part !== null);
        }));
        return made.every(Boolean);
      }
      return await sendCopies(create, tasks.map((task) => parts.get(task.id) ?? []), said);
    },
  };

  /** The open parts of a task, in their order. */
  function partsOf(id: string): Task[] {
    return [...store.all()].filter((task) => task.parentId === id && isOpen(task)).sort(byPosition);
  }

  /** Makes the wholes, then their parts: two calls, one step. */
  async function sendCopies(
    create: TaskInput[],
    parts: readonly (readonly Task[])[],
    said: string,
  ): Promise<boolean> {
    if (parts.every((some) => some.length === 0)) return await send({ create }, [], said);
    const made = (async () => {
      const wholes = await calls.bulk({ create }, randomId());
      const copies = wholes.created.flatMap(({ id }, index) =>
        (parts[index] ?? []).map((part): TaskInput => ({
          ...copyOf(part),
          ...{ parentId: id, position: part.position },
        }))
      );
      store.applyAll(wholes.created);
      return [wholes, await calls.bulk({ create: copies }, randomId())];
    })();
    const pending = made.catch(() => {});
    // The parts go first when it is undone.
    const steps: Done[] = [0, 1].map(() => ({ subject: "", type: "task.updated.v1", pending }));
    const step = actions.remember(steps);
    try {
      const results = await made;
      results.forEach(({ causationId, created }, index) => {
        const done = steps[index];
        if (done !== undefined && causationId !== null) done.causationId = causationId;
        store.applyAll(created);
      });
      actions.announce(said, step);
      return true;
    } catch (error) {
      actions.forgetStep(step);
      toasts.show({
        tone: "error",
        text: "Could not duplicate these tasks",
        detail: failure(error, "What was made of them is in the list."),
      });
      return false;
    }
  }

  function positionAfter(task: Task): string | undefined {
    let next: Task | undefined;
    for (const other of store.all()) {
      if (!isOpen(other) || other.listId !== task.listId || byPosition(other, task) <= 0) continue;
      if (next === undefined || byPosition(other, next) < 0) next = other;
    }
    return keysBetween(task.position, next?.position ?? null, 1)[0];
  }

  /** Places on top of their list, in the order given. */
  function placed(inputs: readonly TaskInput[]): TaskInput[] {
    const inbox = lists.peek().find((list) => list.inbox)?.id;
    const groups = Map.groupBy(inputs, (input) => input.listId ?? inbox);
    const positions = new Map<TaskInput, string>();
    for (const [listId, group] of groups) {
      const keys = keysOnTop(store.all(), listId, group.length);
      group.forEach((input, index) => {
        const key = keys[index];
        if (key !== undefined) positions.set(input, key);
      });
    }
    return inputs.map((input) => ({ ...input, position: input.position ?? positions.get(input) }));
  }
}
export type Bulk = ReturnType<typeof createBulk>;
