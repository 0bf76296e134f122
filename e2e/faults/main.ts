/**
 * `deno task test:faults [--seed n] [--seeds n] [--rounds n] [--minutes n]`: whatever part of the real stack is killed,
 * paused or fed with what it can't take, nothing is lost and nothing happens twice.
 *
 * A run begins with every fault once, in random order, some of them in pairs. `--seeds 10` is ten runs, each with a
 * stack of its own; `--seed` names the first, the others count on from it. `--rounds` ends a run earlier or lets it
 * go on; `--minutes` makes it last so long at least.
 */
import { parseArgs } from "node:util";
import { installDapr, installKafka } from "../../deploy/local/install.ts";
import { runMain, stopSignal } from "../../services/shared/host/serve.ts";
import { runFaults } from "./run.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    rounds: { type: "string" },
    minutes: { type: "string" },
  },
});

const stopping = new AbortController();
// A stack that is left behind holds its ports and Kafka's disk.
stopSignal().then((name) => stopping.abort(new Error(`Stopped by ${name}`)));

await runMain(async () => {
  await installDapr();
  await installKafka();
  const first = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  let [passed, failed] = [0, 0];
  for (let seed = first; seed < first + Number(values.seeds) && !stopping.signal.aborted; seed++) {
    console.log(`seed ${seed}`);
    const problems = await run(seed);
    for (const problem of problems) console.log(`  ${problem}`);
    if (problems.length === 0) passed++;
    else failed++;
    console.log(`seed ${seed} ${problems.length === 0 ? "holds" : "FAILED"}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exit(failed === 0 ? 0 : 1);
});

async function run(seed: number): Promise<string[]> {
  const started = performance.now();
  const say = (line: string) =>
    console.log(`  ${String(Math.round((performance.now() - started) / 1_000)).padStart(4)} s  ${line}`);
  try {
    const { problems, faults, writes, repeated, changes } = await runFaults({
      ...{ seed, say, signal: stopping.signal },
      rounds: values.rounds === undefined ? undefined : Number(values.rounds),
      minutes: values.minutes === undefined ? undefined : Number(values.minutes),
    });
    say(
      `${faults.length} faults, ${writes} writes acknowledged, ${repeated} of them after a repeat, ` +
        `${changes} changes`,
    );
    return problems;
  } catch (cause) {
    const words: string[] = [];
    for (let error: unknown = cause; error instanceof Error; error = error.cause) words.push(error.message);
    return words.length === 0 ? [String(cause)] : words;
  }
}
