/** The calls of the views beside the lists: filters, many tasks at once, the past, devices. */
import type { Client } from "./client.ts";
import type {
  AuditEntry,
  Filter,
  NewApiKey,
  Page,
  ReminderEntry,
  Task,
  TaskInput,
  TaskPatch,
} from "./types.ts";

/** What `POST /api/tasks/bulk` takes: all of it happens, or none. */
export interface BulkInput {
  create?: TaskInput[];
  update?: ({ id: string } & TaskPatch)[];
  delete?: string[];
  complete?: string[];
}

export interface BulkResult {
  created: Task[];
  updated: Task[];
  deleted: Task[];
  completed: Task[];
  causationId: string | null;
}

/** A session, as the accounts tell it. */
export interface Device {
  id: string;
  token: string;
  createdAt: string;
  updatedAt: string;
  userAgent: string | null;
  ipAddress: string | null;
}

function query(values: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) search.set(key, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

export function createCalls(client: Client) {
  const get = <T>(path: string) => client.request<T>("GET", path);
  const post = <T>(path: string, body: unknown, idempotencyKey?: string) =>
    client.request<T>("POST", path, { body, idempotencyKey });
  const filterAt = (id: string) => `/api/filters/${encodeURIComponent(id)}`;
  return {
    filters: () => get<{ items: Filter[] }>("/api/filters"),
    createFilter: (body: { name: string; query: string }, idempotencyKey: string) =>
      post<Filter>("/api/filters", body, idempotencyKey),
    patchFilter: (id: string, body: { name?: string; query?: string }, idempotencyKey: string) =>
      client.request<Filter>("PATCH", filterAt(id), { body, idempotencyKey }),
    deleteFilter: (id: string, idempotencyKey: string) =>
      client.request<Filter>("DELETE", filterAt(id), { idempotencyKey }),

    bulk: (body: BulkInput, idempotencyKey: string) =>
      post<BulkResult>("/api/tasks/bulk", body, idempotencyKey),
    taskAt: (id: string, at: string) => get<Task>(`/api/tasks/${encodeURIComponent(id)}${query({ at })}`),

    audit: (cursor?: string | null) => get<Page<AuditEntry>>(`/api/audit${query({ limit: 50, cursor })}`),
    ledger: (status: ReminderEntry["status"] | null, cursor?: string | null) =>
      get<Page<ReminderEntry>>(`/api/reminders${query({ status, limit: 50, cursor })}`),

    createKey: (name: string, scopes: ("read" | "write")[]) => post<NewApiKey>("/api/keys", { name, scopes }),
    devices: () => get<Device[]>("/api/auth/list-sessions"),
    device: () => get<{ session: { id: string; token: string } } | null>("/api/auth/get-session"),
    endDevice: (token: string) => post<unknown>("/api/auth/revoke-session", { token }),
    endOtherDevices: () => post<unknown>("/api/auth/revoke-other-sessions", {}),
  };
}
export type Calls = ReturnType<typeof createCalls>;
