/** From an event to the change that `GET /api/changes` gives, and the api's own answers. */
import { z } from "zod";
import { type Change, changeOf } from "../shared/contracts/changes.ts";
import { dataSchema, Envelope } from "../shared/contracts/events.ts";

/** What the api answers to `/internal/session`: the user, what they may, and the number of their last change (0: none). */
export const SessionAnswer = z.object({
  userId: z.uuid(),
  // An api from before it said so knew no caller that may not read.
  scopes: z.array(z.string()).default(["read"]),
  seq: z.int().min(0),
});

/** An event of `task-updates`: whose it is, its number, and the change unless this build can't read it. */
export interface Update {
  userId: string;
  seq: number;
  /** Null: the change has to be asked for. */
  change: Change | null;
}

const Numbered = z.looseObject({ userId: z.uuid(), seq: z.int().min(1) });

/** Reads a delivery of `task-updates`; null for something that is no event of a user. */
export function readUpdate(delivered: unknown): Update | null {
  const envelope = Envelope.safeParse(delivered);
  if (!envelope.success) return null;
  const { type, data } = envelope.data;
  const numbered = Numbered.safeParse(data);
  if (!numbered.success) return null;
  const { userId, seq } = numbered.data;
  const readable = dataSchema(type)?.safeParse(data).success === true;
  return { userId, seq, change: readable ? changeOf(envelope.data) : null };
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
