/**
 * Whether the user's own words ask for a change that a model wants to make. The model has read the texts of tasks, and
 * whoever wrote those may have written instructions; so what the user did not name is shown before it is done.
 */
import type { PreviewedChange } from "../../shared/contracts/preview.ts";

const QUESTION =
  /^(what|which|when|who|why|where|how|is|are|do|does|did|can you (tell|show)|show|list|tell|summari[sz]e|read)\b/i;
/** Words that name nothing. */
const COMMON = new Set(
  ("the and for with from this that into all any every task tasks todo list add new please make set put move done " +
    "complete delete remove change tomorrow today").split(" "),
);

/** The words of a text that can name something, without case and accents. */
export function naming(text: string): string[] {
  return (text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [])
    .filter((word) => !COMMON.has(word));
}

/** Whether `message` names what a change is about. */
function names(message: ReadonlySet<string>, { before, after }: PreviewedChange): boolean {
  const title = naming(String(before?.title ?? before?.name ?? after.title ?? after.name ?? ""));
  const hits = title.filter((word) => message.has(word)).length;
  // A new title is the user's when most of it is; an old one is recognised by a word.
  return before === null ? hits * 2 >= title.length && hits > 0 : hits > 0;
}

/**
 * A judge of one turn's changes.
 *
 * @returns true for changes that the user has to see first: the turn would touch a second thing, the user asked a
 *   question, or did not name what would be changed
 */
export function createJudge(message: string): (changes: readonly PreviewedChange[]) => boolean {
  const words = new Set(naming(message));
  const asks = QUESTION.test(message.trim()) || message.trim().endsWith("?");
  let touched = false;
  return (changes) => {
    if (asks || touched || changes.some((change) => !names(words, change))) return true;
    touched = true;
    return false;
  };
}
