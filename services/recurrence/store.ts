/** What recurrence stores: the occurrences it was asked for and what became of each. */
import type { StoreDefinition } from "../shared/store/migrate.ts";

/** Schema, role and migrations of recurrence. */
export const recurrenceStore: StoreDefinition = {
  schema: "recurrence",
  role: "rondo_recurrence",
  migrations: new URL("./migrations/", import.meta.url),
};
