/** Saved filters, and what a query finds among the tasks of the store. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import {
  compileFilter,
  type FilterProblem,
  type Matcher,
  parseFilter,
} from "../../../services/shared/domain/filters/mod.ts";
import type { Calls } from "../api/calls.ts";
import { ifReached, randomId } from "../api/client.ts";
import type { ChangeType, Filter, ListWithCount, Task } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import { brought } from "./answers.ts";
import { type Calendar, instantDay, localDue } from "./dates.ts";
import { type Counts, type Section, type Sort, sorted } from "./grouping.ts";
import { type Operation, temporaryId } from "./intents.ts";
import { filtersWith } from "./pending.ts";
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
  /** What the server has not got yet. */
  operations: () => readonly Operation[];
  realId: (id: string) => string;
  /** Without a connection a change waits in the queue that every change waits in. */
  offline: () => boolean;
  /** How a sentence ends about a change that waits. */
  later: () => string;
}

type Query =
  | { state: "empty" }
  | { state: "wrong"; problem: FilterProblem }
  | { state: "ready"; sections: { text: string; matches: Matcher<Task> }[] };

const byPlace = (a: Filter, b: Filter) => a.position < b.position ? -1 : a.position > b.position ? 1 : 0;

export function createFilters(options: FiltersOptions) {
  const { calls, actions, router, session, lists, calendar, counts, operations, realId, offline, later } =
    options;
  /** The filters as the server said them. */
  const known = signal<readonly Filter[]>([]);
  const items = computed(() => filtersWith(known.value, operations(), realId));
  const state = signal<"idle" | "ready" | "failed">("idle");
  /** Which user's visit this is. */
  let visit = 0;

  const put = (filter: Filter) => {
    const before = known.peek().find((other) => other.id === filter.id);
    if (before !== undefined && before.version > filter.version) return;
    known.value = [...known.peek().filter((other) => other.id !== filter.id), filter].sort(byPlace);
  };
  const drop = (id: string) => {
    known.value = known.peek().filter((filter) => filter.id !== id);
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
    const listsById = new Map(lists.value.map((list) => [list.id, list]));
    const { subtasks } = counts.value;
    const world = {
      today: day,
      time,
      localDue: (due: NonNullable<Task["due"]>) => localDue(due, timeZone),
      dayOf: (instant: string) => instantDay(instant, timeZone).day,
      list: (id: string) => listsById.get(id),
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
    items,
    /** As the server said them: what is kept for the next visit. */
    known: computed(() => known.value),
    /** What this browser kept, until the server has been asked. */
    restore(kept: readonly Filter[]): void {
      if (state.peek() === "ready" || kept.length === 0) return;
      known.value = kept;
      state.value = "ready";
    },
    state: computed(() => state.value),
    text,
    query,
    async load(): Promise<void> {
      const mine = visit;
      try {
        const asked = known.peek();
        const { items } = await calls.filters();
        known.value = brought(items, asked, known.peek()).sort(byPlace);
        state.value = "ready";
      } catch {
        // The tasks are read beside it and say what is wrong with the connection.
        if (mine === visit && state.peek() === "idle") state.value = "failed";
      }
    },
    /** Of these tasks what the query on screen finds, a section for each part of it. */
    sections(tasks: readonly Task[], sort: Sort): Section[] {
      const current = query.value;
      if (current.state !== "ready") return [];
      // A task stands in the first part that it fits: rows are told apart by their task.
      const placed = new Set<string>();
      return current.sections.map(({ text, matches }, index): Section => {
        const fits = tasks.filter((task) => !placed.has(task.id) && matches(task));
        const found = sorted(fits, sort, calendar.value);
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
    put,
    drop,
    /** Saves a query under a name; throws as the API does. Without a connection it has a temporary id until then. */
    async create(name: string, query: string): Promise<Filter> {
      const key = randomId();
      const said = `Saved the filter ${quoted(name)}`;
      const waits = said + later();
      const reached = await ifReached(offline, () => calls.createFilter({ name, query }, key));
      if (reached !== null) {
        put(reached.answer);
        actions.offerUndo(said, [{ subject: reached.answer.id, type: "filter.created.v1" }]);
        return reached.answer;
      }
      const at = calendar.peek().now.toString();
      const filter: Filter = {
        ...{ id: temporaryId(randomId()), name, query, position: "~", version: 0 },
        ...{ createdAt: at, updatedAt: at, deletedAt: null },
      };
      actions.keep({ kind: "create-filter", filter }, {
        ...{ title: name, key, failed: `Could not save the filter ${quoted(name)}` },
        step: { type: "filter.created.v1", said: waits },
      });
      return filter;
    },
    /** Renames a filter or saves another query; throws as the API does. */
    async update(id: string, change: { name?: string; query?: string }): Promise<void> {
      const key = randomId();
      const title = items.peek().find((filter) => filter.id === id)?.name ?? "";
      const reached = await ifReached(offline, () => calls.patchFilter(id, change, key));
      if (reached !== null) {
        put(reached.answer);
        return actions.offerUndo(`Saved the filter ${quoted(reached.answer.name)}`, [{
          subject: id,
          type: "filter.updated.v1",
        }]);
      }
      actions.keep({ kind: "patch-filter", id, change }, {
        ...{ title, key, failed: `Could not save the filter ${quoted(title)}` },
        step: { type: "filter.updated.v1", said: `Saved the filter ${quoted(change.name ?? title)}` },
      });
    },
    async remove(id: string): Promise<void> {
      const filter = items.peek().find((other) => other.id === id);
      if (filter === undefined) return;
      const key = randomId();
      const said = `Deleted the filter ${quoted(filter.name)}`;
      const failed = `Could not delete the filter ${quoted(filter.name)}`;
      const view = router.view.peek();
      if (view.name === "filter" && view.filterId === id) router.go("/today", { replace: true });
      try {
        const reached = await ifReached(offline, () => {
          drop(id);
          return calls.deleteFilter(id, key);
        }, () => put(filter));
        if (reached !== null) {
          return actions.offerUndo(said, [{ subject: id, type: "filter.deleted.v1" }]);
        }
      } catch (error) {
        return actions.complain(failed, error);
      }
      actions.keep({ kind: "delete-filter", id }, {
        ...{ title: filter.name, key, failed },
        step: { type: "filter.deleted.v1", said },
      });
    },
    clear(): void {
      visit += 1;
      known.value = [];
      state.value = "idle";
    },
  };
}
export type Filters = ReturnType<typeof createFilters>;
