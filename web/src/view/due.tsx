/** Editors of a due and of reminders: words, a month, a time, a zone. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { DueInput, ReminderInput } from "../api/types.ts";
import {
  dayInSentence,
  firstWeekday,
  localDue,
  longDayText,
  monthText,
  monthWeeks,
  onDay,
  reminderText,
  timeText,
  weekdayNames,
  zoneText,
} from "../model/dates.ts";
import { parseQuickAdd } from "../../../services/shared/domain/quickadd/mod.ts";
import { useApp } from "./context.ts";
import { ChevronLeft, ChevronRight, X } from "./icons.tsx";
import { type EditorProps, targetsOf } from "./menus.tsx";
import { Options } from "./options.tsx";
import { zoneOptions } from "./zones.ts";

export function DueEditor({ task, close }: EditorProps): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const { today, locale } = calendar;
  const { weekStart } = app.session.preferences.value;
  const due = task.due;
  /** A whole day is the same in every zone: without its time a task stays where it is seen. */
  const local = due === null ? null : localDue(due, calendar.timeZone);
  const [words, setWords] = useState("");
  const [zones, setZones] = useState(false);

  const ids = targetsOf(app, task.id);
  const set = (value: DueInput | null) =>
    void (ids.length > 1 ? app.bulk.setDue(ids, value) : app.actions.setDue(task.id, value));
  const setDate = (date: Temporal.PlainDate) => {
    // Of several tasks each keeps its time.
    if (ids.length > 1) void app.bulk.setDay(ids, date.toString());
    else set(onDay(due, date.toString(), calendar.timeZone));
    close();
  };
  const nextMonday = today.add({ days: 8 - today.dayOfWeek });
  const weekend = today.add({ days: (6 - today.dayOfWeek + 7) % 7 || 7 });
  const quick: [string, Temporal.PlainDate][] = [
    ["Today", today],
    ["Tomorrow", today.add({ days: 1 })],
    ["Weekend", weekend],
    ["Next week", nextMonday],
  ];
  quick.sort(([, a], [, b]) => Temporal.PlainDate.compare(a, b));
  const understood = words.trim() === ""
    ? null
    : parseQuickAdd(words, { now: calendar.now, timeZone: calendar.timeZone, weekStart }).fields;

  if (zones) {
    return (
      <Options
        label="Time zone"
        filter="Find a time zone"
        most={60}
        options={[
          { value: "", label: "Floating", hint: "the same time wherever you are" },
          ...zoneOptions(calendar.now),
        ]}
        selected={[due?.timeZone ?? ""]}
        onPick={(zone) => {
          if (due !== null) set({ ...due, timeZone: zone === "" ? null : zone });
          setZones(false);
        }}
      />
    );
  }
  return (
    <div class="due-editor">
      <input
        class="options-filter"
        type="text"
        value={words}
        dir="auto"
        placeholder="tomorrow 9am, next friday, 3 march"
        aria-label="Date in words"
        autoComplete="off"
        data-autofocus
        onInput={(event) => setWords(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing) return;
          event.preventDefault();
          if (understood?.due && understood.due.time === null) {
            // A day alone keeps the time, as the buttons do.
            setDate(Temporal.PlainDate.from(understood.due.date));
          } else if (understood?.due) {
            set({ ...understood.due, timeZone: due?.timeZone ?? null });
            close();
          } else if (words.trim() === "") close();
        }}
      />
      {understood !== null && (
        <p class="due-understood" aria-live="polite">
          {understood.due
            ? `${longDayText(Temporal.PlainDate.from(understood.due.date), calendar)}${
              understood.due.time === null ? "" : `, ${timeText(understood.due.time, locale)}`
            } · Enter`
            : "No date understood yet"}
        </p>
      )}
      <div class="due-quick">
        {quick.map(([label, date]) => (
          <button
            type="button"
            class="due-quick-button"
            key={label}
            onClick={() => setDate(date)}
          >
            <span>{label}</span>
            <span class="option-hint">{weekdayText(date, locale)}</span>
          </button>
        ))}
      </div>
      <Month
        selected={local?.date ?? null}
        today={today}
        locale={locale}
        first={firstWeekday(weekStart)}
        onPick={setDate}
      />
      <div class="due-time">
        <label>
          <span class="label">Time</span>
          <input
            type="time"
            class="input"
            value={due?.time ?? ""}
            onChange={(event) => {
              const time = event.currentTarget.value.slice(0, 5);
              if (time === "") set(wholeDay(local?.day ?? calendar.day));
              else set({ date: due?.date ?? calendar.day, time, timeZone: due?.timeZone ?? null });
            }}
          />
        </label>
        {due?.time && (
          <button type="button" class="button quiet zone-button" onClick={() => setZones(true)}>
            <span class="label">Zone</span>
            <span>{due.timeZone === null ? "Floating" : zoneText(due.timeZone)}</span>
          </button>
        )}
      </div>
      {due !== null && (
        <div class="form-actions">
          {due.time !== null && (
            <button
              type="button"
              class="button quiet"
              onClick={() => set(wholeDay(local?.day ?? due.date))}
            >
              No time
            </button>
          )}
          <button
            type="button"
            class="button quiet danger"
            onClick={() => {
              set(null);
              close();
            }}
          >
            Remove date
          </button>
        </div>
      )}
    </div>
  );
}

