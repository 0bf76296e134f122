/** Everything that can be done by a word: what the palette offers, with the keys that do the same. */
import type { App } from "./app.ts";
import { isOpen } from "./grouping.ts";
import { PRIORITIES } from "./priorities.ts";
import { viewUrl } from "./route.ts";
import { quoted } from "./wording.ts";

export interface Command {
  id: string;
  title: string;
  /** What it is about, shown quietly. */
  group: "Task" | "Go to" | "List" | "Tag" | "Filter" | "Add" | "Look" | "Account";
  keys?: readonly string[];
  /** Further words that find it. */
  words?: string;
  run: () => void;
}

/** What the view gives to commands that need the window. */
export interface CommandHost {
  addTask: () => void;
  openKeys: () => void;
}

/** The commands of this moment; those on a task only where one is meant. */
export function commandsOf(app: App, host: CommandHost): Command[] {
  return [...taskCommands(app), ...addCommands(app, host), ...goCommands(app), ...otherCommands(app, host)];
}

function taskCommands(app: App): Command[] {
  const { ui, router, actions, bulk, moves, selection } = app;
  const focused = ui.focused.peek();
  const id = focused !== null && app.order.peek().includes(focused) ? focused : router.taskId.peek();
  const task = id === null ? undefined : app.store.get(id);
  if (id === null || task === undefined) return [];
  const ids = bulk.targets(id);
  const several = ids.length > 1;
  const what = several ? `${ids.length} tasks` : quoted(task.title);
  const command = (
    name: string,
    title: string,
    keys: readonly string[],
    run: () => void,
    words = "",
  ): Command => ({
    id: `task.${name}`,
    title: `${title}: ${what}`,
    group: "Task",
    keys,
    words,
    run,
  });
  const menu = (kind: "due" | "priority" | "list" | "tags" | "recurrence" | "reminders") => () =>
    ui.openMenu({ kind, taskId: id, from: several ? "bulk" : "row" });
  if (task.deletedAt !== null) {
    return [command("restore", "Restore", [], () => void actions.restore(id, app.order.peek()))];
  }
  const { today } = app.calendar.peek();
  const day = (days: number) => today.add({ days }).toString();
  const monday = 8 - today.dayOfWeek;
  return [
    isOpen(task)
      ? command(
        "complete",
        "Complete",
        ["x"],
        () => void (several ? bulk.complete(ids) : actions.complete(id, app.order.peek())),
        "done finish",
      )
      : command("reopen", "Reopen", ["x"], () => void actions.reopen(id)),
    command("open", "Open", ["Enter"], () => router.openTask(id)),
    command("edit", "Edit the title", ["e"], () => {
      router.openTask(id);
      ui.requestTitleEdit();
    }, "rename"),
    command("due", "Set the date", ["d"], menu("due"), "schedule due"),
    command("today", "Move to today", ["t"], () => void bulk.setDay(ids, day(0)), "reschedule"),
    command(
      "tomorrow",
      "Move to tomorrow",
      ["T"],
      () => void bulk.setDay(ids, day(1)),
      "reschedule postpone",
    ),
    command(
      "week",
      "Move to next week",
      ["w"],
      () => void bulk.setDay(ids, day(monday)),
      "reschedule postpone",
    ),
    command("nodate", "Remove the date", [], () => void bulk.setDue(ids, null), "clear"),
    command("priority", "Set the priority", ["p"], menu("priority")),
    ...PRIORITIES.map(({ value, label }) =>
      command(
        `priority.${value}`,
        `Priority ${label.toLowerCase()}`,
        [],
        () => void bulk.setPriority(ids, value),
      )
    ),
    command("list", "Move to a list", ["l"], menu("list"), "project"),
    command("tags", "Change the tags", ["#"], menu("tags"), "label"),
    ...(several ? [] : [
      command("recurrence", "Set the repeat", [], menu("recurrence"), "recurring every"),
      command("reminders", "Set reminders", [], menu("reminders"), "notify"),
      command("activity", "Show the activity", [], () => router.openTask(id, "activity"), "history undo"),
      command("ledger", "Show the reminder log", [], () => router.openTask(id, "reminders"), "why fire"),
      ...(task.recurrence === null
        ? []
        : [command("skip", "Skip this occurrence", [], () => void actions.skip(id))]),
      ...(task.parentId === null
        ? []
        : [command("outdent", "Make it a task of its own", ["["], () => void moves.setParent(id, null))]),
    ]),
    command("duplicate", "Duplicate", ["c"], () => void bulk.duplicate(ids), "copy"),
    command(
      "select",
      selection.has(id) ? "Take out of the selection" : "Select",
      ["v"],
      () => selection.toggle(id),
    ),
    command(
      "delete",
      "Move to the trash",
      ["Del"],
      () => void (several ? bulk.remove(ids) : actions.remove(id, app.order.peek())),
      "delete remove",
    ),
  ];
}

