/** One task in full, edited in place. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useComputed } from "@preact/signals";
import { describeRecurrence } from "../../../services/shared/domain/recurrence.ts";
import type { Task } from "../api/types.ts";
import {
  agoText,
  dueTone,
  elsewhereText,
  localDue,
  longDueText,
  reminderText,
  zoneText,
} from "../model/dates.ts";
import { byPosition, isLive } from "../model/grouping.ts";
import { priorityLabel } from "../model/priorities.ts";
import type { MenuKind } from "../model/ui.ts";
import { ActivityPanel, RemindersPanel } from "./activity.tsx";
import { useApp } from "./context.ts";
import {
  ArrowLeft,
  Bell,
  CalendarDays,
  Copy,
  Flag,
  Hash,
  Inbox,
  Plus,
  Repeat,
  RotateCcw,
  SkipForward,
  Trash2,
  X,
} from "./icons.tsx";
import { useDraft } from "./draft.ts";
import { closePane } from "./keys.ts";
import { Check } from "./row.tsx";
import { Empty, Skeleton } from "./states.tsx";

export function Detail({ id }: { id: string }): JSX.Element {
  const app = useApp();
  app.store.revision.value;
  const task = app.store.get(id);
  if (task === undefined) {
    if (app.missing.value !== id) return <Skeleton rows={5} />;
    return (
      <Empty
        icon={null}
        title="This task is not here"
        text="It may have been deleted for good, or the address is not quite right."
        action={{ label: "Close", run: () => closePane(app) }}
      />
    );
  }
  return <TaskDetail task={task} />;
}

function TaskDetail({ task }: { task: Task }): JSX.Element {
  const app = useApp();
  const { actions, router, calendar, store } = app;
  const parent = task.parentId === null ? undefined : store.get(task.parentId);
  const deleted = task.deletedAt !== null;
  return (
    <div class="detail" data-done={task.status === "completed" || undefined}>
      <div class="detail-bar">
        <button
          type="button"
          class="icon-button detail-back"
          aria-label="Close task"
          title="Close (Esc)"
          onClick={() => closePane(app)}
        >
          <ArrowLeft size={18} class="narrow-only" />
          <X size={18} class="wide-only" />
        </button>
        <span class="detail-bar-space" />
        {!deleted && (
          <button
            type="button"
            class="icon-button"
            aria-label="Duplicate task"
            title="Duplicate (c)"
            onClick={() => void app.bulk.duplicate([task.id])}
          >
            <Copy size={16} />
          </button>
        )}
        {task.recurrence !== null && task.status === "open" && !deleted && (
          <button
            type="button"
            class="icon-button"
            aria-label="Skip this occurrence"
            title="Skip this occurrence"
            onClick={() => void actions.skip(task.id)}
          >
            <SkipForward size={17} />
          </button>
        )}
        {deleted
          ? (
            <button
              type="button"
              class="button quiet"
              onClick={() => void actions.restore(task.id, app.order.peek())}
            >
              <RotateCcw size={15} /> Restore
            </button>
          )
          : (
            <button
              type="button"
              class="icon-button"
              aria-label="Delete task"
              title="Move to the trash (Del)"
              onClick={() => void actions.remove(task.id, app.order.peek())}
            >
              <Trash2 size={17} />
            </button>
          )}
      </div>
      {parent && (
        <button
          type="button"
          class="detail-parent"
          dir="auto"
          onClick={() => router.openTask(parent.id)}
        >
          {parent.title}
        </button>
      )}
      <div class="detail-title-line">
        <Check task={task} onToggle={() => void actions.toggle(task.id, app.order.peek())} />
        <TitleEditor task={task} />
      </div>
      <Properties task={task} />
      <NotesEditor task={task} />
      <Subtasks task={task} />
      <Panels task={task} />
      <p class="detail-foot">
        Added {agoText(task.createdAt, calendar.value)}
        {task.completedAt !== null && ` · completed ${agoText(task.completedAt, calendar.value)}`}
        {task.deletedAt !== null && ` · deleted ${agoText(task.deletedAt, calendar.value)}`}
      </p>
    </div>
  );
}

function TitleEditor({ task }: { task: Task }): JSX.Element {
  const { actions, ui } = useApp();
  const field = useRef<HTMLTextAreaElement>(null);
  const draft = useDraft((text) => {
    const title = text.trim();
    if (title !== "" && title !== task.title) void actions.patch(task.id, { title });
  });
  const request = ui.editTitle.value;
  useEffect(() => {
    if (!request) return;
    ui.endTitleRequest();
    field.current?.focus();
    field.current?.setSelectionRange(task.title.length, task.title.length);
  }, [request]);
  return (
    <textarea
      ref={field}
      class="detail-title"
      rows={1}
      dir="auto"
      aria-label="Title"
      maxLength={500}
      value={draft.text ?? task.title}
      readOnly={task.deletedAt !== null}
      onInput={(event) => draft.write(event.currentTarget.value.replaceAll("\n", " "))}
      onBlur={draft.finish}
      onKeyDown={(event) => {
        if (event.isComposing) return;
        if (event.key === "Enter") {
          event.preventDefault();
          event.currentTarget.blur();
        } else if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          draft.write(null);
          field.current?.closest<HTMLElement>(".pane")?.focus();
        }
      }}
    />
  );
}

interface PropertyProps {
  kind: MenuKind;
  task: Task;
  icon: ComponentChildren;
  label: string;
  /** Null shows `none` quietly. */
  value: ComponentChildren;
  none: string;
  tone?: string;
}

