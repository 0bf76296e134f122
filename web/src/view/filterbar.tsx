/** The query of the filter view: written, checked as it is written, saved under a name. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { View } from "../model/route.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { CircleHelp, Filter } from "./icons.tsx";
import { Popover } from "./popover.tsx";
import { Field } from "./viewheader.tsx";

/** Typing is not a step of the browser's history, and not each letter is worth an address. */
const SETTLE_MS = 120;

export function FilterBar({ view }: { view: Extract<View, { name: "filter" }> }): JSX.Element {
  const app = useApp();
  const { filters, router, ui } = app;
  const saved = filters.items.value.find((filter) => filter.id === view.filterId);
  const shown = filters.text.value ?? "";
  const [text, setText] = useState(shown);
  const [open, setOpen] = useState<"save" | "help" | "options" | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const saveButton = useRef<HTMLButtonElement>(null);
  const helpButton = useRef<HTMLButtonElement>(null);
  const optionsButton = useRef<HTMLButtonElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const query = filters.query.value;
  const problem = query.state === "wrong" ? query.problem : null;
  const changed = saved !== undefined && text.trim() !== saved.query;

  useEffect(() => {
    if (view.filterId === null && shown === "") input.current?.focus();
  }, [view.filterId]);
  useEffect(() => {
    if (document.activeElement !== input.current) setText(shown);
  }, [shown]);
  useEffect(() => () => clearTimeout(timer.current), []);

  /** An answer or a pause of typing may come when another view is on screen. */
  const isHere = () => {
    const now = router.view.peek();
    return now.name === "filter" && now.filterId === view.filterId;
  };
  const show = (value: string) => {
    const q = saved !== undefined && value.trim() === saved.query || value === "" && saved === undefined
      ? null
      : value;
    if (isHere()) router.setView({ ...view, q });
  };
  const use = (value: string) => {
    setText(value);
    show(value);
    input.current?.focus();
  };
  const overwrite = async () => {
    if (saved === undefined) return;
    try {
      await filters.update(saved.id, { query: text.trim() });
      if (isHere()) router.setView({ ...view, q: null });
    } catch (error) {
      app.actions.complain("Could not save the filter", error, () => void overwrite());
    }
  };

  return (
    <div class="filter">
      <div class="search-field filter-field" data-wrong={problem !== null || undefined}>
        <Filter size={17} aria-hidden="true" />
        <input
          ref={input}
          id="filter-query"
          type="text"
          dir="ltr"
          value={text}
          placeholder="(today | overdue) & !low & #home"
          aria-label="Filter query"
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? undefined : "filter-problem"}
          autoComplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={1_000}
          onInput={(event) => {
            const value = event.currentTarget.value;
            setText(value);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => show(value), SETTLE_MS);
          }}
          onKeyDown={(event) => {
            if (event.isComposing) return;
            const first = app.order.peek()[0];
            if ((event.key === "ArrowDown" || event.key === "Enter") && first !== undefined) {
              event.preventDefault();
              ui.focusRow(first);
            }
          }}
        />
        <button
          ref={helpButton}
          type="button"
          class="icon-button"
          aria-label="What a filter can ask"
          title="What a filter can ask"
          aria-haspopup="dialog"
          aria-expanded={open === "help"}
          onClick={() => setOpen("help")}
        >
          <CircleHelp size={17} />
        </button>
      </div>
      <div class="filter-line">
        {problem !== null
          ? (
            <p class="filter-problem" id="filter-problem" role="status">
              <span class="filter-echo" aria-hidden="true">
                {shown.slice(0, problem.start)}
                <mark>{shown.slice(problem.start, problem.end) || "\u00a0"}</mark>
                {shown.slice(problem.end)}
              </span>
              <span>
                <span class="filter-place">Character {problem.start + 1}:</span> {problem.message}
              </span>
            </p>
          )
          : <p class="filter-problem" role="status" />}
        <span class="filter-actions">
          {changed && (
            <button
              type="button"
              class="button small primary"
              disabled={query.state !== "ready"}
              onClick={() => void overwrite()}
            >
              Save changes
            </button>
          )}
          {saved === undefined && view.filterId === null && (
            <button
              ref={saveButton}
              type="button"
              class="button small primary"
              disabled={query.state !== "ready"}
              aria-haspopup="dialog"
              aria-expanded={open === "save"}
              onClick={() => setOpen("save")}
            >
              Save filter
            </button>
          )}
          {saved !== undefined && (
            <button
              ref={optionsButton}
              type="button"
              class="button small quiet"
              aria-haspopup="dialog"
              aria-expanded={open === "options"}
              onClick={() => setOpen("options")}
            >
              Rename or delete
            </button>
          )}
        </span>
      </div>
      {open === "help" && (
        <Popover
          label="What a filter can ask"
          anchor={() => helpButton.current}
          onClose={() => setOpen(null)}
        >
          <Help
            use={(value) => {
              setOpen(null);
              use(value);
            }}
          />
        </Popover>
      )}
      {open === "save" && (
        <Popover
          label="Save filter"
          anchor={() => saveButton.current}
          onClose={() => setOpen(null)}
        >
          <NameForm
            name=""
            label="Save"
            close={() => setOpen(null)}
            save={async (name) => {
              const filter = await filters.create(name, text.trim());
              if (isHere()) router.go(`/filter/${filter.id}`);
            }}
          />
        </Popover>
      )}
      {open === "options" && saved !== undefined && (
        <Popover
          label="Filter options"
          anchor={() => optionsButton.current}
          onClose={() => setOpen(null)}
        >
          <NameForm
            name={saved.name}
            label="Rename"
            close={() => setOpen(null)}
            save={(name) => filters.update(saved.id, { name })}
            remove={() => void filters.remove(saved.id)}
          />
        </Popover>
      )}
    </div>
  );
}

