/** What the user has been told, and how it reached them. */
import type { JSX } from "preact";
import type { Notification } from "../api/types.ts";
import { agoText, instantText } from "../model/dates.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { Bell } from "./icons.tsx";
import { Empty, Failed, Skeleton } from "./states.tsx";

export function NotificationsView(): JSX.Element {
  const { notifications } = useApp();
  const { state, items, unread, nextCursor, error } = notifications.data.value;
  return (
    <>
      <header class="view-header">
        <h1>Notifications</h1>
        <span class="view-sub">{unread > 0 ? `${unread.toLocaleString()} unread` : ""}</span>
        {unread > 0 && (
          <button
            type="button"
            class="button quiet"
            onClick={() => void notifications.markAllRead()}
          >
            Mark all as read
          </button>
        )}
      </header>
      {state === "failed"
        ? (
          <Failed
            title="Your notifications could not be loaded"
            detail={failure(error, "Nothing was lost.")}
            retry={() => void notifications.load()}
          />
        )
        : state !== "ready"
        ? <Skeleton rows={5} />
        : items.length === 0
        ? (
          <Empty
            icon={<Bell size={28} />}
            title="No notifications yet"
            text="Reminders appear here at their time. Add one with *30m in quick add, or in a task."
          />
        )
        : (
          <ul class="notices" role="list">
            {items.map((item) => <Notice item={item} key={item.id} />)}
          </ul>
        )}
      {nextCursor !== null && (
        <button
          type="button"
          class="button quiet"
          onClick={() => void notifications.loadMore()}
        >
          Show older
        </button>
      )}
    </>
  );
}

const CHANNEL: Record<string, string> = { "in-app": "In app", email: "E-mail", push: "Push" };

function deliveryText(delivery: Notification["deliveries"][number]): string {
  const channel = CHANNEL[delivery.channel] ?? delivery.channel;
  switch (delivery.status) {
    case "delivered":
      return `${channel} delivered`;
    case "pending":
      return delivery.attempts > 0 ? `${channel} is tried again (${delivery.attempts})` : `${channel} waits`;
    case "failed":
      return `${channel} failed${delivery.error ? `: ${delivery.error}` : ""}`;
    case "skipped":
      return `${channel} skipped${delivery.error ? `: ${delivery.error}` : ""}`;
  }
}

function Notice({ item }: { item: Notification }): JSX.Element {
  const app = useApp();
  const { notifications, router } = app;
  const calendar = app.calendar.value;
  const open = () => {
    void notifications.markRead(item.id);
    if (item.taskId !== null) router.openTask(item.taskId);
  };
  return (
    <li class="notice" data-unread={item.readAt === null || undefined}>
      <span class="notice-dot" aria-hidden="true" />
      <div class="notice-words">
        {item.taskId === null
          ? <span class="notice-title" dir="auto">{item.title}</span>
          : <button type="button" class="notice-title" dir="auto" onClick={open}>{item.title}</button>}
        {item.readAt === null && <span class="visually-hidden">Unread.</span>}
        {item.body !== "" && <span class="notice-body" dir="auto">{item.body}</span>}
        <span class="notice-meta">
          <time title={instantText(item.createdAt, calendar)}>{agoText(item.createdAt, calendar)}</time>
          {item.late && <span class="notice-late">late</span>}
          {item.deliveries.map((delivery) => (
            <span key={delivery.channel} class="delivery" data-state={delivery.status}>
              <i class="state-dot" data-state={delivery.status} aria-hidden="true" />
              {deliveryText(delivery)}
            </span>
          ))}
        </span>
      </div>
      {item.readAt === null && (
        <button
          type="button"
          class="button quiet small"
          aria-label={`Mark as read: ${item.title}`}
          onClick={() => void notifications.markRead(item.id)}
        >
          Mark as read
        </button>
      )}
    </li>
  );
}
