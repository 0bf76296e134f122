/** The evaluation as a part of the gate: what worked before is understood for good. */
import assert from "node:assert/strict";
import { CASES } from "./cases.ts";
import { evaluate, scoreOf, type Target } from "./run.ts";

const TARGETS: readonly Target[] = [{ kind: "commands" }, { kind: "scripted" }];

for (const target of TARGETS) {
  Deno.test(`every utterance brings the calls that are right: ${target.kind}`, async () => {
    assert.ok(CASES.length >= 150);
    const results = await evaluate(CASES, target);
    console.log(scoreOf(target, results));
    const wrong = results.filter(({ right, excused }) => !right && !excused);
    assert.deepEqual(wrong.map(({ says, made }) => ({ says, made })), []);
    if (target.kind === "commands") assert.ok(results.filter(({ right }) => right).length >= 150);
  });
}