function Property({ kind, task, icon, label, value, none, tone }: PropertyProps): JSX.Element {
  const { ui } = useApp();
  return (
    <button
      type="button"
      class="property"
      data-property={kind}
      data-empty={value === null || undefined}
      data-tone={tone}
      aria-haspopup="dialog"
      disabled={task.deletedAt !== null}
      onClick={() => ui.openMenu({ kind, taskId: task.id, from: "pane" })}
    >
      <span class="property-icon" aria-hidden="true">{icon}</span>
      <span class="visually-hidden">{label}:</span>
      <span class="property-value" dir="auto">{value ?? none}</span>
    </button>
  );
}

function Properties({ task }: { task: Task }): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const list = app.lists.value.find((other) => other.id === task.listId);
  const { due } = task;
  const elsewhere = due === null ? null : elsewhereText(due, calendar);
  return (
    <div class="properties">
      <Property
        kind="due"
        task={task}
        icon={<CalendarDays size={16} />}
        label="Date"
        none="No date"
        tone={dueTone(task, calendar)}
        value={due === null ? null : (
          <>
            {longDueText(due, calendar)}
            {elsewhere !== null && <span class="property-note">{elsewhere}</span>}
            {elsewhere === null && due.timeZone !== null && due.time !== null && (
              <span class="property-note">fixed to {zoneText(due.timeZone)}</span>
            )}
          </>
        )}
      />
      <Property
        kind="recurrence"
        task={task}
        icon={<Repeat size={16} />}
        label="Repeat"
        none="Does not repeat"
        value={task.recurrence === null ? null : (
          <>
            {sentence(describeRecurrence(task.recurrence, calendar.locale))}
            {task.occurrence !== null && task.occurrence > 1 && (
              <span class="property-note">occurrence {task.occurrence}</span>
            )}
          </>
        )}
      />
      <Property
        kind="reminders"
        task={task}
        icon={<Bell size={16} />}
        label="Reminders"
        none="No reminder"
        value={task.reminders.length === 0
          ? null
          : task.reminders.map((reminder) => reminderText(reminder, calendar)).join(", ")}
      />
      <Property
        kind="priority"
        task={task}
        icon={<Flag size={16} />}
        label="Priority"
        none=""
        value={
          <span class="property-priority">
            <i class="ring" data-priority={task.priority} aria-hidden="true" />
            {priorityLabel(task.priority)}
          </span>
        }
      />
      <Property
        kind="list"
        task={task}
        icon={list?.inbox ?? true ? <Inbox size={16} /> : <i class="dot" data-colour={list?.colour} />}
        label="List"
        none="Inbox"
        value={list?.name ?? null}
      />
      <Property
        kind="tags"
        task={task}
        icon={<Hash size={16} />}
        label="Tags"
        none="No tags"
        value={task.tags.length === 0 ? null : (
          <span class="property-tags">
            {task.tags.map((tag) => <span class="tag" key={tag}>{tag}</span>)}
          </span>
        )}
      />
      {due !== null && localDue(due, calendar.timeZone).time === null && task.reminders.length > 0 && (
        <p class="property-hint">Without a time, reminders are counted from the start of the day.</p>
      )}
    </div>
  );
}

