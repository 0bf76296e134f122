/** A view of tasks: heading, quick add, sections of rows. Of a long list only what is near the window is rendered. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useSignalEffect } from "@preact/signals";
import type { Load } from "../model/app.ts";
import { dayText, longDayText } from "../model/dates.ts";
import type { Section } from "../model/grouping.ts";
import type { View } from "../model/route.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { prefersStill, rowOf } from "./dom.ts";
import { CalendarDays, CircleCheck, Filter, Hash, Inbox, List, Search, Sun, Trash2 } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { QuickAddRow } from "./quickadd.tsx";
import { Row, type RowProps } from "./row.tsx";
import { Empty, type EmptyProps, Failed, Skeleton } from "./states.tsx";
import { ViewHeader } from "./viewheader.tsx";
import { useWindowed } from "./windowed.ts";

const FilterBar = lazy(async () => (await import("./filterbar.tsx")).FilterBar, () => null);

/** How far before the end of what is known more is read. */
const AHEAD = "900px";

const isTaskView = (view: View) =>
  view.name === "inbox" || view.name === "today" || view.name === "upcoming" || view.name === "list" ||
  view.name === "tag" || view.name === "filter";

export function TaskView(): JSX.Element {
  const app = useApp();
  const { view } = app.router.route.value;
  const load = loadOf(app, view);
  const sections = app.sections.value;
  const unknownList = view.name === "list" && app.tasksLoad.value.state === "ready" &&
    !app.lists.value.some((list) => list.id === view.listId);
  if (unknownList) {
    return (
      <Empty
        icon={<List size={28} />}
        title="This list is not here"
        text="It may have been deleted. Its tasks stay in the trash for 30 days."
        action={{ label: "Go to the Inbox", run: () => app.router.go("/inbox") }}
      />
    );
  }
  return (
    <>
      <ViewHeader view={view} />
      {isTaskView(view) && <QuickAddRow />}
      {view.name === "filter" && <FilterBar view={view} />}
      {view.name === "search" && <SearchField q={view.q} />}
      <Sections
        // Another view starts at its top again; another density has other heights.
        key={`${app.router.viewKey.value} ${app.session.preferences.value.density}`}
        sections={sections}
        where={whereOf(view)}
        load={load}
        empty={emptyOf(app, view)}
        retry={() => retryOf(app, view)}
        more={view.name === "completed"
          ? app.loadCompleted
          : view.name === "trash"
          ? app.loadTrash
          : undefined}
      />
    </>
  );
}

type App = ReturnType<typeof useApp>;

function loadOf(app: App, view: View): Load {
  switch (view.name) {
    case "completed":
      return app.completedLoad.value;
    case "trash":
      return app.trashLoad.value;
    case "search":
      return view.q.trim() === "" ? { state: "ready", nextCursor: null, more: false } : app.search.value.load;
    default:
      return app.tasksLoad.value;
  }
}

function retryOf(app: App, view: View): void {
  switch (view.name) {
    case "completed":
      return void app.loadCompleted();
    case "trash":
      return void app.loadTrash();
    case "search":
      return void app.runSearch(view.q);
    default:
      return void app.loadTasks();
  }
}

function whereOf(view: View): RowProps["where"] {
  switch (view.name) {
    case "inbox":
    case "list":
      return "list";
    case "trash":
      return "trash";
    case "completed":
      return "past";
    default:
      return "day";
  }
}

function emptyOf(app: App, view: View): EmptyProps {
  const add = { label: "Add a task", run: () => app.quickAdd.show() };
  switch (view.name) {
    case "today":
      return {
        icon: <Sun size={28} />,
        title: "Nothing due today",
        text: "Tasks that are due today, or were due earlier, appear here.",
        action: { label: "Look at what is coming", run: () => app.router.go("/upcoming") },
      };
    case "upcoming":
      return {
        icon: <CalendarDays size={28} />,
        title: "Nothing ahead",
        text: "Tasks with a date after today appear here, day by day.",
        action: add,
      };
    case "list":
      return {
        icon: <List size={28} />,
        title: "An empty list",
        text: "Tasks you add here, or move here, appear in the order you choose.",
        action: add,
      };
    case "tag":
      return {
        icon: <Hash size={28} />,
        title: `No open task is tagged #${view.tag}`,
        text: "Type # and a word while adding a task to tag it.",
        action: add,
      };
    case "filter":
      return emptyFilter(app.filters.query.value.state);
    case "completed":
      return {
        icon: <CircleCheck size={28} />,
        title: "Nothing completed yet",
        text: "What you complete is kept here, newest first.",
        action: { label: "Go to the Inbox", run: () => app.router.go("/inbox") },
      };
    case "trash":
      return {
        icon: <Trash2 size={28} />,
        title: "The trash is empty",
        text: "Deleted tasks stay here for 30 days and can be restored.",
      };
    case "search":
      return view.q.trim() === ""
        ? {
          icon: <Search size={28} />,
          title: "Search all your tasks",
          text: "Words in any order, beginnings of words and small typos are found, in titles and notes.",
        }
        : {
          icon: <Search size={28} />,
          title: "Nothing found",
          text: `No task matches “${view.q.trim()}”. Try fewer or shorter words.`,
          action: { label: "Clear the search", run: () => app.router.setQuery("") },
        };
    default:
      return {
        icon: <Inbox size={28} />,
        title: "Your Inbox is clear",
        text: "New tasks land here until you move them to a list.",
        action: add,
      };
  }
}

