/** Lists, filters and settings as they will be once the server has what waits for it. Pure. */
import type { Filter, ListWithCount, Me } from "../api/types.ts";
import type { Intent, Operation } from "./intents.ts";
import { mergeProfile } from "./session.ts";

type RealId = (id: string) => string;

/** `all` with these operations; the same array when none of them is about lists. */
export function listsWith(
  all: readonly ListWithCount[],
  operations: readonly Operation[],
  realId: RealId,
): readonly ListWithCount[] {
  return operations.reduce((lists, { intent }) => listsAfter(lists, intent, realId), all);
}

function listsAfter(
  lists: readonly ListWithCount[],
  intent: Intent,
  realId: RealId,
): readonly ListWithCount[] {
  switch (intent.kind) {
    case "create-list":
      // Sent before, and its answer got lost: the stream may have brought it already.
      return lists.some(({ id }) => id === realId(intent.list.id))
        ? lists
        : [...lists, { ...intent.list, open: 0 }];
    case "patch-list":
      return lists.map((list) => same(list, intent.id, realId) ? { ...list, ...intent.change } : list);
    case "delete-list":
      return lists.filter((list) => !same(list, intent.id, realId));
    default:
      return lists;
  }
}

/** `all` with these operations; the same array when none of them is about filters. */
export function filtersWith(
  all: readonly Filter[],
  operations: readonly Operation[],
  realId: RealId,
): readonly Filter[] {
  return operations.reduce((filters, { intent }) => filtersAfter(filters, intent, realId), all);
}

function filtersAfter(filters: readonly Filter[], intent: Intent, realId: RealId): readonly Filter[] {
  switch (intent.kind) {
    case "create-filter":
      return filters.some(({ id }) => id === realId(intent.filter.id))
        ? filters
        : [...filters, intent.filter];
    case "patch-filter":
      return filters.map((filter) =>
        same(filter, intent.id, realId) ? { ...filter, ...intent.change } : filter
      );
    case "delete-filter":
      return filters.filter((filter) => !same(filter, intent.id, realId));
    default:
      return filters;
  }
}

const same = ({ id }: { id: string }, meant: string, realId: RealId) => id === meant || id === realId(meant);

/** The profile with the settings that wait. */
export function profileWith(me: Me, operations: readonly Operation[]): Me {
  return operations.reduce(
    (profile, { intent }) => intent.kind === "profile" ? mergeProfile(profile, intent.patch) : profile,
    me,
  );
}
