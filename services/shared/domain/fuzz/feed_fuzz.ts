/**
 * Compares when the events of the feed come, as Python's icalendar and recurring-ical-events read it, with Rondo's
 * own expansion of random series: whole days and times, fixed and floating zones, across DST, COUNT and UNTIL, some
 * occurrences on, moved by hand.
 *
 * `deno run -A services/shared/domain/fuzz/feed_fuzz.ts [count] [seed]`, with the interpreter in PYTHON.
 */
import { formatFeed } from "../formats/mod.ts";
import { feedCase, momentOf, USER_ZONE } from "./feed_cases.ts";
import { askPython } from "./python.ts";
import { createRandom } from "./random.ts";

const count = Number(Deno.args[0] ?? "1000");
const seed = Number(Deno.args[1] ?? "1");
const random = createRandom(seed);
const cases = Array.from({ length: count }, (_, index) => feedCase(random, index));
const answers = await askPython<string[]>(
  "feed_read.py",
  cases.map(({ task, from, to }) => ({
    ...{ feed: formatFeed([task], { name: "Rondo", timeZone: USER_ZONE }), from, to },
  })),
);

let failed = answers.length === count ? 0 : 1;
for (const [index, { task, to, expected }] of cases.entries()) {
  // The last day of the window is another one in another zone.
  const end = Temporal.PlainDate.from(to).subtract({ days: 1 }).toString();
  const wanted = expected.map(momentOf).filter((moment) => moment < end).sort();
  const read = (answers[index] ?? []).filter((moment) => moment < end);
  if (wanted.join() === read.join()) continue;
  failed++;
  console.error(`FAILED ${JSON.stringify({ ...task.recurrence, ...task.series, due: task.due })}`);
  console.error(`  missing ${wanted.filter((one) => !read.includes(one)).slice(0, 5).join(" ")}`);
  console.error(`  too much ${read.filter((one) => !wanted.includes(one)).slice(0, 5).join(" ")}`);
}
console.log(`seed ${seed}: ${count - failed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
