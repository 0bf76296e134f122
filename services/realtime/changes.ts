/** From an event to the change that `GET /api/changes` gives, and the api's own answers. */
import { z } from "zod";
import { dataSchema, Envelope } from "../shared/contracts/events.ts";

/** One change of one user; beside these fields a list's, filter's or profile's change carries that thing. */
export const Change = z.looseObject({ seq: z.int().min(1) });
export type Change = z.infer<typeof Change>;

/** What the api answers to `/internal/changes`: at most `limit` changes in order, and whether there are more. */
export const ChangesAnswer = z.object({
  changes: z.array(Change),
  nextSeq: z.int().min(0),
  hasMore: z.boolean(),
});
/** What the api answers to `/internal/session`: the user, and the number of their last change (0: none). */
export const SessionAnswer = z.object({ userId: z.uuid(), seq: z.int().min(0) });

/** An event of `task-updates`: whose it is, its number, and the change unless this build can't read it. */
export interface Update {
  userId: string;
  seq: number;
  /** Null: the change has to be asked for. */
  change: Change | null;
}

const Numbered = z.looseObject({ userId: z.uuid(), seq: z.int().min(1) });
const SUBJECTS = ["list", "filter", "profile"] as const;

/** Reads a delivery of `task-updates`; null for something that is no event of a user. */
export function readUpdate(delivered: unknown): Update | null {
  const envelope = Envelope.safeParse(delivered);
  if (!envelope.success) return null;
  const { id, type, time, causationid, data } = envelope.data;
  const numbered = Numbered.safeParse(data);
  if (!numbered.success) return null;
  const { userId, seq } = numbered.data;
  if (dataSchema(type)?.safeParse(data).success !== true) return { userId, seq, change: null };
  const task = data.task as { id: string } | null;
  const change: Change = {
    seq,
    eventId: id,
    type,
    taskId: task?.id ?? null,
    task,
    at: time,
    actor: data.actor,
    causationId: causationid,
  };
  for (const subject of SUBJECTS) if (data[subject] !== undefined) change[subject] = data[subject];
  return { userId, seq, change };
}

/** Reads a delivery of `notifications`; null for something else. */
export function readNotification(
  delivered: unknown,
): { userId: string; seq: number; notification: unknown } | null {
  const envelope = Envelope.safeParse(delivered);
  if (!envelope.success || !envelope.data.type.startsWith("notification.")) return null;
  const { type, data } = envelope.data;
  const numbered = Numbered.safeParse(data);
  if (!numbered.success || dataSchema(type)?.safeParse(data).success !== true) return null;
  return { userId: numbered.data.userId, seq: numbered.data.seq, notification: data.notification };
}
