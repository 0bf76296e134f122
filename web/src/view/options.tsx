/** A list of choices with an optional filter: combobox and listbox (WAI-ARIA APG), one or several. */
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { fold } from "../../../services/shared/domain/filters/mod.ts";

export interface Option {
  value: string;
  label: string;
  icon?: ComponentChildren;
  hint?: string;
  /** Further words that find it. */
  words?: string;
}

export interface OptionsProps {
  label: string;
  options: readonly Option[];
  selected: readonly string[];
  filter?: string;
  several?: boolean;
  onPick: (value: string) => void;
  /** Offered when nothing is called like the typed text. */
  create?: { label: (text: string) => string; valid: (text: string) => boolean; run: (text: string) => void };
  /** Most that are shown at once. */
  most?: number;
}

let made = 0;

export function Options(props: OptionsProps): JSX.Element {
  const { label, options, selected, filter, several = false, onPick, create, most = 200 } = props;
  const [text, setText] = useState("");
  const [at, setAt] = useState(() =>
    Math.max(0, options.findIndex((option) => selected.includes(option.value)))
  );
  const id = useRef("");
  if (id.current === "") id.current = `options-${++made}`;
  const list = useRef<HTMLUListElement>(null);

  const words = fold(text).split(/\s+/).filter((word) => word !== "");
  const found = options.filter((option) => {
    const name = fold(`${option.label} ${option.words ?? ""}`);
    return words.every((word) => name.includes(word));
  }).slice(0, most);
  const wanted = text.trim().replace(/^[#@]/, "");
  const creates = create !== undefined && wanted !== "" && create.valid(wanted) &&
    !options.some((option) => fold(option.label) === fold(wanted));
  const count = found.length + (creates ? 1 : 0);
  const active = Math.min(at, Math.max(0, count - 1));

  const move = (to: number) => {
    const next = (to + count) % Math.max(1, count);
    setAt(next);
    list.current?.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const pick = (index: number) => {
    const option = found[index];
    if (option !== undefined) onPick(option.value);
    else if (creates) create?.run(wanted);
    if (several) setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    switch (event.key) {
      case "ArrowDown":
        move(active + 1);
        break;
      case "ArrowUp":
        move(active - 1);
        break;
      case "Home":
        if (filter !== undefined) return;
        move(0);
        break;
      case "End":
        if (filter !== undefined) return;
        move(count - 1);
        break;
      case "Enter":
        if (event.isComposing) return;
        pick(active);
        break;
      case " ":
        if (filter !== undefined) return;
        pick(active);
        break;
      default: {
        // Without a filter the first letter, or the place as a digit, chooses.
        if (filter !== undefined || event.key.length !== 1 || event.ctrlKey || event.metaKey) return;
        const digit = Number(event.key);
        const index = digit >= 1 && digit <= found.length
          ? digit - 1
          : found.findIndex((option) => fold(option.label).startsWith(fold(event.key)));
        if (index < 0) return;
        pick(index);
      }
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const optionId = (index: number) => `${id.current}-${index}`;
  return (
    <div class="options">
      {filter !== undefined && (
        <input
          class="options-filter"
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-autocomplete="list"
          aria-controls={id.current}
          aria-activedescendant={count > 0 ? optionId(active) : undefined}
          aria-label={filter}
          placeholder={filter}
          value={text}
          dir="auto"
          autoComplete="off"
          data-autofocus
          onInput={(event) => {
            setText(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
      )}
      <ul
        ref={list}
        id={id.current}
        class="options-list"
        role="listbox"
        aria-label={label}
        aria-multiselectable={several || undefined}
        tabIndex={filter === undefined ? 0 : -1}
        data-autofocus={filter === undefined ? true : undefined}
        aria-activedescendant={filter === undefined && count > 0 ? optionId(active) : undefined}
        onKeyDown={filter === undefined ? onKeyDown : undefined}
      >
        {found.map((option, index) => (
          <li
            key={option.value}
            id={optionId(index)}
            role="option"
            class="option"
            aria-selected={selected.includes(option.value)}
            data-active={index === active || undefined}
            onPointerMove={() => setAt(index)}
            onClick={() => pick(index)}
          >
            {option.icon}
            <span class="option-label" dir="auto">{option.label}</span>
            {option.hint && <span class="option-hint">{option.hint}</span>}
          </li>
        ))}
        {creates && (
          <li
            id={optionId(found.length)}
            role="option"
            class="option"
            aria-selected={false}
            data-active={active === found.length || undefined}
            onPointerMove={() => setAt(found.length)}
            onClick={() => pick(found.length)}
          >
            <span class="option-label" dir="auto">{create?.label(wanted)}</span>
          </li>
        )}
      </ul>
      {count === 0 && <p class="options-none">Nothing is called like that</p>}
    </div>
  );
}
