import assert from "node:assert/strict";
import { judge } from "./outcomes.ts";
import type { Outcome } from "./ports.ts";

const retry: Outcome = { status: "retry", error: "not yet" };
const dead: Outcome = { status: "dead", error: "never" };
const ok: Outcome = { status: "ok" };
const options = { failedBefore: () => 1, usedUp: (_index: number, attempts: number) => attempts >= 3 };
const keyed = (keys: string) => [...keys].map((key) => ({ key }));

Deno.test("judge() stops a key at its first failure and lets others pass", () => {
  const verdicts = judge(keyed("abab"), [retry, ok, ok, ok], options);
  assert.deepEqual(verdicts.map(({ next }) => next), ["again", "done", "wait", "done"]);
  assert.deepEqual(verdicts[0], { next: "again", attempts: 2 });
});

Deno.test("judge() buries poison at once, and what failed often enough", () => {
  assert.deepEqual(judge(keyed("a"), [dead], options), [{ next: "bury", attempts: 2, error: "never" }]);
  assert.deepEqual(judge(keyed("a"), [retry], { ...options, failedBefore: () => 2 }), [
    { next: "bury", attempts: 3, error: "not yet" },
  ]);
});

Deno.test("judge() holds no attempt against one that was refused because of the letter before it", () => {
  const verdicts = judge(keyed("aaaa"), [dead, ok, retry, ok], options);
  assert.deepEqual(verdicts.map(({ next }) => next), ["bury", "done", "wait", "wait"]);
});

Deno.test("judge() takes a missing outcome as retry", () => {
  assert.deepEqual(judge(keyed("a"), [], options), [{ next: "again", attempts: 2 }]);
});
