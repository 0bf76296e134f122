import { deepStrictEqual, ok } from "node:assert/strict";
import { type ImportOptions, type ImportResult, parseICal, parseTodoistCsv, parseTodoTxt } from "./mod.ts";
import expected from "./samples/expected.json" with { type: "json" };
import { OPTIONS } from "./testing.ts";

const PARSERS: [keyof typeof expected, (text: string, options: ImportOptions) => ImportResult][] = [
  ["todo.txt", parseTodoTxt],
  ["todoist.csv", parseTodoistCsv],
  ["tasks.ics", parseICal],
];

for (const [file, parse] of PARSERS) {
  Deno.test(`${parse.name}() imports the sample ${file} as its generator counted`, async () => {
    const text = await Deno.readTextFile(new URL(`samples/${file}`, import.meta.url));
    const { tasks, problems, skipped } = parse(text, OPTIONS);
    const found = { imported: tasks.length, skipped, problemLines: problems.map(({ line }) => line) };
    deepStrictEqual(found, expected[file], JSON.stringify(problems, null, 1));
    ok(tasks.every(({ parentIndex }, k) => parentIndex === undefined || parentIndex < k));
  });
}
