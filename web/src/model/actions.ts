/**
 * Everything a user can do to a task. Each shows at once and is handed to `sync`, which keeps and sends it; what
 * the server refuses goes back to its old state and is said.
 */
import { batch, type ReadonlySignal } from "@preact/signals";
import { ApiError, randomId } from "../api/client.ts";
import type { Rondo } from "../api/rondo.ts";
import type { ChangeType, ListWithCount, Task, TaskInput, TaskPatch } from "../api/types.ts";
import { type Calendar, dayInSentence, localDue, shortDayText, wholeDue } from "./dates.ts";
import { isOpen } from "./grouping.ts";
import {
  applyPatch,
  type Intent,
  inverseOf,
  type OtherIntent,
  type Refusal,
  subjectOf,
  type TaskIntent,
  temporaryId,
} from "./intents.ts";
import { keysOnTop } from "./positions.ts";
import { priorityLabel } from "./priorities.ts";
import type { Router } from "./route.ts";
import type { TaskStore } from "./store.ts";
import type { End, Sent, Sync } from "./sync.ts";
import type { Toasts } from "./toasts.ts";
import type { Ui } from "./ui.ts";
import type { Done, Undoable, UndoLog } from "./undo.ts";
import { failure, quoted, undoFailure } from "./wording.ts";

export interface ActionsOptions {
  rondo: Rondo;
  store: TaskStore;
  sync: Sync;
  toasts: Toasts;
  undoLog: UndoLog;
  ui: Ui;
  lists: ReadonlySignal<readonly ListWithCount[]>;
  calendar: ReadonlySignal<Calendar>;
  router: Router;
}

export type Actions = ReturnType<typeof createActions>;

type TaskChange = Exclude<TaskIntent, { kind: "create" }>;

/** One of several changes that are made at once. */
export interface TaskWrite {
  title: string;
  type: ChangeType;
  intent: TaskChange;
}

/** How many steps `z` can go back. */
const UNDO_DEPTH = 50;

