/** Random dates and rules of the supported grammar, the same for the same seed. */

export interface Random {
  /** A whole number from 0, less than `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  oneOf<Item>(items: readonly [Item, ...Item[]]): Item;
  /** A day within so many after `first`; late days of the month come up more often, since there rules differ. */
  date(first: string, days: number): Temporal.PlainDate;
  rule(anchor: Temporal.PlainDate): string;
}

export function createRandom(seed: number): Random {
  const random = mulberry32(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const chance = (probability: number): boolean => random() < probability;
  const oneOf = <Item>(items: readonly [Item, ...Item[]]): Item => items[below(items.length)] ?? items[0];
  const signed = (max: number): number => (1 + below(max)) * (chance(0.35) ? -1 : 1);
  const some = (length: number, make: () => string | number): string =>
    [...new Set(Array.from({ length }, make))].join(",");
  const monthDay = (): number => chance(0.4) ? 28 + 1 + below(3) : signed(31);
  const weekday = (ordinals: number): string => {
    const day = oneOf(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]);
    return ordinals > 0 && chance(0.5) ? `${signed(ordinals)}${day}` : day;
  };

  return {
    below,
    chance,
    oneOf,
    date(first, days) {
      const date = Temporal.PlainDate.from(first).add({ days: below(days) });
      return chance(0.25) ? date.with({ day: Math.min(date.daysInMonth, 28 + below(4)) }) : date;
    },
    rule(anchor) {
      const freq = oneOf(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"] as const);
      const weekly = freq === "WEEKLY";
      const ordinals = freq === "MONTHLY" ? 5 : freq === "YEARLY" ? (chance(0.5) ? 5 : 53) : 0;
      const parts: string[] = [`FREQ=${freq}`];
      if (chance(0.5)) parts.push(`INTERVAL=${chance(0.9) ? 1 + below(6) : 1 + below(60)}`);
      const by: string[] = [];
      if (chance(0.3)) by.push(`BYMONTH=${some(1 + below(4), () => 1 + below(12))}`);
      if (!weekly && chance(0.4)) by.push(`BYMONTHDAY=${some(1 + below(3), monthDay)}`);
      if (chance(weekly ? 0.7 : 0.4)) by.push(`BYDAY=${some(1 + below(4), () => weekday(ordinals))}`);
      if (by.length > 0 && chance(0.25)) by.push(`BYSETPOS=${some(1 + below(2), () => signed(4))}`);
      parts.push(...by);
      if (chance(0.3)) parts.push(`WKST=${oneOf(["MO", "SU", "SA", "WE"])}`);
      const end = random();
      if (end < 0.2) parts.push(`COUNT=${1 + below(25)}`);
      else if (end < 0.4) {
        parts.push(`UNTIL=${anchor.add({ days: below(3_000) }).toString().replaceAll("-", "")}`);
      }
      return parts.join(";");
    },
  };
}

/** Tommy Ettinger's mulberry32: small, seeded, and good enough to pick rules. */
function mulberry32(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
