/** What reminders stores: each task's plan, the ledger, its own stream and outbox. */
import type { StoreDefinition } from "../shared/store/migrate.ts";

/** Schema, role and migrations of reminders. */
export const remindersStore: StoreDefinition = {
  schema: "reminders",
  role: "rondo_reminders",
  migrations: new URL("./migrations/", import.meta.url),
};
