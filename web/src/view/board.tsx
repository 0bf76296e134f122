/** The board: open tasks in columns, moved by pointer or with Alt and the arrows. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { boardColumns, type Column, neighbourCard } from "../model/board.ts";
import { isLive, isOpen } from "../model/grouping.ts";
import type { BoardBy } from "../model/route.ts";
import { Card } from "./card.tsx";
import { useApp } from "./context.ts";
import { useArranged } from "./focus.ts";
import { Kanban } from "./icons.tsx";
import { Empty } from "./states.tsx";
import { WideTasks } from "./widetasks.tsx";

/** Cards of a column that are drawn before "Show more". */
const FIRST_CARDS = 60;

const BY: readonly { value: BoardBy; label: string }[] = [
  { value: "list", label: "By list" },
  { value: "priority", label: "By priority" },
  { value: "tag", label: "By tag" },
];

export function BoardView(): JSX.Element {
  const { router } = useApp();
  const view = router.view.value;
  const by = view.name === "board" ? view.by : "list";
  return (
    <>
      <header class="view-header">
        <h1>Board</h1>
        <span class="view-sub" />
        <label class="sort">
          <span class="visually-hidden">Columns</span>
          <select
            class="quiet-select"
            value={by}
            onChange={(event) => router.setView({ name: "board", by: event.currentTarget.value as BoardBy })}
          >
            {BY.map(({ value, label }) => <option value={value} key={value}>{label}</option>)}
          </select>
        </label>
      </header>
      <WideTasks>
        <Board by={by} />
      </WideTasks>
    </>
  );
}

function Board({ by }: { by: BoardBy }): JSX.Element {
  const app = useApp();
  const { ui, store, moves } = app;
  const board = useRef<HTMLDivElement>(null);
  /** A task may stand in several columns: the one in which it was walked to. */
  const place = useSignal<{ column: string; id: string } | null>(null);
  const known = useComputed(() => {
    store.revision.value;
    const settling = ui.settling.value;
    const visible = (id: string) => {
      const task = store.get(id);
      return task !== undefined && (isOpen(task) || (settling.has(id) && isLive(task)));
    };
    // Parts of a task that is on the board are in it.
    const tasks = [...store.all()].filter((task) =>
      visible(task.id) && (task.parentId === null || !visible(task.parentId))
    );
    const inbox = app.inbox.value;
    return boardColumns({
      by: app.router.view.value.name === "board" ? app.router.view.value.by : "list",
      tasks,
      lists: inbox === null ? app.sortedLists.value : [inbox, ...app.sortedLists.value],
      tags: app.tags.value.map(({ tag }) => tag),
      calendar: app.calendar.value,
    });
  });
  const columns = known.value;
  const order = useMemo(
    () => [...new Set(columns.flatMap((column) => column.tasks.map((task) => task.id)))],
    [columns],
  );
  // Each card asks for itself whether it is the tab stop: a move of the focus draws two cards, not all.
  const stop = useComputed<string | null>(() => {
    const columns = known.value;
    const holding = (id: string) => columns.filter(({ tasks }) => tasks.some((task) => task.id === id));
    const focused = ui.focused.value;
    const at = focused === null ? [] : holding(focused);
    const first = columns.find(({ tasks }) => tasks.length > 0);
    if (at[0] === undefined) return first === undefined ? null : stopKey(first.key, first.tasks[0]?.id ?? "");
    const walked = place.value?.id === focused ? place.value?.column : undefined;
    return stopKey((at.find(({ key }) => key === walked) ?? at[0]).key, focused ?? "");
  });
  const cardOf = (id: string) => {
    const walked = place.peek();
    const inColumn = walked?.id === id ? `[data-column="${CSS.escape(walked.column)}"] ` : "";
    const find = (where: string) =>
      board.current?.querySelector<HTMLElement>(`${where}[data-task="${CSS.escape(id)}"] .card-title`) ??
        null;
    return find(inColumn) ?? find("");
  };
  useArranged(order, cardOf);

  const goTo = (to: { column: string; id: string } | null) => {
    if (to === null) return;
    place.value = to;
    ui.focusRow(to.id);
  };
  const carry = (column: Column, id: string, key: string) => {
    const at = columns.indexOf(column);
    const ids = app.bulk.targets(id);
    if (key === "ArrowUp" || key === "ArrowDown") {
      if (by !== "list") return app.toasts.say("Columns by priority and by tag are ordered by date");
      void moves.step(id, column.tasks.map((task) => task.id), key === "ArrowDown" ? 1 : -1);
    } else {
      const rtl = board.current !== null && getComputedStyle(board.current).direction === "rtl";
      const to = columns[at + ((key === "ArrowRight") === rtl ? -1 : 1)];
      if (to === undefined) return;
      place.value = { column: to.key, id };
      void moves.drop(ids, to.drop(column.key));
    }
    ui.focusRow(id);
  };
  const onKey = (event: KeyboardEvent) => {
    const { key, target } = event;
    if (!(target instanceof Element) || !target.matches(".card-title")) return;
    const id = target.closest<HTMLElement>(".card")?.dataset.task;
    const within = target.closest<HTMLElement>(".board-column")?.dataset.column;
    const column = columns.find((other) => other.key === within);
    if (id === undefined || column === undefined) return;
    if (key !== "ArrowUp" && key !== "ArrowDown" && key !== "ArrowLeft" && key !== "ArrowRight") return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (event.altKey) carry(column, id, key);
    else goTo(neighbourCard(columns, { column: column.key, id }, key));
  };

  if (order.length === 0 && columns.length <= 1) {
    return (
      <Empty
        icon={<Kanban size={28} />}
        title="Nothing on the board"
        text="Open tasks stand here in columns; drag them, or move them with Alt and the arrow keys."
        action={{ label: "Add a task", run: () => app.quickAdd.show() }}
      />
    );
  }
  return (
    <div class="board" ref={board} role="group" aria-label="Columns" onKeyDown={onKey}>
      {columns.map((column) => (
        <BoardColumn
          key={column.key}
          column={column}
          by={by}
          stop={stop}
        />
      ))}
    </div>
  );
}

