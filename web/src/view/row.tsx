/** One task in a list. */
import type { JSX } from "preact";
import { useComputed, useSignal } from "@preact/signals";
import type { Task } from "../api/types.ts";
import { dueText, dueTone, elsewhereText, longDueText } from "../model/dates.ts";
import { priorityLabel } from "../model/priorities.ts";
import { useApp } from "./context.ts";
import { Bell, CalendarDays, Ellipsis, Flag, ListTree, Repeat, RotateCcw } from "./icons.tsx";

export interface CheckProps {
  task: Pick<Task, "id" | "title" | "status" | "priority">;
  tabIndex?: number;
  onToggle: () => void;
}

/** The round checkbox; its ring is the priority. */
export function Check({ task, tabIndex, onToggle }: CheckProps): JSX.Element {
  const done = task.status === "completed";
  return (
    <button
      type="button"
      role="checkbox"
      class="check"
      data-priority={task.priority}
      aria-checked={done}
      aria-label={`Complete ${task.title}`}
      tabIndex={tabIndex}
      onClick={(event) => {
        event.stopPropagation();
        onToggle();
      }}
    >
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
        <circle cx="10" cy="10" r="8.25" class="check-ring" />
        <path d="m6.2 10.3 2.6 2.6 5-5.4" class="check-tick" />
      </svg>
    </button>
  );
}

export interface RowProps {
  task: Task;
  /** In a list of which not all is rendered: its number among all headings and rows. */
  index?: number;
  /** Which one of how many it is in its section. */
  position?: number;
  size?: number;
  measure?: (element: Element | null) => void;
  /** The first row takes the tab stop while none is current. */
  first: boolean;
  where: "list" | "day" | "past" | "trash";
  /** The heading names the day already: the row gives the time alone. */
  dayIsSaid: boolean;
}

export function Row(
  { task, index, position, size, measure, first, where, dayIsSaid }: RowProps,
): JSX.Element {
  const app = useApp();
  const { ui, actions, router, store } = app;
  const id = task.id;
  // Each row listens to its own share of what is current: a move of the focus draws two rows, not all.
  const current = useComputed(() => ui.focused.value === id).value;
  const none = useComputed(() => ui.focused.value === null).value;
  const tab = current || (none && first) ? 0 : -1;
  const open = useComputed(() => router.taskId.value === id).value;
  const chosen = useComputed(() => app.selection.ids.value.has(id)).value;
  const settling = useComputed(() => ui.settling.value.has(id)).value && task.status === "completed";
  const calendar = app.calendar.value;
  const next = useComputed(() => ui.next.value.get(id)).value;
  const subtasks = useComputed(() => {
    const count = app.counts.value.subtasks.get(id);
    return count === undefined ? null : `${count.done}/${count.open + count.done}`;
  }).value;
  // No state of a hook: only so is a row that did not change left alone when the list is drawn.
  const hovered = useSignal(false);
  const listName = where === "list" ? null : app.lists.value.find((list) => list.id === task.listId);
  const parent = task.parentId !== null ? store.get(task.parentId) : undefined;
  const order = () => app.order.peek();
  const elsewhere = task.due === null ? null : elsewhereText(task.due, calendar);
  const due = task.due === null ? null : dueText(task.due, calendar, { timeOnly: dayIsSaid });

  return (
    <div
      class="row"
      role="listitem"
      ref={measure}
      aria-posinset={position}
      aria-setsize={size}
      data-index={index}
      data-task={id}
      data-current={current || undefined}
      data-open={open || undefined}
      data-done={task.status === "completed" || undefined}
      data-settling={settling || undefined}
      data-selected={chosen || undefined}
      onPointerEnter={(event) => {
        if (event.pointerType === "mouse") hovered.value = true;
      }}
      onPointerLeave={() => {
        hovered.value = false;
      }}
    >
      {where === "trash"
        ? (
          <button
            type="button"
            class="check-button"
            tabIndex={tab}
            aria-label={`Restore ${task.title}`}
            title="Restore"
            onClick={() => void actions.restore(id, order())}
          >
            <RotateCcw size={16} />
          </button>
        )
        : <Check task={task} tabIndex={tab} onToggle={() => void actions.toggle(id, order())} />}
      <a
        class="row-title"
        href={`?task=${id}`}
        dir="auto"
        tabIndex={tab}
        onFocus={() => ui.setFocused(id)}
        onClick={(event) => {
          if (event.button !== 0) return;
          event.preventDefault();
          event.stopPropagation();
          const from = ui.focused.peek();
          ui.setFocused(id);
          if (event.metaKey || event.ctrlKey) app.selection.toggle(id);
          else if (event.shiftKey) app.selection.extend(order(), id, from);
          else router.openTask(id);
        }}
      >
        {task.title}
        {chosen && <span class="visually-hidden">, selected</span>}
      </a>
      <span class="row-meta">
        {task.priority !== "medium" && (
          <span class="visually-hidden">Priority {priorityLabel(task.priority).toLowerCase()}.</span>
        )}
        {parent && <span class="row-parent" dir="auto" title={`Part of ${parent.title}`}>{parent.title}
        </span>}
        {subtasks !== null && (
          <span class="row-count" title={`${subtasks} subtasks done`}>
            <ListTree size={14} aria-hidden="true" />
            {subtasks}
          </span>
        )}
        {elsewhere !== null && <span class="row-zone">{elsewhere}</span>}
        {task.tags.slice(0, 3).map((tag) => <span class="row-tag" key={tag} dir="auto">#{tag}</span>)}
        {task.tags.length > 3 && <span class="row-tag">+{task.tags.length - 3}</span>}
        {listName && !listName.inbox && (
          <span class="row-list" dir="auto">
            <i class="dot" data-colour={listName.colour} aria-hidden="true" />
            {listName.name}
          </span>
        )}
      </span>
      <span class="row-marks">
        {task.recurrence && <Repeat size={14} role="img" aria-label="Repeats" />}
        {task.reminders.length > 0 && <Bell size={14} role="img" aria-label="Has a reminder" />}
      </span>
      <span class="row-due" data-tone={dueTone(task, calendar)}>
        {next !== undefined
          ? <span class="row-next">next: {next}</span>
          : due !== null && task.due !== null && (
            <time title={longDueText(task.due, calendar)}>
              {due}
            </time>
          )}
      </span>
      {hovered.value && where !== "trash" && (
        <span class="row-actions">
          <button
            type="button"
            class="icon-button"
            tabIndex={-1}
            aria-label={`Set the date of ${task.title}`}
            title="Date (d)"
            onClick={() => ui.openMenu({ kind: "due", taskId: id, from: "row" })}
          >
            <CalendarDays size={16} />
          </button>
          <button
            type="button"
            class="icon-button"
            tabIndex={-1}
            aria-label={`Set the priority of ${task.title}`}
            title="Priority (p)"
            onClick={() => ui.openMenu({ kind: "priority", taskId: id, from: "row" })}
          >
            <Flag size={16} />
          </button>
          <button
            type="button"
            class="icon-button"
            tabIndex={-1}
            aria-label={`Open ${task.title}`}
            title="Open (Enter)"
            onClick={() => router.openTask(id)}
          >
            <Ellipsis size={16} />
          </button>
        </span>
      )}
    </div>
  );
}
