/**
 * Between the store on screen and the server: what is kept in this browser, what waits to be sent, the one stream
 * of all tabs. The leading tab sends and listens; every tab shows what any of them does.
 *
 * An operation shows at once, is kept, and is sent in the order in which it was kept, over all tabs, with the same
 * key on each try. What is sent beside the queue (several tasks at once, lists, settings) is so only while nothing
 * waits in it. An operation ends in one of three ways: the server's answer takes its place, it is taken back before
 * it was sent, or the server refuses it; then it is kept as a refusal until somebody dismisses it.
 */
import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, type Client, randomId } from "../api/client.ts";
import type { Change, Notification, Task } from "../api/types.ts";
import { joinTabs, type Tabs, type TabsOptions } from "../live/tabs.ts";
import { openStream, pauseAfter, type Stream, type StreamOptions } from "../live/stream.ts";
import type { Kept, LocalCopies, LocalCopy, Snapshot, TasksToSave } from "../local/copy.ts";
import {
  type Intent,
  isOfTask,
  madeBy,
  type Operation,
  type OtherAnswer,
  type OtherIntent,
  type Refusal,
  requestOf,
  shownWith,
  temporaryIdsOf,
  withRealIds,
} from "./intents.ts";
import type { Mutation, TaskStore } from "./store.ts";
import { failure } from "./wording.ts";

/** `syncing` = connected and still reading; `offline` = no stream, tries go on. */
export type Connection = "connecting" | "syncing" | "live" | "offline";

/** How an operation ended. */
export type End =
  | { state: "done"; task: Task | null; other?: OtherAnswer }
  | { state: "refused"; refusal: Refusal; error: unknown }
  | { state: "cancelled" };

/** An operation that has been handed over. */
export interface Sent {
  readonly key: string;
  readonly end: Promise<End>;
  /** Resolves when it is known that the answer will take a while: there is no connection. */
  readonly parked: Promise<{ state: "waiting" }>;
}

export interface SyncHandlers {
  onChange(change: Change): void;
  onNotification(notification: Notification): void;
  /** Everything has to be read again: at `seq` when that is known. */
  onReload(seq: number | null): void;
  /** The stream is open. `resumed`: it goes on where the copy ends. */
  onReady(resumed: boolean): void;
  /** The leading tab has no stream. */
  onDown(): void;
  /** A change that was made before this page was opened could not be applied. */
  onRefused(refusal: Refusal): void;
  /** The server has taken a change of what is no task. */
  onOther(intent: OtherIntent, answer: OtherAnswer): void;
  /** The user left in another tab. */
  onLeft(): void;
}

export interface SyncOptions {
  client: Client;
  copies: LocalCopies;
  store: TaskStore;
  handlers: SyncHandlers;
  now: () => Temporal.Instant;
  stream?: StreamOptions;
  tabs?: TabsOptions;
  random?: () => number;
  /** False when the browser itself knows that there is no network: then nothing is tried. */
  online?: () => boolean;
}

type Message =
  | { type: "hello" }
  | { type: "connection"; connection: Exclude<Connection, "syncing">; seq: number | null }
  | { type: "change"; change: Change }
  | { type: "notification"; notification: Notification }
  | { type: "kept"; seq: number }
  | { type: "reload"; seq: number }
  | { type: "queued"; operation: Operation }
  | { type: "parked"; key: string }
  | { type: "done"; key: string; task: Task | null; other?: OtherAnswer }
  | { type: "refused"; refusal: Refusal }
  | { type: "renamed"; from: string; to: string }
  | { type: "cancelled"; keys: string[] }
  | { type: "dismissed"; key: string }
  | { type: "wake" }
  | { type: "left" };

