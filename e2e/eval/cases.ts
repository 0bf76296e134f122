/**
 * What people say to the assistant, and the calls that are right. It is Friday, 15 January 2027, ten in the morning in
 * Berlin. `$Title` stands for the id of a task, `@Name` for that of a list; `~word` is any text that holds the word.
 */

/** One call of a tool; arguments that are not named may be anything. */
export interface ExpectedCall {
  tool: string;
  args: Record<string, unknown>;
}

export interface Case {
  says: string;
  /** Empty: nothing may be changed. */
  calls: readonly ExpectedCall[];
  /** It takes a language model: plain commands may not understand it, and then change nothing. */
  beyondGrammar?: true;
}

export const NOW = "2027-01-15T09:00:00Z";
export const ZONE = "Europe/Berlin";
export const LISTS = ["Work", "Shopping", "Home"] as const;

/** What the person has. */
export const TASKS: readonly Record<string, unknown>[] = [
  { title: "Pay rent", due: { date: "2027-01-10" }, tags: ["home"] },
  { title: "Call the dentist", due: { date: "2027-01-14" }, tags: ["health"] },
  { title: "Buy milk", due: { date: "2027-01-15" }, tags: ["shop"], listId: "@Shopping" },
  { title: "Buy stamps", tags: ["shop"], listId: "@Shopping" },
  { title: "Write report", due: { date: "2027-01-16" }, priority: "high", listId: "@Work" },
  { title: "Water plants", due: { date: "2027-01-15" }, recurrence: "daily", listId: "@Home" },
  { title: "Plan holiday" },
  { title: "Old newsletter", tags: ["old"] },
  { title: "Old magazine", tags: ["old"] },
  { title: "Learn to juggle" },
  { title: "Broken lamp" },
];
export const COMPLETED = ["Learn to juggle"];
export const TRASHED = ["Broken lamp"];

const one = (says: string, tool: string, args: Record<string, unknown>): Case => ({
  says,
  calls: [{ tool, args }],
});
const add = (says: string, title: string, fields: Record<string, unknown> = {}): Case =>
  one(says, "create_task", { title, ...fields });
const on = (date: string, time: string | null = null) => ({ due: { date, time } });
const show = (says: string, args: Record<string, unknown>): Case => one(says, "search_tasks", args);
const days = (from: string, to = from) => ({ dueFrom: from, dueTo: to });
const update = (says: string, title: string, args: Record<string, unknown>): Case =>
  one(says, "update_task", { id: `$${title}`, ...args });
const many = (says: string, args: Record<string, unknown>): Case => one(says, "change_many_tasks", args);
const nothing = (says: string): Case => ({ says, calls: [] });
const each = (sayings: readonly string[], make: (says: string) => Case): Case[] => sayings.map(make);

const OVERDUE = ["$Pay rent", "$Call the dentist"];
const OLD = ["$Old newsletter", "$Old magazine"];
const SHOPPING = ["$Buy milk", "$Buy stamps"];
const MONDAY = "2027-01-18";
const moved = (ids: readonly string[], date: string) => ({
  update: ids.map((id) => ({ id, due: { date } })),
});