/** A card of a column: what the tab stop is said by. */
const stopKey = (column: string, id: string) => `${column} ${id}`;

interface ColumnProps {
  column: Column;
  by: BoardBy;
  stop: ReadonlySignal<string | null>;
}

function BoardColumn({ column, by, stop }: ColumnProps): JSX.Element {
  const { store } = useApp();
  const [most, setMost] = useState(FIRST_CARDS);
  const { tasks } = column;
  const id = `column-${column.key}`;
  return (
    <section
      class="board-column"
      aria-labelledby={id}
      data-column={column.key}
      data-drop={JSON.stringify(column.drop(null))}
      data-order={by === "list" || undefined}
    >
      <h2 class="board-heading" id={id}>
        {column.colour && <i class="dot" data-colour={column.colour} aria-hidden="true" />}
        {column.priority && <i class="ring" data-priority={column.priority} aria-hidden="true" />}
        <span class="board-name" dir="auto">{column.title}</span>
        <span class="count">
          {tasks.length.toLocaleString()}
          <span class="visually-hidden">{tasks.length === 1 ? "task" : "tasks"}</span>
        </span>
      </h2>
      <ul class="board-cards" role="list">
        {tasks.slice(0, most).map((task) => (
          <Card
            key={store.keyOf(task.id)}
            task={task}
            at={stopKey(column.key, task.id)}
            stop={stop}
            said={by}
          />
        ))}
        {tasks.length === 0 && <li class="board-none">Nothing here</li>}
      </ul>
      {tasks.length > most && (
        <button
          type="button"
          class="button quiet small"
          onClick={() => setMost(most + FIRST_CARDS)}
        >
          Show more
        </button>
      )}
    </section>
  );
}
