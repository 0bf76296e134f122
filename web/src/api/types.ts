/** Shapes of the HTTP answers; the contracts' own types are re-used wherever they exist. */
import type { Due, Priority, Recurrence, Reminder, Task } from "../../../services/shared/contracts/task.ts";
import type {
  Filter,
  List,
  Notification,
  Preferences,
  Profile,
  ReminderEntry,
} from "../../../services/shared/contracts/resources.ts";
import type { Actor, AuditEntry, ChangeType } from "../../../services/shared/contracts/events.ts";

export type {
  Actor,
  AuditEntry,
  ChangeType,
  Due,
  Filter,
  List,
  Notification,
  Preferences,
  Priority,
  Profile,
  Recurrence,
};
export type { Reminder, ReminderEntry, Task };

export type Colour = List["colour"];
export type ListWithCount = List & { open: number };
export type Me = Profile & { capabilities: { email: boolean; push: boolean } };

/** Any depth of a profile's preferences, as `PATCH /api/me` takes them. */
export interface ProfilePatch {
  name?: string;
  timeZone?: string;
  preferences?: {
    channels?: Partial<Preferences["channels"]>;
    quietHours?: Partial<Preferences["quietHours"]>;
    theme?: Preferences["theme"];
    density?: Preferences["density"];
    weekStart?: Preferences["weekStart"];
  };
}

export interface DueInput {
  date: string;
  time?: string | null;
  timeZone?: string | null;
}

/** A reminder as it is sent: the server gives it an id when it has none. */
export type ReminderInput = { id?: string; before: string } | { id?: string; at: string };

/** The fields of a task that a client may write. */
export interface TaskPatch {
  title?: string;
  notes?: string;
  priority?: Priority;
  tags?: string[];
  listId?: string;
  parentId?: string | null;
  due?: DueInput | null;
  recurrence?: Recurrence | null;
  reminders?: ReminderInput[];
  position?: string;
}

export type TaskInput = TaskPatch & { title: string };

/** One entry of a user's change feed. */
export interface Change {
  seq: number;
  eventId: string;
  type: ChangeType;
  taskId: string | null;
  task: Task | null;
  list?: List | null;
  filter?: Filter | null;
  profile?: Profile | null;
  at: string;
  actor: Actor;
  causationId: string;
}

export interface HistoryEntry {
  eventId: string;
  seq: number;
  type: ChangeType;
  at: string;
  actor: Actor;
  causationId: string;
  before: Partial<Task> | null;
  after: Partial<Task> | null;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export type NotificationPage = Page<Notification> & { unread: number };

export interface ApiKey {
  id: string;
  name: string;
  scopes: string[];
  start: string | null;
  createdAt: string;
  lastUsedAt: string | null;
}

export interface NewApiKey {
  id: string;
  name: string;
  scopes: string[];
  key: string;
  createdAt: string;
}

export interface ImportResult {
  imported: number;
  skipped: number;
  problems: { line: number; message: string }[];
}

export type ImportFormat = "todotxt" | "todoist-csv" | "ical";

/** The calendar feed: its address when it was just made, and since when there is one. */
export interface FeedState {
  url: string | null;
  createdAt: string | null;
}

export interface Webhook {
  id: string;
  url: string;
  description: string;
  types: string[];
  status: "active" | "paused";
  pausedReason: string | null;
  failures: number;
  pending: number;
  behind: boolean;
  lastDeliveredAt: string | null;
}

export interface WebhookDelivery {
  id: string;
  seq: number;
  type: string;
  status: "pending" | "delivered" | "failed";
  attempts: number;
  nextAttemptAt: string | null;
  responseStatus: number | null;
  error: string | null;
  createdAt: string;
}
