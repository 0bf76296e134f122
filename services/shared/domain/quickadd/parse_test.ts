import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { english, parseQuickAdd, type QuickAddOptions } from "./mod.ts";

const options: QuickAddOptions = {
  now: Temporal.Instant.from("2026-10-14T08:00:00Z"),
  timeZone: "Europe/Berlin",
};
const parse = (text: string, more: Partial<QuickAddOptions> = {}) =>
  parseQuickAdd(text, { ...options, ...more });

/** Texts that are dense in what the grammar reads, with odd words between. */
const pieces = fc.constantFrom(
  ..."tomorrow|tonight|9am|at 9|21:00|noon|morning|friday|sat|next|this|weekend|in 3 days|31 jan|may 5|31.1.|1/31"
    .split("|"),
  ..."every|every!|every day|every mon, wed and fri|every 31st|every last|2 weeks|month|on the 15th|daily|other"
    .split("|"),
  ..."starting|until|for 5 times|for 3 weeks|#home|@Work|!high|!!|p1|*30m|before|*1d|of the month|constructor"
    .split("|"),
  '@"two words"',
  '"quoted tomorrow"',
  '"',
  "“every day”",
  ",",
  "Buy",
  "milk.",
  "é🎂",
  "C#",
  "a@b.example",
);
const phrases = fc.array(fc.oneof(pieces, pieces, fc.string({ unit: "grapheme" })), { maxLength: 14 })
  .map((words) => words.join(" "));
const anyText = fc.oneof(phrases, fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));

