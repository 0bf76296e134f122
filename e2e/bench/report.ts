/** The figures as a page: each beside its goal, with what it was measured on. */
import type { ApiFigure } from "./api.ts";
import type { Timing } from "./measure.ts";
import type { ImportFigure, StartFigure } from "./others.ts";
import type { ChangeFigure, StreamsFigure } from "./streams.ts";
import { row, table, verdict, writePart } from "./markdown.ts";

export interface Figures {
  quick: boolean;
  api: { title: string; figures: ApiFigure[] }[];
  memory: { when: string; mb: number }[];
  change?: ChangeFigure;
  streams?: StreamsFigure;
  import?: ImportFigure;
  start?: StartFigure;
}

/** A call may take this many times what bare SQL takes. */
const TIMES = 3;
const SEARCH_MS = { small: 20, large: 50 };
const CHANGE_MS = 50;
const MEMORY_MB = 250;
const START_S = { first: 20, later: 4 };

const ms = (value: number) => value < 10 ? value.toFixed(2) : value.toFixed(1);
const times = (value: number) => `${value.toFixed(1)}x`;
const spread = (timing: Pick<Timing, "p50" | "p95" | "p99">) =>
  [timing.p50, timing.p95, timing.p99].map(ms).join(" / ");

/** Markdown of the figures. */
export function report(figures: Figures): string {
  const parts = [machine(figures)];
  for (const { title, figures: measured } of figures.api) {
    parts.push(
      `### The API with ${title}`,
      apiTable(measured, /^10,000/.test(title) ? "small" : "large"),
    );
  }
  const { change, streams, start } = figures;
  const rows: string[] = [];
  if (change !== undefined) {
    rows.push(
      row(
        `A change in another tab, from sending it (${change.changes} changes, one after the other)`,
        `${spread(change.fromSending)} ms`,
        `p95 under ${CHANGE_MS} ms`,
        verdict(change.fromSending.p95 < CHANGE_MS),
      ),
      row("The same, from its answer", `${spread(change.fromAnswer)} ms`, "", ""),
    );
  }
  if (streams !== undefined) {
    rows.push(
      row(
        `${streams.streams} open streams of ${streams.users} users, ${streams.changes} changes (${streams.deliveries} deliveries)`,
        `${spread(streams.fromSending)} ms`,
        `p95 under ${CHANGE_MS} ms`,
        verdict(streams.fromSending.p95 < CHANGE_MS),
      ),
      row("Memory of one stream", `${streams.kilobytesPerStream.toFixed(0)} kB`, "", ""),
      row(
        "Memory before and after the streams",
        `${streams.rssBeforeMb} MB, ${streams.rssAfterMb} MB`,
        `under ${MEMORY_MB} MB`,
        verdict(streams.rssAfterMb < MEMORY_MB),
      ),
      row("Processor meanwhile, of one core", `${(streams.processor * 100).toFixed(0)} %`, "", ""),
    );
  }
  if (figures.import !== undefined) {
    const { lines, imported, answered, streamed, audited } = figures.import;
    rows.push(
      row(`Import of ${lines} lines (${imported} tasks), to the answer`, `${answered.toFixed(1)} s`, "", ""),
      row("… to the last change in an open tab", `${streamed.toFixed(1)} s`, "", ""),
      row("… to the last line of the audit log", `${audited.toFixed(1)} s`, "", ""),
    );
  }
  if (start !== undefined) {
    rows.push(
      row(
        `First start to ready (median of ${start.starts.first})`,
        `${start.first.toFixed(1)} s`,
        `${START_S.first} s`,
        verdict(start.first <= START_S.first),
      ),
      row(
        `Later starts (median of ${start.starts.later})`,
        `${start.later.toFixed(1)} s`,
        `${START_S.later} s`,
        verdict(start.later <= START_S.later),
      ),
    );
  }
  for (const { when, mb } of figures.memory) {
    rows.push(
      row(`Memory without PostgreSQL, ${when}`, `${mb} MB`, `under ${MEMORY_MB} MB`, verdict(mb < MEMORY_MB)),
    );
  }
  if (rows.length > 0) {
    parts.push("### The rest", table(["what", "p50 / p95 / p99 or value", "goal", ""], rows));
  }
  return parts.join("\n\n");
}

function machine({ quick }: Figures): string {
  const cores = navigator.hardwareConcurrency;
  const gib = Math.round(Deno.systemMemoryInfo().total / 2 ** 30);
  const date = Temporal.Now.plainDateISO("UTC").toString();
  const system = Deno.build.os === "linux" ? "Linux" : Deno.build.os;
  return `Measured on ${date}: ${cores} cores, ${gib} GiB, ${system} ${Deno.build.arch}; Deno ${Deno.version.deno}, ` +
    `embedded PostgreSQL 18${quick ? "; a short run" : ""}.`;
}

function apiTable(figures: readonly ApiFigure[], size: "small" | "large"): string {
  const head = [
    ...["call", "at a time", "p50 / p95 / p99 ms", "calls/s", "bare SQL p50", "empty route p50"],
    ...["to SQL", "to SQL and route", "goal", ""],
  ];
  return table(
    head,
    figures.map(({ operation, kind, concurrency, api, bare, empty }) => {
      const ratio = api.p50 / bare.p50;
      const limit = SEARCH_MS[size];
      const [goal, met] = kind === "search"
        ? [`p95 < ${limit} ms`, api.p95 < limit]
        : [`${TIMES}x SQL`, ratio <= TIMES];
      return row(
        ...[operation, concurrency, spread(api), api.perSecond.toFixed(0), ms(bare.p50), ms(empty.p50)],
        ...[times(ratio), times(api.p50 / (bare.p50 + empty.p50))],
        ...[goal, verdict(met)],
      );
    }),
  );
}

/** Puts the figures between their marks in docs/benchmarks.md. */
export const writeReport = (figures: Figures): Promise<void> => writePart("figures", report(figures));
