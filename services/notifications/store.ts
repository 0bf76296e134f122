/** What notifications stores: what users were told, by which channel, its own stream and outbox. */
import type { StoreDefinition } from "../shared/store/migrate.ts";

/** Schema, role and migrations of notifications. */
export const notificationsStore: StoreDefinition = {
  schema: "notifications",
  role: "rondo_notifications",
  migrations: new URL("./migrations/", import.meta.url),
};
