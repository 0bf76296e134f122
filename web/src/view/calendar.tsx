/** The calendar: a month or a week of days, tasks moved by pointer or with Alt and the arrows. */
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { useComputed } from "@preact/signals";
import { agenda, agendaOrder, type DayItem, shownWeeks, turned } from "../model/agenda.ts";
import {
  dueTone,
  firstWeekday,
  localDue,
  longDayText,
  monthText,
  shortDayText,
  timeText,
  weekdayNames,
} from "../model/dates.ts";
import { isLive, isOpen } from "../model/grouping.ts";
import type { Span, View } from "../model/route.ts";
import { plural } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { useArranged } from "./focus.ts";
import { ChevronLeft, ChevronRight, Repeat } from "./icons.tsx";
import { Check, Row } from "./row.tsx";
import { isNarrow } from "./dom.ts";
import { WideTasks } from "./widetasks.tsx";

type CalendarRoute = Extract<View, { name: "calendar" }>;

/** Items of a month's day before "3 more". */
const MONTH_ITEMS = 4;

export function CalendarView(): JSX.Element {
  const app = useApp();
  const { router } = app;
  const calendar = app.calendar.value;
  const route = router.view.value;
  const view: CalendarRoute = route.name === "calendar"
    ? route
    : { name: "calendar", span: "month", on: null };
  const on = dayOf(view.on, calendar.today);
  const first = firstWeekday(app.session.preferences.value.weekStart);
  const weeks = shownWeeks(view.span, on, first);
  const go = (change: Partial<CalendarRoute>) => router.setView({ ...view, ...change });
  const unit = view.span;
  const [begin, end] = [weeks[0]?.[0] ?? on, weeks.at(-1)?.[6] ?? on];
  const title = unit === "month"
    ? monthText(on.toPlainYearMonth(), calendar.locale)
    : `${shortDayText(begin, calendar)} – ${shortDayText(end, calendar)}`;
  return (
    <>
      <header class="view-header">
        <h1>Calendar</h1>
        <span class="view-sub" aria-live="polite">{title}</span>
        <span class="calendar-tools">
          <button
            type="button"
            class="icon-button"
            aria-label={`Previous ${unit}`}
            title={`Previous ${unit} (Page Up)`}
            onClick={() => go({ on: turned(unit, on, -1).toString() })}
          >
            <ChevronLeft size={17} />
          </button>
          <button type="button" class="button quiet small" onClick={() => go({ on: null })}>Today</button>
          <button
            type="button"
            class="icon-button"
            aria-label={`Next ${unit}`}
            title={`Next ${unit} (Page Down)`}
            onClick={() => go({ on: turned(unit, on, 1).toString() })}
          >
            <ChevronRight size={17} />
          </button>
          <label class="sort">
            <span class="visually-hidden">Span</span>
            <select
              class="quiet-select"
              value={unit}
              onChange={(event) => go({ span: event.currentTarget.value as Span })}
            >
              <option value="month">Month</option>
              <option value="week">Week</option>
            </select>
          </label>
        </span>
      </header>
      <WideTasks>
        <Days view={view} on={on} weeks={weeks} first={first} />
      </WideTasks>
    </>
  );
}

/** The day of an address; one that does not exist is today. */
function dayOf(text: string | null, today: Temporal.PlainDate): Temporal.PlainDate {
  if (text === null) return today;
  try {
    return Temporal.PlainDate.from(text);
  } catch {
    return today;
  }
}

interface DaysProps {
  view: CalendarRoute;
  on: Temporal.PlainDate;
  weeks: Temporal.PlainDate[][];
  first: number;
}

