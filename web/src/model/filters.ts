/** Saved filters, and what a query finds among the tasks of the store. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import {
  compileFilter,
  type FilterProblem,
  type Matcher,
  parseFilter,
} from "../../../services/shared/domain/filters/mod.ts";
import type { Calls } from "../api/calls.ts";
import type { ChangeType, Filter, ListWithCount, Task } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import { type Calendar, dayOf, localDue } from "./dates.ts";
import { comparator, type Counts, type Section, type Sort } from "./grouping.ts";
import type { Router } from "./route.ts";
import type { SessionModel } from "./session.ts";
import { quoted } from "./wording.ts";

export interface FiltersOptions {
  calls: Calls;
  actions: Actions;
  router: Router;
  session: SessionModel;
  lists: ReadonlySignal<readonly ListWithCount[]>;
  calendar: ReadonlySignal<Calendar>;
  counts: ReadonlySignal<Counts>;
}

type Query =
  | { state: "empty" }
  | { state: "wrong"; problem: FilterProblem }
  | { state: "ready"; sections: { text: string; matches: Matcher<Task> }[] };

const byPlace = (a: Filter, b: Filter) => a.position < b.position ? -1 : a.position > b.position ? 1 : 0;

export function createFilters(options: FiltersOptions) {
  const { calls, actions, router, session, lists, calendar, counts } = options;
  const items = signal<readonly Filter[]>([]);
  const state = signal<"idle" | "ready" | "failed">("idle");

  const put = (filter: Filter) => {
    const known = items.peek().find((other) => other.id === filter.id);
    if (known !== undefined && known.version > filter.version) return;
    items.value = [...items.peek().filter((other) => other.id !== filter.id), filter].sort(byPlace);
  };
  const drop = (id: string) => {
    items.value = items.peek().filter((filter) => filter.id !== id);
  };

  /** The query that the filter view on screen shows: the one being written, else the saved one. */
  const text = computed<string | null>(() => {
    const view = router.view.value;
    if (view.name !== "filter") return null;
    return view.q ?? items.value.find((filter) => filter.id === view.filterId)?.query ?? "";
  });

  const query = computed<Query>(() => {
    const written = text.value;
    if (written === null || written.trim() === "") return { state: "empty" };
    const { now, timeZone, day, time } = calendar.value;
    const parsed = parseFilter(written, { now, timeZone, weekStart: session.preferences.value.weekStart });
    if (!parsed.ok) return { state: "wrong", problem: parsed.problem };
    const known = new Map(lists.value.map((list) => [list.id, list]));
    const { subtasks } = counts.value;
    const world = {
      today: day,
      time,
      localDue: (due: NonNullable<Task["due"]>) => localDue(due, timeZone),
      dayOf: (instant: string) => dayOf(instant, timeZone).toString(),
      list: (id: string) => known.get(id),
      hasSubtasks: (id: string) => (subtasks.get(id)?.open ?? 0) > 0,
    };
    return {
      state: "ready",
      sections: parsed.sections.map(({ text, condition }) => ({
        text,
        matches: compileFilter<Task>(condition, world),
      })),
    };
  });

  return {
    items: computed(() => items.value),
    state: computed(() => state.value),
    text,
    query,
    async load(): Promise<void> {
      try {
        items.value = (await calls.filters()).items.toSorted(byPlace);
        state.value = "ready";
      } catch {
        // The tasks are read beside it and say what is wrong with the connection.
        if (state.peek() === "idle") state.value = "failed";
      }
    },
    /** Of these tasks what the query on screen finds, a section for each part of it. */
    sections(tasks: readonly Task[], sort: Sort): Section[] {
      const current = query.value;
      if (current.state !== "ready") return [];
      const order = comparator(sort, calendar.value);
      // A task stands in the first part that it fits: rows are told apart by their task.
      const placed = new Set<string>();
      return current.sections.map(({ text, matches }, index): Section => {
        const found = tasks.filter((task) => !placed.has(task.id) && matches(task)).sort(order);
        for (const { id } of found) placed.add(id);
        return {
          key: `part-${index}`,
          heading: current.sections.length === 1 ? null : { kind: "words", text },
          tasks: found,
        };
      }).filter((section) => section.tasks.length > 0);
    },
    /** A change of a filter that came over the stream. */
    apply(filter: Filter, type: ChangeType): void {
      if (type === "filter.deleted.v1" || filter.deletedAt !== null) drop(filter.id);
      else put(filter);
    },
    /** Saves a query under a name; throws as the API does. */
    async create(name: string, query: string): Promise<Filter> {
      const filter = await calls.createFilter({ name, query });
      put(filter);
      actions.offerUndo(`Saved the filter ${quoted(name)}`, [{
        subject: filter.id,
        type: "filter.created.v1",
      }]);
      return filter;
    },
    /** Renames a filter or saves another query; throws as the API does. */
    async update(id: string, change: { name?: string; query?: string }): Promise<void> {
      const filter = await calls.patchFilter(id, change);
      put(filter);
      actions.offerUndo(`Saved the filter ${quoted(filter.name)}`, [{
        subject: id,
        type: "filter.updated.v1",
      }]);
    },
    async remove(id: string): Promise<void> {
      const filter = items.peek().find((other) => other.id === id);
      if (filter === undefined) return;
      drop(id);
      const view = router.view.peek();
      if (view.name === "filter" && view.filterId === id) router.go("/today", { replace: true });
      try {
        await calls.deleteFilter(id);
        actions.offerUndo(`Deleted the filter ${quoted(filter.name)}`, [{
          subject: id,
          type: "filter.deleted.v1",
        }]);
      } catch (error) {
        put(filter);
        actions.complain(`Could not delete the filter ${quoted(filter.name)}`, error);
      }
    },
    clear(): void {
      items.value = [];
      state.value = "idle";
    },
  };
}
export type Filters = ReturnType<typeof createFilters>;
