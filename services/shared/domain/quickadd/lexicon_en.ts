/** The words of quick add in English; another language is another table of this shape. */

export type Unit = "day" | "week" | "month" | "year" | "hour" | "minute";
export type DayPart = { hour: number; evening: boolean };
export type Priority = "low" | "medium" | "high" | "urgent";

/** Every word the grammar knows, all lower case. */
export interface Lexicon {
  /** ISO weekday, 1 = Monday */
  weekdays: Map<string, number>;
  /** Short weekday names that are words of their own ("sun cream"): they need a clear end after them. */
  ambiguousWeekdays: Set<string>;
  months: Map<string, number>;
  /** Month names that are words of their own ("March", "May"): same care. */
  ambiguousMonths: Set<string>;
  numbers: Map<string, number>;
  /** "first" to "fifth" and "last" (-1), as in "first monday" */
  ordinals: Map<string, number>;
  /** What may follow the digits of an ordinal: 1st, 2nd */
  ordinalSuffix: RegExp;
  units: Map<string, Unit>;
  /** Days from today by word, with the time a word carries. */
  relativeDays: Map<string, { days: number; tonight?: boolean; shy?: boolean }>;
  /** Words before a name: "call tom" is a person, "call mum tom" is tomorrow. */
  beforeNames: Set<string>;
  dayParts: Map<string, DayPart>;
  clockWords: Map<string, string>;
  meridiem: Map<string, "am" | "pm">;
  every: string;
  each: string;
  other: Set<string>;
  second: Set<string>;
  workday: Set<string>;
  weekend: Set<string>;
  quarter: Set<string>;
  fortnight: Set<string>;
  adverbs: Map<string, { freq: "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY"; interval: number }>;
  and: Set<string>;
  on: string;
  the: string;
  of: string;
  at: string;
  in: string;
  for: string;
  next: string;
  this: string;
  end: string;
  day: string;
  due: string;
  by: string;
  times: Set<string>;
  before: Set<string>;
  fromNow: [string, Set<string>];
  oclock: Set<string>;
  dayAfter: [string, string, string];
  endOf: Map<string, "month" | "year">;
  starting: Set<string>;
  /** Also "starting", but only right after a recurrence ("every day from monday"). */
  startingAfter: Set<string>;
  until: Set<string>;
  /** A date after one of these is part of the title: "notes from Monday", "the Friday report". */
  holdsDate: Set<string>;
  holdsWeekday: Set<string>;
  /** A number after one of these is a number: "version 3.5." */
  beforeNumber: Set<string>;
  /** Words after which a bare number or ordinal has clearly ended. */
  connectors: Set<string>;
  priorities: Map<string, Priority>;
  reminderUnits: Map<string, "M" | "H" | "D" | "W">;
  labels: {
    weekdays: string[];
    months: string[];
    priority: (value: Priority) => string;
    reminder: (amount: string) => string;
    afterCompletion: string;
  };
}

const words = (text: string): Set<string> => new Set(text.split(" "));

function table<T>(rows: [string, T][]): Map<string, T> {
  const all = new Map<string, T>();
  for (const [names, value] of rows) for (const name of names.split(" ")) all.set(name, value);
  return all;
}

