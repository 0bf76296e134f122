import assert from "node:assert/strict";
import { haystackOf } from "./fuzzy.ts";

const TITLES = [
  "Water the plants",
  "Water the tomatoes before it gets warm",
  "Pay rent",
  "Crème brûlée for the birthday",
  "Move to tomorrow",
  "Read chapter 4",
];
const stack = haystackOf(TITLES, (title) => title, (title) => title === "Pay rent" ? "money" : "");
const find = (needle: string) => stack.find(needle, 10).map(({ item }) => item);

for (
  const [needle, expected] of [
    ["water", ["Water the plants", "Water the tomatoes before it gets warm"]],
    ["plants water", ["Water the plants"]],
    ["plnts wtr", ["Water the plants"]],
    ["rnet", ["Pay rent"]],
    ["creme", ["Crème brûlée for the birthday"]],
    ["money", ["Pay rent"]],
    ["chapter 4", ["Read chapter 4"]],
    ["zebra", []],
    ["", []],
    ["  ", []],
    ["(((", []],
  ] as const
) {
  Deno.test(`haystackOf() finds by ${JSON.stringify(needle)}`, () =>
    assert.deepEqual(find(needle), expected));
}

Deno.test("haystackOf() says where the letters are, and never beside them", () => {
  const [found] = stack.find("brul", 1);
  assert.equal(found?.item, "Crème brûlée for the birthday");
  const [start = 0, end = 0] = found?.ranges ?? [];
  assert.equal(found?.item.slice(start, end), "brûl");
});

Deno.test("haystackOf() looks through ten thousand lines within a frame or two", () => {
  const many = Array.from({ length: 10_000 }, (_, index) => `Task ${index} ${TITLES[index % TITLES.length]}`);
  const large = haystackOf(many, (title) => title);
  large.find("warm up", 8);
  const started = performance.now();
  assert.equal(large.find("tomatoes 9999", 8).length <= 8, true);
  assert.ok(performance.now() - started < 200, `${performance.now() - started} ms`);
});
