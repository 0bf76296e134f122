/** Wires the model together: one application, its state and everything a user can do. No DOM. */
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { ApiError, type Client, createClient, isAway } from "../api/client.ts";
import { createCalls } from "../api/calls.ts";
import { createRondo } from "../api/rondo.ts";
import { fold } from "../../../services/shared/domain/filters/mod.ts";
import type { Change, Filter, List, ListWithCount, Me, Task } from "../api/types.ts";
import type { StreamOptions } from "../live/stream.ts";
import type { TabsOptions } from "../live/tabs.ts";
import { type LocalCopies, memoryCopies } from "../local/copy.ts";
import { brought } from "./answers.ts";
import { createActions } from "./actions.ts";
import { createBulk } from "./bulk.ts";
import { type Calendar, calendarAt, dayOf } from "./dates.ts";
import { createFilters } from "./filters.ts";
import {
  countTasks,
  isLive,
  isOpen,
  pastSections,
  type Section,
  sorted,
  todaySections,
  upcomingSections,
} from "./grouping.ts";
import type { OtherAnswer, OtherIntent } from "./intents.ts";
import { createListActions } from "./lists.ts";
import { createMoves } from "./moves.ts";
import { createNotifications } from "./notifications.ts";
import { listsWith, profileWith } from "./pending.ts";
import { createPush, type PushPlatform } from "./push.ts";
import { createQuickAdd } from "./quickadd.ts";
import { createRouter, type History, type View, viewUrl } from "./route.ts";
import { createSelection } from "./selection.ts";
import { createSession } from "./session.ts";
import { createTaskStore } from "./store.ts";
import { createSync } from "./sync.ts";
import { createToasts } from "./toasts.ts";
import { createUi } from "./ui.ts";
import { createUndoLog } from "./undo.ts";
import { plural, quoted } from "./wording.ts";

export interface Platform {
  history: History;
  locale: string;
  timeZone: string;
  fetch?: typeof fetch;
  stream?: StreamOptions;
  /** Where copies of the tasks are kept; by default they end with the tab. */
  copies?: LocalCopies;
  /** How this tab finds the others; by default it is alone. */
  tabs?: TabsOptions;
  /** How this browser is pushed to; absent where it can't be. */
  push?: PushPlatform | null;
  /** Whether the browser thinks that it has a network. */
  online?: () => boolean;
  now?: () => Temporal.Instant;
}

