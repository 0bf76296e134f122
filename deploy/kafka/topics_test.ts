import assert from "node:assert/strict";
import { differences, PLAN } from "./topics.ts";

Deno.test("differences() says what is missing and what is otherwise", () => {
  const states = PLAN.map((plan) => ({ ...plan, replicas: 1 }));
  assert.deepEqual(differences(states), []);
  const [first, second, ...rest] = states;
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual(differences([{ ...first, partitions: 3, retentionMs: 3_600_000 }, ...rest]), [
    "task-events has 3 partitions and should have 4",
    "task-events keeps events for 0 d and should for 30 d",
    "task-events.dlq is missing",
  ]);
});
