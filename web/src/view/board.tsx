/** The board: open tasks in columns, moved by pointer or with Alt and the arrows. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { useComputed } from "@preact/signals";
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
  const place = useRef<{ column: string; id: string } | null>(null);
  const columns = useComputed(() => {
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
  }).value;
  const order = [...new Set(columns.flatMap((column) => column.tasks.map((task) => task.id)))];
  const cardOf = (id: string) => {
    const inColumn = place.current?.id === id ? `[data-column="${CSS.escape(place.current.column)}"] ` : "";
    const find = (where: string) =>
      board.current?.querySelector<HTMLElement>(`${where}[data-task="${CSS.escape(id)}"] .card-title`) ??
        null;
    return find(inColumn) ?? find("");
  };
  useArranged(order, cardOf);

  const goTo = (to: { column: string; id: string } | null) => {
    if (to === null) return;
    place.current = to;
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
      place.current = { column: to.key, id };
      void moves.drop(ids, to.drop(column.key));
    }
    ui.focusRow(id);
  };
  const onKey = (column: Column, id: string, event: KeyboardEvent) => {
    const { key } = event;
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
  const focused = ui.focused.value;
  const tabbed = focused !== null && order.includes(focused) ? focused : order[0];
  let taken = false;
  return (
    <div class="board" ref={board} role="group" aria-label="Columns">
      {columns.map((column) => (
        <BoardColumn
          key={column.key}
          column={column}
          manual={by === "list"}
          card={(task) => {
            // In several columns at once, one of them is the tab stop.
            const here = task.id === tabbed &&
              (place.current?.id !== task.id || place.current.column === column.key) && !taken;
            if (here) taken = true;
            return (
              <Card
                key={store.keyOf(task.id)}
                task={task}
                tab={here}
                said={by}
                onKeyDown={(event) => onKey(column, task.id, event)}
              />
            );
          }}
        />
      ))}
    </div>
  );
}

interface ColumnProps {
  column: Column;
  manual: boolean;
  card: (task: Column["tasks"][number]) => JSX.Element;
}

function BoardColumn({ column, manual, card }: ColumnProps): JSX.Element {
  const [most, setMost] = useState(FIRST_CARDS);
  const { tasks } = column;
  const id = `column-${column.key}`;
  return (
    <section
      class="board-column"
      aria-labelledby={id}
      data-column={column.key}
      data-drop={JSON.stringify(column.drop(null))}
      data-order={manual || undefined}
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
        {tasks.slice(0, most).map(card)}
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