export function createActions(options: ActionsOptions) {
  const { rondo, store, sync, toasts, undoLog, ui, lists, calendar, router } = options;
  const undoStack: Done[][] = [];
  /** Toasts of recurring completions that wait for their next occurrence, by series. */
  const awaitingNext = new Map<string, { taskId: string; toast: number | null; occurrence: number }>();
  /** The last creation whose answer did not come. */
  let unanswered: { said: string; key: string } | null = null;
  /** The writes behind what was done, as long as they are under way. */
  const writes = new WeakMap<Done, Sent>();
  /** What puts the task back as it was, for when the server can't be asked to. */
  const inverses = new WeakMap<Done, Intent>();
  /** Writes that the server did not take: there is nothing to undo about them. */
  const refused = new WeakSet<Done>();
  /** The messages that offer to undo a step: one that was undone is offered no more. */
  const offers = new WeakMap<readonly Done[], { toast: number; text: string }>();

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
    const toast = toasts.show({ text, action: { label: "Undo", run: () => void undo(done) } });
    offers.set(done, { toast, text });
    return toast;
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

  /**
   * Shows and sends one intent. Resolves to the step once the server has taken it, or when it is known that this
   * has to wait; to null when it was refused (which has been said by then).
   */
  async function write(
    title: string,
    type: ChangeType,
    intent: TaskChange,
    failed: string,
    step = remember([{ subject: intent.id, type }]),
  ): Promise<Done[] | null> {
    const [part] = step;
    if (part === undefined) return null;
    return await follow(step, part, title, intent, failed) ? step : null;
  }

  /** Shows and sends one part of a step; false when it was refused. */
  async function follow(
    step: Done[],
    part: Done,
    title: string,
    intent: TaskChange,
    failed: string,
  ): Promise<boolean> {
    const before = store.get(intent.id);
    const inverse = before === undefined ? null : inverseOf(intent, before, sync.now().toString());
    const sent = sync.enqueue(intent, { title });
    writes.set(part, sent);
    if (inverse !== null) inverses.set(part, inverse);
    const ended = sent.end.then((end): End => {
      switch (end.state) {
        case "done":
          Object.assign(part, { subject: store.realId(intent.id), version: end.task?.version });
          break;
        case "refused":
          giveUp(step, part, end.refusal, end.error, failed);
          ui.unsettle(intent.id);
          break;
        case "cancelled":
          ui.unsettle(intent.id);
      }
      return end;
    });
    const { state } = await Promise.race([ended, sent.parked]);
    return state !== "refused";
  }

  function giveUp(step: Done[], part: Done, refusal: Refusal, error: unknown, failed: string): void {
    refused.add(part);
    // Of several the others are still there to be undone.
    if (step.every((other) => refused.has(other))) forgetStep(step);
    complain(failed, error, () => void sync.tryAgain(refusal));
  }

  /** Several changes, each by itself in the queue, as one step; true when none was refused. */
  async function writeAll(changes: readonly TaskWrite[], said: string): Promise<boolean> {
    const step = remember(changes.map(({ intent, type }): Done => ({ subject: intent.id, type })));
    // All show at once: drawn one by one, each would compute the whole view anew.
    const sending = batch(() =>
      changes.map(({ title, intent }, index) => {
        const part = step[index];
        return part && follow(step, part, title, intent, `Could not change ${quoted(title)}`);
      })
    );
    announce(said, step);
    return (await Promise.all(sending)).every(Boolean);
  }

  /**
   * Keeps a change of a list, a filter or the settings until there is a connection. With `type` it is a step that can
   * be undone, and is said.
   */
  function keep(
    intent: OtherIntent,
    about: { title: string; key?: string; failed: string; step?: { type: ChangeType; said: string } },
  ): void {
    const part: Done | null = about.step === undefined
      ? null
      : { subject: subjectOf(intent), type: about.step.type };
    const step = part === null ? [] : remember([part]);
    const sent = sync.enqueue(intent, about);
    if (part !== null) {
      writes.set(part, sent);
      if (intent.kind === "create-list") inverses.set(part, { kind: "delete-list", id: intent.list.id });
      if (intent.kind === "create-filter") {
        inverses.set(part, { kind: "delete-filter", id: intent.filter.id });
      }
    }
    void sent.end.then((end) => {
      if (end.state === "done" && part !== null) part.subject = store.realId(part.subject);
      if (end.state !== "refused") return;
      if (part !== null) giveUp(step, part, end.refusal, end.error, about.failed);
      else complain(about.failed, end.error, () => void sync.tryAgain(end.refusal));
    });
    if (about.step !== undefined) announce(about.step.said, step);
  }

  async function complete(id: string, order: readonly string[] = []): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.status === "completed") return;
    const follow = ui.focused.peek() === id ? neighbour(id, order) : null;
    ui.settle(task.id);
    const step = remember([{ subject: task.id, type: "task.completed.v1" }]);
    const toast = announce(`Completed ${quoted(task.title)}`, step);
    if (task.recurrence !== null && task.seriesId !== null) {
      awaitingNext.set(task.seriesId, { taskId: task.id, toast, occurrence: task.occurrence ?? 0 });
    }
    if (follow !== null) ui.focusRow(follow);
    const at = sync.now().toString();
    const sent = await write(
      task.title,
      "task.completed.v1",
      { kind: "complete", id: task.id, at, sendAt: sync.connection.peek() === "offline" },
      `Could not complete ${quoted(task.title)}`,
      step,
    );
    if (sent === null && toast !== null) toasts.dismiss(toast);
  }

  async function reopen(id: string): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.status === "open") return;
    const sent = await write(
      task.title,
      "task.reopened.v1",
      { kind: "reopen", id: task.id },
      `Could not reopen ${quoted(task.title)}`,
    );
    if (sent !== null) announce(`Reopened ${quoted(task.title)}`, sent);
  }

  /** Changes fields; `said` is what the toast says, none for edits that show for themselves. */
  async function patch(id: string, change: TaskPatch, said?: string): Promise<boolean> {
    const task = store.get(id);
    if (task === undefined) return false;
    const sent = await write(
      task.title,
      "task.updated.v1",
      { kind: "patch", id: task.id, patch: change },
      `Could not change ${quoted(task.title)}`,
    );
    if (sent === null) return false;
    if (said !== undefined) announce(said, sent);
    return true;
  }

  async function remove(id: string, order: readonly string[] = []): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.deletedAt !== null) return;
    const follow = neighbour(id, order);
    const sending = write(
      task.title,
      "task.deleted.v1",
      { kind: "delete", id: task.id, at: sync.now().toString() },
      `Could not delete ${quoted(task.title)}`,
    );
    if (router.taskId.peek() === task.id) router.closeTask();
    ui.focusRow(follow);
    const sent = await sending;
    if (sent !== null) announce(`Moved ${quoted(task.title)} to the trash`, sent);
  }

  async function restore(id: string, order: readonly string[] = []): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.deletedAt === null) return;
    const follow = neighbour(id, order);
    const sending = write(
      task.title,
      "task.restored.v1",
      { kind: "restore", id: task.id },
      `Could not restore ${quoted(task.title)}`,
    );
    ui.focusRow(follow);
    const sent = await sending;
    if (sent !== null) announce(`Restored ${quoted(task.title)}`, sent);
  }

  async function skip(id: string): Promise<void> {
    const task = store.get(id);
    if (task === undefined || task.recurrence === null) return;
    const sent = await write(
      task.title,
      "task.skipped.v1",
      { kind: "skip", id: task.id },
      `Could not skip this occurrence of ${quoted(task.title)}`,
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

  /**
   * Adds a task; resolves to it as soon as the server has it, or when it is known that this has to wait. To null when
   * it was refused: then the text is among what could not be saved, unless `keep` took it back.
   */
  async function create(input: TaskInput, keep?: () => boolean): Promise<Task | null> {
    const instant = sync.now().toString();
    const listId = input.listId ?? lists.peek().find((list) => list.inbox)?.id;
    // On top of its list: directly under the row it was typed into.
    const position = input.position ?? keysOnTop(store.all(), listId, 1)[0];
    const body: TaskInput = { ...input, listId, position };
    const blank: Task = {
      id: temporaryId(randomId()),
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
    const said = JSON.stringify(body);
    // The same task sent again after a fault of the server is the same write: it may be there already.
    const key = unanswered?.said === said ? unanswered.key : randomId();
    unanswered = null;
    const part: Done = { subject: blank.id, type: "task.created.v1" };
    const step = remember([part]);
    const sent = sync.enqueue({ kind: "create", task: applyPatch(blank, body), body }, {
      title: input.title,
      key,
    });
    writes.set(part, sent);
    inverses.set(part, { kind: "delete", id: blank.id, at: instant });
    const ended = sent.end.then((end): End => {
      switch (end.state) {
        case "done":
          if (end.task === null) break;
          if (ui.focused.peek() === blank.id) ui.setFocused(end.task.id);
          Object.assign(part, { subject: end.task.id, version: end.task.version });
          break;
        case "refused": {
          if (end.refusal.status >= 500) unanswered = { said, key };
          forgetStep(step);
          refused.add(part);
          if (keep?.() === true) void sync.dismiss(end.refusal.operation.key);
          toasts.show({
            tone: "error",
            text: `Could not add ${quoted(input.title)}`,
            detail: failure(end.error, "Your text is kept."),
          });
        }
      }
      return end;
    });
    const { state } = await Promise.race([ended, sent.parked]);
    if (state === "refused" || state === "cancelled") return null;
    toasts.say(
      state === "waiting" ? `Added ${input.title}, to be saved when connected` : `Added ${input.title}`,
    );
    return store.get(blank.id) ?? null;
  }

  /** Undoes what was done, newest part first; false when it could not be, which has been said. */
  async function undo(done: readonly Done[]): Promise<boolean> {
    forgetStep(done);
    const offer = offers.get(done);
    if (offer !== undefined) toasts.dismiss(offer.toast);
    for (const part of done.toReversed()) {
      const task = store.get(part.subject);
      if (task !== undefined) ui.unsettle(task.id);
      try {
        const sent = writes.get(part);
        // What was not sent yet is simply taken back.
        if (sent !== undefined && await sync.cancel(sent.key)) {
          toasts.say("Undone");
          continue;
        }
        const inverse = inverses.get(part);
        if (sync.connection.peek() === "offline" && inverse !== undefined) {
          sync.enqueue(inverse, { title: task?.title ?? "" });
          toasts.say("Undone");
          continue;
        }
        // A write that is still on its way has no event yet.
        await sent?.end;
        if (refused.has(part)) continue;
        const target = await undoLog.find(part);
        if (target === null) throw new Error("the event has not arrived");
        await undoEvent(target);
      } catch (error) {
        toasts.show({ tone: "error", text: "Could not undo this", detail: undoFailure(error) });
        return false;
      }
    }
    return true;
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
    writeAll,
    keep,
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
      const { timeZone } = calendar.peek();
      const { date } = localDue(wholeDue(due), timeZone);
      const day = dayInSentence(date, calendar.peek());
      const before = task === undefined || task.due === null ? null : localDue(task.due, timeZone).date;
      return patch(id, { due }, before === null || !before.equals(date) ? `Moved to ${day}` : "Time changed");
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
    /** Undoes the last step of this tab, and says which it was: it may not be on screen. */
    async undoLast(): Promise<void> {
      const last = undoStack.at(-1);
      if (last === undefined) return void toasts.show({ text: "Nothing to undo" });
      if (await undo(last)) toasts.show({ text: "Undone", detail: offers.get(last)?.text });
    },
    offerUndo,
    remember,
    forgetStep,
    announce,
    complain,
    noteArrival,
    clear(): void {
      undoStack.length = 0;
      unanswered = null;
      awaitingNext.clear();
    },
  };
}
