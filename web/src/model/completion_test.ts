import assert from "node:assert/strict";
import { parseQuickAdd } from "../../../services/shared/domain/quickadd/mod.ts";
import { choicesFor, completionAt } from "./completion.ts";

const KNOWN = { tags: ["home", "home-office", "Ärger", "work"], lists: ["Home", "Two words", "2nd"] };

for (
  const [text, expected] of [
    ["Pay #ho", ["#home ", "#home-office "]],
    ["Pay #off", ["#home-office "]],
    ["#ar", ["#Ärger "]],
    ["Pay #", ["#home ", "#home-office ", "#Ärger ", "#work "]],
    ["Pay #work", []],
    ["Pay @t", ['@"Two words" ']],
    ["Pay @2", ['@"2nd" ']],
    ["Pay !h", ["!high "]],
    ["C#", null],
    ["mail a@b", null],
    ["Pay #ho ", null],
    ['say "about #ho', null],
    ['say "this" #wo', ["#work "]],
    ["", null],
  ] as const
) {
  Deno.test(`choicesFor() completes ${JSON.stringify(text)}`, () => {
    const at = completionAt(text, text.length);
    assert.deepEqual(at === null ? null : choicesFor(at, KNOWN).map((choice) => choice.text), expected);
  });
}

Deno.test("completionAt() takes the whole word that the cursor is in", () => {
  assert.deepEqual(completionAt("a #home b", 4), { start: 2, end: 7, kind: "tag", typed: "h" });
});

Deno.test("choicesFor() writes what quick add reads as that list", () => {
  const options = { now: Temporal.Instant.from("2026-10-14T08:00:00Z"), timeZone: "Europe/Berlin" };
  for (const list of KNOWN.lists) {
    const at = completionAt(`Pay @${list.charAt(0)}`, 6);
    const choice = at === null ? undefined : choicesFor(at, KNOWN).find(({ label }) => label === list);
    assert.equal(parseQuickAdd(`Pay ${choice?.text}`, options).fields.list, list);
  }
});
