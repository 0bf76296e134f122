/** Every call this application makes, by name. */
import type { Client, RequestOptions } from "./client.ts";
import type {
  ApiKey,
  Change,
  Colour,
  FeedState,
  HistoryEntry,
  ImportFormat,
  ImportResult,
  List,
  ListWithCount,
  Me,
  NotificationPage,
  Page,
  ProfilePatch,
  ReminderEntry,
  Task,
  Webhook,
  WebhookDelivery,
} from "./types.ts";

/** The largest page the server gives. */
export const PAGE = 200;

const CONTENT_TYPE: Record<ImportFormat, string> = {
  "todotxt": "text/plain; charset=utf-8",
  "todoist-csv": "text/csv; charset=utf-8",
  "ical": "text/calendar; charset=utf-8",
};

function query(values: Record<string, string | number | boolean | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) search.set(key, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

const webhookAt = (id: string) => `/api/webhooks/${encodeURIComponent(id)}`;
const at = (id: string) => `/api/tasks/${encodeURIComponent(id)}`;

export type Rondo = ReturnType<typeof createRondo>;

export function createRondo(client: Client) {
  const get = <T>(path: string, signal?: AbortSignal) => client.request<T>("GET", path, { signal });
  const post = <T>(path: string, options: RequestOptions = {}) => client.request<T>("POST", path, options);
  return {
    signUp: (body: { name: string; email: string; password: string }) =>
      post<unknown>("/api/auth/sign-up/email", { body }),
    signIn: (body: { email: string; password: string }) => post<unknown>("/api/auth/sign-in/email", { body }),
    signOut: () => post<unknown>("/api/auth/sign-out", { body: {} }),
    me: () => get<Me>("/api/me"),
    patchMe: (patch: ProfilePatch, idempotencyKey?: string) =>
      client.request<Me>("PATCH", "/api/me", { body: patch, idempotencyKey }),

    tasks: (
      filter: {
        status?: "open" | "completed" | "all";
        deleted?: boolean;
        q?: string;
        sort?: string;
        order?: string;
        limit?: number;
        cursor?: string | null;
      },
      signal?: AbortSignal,
    ) => get<Page<Task>>(`/api/tasks${query({ limit: PAGE, ...filter })}`, signal),
    task: (id: string) => get<Task>(at(id)),
    history: (id: string, cursor?: string | null) =>
      get<Page<HistoryEntry>>(`${at(id)}/history${query({ limit: 50, cursor })}`),
    undo: (body: { eventId: string } | { causationId: string }) =>
      post<{ changes: Change[] }>("/api/undo", { body }),

    lists: () => get<{ items: ListWithCount[] }>("/api/lists"),
    createList: (body: { name: string; colour?: Colour }, idempotencyKey?: string) =>
      post<List>("/api/lists", { body, idempotencyKey }),
    patchList: (id: string, body: { name?: string; colour?: Colour }, idempotencyKey?: string) =>
      client.request<List>("PATCH", `/api/lists/${encodeURIComponent(id)}`, { body, idempotencyKey }),
    deleteList: (id: string, idempotencyKey?: string) =>
      client.request<List | undefined>("DELETE", `/api/lists/${encodeURIComponent(id)}`, { idempotencyKey }),

    notifications: (cursor?: string | null) =>
      get<NotificationPage>(`/api/notifications${query({ limit: 50, cursor })}`),
    readNotification: (id: string) =>
      post<unknown>(`/api/notifications/${encodeURIComponent(id)}/read`, { body: {} }),
    readAllNotifications: () => post<unknown>("/api/notifications/read-all", { body: {} }),
    reminders: (taskId: string) => get<Page<ReminderEntry>>(`/api/reminders${query({ taskId, limit: 100 })}`),

    pushKey: () => get<{ publicKey: string }>("/api/push/key"),
    subscribePush: (body: PushSubscriptionJSON & { label: string }) =>
      post<{ id: string }>("/api/push/subscriptions", { body }),
    unsubscribePush: (id: string) =>
      client.request<unknown>("DELETE", `/api/push/subscriptions/${encodeURIComponent(id)}`),

    keys: () => get<{ items: ApiKey[] }>("/api/keys"),
    deleteKey: (id: string) => client.request<unknown>("DELETE", `/api/keys/${encodeURIComponent(id)}`),
    feed: () => get<FeedState>("/api/feed"),
    createFeed: () => post<FeedState>("/api/feed", { body: {} }),
    deleteFeed: () => client.request<unknown>("DELETE", "/api/feed"),
    webhooks: () => get<{ items: Webhook[] }>("/api/webhooks"),
    createWebhook: (url: string) => post<Webhook & { secret: string }>("/api/webhooks", { body: { url } }),
    patchWebhook: (id: string, patch: { status: "active" | "paused" }) =>
      client.request<Webhook>("PATCH", webhookAt(id), { body: patch }),
    deleteWebhook: (id: string) => client.request<unknown>("DELETE", webhookAt(id)),
    replayWebhook: (id: string) => post<Webhook>(`${webhookAt(id)}/replay?since=0`, { body: {} }),
    webhookDeliveries: (id: string) => get<Page<WebhookDelivery>>(`${webhookAt(id)}/deliveries?limit=20`),
    importFile: (format: ImportFormat, file: Blob) =>
      post<ImportResult>(`/api/import${query({ format })}`, { raw: file, contentType: CONTENT_TYPE[format] }),
  };
}

/** Where a browser fetches an export; a plain link, so that the download is the browser's own. */
export const exportUrl = (format: "json" | "todotxt" | "ical") => `/api/export${query({ format })}`;
