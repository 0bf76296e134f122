/** What the user has been told: in-app notifications, with what became of each on every channel. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Rondo } from "../api/rondo.ts";
import type { Notification } from "../api/types.ts";
import type { Toasts } from "./toasts.ts";
import { failure } from "./wording.ts";

export interface NotificationState {
  state: "idle" | "loading" | "ready" | "failed";
  items: readonly Notification[];
  unread: number;
  nextCursor: string | null;
  error: unknown;
}
const NONE: NotificationState = { state: "idle", items: [], unread: 0, nextCursor: null, error: null };

export function createNotifications(rondo: Rondo, toasts: Toasts, now: ReadonlySignal<Temporal.Instant>) {
  const data = signal<NotificationState>(NONE);
  /** Which user's visit this is: what fails of an earlier one is not said. */
  let visit = 0;

  async function load(): Promise<void> {
    const mine = visit;
    data.value = { ...data.peek(), state: data.peek().state === "ready" ? "ready" : "loading" };
    try {
      const asked = new Set(data.peek().items);
      const page = await rondo.notifications();
      // What came over the stream since then is newer than the answer.
      const came = new Map(
        data.peek().items.filter((item) => !asked.has(item)).map((item) => [item.id, item]),
      );
      const items = page.items.map((item) => {
        const newer = came.get(item.id);
        came.delete(item.id);
        return newer ?? item;
      });
      const unread = page.unread + [...came.values()].filter(({ readAt }) => readAt === null).length;
      data.value = { ...page, state: "ready", error: null, items: [...came.values(), ...items], unread };
    } catch (error) {
      if (mine === visit && data.peek().state !== "ready") {
        data.value = { ...data.peek(), state: "failed", error };
      }
    }
  }

  async function change(next: NotificationState, send: () => Promise<unknown>): Promise<void> {
    const mine = visit;
    const before = data.peek();
    data.value = next;
    try {
      await send();
    } catch (error) {
      if (mine !== visit) return;
      const then = new Map(before.items.map((item) => [item.id, item]));
      const current = data.peek();
      // Only what was marked here is taken back, not what came meanwhile.
      const marked = new Set(next.items.filter((item) => item !== then.get(item.id)));
      data.value = {
        ...current,
        items: current.items.map((item) => marked.has(item) ? then.get(item.id) ?? item : item),
        unread: current.unread + before.unread - next.unread,
      };
      toasts.show({ tone: "error", text: "Could not mark this as read", detail: failure(error) });
    }
  }

  return {
    data: computed(() => data.value),
    load,
    /** What this browser had kept, until the server has answered. */
    restore(kept: Pick<NotificationState, "items" | "unread" | "nextCursor">): void {
      if (data.peek().state !== "ready") data.value = { state: "ready", error: null, ...kept };
    },
    async loadMore(): Promise<void> {
      const { nextCursor } = data.peek();
      if (nextCursor === null) return;
      const mine = visit;
      try {
        const page = await rondo.notifications(nextCursor);
        const current = data.peek();
        data.value = {
          ...current,
          items: [
            ...current.items,
            ...page.items.filter((item) => !current.items.some((has) => has.id === item.id)),
          ],
          nextCursor: page.nextCursor,
        };
      } catch (error) {
        if (mine !== visit) return;
        toasts.show({ tone: "error", text: "Could not load older notifications", detail: failure(error) });
      }
    },
    /** A notification over the stream: a new one, or a known one with a new state. */
    arrive(notification: Notification): void {
      const current = data.peek();
      const known = current.items.find((item) => item.id === notification.id);
      const weight = (item: Notification | undefined) => item !== undefined && item.readAt === null ? 1 : 0;
      data.value = {
        ...current,
        items: known === undefined
          ? [notification, ...current.items]
          : current.items.map((item) => item.id === notification.id ? notification : item),
        unread: known === undefined && notification.readAt !== null
          ? current.unread
          : current.unread + weight(notification) - weight(known),
      };
      if (known === undefined && notification.readAt === null) {
        toasts.show({ text: notification.title, detail: notification.body || undefined });
      }
    },
    markRead(id: string): Promise<void> {
      const current = data.peek();
      const item = current.items.find((other) => other.id === id);
      if (item === undefined || item.readAt !== null) return Promise.resolve();
      const readAt = now.peek().toString();
      return change({
        ...current,
        items: current.items.map((other) => other.id === id ? { ...other, readAt } : other),
        unread: Math.max(0, current.unread - 1),
      }, () => rondo.readNotification(id));
    },
    markAllRead(): Promise<void> {
      const current = data.peek();
      const readAt = now.peek().toString();
      return change({
        ...current,
        items: current.items.map((item) => item.readAt === null ? { ...item, readAt } : item),
        unread: 0,
      }, () => rondo.readAllNotifications());
    },
    clear(): void {
      visit += 1;
      data.value = NONE;
    },
  };
}
export type Notifications = ReturnType<typeof createNotifications>;
