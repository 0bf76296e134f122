/** Where one can go, and how the connection is. */
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Colour } from "../api/types.ts";
import type { Connection } from "../model/app.ts";
import type { Drop } from "../model/moves.ts";
import { freeColour } from "../model/priorities.ts";
import { type View, viewKey, viewUrl } from "../model/route.ts";
import { failure, plural } from "../model/wording.ts";
import { useApp } from "./context.ts";
import {
  Activity,
  Bell,
  BellRing,
  CalendarDays,
  CalendarRange,
  CircleCheck,
  Filter,
  Hash,
  Inbox,
  Kanban,
  Keyboard,
  Menu,
  MessageCircle,
  Plus,
  Search,
  Settings,
  Sun,
  Trash2,
  TriangleAlert,
} from "./icons.tsx";
import { Popover } from "./popover.tsx";
import { ColourPicker, Field } from "./viewheader.tsx";

interface ItemProps {
  view: View;
  icon: ComponentChildren;
  label: string;
  count?: number;
  countTone?: "overdue" | "unread";
  countLabel?: string;
  /** What letting a task go here means. */
  drop?: Drop;
}

function Item(
  { view, icon, label, count = 0, countTone, countLabel = "open", drop }: ItemProps,
): JSX.Element {
  const { router } = useApp();
  const here = router.viewKey.value === viewKey(view);
  return (
    <li>
      <a
        class="nav-item"
        href={viewUrl(view)}
        aria-current={here ? "page" : undefined}
        data-drop={drop === undefined ? undefined : JSON.stringify(drop)}
      >
        <span class="nav-icon" aria-hidden="true">{icon}</span>
        <span class="nav-label" dir="auto">{label}</span>
        {count > 0 && (
          <span class="count" data-tone={countTone}>
            {count.toLocaleString()}
            <span class="visually-hidden">{countLabel}</span>
          </span>
        )}
      </a>
    </li>
  );
}

