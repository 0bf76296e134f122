/** Wires the model together: one application, its state and everything a user can do. No DOM. */
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { type Client, createClient } from "../api/client.ts";
import { createRondo } from "../api/rondo.ts";
import type { Change, ListWithCount, Notification, Task } from "../api/types.ts";
import { openStream, type Stream, type StreamOptions } from "../live/stream.ts";
import { createActions } from "./actions.ts";
import { type Calendar, calendarAt, dayOf } from "./dates.ts";
import {
  comparator,
  countTasks,
  isLive,
  isOpen,
  pastSections,
  type Section,
  todaySections,
  upcomingSections,
} from "./grouping.ts";
import { createListActions } from "./lists.ts";
import { createNotifications } from "./notifications.ts";
import { createQuickAdd } from "./quickadd.ts";
import { createRouter, type History, type View, viewUrl } from "./route.ts";
import { createSession } from "./session.ts";
import { createTaskStore } from "./store.ts";
import { createToasts } from "./toasts.ts";
import { createUi } from "./ui.ts";
import { createUndoLog } from "./undo.ts";

export interface Platform {
  history: History;
  locale: string;
  timeZone: string;
  fetch?: typeof fetch;
  stream?: StreamOptions;
  now?: () => Temporal.Instant;
}

/** `syncing` = connected and still reading; `offline` = no stream, tries go on. */
export type Connection = "connecting" | "syncing" | "live" | "offline";

/** What a lazily read collection is doing. */
export type Load =
  | { state: "idle" }
  | { state: "loading" }
  | { state: "ready"; nextCursor: string | null; more: boolean }
  | { state: "failed"; error: unknown };

export type App = ReturnType<typeof createApp>;

/** Without a stream the tasks are read anyway after this long. */
const STREAM_PATIENCE_MS = 3_000;
const TICK_MS = 20_000;
/** So many changes within so long are drawn one by one; what comes on top (an import) waits and is drawn together. */
const BURST = 20;
const BURST_MS = 100;

