/** What an answer, or a refusal, does to what has changed here while it was on its way. Pure. */

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields that `patch` names, as `before` has them. */
export function asBefore<P extends object>(patch: P, before: object): P {
  const was: Record<string, unknown> = { ...before };
  return Object.fromEntries(
    Object.entries(patch).map(([name, value]) => [
      name,
      isRecord(value) && isRecord(was[name]) ? asBefore(value, was[name]) : was[name],
    ]),
  ) as P;
}

/** All of one kind as the server answered, with what has come, changed and gone since it was asked. */
export function brought<T extends { id: string; version: number }>(
  answer: readonly T[],
  asked: readonly T[],
  now: readonly T[],
): T[] {
  const byId = (all: readonly T[]) => new Map(all.map((item) => [item.id, item]));
  const [said, before, here] = [byId(answer), byId(asked), byId(now)];
  const known = answer.flatMap((item) => {
    const current = here.get(item.id);
    if (current === undefined) return before.has(item.id) ? [] : [item];
    return current.version > item.version ? [current] : [item];
  });
  return [...known, ...now.filter(({ id }) => !said.has(id) && !before.has(id))];
}
