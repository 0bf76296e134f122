/** One change of one user, as `GET /api/changes` and streams give it and webhooks send it. */
import { z } from "zod";
import type { Envelope } from "./events.ts";

/** One change of one user; beside these fields a list's, filter's or profile's change carries that thing. */
export const Change = z.looseObject({ seq: z.int().min(1) });
export type Change = z.infer<typeof Change>;

/** What the api answers to `/internal/changes`: at most `limit` changes in order, and whether there are more. */
export const ChangesAnswer = z.object({
  changes: z.array(Change),
  nextSeq: z.int().min(0),
  hasMore: z.boolean(),
});
export type ChangesAnswer = z.infer<typeof ChangesAnswer>;

const SUBJECTS = ["list", "filter", "profile"] as const;

/** The change that an event of the api tells; its data is what its type's schema says. */
export function changeOf({ id, type, time, causationid, data }: Envelope): Change {
  const task = data.task as { id: string } | null;
  const change: Change = {
    seq: Number(data.seq),
    eventId: id,
    type,
    taskId: task?.id ?? null,
    task,
    at: time,
    actor: data.actor,
    causationId: causationid,
  };
  for (const subject of SUBJECTS) if (data[subject] !== undefined) change[subject] = data[subject];
  return change;
}