/** Changes of the stream are kept this much later, many in one transaction. */
const SAVE_AFTER_MS = 100;
/** What one tab has done the others know within this. */
const MESSAGE_TAKES_MS = 1_000;
/** A stream that ends is open again within this, unless the network is gone. */
const REOPENING_TAKES_MS = 1_500;
const CHANGES_PAGE = 500;
/** So many pages of missed changes are read; beyond, all tasks are. */
const MOST_PAGES = 10;

interface Waiting {
  resolve: (end: End) => void;
  park: () => void;
}

export type Sync = ReturnType<typeof createSync>;

export function createSync(options: SyncOptions) {
  const { client, copies, store, handlers, now } = options;
  const random = options.random ?? Math.random;
  const online = options.online ?? (() => true);
  /** The leading tab's stream. */
  const link = signal<Exclude<Connection, "syncing">>("connecting");
  /** Whether this tab is reading all tasks. */
  const reading = signal(false);
  const connection = computed<Connection>(() =>
    reading.value && link.value !== "offline" ? "syncing" : link.value
  );
  const operations = signal<readonly Operation[]>([]);
  const refusals = signal<readonly Refusal[]>([]);
  /** What is shown of each operation. */
  const shown = new Map<string, Mutation>();
  /** Who waits in this tab for the end of an operation. */
  const waiting = new Map<string, Waiting>();
  /** Operations that were here when this tab opened the copy. */
  const inherited = new Set<string>();
  let copy: LocalCopy | null = null;
  let opened: { userId: string; snapshot: Promise<Snapshot> } | null = null;
  let tabs: Tabs<Message> | null = null;
  let stream: Stream | null = null;
  let seq: number | null = null;

  // ------------------------------------------------------------------------------- the local copy

  /** Opens the copy of a user and shows what is in it; the second call for the same user does nothing more. */
  function open(userId: string): Promise<Snapshot> {
    if (opened?.userId === userId) return opened.snapshot;
    const mine = { userId, snapshot: read(userId) };
    opened = mine;
    return mine.snapshot;
  }

  async function read(userId: string): Promise<Snapshot> {
    const mine = await copies.open(userId);
    const snapshot = await mine.read();
    if (opened?.userId !== userId) {
      mine.close();
      return snapshot;
    }
    copy = mine;
    batch(() => {
      seq = snapshot.seq;
      store.applyAll(snapshot.tasks);
      for (const [temporary, real] of snapshot.aliases) store.alias(temporary, real);
      refusals.value = snapshot.refusals;
      for (const operation of snapshot.operations) {
        inherited.add(operation.key);
        show(operation);
      }
    });
    return snapshot;
  }

  /**
   * What may not be in the copy yet, with the change that brought it; 0 for what was read. The copy and this together
   * are all changes up to `seq`. The leading tab keeps changes; the others hold on to them until it says that it has.
   */
  const toSave = new Map<string, { task: Task; seq: number }>();
  let saving: ReturnType<typeof setTimeout> | undefined;

  function remember(task: Task, seq: number): void {
    const known = toSave.get(task.id);
    if (known === undefined || known.task.version <= task.version) toSave.set(task.id, { task, seq });
  }

  /** Keeps what the stream brought, soon. */
  function saveSoon(change: Change): void {
    if (change.task !== null) remember(change.task, change.seq);
    if (tabs?.leads()) saving ??= setTimeout(() => void flush(), SAVE_AFTER_MS);
  }

  type Part = Omit<TasksToSave, "tasks">;
  /** The transaction that is under way, the one that comes after it, and what that says beside the tasks. */
  let writing: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let nextPart: Part = {};

  /** Keeps what waits for it, in one transaction at a time: what is being written is not written once more. */
  function flush(part: Part = {}): Promise<void> {
    clearTimeout(saving);
    saving = undefined;
    if (writing === null) {
      const mine = write(part).finally(() => writing = null);
      writing = mine;
      return mine;
    }
    nextPart = { ...nextPart, ...part, forget: [...nextPart.forget ?? [], ...part.forget ?? []] };
    next ??= writing.then(() => {
      const part = nextPart;
      [next, nextPart] = [null, {}];
      return flush(part);
    });
    return next;
  }

  /** What the storage refuses goes on waiting, and no position says that it is there. */
  async function write(part: Part): Promise<void> {
    const mine = copy;
    if (mine === null) return;
    const given = [...toSave];
    // Only who keeps the changes may say up to which they are kept.
    const upTo = tabs?.leads() && seq !== null ? seq : undefined;
    try {
      await mine.saveTasks({ tasks: given.map(([, { task }]) => task), upTo, ...part });
    } catch {
      return;
    }
    if (mine !== copy) return;
    for (const [id, kept] of given) if (toSave.get(id) === kept) toSave.delete(id);
    if (upTo !== undefined) tabs?.post({ type: "kept", seq: upTo });
  }

  /** Nothing is written into the copy any more. */
  function abandon(): LocalCopy | null {
    const left = copy;
    copy = null;
    clearTimeout(saving);
    saving = undefined;
    nextPart = {};
    toSave.clear();
    return left;
  }

  // -------------------------------------------------------------------------------- the operations

  function show(operation: Operation): void {
    const { intent, key } = operation;
    if (shown.has(key)) return;
    operations.value = [...operations.peek(), operation];
    shown.set(
      key,
      !isOfTask(intent)
        // Whoever shows lists, filters and settings reads the operations.
        ? { confirm: () => {}, rollback: () => {} }
        : intent.kind === "create"
        ? showCreation(intent, operation.attempted)
        : store.begin(intent.id, (task) => shownWith(task, intent)),
    );
  }

  function showCreation(intent: Intent & { kind: "create" }, attempted: boolean): Mutation {
    const { task } = intent;
    // The server had taken it and its answer was lost: the task that it made is here already.
    const made = attempted ? store.findLike(task) : undefined;
    if (made === undefined) {
      const parentId = task.parentId === null ? null : store.realId(task.parentId);
      return store.insert({ ...task, parentId });
    }
    store.alias(task.id, made.id);
    return { confirm: (answer) => void (answer && store.apply(answer)), rollback: () => {} };
  }

  function unshow(key: string): Mutation | undefined {
    const mutation = shown.get(key);
    shown.delete(key);
    operations.value = operations.peek().filter((operation) => operation.key !== key);
    return mutation;
  }

  function end(key: string, how: End): void {
    batch(() => {
      const intent = operations.peek().find((operation) => operation.key === key)?.intent;
      const mutation = unshow(key);
      if (how.state === "done") {
        mutation?.confirm(how.task);
        if (intent !== undefined && !isOfTask(intent)) handlers.onOther(intent, how.other ?? null);
      } else mutation?.rollback();
      if (how.state === "refused") refusals.value = [...refusals.peek(), how.refusal];
    });
    const mine = waiting.get(key);
    waiting.delete(key);
    if (mine !== undefined) mine.resolve(how);
    else if (how.state === "refused" && tabs?.leads() && inherited.has(key)) handlers.onRefused(how.refusal);
  }

  /** Shows an intent at once, keeps it, and has it sent. */
  function enqueue(intent: Intent, about: { title: string; key?: string }): Sent {
    const key = about.key ?? randomId();
    const { promise, resolve } = Promise.withResolvers<End>();
    const { promise: parked, resolve: park } = Promise.withResolvers<{ state: "waiting" }>();
    const made = { key, intent, title: about.title, at: now().toString() };
    waiting.set(key, { resolve, park: () => park({ state: "waiting" }) });
    // Its place in the order is given when it is kept, which is after it is shown.
    show({ ...made, id: Number.MAX_SAFE_INTEGER, attempted: false });
    void (async () => {
      try {
        if (copy === null) throw new Error("Cannot keep a change as nobody is signed in");
        const operation = await copy.enqueue(made);
        operations.value = operations.peek().map((other) => other.key === key ? operation : other);
        tabs?.post({ type: "queued", operation });
        if (connection.peek() === "offline") park({ state: "waiting" });
        if (tabs?.leads()) void drain();
        else tabs?.check();
      } catch (error) {
        // It could not be kept, so it must not look as if it were.
        const operation: Operation = { ...made, id: 0, attempted: false };
        const text = "This browser could not keep the change.";
        end(key, { state: "refused", error, refusal: { operation, status: 0, text, at: now().toString() } });
      }
    })();
    return { key, end: promise, parked };
  }

  let draining = false;
  let drainAgain = false;
  let failures = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;

  /** Sends what waits, one after the other, until nothing does or nobody answers. */
  async function drain(): Promise<void> {
    if (draining) {
      drainAgain = true;
      return;
    }
    draining = true;
    clearTimeout(retry);
    const mine = copy;
    try {
      do {
        drainAgain = false;
        while (mine !== null && mine === copy && tabs?.leads() && await sendNext(mine));
      } while (drainAgain);
    } catch {
      // The storage failed: the operation is where it was, and is tried again like one that nobody answered.
      // Of a copy that was closed it is whoever opens it next that goes on.
      if (mine === copy) again();
    } finally {
      draining = false;
    }
  }

  function again(pause = pauseAfter(failures, random)): void {
    failures += 1;
    clearTimeout(retry);
    retry = setTimeout(() => void drain(), pause);
  }

  /** Sends the oldest operation; false when there is none, or when it has to wait. */
  async function sendNext(from: LocalCopy): Promise<boolean> {
    // What was never tried can be taken back: the browser says when it is worth trying. It knows of no network where
    // only this machine itself can be reached, but a stream that is open says that somebody answers.
    if (!online() && link.peek() !== "live") return false;
    const operation = await from.take();
    if (operation === null) return false;
    const ids = new Map<string, string>();
    for (const id of temporaryIdsOf(operation.intent)) {
      const real = await from.realId(id);
      if (real !== undefined) ids.set(id, real);
    }
    const intent = withRealIds(operation.intent, (id) => ids.get(id));
    if (intent === null) {
      const text = "What it belongs to could not be made.";
      await refuse(from, operation, { status: 404, text }, new Error(text));
      return true;
    }
    const { method, path, body } = requestOf(intent);
    try {
      const answer = await client.request<Task | OtherAnswer | undefined>(method, path, {
        body,
        idempotencyKey: operation.key,
      });
      failures = 0;
      await from.settle(operation, answer ?? null);
      const taken = isOfTask(intent)
        ? { task: (answer ?? null) as Task | null }
        : { task: null, other: (answer ?? null) as OtherAnswer };
      tabs?.post({ type: "done", key: operation.key, ...taken });
      end(operation.key, { state: "done", ...taken });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (hasToWait(error)) {
        tabs?.post({ type: "parked", key: operation.key });
        waiting.get(operation.key)?.park();
        // Without a session nothing helps but signing in.
        if (error.status !== 401) again(error.retryAfter === null ? undefined : error.retryAfter * 1_000);
        return false;
      }
      if (operation.intent.kind === "complete" && operation.intent.sendAt && isAhead(error)) {
        // This device's clock is ahead of the server's: then it was done now. Another body needs another key.
        const { key } = operation;
        const intent = { ...operation.intent, sendAt: false };
        await from.replace({ ...operation, key: `${key}-now`, intent });
        tabs?.post({ type: "renamed", from: key, to: `${key}-now` });
        rename(key, `${key}-now`);
        return true;
      }
      const text = failure(error, operation.intent.kind === "create" ? "Your text is kept." : undefined);
      await refuse(from, operation, { status: error.status, text }, error);
      return true;
    }
  }

  /** The operation goes on under another key. */
  function rename(from: string, to: string): void {
    const mutation = shown.get(from);
    const mine = waiting.get(from);
    if (mutation !== undefined) shown.set(to, mutation);
    if (mine !== undefined) waiting.set(to, mine);
    if (inherited.delete(from)) inherited.add(to);
    shown.delete(from);
    waiting.delete(from);
    operations.value = operations.peek().map((other) => other.key === from ? { ...other, key: to } : other);
  }

  let reconciling: ReturnType<typeof setTimeout> | undefined;
  /**
   * Lets go of what has left the queue without a word: the tab that sent it ended before it could say so, or this one
   * did not listen yet. What became of it is in the changes.
   */
  async function reconcile(): Promise<void> {
    const mine = copy;
    const kept = operations.peek().filter(({ id }) => id < Number.MAX_SAFE_INTEGER);
    if (mine === null || kept.length === 0) return;
    const there = new Set(await mine.waiting().catch(() => kept.map(({ key }) => key)));
    const lost = kept.filter(({ key }) => !there.has(key));
    if (mine !== copy || lost.length === 0) return;
    clearTimeout(reconciling);
    // Usually its end is on the way, and is told within this time.
    reconciling = setTimeout(() => void letGo(mine, lost), MESSAGE_TAKES_MS);
  }

  async function letGo(from: LocalCopy, lost: readonly Operation[]): Promise<void> {
    // The same key may have been tried again meanwhile.
    const there = await from.waiting().catch(() => null);
    for (const { key, intent } of lost) {
      if (there?.includes(key) !== false) continue;
      const temporary = madeBy(intent);
      const real = temporary === null ? undefined : await from.realId(temporary).catch(() => undefined);
      if (from !== copy) return;
      const made = real === undefined ? undefined : store.get(real);
      end(key, made === undefined ? { state: "cancelled" } : { state: "done", task: made });
    }
  }

  async function refuse(
    from: LocalCopy,
    operation: Operation,
    reason: { status: number; text: string },
    error: unknown,
  ): Promise<void> {
    const refusal = await from.refuse(operation, { ...reason, at: now().toString() });
    tabs?.post({ type: "refused", refusal });
    end(operation.key, { state: "refused", refusal, error });
  }

  /** Takes back an operation that was never sent, with what builds on it. False when it is too late for that. */
  async function cancel(key: string): Promise<boolean> {
    const gone = await copy?.cancel(key) ?? null;
    if (gone === null) return false;
    const keys = gone.map((operation) => operation.key);
    tabs?.post({ type: "cancelled", keys });
    for (const each of keys.toReversed()) end(each, { state: "cancelled" });
    return true;
  }

  async function dismiss(key: string): Promise<void> {
    refusals.value = refusals.peek().filter(({ operation }) => operation.key !== key);
    await copy?.dismiss(key).catch(() => {});
    tabs?.post({ type: "dismissed", key });
  }

  /** Tries a refused operation again, as the last of the queue. */
  function tryAgain(refusal: Refusal): Sent {
    void dismiss(refusal.operation.key);
    const { intent, title, key } = refusal.operation;
    // After a fault of the server the same write is meant; what was refused by a rule needs to be judged anew.
    return enqueue(intent, { title, key: refusal.status >= 500 ? key : undefined });
  }

  // ------------------------------------------------------------------------- the stream and the tabs

  function setLink(next: Exclude<Connection, "syncing">): void {
    link.value = next;
    if (tabs?.leads()) tabs.post({ type: "connection", connection: next, seq });
  }

  /** Takes changes in order; where some are missing they are asked for first. */
  function take(change: Change): void {
    if (seq !== null && change.seq <= seq) return;
    if (seq !== null && change.seq > seq + 1 && !tabs?.leads()) return void catchUp();
    if (seq !== null) seq = change.seq;
    saveSoon(change);
    if (tabs?.leads()) tabs.post({ type: "change", change });
    handlers.onChange(change);
  }

  let catching: Promise<void> | null = null;
  /** Reads the changes since the last one that is known. */
  function catchUp(): Promise<void> {
    return catching ??= (async () => {
      try {
        for (let page = 0; page < MOST_PAGES; page++) {
          const since = seq;
          if (since === null) break;
          const { changes, hasMore } = await client.request<{ changes: Change[]; hasMore: boolean }>(
            "GET",
            `/api/changes?since=${since}&limit=${CHANGES_PAGE}`,
          );
          for (const change of changes) {
            if (seq === null || change.seq <= seq) continue;
            seq = change.seq;
            saveSoon(change);
            handlers.onChange(change);
          }
          if (!hasMore) return;
        }
        handlers.onReload(null);
      } catch {
        // The stream, or the next change, asks again.
      } finally {
        catching = null;
      }
    })();
  }

  function receive(message: Message): void {
    switch (message.type) {
      case "hello":
        if (tabs?.leads()) tabs.post({ type: "connection", connection: link.peek(), seq });
        return;
      case "connection":
        if (tabs?.leads()) return;
        link.value = message.connection;
        void reconcile();
        if (message.connection === "live") {
          handlers.onReady(seq !== null);
          if (message.seq === null || reading.peek()) return;
          // Without a position nothing says what is missing: what was being read could not be.
          if (seq === null) handlers.onReload(message.seq);
          else if (message.seq > seq) void catchUp();
        }
        return;
      case "change":
        return take(message.change);
      case "notification":
        return handlers.onNotification(message.notification);
      case "kept":
        for (const [id, kept] of toSave) if (kept.seq > 0 && kept.seq <= message.seq) toSave.delete(id);
        return;
      case "reload":
        seq = null;
        return handlers.onReload(message.seq);
      case "queued":
        show(message.operation);
        if (tabs?.leads()) void drain();
        return;
      case "parked":
        return void waiting.get(message.key)?.park();
      case "done":
        return end(message.key, { state: "done", task: message.task, other: message.other });
      case "refused": {
        const { refusal } = message;
        const error = new ApiError({ title: refusal.text, detail: refusal.text, status: refusal.status }, "");
        return end(refusal.operation.key, { state: "refused", refusal, error });
      }
      case "renamed":
        return rename(message.from, message.to);
      case "cancelled":
        for (const key of message.keys.toReversed()) end(key, { state: "cancelled" });
        return;
      case "dismissed":
        refusals.value = refusals.peek().filter(({ operation }) => operation.key !== message.key);
        return;
      case "wake":
        stream?.wake();
        return;
      case "left":
        abandon()?.close();
        return handlers.onLeft();
    }
  }

  let losing: ReturnType<typeof setTimeout> | undefined;
  /** There is no stream. */
  function lost(): void {
    clearTimeout(losing);
    setLink("offline");
    for (const { park } of waiting.values()) park();
    handlers.onDown();
  }

  function listen(): void {
    stream?.close();
    clearTimeout(losing);
    setLink("connecting");
    stream = openStream({
      onReady(at, resumed) {
        clearTimeout(losing);
        const known = seq !== null;
        setLink("live");
        failures = 0;
        handlers.onReady(resumed && known);
        if (!known || !resumed) handlers.onReload(at);
        void drain();
      },
      onChange: take,
      onNotification(notification) {
        tabs?.post({ type: "notification", notification });
        handlers.onNotification(notification);
      },
      onResync(at) {
        // Until all has been read there is a gap, here and in the copy.
        seq = null;
        void flush({ seq: null });
        tabs?.post({ type: "reload", seq: at });
        handlers.onReload(at);
      },
      onDown(attempt) {
        clearTimeout(losing);
        // The server ends each stream after a while: the next one is usually open before anybody could see it.
        if (attempt === 0 && link.peek() === "live" && online()) {
          losing = setTimeout(lost, REOPENING_TAKES_MS);
        } else lost();
      },
    }, { ...options.stream, since: seq ?? undefined });
    void reconcile();
    void drain();
  }

  /** Joins the other tabs; one of them follows the stream. */
  function start(): void {
    if (tabs !== null || opened === null) return;
    link.value = "connecting";
    tabs = joinTabs<Message>(`rondo-${opened.userId}`, {
      onMessage: receive,
      onLead: listen,
      onFollow() {
        clearTimeout(losing);
        stream?.close();
        stream = null;
        tabs?.post({ type: "hello" });
      },
    }, options.tabs ?? {});
    tabs.post({ type: "hello" });
  }

  function close(): void {
    if (tabs?.leads()) void flush();
    for (const timer of [retry, reconciling, losing]) clearTimeout(timer);
    tabs?.close();
    tabs = null;
    stream?.close();
    stream = null;
    const left = abandon();
    opened = null;
    seq = null;
    for (const { park } of waiting.values()) park();
    // What is being written is written; then the database may go.
    queueMicrotask(() => left?.close());
    shown.clear();
    waiting.clear();
    inherited.clear();
    failures = 0;
    batch(() => {
      operations.value = [];
      refusals.value = [];
      link.value = "connecting";
      reading.value = false;
    });
  }

  return {
    connection,
    /** What the server has not got yet, oldest first. */
    operations: computed(() => operations.value),
    /** What it did not take, until dismissed. */
    refusals: computed(() => refusals.value),
    now,
    /** Whose copy is open. */
    user: () => opened?.userId ?? null,
    open,
    start,
    close,
    enqueue,
    cancel,
    dismiss,
    tryAgain,
    catchUp,
    /** Says whether all tasks are being read. */
    setReading(now: boolean): void {
      reading.value = now;
    },
    /** Keeps tasks that were read from the server. */
    save(tasks: readonly Task[]): Promise<void> {
      for (const task of tasks) remember(task, 0);
      return flush();
    },
    /** All tasks have been read, as they were at `at` or later. */
    complete({ forget }: { forget: readonly string[] }, at: number | null): Promise<void> {
      if (at !== null) seq = Math.max(at, seq ?? 0);
      for (const id of forget) toSave.delete(id);
      return flush({ forget, ...(seq === null ? {} : { seq }) });
    },
    keep: (part: Partial<Omit<Kept, "seq">>): void => void copy?.keep(part).catch(() => {}),
    /** Waits until everything has been sent, or `ms` have passed; whether it has. */
    async settled(ms: number): Promise<boolean> {
      if (tabs?.leads()) void drain();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        const stop = effect(() => {
          if (operations.value.length > 0) return;
          clearTimeout(timer);
          resolve();
          queueMicrotask(() => stop());
        });
      });
      return operations.peek().length === 0;
    },
    /** Empties the copy: the user leaves this browser. */
    async leave(): Promise<void> {
      copies.setLastUser(null);
      tabs?.post({ type: "left" });
      const left = abandon();
      await left?.clear().catch(() => {});
      left?.close();
    },
    /** The network or the tab is back: do not wait for the next try. */
    wake(): void {
      tabs?.check();
      if (!tabs?.leads()) return void tabs?.post({ type: "wake" });
      stream?.wake();
      void drain();
    },
    /** The tab may end at any moment: keeps what would be kept soon. */
    keepNow(): void {
      if (tabs?.leads()) void flush();
    },
    /** The network is gone. */
    cut(): void {
      stream?.cut();
      if (stream !== null && link.peek() === "live") lost();
    },
  };
}

/** Nobody answered, or whoever did says that it will go better later. */
function hasToWait({ status }: ApiError): boolean {
  return status === 0 || status === 401 || status === 408 || status === 429 || status === 502 ||
    status === 503 || status === 504;
}

function isAhead(error: ApiError): boolean {
  return error.status === 422 && error.field("completedAt") !== undefined;
}
