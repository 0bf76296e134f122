/**
 * Writes the sample files beside it, the same each time: `deno run -A generate.ts`.
 *
 * `expected.json` is counted here, from what was written, never by the parsers that a test holds against it.
 */

interface Expected {
  imported: number;
  skipped: number;
  problemLines: number[];
}

/** What a bad record costs: its place, or only a value. */
type Fate = "good" | "partly" | "skipped";

class Sample {
  readonly lines: string[] = [];
  readonly expected: Expected = { imported: 0, skipped: 0, problemLines: [] };

  /** Lines of a record; its problem, if any, is at the line given by `at`, from 0. */
  record(lines: string[], fate: Fate, at = 0): void {
    if (fate !== "good") this.expected.problemLines.push(this.lines.length + 1 + at);
    if (fate === "skipped") this.expected.skipped++;
    else this.expected.imported++;
    this.lines.push(...lines);
  }

  /** A line that is no record. */
  other(...lines: string[]): void {
    this.lines.push(...lines);
  }
}

/** mulberry32: a small seeded generator, so that a sample never changes by itself. */
function generator(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number) => Math.floor(next() * below);
  const pick = <T>(values: readonly [T, ...T[]]): T => values[int(values.length)] ?? values[0];
  return { int, pick, chance: (share: number) => next() < share };
}

type Generator = ReturnType<typeof generator>;

const ACTIONS = [
  "Pay the electricity bill",
  "Renew the car insurance",
  "Water the tomatoes",
  "Call the dentist about Mia's braces",
  "Book train tickets to Wrocław",
  "Send the invoice to Østergaard & Sons",
  "Change the furnace filter",
  "Review the pull request of the billing team",
  "Back up the family photos",
  "Order cat food",
  "Prepare slides for the steering committee",
  "Descale the espresso machine",
  "Check smoke detectors",
  "Submit travel expenses",
  "Read chapter 4 of the statistics course",
  "Clean the gutters",
  "Buy a present for Grandma Ilse",
  "Rotate the API keys of staging",
  "Take the bike to the workshop",
  "Return library books",
  "Plan the menu for the week",
  "Update the on-call handbook",
  "Transfer money to the joint account",
  "Cut the hedge on the north side",
  "Fill in the tax form",
  "Collect the parcel from the depot",
  "Order contact lenses",
  "Write minutes of the parents' evening",
  "Try the new ramen place 🍜",
  "Défragmenter la boîte à outils",
  "Vaccinate the dog",
  "Compare mobile phone contracts",
] as const;
const DETAILS = [
  "",
  "",
  "",
  " (second try)",
  " before the holidays",
  " with Jonas",
  " for the flat in Leipzig",
  ", see the shared folder",
] as const;
const TAGS = [
  "home",
  "work",
  "garden",
  "errands",
  "phone",
  "finance",
  "health",
  "kids",
  "computer",
  "waiting",
] as const;
const PROJECTS = ["Renovation", "Q3-launch", "Taxes2026", "Household", "Wedding", "Allotment"] as const;
const ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney"] as const;

const two = (value: number) => String(value).padStart(2, "0");
const title = (random: Generator) => random.pick(ACTIONS) + random.pick(DETAILS);
const future = (random: Generator) =>
  `20${27 + random.int(4)}-${two(1 + random.int(12))}-${two(1 + random.int(28))}`;
const past = (random: Generator) =>
  `202${3 + random.int(2)}-${two(1 + random.int(12))}-${two(1 + random.int(28))}`;
const clock = (random: Generator) => `${two(6 + random.int(16))}:${random.pick(["00", "15", "30", "45"])}`;

