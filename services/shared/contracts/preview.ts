/** What a command would change: the answer to a dry run, and what one may be held to. */
import { z } from "@hono/zod-openapi";
import { CHANGE_TYPES } from "./events.ts";
import { Uuid } from "./task.ts";

/** Names the preview that a command must still come to; without it a command is not held to any. */
export const PREVIEW_HEADER = "if-preview";

export const PreviewedChange = z.object({
  type: z.enum(CHANGE_TYPES),
  kind: z.enum(["task", "list", "filter", "profile"]),
  /** Null: it does not exist yet, and gets its id when it does. */
  id: Uuid.nullable(),
  /** The changed fields only, as they are; null for what is new. */
  before: z.record(z.string(), z.unknown()).nullable(),
  /** All of it as it would be. */
  after: z.record(z.string(), z.unknown()),
}).openapi("PreviewedChange");
export type PreviewedChange = z.infer<typeof PreviewedChange>;

export const Preview = z.object({
  dryRun: z.literal(true),
  preview: z.string().openapi({ description: "`If-Preview` with this commits exactly these changes" }),
  seq: z.int().min(0).openapi({
    description: "The number of the user's last change when this was looked at",
  }),
  changes: z.array(PreviewedChange),
}).openapi("Preview");
export type Preview = z.infer<typeof Preview>;
