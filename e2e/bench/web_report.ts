/** The figures of the page as Markdown, each beside its goal. */
import type { FirstFigure, ScrollFigure, TypingFigure } from "./web_page.ts";
import { row, table, verdict, writePart } from "./markdown.ts";

export interface WebFigures {
  quick: boolean;
  tasks: number;
  /** Bytes of the first view's JavaScript, gzipped. */
  javascript: number;
  browser: string;
  /** Processes that wanted to run, over the last minute: the larger of begin and end. */
  load: number;
  first: ({ what: string; offline: boolean } & FirstFigure)[];
  scroll: ScrollFigure[];
  typing: ({ where: string } & TypingFigure)[];
}

const GOALS = { javascript: 100_000, firstMs: 1_000, framesPerSecond: 57, keyMs: 16 };

const ms = (value: number) => value < 10 ? value.toFixed(1) : value.toFixed(0);
const percent = (value: number) => `${(value * 100).toFixed(1)} %`;

/** Markdown of the figures. */
export function webReport(figures: WebFigures): string {
  const { quick, tasks, javascript, browser, load } = figures;
  const date = Temporal.Now.plainDateISO("UTC").toString();
  const parts = [
    `Measured on ${date}: ${navigator.hardwareConcurrency} cores with a load of ${
      load.toFixed(1)
    }, headless Chromium ${browser} ` +
    `that draws without a graphics card, ${tasks.toLocaleString("en")} open tasks of one user${
      quick ? "; a short run" : ""
    }.`,
    table(["what", "p50 / p95 or value", "goal", ""], [
      row(
        "JavaScript of the first view, gzipped",
        `${(javascript / 1_000).toFixed(1)} kB`,
        `under ${GOALS.javascript / 1_000} kB`,
        verdict(javascript < GOALS.javascript),
      ),
      ...figures.first.map(({ what, offline, rows }) =>
        row(
          `First rows of ${what}, from the browser's copy${offline ? ", without a network" : ""}`,
          `${ms(rows.p50)} / ${ms(rows.p95)} ms`,
          "p95 under 1 s",
          verdict(rows.p95 < GOALS.firstMs),
        )
      ),
    ]),
  ];
  if (figures.scroll.length > 0) {
    parts.push(table(
      [
        "scrolling at",
        "frames/s",
        "between frames p50 / p95 / longest ms",
        "late",
        "long tasks",
        "work a frame ms",
        "blank",
        "rows",
        "",
      ],
      figures.scroll.map((
        { pixelsPerSecond, framesPerSecond, frames, late, longTasks, blank, mostRows, workPerFrame },
      ) =>
        row(
          `${pixelsPerSecond.toLocaleString("en")} px/s`,
          framesPerSecond.toFixed(1),
          [frames.p50, frames.p95, frames.longest].map(ms).join(" / "),
          percent(late),
          String(longTasks),
          ms(workPerFrame),
          percent(blank),
          String(mostRows),
          verdict(framesPerSecond >= GOALS.framesPerSecond),
        )
      ),
    ));
  }
  if (figures.typing.length > 0) {
    parts.push(table(
      ["typing in", "keys", "work p50 / p95 / longest ms", "to paint p50 / p95 ms", "long tasks", "goal", ""],
      figures.typing.map(({ where, keys, work, toPaint, longTasks }) =>
        row(
          where,
          String(keys),
          [work.p50, work.p95, work.longest].map(ms).join(" / "),
          [toPaint.p50, toPaint.p95].map(ms).join(" / "),
          String(longTasks),
          `p95 of the work under ${GOALS.keyMs} ms`,
          verdict(work.p95 < GOALS.keyMs),
        )
      ),
    ));
  }
  return parts.join("\n\n");
}

/** Puts the figures between their marks in docs/benchmarks.md. */
export const writeWebReport = (figures: WebFigures): Promise<void> => writePart("page", webReport(figures));
