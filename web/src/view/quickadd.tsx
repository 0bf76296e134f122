/** The inline row that understands what is typed into it. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
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
            maxLength={700}
            placeholder="Pay rent tomorrow 9am #home !high every month"
            aria-label="New task"
            aria-describedby="qa-help"
            enterkeyhint="done"
            autoComplete="off"
            onInput={(event) => quickAdd.setText(event.currentTarget.value.replaceAll("\n", " "))}
            onKeyDown={(event) => {
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
        <button type="submit" class="button primary small" disabled={text.trim() === ""}>Add</button>
        <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" onClick={close}>
          <X size={16} />
        </button>
      </div>
      <div class="qa-chips" role="group" aria-label="Understood">
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
        {chips.length === 0 && context === null && (
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