function todoTxt(): Sample {
  const random = generator(20_270_131);
  const sample = new Sample();
  const bad: [string, Fate][] = [
    ["(A) 2025-03-01 Pay the deposit due:2027-02-30", "partly"],
    ["Call the landlord due:tomorrow @phone", "partly"],
    ["Meet the architect due:2027-03-04T25:10", "partly"],
    ["Water the lawn rec:2x due:2027-05-01", "partly"],
    ["Check the oil rec:3b due:2027-05-01", "partly"],
    ["Feed the sourdough rec:0d due:2027-05-01", "partly"],
    ["Clean the aquarium rec:+1w", "partly"],
    ["x 2024-05-06 2024-05-01 File the receipts pri:high", "partly"],
    ["Start the seedlings t:2027-13-01", "partly"],
    ["Phone Osaka due:2027-04-01T09:00 tz:Asia/Edo", "partly"],
    ["Sort the cellar list:%E0%A4%A", "partly"],
    ["Invoice run rrule:+FREQ=HOURLY due:2027-01-01", "partly"],
    ["Gym rrule:FREQ=WEEKLY;BYDAY=XX due:2027-01-01", "partly"],
    ["x 2099-01-01 2024-01-01 Done in the future", "partly"],
    ["(B) Renew passport due:31.01.2027", "partly"],
    ["Empty the dehumidifier rec:daily due:2027-01-01", "partly"],
    ["@home +Renovation", "skipped"],
    ["(C) @errands", "skipped"],
    ["x 2024-01-02 2024-01-01 +Taxes2026", "skipped"],
    ["due:2027-01-01", "skipped"],
    [`Pasted by accident: ${"lorem ipsum dolor sit amet ".repeat(20)}`.trim(), "skipped"],
    [`(A) ${"Ä".repeat(501)}`, "skipped"],
    [`Tag everything ${Array.from({ length: 51 }, (_, k) => `@label${k}`).join(" ")}`, "skipped"],
    [`${"very ".repeat(120)}long`, "skipped"],
    ["2025-01-01", "skipped"],
  ];
  for (let k = 0; sample.lines.length < 5_000; k++) {
    const next = bad[Math.floor(k / 190)];
    if (k % 190 === 101 && next !== undefined) sample.record([next[0]], next[1]);
    else if (k % 400 === 399) sample.other("");
    else sample.record([todoLine(random)], "good");
  }
  return sample;
}

function todoLine(random: Generator): string {
  const words: string[] = [];
  const done = random.chance(0.22);
  const letter = random.chance(0.45) ? random.pick(["A", "B", "C", "D", "F"]) : null;
  const created = past(random);
  if (done) words.push("x", `2025-${two(1 + random.int(12))}-${two(1 + random.int(28))}`, created);
  else {
    if (letter !== null) words.push(`(${letter})`);
    if (random.chance(0.7)) words.push(created);
  }
  words.push(title(random));
  if (random.chance(0.4)) words.push(`+${random.pick(PROJECTS)}`);
  if (random.chance(0.6)) words.push(`@${random.pick(TAGS)}`);
  if (random.chance(0.1)) words.push("https://example.org/notes#part-2");
  if (random.chance(0.6)) {
    words.push(random.chance(0.3) ? `due:${future(random)}T${clock(random)}` : `due:${future(random)}`);
    if (random.chance(0.4)) {
      words.push(`rec:${random.pick(["1d", "+1d", "2w", "+1w", "+1m", "3m", "+1y", "1b", "+1b", "+5b"])}`);
    }
  }
  if (random.chance(0.08)) words.push(`t:${past(random)}`);
  if (done && letter !== null) words.push(`pri:${letter}`);
  return words.join(" ");
}

const COLUMNS = 14;

function todoistCsv(): Sample {
  const random = generator(7);
  const sample = new Sample();
  const quote = (cell: string) => /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  const row = (...cells: string[]) =>
    [...cells, ...Array.from({ length: COLUMNS - cells.length }, () => "")].map(quote).join(",");
  const task = (content: string, indent = "1", date = "", zone = "", priority = "4", description = "") =>
    row("task", content, description, priority, indent, "Ana Kowalska (1234567)", "", date, "en", zone);
  const bad: [string, Fate][] = [
    [task("Repot the monstera", "1", "when it rains"), "partly"],
    [task("Turn the compost", "1", "every blue moon"), "partly"],
    [row("task", "Rad reparieren", "", "4", "1", "", "", "jeden Montag", "de", "Europe/Berlin"), "partly"],
    [task("Call the Mars office", "1", "every friday at 9am", "Mars/Olympus"), "partly"],
    [task("Polish the brass", "1", "", "", "9"), "partly"],
    [task("Oil the hinges", "two"), "partly"],
    [task("x".repeat(501)), "skipped"],
    [task("@home @garden"), "skipped"],
    [row("project", "A row of a kind that nobody knows"), "skipped"],
    [`task,"Unfinished " quote",,4,1${",".repeat(COLUMNS - 5)}`, "skipped"],
    [task("Sharpen the knives", "1", "30 Feb 2027"), "partly"],
    [task("Defrost the freezer", "1", "tomorrow at 26:00"), "partly"],
  ];
  sample.other(
    "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT,DEADLINE,DEADLINE_LANG",
  );
  sample.other(row("meta", "view_style=list"));
  for (const section of ["", "Household", "Office", "Garden & allotment", "Family", "Paperwork"]) {
    if (section !== "") sample.other(row(), row("section", section));
    for (let k = 0; k < 12; k++) {
      todoistTask(random, sample, task, row);
      const next = bad[0];
      if (k % 5 === 4 && next !== undefined) {
        sample.record([next[0]], next[1]);
        bad.shift();
      }
    }
  }
  for (const [line, fate] of bad) sample.record([line], fate);
  return sample;
}

