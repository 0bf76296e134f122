/** Making, renaming, colouring and deleting lists. */
import type { Signal } from "@preact/signals";
import type { Rondo } from "../api/rondo.ts";
import type { ChangeType, Colour, List, ListWithCount } from "../api/types.ts";
import type { Actions } from "./actions.ts";
import type { Router } from "./route.ts";
import type { Toasts } from "./toasts.ts";
import type { UndoLog } from "./undo.ts";
import { quoted } from "./wording.ts";

export interface ListActionsOptions {
  rondo: Rondo;
  lists: Signal<readonly ListWithCount[]>;
  toasts: Toasts;
  undoLog: UndoLog;
  actions: Actions;
  router: Router;
}
export type ListActions = ReturnType<typeof createListActions>;

export function createListActions({ rondo, lists, toasts, actions, router }: ListActionsOptions) {
  function put(list: List): void {
    const known = lists.peek().find((other) => other.id === list.id);
    if (known === undefined) lists.value = [...lists.peek(), { ...list, open: 0 }];
    else if (list.version >= known.version) {
      lists.value = lists.peek().map((other) => other.id === list.id ? { ...other, ...list } : other);
    }
  }
  const drop = (id: string) => {
    lists.value = lists.peek().filter((list) => list.id !== id);
  };

  return {
    /** A change of a list that came over the stream. */
    apply(list: List, type: ChangeType): void {
      if (type === "list.deleted.v1" || list.deletedAt !== null) drop(list.id);
      else put(list);
    },
    /** Makes a list; throws as the API does, so that the form can show what is wrong. */
    async create(name: string, colour: Colour): Promise<List> {
      const list = await rondo.createList({ name, colour });
      put(list);
      toasts.say(`List ${name} made`);
      return list;
    },
    async update(id: string, change: { name?: string; colour?: Colour }): Promise<void> {
      const before = lists.peek();
      lists.value = before.map((list) => list.id === id ? { ...list, ...change } : list);
      try {
        put(await rondo.patchList(id, change));
      } catch (error) {
        lists.value = before;
        throw error;
      }
    },
    async remove(id: string): Promise<void> {
      const list = lists.peek().find((other) => other.id === id);
      if (list === undefined) return;
      const before = lists.peek();
      drop(id);
      const { view } = router.route.peek();
      if (view.name === "list" && view.listId === id) router.go("/inbox", { replace: true });
      try {
        await rondo.deleteList(id);
        actions.offerUndo(`Deleted the list ${quoted(list.name)}`, [{
          subject: id,
          type: "list.deleted.v1",
        }]);
      } catch (error) {
        lists.value = before;
        actions.complain(`Could not delete ${quoted(list.name)}`, error);
      }
    },
  };
}
