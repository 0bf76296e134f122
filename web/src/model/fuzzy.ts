/** Finding by a few letters: words in any order, one typo each, the best first. */
import uFuzzy from "@leeoniya/ufuzzy";

/** First what holds the letters in their order ("wtr plnts"), then what differs by one typo in each word. */
const MATCHERS = [new uFuzzy({ intraMode: 0, intraIns: 2 }), new uFuzzy({ intraMode: 1 })];
/** How many words may change places before it costs too much. */
const OUT_OF_ORDER = 3;
/** More than these are not ranked: nobody looks so far. */
const RANKED = 1_000;

export interface Found<T> {
  item: T;
  /** Pairs of UTF-16 offsets of what was found, to be marked. */
  ranges: readonly number[];
}

export interface Haystack<T> {
  find(needle: string, most: number): Found<T>[];
}

/** Makes items ready to be searched; `text` is what is shown, `more` finds as well. */
export function haystackOf<T>(
  items: readonly T[],
  text: (item: T) => string,
  more?: (item: T) => string,
): Haystack<T> {
  // What is folded may not change its length, or the marks would be beside the letters.
  const fold = (value: string) => uFuzzy.latinize([value])[0] ?? value;
  const lines = items.map((item) => {
    const shown = text(item);
    const folded = fold(shown);
    const extra = more?.(item) ?? "";
    return (folded.length === shown.length ? folded : shown) + (extra === "" ? "" : ` ${fold(extra)}`);
  });
  return {
    find(needle, most) {
      const wanted = fold(needle.trim());
      if (wanted === "") return [];
      for (const matcher of MATCHERS) {
        const found = findBy(matcher, wanted, most);
        if (found.length > 0) return found;
      }
      return [];
    },
  };

  function findBy(matcher: uFuzzy, wanted: string, most: number): Found<T>[] {
    const [ids, info, order] = matcher.search(lines, wanted, OUT_OF_ORDER, RANKED);
    if (ids === null) return [];
    const found: Found<T>[] = [];
    if (info === null || order === null) {
      for (const id of ids.slice(0, most)) push(id, []);
    } else {
      for (const place of order.slice(0, most)) push(info.idx[place] ?? -1, info.ranges[place] ?? []);
    }
    return found;

    function push(id: number, ranges: readonly number[]): void {
      const item = items[id];
      if (item !== undefined) found.push({ item, ranges });
    }
  }
}