function todoistTask(
  random: Generator,
  sample: Sample,
  task: (...cells: string[]) => string,
  row: (...cells: string[]) => string,
): void {
  const dates = [
    "",
    "tomorrow at 9am",
    "every 2 weeks",
    "every! 3 days",
    "every mon, wed and fri at 18:00",
    "every last day of the month",
    "31 Jan 2035 14:00",
    "2035-03-01",
    "every weekday at 08:30",
    "every year on 24 december",
    "every 3 months on the 15th",
    "every day starting 1 Feb 2035 until 1 Mar 2035",
    "next friday",
  ] as const;
  const label = random.chance(0.5) ? ` @${random.pick(TAGS)}` : "";
  const priority = random.pick(["1", "2", "3", "4", "4"]);
  const notes = random.pick(["", "", "Ask for a receipt", 'The "big" one, not the small one']);
  sample.record([
    task(title(random) + label, "1", random.pick(dates), random.pick(["", ...ZONES]), priority, notes),
  ], "good");
  if (random.chance(0.3)) {
    sample.record([task(title(random), "2", random.pick(dates))], "good");
    if (random.chance(0.5)) sample.record([task(title(random), "3")], "good");
  }
  // A note of two lines: what follows must still be named by its own line.
  if (random.chance(0.25)) {
    sample.other(...row("note", "Called twice, no answer.\nTry again on Monday").split("\n"));
  }
}

const VTIMEZONES = [
  ["Europe/Berlin", "+0100", "+0200", "3;BYDAY=-1SU", "20200329T020000", "10;BYDAY=-1SU", "20201025T030000"],
  ["America/New_York", "-0500", "-0400", "3;BYDAY=2SU", "20200308T020000", "11;BYDAY=1SU", "20201101T020000"],
  ["Australia/Sydney", "+1000", "+1100", "10;BYDAY=1SU", "20201004T020000", "4;BYDAY=1SU", "20200405T030000"],
  ["Branch office", "+0200", "+0300", "3;BYDAY=-1SU", "20200329T030000", "10;BYDAY=-1SU", "20201025T040000"],
] as const;

function tasksIcs(): Sample {
  const random = generator(5545);
  const sample = new Sample();
  sample.other(
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//Example//Groupware 9.1//EN",
    "X-WR-CALNAME:Tasks of Ana",
  );
  for (const [tzid, standard, daylight, forward, spring, back, autumn] of VTIMEZONES) {
    sample.other("BEGIN:VTIMEZONE", `TZID:${tzid}`);
    sample.other("BEGIN:DAYLIGHT", `DTSTART:${spring}`, `RRULE:FREQ=YEARLY;BYMONTH=${forward}`);
    sample.other(`TZOFFSETFROM:${standard}`, `TZOFFSETTO:${daylight}`, "END:DAYLIGHT");
    sample.other("BEGIN:STANDARD", `DTSTART:${autumn}`, `RRULE:FREQ=YEARLY;BYMONTH=${back}`);
    sample.other(`TZOFFSETFROM:${daylight}`, `TZOFFSETTO:${standard}`, "END:STANDARD", "END:VTIMEZONE");
  }
  const todo = (...lines: string[]) => ["BEGIN:VTODO", ...lines, "END:VTODO"];
  // The problem stands in the last of the lines given, counted with BEGIN as 0.
  const bad: [string[], Fate, number][] = [
    [
      todo("UID:b1", "SUMMARY:Ventilate every hour", "DUE:20270131T090000Z", "RRULE:FREQ=HOURLY"),
      "partly",
      4,
    ],
    [todo("UID:b2", "SUMMARY:Now and then", "DUE:20270131T090000Z", "RRULE:FREQ=SOMETIMES"), "partly", 4],
    [todo("UID:b3", "SUMMARY:No day to count from", "RRULE:FREQ=DAILY"), "partly", 3],
    [todo("UID:b4", "SUMMARY:A day that is not", "DUE;VALUE=DATE:20270230"), "partly", 3],
    [todo("UID:b5", "SUMMARY:A zone that is not", "DUE;TZID=Mars/Olympus:20270131T090000"), "partly", 3],
    [todo("UID:b6", "SUMMARY:Broken by a mail program", "this line has lost its name"), "partly", 3],
    [todo("UID:b7", "DESCRIPTION:No title at all"), "skipped", 0],
    [["BEGIN:VTODO", "UID:b8", "SUMMARY:Its end was lost"], "skipped", 0],
    [todo("UID:b9", "SUMMARY:Cancelled", "STATUS:CANCELLED"), "skipped", 0],
    [todo("UID:b10", "SUMMARY:Moved once", "RECURRENCE-ID:20270131T090000Z"), "skipped", 3],
    [todo("UID:b11", "SUMMARY:Child of nobody", "RELATED-TO:nobody"), "partly", 3],
    [todo("UID:b12", `SUMMARY:${"z".repeat(501)}`), "skipped", 0],
    [["BEGIN:VEVENT", "UID:b13", "SUMMARY:An event", "DTSTART:20270131T090000Z", "END:VEVENT"], "skipped", 0],
    [
      todo(
        "UID:b14",
        "SUMMARY:Too late",
        "DUE:20270131T090000Z",
        "BEGIN:VALARM",
        "TRIGGER:PT1H",
        "END:VALARM",
      ),
      "partly",
      5,
    ],
  ];
  for (let k = 0; k < 112; k++) {
    sample.record(folded(icsTodo(random, k)), "good");
    const next = bad[Math.floor(k / 8)];
    if (k % 8 === 3 && next !== undefined) sample.record(next[0], next[1], next[2]);
  }
  sample.other("END:VCALENDAR");
  return sample;
}

