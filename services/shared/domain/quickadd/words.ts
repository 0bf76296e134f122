/** Cuts a quick-add text into words; quoted text is one opaque word. */

export interface Word {
  /** As typed, punctuation included. */
  text: string;
  /** Lower case, without the punctuation that ends it; empty for quoted text, so that nothing matches it. */
  core: string;
  /** The punctuation that `core` has lost. */
  trail: string;
  /** UTF-16 offsets in the input; `coreEnd` is where the trail starts. */
  start: number;
  coreEnd: number;
  end: number;
  /** What stands between balanced quotes. */
  quoted: string | null;
  /** `@"two words"` */
  quotedList: boolean;
  /** Whether white space (or the start of the text) stands before it. */
  spaced: boolean;
}

const SPACE = /\s/;
const TRAIL = new Set([".", ",", ";", ":", "!", "?", ")", "]"]);
const CLOSES_FOR = new Map([['"', '"'], ["“", "”"]]);

/**
 * The words of `text`, in linear time. A quote opens at the start of a word (also after `@`, `(` or `[`), so
 * that 5" nails are no quote, and closes before white space, punctuation or the end; an unbalanced quote is
 * an ordinary character.
 */
export function wordsOf(text: string): Word[] {
  const found: Word[] = [];
  const closes = closeFinder(text);
  let at = 0;
  let spaced = true;
  while (at < text.length) {
    if (SPACE.test(text.charAt(at))) {
      at++;
      spaced = true;
      continue;
    }
    const start = at;
    const list = spaced && text.charAt(at) === "@";
    const open = list ? at + 1 : at;
    const close = spaced || opensInside(text, open) ? closes(open) : -1;
    if (close > 0) {
      at = close + 1;
      const quoted = text.slice(open + 1, close);
      const shape = { core: "", trail: "", start, coreEnd: at, end: at, quoted, quotedList: list, spaced };
      found.push({ text: text.slice(start, at), ...shape });
    } else {
      do at++; while (at < text.length && !SPACE.test(text.charAt(at)) && !opensInside(text, at));
      found.push(plainWord(text, start, at, spaced));
    }
    spaced = false;
  }
  return found;
}

function opensInside(text: string, at: number): boolean {
  const before = text.charAt(at - 1);
  return CLOSES_FOR.has(text.charAt(at)) && (before === "(" || before === "[");
}

function plainWord(text: string, start: number, end: number, spaced: boolean): Word {
  let coreEnd = end;
  while (coreEnd > start && TRAIL.has(text.charAt(coreEnd - 1))) coreEnd--;
  return {
    text: text.slice(start, end),
    core: text.slice(start, coreEnd).toLowerCase(),
    trail: text.slice(coreEnd, end),
    start,
    coreEnd,
    end,
    quoted: null,
    quotedList: false,
    spaced,
  };
}

/** Finds the close of a quote; remembers the last one found, so that a text of opening quotes stays linear. */
function closeFinder(text: string): (open: number) => number {
  const memo = new Map<string, number>();
  return (open) => {
    const mark = CLOSES_FOR.get(text.charAt(open));
    if (mark === undefined) return -1;
    let close = memo.get(mark) ?? 0;
    while (close !== -1 && close < open + 2) {
      close = text.indexOf(mark, Math.max(open + 2, close + 1));
      while (close !== -1 && !endsAfter(text, close + 1)) close = text.indexOf(mark, close + 1);
    }
    memo.set(mark, close);
    return close;
  };
}

function endsAfter(text: string, at: number): boolean {
  return at >= text.length || SPACE.test(text.charAt(at)) || TRAIL.has(text.charAt(at));
}
