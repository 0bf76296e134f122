/**
 * The task and everything inside it, as they cross HTTP and events.
 * Inputs are strict (an unknown field is an error); outputs are what the store gives.
 */
import { z } from "@hono/zod-openapi";
import { generateKeyBetween } from "fractional-indexing";
import { isTimeZone } from "../domain/time.ts";
import { checkRule } from "../domain/recurrence.ts";

/** Largest `limit` wherever nothing else is said. */
export const MAX_LIMIT = 200;

export const Uuid = z.uuid();
export const Instant = z.iso.datetime({
  offset: true,
  error: "must be an instant, such as 2027-01-31T08:00:00Z",
});
/** An instant that a client may give: in UTC too it keeps a year of four digits, and Temporal can read it. */
export const InstantInput = Instant.regex(
  /^(?!0|9999)(?!.*\.\d{10})/,
  "must be an instant between the years 1000 and 9998, with at most 9 digits of a second",
);
export const CivilDate = z.iso.date("must be a date that exists, such as 2027-01-31");
/** A date that a client may give: in every zone its instants keep a year of four digits. */
export const CivilDateInput = CivilDate.regex(
  /^(?!0|9999)/,
  "must be a date between the years 1000 and 9998",
);
/** Whether text can be stored: PostgreSQL takes neither NUL nor half of a surrogate pair. */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();
export const NOT_STORABLE = "must not hold NUL or half of a surrogate pair";
export const CivilTime = z.string().regex(
  /^([01]\d|2[0-3]):[0-5]\d$/,
  "must be a civil time HH:MM between 00:00 and 23:59",
);
export const TimeZone = z.string().max(64).refine(
  isTimeZone,
  "must be an IANA time zone, such as Europe/Berlin",
);
export const Priority = z.enum(["low", "medium", "high", "urgent"]);
export type Priority = z.infer<typeof Priority>;
export const TaskStatus = z.enum(["open", "completed"]);
export const Tag = z.string().trim().min(1).max(50).regex(
  /^[^\s,#]+$/,
  "must not hold white space, a comma or #",
).refine(isStorable, NOT_STORABLE);

/** A civil date, an optional civil time, an optional zone. Zone set = fixed; absent = floating. */
export const Due = z.object({
  date: CivilDate,
  time: CivilTime.nullable(),
  timeZone: z.string().nullable(),
}).openapi("Due");
export type Due = z.infer<typeof Due>;

export const DueInput = z.strictObject({
  date: CivilDateInput,
  time: CivilTime.nullish(),
  timeZone: TimeZone.nullish(),
}).openapi("DueInput");

export const RecurrenceMode = z.enum(["schedule", "completion"]);
export const Recurrence = z.object({ rule: z.string(), mode: RecurrenceMode }).openapi("Recurrence");
export type Recurrence = z.infer<typeof Recurrence>;

const RecurrenceWord = z.enum(["daily", "weekly", "monthly", "yearly"]);

const RecurrenceObject = z.strictObject({
  rule: z.string().min(1).max(500).superRefine((rule, context) => {
    const problem = checkRule(rule);
    if (problem !== null) context.addIssue({ code: "custom", message: problem });
  }),
  mode: RecurrenceMode.optional(),
});

/** `{rule, mode?}` with an RFC 5545 RRULE, or a word; both become `{rule, mode}`. */
export const RecurrenceInput = z.union([RecurrenceWord, RecurrenceObject]).openapi("RecurrenceInput");

/** ISO 8601 durations a reminder may be before its due: days, hours, minutes, seconds, weeks. */
export const ReminderBefore = z.string().regex(
  /^P(?=\d|T\d)(\d{1,3}W)?(\d{1,4}D)?(T(?=\d)(\d{1,5}H)?(\d{1,6}M)?(\d{1,7}S)?)?$/,
  "must be an ISO 8601 duration such as PT30M or P1D",
);
export const Reminder = z.object({
  id: z.string(),
  before: z.string().optional(),
  at: Instant.optional(),
}).openapi("Reminder");
export type Reminder = z.infer<typeof Reminder>;

const ReminderId = z.string().max(64).refine(isStorable, NOT_STORABLE);
export const ReminderInput = z.union([
  z.strictObject({ id: ReminderId.optional(), before: ReminderBefore }),
  z.strictObject({ id: ReminderId.optional(), at: InstantInput }),
]).openapi("ReminderInput");

export const Task = z.object({
  id: Uuid,
  listId: Uuid,
  parentId: Uuid.nullable(),
  title: z.string(),
  notes: z.string(),
  priority: Priority,
  tags: z.array(z.string()),
  status: TaskStatus,
  due: z.union([Due, z.null()]),
  dueAt: Instant.nullable().openapi({
    description:
      "The resolved instant of `due`: for a date without a time, the start of that day in its zone (or the user's).",
  }),
  recurrence: z.union([Recurrence, z.null()]),
  seriesId: Uuid.nullable(),
  occurrence: z.int().min(1).nullable(),
  reminders: z.array(Reminder),
  position: z.string(),
  version: z.int().min(1),
  createdAt: Instant,
  updatedAt: Instant,
  completedAt: Instant.nullable(),
  deletedAt: Instant.nullable(),
}).openapi("Task");
export type Task = z.infer<typeof Task>;

const title = z.string().trim().min(1).max(500).refine(isStorable, NOT_STORABLE);
const notes = z.string().max(50_000).refine(isStorable, NOT_STORABLE);
const tags = z.array(Tag).max(50);
const reminders = z.array(ReminderInput).max(20).refine(
  (given) => {
    const ids = given.flatMap(({ id }) => id ?? []);
    return new Set(ids).size === ids.length;
  },
  "must not hold an id twice",
);
/** A fractional index: one that no other can be made behind would end every list that it is in. */
export const Position = z.string().min(1).max(200).regex(
  /^[0-9A-Za-z]+$/,
  "must be a fractional index, such as a0",
)
  .refine(isFractionalIndex, "must be a fractional index, such as a0");

function isFractionalIndex(key: string): boolean {
  try {
    generateKeyBetween(key, null);
    generateKeyBetween(null, key);
    return true;
  } catch {
    return false;
  }
}

/** What creates a task; only `title` is required. */
export const TaskInput = z.strictObject({
  title,
  notes: notes.optional(),
  priority: Priority.optional(),
  tags: tags.optional(),
  listId: Uuid.nullish(),
  parentId: Uuid.nullish(),
  due: DueInput.nullish(),
  recurrence: RecurrenceInput.nullish(),
  reminders: reminders.optional(),
  position: Position.optional(),
}).openapi("TaskInput");
export type TaskInput = z.infer<typeof TaskInput>;

/**
 * A merge patch (RFC 7396), also inside `due` and `recurrence`: only the named fields change; null clears, or gives
 * the default back where a task always has a value.
 */
export const TaskPatch = z.strictObject({
  title: title.optional(),
  notes: notes.nullable().optional(),
  priority: Priority.nullable().optional(),
  tags: tags.nullable().optional(),
  listId: Uuid.optional(),
  parentId: Uuid.nullable().optional(),
  due: DueInput.partial().nullable().optional(),
  recurrence: z.union([RecurrenceWord, RecurrenceObject.partial()]).nullable().optional(),
  reminders: reminders.nullable().optional(),
  position: Position.optional(),
}).openapi("TaskPatch");
export type TaskPatch = z.infer<typeof TaskPatch>;
