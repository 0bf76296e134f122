import assert from "node:assert/strict";
import type { ListWithCount } from "../api/types.ts";
import { boardColumns, neighbourCard } from "./board.ts";
import { calendarAt } from "./dates.ts";
import { aTask } from "./testing.ts";

const calendar = calendarAt(Temporal.Instant.from("2026-03-03T09:00:00Z"), "Europe/Berlin", "en-GB");
const list = (id: string, inbox = false): ListWithCount => ({
  id,
  name: id,
  colour: "teal",
  inbox,
  position: "a0",
  version: 1,
  createdAt: "",
  updatedAt: "",
  deletedAt: null,
  open: 0,
});
const due = (date: string) => ({ date, time: null, timeZone: null });
const tasks = [
  aTask({ id: "a", listId: "inbox", position: "a1", priority: "high", tags: ["x", "y"] }),
  aTask({ id: "b", listId: "inbox", position: "a0", priority: "low", due: due("2026-03-05") }),
  aTask({ id: "c", listId: "work", position: "a0", priority: "low", due: due("2026-03-04"), tags: ["y"] }),
];
const input = {
  tasks,
  lists: [list("inbox", true), list("work"), list("empty")],
  tags: ["x", "y"],
  calendar,
};
const ids = (by: "list" | "priority" | "tag") =>
  boardColumns({ ...input, by }).map((column) => [column.title, ...column.tasks.map(({ id }) => id)]);

Deno.test("boardColumns() has each list in the order given by hand, empty ones too", () => {
  assert.deepEqual(ids("list"), [["inbox", "b", "a"], ["work", "c"], ["empty"]]);
});

Deno.test("boardColumns() by priority is ordered by date", () => {
  assert.deepEqual(ids("priority"), [["Urgent"], ["High", "a"], ["Medium"], ["Low", "c", "b"]]);
});

Deno.test("boardColumns() by tag shows a task under each of its tags, and those without one", () => {
  assert.deepEqual(ids("tag"), [["No tag", "b"], ["#x", "a"], ["#y", "c", "a"]]);
  const [none, x] = boardColumns({ ...input, by: "tag" });
  assert.deepEqual(none?.drop("tag:x"), { kind: "tag", tag: null, from: null });
  assert.deepEqual(x?.drop("tag:y"), { kind: "tag", tag: "x", from: "y" });
});

Deno.test("neighbourCard() goes along a column and over empty ones, and stops at the ends", () => {
  const columns = boardColumns({ ...input, by: "list" });
  const at = (column: string, id: string) => ({ column, id });
  assert.deepEqual(neighbourCard(columns, at("inbox", "b"), "ArrowDown"), at("inbox", "a"));
  assert.equal(neighbourCard(columns, at("inbox", "b"), "ArrowUp"), null);
  assert.deepEqual(neighbourCard(columns, at("inbox", "a"), "ArrowRight"), at("work", "c"));
  assert.equal(neighbourCard(columns, at("work", "c"), "ArrowRight"), null);
  const priorities = boardColumns({ ...input, by: "priority" });
  assert.deepEqual(neighbourCard(priorities, at("high", "a"), "ArrowRight"), at("low", "c"));
});

Deno.test("boardColumns() by tag looks at each task once, however many tags there are", () => {
  let looks = 0;
  const many = Array.from({ length: 50 }, (_, index) => {
    const task = aTask({ id: `t${index}` });
    const tags = [`tag${index % 40}`];
    return Object.defineProperty({ ...task }, "tags", {
      get() {
        looks += 1;
        return tags;
      },
    });
  });
  const tags = Array.from({ length: 40 }, (_, index) => `tag${index}`);
  const columns = boardColumns({ ...input, by: "tag", tasks: many, tags });
  assert.deepEqual(columns[3]?.tasks.map(({ id }) => id), ["t2", "t42"]);
  assert.ok(looks <= 2 * many.length, `${looks} looks`);
});
