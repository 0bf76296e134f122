/**
 * How well the assistant understands: `deno task eval [commands|scripted|endpoint] [--verbose]`.
 *
 * - `commands`: the plain commands that need no language model. This score is real.
 * - `scripted`: a stand-in that speaks the protocol of a language model and knows the right calls. It shows that the
 *   plumbing carries them, and nothing about understanding.
 * - `endpoint`: the model of `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL`.
 *
 * Without a name it runs the first two, and the third when it is set.
 */
import { endpointOf } from "../../services/assistant/options.ts";
import { readConfig } from "../../services/shared/host/config.ts";
import { startTestServer } from "../../services/shared/testing/database.ts";
import { CASES } from "./cases.ts";
import { evaluate, type Result, scoreOf, type Target } from "./run.ts";

const verbose = Deno.args.includes("--verbose");
const named = Deno.args.filter((argument) => !argument.startsWith("--"));
const endpoint = endpointOf(readConfig());
const targets: Target[] = [
  { kind: "commands" },
  { kind: "scripted" },
  ...(endpoint === undefined ? [] : [{ kind: "endpoint" as const, endpoint }]),
];
const chosen = targets.filter(({ kind }) => named.length === 0 || named.includes(kind));
if (chosen.length === 0) {
  console.error("Name commands, scripted or endpoint; endpoint needs OPENAI_BASE_URL and OPENAI_MODEL");
  Deno.exit(1);
}
await using server = await startTestServer();
Deno.env.set("TEST_DATABASE_URL", server.url);
for (const target of chosen) {
  const results = await evaluate(CASES, target, (result) => {
    if (!result.right || verbose) show(result);
  });
  console.log(scoreOf(target, results));
}

function show({ says, right, excused, expected, made, answer }: Result): void {
  console.log(`${right ? "right" : excused ? "not understood, nothing changed" : "wrong"}: ${says}`);
  if (!verbose || right) return;
  console.log(`    expected ${JSON.stringify(expected)}`);
  console.log(`    made     ${JSON.stringify(made)}`);
  console.log(`    answer   ${answer.split("\n")[0]}`);
}
