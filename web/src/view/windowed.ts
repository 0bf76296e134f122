/**
 * Which rows of a long list are rendered: those in the window, some around it, and one that must not go (it has the
 * focus). The others are empty places of their height in the normal flow, so that headings stick, the browser keeps
 * what is read in its place, and nothing here ever moves the page.
 */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";
import {
  defaultRangeExtractor,
  observeWindowOffset,
  observeWindowRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { Section } from "../model/grouping.ts";
import { isNarrow } from "./dom.ts";

/** Rows that are rendered before and after the window: a fling outruns the drawing by this much. */
const AROUND = 8;
/** Before one has been measured; the gap above it is a part of a heading. */
const HEADING_PX = 60;
const NARROW_ROW_PX = 56;

/** The list as one sequence: headings and rows, each with its number. */
interface Sequence {
  keys: readonly string[];
  /** Number of the first row of each section; a heading stands before it. */
  rowsFrom: readonly number[];
}

/** What is rendered of one section, or how high what is not is. */
export type Part =
  | { kind: "gap"; key: string; px: number }
  | { kind: "section"; section: Section; from: number; items: readonly Item[] };
export type Item = { kind: "gap"; key: string; px: number } | { kind: "row"; at: number };

export interface Windowed {
  parts: readonly Part[];
  /** For the `ref` of rows and headings; they carry their number as `data-index`. */
  measure: (element: Element | null) => void;
}

function sequenceOf(sections: readonly Section[], keyOf: (id: string) => string): Sequence {
  const keys: string[] = [];
  const rowsFrom: number[] = [];
  for (const section of sections) {
    if (section.heading !== null) keys.push(`heading ${section.key}`);
    rowsFrom.push(keys.length);
    for (const task of section.tasks) keys.push(keyOf(task.id));
  }
  return { keys, rowsFrom };
}

export function useWindowed(
  sections: readonly Section[],
  options: { container: { current: HTMLElement | null }; keyOf: (id: string) => string; keep: string | null },
): Windowed {
  const { container, keyOf, keep } = options;
  const [, redraw] = useReducer((count: number, _: void) => count + 1, 0);
  const sequence = useMemo(() => sequenceOf(sections, keyOf), [sections]);
  // A row that has the focus keeps it; while none has, the first one takes the tab stop.
  const kept = useMemo(() => numberOf(sections, sequence, keep) ?? sequence.rowsFrom[0] ?? 0, [
    sequence,
    keep,
  ]);
  const margin = useRef(0);
  const held = useRef<Virtualizer<Window, Element>>(undefined);
  const estimates = useMemo(() => ({ row: rowHeight(), heading: HEADING_PX }), []);
  const headings = useMemo(() => new Set(sequence.rowsFrom.map((from) => from - 1)), [sequence]);
  const getItemKey = useMemo(() => (index: number) => sequence.keys[index] ?? index, [sequence]);
  const rangeExtractor = useMemo(() => (range: Parameters<typeof defaultRangeExtractor>[0]) => {
    const near = defaultRangeExtractor(range);
    if (near.includes(kept)) return near;
    return kept < (near[0] ?? 0) ? [kept, ...near] : [...near, kept];
  }, [kept]);
  const set = {
    count: sequence.keys.length,
    getItemKey,
    rangeExtractor,
    getScrollElement: () => globalThis.window,
    estimateSize: (index: number) => headings.has(index) ? estimates.heading : estimates.row,
    measureElement: outerHeight,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    // The browser itself keeps what is read in its place.
    scrollToFn: () => {},
    overscan: AROUND,
    scrollMargin: margin.current,
    initialRect: { width: innerWidth, height: innerHeight },
    initialOffset: () => scrollY,
    onChange: () => redraw(),
  };
  const virtual = held.current ??= new Virtualizer<Window, Element>(set);
  virtual.shouldAdjustScrollPositionOnItemSizeChange = () => false;
  virtual.setOptions(set);
  useEffect(() => virtual._didMount(), []);
  useLayoutEffect(() => virtual._willUpdate());
  // Where the list begins changes with what is above it, which is drawn with the list.
  useLayoutEffect(() => {
    const top = container.current?.getBoundingClientRect().top;
    if (top === undefined) return;
    const begins = Math.round(top + scrollY);
    if (begins === margin.current) return;
    margin.current = begins;
    redraw();
  }, [sections]);
  return { parts: partsOf(sections, sequence, virtual), measure: virtual.measureElement };
}

function numberOf(sections: readonly Section[], { rowsFrom }: Sequence, id: string | null): number | null {
  if (id === null) return null;
  for (const [index, { tasks }] of sections.entries()) {
    const at = tasks.findIndex((task) => task.id === id);
    if (at >= 0) return (rowsFrom[index] ?? 0) + at;
  }
  return null;
}

function partsOf(
  sections: readonly Section[],
  { keys, rowsFrom }: Sequence,
  virtual: Virtualizer<Window, Element>,
): Part[] {
  const shown = virtual.getVirtualIndexes();
  const end = virtual.getTotalSize() + virtual.options.scrollMargin;
  const startOf = (number: number) => virtual.measurementsCache[number]?.start ?? end;
  const parts: Part[] = [];
  let next = 0;
  for (const [index, section] of sections.entries()) {
    const rows = rowsFrom[index] ?? 0;
    const first = section.heading === null ? rows : rows - 1;
    const after = rows + section.tasks.length;
    const here: number[] = [];
    while (next < shown.length && (shown[next] ?? 0) < after) here.push(shown[next++] ?? 0);
    if (here.length === 0) {
      const px = startOf(after) - startOf(first);
      const before = parts.at(-1);
      if (before?.kind === "gap") before.px += px;
      else parts.push({ kind: "gap", key: `gap ${section.key}`, px });
      continue;
    }
    const items: Item[] = [];
    let at = rows;
    for (const number of here) {
      if (number < rows) continue;
      if (number > at) items.push({ kind: "gap", key: `gap ${keys[at]}`, px: startOf(number) - startOf(at) });
      items.push({ kind: "row", at: number - rows });
      at = number + 1;
    }
    if (at < after) items.push({ kind: "gap", key: "rest", px: startOf(after) - startOf(at) });
    parts.push({ kind: "section", section, from: rows, items });
  }
  return parts;
}

/** The height of a row; of a heading all that is above its rows. */
function outerHeight(element: Element): number {
  const { section } = (element as HTMLElement).dataset;
  if (section === undefined) return element.getBoundingClientRect().height;
  const whole = element.parentElement?.getBoundingClientRect();
  const rows = element.nextElementSibling?.getBoundingClientRect();
  return whole === undefined || rows === undefined ? HEADING_PX : rows.top - whole.top;
}

/** The height of a row before one has been measured. */
function rowHeight(): number {
  if (isNarrow()) return NARROW_ROW_PX;
  return Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
}
