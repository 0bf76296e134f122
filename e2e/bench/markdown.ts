/** docs/benchmarks.md: tables of figures between marks. */
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

export const verdict = (met: boolean) => met ? "met" : "**missed**";
export const row = (...cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
export const table = (head: string[], rows: string[]) =>
  [row(...head), row(...head.map(() => "---")), ...rows].join("\n");

/** Puts a text between the marks of a part, such as `<!-- figures: begin -->`. @throws Error when they are gone */
export async function writePart(part: string, text: string): Promise<void> {
  const page = await Deno.readTextFile(PAGE);
  const [beginMark, endMark] = [`<!-- ${part}: begin -->`, `<!-- ${part}: end -->`];
  const [begin, end] = [page.indexOf(beginMark), page.indexOf(endMark)];
  if (begin < 0 || end < 0) {
    throw new Error("Cannot write the figures as docs/benchmarks.md has lost its marks");
  }
  await Deno.writeTextFile(
    PAGE,
    `${page.slice(0, begin + beginMark.length)}\n\n${text}\n\n${page.slice(end)}`,
  );
}