export const CASES: readonly Case[] = [
  // Adding.
  ...each([
    "add bread",
    "Add bread",
    "add task bread",
    "new task bread",
    "todo: bread",
    "create a task bread",
  ], (says) => add(says, "bread")),
  ...each([
    "remind me to call mum tomorrow",
    "add call mum tomorrow",
    "I need to call mum tomorrow",
    "please add call mum tomorrow",
  ], (says) => add(says, "call mum", on("2027-01-16"))),
  add("add call mum tomorrow at 5pm", "call mum", on("2027-01-16", "17:00")),
  add("add send invoice on monday", "send invoice", on(MONDAY)),
  add("add send invoice next friday 9am", "send invoice", { due: { time: "09:00" } }),
  add("add tax return by 31 may", "tax return", { due: { date: "2027-05-31" } }),
  add("add dentist 2027-02-03 14:30", "dentist", on("2027-02-03", "14:30")),
  add("add stretch every day", "stretch", { recurrence: { rule: "FREQ=DAILY" } }),
  add("add team meeting every monday at 10", "team meeting", { due: { date: MONDAY, time: "10:00" } }),
  add("add pay the gas bill every month", "pay the gas bill", { recurrence: { rule: "~MONTHLY" } }),
  add("add renew passport !urgent", "renew passport", { priority: "urgent" }),
  add("add renew passport !high #papers", "renew passport", { priority: "high", tags: ["papers"] }),
  add("add eggs @Shopping", "eggs", { listId: "@Shopping" }),
  add("add eggs #shop @Shopping tomorrow", "eggs", {
    listId: "@Shopping",
    tags: ["shop"],
    ...on("2027-01-16"),
  }),
  add("add slides @Work today", "slides", { listId: "@Work", ...on("2027-01-15") }),
  add("add train at 8:15 tomorrow *30m before", "train", {
    ...on("2027-01-16", "08:15"),
    reminders: [{ before: "PT30M" }],
  }),
  add("add buy a card in 3 days", "buy a card", on("2027-01-18")),
  add('add "complete milk" to the story', "~complete milk"),
  add("add undo the knot", "undo the knot"),
  add("note: the key is under the mat", "the key is under the mat"),
  add("i have to return the books on tuesday", "return the books", on("2027-01-19")),
  one("add a list Garden", "create_list", { name: "Garden" }),
  one("create list called Garden", "create_list", { name: "Garden" }),
  one("new list Reading", "create_list", { name: "Reading" }),

  // Looking.
  ...each([
    "what is due tomorrow",
    "What's due tomorrow?",
    "show tomorrow",
    "tomorrow",
    "what is due on saturday?",
  ], (says) => show(says, days("2027-01-16"))),
  ...each([
    "what is due today",
    "what's due today?",
    "today",
    "show me today",
    "what is on today",
    "anything due today?",
    "what do I have to do today?",
  ], (says) => show(says, days("2027-01-15"))),
  ...each([
    "what is overdue",
    "What's overdue?",
    "show overdue",
    "show me everything overdue",
    "overdue",
    "what is late?",
  ], (says) => show(says, { due: "overdue" })),
  ...each(
    ["show this week", "what is due this week?", "this week"],
    (says) => show(says, days("2027-01-11", "2027-01-17")),
  ),
  ...each(["what's due next week", "show next week"], (says) => show(says, days(MONDAY, "2027-01-24"))),
  show("what is due on monday", days(MONDAY)),
  show("what's due on 3 february?", days("2027-02-03")),
  show("what is due this month", days("2027-01-01", "2027-01-31")),
  show("what was due yesterday?", days("2027-01-14")),
  ...each(["show #shop", "what is tagged #shop", "list #shop"], (says) => show(says, { tags: ["shop"] })),
  ...each(
    ["show @Work", "show my Work list", "what is in @Work", "what's on my Work list?"],
    (says) => show(says, { listId: "@Work" }),
  ),
  show("show the inbox", { listId: "@Inbox" }),
  ...each(
    ["find milk", "search for milk", "where is milk", "look for milk"],
    (says) => show(says, { text: "milk" }),
  ),
  show("show everything", { sort: "due" }),
  ...each(
    ["what did I do today", "what have I done today?", "what did I get done today"],
    (says) => show(says, { status: "completed" }),
  ),
  ...each(
    ["show lists", "lists", "what lists do I have?", "show me my lists"],
    (says) => one(says, "list_lists", {}),
  ),
  ...each(["show tags", "tags", "what tags are there"], (says) => one(says, "list_tags", {})),
  show("tasks without a date", { due: "none" }),

  // One task.
  ...each([
    "complete milk",
    "complete buy milk",
    "finish milk",
    "check off milk",
    "tick off buy milk",
    "mark milk as done",
    "mark buy milk done",
    "done with milk",
    "i bought milk, it is done",
    "I've done buy milk",
    "I finished buy milk",
    "set milk to done",
  ], (says) => one(says, "complete_task", { id: "$Buy milk" })),
  one("complete the dentist", "complete_task", { id: "$Call the dentist" }),
  one("complete “Write report”", "complete_task", { id: "$Write report" }),
  ...each(
    ["reopen juggle", "reopen learn to juggle", "uncomplete learn to juggle"],
    (says) => one(says, "reopen_task", { id: "$Learn to juggle" }),
  ),
  ...each([
    "delete plan holiday",
    "remove plan holiday",
    "trash plan holiday",
    "delete the task plan holiday",
  ], (says) => one(says, "delete_task", { id: "$Plan holiday" })),
  ...each(
    ["restore broken lamp", "undelete broken lamp"],
    (says) => one(says, "restore_task", { id: "$Broken lamp" }),
  ),
  ...each(
    ["skip water plants", "skip plants"],
    (says) => one(says, "skip_occurrence", { id: "$Water plants" }),
  ),
  ...each([
    "move milk to monday",
    "postpone milk to monday",
    "push milk to monday",
    "reschedule buy milk for monday",
    "defer milk until monday",
    "postpone milk monday",
  ], (says) => update(says, "Buy milk", { due: { date: MONDAY } })),
  update("move report to tomorrow 5pm", "Write report", { due: { date: "2027-01-16", time: "17:00" } }),
  update("move holiday to 1 march", "Plan holiday", { due: { date: "2027-03-01" } }),
  update("postpone dentist next week", "Call the dentist", { due: {} }),
  update("clear the date of milk", "Buy milk", { due: null }),
  update("remove the due date from write report", "Write report", { due: null }),
  ...each([
    "move report to @Home",
    "move write report to Home",
    "put report in the Home list",
    "move report into my Home list",
  ], (says) => update(says, "Write report", { listId: "@Home" })),
  ...each(
    ["make milk urgent", "set milk to urgent", "mark milk as urgent", "set milk's priority to urgent"],
    (says) => update(says, "Buy milk", { priority: "urgent" }),
  ),
  update("make write report low priority", "Write report", { priority: "low" }),
  ...each(
    ["rename milk to oat milk", "rename buy milk to oat milk", "retitle milk as oat milk"],
    (says) => update(says, "Buy milk", { title: "oat milk" }),
  ),
  ...each(
    ["tag milk with #fridge", "tag milk #fridge", "label buy milk as #fridge"],
    (says) => one(says, "tag_tasks", { ids: ["$Buy milk"], add: ["fridge"] }),
  ),
  one("untag #shop from milk", "tag_tasks", { ids: ["$Buy milk"], remove: ["shop"] }),
  one("remove #shop from buy milk", "tag_tasks", { ids: ["$Buy milk"], remove: ["shop"] }),

  // Many.
  ...each([
    "move everything overdue to Monday",
    "move all overdue tasks to monday",
    "postpone everything overdue to monday",
    "reschedule all overdue to monday",
    "push everything that is overdue to monday",
  ], (says) => many(says, moved(OVERDUE, MONDAY))),
  many("move everything overdue to tomorrow", moved(OVERDUE, "2027-01-16")),
  many("complete everything overdue", { complete: OVERDUE }),
  many("complete everything in @Shopping", { complete: SHOPPING }),
  many("complete all tasks tagged #shop", { complete: SHOPPING }),
  many("complete all #shop", { complete: SHOPPING }),
  ...each(
    ["delete everything tagged #old", "delete all #old", "remove all tasks tagged #old"],
    (says) => many(says, { delete: OLD }),
  ),
  many("make everything in @Work urgent", { update: [{ id: "$Write report", priority: "urgent" }] }),
  many("tag everything overdue with #late", {
    update: [{ id: "$Pay rent", tags: ["home", "late"] }, {
      id: "$Call the dentist",
      tags: ["health", "late"],
    }],
  }),
  many("move everything in @Shopping to @Home", { update: SHOPPING.map((id) => ({ id, listId: "@Home" })) }),
  many("move everything due today to monday", moved(["$Buy milk", "$Water plants"], MONDAY)),

  // Undo.
  ...each(
    ["undo", "Undo that", "take that back", "revert", "undo the last change"],
    (says) => one(says, "undo", {}),
  ),

  // Nothing may happen.
  ...each([
    "help",
    "what can you do?",
    "complete unicorns",
    "delete the moon",
    "move unicorns to monday",
    "complete buy",
    "hello",
    "thank you",
    "move milk to @Nowhere",
  ], nothing),

  add("could you jot down that the car needs new tyres", "~tyres"),
  add("don't let me forget Anna's birthday on the 20th", "~Anna", { due: { date: "2027-01-20" } }),
  update("the report can wait until wednesday", "Write report", { due: { date: "2027-01-20" } }),
  show("anything left at home?", { listId: "@Home" }),
  show("am I behind with something?", { due: "overdue" }),

  // What takes more than a grammar.
  ...[
    add("I ran out of coffee, get some tomorrow morning", "~coffee", { due: { date: "2027-01-16" } }),
    one("the milk is in the fridge already", "complete_task", { id: "$Buy milk" }),
    one("rent is paid", "complete_task", { id: "$Pay rent" }),
    update("I'd rather see the dentist on thursday", "Call the dentist", { due: { date: "2027-01-21" } }),
    update("milk is really important", "Buy milk", { priority: "~" }),
    many("get rid of the old stuff", { delete: OLD }),
    many("give me until monday for whatever is late", moved(OVERDUE, MONDAY)),
  ].map((each): Case => ({ ...each, beyondGrammar: true })),
];
