/** Changes as the lines of a card. */
import type { ChatLine } from "../../shared/contracts/chat.ts";
import type { PreviewedChange } from "../../shared/contracts/preview.ts";
import { describe } from "../perform.ts";

const SHOWN = 100;

/** The first lines, and how many changes there are beyond them. */
export function linesOf(changes: readonly PreviewedChange[]): { lines: ChatLine[]; more: number } {
  return {
    lines: changes.slice(0, SHOWN).map((change) => ({
      mark: markOf(change),
      text: sentence(describe(change)),
    })),
    more: Math.max(0, changes.length - SHOWN),
  };
}

function markOf({ type }: PreviewedChange): ChatLine["mark"] {
  switch (type.split(".")[1]) {
    case "created":
    case "restored":
      return "add";
    case "completed":
      return "complete";
    case "deleted":
    case "skipped":
      return "delete";
    default:
      return "change";
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