function emptyFilter(state: "empty" | "wrong" | "ready"): EmptyProps {
  switch (state) {
    case "empty":
      return {
        icon: <Filter size={28} />,
        title: "Ask for the tasks you want to see",
        text: "For example: (today | overdue) & !low, or #home & no date.",
      };
    case "wrong":
      return {
        icon: <Filter size={28} />,
        title: "This filter is not finished",
        text: "What is missing stands below the query.",
      };
    case "ready":
      return {
        icon: <Filter size={28} />,
        title: "No open task fits this filter",
        text: "Tasks appear here as soon as they fit.",
      };
  }
}

interface SectionsProps {
  sections: readonly Section[];
  where: RowProps["where"];
  load: Load;
  empty: EmptyProps;
  retry: () => void;
  more?: () => Promise<void>;
}

function Sections({ sections, where, load, empty, retry, more }: SectionsProps): JSX.Element {
  const app = useApp();
  const { ui } = app;
  const end = useRef<HTMLDivElement>(null);
  const total = sections.reduce((sum, section) => sum + section.tasks.length, 0);
  const container = useRef<HTMLDivElement>(null);
  useCollapse(container, total);

  useEffect(() => {
    const sentinel = end.current;
    if (sentinel === null) return;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      if (more !== undefined && load.state === "ready" && load.nextCursor !== null) void more();
    }, { rootMargin: AHEAD });
    observer.observe(sentinel);
    return () => observer.disconnect();
  }, [total, load]);

  useSignalEffect(() => {
    const request = ui.focusRequest.value;
    if (request === 0) return;
    const id = ui.focused.peek();
    queueMicrotask(() => {
      if (id === null) {
        // The list is empty now: the place that adds is the next sensible one.
        document.querySelector<HTMLElement>(".qa-closed, #main")?.focus();
        return;
      }
      const focus = () => {
        const link = rowOf(app.store.realId(id))?.querySelector<HTMLElement>(".row-title");
        link?.focus({ preventScroll: true });
        link?.closest(".row")?.scrollIntoView({ block: "nearest" });
        return link !== null && link !== undefined;
      };
      // It is rendered because it holds the focus: one frame later at most it is there.
      if (!focus()) requestAnimationFrame(() => void focus());
    });
  });

  // A row that leaves with the focus on it (moved to another list, deleted elsewhere) hands it to its neighbour.
  const ids = app.order.value;
  const before = useRef(ids);
  useEffect(() => {
    const known = before.current;
    before.current = ids;
    const id = ui.focused.peek();
    const at = id === null ? -1 : known.indexOf(id);
    if (id === null || at < 0 || document.activeElement !== document.body) return;
    const left = new Set(ids);
    if (left.has(id)) return;
    const stays = (other: string) => left.has(other);
    ui.focusRow(known.slice(at).find(stays) ?? known.slice(0, at).findLast(stays) ?? null);
  }, [ids]);

  if (load.state === "failed") {
    return (
      <Failed
        title="Your tasks could not be loaded"
        detail={failure(load.error, "Nothing was lost.")}
        retry={retry}
      />
    );
  }
  if (total === 0) {
    if (load.state === "loading" || load.state === "idle" || load.more) return <Skeleton rows={6} />;
    return <Empty {...empty} />;
  }
  return (
    <div class="sections" ref={container}>
      <Rows sections={sections} where={where} container={container} />
      <div ref={end} class="sections-end" aria-hidden="true" />
    </div>
  );
}

interface RowsProps extends Pick<RowProps, "where"> {
  sections: readonly Section[];
  container: { current: HTMLElement | null };
}