const wholeDay = (date: string): DueInput => ({ date, time: null, timeZone: null });
const weekdayText = (date: Temporal.PlainDate, locale: string) =>
  weekdayNames(locale, 1, "short").find(({ day }) => day === date.dayOfWeek)?.name ?? "";

interface MonthProps {
  selected: Temporal.PlainDate | null;
  today: Temporal.PlainDate;
  locale: string;
  first: number;
  onPick: (date: Temporal.PlainDate) => void;
}

/** A month as a grid with one tab stop; arrows move by days and weeks, Page keys by months. */
export function Month({ selected, today, locale, first, onPick }: MonthProps): JSX.Element {
  const [at, setAt] = useState(selected ?? today);
  const grid = useRef<HTMLTableElement>(null);
  const month = at.toPlainYearMonth();
  const go = (date: Temporal.PlainDate) => {
    setAt(date);
    requestAnimationFrame(() => grid.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const rtl = getComputedStyle(event.currentTarget as Element).direction === "rtl" ? -1 : 1;
    const to = (() => {
      switch (event.key) {
        case "ArrowLeft":
          return at.add({ days: -rtl });
        case "ArrowRight":
          return at.add({ days: rtl });
        case "ArrowUp":
          return at.subtract({ days: 7 });
        case "ArrowDown":
          return at.add({ days: 7 });
        case "PageUp":
          return at.subtract({ months: 1 });
        case "PageDown":
          return at.add({ months: 1 });
        case "Home":
          return at.subtract({ days: (at.dayOfWeek - first + 7) % 7 });
        case "End":
          return at.add({ days: 6 - (at.dayOfWeek - first + 7) % 7 });
        default:
          return null;
      }
    })();
    if (to === null) return;
    event.preventDefault();
    go(to);
  };
  return (
    <div class="month">
      <div class="month-head">
        <button
          type="button"
          class="icon-button"
          aria-label="Previous month"
          onClick={() => setAt(at.subtract({ months: 1 }))}
        >
          <ChevronLeft size={16} />
        </button>
        <span aria-live="polite">{monthText(month, locale)}</span>
        <button
          type="button"
          class="icon-button"
          aria-label="Next month"
          onClick={() => setAt(at.add({ months: 1 }))}
        >
          <ChevronRight size={16} />
        </button>
      </div>
      <table ref={grid} role="grid" aria-label={monthText(month, locale)} onKeyDown={onKeyDown}>
        <thead>
          <tr>
            {weekdayNames(locale, first, "short").map(({ day, name }) => (
              <th scope="col" key={day}>{name.slice(0, 2)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {monthWeeks(month, first).map((week, index) => (
            <tr key={index}>
              {week.map((date) => {
                const chosen = selected !== null && date.equals(selected);
                return (
                  <td key={date.toString()} role="gridcell" aria-selected={chosen}>
                    <button
                      type="button"
                      tabIndex={date.equals(at) ? 0 : -1}
                      class="month-day"
                      data-outside={date.month !== at.month || undefined}
                      data-today={date.equals(today) || undefined}
                      data-chosen={chosen || undefined}
                      aria-label={new Intl.DateTimeFormat(locale, { dateStyle: "full", timeZone: "UTC" })
                        .format(Date.UTC(date.year, date.month - 1, date.day, 12))}
                      aria-current={date.equals(today) ? "date" : undefined}
                      onClick={() => onPick(date)}
                    >
                      {date.day.toLocaleString(locale)}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const BEFORE = ["PT0S", "PT5M", "PT10M", "PT30M", "PT1H", "PT2H", "P1D", "P2D", "P1W"];
const MOST_REMINDERS = 20;

export function RemindersEditor({ task }: EditorProps): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const { reminders } = task;
  const [at, setAt] = useState("");
  const send = (next: ReminderInput[]) => void app.actions.patch(task.id, { reminders: next });
  const kept = (): ReminderInput[] =>
    reminders.flatMap(({ id, before, at: instant }): ReminderInput[] =>
      before !== undefined ? [{ id, before }] : instant !== undefined ? [{ id, at: instant }] : []
    );
  const add = (reminder: ReminderInput) => send([...kept(), reminder]);
  const addAt = () => {
    if (at === "") return;
    const instant = Temporal.PlainDateTime.from(at).toZonedDateTime(calendar.timeZone).toInstant();
    add({ at: instant.toString() });
    setAt("");
  };
  const unused = BEFORE.filter((before) => !reminders.some((reminder) => reminder.before === before));
  const day = task.due === null ? null : dayInSentence(localDue(task.due, calendar.timeZone).date, calendar);
  return (
    <div class="reminders-editor">
      {reminders.length > 0 && (
        <ul class="reminder-list" role="list" aria-label="Reminders">
          {reminders.map((reminder) => (
            <li key={reminder.id}>
              <span>{reminderText(reminder, calendar)}</span>
              <button
                type="button"
                class="icon-button"
                aria-label={`Remove ${reminderText(reminder, calendar)}`}
                onClick={() => send(kept().filter((other) => other.id !== reminder.id))}
              >
                <X size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
      {reminders.length >= MOST_REMINDERS
        ? <p class="field-hint">A task can have {MOST_REMINDERS} reminders.</p>
        : (
          <>
            {task.due === null ? <p class="field-hint">Give the task a date to be reminded before it.</p> : (
              <>
                <span class="label">
                  Before {day}
                  {task.due.time === null ? " (counted from midnight)" : ""}
                </span>
                <div class="chip-grid">
                  {unused.map((before, index) => (
                    <button
                      type="button"
                      class="chip-button"
                      key={before}
                      data-autofocus={index === 0 ? true : undefined}
                      onClick={() => add({ before })}
                    >
                      {reminderText({ before }, calendar)}
                    </button>
                  ))}
                </div>
              </>
            )}
            <label class="field">
              <span class="label">At a moment</span>
              <span class="inline-form">
                <input
                  type="datetime-local"
                  class="input"
                  value={at}
                  onInput={(event) => setAt(event.currentTarget.value)}
                  onKeyDown={(event) => {
                    if (event.key === "Enter") addAt();
                  }}
                />
                <button type="button" class="button" disabled={at === ""} onClick={addAt}>Add</button>
              </span>
            </label>
          </>
        )}
    </div>
  );
}