function Days({ view, on, weeks, first }: DaysProps): JSX.Element {
  const app = useApp();
  const { ui, store, router, moves } = app;
  const calendar = app.calendar.value;
  const grid = useRef<HTMLTableElement>(null);
  const shown = useComputed(() => {
    store.revision.value;
    const settling = ui.settling.value;
    return [...store.all()].filter((task) => isOpen(task) || (settling.has(task.id) && isLive(task)));
  });
  const from = weeks[0]?.[0]?.toString() ?? calendar.day;
  const to = weeks.at(-1)?.[6]?.toString() ?? calendar.day;
  // A move of the focus draws the days again, and must not look ahead through every rule for that.
  const days = useMemo(
    () => agenda(shown.value, from, to, calendar.timeZone),
    [shown.value, from, to, calendar.timeZone],
  );
  const order = useMemo(() => agendaOrder(days), [days]);
  const itemOf = (id: string) =>
    document.querySelector<HTMLElement>(`.calendar [data-task="${CSS.escape(id)}"] .day-link`) ??
      document.querySelector<HTMLElement>(`.calendar-list [data-task="${CSS.escape(id)}"] .row-title`);
  useArranged(order, itemOf);
  const focused = ui.focused.value;
  const tabbed = focused !== null && order.includes(focused) ? focused : order[0];

  const pickDay = (date: Temporal.PlainDate) => {
    router.setView({ ...view, on: date.toString() });
    requestAnimationFrame(() =>
      grid.current?.querySelector<HTMLElement>(".day-number[tabindex='0']")?.focus()
    );
  };
  const onDayKey = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const rtl = grid.current !== null && getComputedStyle(grid.current).direction === "rtl" ? -1 : 1;
    const days = { ArrowLeft: -rtl, ArrowRight: rtl, ArrowUp: -7, ArrowDown: 7 }[event.key];
    const next = days !== undefined
      ? on.add({ days })
      : event.key === "PageUp"
      ? turned(view.span, on, -1)
      : event.key === "PageDown"
      ? turned(view.span, on, 1)
      : null;
    if (next === null) return;
    event.preventDefault();
    pickDay(next);
  };
  const onItemKey = (id: string, event: KeyboardEvent) => {
    const rtl = grid.current !== null && getComputedStyle(grid.current).direction === "rtl" ? -1 : 1;
    const step = { ArrowLeft: -rtl, ArrowRight: rtl, ArrowUp: -7, ArrowDown: 7 }[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (event.altKey) {
      const task = store.get(id);
      if (task?.due) {
        const date = localDue(task.due, calendar.timeZone).date.add({ days: step });
        if (date.toString() < from || date.toString() > to) {
          router.setView({ ...view, on: date.toString() });
        }
      }
      void moves.shift(id, step);
      ui.focusRow(id);
      return;
    }
    const at = order.indexOf(id) + (event.key === "ArrowDown" || step === 1 ? 1 : -1);
    const next = order[at];
    if (next !== undefined) ui.focusRow(next);
  };

  const chosen = days.get(on.toString()) ?? [];
  const narrow = isNarrow();
  return (
    <>
      <table
        class="calendar"
        data-span={view.span}
        ref={grid}
        aria-label="Days"
        style={{ "--weeks": String(weeks.length) }}
      >
        <thead>
          <tr>
            {weekdayNames(calendar.locale, first, "short").map(({ day, name }) => (
              <th scope="col" key={day}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]?.toString()}>
              {week.map((date) => (
                <Day
                  key={date.toString()}
                  date={date}
                  items={days.get(date.toString()) ?? []}
                  span={view.span}
                  outside={view.span === "month" && date.month !== on.month}
                  picked={date.equals(on)}
                  tabbed={narrow ? undefined : tabbed}
                  onPick={() => pickDay(date)}
                  onDayKey={onDayKey}
                  onItemKey={onItemKey}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <section class="calendar-list" aria-labelledby="calendar-day">
        <h2 class="section-heading" id="calendar-day">{longDayText(on, calendar)}</h2>
        {chosen.length === 0
          ? <p class="field-hint calendar-none">Nothing on this day</p>
          : (
            <div class="rows" role="list">
              {chosen.map((item, index) =>
                item.preview
                  ? (
                    <div class="day-preview" role="listitem" key={item.key}>
                      <Repeat size={13} aria-hidden="true" />
                      <span dir="auto">{item.task.title}</span>
                      <span class="visually-hidden">will come again</span>
                    </div>
                  )
                  : <Row key={item.key} task={item.task} first={index === 0} where="day" dayIsSaid />
              )}
            </div>
          )}
      </section>
    </>
  );
}

interface DayProps {
  date: Temporal.PlainDate;
  items: readonly DayItem[];
  span: Span;
  outside: boolean;
  picked: boolean;
  /** The task that takes the tab stop. */
  tabbed: string | undefined;
  onPick: () => void;
  onDayKey: (event: KeyboardEvent) => void;
  onItemKey: (id: string, event: KeyboardEvent) => void;
}

function Day(props: DayProps): JSX.Element {
  const { date, items, span, outside, picked, tabbed, onPick, onDayKey, onItemKey } = props;
  const app = useApp();
  const { router } = app;
  const calendar = app.calendar.value;
  const today = date.equals(calendar.today);
  const holds = items.findIndex((item) => !item.preview && item.task.id === tabbed);
  // The one that has the focus is not hidden behind "more".
  const most = span === "week" ? Infinity : holds >= MONTH_ITEMS ? holds + 1 : MONTH_ITEMS;
  const shown = items.length <= most + 1 ? items : items.slice(0, most);
  const hidden = items.length - shown.length;
  return (
    <td
      class="day"
      data-outside={outside || undefined}
      data-today={today || undefined}
      data-picked={picked || undefined}
      data-drop={JSON.stringify({ kind: "day", date: date.toString() })}
    >
      <button
        type="button"
        class="day-number"
        tabIndex={picked ? 0 : -1}
        aria-label={`${longDayText(date, calendar)}, ${plural(items.length, "task", "tasks")}`}
        aria-current={today ? "date" : undefined}
        aria-pressed={picked}
        onClick={onPick}
        onKeyDown={onDayKey}
      >
        {date.day.toLocaleString(calendar.locale)}
      </button>
      <span class="day-dots" aria-hidden="true">
        {items.slice(0, 3).map((item) => (
          <i
            key={item.key}
            data-preview={item.preview || undefined}
            data-tone={dueTone(item.task, calendar)}
          />
        ))}
      </span>
      {items.length > 0 && (
        <ul class="day-items" role="list">
          {shown.map((item) => (
            <Item
              key={item.key}
              item={item}
              tab={!item.preview && item.task.id === tabbed}
              onKeyDown={(event) => onItemKey(item.task.id, event)}
            />
          ))}
          {hidden > 0 && (
            <li>
              <button
                type="button"
                class="day-more"
                tabIndex={-1}
                onClick={() => router.setView({ name: "calendar", span: "week", on: date.toString() })}
              >
                {hidden} more
              </button>
            </li>
          )}
        </ul>
      )}
    </td>
  );
}

function Item(
  { item, tab, onKeyDown }: { item: DayItem; tab: boolean; onKeyDown: (event: KeyboardEvent) => void },
): JSX.Element {
  const app = useApp();
  const { ui, router, actions } = app;
  const calendar = app.calendar.value;
  const { task, time, preview } = item;
  const list = app.lists.value.find((other) => other.id === task.listId);
  const timed = time === null ? null : <span class="day-time">{timeText(time, calendar.locale)}</span>;
  if (preview) {
    return (
      <li class="day-item" data-preview title="Will come again: its rule says so">
        <Repeat size={12} aria-hidden="true" />
        <span class="day-title" dir="auto">{timed} {task.title}</span>
        <span class="visually-hidden">will come again</span>
      </li>
    );
  }
  return (
    <li
      class="day-item"
      data-task={task.id}
      data-colour={list?.colour}
      data-done={task.status === "completed" || undefined}
      data-open={router.taskId.value === task.id || undefined}
      data-tone={dueTone(task, calendar)}
    >
      <Check task={task} tabIndex={-1} onToggle={() => void actions.toggle(task.id, app.order.peek())} />
      <a
        class="day-link"
        href={`?task=${task.id}`}
        dir="auto"
        tabIndex={tab ? 0 : -1}
        title={task.title}
        onFocus={() => ui.setFocused(task.id)}
        onKeyDown={onKeyDown}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          event.stopPropagation();
          ui.setFocused(task.id);
          router.openTask(task.id);
        }}
      >
        {timed} {task.title}
      </a>
      {task.recurrence && <Repeat size={12} role="img" aria-label="Repeats" />}
    </li>
  );
}
