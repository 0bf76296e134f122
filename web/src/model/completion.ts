/** Finishing a tag, a list or a priority that is being typed. Pure. */
import { fold } from "../../../services/shared/domain/filters/mod.ts";

export interface Completion {
  /** UTF-16 offsets of what it takes the place of. */
  start: number;
  end: number;
  kind: "tag" | "list" | "priority";
  /** What is typed without its sign, for matching. */
  typed: string;
}

export interface Choice {
  label: string;
  /** What is written instead, with the space behind it. */
  text: string;
}

const KINDS = { "#": "tag", "@": "list", "!": "priority" } as const;

/** The word before the cursor, when it begins with a sign; null inside quotes and everywhere else. */
export function completionAt(text: string, cursor: number): Completion | null {
  const before = text.slice(0, cursor);
  const match = /(?:^|\s)([#@!])([^\s#@!"]*)$/.exec(before);
  if (match === null) return null;
  const [, sign = "", typed = ""] = match;
  if ((before.match(/(?:^|\s)["“]/g)?.length ?? 0) > (before.match(/["”](?=\s|$)/g)?.length ?? 0)) {
    return null;
  }
  const start = cursor - typed.length - 1;
  const rest = /^[^\s]*/.exec(text.slice(cursor))?.[0] ?? "";
  return { start, end: cursor + rest.length, kind: KINDS[sign as keyof typeof KINDS], typed };
}

const MOST = 6;

/** What the typed word can become: beginnings first, then words inside; nothing when it is finished already. */
export function choicesFor(
  { kind, typed }: Completion,
  known: { tags: readonly string[]; lists: readonly string[] },
): Choice[] {
  const names = kind === "tag"
    ? known.tags
    : kind === "list"
    ? known.lists
    : ["urgent", "high", "medium", "low"];
  const wanted = fold(typed);
  const rank = (name: string) => fold(name).startsWith(wanted) ? 0 : fold(name).includes(wanted) ? 1 : 2;
  const found = names.map((name) => ({ name, rank: rank(name) })).filter(({ rank }) => rank < 2)
    .sort((a, b) => a.rank - b.rank).slice(0, MOST);
  const [only] = found;
  if (found.length === 1 && only !== undefined && fold(only.name) === wanted) return [];
  return found.map(({ name }) => ({ label: name, text: `${written(kind, name)} ` }));
}

function written(kind: Completion["kind"], name: string): string {
  switch (kind) {
    case "tag":
      return `#${name}`;
    case "priority":
      return `!${name}`;
    case "list":
      // As one word where it is one that quick add reads as a list.
      return /^\p{L}[^\s@"“”]*$/u.test(name) ? `@${name}` : `@"${name.replaceAll('"', "")}"`;
  }
}