export const english: Lexicon = {
  weekdays: table([
    ["monday mon", 1],
    ["tuesday tue tues", 2],
    ["wednesday wed weds", 3],
    ["thursday thu thur thurs", 4],
    ["friday fri", 5],
    ["saturday sat", 6],
    ["sunday sun", 7],
  ]),
  ambiguousWeekdays: words("mon wed sat sun"),
  months: table([
    ["january jan", 1],
    ["february feb", 2],
    ["march mar", 3],
    ["april apr", 4],
    ["may", 5],
    ["june jun", 6],
    ["july jul", 7],
    ["august aug", 8],
    ["september sep sept", 9],
    ["october oct", 10],
    ["november nov", 11],
    ["december dec", 12],
  ]),
  ambiguousMonths: words("march mar may april june august"),
  numbers: table([
    ["a an one", 1],
    ["two", 2],
    ["three", 3],
    ["four", 4],
    ["five", 5],
    ["six", 6],
    ["seven", 7],
    ["eight", 8],
    ["nine", 9],
    ["ten", 10],
    ["eleven", 11],
    ["twelve", 12],
  ]),
  ordinals: table([
    ["first 1st", 1],
    ["second 2nd", 2],
    ["third 3rd", 3],
    ["fourth 4th", 4],
    ["fifth 5th", 5],
    ["last", -1],
  ]),
  ordinalSuffix: /^(?:st|nd|rd|th)$/,
  units: table<Unit>([
    ["day days", "day"],
    ["week weeks wk wks", "week"],
    ["month months", "month"],
    ["year years yr yrs", "year"],
    ["hour hours hr hrs", "hour"],
    ["minute minutes min mins", "minute"],
  ]),
  relativeDays: table<{ days: number; tonight?: boolean; shy?: boolean }>([
    ["today", { days: 0 }],
    ["tonight", { days: 0, tonight: true }],
    ["tomorrow tmr tmrw", { days: 1 }],
    ["tom", { days: 1, shy: true }],
  ]),
  beforeNames: words(
    "call ask tell email text meet with for to from and see visit message ping invite thank help about hi dear uncle " +
      "phone ring is feed wish give remind buy join hug",
  ),
  dayParts: table<DayPart>([
    ["morning", { hour: 9, evening: false }],
    ["afternoon", { hour: 13, evening: true }],
    ["evening", { hour: 18, evening: true }],
    ["night", { hour: 20, evening: true }],
  ]),
  clockWords: table([["noon midday", "12:00"], ["midnight", "00:00"]]),
  meridiem: table<"am" | "pm">([["am a.m", "am"], ["pm p.m", "pm"]]),
  every: "every",
  each: "each",
  other: words("other alternate"),
  second: words("second 2nd"),
  workday: words("weekday weekdays workday workdays"),
  weekend: words("weekend weekends"),
  quarter: words("quarter quarters"),
  fortnight: words("fortnight"),
  adverbs: table<{ freq: "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY"; interval: number }>([
    ["daily", { freq: "DAILY", interval: 1 }],
    ["weekly", { freq: "WEEKLY", interval: 1 }],
    ["fortnightly biweekly", { freq: "WEEKLY", interval: 2 }],
    ["monthly", { freq: "MONTHLY", interval: 1 }],
    ["quarterly", { freq: "MONTHLY", interval: 3 }],
    ["yearly annually", { freq: "YEARLY", interval: 1 }],
  ]),
  and: words("and &"),
  on: "on",
  the: "the",
  of: "of",
  at: "at",
  in: "in",
  for: "for",
  next: "next",
  this: "this",
  end: "end",
  day: "day",
  due: "due",
  by: "by",
  times: words("times time"),
  before: words("before early"),
  fromNow: ["from", words("now today")],
  oclock: words("o'clock oclock o’clock"),
  dayAfter: ["day", "after", "tomorrow"],
  endOf: table<"month" | "year">([["eom", "month"], ["eoy", "year"]]),
  starting: words("starting"),
  startingAfter: words("from beginning starts"),
  until: words("until till til ending"),
  holdsDate: words("since from until till til before after of like called titled vs not last than"),
  holdsWeekday: words(
    "the a an my our his her their your its good black cyber ash super palm bloody casual ruby big",
  ),
  beforeNumber: words(
    "version v ver release chapter section page pages step act psalm ratio score build no nr §",
  ),
  connectors: words(
    "with for at about to until till from in on by and or every starting before the unless if",
  ),
  priorities: table<Priority>([
    ["!low p4", "low"],
    ["!medium !med p3", "medium"],
    ["!high !! p2", "high"],
    ["!urgent !!! p1", "urgent"],
  ]),
  reminderUnits: table<"M" | "H" | "D" | "W">([
    ["m min mins minute minutes", "M"],
    ["h hr hrs hour hours", "H"],
    ["d day days", "D"],
    ["w wk week weeks", "W"],
  ]),
  labels: {
    weekdays: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    priority: (value) => `${value} priority`,
    reminder: (amount) => `${amount} before`,
    afterCompletion: "after completion",
  },
};
