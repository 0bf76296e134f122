/** The command palette: every action and every task by a few letters (WAI-ARIA APG: combobox with a listbox). */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Task } from "../api/types.ts";
import { type Command, commandsOf } from "../model/commands.ts";
import { dueText } from "../model/dates.ts";
import { haystackOf } from "../model/fuzzy.ts";
import { isLive, isOpen } from "../model/grouping.ts";
import { useApp } from "./context.ts";
import { CircleCheck, Search } from "./icons.tsx";
import { addTask } from "./sidebar.tsx";

const MOST_COMMANDS = 8;
const MOST_TASKS = 8;

type Entry =
  | { kind: "command"; command: Command; ranges: readonly number[] }
  | { kind: "task"; task: Task; ranges: readonly number[] };

export function Palette(): JSX.Element {
  const app = useApp();
  const { ui, router, store } = app;
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const before = useRef<Element | null>(null);
  /** What was chosen runs when the focus is back where it was. */
  const chosen = useRef<(() => void) | null>(null);

  // As things stood when it was opened: nothing moves under the fingers.
  const commands = useMemo(
    () => commandsOf(app, { addTask: () => addTask(app), openKeys: () => ui.openSheet("keys") }),
    [],
  );
  const findCommand = useMemo(
    () =>
      haystackOf(
        commands,
        (command) => command.title,
        (command) => `${command.group} ${command.words ?? ""}`,
      ),
    [],
  );
  const findTask = useMemo(() => {
    const tasks = [...store.all()].filter(isLive).sort((a, b) => Number(isOpen(b)) - Number(isOpen(a)));
    return haystackOf(tasks, (task) => task.title, (task) => task.tags.join(" "));
  }, []);

  const wanted = text.trim();
  const entries = useMemo((): Entry[] => {
    if (wanted === "") {
      return commands.slice(0, 24).map((command) => ({ kind: "command", command, ranges: [] }));
    }
    return [
      ...findCommand.find(wanted, MOST_COMMANDS).map(({ item, ranges }): Entry => ({
        kind: "command",
        command: item,
        ranges,
      })),
      ...findTask.find(wanted, MOST_TASKS).map(({ item, ranges }): Entry => ({
        kind: "task",
        task: item,
        ranges,
      })),
    ];
  }, [wanted]);
  const active = Math.min(at, Math.max(0, entries.length - 1));

  useEffect(() => {
    before.current = document.activeElement;
    dialog.current?.showModal();
    const typed = ui.takeTyped();
    if (typed !== "") setText(typed);
    return () => {
      const run = chosen.current;
      const { current } = before;
      if (current instanceof HTMLElement && current.isConnected) current.focus({ preventScroll: true });
      run?.();
    };
  }, []);

  const pick = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    chosen.current = entry.kind === "command" ? entry.command.run : () => router.openTask(entry.task.id);
    ui.closePalette();
  };
  const move = (to: number) => {
    const next = (to + entries.length) % Math.max(1, entries.length);
    setAt(next);
    list.current?.querySelectorAll("[role=option]")[next]?.scrollIntoView({ block: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    switch (event.key) {
      case "ArrowDown":
        move(active + 1);
        break;
      case "ArrowUp":
        move(active - 1);
        break;
      case "Enter":
        pick(entries[active]);
        break;
      default:
        return;
    }
    event.preventDefault();
  };
  const optionId = (index: number) => `palette-${index}`;
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Command palette"
      onCancel={(event) => {
        // At once: by the time of the event that it was closed, it may have been asked for again.
        event.preventDefault();
        ui.closePalette();
      }}
      onClose={() => ui.closePalette()}
      onClick={(event) => {
        if (event.target === dialog.current) ui.closePalette();
      }}
    >
      <div class="palette-field">
        <Search size={18} aria-hidden="true" />
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-autocomplete="list"
          aria-controls="palette-list"
          aria-activedescendant={entries.length > 0 ? optionId(active) : undefined}
          aria-label="Find an action or a task"
          placeholder="Find an action or a task"
          dir="auto"
          autoComplete="off"
          autofocus
          maxLength={100}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
            list.current?.scrollTo(0, 0);
          }}
          onKeyDown={onKeyDown}
        />
        <kbd aria-hidden="true">Esc</kbd>
      </div>
      <ul class="palette-list" id="palette-list" role="listbox" aria-label="Actions and tasks" ref={list}>
        {entries.map((entry, index) => (
          <li
            key={entry.kind === "command" ? entry.command.id : entry.task.id}
            id={optionId(index)}
            role="option"
            class="option"
            aria-selected={index === active}
            data-active={index === active || undefined}
            onPointerMove={() => setAt(index)}
            onClick={() => pick(entry)}
          >
            {entry.kind === "command"
              ? (
                <>
                  <span class="palette-group">{entry.command.group}</span>
                  <span class="option-label" dir="auto">
                    <Marked text={entry.command.title} ranges={entry.ranges} />
                  </span>
                  {entry.command.keys && (
                    <span class="palette-keys">
                      {entry.command.keys.map((key) => <kbd key={key}>{key}</kbd>)}
                    </span>
                  )}
                </>
              )
              : (
                <>
                  <span class="palette-group">
                    {isOpen(entry.task)
                      ? "Task"
                      : <CircleCheck size={14} aria-label="Completed task" role="img" />}
                  </span>
                  <span class="option-label" dir="auto">
                    <Marked text={entry.task.title} ranges={entry.ranges} />
                  </span>
                  {entry.task.due !== null && (
                    <span class="option-hint">{dueText(entry.task.due, app.calendar.value)}</span>
                  )}
                </>
              )}
          </li>
        ))}
      </ul>
      <p class="palette-none" role="status">
        {wanted !== "" && entries.length === 0 ? "Nothing is called like that" : ""}
      </p>
      {wanted !== "" && (
        <button
          type="button"
          class="palette-search"
          onClick={() => {
            chosen.current = () => router.setQuery(wanted);
            ui.closePalette();
          }}
        >
          Search notes as well
        </button>
      )}
    </dialog>
  );
}

function Marked({ text, ranges }: { text: string; ranges: readonly number[] }): JSX.Element {
  const parts: (string | JSX.Element)[] = [];
  let from = 0;
  for (let k = 0; k < ranges.length; k += 2) {
    const [start = 0, end = 0] = [ranges[k], ranges[k + 1]];
    if (start >= text.length) break;
    parts.push(text.slice(from, start), <mark key={k}>{text.slice(start, end)}</mark>);
    from = end;
  }
  parts.push(text.slice(from));
  return <>{parts}</>;
}
