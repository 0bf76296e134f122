/** A task as it was at a moment, beside what it is now, and the way back. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { describeRecurrence } from "../../../services/shared/domain/recurrence.ts";
import type { ReminderInput, Task, TaskPatch } from "../api/types.ts";
import { type Calendar, instantInSentence, longDueText, reminderText } from "../model/dates.ts";
import { priorityLabel } from "../model/priorities.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { X } from "./icons.tsx";
import { Failed, Skeleton } from "./states.tsx";

type Read = { state: "loading" } | { state: "failed"; error: unknown } | { state: "ready"; task: Task };

/** The moment just after a change, so that the change is in it. */
const justAfter = (at: string) => Temporal.Instant.from(at).add({ milliseconds: 1 }).toString();

export function TimeTravel(
  { taskId, at, close }: { taskId: string; at: string; close: () => void },
): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const dialog = useRef<HTMLDialogElement>(null);
  const [read, setRead] = useState<Read>({ state: "loading" });
  app.store.revision.value;
  const now = app.store.get(taskId);
  const load = async () => {
    try {
      setRead({ state: "ready", task: await app.calls.taskAt(taskId, justAfter(at)) });
    } catch (error) {
      setRead({ state: "failed", error });
    }
  };
  useEffect(() => void load(), [taskId, at]);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const then = read.state === "ready" ? read.task : null;
  const patch = then === null || now === undefined ? {} : wayBack(now, then);
  const differs = Object.keys(patch).length > 0;
  const bring = () => {
    close();
    void app.actions.patch(taskId, patch, `As it was ${instantInSentence(at, calendar)} again`);
  };
  const lists = app.lists.value;
  return (
    <dialog
      ref={dialog}
      class="sheet"
      data-kind="travel"
      aria-label="The task as it was"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
    >
      <div class="sheet-inner">
        <header class="sheet-head">
          <h2>As it was {instantInSentence(at, calendar)}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={close}>
            <X size={18} />
          </button>
        </header>
        {read.state === "loading" && <Skeleton rows={4} />}
        {read.state === "failed" && (
          <Failed
            title="This moment could not be read"
            detail={failure(read.error, "Nothing was lost.")}
            retry={() => void load()}
          />
        )}
        {then !== null && (
          <>
            <p class="travel-title" dir="auto">{then.title}</p>
            <dl class="travel">
              {factsOf(then, calendar, lists).map(([name, value], index) => {
                const present = now === undefined ? value : factsOf(now, calendar, lists)[index]?.[1] ?? "";
                return (
                  <div key={name} data-differs={present !== value || undefined}>
                    <dt>{name}</dt>
                    <dd dir="auto">
                      {value}
                      {present !== value && <span class="travel-now" dir="auto">now {present}</span>}
                    </dd>
                  </div>
                );
              })}
            </dl>
            <div class="form-actions">
              <span class="field-hint">
                {now === undefined ? "" : differs ? "" : "Its fields are the same now"}
              </span>
              {differs && now?.deletedAt === null && (
                <button type="button" class="button primary" onClick={bring}>Bring this state back</button>
              )}
            </div>
          </>
        )}
      </div>
    </dialog>
  );
}

/** What changes `now` into `then`; being done or deleted has its own ways back. */
export function wayBack(now: Task, then: Task): TaskPatch {
  const patch: TaskPatch = {};
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  if (now.title !== then.title) patch.title = then.title;
  if (now.notes !== then.notes) patch.notes = then.notes;
  if (now.priority !== then.priority) patch.priority = then.priority;
  if (!same(now.tags, then.tags)) patch.tags = then.tags;
  if (now.listId !== then.listId) patch.listId = then.listId;
  if (!same(now.due, then.due)) patch.due = then.due;
  if (!same(now.recurrence, then.recurrence)) patch.recurrence = then.recurrence;
  if (!same(now.reminders, then.reminders)) {
    patch.reminders = then.reminders.flatMap(({ id, before, at }): ReminderInput[] =>
      before !== undefined ? [{ id, before }] : at !== undefined ? [{ id, at }] : []
    );
  }
  return patch;
}

function factsOf(
  task: Task,
  calendar: Calendar,
  lists: readonly { id: string; name: string }[],
): [string, string][] {
  const state = task.deletedAt !== null ? "In the trash" : task.status === "completed" ? "Completed" : "Open";
  const notes = task.notes.length > 120 ? `${task.notes.slice(0, 119)}…` : task.notes;
  return [
    ["Title", task.title],
    ["State", state],
    ["Date", task.due === null ? "none" : longDueText(task.due, calendar)],
    ["Repeat", task.recurrence === null ? "none" : describeRecurrence(task.recurrence, calendar.locale)],
    ["Priority", priorityLabel(task.priority)],
    ["List", lists.find((list) => list.id === task.listId)?.name ?? "a list that is gone"],
    ["Tags", task.tags.length === 0 ? "none" : task.tags.map((tag) => `#${tag}`).join(" ")],
    [
      "Reminders",
      task.reminders.length === 0
        ? "none"
        : task.reminders.map((reminder) => reminderText(reminder, calendar)).join(", "),
    ],
    ["Notes", notes === "" ? "none" : notes],
  ];
}
