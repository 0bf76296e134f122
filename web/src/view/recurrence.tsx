/** How a task repeats: presets for what most need, parts for the rest. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { buildRule, firstDraft, type Frequency, presets, type RuleDraft } from "../model/recurrence.ts";
import { firstWeekday, weekdayNames } from "../model/dates.ts";
import { useApp } from "./context.ts";
import type { EditorProps } from "./menus.tsx";
import { Options } from "./options.tsx";

const UNITS: { value: Frequency; one: string; many: string }[] = [
  { value: "DAILY", one: "day", many: "days" },
  { value: "WEEKLY", one: "week", many: "weeks" },
  { value: "MONTHLY", one: "month", many: "months" },
  { value: "YEARLY", one: "year", many: "years" },
];

export function RecurrenceEditor({ task, close }: EditorProps): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const [custom, setCustom] = useState(false);
  const [{ draft: first, beyond }] = useState(() => firstDraft(task, calendar.today));
  const [draft, setDraft] = useState(first);
  const { date } = first;
  const change = (part: Partial<RuleDraft>) => setDraft({ ...draft, ...part });
  const save = (recurrence: { rule: string; mode: "schedule" | "completion" } | null) => {
    close();
    // A rule counts from a date: a task without one starts today.
    const due = recurrence !== null && task.due === null ? { due: { date: date.toString() } } : {};
    void app.actions.patch(
      task.id,
      { ...due, recurrence },
      recurrence === null ? "No longer repeats" : "Repeat set",
    );
  };

  if (!custom) {
    const choices = presets(date, calendar.locale);
    const selected = task.recurrence === null
      ? "none"
      : choices.find(({ rule }) => rule === task.recurrence?.rule && task.recurrence.mode === "schedule")
        ?.rule ??
        "custom";
    return (
      <Options
        label="Repeat"
        options={[
          { value: "none", label: "Does not repeat" },
          ...choices.map(({ rule, label }) => ({ value: rule, label })),
          { value: "custom", label: "Custom…" },
        ]}
        selected={[selected]}
        onPick={(value) => {
          if (value === "custom") setCustom(true);
          else if (value === "none") task.recurrence === null ? close() : save(null);
          else save({ rule: value, mode: "schedule" });
        }}
      />
    );
  }
  const unit = UNITS.find(({ value }) => value === draft.frequency);
  return (
    <form
      class="recurrence-editor"
      onSubmit={(event) => {
        event.preventDefault();
        save({ rule: buildRule(draft), mode: draft.mode });
      }}
    >
      {beyond !== null && (
        <p class="field-hint">
          It repeats by <code>{beyond}</code>, which these controls cannot show. Setting them replaces it.
        </p>
      )}
      <div class="inline-form">
        <span>Every</span>
        <input
          class="input number"
          type="number"
          min={1}
          max={999}
          required
          aria-label="Interval"
          value={draft.interval}
          data-autofocus
          onInput={(event) =>
            change({ interval: Math.max(1, Math.trunc(event.currentTarget.valueAsNumber) || 1) })}
        />
        <select
          class="input"
          aria-label="Unit"
          value={draft.frequency}
          onChange={(event) => change({ frequency: event.currentTarget.value as Frequency })}
        >
          {UNITS.map(({ value, one, many }) => (
            <option value={value} key={value}>{draft.interval === 1 ? one : many}</option>
          ))}
        </select>
      </div>
      {draft.frequency === "WEEKLY" && (
        <fieldset class="weekdays">
          <legend class="visually-hidden">On these days</legend>
          {weekdayNames(calendar.locale, firstWeekday(app.session.preferences.value.weekStart), "short").map((
            { day, name },
          ) => (
            <label key={day}>
              <input
                type="checkbox"
                class="visually-hidden"
                checked={draft.weekdays.includes(day)}
                onChange={(event) =>
                  change({
                    weekdays: event.currentTarget.checked
                      ? [...draft.weekdays, day].sort()
                      : draft.weekdays.filter((other) => other !== day),
                  })}
              />
              <span>{name.slice(0, 2)}</span>
            </label>
          ))}
        </fieldset>
      )}
      {draft.frequency === "MONTHLY" && (
        <select
          class="input"
          aria-label="Day of the month"
          value={draft.monthly}
          onChange={(event) => change({ monthly: event.currentTarget.value as RuleDraft["monthly"] })}
        >
          <option value="day">on the {ordinal(date.day)}</option>
          <option value="weekday">on the {weekText(date)}</option>
          <option value="last-weekday">on the last {weekdayLong(date)}</option>
          <option value="last-day">on the last day</option>
        </select>
      )}
      <label class="field">
        <span class="label">Ends</span>
        <span class="inline-form">
          <select
            class="input"
            value={draft.ends}
            onChange={(event) => change({ ends: event.currentTarget.value as RuleDraft["ends"] })}
          >
            <option value="never">never</option>
            <option value="count">after a number of times</option>
            <option value="until">on a day</option>
          </select>
          {draft.ends === "count" && (
            <input
              class="input number"
              type="number"
              min={1}
              max={999}
              aria-label="Number of times"
              value={draft.count}
              onInput={(event) =>
                change({ count: Math.max(1, Math.trunc(event.currentTarget.valueAsNumber) || 1) })}
            />
          )}
          {draft.ends === "until" && (
            <input
              class="input"
              type="date"
              required
              aria-label="Last day"
              min={date.toString()}
              value={draft.until}
              onInput={(event) => change({ until: event.currentTarget.value })}
            />
          )}
        </span>
      </label>
      <label class="field">
        <span class="label">The next one is counted from</span>
        <select
          class="input"
          value={draft.mode}
          onChange={(event) =>
            change({ mode: event.currentTarget.value === "completion" ? "completion" : "schedule" })}
        >
          <option value="schedule">its date, on the calendar</option>
          <option value="completion">the day I complete it</option>
        </select>
      </label>
      <div class="form-actions">
        <button type="button" class="button quiet" onClick={() => setCustom(false)}>Back</button>
        <button type="submit" class="button primary">
          Set {unit?.value === "DAILY" && draft.interval === 1 ? "daily" : "repeat"}
        </button>
      </div>
    </form>
  );
}

/** "3rd": the interface speaks English, its dates the reader's locale. */
function ordinal(day: number): string {
  const rule = new Intl.PluralRules("en", { type: "ordinal" }).select(day);
  const suffix = rule === "one" ? "st" : rule === "two" ? "nd" : rule === "few" ? "rd" : "th";
  return `${day}${suffix}`;
}
const weekdayLong = (date: Temporal.PlainDate) =>
  weekdayNames("en", 1, "long").find(({ day }) => day === date.dayOfWeek)?.name ?? "";
const weekText = (date: Temporal.PlainDate) => `${ordinal(Math.ceil(date.day / 7))} ${weekdayLong(date)}`;