const bare = (text: string) => text.replace(/[\s"“”]+/g, "");

Deno.test("parseQuickAdd() never throws, whatever the text and the week start", () => {
  fc.assert(
    fc.property(anyText, fc.constantFrom("monday", "sunday", "saturday"), (text, weekStart) => {
      const first = parse(text, { weekStart });
      deepStrictEqual(parse(text, { weekStart }), first);
      for (const { start, end, text: said } of first.chips) strictEqual(text.slice(start, end), said);
      const keys = first.chips.map(({ key }) => key);
      strictEqual(new Set(keys).size, keys.length);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseQuickAdd() loses nothing: the title and the chips cover the text", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { title, chips } = parse(text);
      let left = "";
      let at = 0;
      for (const chip of chips) {
        ok(chip.start >= at && chip.end > chip.start);
        left += text.slice(at, chip.start);
        at = chip.end;
      }
      strictEqual(bare(title), bare(left + text.slice(at)));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseQuickAdd() keeps quoted text whole and reads nothing in it", () => {
  const quoted = fc.array(fc.oneof(pieces, fc.constant("  "), fc.string()), { minLength: 1, maxLength: 6 })
    .map((words) => words.join(" ").replace(/["“”]/g, "")).filter((text) => text.length > 0);
  fc.assert(fc.property(quoted, (text) => {
    const { title, chips, fields } = parse(`Read "${text}" tomorrow 9am`);
    strictEqual(title, `Read ${text}`);
    strictEqual(chips.length, 2);
    deepStrictEqual(fields, { due: { date: "2026-10-15", time: "09:00", timeZone: null } });
  }));
});

Deno.test("parseQuickAdd() puts the text of a dismissed chip back and takes nothing from it", () => {
  fc.assert(
    fc.property(phrases, fc.nat(), (text, pick) => {
      const { chips } = parse(text);
      const chip = chips[pick % Math.max(chips.length, 1)];
      if (chip === undefined) return;
      const after = parse(text, { dismissed: [chip.key] });
      ok(bare(after.title).includes(bare(chip.text)), `${chip.text} in ${after.title}`);
      ok(
        after.chips.every(({ key, end, start }) =>
          key !== chip.key && (end <= chip.start || start >= chip.end)
        ),
      );
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("parseQuickAdd() drops the field of each dismissed chip", () => {
  const text = "Pay rent tomorrow 9am #home !high every month *30m before @Work";
  const { chips, fields } = parse(text);
  deepStrictEqual(
    chips.map(({ kind, label }) => `${kind}: ${label}`),
    [
      "due: Thu 15 Oct",
      "time: 09:00",
      "tag: #home",
      "priority: high priority",
      "recurrence: every month",
      "reminder: 30m before",
      "list: Work",
    ],
  );
  const fieldOf = {
    tag: "tags",
    priority: "priority",
    recurrence: "recurrence",
    reminder: "reminders",
    list: "list",
  };
  for (const { key, kind, text: said } of chips) {
    const after = parse(text, { dismissed: [key] });
    ok(after.title.includes(said));
    if (kind === "due") strictEqual(after.fields.due?.date, "2026-10-15"); // 9am has passed today
    else if (kind === "time") strictEqual(after.fields.due?.time, null);
    else {deepStrictEqual(
        new Set(Object.keys(fields)).difference(new Set(Object.keys(after.fields))),
        new Set([fieldOf[kind]]),
      );}
  }
  const none = parse(text, { dismissed: chips.map(({ key }) => key) });
  deepStrictEqual(none, { title: text, fields: {}, chips: [] });
});

Deno.test("parseQuickAdd() gives chips whose offsets are UTF-16, to tint the text in place", () => {
  const text = "🎉 party friday, 8pm #café";
  deepStrictEqual(parse(text).chips.map(({ start, end }) => text.slice(start, end)), [
    "friday,",
    "8pm",
    "#café",
  ]);
});

Deno.test("parseQuickAdd() starts the week where the user does", () => {
  const due = (text: string, weekStart: QuickAddOptions["weekStart"]) =>
    parse(text, { weekStart }).fields.due?.date;
  strictEqual(due("x next week", "monday"), "2026-10-19");
  strictEqual(due("x next week", "sunday"), "2026-10-18");
  strictEqual(due("x next week", "saturday"), "2026-10-17");
  const { recurrence } = parse("x every 2 weeks on mon", { weekStart: "sunday" }).fields;
  strictEqual(recurrence?.rule, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;WKST=SU");
});

Deno.test("parseQuickAdd() knows what day it is where the user is", () => {
  const now = Temporal.Instant.from("2026-10-14T23:30:00Z");
  strictEqual(parse("x today", { now }).fields.due?.date, "2026-10-15");
  strictEqual(parse("x today", { now, timeZone: "America/New_York" }).fields.due?.date, "2026-10-14");
});

Deno.test("parseQuickAdd() counts hours in real time across a change of the clocks", () => {
  const now = Temporal.Instant.from("2026-10-25T00:30:00Z");
  deepStrictEqual(parse("x in 2 hours", { now }).fields.due, {
    date: "2026-10-25",
    time: "03:30",
    timeZone: null,
  });
});

Deno.test("parseQuickAdd() takes another language as another table", () => {
  const lexicon = { ...english, every: "chaque", relativeDays: new Map([["demain", { days: 1 }]]) };
  const { title, fields } = parse("Loyer demain", { lexicon });
  strictEqual(title, "Loyer");
  strictEqual(fields.due?.date, "2026-10-15");
});

Deno.test("parseQuickAdd() takes at most 50 tags and 20 reminders", () => {
  const tags = Array.from({ length: 60 }, (_, k) => `#tag${k}`).join(" ");
  const reminders = Array.from({ length: 30 }, (_, k) => `*${k + 1}m`).join(" ");
  const { fields, title } = parse(`x ${tags} ${reminders}`);
  strictEqual(fields.tags?.length, 50);
  strictEqual(fields.reminders?.length, 20);
  ok(title.startsWith("x #tag50") && title.endsWith("*30m"));
});

Deno.test("parseQuickAdd() takes linear time", () => {
  const hostile = [
    '"a ',
    '@"',
    "every mon, ",
    "in 3 ",
    "every 1st and ",
    "end of the ",
    "*1h",
    "(“",
    "jan 31, ",
  ];
  for (const part of hostile) {
    // The best of three, so that a busy machine counts less.
    const took = (times: number) =>
      Math.min(...Array.from({ length: 3 }, () => {
        const text = part.repeat(times);
        const from = performance.now();
        parse(text);
        return performance.now() - from;
      }));
    const small = took(5_000);
    // Eight times the text in far less than sixty-four times the time.
    ok(took(40_000) < 40 * small + 500, part);
  }
});