interface NameFormProps {
  name: string;
  label: string;
  close: () => void;
  save: (name: string) => Promise<void>;
  remove?: () => void;
}

function NameForm({ name, label, close, save, remove }: NameFormProps): JSX.Element {
  const [text, setText] = useState(name);
  const [problem, setProblem] = useState<string | null>(null);
  const submit = async () => {
    const wanted = text.trim();
    if (wanted === "") return setProblem("A filter needs a name.");
    try {
      if (wanted !== name) await save(wanted);
      close();
    } catch (error) {
      setProblem(failure(error, "Nothing was saved."));
    }
  };
  return (
    <form
      class="list-options"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field label="Name" problem={problem}>
        {(id, described) => (
          <input
            id={id}
            class="input"
            dir="auto"
            value={text}
            maxLength={100}
            autoFocus
            aria-describedby={described}
            aria-invalid={problem !== null}
            onInput={(event) => {
              setText(event.currentTarget.value);
              setProblem(null);
            }}
          />
        )}
      </Field>
      <div class="form-actions">
        {remove === undefined
          ? <button type="button" class="button quiet" onClick={close}>Cancel</button>
          : (
            <button
              type="button"
              class="button quiet danger"
              onClick={() => {
                close();
                remove();
              }}
            >
              Delete filter
            </button>
          )}
        <button type="submit" class="button primary">{label}</button>
      </div>
    </form>
  );
}

const HELP: readonly [string, string][] = [
  ["today | overdue", "due today, or before"],
  ["7 days & !#work", "due in a week, not tagged"],
  ["/Home & high", "in a list, of a priority"],
  ["no date & no tags", "without either"],
  ["due before: +3 days", "also after:, created:, changed:"],
  ["search: milk", "words of title or notes"],
  ["recurring | reminder", "repeats, or reminds"],
  ["subtask & #ho*", "parts of tasks; any ending"],
  ["overdue, today", "two sections"],
];

function Help({ use }: { use: (query: string) => void }): JSX.Element {
  return (
    <div class="filter-help">
      <p>
        <kbd>&</kbd> and <kbd>|</kbd> or <kbd>!</kbd> not <kbd>( )</kbd> first
      </p>
      <ul role="list">
        {HELP.map(([query, words], index) => (
          <li key={query}>
            <button
              type="button"
              class="filter-example"
              data-autofocus={index === 0 ? true : undefined}
              onClick={() => use(query)}
            >
              <code>{query}</code>
              <span class="option-hint">{words}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
