/** What webhooks stores: where users want their changes sent, what waits, and what became of it. */
import type { StoreDefinition } from "../shared/store/migrate.ts";

/** Schema, role and migrations of webhooks. */
export const webhooksStore: StoreDefinition = {
  schema: "webhooks",
  role: "rondo_webhooks",
  migrations: new URL("./migrations/", import.meta.url),
};
