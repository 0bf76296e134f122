import assert from "node:assert/strict";
import { buildRule, defaultDraft, draftOf, presets, type RuleDraft } from "./recurrence.ts";
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
  assert.equal(draftOf({ rule: "FREQ=HOURLY", mode: "schedule" }, date), null);
});
