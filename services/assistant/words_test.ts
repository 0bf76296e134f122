import assert from "node:assert/strict";
import { describe } from "./perform.ts";
import { dueWords } from "./words.ts";

Deno.test("dueWords() says a day with its weekday, a time, and the zone that a due is fixed to", () => {
  assert.equal(dueWords({ date: "2027-01-18", time: null, timeZone: null }), "Mon 18 Jan 2027");
  assert.equal(dueWords({ date: "2027-01-18", time: "17:00" }), "Mon 18 Jan 2027, 17:00");
  const fixed = { date: "2027-01-18", time: "17:00", timeZone: "America/New_York" };
  assert.equal(dueWords(fixed), "Mon 18 Jan 2027, 17:00 (America/New York)");
  assert.equal(dueWords(null), "no date");
});

Deno.test("describe() says each field as a person would, and no ids", () => {
  const id = crypto.randomUUID();
  const before = {
    due: null,
    recurrence: null,
    tags: [],
    reminders: [],
    listId: id,
    parentId: null,
    notes: "",
    version: 1,
  };
  const after = {
    title: "Pay rent",
    due: { date: "2027-01-18", time: "09:00", timeZone: null },
    recurrence: { rule: "FREQ=MONTHLY", mode: "schedule" },
    tags: ["home", "money"],
    reminders: [{ id, before: "PT30M" }, { id, at: "2027-01-17T12:00:00Z" }],
    listId: crypto.randomUUID(),
    parentId: crypto.randomUUID(),
    notes: "x".repeat(200),
    version: 2,
  };
  const text = describe({ type: "task.updated.v1", kind: "task", id, before, after });
  assert.ok(
    text.startsWith("change “Pay rent”: due no date → Mon 18 Jan 2027, 09:00, repeats none → every month"),
  );
  assert.match(text, /tags none → #home #money/);
  assert.match(text, /reminders none → 30 minutes before and Sun 17 Jan 2027, 12:00 \(UTC\)/);
  assert.match(text, /to another list, to another parent/);
  assert.doesNotMatch(text, /[0-9a-f]{8}-|PT30M|FREQ|x{81}|version/);
});
