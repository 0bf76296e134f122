/**
 * Everything a user can do to a task. Each shows at once, is sent with its own key, and either takes
 * the server's answer or puts the old state back and says so.
 */
import type { ReadonlySignal, Signal } from "@preact/signals";
import { generateKeyBetween } from "fractional-indexing";
import { ApiError, randomId } from "../api/client.ts";
import type { Rondo } from "../api/rondo.ts";
import type { ChangeType, Due, ListWithCount, Task, TaskInput, TaskPatch } from "../api/types.ts";
import { type Calendar, dayInSentence, localDue, shortDayText } from "./dates.ts";
import { byPosition, isOpen } from "./grouping.ts";
import { priorityLabel } from "./priorities.ts";
import type { Router } from "./route.ts";
import type { Mutation, TaskStore } from "./store.ts";
import type { Toasts } from "./toasts.ts";
import type { Ui } from "./ui.ts";
import type { Done, Undoable, UndoLog } from "./undo.ts";
import { failure, quoted, undoFailure } from "./wording.ts";

export interface ActionsOptions {
  rondo: Rondo;
  store: TaskStore;
  toasts: Toasts;
  undoLog: UndoLog;
  ui: Ui;
  lists: Signal<readonly ListWithCount[]>;
  calendar: ReadonlySignal<Calendar>;
  router: Router;
}

export type Actions = ReturnType<typeof createActions>;

/** How many steps `z` can go back. */
const UNDO_DEPTH = 50;

/** The patch as the task will look with it; what the server alone decides keeps its value. */
export function applyPatch(task: Task, patch: TaskPatch): Task {
  const { due, reminders, recurrence, ...rest } = patch;
  const next: Task = { ...task, ...rest };
  if (due !== undefined) {
    next.due = due === null
      ? null
      : { date: due.date, time: due.time ?? null, timeZone: due.timeZone ?? null } satisfies Due;
  }
  if (recurrence !== undefined) next.recurrence = recurrence;
  if (reminders !== undefined) {
    next.reminders = reminders.map((reminder, index) => ({ ...reminder, id: reminder.id ?? `new-${index}` }));
  }
  return next;
}

