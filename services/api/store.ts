/** What the api stores: tasks with their changes and outbox, and the accounts. */
import type { StoreDefinition } from "../shared/store/migrate.ts";

export const apiStore: StoreDefinition = {
  schema: "tasks",
  role: "rondo_api",
  migrations: new URL("./migrations/", import.meta.url),
};
