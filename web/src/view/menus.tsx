/** The editors that hang on a task, opened from its row by a key or from the pane by its button. */
import type { JSX } from "preact";
import type { Task } from "../api/types.ts";
import type { Menu } from "../model/ui.ts";
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
  const { ui, store } = useApp();
  const menu = ui.menu.value;
  // Reading the revision keeps an open editor in step with changes from elsewhere.
  store.revision.value;
  const task = menu === null ? undefined : store.get(menu.taskId);
  if (menu === null || task === undefined) return null;
  const anchor = () =>
    menu.from === "pane" ? document.querySelector(`[data-property="${menu.kind}"]`) : rowOf(task.id);
  return (
    <Popover
      key={`${menu.kind}-${menu.taskId}`}
      label={`${LABELS[menu.kind]} of ${task.title}`}
      anchor={anchor}
      onClose={() => ui.closeMenu()}
    >
      <MenuContent menu={menu} task={task} close={() => ui.closeMenu()} />
    </Popover>
  );
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
  const { actions } = useApp();
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
        close();
        if (picked !== undefined && picked.value !== task.priority) {
          void actions.setPriority(
            task.id,
            picked.value,
          );
        }
      }}
    />
  );
}

function ListMenu({ task, close }: EditorProps): JSX.Element {
  const app = useApp();
  const { actions, listActions, toasts } = app;
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
        if (listId !== task.listId) void actions.setList(task.id, listId);
      }}
      create={{
        label: (text) => `Create list ${quoted(text)}`,
        valid: (text) => text.length <= 100,
        run: (text) => {
          close();
          listActions.create(text, freeColour(lists)).then(
            (list) => actions.setList(task.id, list.id),
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
  const toggle = (tag: string) => {
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
      selected={task.tags}
      onPick={toggle}
      create={{
        label: (text) => `Create #${text}`,
        valid: (text) => /^[^\s,#]{1,50}$/.test(text),
        run: toggle,
      }}
    />
  );
}
