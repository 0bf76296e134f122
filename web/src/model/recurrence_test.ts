import assert from "node:assert/strict";
import { buildRule, defaultDraft, draftOf, firstDraft, presets, type RuleDraft } from "./recurrence.ts";
import { checkRule } from "../../../services/shared/domain/recurrence.ts";

/** Tuesday, the third one of its month. */
const date = Temporal.PlainDate.from("2026-03-17");
const draft = (part: Partial<RuleDraft>): RuleDraft => ({ ...defaultDraft(date), ...part });

Deno.test("buildRule() writes what the controls say", () => {
  const cases: [Partial<RuleDraft>, string][] = [
    [{ frequency: "DAILY" }, "FREQ=DAILY"],
    [{ frequency: "WEEKLY", interval: 2, weekdays: [5, 1] }, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR"],
    [{ frequency: "MONTHLY", monthly: "day" }, "FREQ=MONTHLY;BYMONTHDAY=17"],
    [{ frequency: "MONTHLY", monthly: "weekday" }, "FREQ=MONTHLY;BYDAY=3TU"],
    [{ frequency: "MONTHLY", monthly: "last-weekday" }, "FREQ=MONTHLY;BYDAY=-1TU"],
    [{ frequency: "MONTHLY", monthly: "last-day" }, "FREQ=MONTHLY;BYMONTHDAY=-1"],
    [{ frequency: "YEARLY", ends: "count", count: 5 }, "FREQ=YEARLY;COUNT=5"],
    [{ frequency: "DAILY", ends: "until", until: "2026-12-31" }, "FREQ=DAILY;UNTIL=20261231"],
  ];
  for (const [part, rule] of cases) {
    assert.equal(buildRule(draft(part)), rule);
    assert.equal(checkRule(rule), null, rule);
    const back = draftOf({ rule, mode: "completion" }, date);
    assert.equal(back && buildRule(back), rule);
    assert.equal(back?.mode, "completion");
  }
});

Deno.test("presets() are rules that the server takes", () => {
  for (const { rule } of presets(date, "en-GB")) assert.equal(checkRule(rule), null, rule);
});

Deno.test("draftOf() gives up on rules it cannot show", () => {
  for (
    const rule of [
      "FREQ=HOURLY",
      "FREQ=MONTHLY;BYMONTHDAY=1,15",
      // Another day than the task's: the controls know that one only.
      "FREQ=MONTHLY;BYMONTHDAY=16",
      "FREQ=MONTHLY;BYDAY=2TU",
      "FREQ=MONTHLY;BYDAY=3WE",
      "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
      "FREQ=YEARLY;BYMONTH=3,9",
      "FREQ=WEEKLY;BYDAY=TU;WKST=SU",
      "FREQ=DAILY;BYDAY=MO,TU",
      "FREQ=DAILY;UNTIL=20261231T120000Z",
    ]
  ) assert.equal(draftOf({ rule, mode: "schedule" }, date), null, rule);
});

Deno.test("draftOf() names no day where the rule named none", () => {
  const february = Temporal.PlainDate.from("2026-02-28");
  for (const rule of ["FREQ=MONTHLY", "FREQ=WEEKLY;INTERVAL=2"]) {
    const back = draftOf({ rule, mode: "schedule" }, february);
    assert.equal(back && buildRule(back), rule);
  }
  const back = draftOf({ rule: "FREQ=WEEKLY", mode: "schedule" }, february);
  assert.equal(back && buildRule({ ...back, weekdays: [1] }), "FREQ=WEEKLY;BYDAY=MO");
});

Deno.test("firstDraft() stands on the day of the task, and says which rule it cannot show", () => {
  const due = { date: "2026-01-31", time: null, timeZone: null };
  const of = (rule: string) => firstDraft({ due, recurrence: { rule, mode: "completion" } }, date);
  const known = of("FREQ=MONTHLY;BYMONTHDAY=31");
  assert.equal(known.beyond, null);
  assert.equal(buildRule({ ...known.draft, interval: 2 }), "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=31");
  assert.equal(of("FREQ=MONTHLY;BYMONTHDAY=1,15").beyond, "FREQ=MONTHLY;BYMONTHDAY=1,15");
  assert.equal(of("FREQ=MONTHLY;BYMONTHDAY=1,15").draft.mode, "completion");
  assert.equal(firstDraft({ due: null, recurrence: null }, date).draft.date.toString(), "2026-03-17");
});