export function Navigation(): JSX.Element {
  const app = useApp();
  const counts = app.counts.value;
  const lists = app.sortedLists.value;
  const tags = app.tags.value;
  const filters = app.filters.items.value;
  const inbox = app.inbox.value;
  return (
    <>
      <ul class="nav-group" role="list">
        <Item view={{ name: "search", q: "" }} icon={<Search size={17} />} label="Search" />
        <Item
          view={{ name: "inbox" }}
          icon={<Inbox size={17} />}
          label="Inbox"
          count={counts.inbox}
          drop={inbox === null ? undefined : { kind: "list", listId: inbox.id }}
        />
        <Item
          view={{ name: "today" }}
          icon={<Sun size={17} />}
          label="Today"
          count={counts.today}
          countTone={counts.overdue > 0 ? "overdue" : undefined}
          countLabel={counts.overdue > 0 ? `due, ${counts.overdue} overdue` : "due"}
          drop={{ kind: "day", date: app.calendar.value.day }}
        />
        <Item view={{ name: "upcoming" }} icon={<CalendarDays size={17} />} label="Upcoming" />
        <Item
          view={{ name: "calendar", span: "month", on: null }}
          icon={<CalendarRange size={17} />}
          label="Calendar"
        />
        <Item view={{ name: "board", by: "list" }} icon={<Kanban size={17} />} label="Board" />
        <Item view={{ name: "chat" }} icon={<MessageCircle size={17} />} label="Assistant" />
        <Item
          view={{ name: "notifications" }}
          icon={<Bell size={17} />}
          label="Notifications"
          count={app.notifications.data.value.unread}
          countTone="unread"
          countLabel="unread"
        />
        {app.sync.refusals.value.length > 0 && (
          <Item
            view={{ name: "not-saved" }}
            icon={<TriangleAlert size={17} />}
            label="Not saved"
            count={app.sync.refusals.value.length}
            countTone="overdue"
            countLabel={app.sync.refusals.value.length === 1 ? "change" : "changes"}
          />
        )}
      </ul>
      <div class="nav-heading">
        <h2 id="nav-lists">Lists</h2>
        <NewList />
      </div>
      <ul class="nav-group" role="list" aria-labelledby="nav-lists">
        {lists.map((list) => (
          <Item
            key={list.id}
            view={{ name: "list", listId: list.id }}
            icon={<i class="dot" data-colour={list.colour} />}
            label={list.name}
            count={counts.lists.get(list.id) ?? 0}
            drop={{ kind: "list", listId: list.id }}
          />
        ))}
        {lists.length === 0 && <li class="nav-none">No lists yet</li>}
      </ul>
      <div class="nav-heading">
        <h2 id="nav-filters">Filters</h2>
        <a class="icon-button small" href="/filter" aria-label="New filter" title="New filter">
          <Plus size={15} />
        </a>
      </div>
      <ul class="nav-group" role="list" aria-labelledby="nav-filters">
        {filters.map((filter) => (
          <Item
            key={filter.id}
            view={{ name: "filter", filterId: filter.id, q: null }}
            icon={<Filter size={15} />}
            label={filter.name}
          />
        ))}
        {filters.length === 0 && <li class="nav-none">No filters yet</li>}
      </ul>
      {tags.length > 0 && (
        <>
          <div class="nav-heading">
            <h2 id="nav-tags">Tags</h2>
          </div>
          <ul class="nav-group" role="list" aria-labelledby="nav-tags">
            {tags.slice(0, 50).map(({ tag, open }) => (
              <Item
                key={tag}
                view={{ name: "tag", tag }}
                icon={<Hash size={15} />}
                label={tag}
                count={open}
                drop={{ kind: "tag", tag, from: null }}
              />
            ))}
          </ul>
        </>
      )}
      <div class="nav-heading">
        <h2 id="nav-past">Past</h2>
      </div>
      <ul class="nav-group" role="list" aria-labelledby="nav-past">
        <Item view={{ name: "activity" }} icon={<Activity size={17} />} label="Activity" />
        <Item view={{ name: "reminders" }} icon={<BellRing size={17} />} label="Reminders" />
        <Item view={{ name: "completed" }} icon={<CircleCheck size={17} />} label="Completed" />
        <Item view={{ name: "trash" }} icon={<Trash2 size={17} />} label="Trash" />
      </ul>
    </>
  );
}

export function Sidebar(): JSX.Element {
  const app = useApp();
  const me = app.session.me.value;
  return (
    <nav class="sidebar" aria-label="Views">
      <div class="sidebar-top">
        <span class="wordmark">
          <Mark />
          Rondo
        </span>
        <button
          type="button"
          class="icon-button"
          aria-label="Add a task"
          title="Add a task (q)"
          onClick={() => addTask(app)}
        >
          <Plus size={18} />
        </button>
      </div>
      <div class="sidebar-scroll">
        <Navigation />
      </div>
      <div class="sidebar-foot">
        <ConnectionMark />
        <a class="sidebar-me" href="/settings" aria-label={`Settings of ${me?.name ?? "your account"}`}>
          <span dir="auto">{me?.name}</span>
        </a>
        <button
          type="button"
          class="icon-button"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => app.ui.openSheet("keys")}
        >
          <Keyboard size={17} />
        </button>
        <a class="icon-button" href="/settings" aria-label="Settings" title="Settings">
          <Settings size={17} />
        </a>
      </div>
    </nav>
  );
}

/** The product's mark: a circle that comes round again. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d="M20 12a8 8 0 1 1-3.2-6.4" />
      <path d="m8.6 12.2 2.7 2.6L20 5.6" />
    </svg>
  );
}

const CONNECTION: Record<Connection, string> = {
  connecting: "Connecting",
  syncing: "Reading your tasks",
  live: "Live: changes appear as they happen",
  offline: "Offline: trying to reconnect",
};

/** How the connection is, and how much waits for it. */
function connectionText(state: Connection, waiting: number): string {
  if (state !== "offline" || waiting === 0) return CONNECTION[state];
  return `Offline: ${plural(waiting, "change waits", "changes wait")} to be saved`;
}

