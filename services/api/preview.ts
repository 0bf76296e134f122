/** What a unit of work changed, as a preview shows it and as a later commit is compared with it. */
import { createHash } from "node:crypto";
import { canonicalize } from "json-canonicalize";
import type { PreviewedChange } from "../shared/contracts/preview.ts";
import type { TaskEventData } from "../shared/contracts/events.ts";
import type { z } from "zod";

/** A change as its event carries it. */
export interface Effect {
  type: PreviewedChange["type"];
  data: Record<string, unknown>;
}

const KINDS = ["task", "list", "filter", "profile"] as const;
/** Other each time the same command runs: they say when and where, not what. */
const NOT_COMPARED = new Set(["createdAt", "updatedAt", "completedAt", "seriesId", "position"]);

/** The changes of a dry run: what would be new has no id yet. */
export function previewed(effects: readonly Effect[]): PreviewedChange[] {
  return effects.map(({ type, data }) => {
    const kind = KINDS.find((each) => data[each] != null) ?? "task";
    const after = data[kind] as Record<string, unknown>;
    const before = data.before as z.infer<typeof TaskEventData>["before"];
    return { type, kind, id: before === null ? null : String(after.id), before, after };
  });
}

/**
 * Names what these changes come to: the same for the same command on things at the same versions, another as soon as
 * one of them was changed in between.
 */
export function digestOf(changes: readonly PreviewedChange[]): string {
  const compared = changes.map(({ before, after, ...change }) => ({
    ...change,
    before: before === null ? null : comparable(before, false),
    after: comparable(after, before === null),
  }));
  return createHash("sha256").update(canonicalize(compared)).digest("base64url");
}

function comparable(fields: Record<string, unknown>, made: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      if (NOT_COMPARED.has(name) || (made && name === "id")) return [];
      if (name === "deletedAt") return [[name, value !== null]];
      return [[name, name === "reminders" ? withoutIds(value) : value]];
    }),
  );
}

/** A reminder gets its id when it is made. */
function withoutIds(reminders: unknown): unknown {
  return Array.isArray(reminders)
    ? reminders.map((each: Record<string, unknown>) => ({ before: each.before, at: each.at }))
    : reminders;
}