export type { Connection } from "./sync.ts";

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
const NOTIFICATIONS_KEPT = 50;
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
  const push = createPush(rondo, platform.push ?? null);
  const session = createSession(rondo, platform.timeZone, {
    leave: () => sync.leave(),
    shown: (me) => profileWith(me, sync.operations.value),
    offline: () => offline(),
    keep: (patch, key) =>
      actions.keep({ kind: "profile", patch }, {
        ...{ title: "Settings", key, failed: "Could not save this setting" },
      }),
  });
  const calls = createCalls(client);
  const router = createRouter(platform.history);
  const toasts = createToasts();
  const store = createTaskStore();
  const undoLog = createUndoLog(rondo);
  const ui = createUi();

  /** The lists as the server said them. */
  const knownLists = signal<readonly ListWithCount[]>([]);
  const lists = computed(() => listsWith(knownLists.value, sync.operations.value, store.realId));
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
  const copies = platform.copies ?? memoryCopies();
  const sync = createSync({
    client,
    copies,
    store,
    now: readNow,
    stream: platform.stream,
    tabs: platform.tabs,
    online: platform.online,
    handlers: {
      onReady(resumed) {
        // What a view could not read while there was no connection is read now.
        for (const load of [completedLoad, trashLoad]) {
          const { state } = load.peek();
          if (state === "failed" || (state === "ready" && stale.delete(load))) load.value = { state: "idle" };
        }
        const { taskId } = router.route.peek();
        if (taskId !== null && missing.peek() !== taskId) void loadTask(taskId);
        const { state } = tasksLoad.peek();
        if (resumed && (state === "failed" || state === "idle")) void loadTasks();
      },
      onReload: (seq) => {
        void loadTasks(seq);
        void notifications.load();
      },
      onChange: (change) => takeChange(change),
      onNotification: (notification) => notifications.arrive(notification),
      onDown() {
        if (tasksLoad.peek().state === "idle") void loadTasks();
        // An expired session shows as a stream that will not open: only a call can tell the two apart.
        void rondo.me().then((me) => session.apply(me)).catch(() => {});
      },
      onRefused: (refusal) =>
        toasts.show({
          tone: "error",
          text: `Could not save a change of ${quoted(refusal.operation.title)}`,
          detail: refusal.text,
          action: { label: "Show", run: () => router.go("/not-saved") },
        }),
      onOther: (intent, answer) => takeOther(intent, answer),
      onLeft: () => session.left(),
    },
  });
  const { connection } = sync;
  const actions = createActions({ rondo, store, sync, toasts, undoLog, ui, lists, calendar, router });

  /** Signs out. What waits is sent before; what can't be sent now is dropped only when the user says so. */
  async function signOut(options: { drop?: boolean } = {}): Promise<void> {
    try {
      if (options.drop !== true && !await sync.settled(LAST_SENDING_MS)) {
        toasts.show({
          tone: "error",
          text: `${
            plural(sync.operations.peek().length, "change", "changes")
          } not sent yet, so you are still signed in`,
          detail: "They are only in this browser, which forgets them when you sign out.",
          action: { label: "Sign out and lose them", run: () => void signOut({ drop: true }) },
        });
        return;
      }
      // The next user of this browser must not be told what the one before had planned.
      await push.turnOff().catch(() => {});
      await session.signOut();
    } catch (error) {
      actions.complain("Could not sign out", error);
    }
  }
  /** What is sent directly would overtake what waits in the queue: then it waits there, too. */
  const behind = () => sync.operations.peek().length > 0;
  const offline = () => connection.peek() === "offline" || behind();
  /** What the sentence about a change ends with that was made now. */
  const later = () => connection.peek() === "offline" || !behind() ? ", to be saved when connected" : "";
  const listActions = createListActions({
    ...{ rondo, known: knownLists, lists, toasts, actions, router, offline, later, now: readNow },
  });
  const selection = createSelection();
  const bulk = createBulk({ calls, store, actions, toasts, ui, selection, lists, calendar, offline });
  const moves = createMoves({ store, actions, bulk, lists, calendar });
  const filters = createFilters({
    ...{ calls, actions, router, session, lists, calendar, counts, offline, later },
    operations: () => sync.operations.value,
    realId: store.realId,
  });

  /** The server has what waited: its answer takes the place of the guess. */
  function takeOther(intent: OtherIntent, answer: OtherAnswer): void {
    const { view } = router.route.peek();
    switch (intent.kind) {
      case "create-list": {
        if (answer === null) return;
        const shown = view.name === "list" && view.listId === intent.list.id;
        listActions.apply(answer as List, "list.created.v1");
        store.aliasList(intent.list.id, answer.id);
        // Whoever looks at it goes on looking, at its real address.
        if (shown) router.go(viewUrl({ name: "list", listId: answer.id }), { replace: true });
        return;
      }
      case "patch-list":
        if (answer !== null) listActions.apply(answer as List, "list.updated.v1");
        return;
      case "delete-list":
        return listActions.drop(store.realId(intent.id));
      case "create-filter": {
        if (answer === null) return;
        const shown = view.name === "filter" && view.filterId === intent.filter.id;
        filters.put(answer as Filter);
        store.alias(intent.filter.id, answer.id);
        if (shown) router.go(`/filter/${answer.id}`, { replace: true });
        return;
      }
      case "patch-filter":
        if (answer !== null) filters.put(answer as Filter);
        return;
      case "delete-filter":
        return filters.drop(store.realId(intent.id));
      case "profile":
        if (answer !== null) session.apply(answer as Me);
    }
  }
  const quickAdd = createQuickAdd({ actions, bulk, listActions, lists, calendar, session, router, toasts });

  /** Rows that settle after completion are still there. */
  const visible = (task: Task) => isOpen(task) || (ui.settling.value.has(task.id) && isLive(task));
  /** Found once for each change of a task, and not at every key that is typed into a filter. */
  const open = computed<readonly Task[]>(() => {
    store.revision.value;
    return [...store.all()].filter(visible);
  });

  /** The tasks of the view on screen, in sections. */
  const sections = computed<readonly Section[]>(() => {
    store.revision.value;
    const { view, sort } = router.route.value;
    /** Subtasks live inside their parent as long as that is open itself. */
    const top = (task: Task) => {
      if (task.parentId === null) return true;
      const parent = store.get(task.parentId);
      return parent === undefined || !visible(parent);
    };
    const one = (tasks: readonly Task[], order = sort ?? "manual"): Section[] =>
      tasks.length === 0 ? [] : [{ key: "all", heading: null, tasks: sorted(tasks, order, calendar.value) }];
    switch (view.name) {
      case "inbox": {
        const id = inbox.value?.id;
        return one(open.value.filter((task) => task.listId === id && top(task)));
      }
      case "list":
        return one(open.value.filter((task) => task.listId === view.listId && top(task)));
      case "tag":
        return one(open.value.filter((task) => task.tags.includes(view.tag)), sort ?? "due");
      case "today":
        return todaySections(open.value, calendar.value);
      case "upcoming":
        return upcomingSections(open.value, calendar.value);
      case "filter":
        return filters.sections(open.value, sort ?? "due");
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
  /** The ids in the order of the screen: what j and k walk along. Board and calendar tell their own. */
  const arranged = signal<readonly string[] | null>(null);
  const order = computed(() =>
    arranged.value ?? sections.value.flatMap((section) => section.tasks.map((task) => task.id))
  );
  effect(() => selection.keep(order.value));

  // ------------------------------------------------------------------------------------ reading

  /** Which user's visit this is: what was asked for before it says nothing any more. */
  let visit = 0;

  async function loadLists(): Promise<void> {
    void filters.load();
    const asked = knownLists.peek();
    const { items } = await rondo.lists();
    knownLists.value = brought(items, asked, knownLists.peek());
  }

  let snapshot = 0;
  /** What is read now or, after a failure, the next time is as of this change or later. */
  let asOf: number | null = null;
  /** Reads all open tasks, page by page; the first page shows at once. They are as of `seq` or later. */
  async function loadTasks(seq: number | null = null): Promise<void> {
    const mine = ++snapshot;
    if (seq !== null) asOf = seq;
    if (tasksLoad.peek().state !== "ready") tasksLoad.value = { state: "loading" };
    sync.setReading(true);
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
        void sync.save(page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      void sync.complete({ forget: pass.finish(seen) }, asOf);
      asOf = null;
      sync.setReading(false);
    } catch (error) {
      if (mine !== snapshot) return;
      sync.setReading(false);
      if (tasksLoad.peek().state === "ready") {
        tasksLoad.value = { state: "ready", nextCursor: null, more: false };
        toasts.show({
          tone: "error",
          text: "Could not refresh your tasks",
          detail: "What you see may be out of date.",
          action: { label: "Try again", run: () => void loadTasks() },
        });
      } else tasksLoad.value = { state: "failed", error };
    }
  }

  /** Views that show what this browser has, as nothing could be read. */
  const stale = new Set<typeof completedLoad>();
  function pager(load: typeof completedLoad, filter: Parameters<typeof rondo.tasks>[0]) {
    return async (): Promise<void> => {
      const before = load.peek();
      if (before.state === "loading") return;
      const mine = visit;
      const cursor = before.state === "ready" ? before.nextCursor : null;
      if (before.state === "ready" && cursor === null) return;
      if (before.state !== "ready") load.value = { state: "loading" };
      try {
        const page = await rondo.tasks({ ...filter, limit: 100, cursor });
        batch(() => {
          store.applyAll(page.items);
          load.value = { state: "ready", nextCursor: page.nextCursor, more: false };
        });
        void sync.save(page.items);
      } catch (error) {
        if (mine !== visit) return;
        if (isAway(error)) {
          stale.add(load);
          load.value = { state: "ready", nextCursor: null, more: false };
        } else load.value = { state: "failed", error };
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
    // What this browser has shows at once; the server finds more, and typos.
    const here = findHere(store.all(), words);
    search.value = { q, load: { state: "loading" }, ids: here };
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
      if (mine.signal.aborted) return;
      search.value = {
        ...search.peek(),
        load: isAway(error) ? { state: "ready", nextCursor: null, more: false } : { state: "failed", error },
      };
    }
  }

  /** A task that is open in the detail pane may be in no list that has been read: read it alone. */
  const missing = signal<string | null>(null);
  async function loadTask(id: string): Promise<void> {
    if (store.get(id) !== undefined) return;
    missing.value = null;
    const mine = visit;
    try {
      const task = await rondo.task(id);
      store.apply(task);
      void sync.save([task]);
    } catch (error) {
      if (mine !== visit) return;
      if (error instanceof ApiError && error.status === 404) missing.value = id;
      // It is asked for again when the stream opens.
      else actions.complain("Could not read this task", error, () => void loadTask(id));
    }
  }

  // --------------------------------------------------------------------------------- the stream

  /** Events of tasks that this tab is creating wait until the answer has named them. */
  const held: Change[] = [];
  function applyTask(change: Change): void {
    if (change.task === null) return;
    if (
      change.type === "task.created.v1" && store.awaits(change.task.title) &&
      store.get(change.task.id) === undefined
    ) {
      held.push(change);
      return;
    }
    store.apply(change.task);
    actions.noteArrival(change.task, change.type);
  }
  effect(() => {
    store.revision.value;
    if (held.length === 0) return;
    const free = held.filter(({ task }) => task !== null && !store.awaits(task.title));
    if (free.length === 0) return;
    held.splice(0, held.length, ...held.filter((change) => !free.includes(change)));
    queueMicrotask(() => batch(() => free.forEach(applyTask)));
  });

  function applyChange(change: Change): void {
    undoLog.record(change);
    batch(() => {
      applyTask(change);
      if (change.list) listActions.apply(change.list, change.type);
      if (change.filter) filters.apply(change.filter, change.type);
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

  let patience: ReturnType<typeof setTimeout> | undefined;
  let ticking: ReturnType<typeof setInterval> | undefined;

  /** Shows what this browser has of a user, then follows what happens. */
  async function begin(userId: string): Promise<void> {
    const snapshot = await sync.open(userId).catch(() => null);
    const me = session.known.peek();
    if (me?.id !== userId) return;
    // The copy was not open yet when they arrived.
    sync.keep(knownLists.peek().length > 0 ? { me, lists: knownLists.peek() } : { me });
    batch(() => {
      if (snapshot !== null && snapshot.lists.length > 0 && knownLists.peek().length === 0) {
        knownLists.value = snapshot.lists;
      }
      if (snapshot !== null) filters.restore(snapshot.filters);
      if (snapshot?.seq !== null && snapshot !== null) {
        tasksLoad.value = { state: "ready", nextCursor: null, more: false };
      }
      if (snapshot?.notifications) notifications.restore(snapshot.notifications);
    });
    copies.setLastUser(userId);
    patience = setTimeout(() => {
      if (tasksLoad.peek().state === "idle") void loadTasks();
      else if (connection.peek() !== "live") void sync.catchUp();
    }, STREAM_PATIENCE_MS);
    ticking = setInterval(tick, TICK_MS);
    void notifications.load();
    if (snapshot?.seq !== null) void loadLists().catch(() => {});
    sync.start();
    if (me.preferences.channels.push && me.capabilities.push) void push.renew();
  }

  /** What was being written stays when a session ends by itself, since its user may come back. */
  function dropDrafts(): void {
    quickAdd.clear();
    bulk.clear();
  }

  /** Everything else of one user leaves memory with them. */
  function forget(): void {
    batch(() => {
      snapshot += 1;
      visit += 1;
      client.leave();
      searching?.abort();
      asOf = null;
      clearTimeout(patience);
      clearInterval(ticking);
      clearTimeout(crowding);
      crowd.length = 0;
      stale.clear();
      sync.close();
      store.clear();
      held.length = 0;
      undoLog.clear();
      actions.clear();
      notifications.clear();
      ui.clear();
      selection.clear();
      filters.clear();
      toasts.clear();
      knownLists.value = [];
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
  const userId = computed(() => session.me.value?.id ?? null);
  let here: string | null = null;
  let latest: string | null = null;
  effect(() => {
    const id = userId.value;
    const current = session.session.value;
    const { state } = current;
    untracked(() => {
      if (current.state === "signed-out" && !current.expired) dropDrafts();
      // Of another user than the one who is here, and of one who left, nothing may stay on screen.
      const shown = sync.user() ?? here;
      const known = state === "signed-in" || state === "signed-out";
      if (shown !== null && shown !== id && known) forget();
      // Whose session ended is asked who they are before anything of theirs shows again.
      if (state === "signed-out") copies.setLastUser(null);
      if (id === here) return;
      here = id;
      if (id === null) return;
      if (latest !== null && latest !== id) dropDrafts();
      latest = id;
      void begin(id);
    });
  });
  effect(() => {
    const me = session.known.value;
    if (me !== null) sync.keep({ me });
  });
  effect(() => {
    if (knownLists.value.length > 0) sync.keep({ lists: knownLists.value });
  });
  effect(() => {
    if (filters.state.value === "ready") sync.keep({ filters: filters.known.value });
  });
  effect(() => {
    const { state, items, unread, nextCursor } = notifications.data.value;
    if (state === "ready") {
      sync.keep({ notifications: { items: items.slice(0, NOTIFICATIONS_KEPT), unread, nextCursor } });
    }
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
  effect(() => {
    router.viewKey.value;
    untracked(() => selection.clear());
  });

  return {
    platform,
    client,
    rondo,
    sync,
    calls,
    selection,
    bulk,
    moves,
    filters,
    /** A view that is no list says in which order its tasks stand; null when it leaves. */
    arrange(ids: readonly string[] | null): void {
      arranged.value = ids;
    },
    push,
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
    connection,
    lists,
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
      sync.wake();
    },
    /** The network is gone. */
    cut: () => sync.cut(),
    /** The tab goes out of sight, and may end there. */
    hide: () => sync.keepNow(),
    signOut,
    /** Begins with what this browser has, and asks the server at the same time who is here. */
    async start(): Promise<void> {
      const last = copies.lastUser();
      const asked = session.load();
      const { state } = session.session.peek();
      if (last !== null && (state === "unknown" || state === "failed")) {
        const snapshot = await sync.open(last).catch(() => null);
        if (snapshot !== null && snapshot.me !== null) session.restore(snapshot.me);
      }
      await asked;
    },
    /** Where a view's title leads, for links. */
    href: (view: View) => viewUrl(view),
  };
}

/** How long signing out waits for what has not been sent. */
const LAST_SENDING_MS = 2_000;

/** What is looked for in a task, folded once: a search asks for it at every key. */
const folded = new WeakMap<Task, { title: string; notes: string }>();
function foldedOf(task: Task): { title: string; notes: string } {
  let texts = folded.get(task);
  if (texts === undefined) folded.set(task, texts = { title: fold(task.title), notes: fold(task.notes) });
  return texts;
}

/** Ids of the tasks that hold all of these words, titles before notes. */
export function findHere(tasks: Iterable<Task>, q: string, most = 100): string[] {
  const words = fold(q).split(/\s+/).filter((word) => word !== "");
  const [first, second]: [string[], string[]] = [[], []];
  for (const task of tasks) {
    if (!isLive(task)) continue;
    const { title, notes } = foldedOf(task);
    if (words.every((word) => title.includes(word))) first.push(task.id);
    else if (notes !== "") {
      const all = `${title} ${notes}`;
      if (words.every((word) => all.includes(word))) second.push(task.id);
    }
  }
  return [...first, ...second].slice(0, most);
}