export function ConnectionMark(): JSX.Element {
  const { connection, sync } = useApp();
  const state = connection.value;
  const waiting = sync.operations.value.length;
  const text = connectionText(state, waiting);
  return (
    <span
      class="connection"
      data-state={state}
      role="status"
      title={text}
      data-testid="connection"
      data-waiting={waiting}
    >
      <span class="visually-hidden">{text}</span>
    </span>
  );
}

/** The views that have a row to add with. */
const ADDING: readonly string[] = [
  "inbox",
  "today",
  "upcoming",
  "list",
  "tag",
  "filter",
  "board",
  "calendar",
];

/** Adds where the user is; a view that takes no tasks leads to the Inbox first. */
export function addTask(app: ReturnType<typeof useApp>): void {
  const { name } = app.router.view.peek();
  if (!ADDING.includes(name)) app.router.go("/inbox");
  app.quickAdd.show();
}

function NewList(): JSX.Element {
  const { listActions, router, ui, lists } = useApp();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [colour, setColour] = useState<Colour>("teal");
  const [problem, setProblem] = useState<string | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const save = async () => {
    if (name.trim() === "") return setProblem("A list needs a name.");
    try {
      const list = await listActions.create(name.trim(), colour);
      setOpen(false);
      setName("");
      ui.closeSheet();
      router.goView({ name: "list", listId: list.id });
    } catch (error) {
      setProblem(failure(error, "Nothing was made."));
    }
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon-button small"
        aria-label="New list"
        title="New list"
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => {
          setColour(freeColour(lists.value));
          setOpen(true);
        }}
      >
        <Plus size={15} />
      </button>
      {open && (
        <Popover label="New list" anchor={() => button.current} onClose={() => setOpen(false)}>
          <form
            class="list-options"
            onSubmit={(event) => {
              event.preventDefault();
              void save();
            }}
          >
            <Field label="Name" problem={problem}>
              {(id, described) => (
                <input
                  id={id}
                  aria-describedby={described}
                  aria-invalid={problem !== null}
                  class="input"
                  dir="auto"
                  value={name}
                  maxLength={100}
                  autoFocus
                  onInput={(event) => {
                    setName(event.currentTarget.value);
                    setProblem(null);
                  }}
                />
              )}
            </Field>
            <ColourPicker value={colour} onPick={setColour} />
            <div class="form-actions">
              <button type="button" class="button quiet" onClick={() => setOpen(false)}>Cancel</button>
              <button type="submit" class="button primary">Create list</button>
            </div>
          </form>
        </Popover>
      )}
    </>
  );
}

/** The phone's bar: the three views of every day, adding, and the way to the rest. */
export function BottomBar(): JSX.Element {
  const app = useApp();
  const here = app.router.viewKey.value;
  const item = (view: View, icon: ComponentChildren, label: string) => (
    <a class="bar-item" href={viewUrl(view)} aria-current={here === viewKey(view) ? "page" : undefined}>
      {icon}
      <span>{label}</span>
    </a>
  );
  const unread = app.notifications.data.value.unread;
  return (
    <nav class="bottom-bar" aria-label="Main">
      {item({ name: "inbox" }, <Inbox size={20} />, "Inbox")}
      {item({ name: "today" }, <Sun size={20} />, "Today")}
      <button type="button" class="bar-add" aria-label="Add a task" onClick={() => addTask(app)}>
        <Plus size={22} />
      </button>
      {item({ name: "upcoming" }, <CalendarDays size={20} />, "Upcoming")}
      <button
        type="button"
        class="bar-item"
        aria-haspopup="dialog"
        data-unread={unread + app.sync.refusals.value.length > 0 || undefined}
        onClick={() => app.ui.openSheet("more")}
      >
        <Menu size={20} />
        <span>More</span>
      </button>
    </nav>
  );
}
