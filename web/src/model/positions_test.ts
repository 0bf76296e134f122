import assert from "node:assert/strict";
import { keysBetween, keysOnTop } from "./positions.ts";
import { aTask } from "./testing.ts";

Deno.test("keysOnTop() stands above the open tasks of that list, in its own order", () => {
  const tasks = [
    aTask({ listId: "home", position: "a5" }),
    aTask({ listId: "home", position: "a3" }),
    aTask({ listId: "home", position: "a1", status: "completed" }),
    aTask({ listId: "work", position: "a0" }),
  ];
  const keys = keysOnTop(tasks, "home", 2);
  assert.equal(keys.length, 2);
  assert.deepEqual([...keys, "a3"].toSorted(), [...keys, "a3"]);
  assert.equal(keysOnTop(tasks, "empty", 1).length, 1);
});

Deno.test("keysBetween() gives none between places that it cannot read: the server chooses", () => {
  assert.deepEqual(keysBetween("1", null, 1), []);
  assert.equal(keysBetween("a0", "a1", 3).length, 3);
});
