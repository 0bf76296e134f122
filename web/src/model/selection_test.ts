import assert from "node:assert/strict";
import { createSelection } from "./selection.ts";

const ORDER = ["a", "b", "c", "d", "e"];
const chosen = (selection: ReturnType<typeof createSelection>) => [...selection.ids.value].sort().join("");

Deno.test("createSelection() toggles one and extends from where it began", () => {
  const selection = createSelection();
  selection.toggle("b");
  selection.extend(ORDER, "d");
  assert.equal(chosen(selection), "bcd");
  selection.extend(ORDER, "a");
  assert.equal(chosen(selection), "abcd");
  selection.toggle("c");
  assert.equal(chosen(selection), "abd");
});

Deno.test("createSelection() extends from the current row when nothing is selected yet", () => {
  const selection = createSelection();
  selection.extend(ORDER, "c", "b");
  assert.equal(chosen(selection), "bc");
});

Deno.test("createSelection() keeps only what is still there", () => {
  const selection = createSelection();
  selection.all(ORDER);
  selection.keep(["b", "e"]);
  assert.equal(chosen(selection), "be");
  selection.keep([]);
  assert.equal(selection.size.value, 0);
});
