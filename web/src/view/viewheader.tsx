/** The title of a view and what can be done to the view itself. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Filter, ListWithCount } from "../api/types.ts";
import { longDayText } from "../model/dates.ts";
import type { Sort } from "../model/grouping.ts";
import { COLOURS } from "../model/priorities.ts";
import type { View } from "../model/route.ts";
import { failure, plural, quoted } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { Ellipsis } from "./icons.tsx";
import { Popover } from "./popover.tsx";

export function viewTitle(
  view: View,
  lists: readonly ListWithCount[],
  filters: readonly Filter[] = [],
): string {
  switch (view.name) {
    case "inbox":
      return "Inbox";
    case "today":
      return "Today";
    case "upcoming":
      return "Upcoming";
    case "list":
      return lists.find((list) => list.id === view.listId)?.name ?? "List";
    case "tag":
      return `#${view.tag}`;
    case "search":
      return "Search";
    case "filter":
      return filters.find((filter) => filter.id === view.filterId)?.name ?? "Filter";
    case "board":
      return "Board";
    case "calendar":
      return "Calendar";
    case "activity":
      return "Activity";
    case "reminders":
      return "Reminders";
    case "completed":
      return "Completed";
    case "trash":
      return "Trash";
    case "chat":
      return "Assistant";
    case "notifications":
      return "Notifications";
    case "settings":
      return "Settings";
    case "not-saved":
      return "Not saved";
    case "sign-in":
      return "Sign in";
    case "sign-up":
      return "Create an account";
    case "not-found":
      return "Not found";
  }
}

export function ViewHeader({ view }: { view: View }): JSX.Element {
  const app = useApp();
  const list = view.name === "list" ? app.lists.value.find((other) => other.id === view.listId) : undefined;
  const sortable = view.name === "inbox" || view.name === "list" || view.name === "tag" ||
    view.name === "filter";
  return (
    <header class="view-header">
      {list && <i class="dot large" data-colour={list.colour} aria-hidden="true" />}
      <h1 dir="auto">{viewTitle(view, app.lists.value, app.filters.items.value)}</h1>
      <span class="view-sub">
        {view.name === "today" && longDayText(app.calendar.value.today, app.calendar.value)}
      </span>
      {sortable && <SortSelect manual={view.name === "inbox" || view.name === "list"} />}
      {list && !list.inbox && <ListMenuButton list={list} />}
    </header>
  );
}

const SORT_LABELS: Record<Sort, string> = {
  manual: "My order",
  due: "Due date",
  priority: "Priority",
  title: "Title",
};

function SortSelect({ manual }: { manual: boolean }): JSX.Element {
  const { router } = useApp();
  const standard: Sort = manual ? "manual" : "due";
  const sort = router.route.value.sort ?? standard;
  return (
    <label class="sort">
      <span class="visually-hidden">Sort by</span>
      <select
        class="quiet-select"
        value={sort}
        onChange={(event) => {
          const value = event.currentTarget.value as Sort;
          router.setSort(value === standard ? null : value);
        }}
      >
        {(Object.keys(SORT_LABELS) as Sort[]).map((value) => (
          <option value={value} key={value}>{SORT_LABELS[value]}</option>
        ))}
      </select>
    </label>
  );
}

function ListMenuButton({ list }: { list: ListWithCount }): JSX.Element {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="icon-button"
        aria-label="List options"
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(true)}
      >
        <Ellipsis size={18} />
      </button>
      {open && (
        <Popover label="List options" anchor={() => button.current} onClose={() => setOpen(false)}>
          <ListOptions list={list} close={() => setOpen(false)} />
        </Popover>
      )}
    </>
  );
}

function ListOptions({ list, close }: { list: ListWithCount; close: () => void }): JSX.Element {
  const { listActions, counts } = useApp();
  const [name, setName] = useState(list.name);
  const [problem, setProblem] = useState<string | null>(null);
  const [sure, setSure] = useState(false);
  const open = counts.value.lists.get(list.id) ?? 0;
  const save = async () => {
    const wanted = name.trim();
    if (wanted === "") return setProblem("A list needs a name.");
    try {
      if (wanted !== list.name) await listActions.update(list.id, { name: wanted });
      close();
    } catch (error) {
      setProblem(failure(error, "The old name is kept."));
    }
  };
  return (
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
            onInput={(event) => setName(event.currentTarget.value)}
          />
        )}
      </Field>
      <ColourPicker
        value={list.colour}
        onPick={(colour) => {
          listActions.update(list.id, { colour }).catch((error) => setProblem(failure(error)));
        }}
      />
      <div class="form-actions">
        {sure
          ? (
            <button
              type="button"
              class="button danger"
              onClick={() => {
                close();
                void listActions.remove(list.id);
              }}
            >
              {open === 0 ? `Delete ${quoted(list.name)}` : `Delete with ${plural(open, "task", "tasks")}`}
            </button>
          )
          : (
            <button type="button" class="button quiet danger" onClick={() => setSure(true)}>
              Delete list
            </button>
          )}
        <button type="submit" class="button primary">Save</button>
      </div>
    </form>
  );
}

export function ColourPicker(
  { value, onPick }: { value: ListWithCount["colour"]; onPick: (colour: ListWithCount["colour"]) => void },
): JSX.Element {
  return (
    <fieldset class="colours">
      <legend class="label">Colour</legend>
      <div class="colour-row">
        {COLOURS.map((colour) => (
          <label key={colour.value} title={colour.label}>
            <input
              type="radio"
              name="colour"
              class="visually-hidden"
              checked={colour.value === value}
              onChange={() => onPick(colour.value)}
              aria-label={colour.label}
            />
            <i class="dot swatch" data-colour={colour.value} aria-hidden="true" />
          </label>
        ))}
      </div>
    </fieldset>
  );
}

let fields = 0;
/** A labelled input with its problem below it. */
export function Field(
  { label, problem, hint, children }: {
    label: string;
    problem?: string | null;
    hint?: string;
    children: (id: string, describedBy: string | undefined) => JSX.Element;
  },
): JSX.Element {
  const id = useRef("");
  if (id.current === "") id.current = `field-${++fields}`;
  const note = problem || hint ? `${id.current}-note` : undefined;
  return (
    <div class="field">
      <label class="label" for={id.current}>{label}</label>
      {children(id.current, note)}
      {problem
        ? <p class="field-problem" id={note} role="alert">{problem}</p>
        : hint && <p class="field-hint" id={note}>{hint}</p>}
    </div>
  );
}
