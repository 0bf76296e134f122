/** The stores of every service: what a migration makes. */
import { apiStore } from "./api/store.ts";
import { auditStore } from "./audit/store.ts";
import { notificationsStore } from "./notifications/store.ts";
import { recurrenceStore } from "./recurrence/store.ts";
import { remindersStore } from "./reminders/store.ts";
import { brokerStore } from "./shared/runtime/embedded/store.ts";
import type { StoreDefinition } from "./shared/store/migrate.ts";
import { stateStore } from "./shared/store/state.ts";
import { webhooksStore } from "./webhooks/store.ts";

export const STORES: readonly StoreDefinition[] = [
  apiStore,
  // The relay owns no schema: its role may read and delete the outboxes of those who grant it that.
  { schema: "relay", role: "rondo_relay" },
  // Realtime stores nothing and reads nothing: its role can connect.
  { schema: "realtime", role: "rondo_realtime" },
  // The assistant keeps its conversations in the state store, and asks the api for everything else.
  { schema: "assistant", role: "rondo_assistant" },
  recurrenceStore,
  remindersStore,
  notificationsStore,
  auditStore,
  webhooksStore,
  brokerStore,
  stateStore,
];