function addCommands(app: App, host: CommandHost): Command[] {
  return [
    { id: "add", title: "Add a task", group: "Add", keys: ["q"], words: "new create", run: host.addTask },
    {
      id: "filter.new",
      title: "New filter",
      group: "Add",
      words: "query create",
      run: () => app.router.goView({ name: "filter", filterId: null, q: null }),
    },
  ];
}

function goCommands(app: App): Command[] {
  const { router } = app;
  const go = (name: string, title: string, keys: readonly string[], url: string, words = ""): Command => ({
    id: `go.${name}`,
    title,
    group: "Go to",
    keys,
    words,
    run: () => router.go(url),
  });
  return [
    go("inbox", "Inbox", ["g", "i"], "/inbox"),
    go("today", "Today", ["g", "t"], "/today"),
    go("upcoming", "Upcoming", ["g", "u"], "/upcoming"),
    go("calendar", "Calendar", ["g", "k"], "/calendar", "month"),
    go("week", "Calendar: week", [], "/calendar?span=week"),
    go("board", "Board", ["g", "b"], "/board", "kanban columns"),
    go("board.priority", "Board by priority", [], "/board?by=priority"),
    go("board.tag", "Board by tag", [], "/board?by=tag"),
    go("search", "Search", ["/"], "/search"),
    go("notifications", "Notifications", ["g", "n"], "/notifications"),
    go("activity", "Activity", ["g", "a"], "/activity", "history audit"),
    go("reminders", "Reminders", ["g", "r"], "/reminders", "ledger why fire"),
    go("completed", "Completed", ["g", "c"], "/completed", "done"),
    go("trash", "Trash", ["g", "x"], "/trash", "deleted bin"),
    go("settings", "Settings", ["g", "s"], "/settings", "preferences devices keys"),
    ...app.sortedLists.peek().map((list): Command => ({
      id: `list.${list.id}`,
      title: list.name,
      group: "List",
      run: () => router.go(viewUrl({ name: "list", listId: list.id })),
    })),
    ...app.filters.items.peek().map((filter): Command => ({
      id: `filter.${filter.id}`,
      title: filter.name,
      group: "Filter",
      run: () => router.goView({ name: "filter", filterId: filter.id, q: null }),
    })),
    ...app.tags.peek().map(({ tag }): Command => ({
      id: `tag.${tag}`,
      title: `#${tag}`,
      group: "Tag",
      run: () => router.goView({ name: "tag", tag }),
    })),
  ];
}

function otherCommands(app: App, host: CommandHost): Command[] {
  const { session, actions, selection } = app;
  const set = (patch: Parameters<typeof session.patch>[0]) => () =>
    void session.patch(patch).catch((error) => actions.complain("Could not save this setting", error));
  const theme = (value: "system" | "light" | "dark", title: string): Command => ({
    id: `theme.${value}`,
    title,
    group: "Look",
    words: "theme mode colour",
    run: set({ preferences: { theme: value } }),
  });
  const { density } = session.preferences.peek();
  return [
    {
      id: "undo",
      title: "Undo the last step",
      group: "Task",
      keys: ["z"],
      run: () => void actions.undoLast(),
    },
    {
      id: "select.all",
      title: "Select all tasks on screen",
      group: "Task",
      keys: ["Ctrl", "a"],
      run: () => selection.all(app.order.peek()),
    },
    {
      id: "keys",
      title: "Keyboard shortcuts",
      group: "Look",
      keys: ["?"],
      words: "help",
      run: host.openKeys,
    },
    theme("light", "Light theme"),
    theme("dark", "Dark theme"),
    theme("system", "Theme like the system"),
    density === "compact"
      ? {
        id: "density",
        title: "Comfortable rows",
        group: "Look",
        words: "density",
        run: set({ preferences: { density: "comfortable" } }),
      }
      : {
        id: "density",
        title: "Compact rows",
        group: "Look",
        words: "density",
        run: set({ preferences: { density: "compact" } }),
      },
    {
      id: "sign-out",
      title: "Sign out",
      group: "Account",
      words: "log out leave",
      run: () => void app.signOut(),
    },
  ];
}
