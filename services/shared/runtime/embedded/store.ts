/** Where the embedded broker keeps its log, jobs and state. */
import type { StoreDefinition } from "../../store/migrate.ts";

export const brokerStore: StoreDefinition = {
  schema: "broker",
  role: "rondo_broker",
  migrations: new URL("./migrations/", import.meta.url),
};
