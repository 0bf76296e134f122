/** The inline row that understands what is typed into it. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { choicesFor, completionAt } from "../model/completion.ts";
import { useApp } from "./context.ts";
import { Bell, CalendarDays, Flag, Hash, List, Plus, Repeat, X } from "./icons.tsx";

const ICONS = {
  due: CalendarDays,
  time: CalendarDays,
  recurrence: Repeat,
  tag: Hash,
  list: List,
  priority: Flag,
  reminder: Bell,
} as const;

export function QuickAddRow(): JSX.Element {
  const app = useApp();
  const { quickAdd, ui } = app;
  const field = useRef<HTMLTextAreaElement>(null);
  const open = quickAdd.open.value;
  const request = quickAdd.focusRequest.value;
  const [cursor, setCursor] = useState<number | null>(null);
  const [active, setActiveIndex] = useState(0);
  /** Whether the arrows have gone to a choice, so that Enter means it. */
  const moved = useRef(false);

  // Before the next key: whoever types on after `q` loses no letter.
  useLayoutEffect(() => {
    if (open) field.current?.focus();
  }, [open, request]);

  if (!open) {
    const draft = quickAdd.text.value;
    return (
      <button type="button" class="qa-closed" onClick={() => quickAdd.show()}>
        <Plus size={18} aria-hidden="true" />
        <span class="qa-closed-text" dir="auto">{draft === "" ? "Add a task" : draft}</span>
        <kbd aria-hidden="true">Q</kbd>
      </button>
    );
  }

  const close = () => {
    quickAdd.hide();
    ui.focusRow(ui.focused.peek() ?? app.order.peek()[0] ?? null);
  };
  const text = quickAdd.text.value;
  const count = quickAdd.count.value;
  const at = cursor === null ? null : completionAt(text, cursor);
  const choices = at === null ? [] : choicesFor(at, {
    tags: app.tags.value.map(({ tag }) => tag),
    lists: app.lists.value.map(({ name }) => name),
  });
  const setActive = (index: number) => {
    moved.current = true;
    setActiveIndex(index);
  };
  const look = (element: HTMLTextAreaElement) => {
    const place = element.selectionStart === element.selectionEnd ? element.selectionStart : null;
    if (place === cursor) return;
    moved.current = false;
    setActiveIndex(0);
    setCursor(place);
  };
  const take = (chosen: string) => {
    const element = field.current;
    if (at === null || element === null) return;
    const rest = text.slice(at.end).replace(/^ /, "");
    const place = at.start + chosen.length;
    element.value = text.slice(0, at.start) + chosen + rest;
    element.setSelectionRange(place, place);
    quickAdd.setText(element.value);
    setCursor(null);
  };
  const { chips } = quickAdd.result.value;
  const context = quickAdd.context.value;
  const newList = quickAdd.newList.value;
  return (
    <form
      class="qa"
      aria-label="Add a task"
      onSubmit={(event) => {
        event.preventDefault();
        void quickAdd.submit();
      }}
    >
      <div class="qa-line">
        <Plus size={18} aria-hidden="true" />
        <div class="qa-field">
          <div class="qa-tint" aria-hidden="true" dir="auto">
            {quickAdd.pieces.value.map((piece, index) =>
              piece.kind === null ? piece.text : <mark key={index} data-kind={piece.kind}>{piece.text}</mark>
            )}
            {"\u200b"}
          </div>
          <textarea
            ref={field}
            class="qa-input"
            rows={1}
            dir="auto"
            value={text}
            maxLength={60_000}
            aria-autocomplete="list"
            aria-controls={choices.length > 0 ? "qa-choices" : undefined}
            aria-activedescendant={choices.length > 0 ? `qa-choice-${active}` : undefined}
            placeholder="Pay rent tomorrow 9am #home !high every month"
            aria-label="New task"
            aria-describedby="qa-help"
            enterkeyhint="done"
            autoComplete="off"
            onInput={(event) => {
              quickAdd.setText(event.currentTarget.value);
              look(event.currentTarget);
            }}
            onSelect={(event) => look(event.currentTarget)}
            onBlur={() => setCursor(null)}
            onKeyDown={(event) => {
              if (event.isComposing) return;
              const chosen = choices[active];
              if (chosen !== undefined && at !== null) {
                const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
                if (step !== 0) {
                  event.preventDefault();
                  return setActive((active + step + choices.length) % choices.length);
                }
                // Enter adds what was typed in full; only a choice that was gone to is taken by it.
                if (event.key === "Tab" && !event.shiftKey || event.key === "Enter" && moved.current) {
                  event.preventDefault();
                  return take(chosen.text);
                }
                if (event.key === "Escape") {
                  event.preventDefault();
                  event.stopPropagation();
                  return setCursor(null);
                }
              }
              if (event.key === "Enter" && !event.isComposing) {
                event.preventDefault();
                void quickAdd.submit();
              } else if (event.key === "Escape" && !event.isComposing) {
                event.preventDefault();
                event.stopPropagation();
                close();
              }
            }}
          />
        </div>
        <button type="submit" class="button primary small" disabled={text.trim() === ""}>
          {count > 1 ? `Add ${count.toLocaleString()}` : "Add"}
        </button>
        <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" onClick={close}>
          <X size={16} />
        </button>
      </div>
      {choices.length > 0 && (
        <ul class="qa-choices" id="qa-choices" role="listbox" aria-label="Completions">
          {choices.map((choice, index) => (
            <li
              key={choice.label}
              id={`qa-choice-${index}`}
              role="option"
              class="qa-choice"
              aria-selected={index === active}
              data-active={index === active || undefined}
              onPointerDown={(event) => {
                // The field keeps the focus.
                event.preventDefault();
                take(choice.text);
              }}
            >
              <span dir="auto">{choice.text.trim()}</span>
              {index === active && <kbd aria-hidden="true">Tab</kbd>}
            </li>
          ))}
        </ul>
      )}
      <div class="qa-chips" role="group" aria-label="Understood">
        {count > 1 && (
          <span class="qa-hint" role="status">
            {count.toLocaleString()} lines: Enter adds {count.toLocaleString()}{" "}
            tasks, one undo takes them back
          </span>
        )}
        {chips.map((chip) => {
          const Icon = ICONS[chip.kind];
          return (
            <span class="chip" data-kind={chip.kind} key={chip.key}>
              <Icon size={13} aria-hidden="true" />
              <span dir="auto">{chip.label}</span>
              {chip.kind === "list" && newList !== null && <span class="chip-note">new list</span>}
              <button
                type="button"
                aria-label={`Dismiss ${chip.label}`}
                onClick={() => {
                  quickAdd.dismiss(chip.key);
                  field.current?.focus();
                }}
              >
                <X size={12} />
              </button>
            </span>
          );
        })}
        {context && (
          <span class="chip" data-kind="context">
            <span dir="auto">{context.label}</span>
            <button
              type="button"
              aria-label={`Dismiss ${context.label}`}
              onClick={() => {
                quickAdd.dismiss("context");
                field.current?.focus();
              }}
            >
              <X size={12} />
            </button>
          </span>
        )}
        {chips.length === 0 && context === null && count === 1 && (
          <span class="qa-hint">
            Dates, #tags, @lists, !priority, *30m reminders and “every …” are understood
          </span>
        )}
      </div>
      <span id="qa-help" class="visually-hidden">
        Dates, tags with #, lists with @, priority with ! and “every …” are recognised. Enter adds, Escape
        closes.
      </span>
    </form>
  );
}
