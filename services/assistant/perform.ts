/**
 * How a tool changes something: what it would do is asked first, by the same code that does it. What is small is then
 * done at once; what changes several tasks or deletes is shown, and done when it is confirmed.
 */
import { z } from "zod";
import { Preview, PreviewedChange } from "../shared/contracts/preview.ts";
import { ProblemError } from "../shared/http/problem.ts";
import type { Api, ApiCall } from "./api.ts";
import { differenceWords, dueWords, oneLine } from "./words.ts";

/** What became of a tool that changes something. */
export const Outcome = z.object({
  status: z.enum(["done", "needs_confirmation", "changed_meanwhile", "nothing_to_change"]).describe(
    "done: it is so now. needs_confirmation: nothing was changed yet; show the changes to the user. " +
      "changed_meanwhile: what was confirmed is no longer what would happen, nothing was changed; these changes are the present ones.",
  ),
  summary: z.string(),
  changes: z.array(PreviewedChange),
  confirm: z.string().optional().describe("Call again with this, once the user has agreed to these changes"),
  causationId: z.string().optional().describe("Undoes everything of this turn"),
});
export type Outcome = z.infer<typeof Outcome>;

export interface PerformOptions {
  api: Api;
  turn: string;
  /** What was agreed to: the `confirm` of an outcome. */
  confirm?: string;
  /** True: show it in any case. */
  preview?: boolean;
  idempotencyKey?: string;
  /** Once it is aborted nothing is done any more. */
  signal?: AbortSignal;
  /** Whether a small change must be shown as well; default: none. */
  uncertain?(changes: readonly PreviewedChange[]): boolean;
}

/** How often what was looked at may be changed by somebody else before it is done. */
const TRIES = 3;

/** Does a call, or shows what it would do. @throws ProblemError as the api refuses it */
export async function perform(call: () => Promise<ApiCall>, options: PerformOptions): Promise<Outcome> {
  const { api, turn, confirm, idempotencyKey, signal, uncertain = () => false } = options;
  const commit = async (held: string, changes: PreviewedChange[]) => {
    if (signal?.aborted) throw new ProblemError(409, "This was stopped; nothing was changed");
    return done(withIds(
      changes,
      await api(await call(), {
        preview: held,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      }),
    ));
  };
  const look = async () => Preview.parse(await api(await call(), { dryRun: true }));
  const done = (changes: PreviewedChange[]): Outcome => ({
    status: "done",
    summary: summaryOf("Done", changes),
    changes,
    causationId: turn,
  });

  if (confirm !== undefined) {
    // Looked at again only for the words: the commit itself refuses whatever else it would come to. A repeat may find
    // nothing to look at any more, and gets the first answer by its key.
    const looked = await look().catch((cause: unknown) => {
      if (idempotencyKey !== undefined && cause instanceof ProblemError) return cause;
      throw cause;
    });
    try {
      return await commit(confirm, looked instanceof ProblemError ? [] : looked.changes);
    } catch (cause) {
      if (looked instanceof ProblemError) throw looked;
      if (!isStale(cause)) throw cause;
      const { changes, preview } = looked;
      return {
        status: "changed_meanwhile",
        summary: summaryOf("Something has changed since this was shown. Now it would be", changes),
        changes,
        confirm: preview,
      };
    }
  }
  for (let attempt = 1;; attempt++) {
    const { changes, preview } = await look();
    if (changes.length === 0) {
      return { status: "nothing_to_change", summary: "It is so already; nothing was changed.", changes };
    }
    if (options.preview || mustBeShown(changes) || uncertain(changes)) {
      return {
        status: "needs_confirmation",
        summary: summaryOf("Nothing was changed yet. This would be", changes),
        changes,
        confirm: preview,
      };
    }
    try {
      return await commit(preview, changes);
    } catch (cause) {
      if (!isStale(cause) || attempt === TRIES) throw cause;
    }
  }
}

const Made = z.union([
  z.object({ created: z.array(z.object({ id: z.uuid() })) }),
  z.object({ id: z.uuid() }).transform((one) => ({ created: [one] })),
]);

/** What was looked at, with the ids that new things got: a preview has none for them. */
function withIds(changes: PreviewedChange[], answer: unknown): PreviewedChange[] {
  const ids = (Made.safeParse(answer).data?.created ?? []).map(({ id }) => id);
  return changes.map((change) => change.id === null ? { ...change, id: ids.shift() ?? null } : change);
}

/** Whether somebody has to see these changes first: more than one task, or something that goes away. */
export function mustBeShown(changes: readonly PreviewedChange[]): boolean {
  return changes.length > 1 ||
    changes.some(({ type }) => /\.(deleted|skipped)\./.test(type));
}

const isStale = (cause: unknown): boolean => cause instanceof ProblemError && cause.status === 412;

const SHOWN = 30;

/** The changes as a few lines of text. */
export function summaryOf(beginning: string, changes: readonly PreviewedChange[]): string {
  if (changes.length === 0) return `${beginning}.`;
  const lines = changes.slice(0, SHOWN).map((change) => `- ${describe(change)}`);
  if (changes.length > SHOWN) lines.push(`- and ${changes.length - SHOWN} more`);
  return `${beginning}:\n${lines.join("\n")}`;
}

const VERBS: Record<string, string> = {
  created: "add",
  updated: "change",
  completed: "complete",
  reopened: "reopen",
  deleted: "move to trash",
  restored: "restore",
  skipped: "skip this occurrence of",
};
/** Of no interest to a person. */
const SILENT = new Set(["version", "updatedAt", "createdAt", "position", "dueAt", "seriesId", "occurrence"]);

/** One change in words. */
export function describe({ type, kind, before, after }: PreviewedChange): string {
  const verb = VERBS[type.split(".")[1] ?? ""] ?? "change";
  const name = oneLine(String(after.title ?? after.name ?? kind));
  const what = `${verb} ${kind === "task" ? "" : `${kind} `}“${name}”`;
  if (before === null) return `${what}${after.due == null ? "" : `, due ${dueWords(dueOf(after.due))}`}`;
  if (!type.includes(".updated.")) return what;
  const fields = Object.keys(before).filter((field) => !SILENT.has(field));
  return `${what}: ${differenceWords(fields, before, after)}`;
}

const dueOf = (value: unknown): Parameters<typeof dueWords>[0] => value as Parameters<typeof dueWords>[0];