export function createActions(options: ActionsOptions) {
  const { rondo, store, toasts, undoLog, ui, lists, calendar, router } = options;
  const undoStack: Done[][] = [];
  /** Toasts of recurring completions that wait for their next occurrence, by series. */
  const awaitingNext = new Map<string, { taskId: string; toast: number | null; occurrence: number }>();
  /** The last creation whose answer did not come. */
  let unanswered: { said: string; key: string } | null = null;
  /** Writes to one task go out one after the other, so that they land in the order they were made. */
  const queues = new Map<string, Promise<unknown>>();
  /** Writes that the server did not take: there is nothing to undo about them. */
  const refused = new WeakSet<Done>();

  function inOrder<T>(id: string, run: () => Promise<T>): Promise<T> {
    const after = (queues.get(id) ?? Promise.resolve()).then(run, run);
    const tail = after.catch(() => {});
    queues.set(id, tail);
    void tail.then(() => {
      if (queues.get(id) === tail) queues.delete(id);
    });
    return after;
  }

  /** A step counts from the key press on: `z` right after it means this one, not the one before. */
  function remember(done: Done[]): Done[] {
    undoStack.push(done);
    if (undoStack.length > UNDO_DEPTH) undoStack.shift();
    return done;
  }

  function forgetStep(done: readonly Done[]): void {
    const index = undoStack.findLastIndex((step) => step === done);
    if (index >= 0) undoStack.splice(index, 1);
  }

  function offerUndo(text: string, done: Done[]): void {
    announce(text, remember(done));
  }

  function announce(text: string, done: Done[]): number | null {
    // It was undone before its answer came.
    if (!undoStack.includes(done)) return null;
    return toasts.show({ text, action: { label: "Undo", run: () => void undo(done) } });
  }

  function complain(what: string, error: unknown, retry?: () => void): void {
    const again = retry !== undefined && error instanceof ApiError && error.status !== 404 &&
      error.status !== 401 && error.status !== 422;
    toasts.show({
      tone: "error",
      text: what,
      detail: failure(error),
      action: again ? { label: "Try again", run: retry } : undefined,
    });
  }

  /** The row that takes the focus when `id` leaves the list: the next one, else the one before. */
  function neighbour(id: string, order: readonly string[]): string | null {
    const index = order.indexOf(id);
    if (index < 0) return null;
    return order[index + 1] ?? order[index - 1] ?? null;
  }

  async function write(
    id: string,
    type: ChangeType,
    mutation: Mutation,
    send: (id: string) => Promise<Task | undefined>,
    failed: string,
    retry: () => void,
    step = remember([{ subject: id, type }]),
  ): Promise<Done[] | null> {
    try {
      const answer = await inOrder(id, () => send(store.realId(id)));
      mutation.confirm(answer ?? null);
      for (const part of step) Object.assign(part, { subject: store.realId(id), version: answer?.version });
      return step;
    } catch (error) {
      mutation.rollback();
      ui.unsettle(id);
      forgetStep(step);
      for (const part of step) refused.add(part);
      complain(failed, error, retry);
      return null;
    }
  }

  async function complete(id: string, order: readonly string[] = []): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.status === "completed") return;
    const follow = ui.focused.peek() === id ? neighbour(id, order) : null;
    const mutation = store.begin(task.id, (value) => ({
      ...value,
      status: "completed",
      completedAt: calendar.peek().now.toString(),
    }));
    ui.settle(task.id);
    const step = remember([{ subject: task.id, type: "task.completed.v1" }]);
    const toast = announce(`Completed ${quoted(task.title)}`, step);
    if (task.recurrence !== null && task.seriesId !== null) {
      awaitingNext.set(task.seriesId, { taskId: task.id, toast, occurrence: task.occurrence ?? 0 });
    }
    if (follow !== null) ui.focusRow(follow);
    const sent = await write(
      task.id,
      "task.completed.v1",
      mutation,
      rondo.completeTask,
      `Could not complete ${quoted(task.title)}`,
      () => void complete(id),
      step,
    );
    if (sent === null && toast !== null) toasts.dismiss(toast);
  }

  async function reopen(id: string): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.status === "open") return;
    const mutation = store.begin(task.id, (value) => ({ ...value, status: "open", completedAt: null }));
    const sent = await write(
      task.id,
      "task.reopened.v1",
      mutation,
      rondo.reopenTask,
      `Could not reopen ${quoted(task.title)}`,
      () => void reopen(id),
    );
    if (sent !== null) announce(`Reopened ${quoted(task.title)}`, sent);
  }

  /** Changes fields; `said` is what the toast says, none for edits that show for themselves. */
  async function patch(id: string, change: TaskPatch, said?: string): Promise<boolean> {
    const task = store.get(id);
    if (task === undefined) return false;
    const mutation = store.begin(task.id, (value) => applyPatch(value, change));
    const sent = await write(
      task.id,
      "task.updated.v1",
      mutation,
      (real) => rondo.patchTask(real, change),
      `Could not change ${quoted(task.title)}`,
      () => void patch(id, change, said),
    );
    if (sent === null) return false;
    if (said !== undefined) announce(said, sent);
    return true;
  }

  async function remove(id: string, order: readonly string[] = []): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.deletedAt !== null) return;
    const follow = neighbour(id, order);
    const mutation = store.begin(task.id, (value) => ({
      ...value,
      deletedAt: calendar.peek().now.toString(),
    }));
    if (router.taskId.peek() === task.id) router.closeTask();
    ui.focusRow(follow);
    const sent = await write(
      task.id,
      "task.deleted.v1",
      mutation,
      rondo.deleteTask,
      `Could not delete ${quoted(task.title)}`,
      () => void remove(id),
    );
    if (sent !== null) announce(`Moved ${quoted(task.title)} to the trash`, sent);
  }

  async function restore(id: string, order: readonly string[] = []): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.deletedAt === null) return;
    const follow = neighbour(id, order);
    const mutation = store.begin(task.id, (value) => ({ ...value, deletedAt: null }));
    ui.focusRow(follow);
    const sent = await write(
      task.id,
      "task.restored.v1",
      mutation,
      rondo.restoreTask,
      `Could not restore ${quoted(task.title)}`,
      () => void restore(id),
    );
    if (sent !== null) announce(`Restored ${quoted(task.title)}`, sent);
  }

  async function skip(id: string): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.recurrence === null) return;
    const mutation = store.begin(task.id, (value) => value);
    const sent = await write(
      task.id,
      "task.skipped.v1",
      mutation,
      rondo.skipTask,
      `Could not skip this occurrence of ${quoted(task.title)}`,
      () => void skip(id),
    );
    if (sent === null) return;
    const toast = announce(`Skipped this occurrence of ${quoted(task.title)}`, sent);
    if (task.seriesId !== null) {
      const known = [...store.all()].find((other) =>
        other.seriesId === task.seriesId && isOpen(other) && (other.occurrence ?? 0) > (task.occurrence ?? 0)
      );
      awaitingNext.set(task.seriesId, { taskId: task.id, toast, occurrence: task.occurrence ?? 0 });
      if (known !== undefined) noteArrival(known, "task.created.v1");
    }
  }

  /** A place above everything in its list: directly under the row it was typed into. */
  function topPosition(listId: string | undefined): string | undefined {
    let first: Task | undefined;
    for (const task of store.all()) {
      if (!isOpen(task) || task.listId !== listId) continue;
      if (first === undefined || byPosition(task, first) < 0) first = task;
    }
    try {
      return generateKeyBetween(null, first?.position ?? null);
    } catch {
      // A position that another program wrote in another way: the server chooses.
      return undefined;
    }
  }

  /** Adds a task; resolves to it, or to null when the server refused (the caller keeps the text). */
  async function create(input: TaskInput): Promise<Task | null> {
    const instant = calendar.peek().now.toString();
    const listId = input.listId ?? lists.peek().find((list) => list.inbox)?.id;
    const position = input.position ?? topPosition(listId);
    const body: TaskInput = { ...input, listId, position };
    const blank: Task = {
      id: `new-${randomId()}`,
      listId: listId ?? "",
      parentId: null,
      title: input.title,
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
      position: position ?? "",
      version: 0,
      createdAt: instant,
      updatedAt: instant,
      completedAt: null,
      deletedAt: null,
    };
    const mutation = store.insert(applyPatch(blank, body));
    const said = JSON.stringify(body);
    // The same task sent again after a lost answer is the same write: the server may have it already.
    const key = unanswered?.said === said ? unanswered.key : randomId();
    unanswered = null;
    const part: Done = { subject: blank.id, type: "task.created.v1" };
    const step = remember([part]);
    try {
      const task = await inOrder(blank.id, () => rondo.createTask(body, key));
      mutation.confirm(task);
      if (ui.focused.peek() === blank.id) ui.setFocused(task.id);
      Object.assign(part, { subject: task.id, version: task.version });
      toasts.say(`Added ${input.title}`);
      return task;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 0 || error.status >= 500)) {
        unanswered = { said, key };
      }
      mutation.rollback();
      forgetStep(step);
      refused.add(part);
      toasts.show({
        tone: "error",
        text: `Could not add ${quoted(input.title)}`,
        detail: failure(error, "Your text is kept."),
      });
      return null;
    }
  }

  /** Undoes what was done, newest part first. */
  async function undo(done: readonly Done[]): Promise<void> {
    forgetStep(done);
    for (const part of done.toReversed()) {
      const task = store.get(part.subject);
      if (task !== undefined) ui.unsettle(task.id);
      try {
        // A write that is still on its way has no event yet.
        await queues.get(part.subject);
        if (refused.has(part)) continue;
        const target = await undoLog.find(part);
        if (target === null) throw new Error("the event has not arrived");
        await undoEvent(target);
      } catch (error) {
        toasts.show({ tone: "error", text: "Could not undo this", detail: undoFailure(error) });
        return;
      }
    }
  }

  /** Undoes one event, or all of one cause, and takes over what came of it. Throws as the API does. */
  async function undoEvent(target: Undoable): Promise<void> {
    const { changes } = await rondo.undo(target);
    const restored: string[] = [];
    for (const change of changes) {
      if (change.task === null || change.task === undefined) continue;
      store.apply(change.task);
      if (isOpen(change.task)) restored.push(change.task.id);
    }
    toasts.say("Undone");
    if (restored[0] !== undefined && changes.length <= 2) ui.setFocused(restored[0]);
  }

  /** A task came from the server: it may be the next occurrence that a message waits for. */
  function noteArrival(task: Task, type: ChangeType): void {
    if (task.seriesId === null || !isOpen(task) || task.due === null) return;
    switch (type) {
      case "task.created.v1":
      case "task.updated.v1":
      case "task.skipped.v1":
      // Completed, undone, completed again: the next occurrence comes back out of the trash.
      case "task.restored.v1":
        break;
      default:
        return;
    }
    const waiting = awaitingNext.get(task.seriesId);
    if (waiting === undefined || (task.occurrence ?? 0) <= waiting.occurrence) return;
    awaitingNext.delete(task.seriesId);
    const day = shortDayText(localDue(task.due, calendar.peek().timeZone).date, calendar.peek());
    ui.setNext(waiting.taskId, day);
    if (waiting.toast !== null) toasts.amend(waiting.toast, { detail: `Next: ${day}` });
  }

  return {
    complete,
    reopen,
    toggle: (id: string, order: readonly string[] = []): Promise<void> =>
      store.get(id)?.status === "completed" ? reopen(id) : complete(id, order),
    patch,
    setPriority: (id: string, priority: Task["priority"]) =>
      patch(id, { priority }, `Priority set to ${priorityLabel(priority).toLowerCase()}`),
    setDue(id: string, due: TaskPatch["due"]): Promise<boolean> {
      const task = store.get(id);
      if (due === null || due === undefined) {
        // A rule counts from a due: without one it would have nothing to stand on.
        const change: TaskPatch = task?.recurrence ? { due: null, recurrence: null } : { due: null };
        return patch(id, change, "Date removed");
      }
      const day = dayInSentence(Temporal.PlainDate.from(due.date), calendar.peek());
      const moved = task?.due?.date !== due.date;
      return patch(id, { due }, moved ? `Moved to ${day}` : "Time changed");
    },
    setList(id: string, listId: string): Promise<boolean> {
      const name = lists.peek().find((list) => list.id === listId)?.name ?? "another list";
      return patch(id, { listId }, `Moved to ${name}`);
    },
    remove,
    restore,
    skip,
    create,
    undo,
    undoEvent,
    /** Undoes the last step of this tab. */
    undoLast(): void {
      const last = undoStack.at(-1);
      if (last === undefined) toasts.show({ text: "Nothing to undo" });
      else void undo(last);
    },
    offerUndo,
    complain,
    noteArrival,
    clear(): void {
      undoStack.length = 0;
      unanswered = null;
      awaitingNext.clear();
      queues.clear();
    },
  };
}
