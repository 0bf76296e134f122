/** What audit stores: every change in a chain of hashes per user, and each chain's head. */
import type { StoreDefinition } from "../shared/store/migrate.ts";

/** Schema, role and migrations of audit. */
export const auditStore: StoreDefinition = {
  schema: "audit",
  role: "rondo_audit",
  migrations: new URL("./migrations/", import.meta.url),
};
