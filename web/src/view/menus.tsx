/** The editors that hang on a task, opened from its row by a key or from the pane by its button. */
import type { JSX } from "preact";
import type { Task } from "../api/types.ts";
import type { Menu } from "../model/ui.ts";
import { tasksText } from "../model/bulk.ts";
import { freeColour, PRIORITIES } from "../model/priorities.ts";
import { failure, quoted } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { rowOf } from "./dom.ts";
import { Hash, Inbox } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { Options } from "./options.tsx";
import { Popover } from "./popover.tsx";

const DueEditor = lazy(
  async () => (await import("./editing.ts")).DueEditor,
  () => <div class="editor-wait" />,
);
const RecurrenceEditor = lazy(
  async () => (await import("./editing.ts")).RecurrenceEditor,
  () => <div class="editor-wait" />,
);
const RemindersEditor = lazy(
  async () => (await import("./editing.ts")).RemindersEditor,
  () => <div class="editor-wait" />,
);

const LABELS: Record<Menu["kind"], string> = {
  due: "Date",
  priority: "Priority",
  list: "Move to a list",
  tags: "Tags",
  recurrence: "Repeat",
  reminders: "Reminders",
};

export function TaskMenu(): JSX.Element | null {
  const app = useApp();
  const { ui, store } = app;
  const menu = ui.menu.value;
  // Reading the revision keeps an open editor in step with changes from elsewhere.
  store.revision.value;
  const task = menu === null ? undefined : store.get(menu.taskId);
  if (menu === null || task === undefined) return null;
  const anchor = () => {
    switch (menu.from) {
      case "pane":
        return document.querySelector(`[data-property="${menu.kind}"]`);
      case "bulk":
        return document.querySelector(`[data-bulk="${menu.kind}"]`) ?? rowOf(task.id);
      case "row":
        return rowOf(task.id);
    }
  };
  const several = targetsOf(app, task.id);
  const what = several.length > 1 ? tasksText(several.length) : task.title;
  return (
    <Popover
      key={`${menu.kind}-${menu.taskId}`}
      label={`${LABELS[menu.kind]} of ${what}`}
      anchor={anchor}
      onClose={() => ui.closeMenu()}
    >
      <MenuContent menu={menu} task={task} close={() => ui.closeMenu()} />
    </Popover>
  );
}

/** The tasks that an editor of `id` writes to: the whole selection when that one is selected. */
export function targetsOf(app: ReturnType<typeof useApp>, id: string): string[] {
  return app.ui.menu.peek()?.from === "pane" ? [id] : app.bulk.targets(id);
}

export interface EditorProps {
  task: Task;
  close: () => void;
}

function MenuContent({ menu, task, close }: { menu: Menu } & EditorProps): JSX.Element {
  switch (menu.kind) {
    case "due":
      return <DueEditor task={task} close={close} />;
    case "recurrence":
      return <RecurrenceEditor task={task} close={close} />;
    case "reminders":
      return <RemindersEditor task={task} close={close} />;
    case "priority":
      return <PriorityMenu task={task} close={close} />;
    case "list":
      return <ListMenu task={task} close={close} />;
    case "tags":
      return <TagMenu task={task} close={close} />;
  }
}

function PriorityMenu({ task, close }: EditorProps): JSX.Element {
  const app = useApp();
  return (
    <Options
      label="Priority"
      options={PRIORITIES.map(({ value, label }, index) => ({
        value,
        label,
        hint: String(index + 1),
        icon: <i class="ring" data-priority={value} aria-hidden="true" />,
      }))}
      selected={[task.priority]}
      onPick={(value) => {
        const picked = PRIORITIES.find((priority) => priority.value === value);
        const ids = targetsOf(app, task.id);
        close();
        if (picked === undefined) return;
        if (ids.length > 1) void app.bulk.setPriority(ids, picked.value);
        else if (picked.value !== task.priority) void app.actions.setPriority(task.id, picked.value);
      }}
    />
  );
}

function ListMenu({ task, close }: EditorProps): JSX.Element {
  const app = useApp();
  const { actions, listActions, toasts } = app;
  const ids = targetsOf(app, task.id);
  const inbox = app.inbox.value;
  const lists = inbox === null ? app.sortedLists.value : [inbox, ...app.sortedLists.value];
  return (
    <Options
      label="List"
      filter="Move to…"
      options={lists.map((list) => ({
        value: list.id,
        label: list.name,
        icon: list.inbox
          ? <Inbox size={15} aria-hidden="true" />
          : <i class="dot" data-colour={list.colour} aria-hidden="true" />,
      }))}
      selected={[task.listId]}
      onPick={(listId) => {
        close();
        if (ids.length > 1) void app.bulk.setList(ids, listId);
        else if (listId !== task.listId) void actions.setList(task.id, listId);
      }}
      create={{
        label: (text) => `Create list ${quoted(text)}`,
        valid: (text) => text.length <= 100,
        run: (text) => {
          close();
          listActions.create(text, freeColour(lists)).then(
            (list) => ids.length > 1 ? app.bulk.setList(ids, list.id) : actions.setList(task.id, list.id),
            (error) =>
              toasts.show({
                tone: "error",
                text: `Could not make the list ${quoted(text)}`,
                detail: failure(error),
              }),
          );
        },
      }}
    />
  );
}

function TagMenu({ task }: EditorProps): JSX.Element {
  const app = useApp();
  const known = new Set([...task.tags, ...app.tags.value.map(({ tag }) => tag)]);
  const ids = targetsOf(app, task.id);
  const several = ids.length > 1;
  // Of several tasks a tag counts as set when each of them has it.
  const selected = several
    ? task.tags.filter((tag) => ids.every((id) => app.store.get(id)?.tags.includes(tag)))
    : task.tags;
  const toggle = (tag: string) => {
    if (several) return void app.bulk.toggleTag(ids, tag);
    const has = task.tags.includes(tag);
    const tags = has ? task.tags.filter((other) => other !== tag) : [...task.tags, tag];
    void app.actions.patch(task.id, { tags });
  };
  return (
    <Options
      label="Tags"
      filter="Add or find a tag"
      several
      options={[...known].map((tag) => ({
        value: tag,
        label: tag,
        icon: <Hash size={14} aria-hidden="true" />,
      }))}
      selected={selected}
      onPick={toggle}
      create={{
        label: (text) => `Create #${text}`,
        valid: (text) => /^[^\s,#]{1,50}$/.test(text),
        run: toggle,
      }}
    />
  );
}
