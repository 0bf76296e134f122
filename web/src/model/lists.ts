/** Making, renaming, colouring and deleting lists. */
import type { ReadonlySignal, Signal } from "@preact/signals";
import { ifReached, randomId } from "../api/client.ts";
import type { Rondo } from "../api/rondo.ts";
import type { ChangeType, Colour, List, ListWithCount } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import { asBefore } from "./answers.ts";
import { temporaryId } from "./intents.ts";
import type { Router } from "./route.ts";
import type { Toasts } from "./toasts.ts";
import { quoted } from "./wording.ts";

export interface ListActionsOptions {
  rondo: Rondo;
  /** The lists as the server said them. */
  known: Signal<readonly ListWithCount[]>;
  /** The lists as they are shown, with what waits to be sent. */
  lists: ReadonlySignal<readonly ListWithCount[]>;
  toasts: Toasts;
  actions: Actions;
  router: Router;
  /** Without a connection a change waits in the queue that every change waits in. */
  offline: () => boolean;
  /** How a sentence ends about a change that waits. */
  later: () => string;
  now: () => Temporal.Instant;
}
export type ListActions = ReturnType<typeof createListActions>;

export function createListActions(options: ListActionsOptions) {
  const { rondo, known, lists, toasts, actions, router, offline, later, now } = options;

  function put(list: List): void {
    const before = known.peek().find((other) => other.id === list.id);
    if (before === undefined) known.value = [...known.peek(), { ...list, open: 0 }];
    else if (list.version >= before.version) {
      known.value = known.peek().map((other) => other.id === list.id ? { ...other, ...list } : other);
    }
  }
  const drop = (id: string) => {
    known.value = known.peek().filter((list) => list.id !== id);
  };
  const leave = (id: string) => {
    const { view } = router.route.peek();
    if (view.name === "list" && view.listId === id) router.go("/inbox", { replace: true });
  };

  return {
    /** A change of a list that came over the stream. */
    apply(list: List, type: ChangeType): void {
      if (type === "list.deleted.v1" || list.deletedAt !== null) drop(list.id);
      else put(list);
    },
    /** Takes a list out that the server has deleted. */
    drop,
    /**
     * Makes a list; throws as the API does, so that the form can show what is wrong. Without a connection it has a
     * temporary id until it is saved.
     */
    async create(name: string, colour: Colour): Promise<List> {
      const key = randomId();
      const said = `List ${quoted(name)} made${later()}`;
      const reached = await ifReached(offline, () => rondo.createList({ name, colour }, key));
      if (reached !== null) {
        put(reached.answer);
        toasts.say(`List ${name} made`);
        return reached.answer;
      }
      const at = now().toString();
      const list: List = {
        ...{ id: temporaryId(randomId()), name, colour, inbox: false },
        // After all others, where the server puts it as well.
        ...{ position: "~", version: 0, createdAt: at, updatedAt: at, deletedAt: null },
      };
      actions.keep({ kind: "create-list", list }, {
        ...{ title: name, key, failed: `Could not make the list ${quoted(name)}` },
        step: { type: "list.created.v1", said },
      });
      return list;
    },
    async update(id: string, change: { name?: string; colour?: Colour }): Promise<void> {
      const before = known.peek().find((list) => list.id === id);
      const show = (part: Partial<List>) => {
        known.value = known.peek().map((list) => list.id === id ? { ...list, ...part } : list);
      };
      const key = randomId();
      const title = lists.peek().find((list) => list.id === id)?.name ?? "";
      const reached = await ifReached(offline, () => {
        show(change);
        return rondo.patchList(id, change, key);
      }, () => {
        // A newer version came meanwhile: it says how the list is.
        const { version } = known.peek().find((list) => list.id === id) ?? {};
        if (before !== undefined && version === before.version) show(asBefore(change, before));
      });
      if (reached !== null) return put(reached.answer);
      actions.keep({ kind: "patch-list", id, change }, {
        ...{ title, key, failed: `Could not change the list ${quoted(title)}` },
        step: { type: "list.updated.v1", said: `Changed the list ${quoted(title)}` },
      });
    },
    async remove(id: string): Promise<void> {
      const list = lists.peek().find((other) => other.id === id);
      if (list === undefined) return;
      const before = known.peek().find((other) => other.id === id);
      const key = randomId();
      const said = `Deleted the list ${quoted(list.name)}`;
      const failed = `Could not delete ${quoted(list.name)}`;
      leave(id);
      try {
        const reached = await ifReached(offline, () => {
          drop(id);
          return rondo.deleteList(id, key);
        }, () => {
          if (before === undefined || known.peek().some((other) => other.id === id)) return;
          known.value = [...known.peek(), before];
        });
        if (reached !== null) {
          return actions.offerUndo(said, [{ subject: id, type: "list.deleted.v1" }]);
        }
      } catch (error) {
        return actions.complain(failed, error);
      }
      actions.keep({ kind: "delete-list", id }, {
        ...{ title: list.name, key, failed },
        step: { type: "list.deleted.v1", said },
      });
    },
  };
}