export function createApp(platform: Platform) {
  const readNow = platform.now ?? (() => Temporal.Now.instant());
  const client: Client = createClient({
    fetch: platform.fetch,
    onUnauthorized: () => session.expire(),
  });
  const rondo = createRondo(client);
  const session = createSession(rondo, platform.timeZone);
  const router = createRouter(platform.history);
  const toasts = createToasts();
  const store = createTaskStore();
  const undoLog = createUndoLog(rondo);
  const ui = createUi();

  const lists = signal<readonly ListWithCount[]>([]);
  const connection = signal<Connection>("connecting");
  const tasksLoad = signal<Load>({ state: "idle" });
  const completedLoad = signal<Load>({ state: "idle" });
  const trashLoad = signal<Load>({ state: "idle" });
  const search = signal<{ q: string; load: Load; ids: readonly string[] }>({
    q: "",
    load: { state: "idle" },
    ids: [],
  });

  const now = signal(readNow());
  const calendar = computed<Calendar>(() => calendarAt(now.value, session.timeZone.value, platform.locale));
  const inbox = computed(() => lists.value.find((list) => list.inbox) ?? null);
  const sortedLists = computed(() =>
    lists.value.filter((list) => !list.inbox).toSorted((a, b) =>
      a.position < b.position ? -1 : a.position > b.position ? 1 : a.createdAt < b.createdAt ? -1 : 1
    )
  );
  const counts = computed(() => {
    store.revision.value;
    return countTasks(store.all(), inbox.value?.id ?? null, calendar.value);
  });
  const tags = computed(() =>
    [...counts.value.tags].sort(([a], [b]) => a.localeCompare(b)).map(([tag, open]) => ({ tag, open }))
  );

  const notifications = createNotifications(rondo, toasts, now);
  const actions = createActions({ rondo, store, toasts, undoLog, ui, lists, calendar, router });
  const listActions = createListActions({ rondo, lists, toasts, undoLog, actions, router });
  const quickAdd = createQuickAdd({ actions, listActions, lists, calendar, session, router, toasts });

  /** The tasks of the view on screen, in sections. Rows that settle after completion are still here. */
  const sections = computed<readonly Section[]>(() => {
    store.revision.value;
    const { view, sort } = router.route.value;
    const settling = ui.settling.value;
    const visible = (task: Task) => isOpen(task) || (settling.has(task.id) && isLive(task));
    const open = () => [...store.all()].filter(visible);
    /** Subtasks live inside their parent as long as that is open itself. */
    const top = (task: Task) => {
      if (task.parentId === null) return true;
      const parent = store.get(task.parentId);
      return parent === undefined || !visible(parent);
    };
    const one = (tasks: Task[], order = sort ?? "manual"): Section[] =>
      tasks.length === 0
        ? []
        : [{ key: "all", heading: null, tasks: tasks.sort(comparator(order, calendar.value)) }];
    switch (view.name) {
      case "inbox": {
        const id = inbox.value?.id;
        return one(open().filter((task) => task.listId === id && top(task)));
      }
      case "list":
        return one(open().filter((task) => task.listId === view.listId && top(task)));
      case "tag":
        return one(open().filter((task) => task.tags.includes(view.tag)), sort ?? "due");
      case "today":
        return todaySections(open(), calendar.value);
      case "upcoming":
        return upcomingSections(open(), calendar.value);
      case "search": {
        const found = search.value.ids.map((id) => store.get(id)).filter((task) => task !== undefined);
        const tasks = found.filter(isLive);
        return tasks.length === 0 ? [] : [{ key: "all", heading: null, tasks }];
      }
      case "completed":
        return pastSections(
          [...store.all()].filter((task) => isLive(task) && task.status === "completed"),
          "completedAt",
          (instant) => dayOf(instant, calendar.value.timeZone),
        );
      case "trash":
        return pastSections(
          [...store.all()].filter((task) => !isLive(task)),
          "deletedAt",
          (instant) => dayOf(instant, calendar.value.timeZone),
        );
      default:
        return [];
    }
  });
  /** The ids in the order of the screen: what j and k walk along. */
  const order = computed(() => sections.value.flatMap((section) => section.tasks.map((task) => task.id)));

  // ------------------------------------------------------------------------------------ reading

  async function loadLists(): Promise<void> {
    lists.value = (await rondo.lists()).items;
  }

  let snapshot = 0;
  /** Reads all open tasks, page by page; the first page shows at once. */
  async function loadTasks(): Promise<void> {
    const mine = ++snapshot;
    if (tasksLoad.peek().state !== "ready") tasksLoad.value = { state: "loading" };
    connection.value = connection.peek() === "offline" ? "offline" : "syncing";
    const seen = new Set<string>();
    const pass = store.beginSnapshot();
    try {
      let cursor: string | null = null;
      const listsRead = loadLists();
      // A rejection is met below; until then it must not count as unhandled.
      listsRead.catch(() => {});
      do {
        const page: { items: Task[]; nextCursor: string | null } = await rondo.tasks({
          status: "open",
          sort: "created",
          order: "asc",
          cursor,
        });
        if (mine !== snapshot) return;
        for (const task of page.items) seen.add(task.id);
        if (cursor === null) await listsRead;
        batch(() => {
          store.applyAll(page.items);
          tasksLoad.value = { state: "ready", nextCursor: page.nextCursor, more: page.nextCursor !== null };
        });
        cursor = page.nextCursor;
      } while (cursor !== null);
      pass.finish(seen);
      if (connection.peek() === "syncing") connection.value = "live";
    } catch (error) {
      if (mine !== snapshot) return;
      if (tasksLoad.peek().state === "ready") {
        toasts.show({
          tone: "error",
          text: "Could not refresh your tasks",
          detail: "What you see may be out of date.",
          action: { label: "Try again", run: () => void loadTasks() },
        });
      } else tasksLoad.value = { state: "failed", error };
    }
  }

  function pager(load: typeof completedLoad, filter: Parameters<typeof rondo.tasks>[0]) {
    return async (): Promise<void> => {
      const before = load.peek();
      if (before.state === "loading") return;
      const cursor = before.state === "ready" ? before.nextCursor : null;
      if (before.state === "ready" && cursor === null) return;
      if (before.state !== "ready") load.value = { state: "loading" };
      try {
        const page = await rondo.tasks({ ...filter, limit: 100, cursor });
        batch(() => {
          store.applyAll(page.items);
          load.value = { state: "ready", nextCursor: page.nextCursor, more: false };
        });
      } catch (error) {
        load.value = { state: "failed", error };
      }
    };
  }
  const loadCompleted = pager(completedLoad, { status: "completed" });
  const loadTrash = pager(trashLoad, { deleted: true, status: "all" });

  let searching: AbortController | null = null;
  async function runSearch(q: string): Promise<void> {
    searching?.abort();
    const words = q.trim();
    if (words === "") {
      search.value = { q, load: { state: "idle" }, ids: [] };
      return;
    }
    const mine = searching = new AbortController();
    search.value = { ...search.peek(), q, load: { state: "loading" } };
    try {
      const page = await rondo.tasks(
        { q: words, status: "all", sort: "relevance", limit: 100 },
        mine.signal,
      );
      if (mine.signal.aborted) return;
      batch(() => {
        store.applyAll(page.items);
        search.value = {
          q,
          load: { state: "ready", nextCursor: page.nextCursor, more: false },
          ids: page.items.map((task) => task.id),
        };
      });
    } catch (error) {
      if (!mine.signal.aborted) search.value = { ...search.peek(), load: { state: "failed", error } };
    }
  }

  /** A task that is open in the detail pane may be in no list that has been read: read it alone. */
  const missing = signal<string | null>(null);
  async function loadTask(id: string): Promise<void> {
    if (store.get(id) !== undefined) return;
    missing.value = null;
    try {
      store.apply(await rondo.task(id));
    } catch {
      missing.value = id;
    }
  }

  // --------------------------------------------------------------------------------- the stream

  /** Events of tasks that this tab is creating wait until the answer has named them. */
  const held: Change[] = [];
  function applyTask(change: Change): void {
    if (change.task === null) return;
    if (
      change.type === "task.created.v1" && store.creating() > 0 && store.get(change.task.id) === undefined
    ) {
      held.push(change);
      return;
    }
    store.apply(change.task);
    actions.noteArrival(change.task, change.type);
  }
  effect(() => {
    store.revision.value;
    if (store.creating() > 0 || held.length === 0) return;
    const waiting = held.splice(0);
    queueMicrotask(() => batch(() => waiting.forEach(applyTask)));
  });

  function applyChange(change: Change): void {
    undoLog.record(change);
    batch(() => {
      applyTask(change);
      if (change.list) listActions.apply(change.list, change.type);
      if (change.profile) session.apply(change.profile);
    });
    // What happened to the tasks of a list is not told one by one.
    if (change.type === "list.deleted.v1" || change.type === "list.restored.v1") void loadTasks();
  }

  const crowd: Change[] = [];
  let crowding: ReturnType<typeof setTimeout> | undefined;
  let windowEnds = 0;
  let windowCount = 0;
  function takeChange(change: Change): void {
    const at = performance.now();
    if (at > windowEnds) {
      windowEnds = at + BURST_MS;
      windowCount = 0;
    }
    windowCount += 1;
    if (crowd.length === 0 && windowCount <= BURST) return applyChange(change);
    if (crowd.push(change) > 1) return;
    crowding = setTimeout(() => batch(() => crowd.splice(0).forEach(applyChange)), BURST_MS);
  }

  let stream: Stream | null = null;
  let patience: ReturnType<typeof setTimeout> | undefined;
  let ticking: ReturnType<typeof setInterval> | undefined;

  function startLive(): void {
    if (stream !== null) return;
    connection.value = "connecting";
    patience = setTimeout(() => {
      if (tasksLoad.peek().state === "idle") void loadTasks();
    }, STREAM_PATIENCE_MS);
    ticking = setInterval(tick, TICK_MS);
    void notifications.load();
    stream = openStream({
      onReady(_seq, resumed) {
        connection.value = "live";
        const { state } = tasksLoad.peek();
        if (!resumed || state === "failed" || state === "idle") void loadTasks();
      },
      onChange: takeChange,
      onNotification: (notification: Notification) => notifications.arrive(notification),
      onResync() {
        void loadTasks();
        void notifications.load();
      },
      onDown() {
        connection.value = "offline";
        if (tasksLoad.peek().state === "idle") void loadTasks();
        // An expired session shows as a stream that will not open: only a call can tell the two apart.
        void rondo.me().then((me) => session.apply(me)).catch(() => {});
      },
    }, platform.stream);
  }

  function stopLive(): void {
    clearTimeout(patience);
    clearInterval(ticking);
    clearTimeout(crowding);
    crowd.length = 0;
    stream?.close();
    stream = null;
  }

  /** Everything of one user leaves memory with them. */
  function forget(): void {
    batch(() => {
      snapshot += 1;
      stopLive();
      store.clear();
      held.length = 0;
      undoLog.clear();
      actions.clear();
      notifications.clear();
      ui.clear();
      toasts.clear();
      lists.value = [];
      tasksLoad.value = { state: "idle" };
      completedLoad.value = { state: "idle" };
      trashLoad.value = { state: "idle" };
      search.value = { q: "", load: { state: "idle" }, ids: [] };
    });
  }

  function tick(): void {
    const next = readNow();
    // Only what a screen can show: minutes.
    if (Math.floor(next.epochMilliseconds / 60_000) === Math.floor(now.peek().epochMilliseconds / 60_000)) {
      return;
    }
    now.value = next;
  }

  const signedIn = computed(() => session.session.value.state === "signed-in");
  effect(() => {
    const start = signedIn.value;
    untracked(() => start ? startLive() : forget());
  });
  effect(() => {
    if (!signedIn.value) return;
    const { view, taskId } = router.route.value;
    const ready = tasksLoad.value.state === "ready";
    untracked(() => {
      if (view.name === "completed" && completedLoad.value.state === "idle") void loadCompleted();
      if (view.name === "trash" && trashLoad.value.state === "idle") void loadTrash();
      if (view.name === "search" && search.value.q !== view.q) void runSearch(view.q);
      if (taskId !== null && ready) void loadTask(taskId);
    });
  });

  // "Back" leaves nothing hanging on what is gone.
  effect(() => {
    router.viewKey.value;
    router.taskId.value;
    untracked(() => ui.closeMenu());
  });

  return {
    platform,
    rondo,
    session,
    router,
    toasts,
    store,
    ui,
    actions,
    listActions,
    notifications,
    quickAdd,
    undoLog,
    calendar,
    connection: computed(() => connection.value),
    lists: computed(() => lists.value),
    sortedLists,
    inbox,
    tags,
    counts,
    sections,
    order,
    tasksLoad: computed(() => tasksLoad.value),
    completedLoad: computed(() => completedLoad.value),
    trashLoad: computed(() => trashLoad.value),
    search: computed(() => search.value),
    missing: computed(() => missing.value),
    loadTasks,
    loadLists,
    loadCompleted,
    loadTrash,
    runSearch,
    tick,
    /** The network or the tab is back: do not wait for the next try. */
    wake(): void {
      tick();
      stream?.wake();
    },
    /** The network is gone. */
    cut(): void {
      stream?.cut();
    },
    start: () => session.load(),
    /** Where a view's title leads, for links. */
    href: (view: View) => viewUrl(view),
  };
}
