/** What happened to a task, each step undoable, and what became of its reminders. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { describeRecurrence } from "../../../services/shared/domain/recurrence.ts";
import { ApiError } from "../api/client.ts";
import type { Actor, HistoryEntry, ReminderEntry, Task } from "../api/types.ts";
import { agoText, type Calendar, instantInSentence, instantText, longDueText } from "../model/dates.ts";
import { priorityLabel } from "../model/priorities.ts";
import { failure, quoted, undoFailure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { Failed, Skeleton } from "./states.tsx";
import { TimeTravel } from "./timetravel.tsx";

type Read<T> = { state: "loading" } | { state: "ready"; items: T[]; next: string | null } | {
  state: "failed";
  error: unknown;
};

export function ActivityPanel({ task }: { task: Task }): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const [read, setRead] = useState<Read<HistoryEntry>>({ state: "loading" });
  const [problem, setProblem] = useState<{ eventId: string; text: string } | null>(null);
  const [travel, setTravel] = useState<string | null>(null);
  const load = async (cursor: string | null = null) => {
    try {
      const page = await app.rondo.history(app.store.realId(task.id), cursor);
      setRead((before) => ({
        state: "ready",
        items: cursor !== null && before.state === "ready" ? [...before.items, ...page.items] : page.items,
        next: page.nextCursor,
      }));
    } catch (error) {
      setRead({ state: "failed", error });
    }
  };
  // Every new version is a new entry.
  useEffect(() => void load(), [task.id, task.version]);
  const undo = async (entry: HistoryEntry) => {
    setProblem(null);
    try {
      await app.actions.undoEvent({ eventId: entry.eventId });
    } catch (error) {
      const later = error instanceof ApiError && read.state === "ready"
        ? read.items.find((item) => error.message.includes(item.eventId))
        : undefined;
      const words = later && entryText(later, calendar, app.lists.value);
      setProblem({ eventId: entry.eventId, text: undoFailure(error, words) });
    }
  };
  switch (read.state) {
    case "loading":
      return <Skeleton rows={3} />;
    case "failed":
      return (
        <Failed
          title="The activity could not be loaded"
          detail={failure(read.error, "Nothing was lost.")}
          retry={() => void load()}
        />
      );
    case "ready":
      return (
        <>
          <ol class="activity" role="list">
            {read.items.map((entry) => (
              <li key={entry.eventId}>
                <div class="activity-words">
                  <span dir="auto">{entryText(entry, calendar, app.lists.value)}</span>
                  <span class="activity-when">
                    <time title={instantText(entry.at, calendar)}>{agoText(entry.at, calendar)}</time>
                    {actorText(entry.actor)}
                    <button
                      type="button"
                      class="log-look"
                      aria-label={`as it was after: ${entryText(entry, calendar, app.lists.value)}`}
                      onClick={() => setTravel(entry.at)}
                    >
                      as it was
                    </button>
                  </span>
                  {problem?.eventId === entry.eventId && (
                    <span class="field-problem" role="alert">{problem.text}</span>
                  )}
                </div>
                <button
                  type="button"
                  class="button quiet small"
                  aria-label={`Undo: ${entryText(entry, calendar, app.lists.value)}`}
                  onClick={() => void undo(entry)}
                >
                  Undo
                </button>
              </li>
            ))}
          </ol>
          {read.next !== null && (
            <button
              type="button"
              class="button quiet"
              onClick={() => void load(read.next)}
            >
              Show older
            </button>
          )}
          {travel !== null && (
            <TimeTravel
              taskId={app.store.realId(task.id)}
              at={travel}
              close={() => setTravel(null)}
            />
          )}
        </>
      );
  }
}

export function actorText(actor: Actor): string {
  switch (actor.kind) {
    case "user":
      return "";
    case "api-key":
      return " · by an API key";
    case "assistant":
      return " · by the assistant";
    case "system":
      return " · by Rondo";
  }
}

const FIELDS: Partial<Record<keyof Task, string>> = {
  title: "title",
  notes: "notes",
  priority: "priority",
  tags: "tags",
  listId: "list",
  parentId: "parent",
  due: "date",
  recurrence: "repeat",
  reminders: "reminders",
  position: "order",
};

export function entryText(
  entry: HistoryEntry,
  calendar: Calendar,
  lists: readonly { id: string; name: string }[],
): string {
  const { before, after } = entry;
  switch (entry.type) {
    case "task.created.v1":
      return "Added";
    case "task.completed.v1":
      return "Completed";
    case "task.reopened.v1":
      return "Reopened";
    case "task.deleted.v1":
      return "Moved to the trash";
    case "task.restored.v1":
      return "Restored from the trash";
    case "task.skipped.v1":
      return "Skipped this occurrence";
    default: {
      const changed = (Object.keys(FIELDS) as (keyof Task)[]).filter((field) =>
        before !== null && field in before
      );
      const [only] = changed;
      if (changed.length !== 1 || only === undefined) {
        const names = changed.map((field) => FIELDS[field]).filter((name) => name !== undefined);
        return names.length === 0 ? "Changed" : `Changed ${names.join(", ")}`;
      }
      return fieldText(only, before, after, calendar, lists);
    }
  }
}

function fieldText(
  field: keyof Task,
  before: Partial<Task> | null,
  after: Partial<Task> | null,
  calendar: Calendar,
  lists: readonly { id: string; name: string }[],
): string {
  switch (field) {
    case "title":
      return before?.title === undefined ? "Changed title" : `Renamed from ${quoted(before.title)}`;
    case "priority":
      return after?.priority === undefined
        ? "Changed priority"
        : `Priority ${priorityLabel(after.priority).toLowerCase()}`;
    case "due":
      return after?.due ? `Date ${longDueText(after.due, calendar)}` : "Date removed";
    case "recurrence":
      return after?.recurrence
        ? `Repeats ${describeRecurrence(after.recurrence, calendar.locale)}`
        : "No longer repeats";
    case "tags":
      return after?.tags && after.tags.length > 0
        ? `Tags ${after.tags.map((tag) => `#${tag}`).join(" ")}`
        : "Tags removed";
    case "listId": {
      const name = lists.find((list) => list.id === after?.listId)?.name;
      return name === undefined ? "Moved to another list" : `Moved to ${name}`;
    }
    default:
      return `Changed ${FIELDS[field] ?? field}`;
  }
}

export function RemindersPanel({ task }: { task: Task }): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const [read, setRead] = useState<Read<ReminderEntry>>({ state: "loading" });
  const load = async () => {
    try {
      const page = await app.rondo.reminders(app.store.realId(task.id));
      setRead({ state: "ready", items: page.items, next: page.nextCursor });
    } catch (error) {
      setRead({ state: "failed", error });
    }
  };
  useEffect(() => void load(), [task.id, task.version, app.notifications.data.value.items.length]);
  switch (read.state) {
    case "loading":
      return <Skeleton rows={2} />;
    case "failed":
      return (
        <Failed
          title="The reminder log could not be loaded"
          detail={failure(read.error, "Your reminders are not affected.")}
          retry={() => void load()}
        />
      );
    case "ready":
      return read.items.length === 0
        ? (
          <p class="field-hint">
            No reminder has been planned for this task yet. Here you will see why each one fired or did not.
          </p>
        )
        : (
          <ol class="activity" role="list">
            {read.items.map((entry) => (
              <li key={entry.id}>
                <div class="activity-words">
                  <span>
                    <i class="state-dot" data-state={entry.status} aria-hidden="true" />
                    {ledgerText(entry, calendar)}
                  </span>
                  <span class="activity-when">{entry.reason}</span>
                </div>
              </li>
            ))}
          </ol>
        );
  }
}

export function ledgerText(entry: ReminderEntry, calendar: Calendar): string {
  switch (entry.status) {
    case "scheduled":
      return `Planned for ${instantInSentence(entry.fireAt, calendar)}`;
    case "delivered":
      return `Delivered ${instantInSentence(entry.deliveredAt ?? entry.fireAt, calendar)}${
        entry.late ? ", late" : ""
      }`;
    case "cancelled":
      return `Cancelled, was planned for ${instantInSentence(entry.fireAt, calendar)}`;
    case "failed":
      return `Failed, was planned for ${instantInSentence(entry.fireAt, calendar)}`;
  }
}
