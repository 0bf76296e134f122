/**
 * `deno task bench [--quick] [--write] [name…]`: how fast Rondo is on this machine, beside what it can't be faster than.
 *
 * Names: `small` and `large` (the API with few and with many tasks), `change`, `import`, `streams`, `start`; an
 * operation's name such as `list` narrows `small` and `large` down. `--write` puts the figures into docs/benchmarks.md.
 */
import { parseArgs } from "node:util";
import { type Client, openDatabase, residentMb, type RunningRondo, startRondo } from "../support/rondo.ts";
import { type ApiFigure, measureApi } from "./api.ts";
import { pause } from "./measure.ts";
import { measureImport, measureStarts } from "./others.ts";
import { type Figures, report, writeReport } from "./report.ts";
import { seedTasks } from "./seed.ts";
import { measureChange, measureStreams } from "./streams.ts";

const NAMES = ["small", "change", "import", "streams", "start", "large"];
/** Limits are not what is measured here. */
const UNLIMITED = { RATE_CALLS_PER_SECOND: "1000000", RATE_SIGN_IN_PER_MINUTE: "1000000" };

const { values: { quick = false, write = false }, positionals } = parseArgs({
  args: Deno.args,
  options: { quick: { type: "boolean" }, write: { type: "boolean" } },
  allowPositionals: true,
});
const only = positionals.filter((name) => !NAMES.includes(name));
const chosen = positionals.filter((name) => NAMES.includes(name));
const wants = (name: string) =>
  chosen.length === 0 ? only.length === 0 || name === "small" : chosen.includes(name);
const calls = quick ? 160 : 600;
const figures: Figures = { quick, api: [], memory: [] };

const say = (text: string) => console.log(text);

if (wants("start")) {
  say("start-up …");
  figures.start = await measureStarts(quick ? { first: 1, later: 2 } : { first: 3, later: 5 });
}
if (NAMES.some((name) => name !== "start" && wants(name))) {
  await using rondo = await startRondo({ env: UNLIMITED });
  await pause(3_000);
  await remember(rondo, "idle");
  if (wants("change")) {
    say("a change in another tab …");
    figures.change = await measureChange(rondo, quick ? 100 : 300);
  }
  if (wants("small")) {
    const user = await rondo.signUp();
    await api(rondo, "10,000 tasks of one user", [user], 10_000);
    await remember(rondo, "after the calls with 10,000 tasks");
  }
  if (wants("import")) {
    say("import …");
    figures.import = await measureImport(rondo);
    await remember(rondo, "after the import");
  }
  const users = wants("streams") || wants("large") ? await signUpMany(rondo, quick ? 20 : 200) : [];
  if (wants("large")) {
    await api(rondo, `${quick ? "100,000 tasks of 20" : "1,000,000 tasks of 200"} users`, users, 5_000);
    await remember(rondo, "after the calls with many tasks");
  }
  if (wants("streams")) {
    say("open streams …");
    figures.streams = await measureStreams(rondo.pid, {
      ...{ users, streamsPerUser: 5, changesPerSecond: 5, seconds: quick ? 10 : 30 },
    });
    await remember(rondo, "after the streams");
  }
}
if (write) await writeReport(figures);
say(report(figures));
Deno.exit(0);

async function api(
  rondo: RunningRondo,
  title: string,
  users: readonly Client[],
  each: number,
): Promise<void> {
  say(`the API with ${title} …`);
  await using admin = await openDatabase(rondo.dataDir);
  const seeded = await seedTasks(admin, users, each);
  say(`  seeded in ${seeded.seconds.toFixed(1)} s`);
  const measured: ApiFigure[] = await measureApi({
    ...{ rondo, users, seeded, concurrencies: [1, 16], calls, only, maxMs: quick ? 2_000 : 5_000 },
    on: ({ operation, concurrency, api, bare, empty }) =>
      say(
        `  ${operation} x${concurrency}: ${
          [api, bare, empty].map(({ p50 }) => p50.toFixed(2)).join(" / ")
        } ms`,
      ),
  });
  figures.api.push({ title, figures: measured });
}

/** Ends a part: what was measured so far is kept, should a later one fail. */
async function remember(rondo: RunningRondo, when: string): Promise<void> {
  figures.memory.push({ when, mb: await residentMb(rondo.pid) });
  if (write) await writeReport(figures);
}

async function signUpMany(rondo: RunningRondo, count: number): Promise<Client[]> {
  const users: Client[] = [];
  while (users.length < count) {
    users.push(...await Promise.all([rondo.signUp(), rondo.signUp()]));
  }
  return users;
}