function icsTodo(random: Generator, k: number): string[] {
  const lines = ["BEGIN:VTODO", `UID:task-${k}@example.org`, `DTSTAMP:20260101T${two(k % 24)}0000Z`];
  lines.push(
    `SUMMARY:${title(random).replace(/[,;]/g, "\\$&")}`,
    `CREATED:${past(random).replaceAll("-", "")}T101500Z`,
  );
  if (random.chance(0.4)) {
    lines.push(
      "DESCRIPTION:Bring the papers\\, the key and the old meter readings.\\nThe number is on the back of the last letter; ask for Mrs Żółkiewska.",
    );
  }
  if (random.chance(0.6)) lines.push(`PRIORITY:${random.int(10)}`);
  if (random.chance(0.6)) {
    lines.push(`CATEGORIES:${random.pick(TAGS)},${random.pick(["two words", "Übung", "errands"])}`);
  }
  const day = future(random).replaceAll("-", "");
  const time = `${clock(random).replace(":", "")}00`;
  const zone = random.pick(["Europe/Berlin", "America/New_York", "Australia/Sydney", "Branch office"]);
  const when = random.pick([
    null,
    `;VALUE=DATE:${day}`,
    `:${day}T${time}`,
    `:${day}T${time}Z`,
    `;TZID=${zone}:${day}T${time}`,
    `;TZID=${zone}:${day}T${time}`,
  ]);
  if (when !== null) {
    if (random.chance(0.4)) {
      const rule = random.pick([
        "FREQ=DAILY",
        "FREQ=WEEKLY;INTERVAL=2",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=YEARLY;COUNT=10",
        "FREQ=MONTHLY;BYDAY=1MO",
      ]);
      lines.push(`DTSTART${when}`, `RRULE:${rule}`);
    }
    lines.push(`DUE${when}`);
    if (random.chance(0.4)) {
      lines.push(
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        `TRIGGER;RELATED=END:${random.pick(["-PT30M", "-P1D", "-P1W", "PT0S"])}`,
        "END:VALARM",
      );
    }
    if (random.chance(0.1)) {
      lines.push("BEGIN:VALARM", "ACTION:DISPLAY", `TRIGGER;VALUE=DATE-TIME:${day}T050000Z`, "END:VALARM");
    }
  }
  if (k > 10 && random.chance(0.15)) {
    lines.push(`RELATED-TO;RELTYPE=PARENT:task-${random.int(10)}@example.org`);
  }
  if (random.chance(0.2)) {
    lines.push("STATUS:COMPLETED", "COMPLETED:20250601T120000Z", "PERCENT-COMPLETE:100");
  } else lines.push("STATUS:NEEDS-ACTION");
  return [...lines, "END:VTODO"];
}

/** Folds at 75 octets, between characters (RFC 5545, section 3.1). */
function folded(lines: string[]): string[] {
  const size = (text: string) => new TextEncoder().encode(text).length;
  return lines.flatMap((line) => {
    const parts = [""];
    for (const character of line) {
      const last = parts.length - 1;
      if (size(parts[last] + character) > 75) parts.push(` ${character}`);
      else parts[last] += character;
    }
    return parts;
  });
}

const samples: [file: string, sample: Sample, lineEnd: string][] = [
  ["todo.txt", todoTxt(), "\n"],
  ["todoist.csv", todoistCsv(), "\n"],
  ["tasks.ics", tasksIcs(), "\r\n"],
];
for (const [file, sample, lineEnd] of samples) {
  Deno.writeTextFileSync(new URL(file, import.meta.url), sample.lines.join(lineEnd) + lineEnd);
}
const expected = Object.fromEntries(samples.map(([file, sample]) => [file, sample.expected]));
Deno.writeTextFileSync(new URL("expected.json", import.meta.url), `${JSON.stringify(expected, null, 2)}\n`);
