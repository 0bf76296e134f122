/** What can be done to the selected tasks. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { tasksText } from "../model/bulk.ts";
import type { MenuKind } from "../model/ui.ts";
import { useApp } from "./context.ts";
import { CalendarDays, Check, Copy, Flag, Hash, List, RotateCcw, Trash2, X } from "./icons.tsx";

export function BulkBar(): JSX.Element {
  const app = useApp();
  const { selection, bulk, ui, toasts } = app;
  const ids = [...selection.ids.value];
  const [first] = ids;
  const trash = app.router.view.value.name === "trash";
  useEffect(() => toasts.say(`${tasksText(ids.length)} selected`), [ids.length]);

  const action = (label: string, key: string, icon: ComponentChildren, run: () => void, kind?: MenuKind) => (
    <button
      type="button"
      class="bulk-action"
      aria-label={`${label}: ${tasksText(ids.length)}`}
      title={key === "" ? label : `${label} (${key})`}
      aria-haspopup={kind === undefined ? undefined : "dialog"}
      data-bulk={kind}
      onClick={run}
    >
      {icon}
      <span class="bulk-label">{label}</span>
    </button>
  );
  const menu = (kind: MenuKind) => () => {
    if (first !== undefined) ui.openMenu({ kind, taskId: first, from: "bulk" });
  };
  return (
    <section class="bulk" aria-label="Selected tasks">
      <span class="bulk-count">
        {ids.length.toLocaleString()} <span class="bulk-label">selected</span>
      </span>
      {trash
        ? action("Restore", "", <RotateCcw size={16} />, () => {
          for (const id of ids) void app.actions.restore(id);
          selection.clear();
        })
        : (
          <>
            {action("Complete", "x", <Check size={16} />, () => void bulk.complete(ids))}
            {action("Date", "d", <CalendarDays size={16} />, menu("due"), "due")}
            {action("Priority", "p", <Flag size={16} />, menu("priority"), "priority")}
            {action("List", "l", <List size={16} />, menu("list"), "list")}
            {action("Tags", "#", <Hash size={16} />, menu("tags"), "tags")}
            {action("Duplicate", "c", <Copy size={16} />, () => void bulk.duplicate(ids))}
            {action("Delete", "Del", <Trash2 size={16} />, () => void bulk.remove(ids))}
          </>
        )}
      <button
        type="button"
        class="icon-button"
        aria-label="End the selection"
        title="End the selection (Esc)"
        onClick={() => {
          selection.clear();
          ui.focusRow(first ?? null);
        }}
      >
        <X size={16} />
      </button>
    </section>
  );
}