const sentence = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

function NotesEditor({ task }: { task: Task }): JSX.Element {
  const { actions } = useApp();
  const draft = useDraft((notes) => {
    if (notes !== task.notes) void actions.patch(task.id, { notes });
  });
  const field = useRef<HTMLTextAreaElement>(null);
  const editing = draft.text !== null;
  useLayoutEffect(() => {
    if (!editing) return;
    field.current?.focus();
    field.current?.setSelectionRange(task.notes.length, task.notes.length);
  }, [editing]);
  if (editing) {
    return (
      <div class="notes">
        <textarea
          ref={field}
          class="notes-field"
          dir="auto"
          aria-label="Notes"
          aria-describedby="notes-help"
          maxLength={50_000}
          value={draft.text ?? ""}
          onInput={(event) => draft.write(event.currentTarget.value)}
          onBlur={draft.finish}
          onKeyDown={(event) => {
            if (event.isComposing) return;
            const ends = event.key === "Escape" || event.key === "Enter" && (event.ctrlKey || event.metaKey);
            if (!ends) return;
            event.preventDefault();
            event.stopPropagation();
            const pane = event.currentTarget.closest<HTMLElement>(".pane");
            draft.finish();
            pane?.focus();
          }}
        />
        <p class="notes-help" id="notes-help">Markdown. Saved when you leave the field.</p>
      </div>
    );
  }
  const edit = () => {
    if (task.deletedAt === null) draft.write(task.notes);
  };
  if (task.notes === "") {
    return (
      <div class="notes">
        <button type="button" class="notes-empty" disabled={task.deletedAt !== null} onClick={edit}>
          Add notes
        </button>
      </div>
    );
  }
  return (
    <div class="notes">
      <div
        class="notes-shown"
        onClick={(event) => {
          // A link in a note is followed, and selecting text is not a wish to edit.
          if (event.target instanceof Element && event.target.closest("a") !== null) return;
          if (globalThis.getSelection()?.isCollapsed === false) return;
          edit();
        }}
      >
        <Markdown text={task.notes} />
      </div>
      {/* Notes hold links, so that they cannot be a button themselves. */}
      {task.deletedAt === null && (
        <button type="button" class="notes-edit" aria-label="Edit notes" onClick={edit}>Edit</button>
      )}
    </div>
  );
}

function Markdown({ text }: { text: string }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const [render, setRender] = useState<{ of: (text: string) => DocumentFragment } | null>(null);
  useEffect(() => {
    let alive = true;
    import("./markdown.ts").then(({ renderMarkdown }) => {
      if (alive) setRender({ of: renderMarkdown });
    }, () => {});
    return () => {
      alive = false;
    };
  }, []);
  useLayoutEffect(() => {
    if (render !== null) place.current?.replaceChildren(render.of(text));
  }, [render, text]);
  // Until the renderer is here (or when it cannot come) the text itself is shown.
  return render === null
    ? <div class="prose plain" dir="auto">{text}</div>
    : <div class="prose" ref={place} key="rendered" />;
}