/** The sections with the rows that are near the window. */
function Rows({ sections, where, container }: RowsProps): JSX.Element {
  const { ui, store } = useApp();
  const { parts, measure } = useWindowed(sections, { container, keyOf: store.keyOf, keep: ui.focused.value });
  return (
    <>
      {parts.map((part) => {
        if (part.kind === "gap") return <Gap key={part.key} px={part.px} />;
        const { section, from } = part;
        const id = `section-${section.key}`;
        const dayIsSaid = where === "day" && (section.key === "today" || section.heading?.kind === "day");
        return (
          <section
            class="section"
            key={section.key}
            aria-labelledby={section.heading === null ? undefined : id}
          >
            {section.heading !== null && (
              <h2
                class="section-heading"
                id={id}
                ref={measure}
                data-section={section.key}
                data-index={from - 1}
                data-kind={section.key === "overdue" ? "overdue" : undefined}
              >
                <Heading section={section} />
                <span class="count">
                  {section.tasks.length.toLocaleString()}
                  <span class="visually-hidden">{section.tasks.length === 1 ? "task" : "tasks"}</span>
                </span>
              </h2>
            )}
            <div class="rows" role="list">
              {part.items.map((item) => {
                if (item.kind === "gap") return <Gap key={item.key} px={item.px} />;
                const task = section.tasks[item.at];
                return task && (
                  <Row
                    key={store.keyOf(task.id)}
                    task={task}
                    index={from + item.at}
                    position={item.at + 1}
                    size={section.tasks.length}
                    first={section === sections[0] && item.at === 0}
                    where={where}
                    dayIsSaid={dayIsSaid}
                    measure={measure}
                  />
                );
              })}
            </div>
          </section>
        );
      })}
    </>
  );
}

/** The place of rows that are not rendered. */
const Gap = ({ px }: { px: number }): JSX.Element => (
  <div class="rows-gap" aria-hidden="true" style={{ blockSize: `${px}px` }} />
);

function Heading({ section }: { section: Section }): ComponentChildren {
  const { calendar } = useApp();
  const { heading } = section;
  if (heading === null) return null;
  if (heading.kind === "words") return <span>{heading.text}</span>;
  const near = dayText(heading.date, calendar.value);
  const long = longDayText(heading.date, calendar.value);
  const days = calendar.value.today.until(heading.date, { largestUnit: "day" }).days;
  return Math.abs(days) <= 1
    ? (
      <>
        <span>{near}</span>
        <span class="section-day">{long}</span>
      </>
    )
    : <span>{long}</span>;
}

/**
 * Rows below one that has left slide up to their new place: they are moved back by a transform and let go,
 * so that nothing but transforms is animated.
 */
function useCollapse(container: { current: HTMLDivElement | null }, total: number): void {
  const before = useRef(total);
  // Read before the rows are drawn anew: only a list that grows shorter pays for it.
  const places = total < before.current && !prefersStill() ? placesOf(container.current) : null;
  before.current = total;
  useLayoutEffect(() => {
    if (places === null) return;
    for (const [id, { row, place }] of placesOf(container.current)) {
      const old = places.get(id)?.place;
      if (old === undefined || old <= place || old - place >= 200) continue;
      row.animate([{ transform: `translateY(${old - place}px)` }, { transform: "none" }], {
        duration: 180,
        easing: "cubic-bezier(0.2, 0, 0, 1)",
      });
    }
  });
}

/** Where the rows in the window stand in their list. */
function placesOf(container: HTMLElement | null): Map<string, { row: HTMLElement; place: number }> {
  const places = new Map<string, { row: HTMLElement; place: number }>();
  if (container === null) return places;
  const { top } = container.getBoundingClientRect();
  for (const row of container.querySelectorAll<HTMLElement>(".row")) {
    const box = row.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight + 200) continue;
    places.set(row.dataset.task ?? "", { row, place: box.top - top });
  }
  return places;
}

function SearchField({ q }: { q: string }): JSX.Element {
  const { router, ui, order } = useApp();
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [text, setText] = useState(q);
  useEffect(() => input.current?.focus(), []);
  // Back and forward change the address under the field.
  useEffect(() => {
    if (document.activeElement !== input.current) setText(q);
  }, [q]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div class="search-field" role="search">
      <Search size={18} aria-hidden="true" />
      <input
        ref={input}
        id="search"
        type="search"
        dir="auto"
        value={text}
        placeholder="Search tasks and notes"
        aria-label="Search tasks"
        autoComplete="off"
        maxLength={200}
        onInput={(event) => {
          const value = event.currentTarget.value;
          setText(value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => router.setQuery(value), 160);
        }}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          const first = order.peek()[0];
          if ((event.key === "ArrowDown" || event.key === "Enter") && first !== undefined) {
            event.preventDefault();
            ui.focusRow(first);
          }
        }}
      />
    </div>
  );
}
