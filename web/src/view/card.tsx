/** A task where there is no room for a row. */
import type { JSX } from "preact";
import { type ReadonlySignal, useComputed } from "@preact/signals";
import type { Task } from "../api/types.ts";
import { dueText, dueTone, longDueText } from "../model/dates.ts";
import { priorityLabel } from "../model/priorities.ts";
import { useApp } from "./context.ts";
import { Bell, ListTree, Repeat } from "./icons.tsx";
import { Check } from "./row.tsx";

export interface CardProps {
  task: Task;
  /** Which card this is, and which one is the tab stop. */
  at: string;
  stop: ReadonlySignal<string | null>;
  /** Which part the heading above says already. */
  said: "list" | "priority" | "tag";
}

export function Card({ task, at, stop, said }: CardProps): JSX.Element {
  const app = useApp();
  const { ui, router, actions, selection } = app;
  const calendar = app.calendar.value;
  const list = app.lists.value.find((other) => other.id === task.listId);
  const { id } = task;
  const tab = useComputed(() => stop.value === at).value;
  const open = useComputed(() => router.taskId.value === id).value;
  const settling = useComputed(() => ui.settling.value.has(id)).value;
  const subtasks = useComputed(() => {
    const count = app.counts.value.subtasks.get(id);
    return count === undefined ? null : `${count.done}/${count.open + count.done}`;
  }).value;
  const parent = task.parentId === null ? undefined : app.store.get(task.parentId);
  const chosen = useComputed(() => selection.ids.value.has(id)).value;
  return (
    <li
      class="card"
      data-task={task.id}
      data-open={open || undefined}
      data-selected={chosen || undefined}
      data-done={task.status === "completed" || undefined}
      data-settling={settling && task.status === "completed" || undefined}
    >
      <Check
        task={task}
        tabIndex={tab ? 0 : -1}
        onToggle={() => void actions.toggle(task.id, app.order.peek())}
      />
      <div class="card-body">
        <a
          class="card-title"
          href={`?task=${task.id}`}
          dir="auto"
          tabIndex={tab ? 0 : -1}
          onFocus={() => ui.setFocused(task.id)}
          onClick={(event) => {
            if (event.button !== 0) return;
            event.preventDefault();
            event.stopPropagation();
            ui.setFocused(task.id);
            if (event.metaKey || event.ctrlKey) selection.toggle(task.id);
            else if (event.shiftKey) selection.extend(app.order.peek(), task.id);
            else router.openTask(task.id);
          }}
        >
          {task.title}
        </a>
        {chosen && <span class="visually-hidden">Selected.</span>}
        {parent !== undefined && <span class="card-parent" dir="auto">{parent.title}</span>}
        <span class="card-meta">
          {task.due !== null && (
            <time class="row-due" data-tone={dueTone(task, calendar)} title={longDueText(task.due, calendar)}>
              {dueText(task.due, calendar)}
            </time>
          )}
          {task.recurrence && <Repeat size={13} role="img" aria-label="Repeats" />}
          {task.reminders.length > 0 && <Bell size={13} role="img" aria-label="Has a reminder" />}
          {subtasks !== null && (
            <span class="row-count">
              <ListTree size={13} aria-hidden="true" />
              {subtasks}
              <span class="visually-hidden">subtasks done</span>
            </span>
          )}
          {task.tags.slice(0, 3).map((tag) => <span class="row-tag" key={tag} dir="auto">#{tag}</span>)}
          {said !== "list" && list !== undefined && !list.inbox && (
            <span class="row-list" dir="auto">
              <i class="dot" data-colour={list.colour} aria-hidden="true" />
              {list.name}
            </span>
          )}
          {said !== "priority" && task.priority !== "medium" && (
            <span class="visually-hidden">Priority {priorityLabel(task.priority).toLowerCase()}.</span>
          )}
        </span>
      </div>
    </li>
  );
}