function Subtasks({ task }: { task: Task }): JSX.Element | null {
  const app = useApp();
  const { store, actions, router, ui } = app;
  const [draft, setDraft] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const [adding, setAdding] = useState(false);
  const request = ui.addSubtask.value;
  useLayoutEffect(() => {
    if (!request) return;
    ui.endSubtaskRequest();
    setAdding(true);
  }, [request]);
  // Before the next key is typed.
  useLayoutEffect(() => {
    if (adding) field.current?.focus();
  }, [adding]);
  const { id } = task;
  // All tasks are gone through when one of them changed, not at every key of the new subtask.
  const children = useComputed(() => {
    store.revision.value;
    return [...store.all()].filter((other) => other.parentId === id && isLive(other))
      .sort((a, b) =>
        Number(a.status === "completed") - Number(b.status === "completed") || byPosition(a, b)
      );
  }).value;
  if (task.deletedAt !== null && children.length === 0) return null;
  const add = async () => {
    const title = draft.trim();
    if (title === "") return;
    setDraft("");
    const made = await actions.create({
      title,
      parentId: store.realId(task.id),
      listId: task.listId,
      position: undefined,
    });
    if (made === null) setDraft((now) => now === "" ? title : now);
  };
  const done = children.filter((child) => child.status === "completed").length;
  return (
    <section class="subtasks" aria-label="Subtasks">
      {children.length > 0 && (
        <h2 class="detail-heading">
          Subtasks <span class="count">{done}/{children.length}</span>
        </h2>
      )}
      {children.length > 0 && (
        <ul role="list">
          {children.map((child) => (
            <li
              class="subtask"
              key={store.keyOf(child.id)}
              data-done={child.status === "completed" || undefined}
            >
              <Check task={child} onToggle={() => void actions.toggle(child.id)} />
              <a
                href={`?task=${child.id}`}
                dir="auto"
                onClick={(event) => {
                  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                  event.preventDefault();
                  router.openTask(child.id);
                }}
              >
                {child.title}
              </a>
            </li>
          ))}
        </ul>
      )}
      {adding
        ? (
          <form
            class="subtask-add"
            onSubmit={(event) => {
              event.preventDefault();
              void add();
            }}
          >
            <Plus size={16} aria-hidden="true" />
            <input
              ref={field}
              dir="auto"
              maxLength={500}
              value={draft}
              aria-label="New subtask"
              placeholder="New subtask"
              onInput={(event) => setDraft(event.currentTarget.value)}
              onBlur={() => {
                if (draft.trim() === "") setAdding(false);
              }}
              onKeyDown={(event) => {
                if (event.key !== "Escape") return;
                event.preventDefault();
                event.stopPropagation();
                setAdding(false);
                event.currentTarget.closest<HTMLElement>(".pane")?.focus();
              }}
            />
          </form>
        )
        : (
          <button type="button" class="subtask-button" onClick={() => setAdding(true)}>
            <Plus size={16} aria-hidden="true" /> Add a subtask
          </button>
        )}
    </section>
  );
}

function Panels({ task }: { task: Task }): JSX.Element {
  const { router } = useApp();
  const panel = router.panel.value;
  const toggle = (name: "activity" | "reminders") => router.openTask(task.id, panel === name ? null : name);
  const tab = (name: "activity" | "reminders", label: string) => (
    <button
      type="button"
      class="panel-button"
      aria-expanded={panel === name}
      aria-controls={panel === name ? "detail-panel" : undefined}
      onClick={() => toggle(name)}
    >
      {label}
    </button>
  );
  return (
    <div class="panels">
      <div class="panel-tabs">
        {tab("activity", "Activity")}
        {tab("reminders", "Reminder log")}
      </div>
      {panel !== null && (
        <div id="detail-panel">
          {panel === "activity" ? <ActivityPanel task={task} /> : <RemindersPanel task={task} />}
        </div>
      )}
    </div>
  );
}
