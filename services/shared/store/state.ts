/** Where the sidecars' state store keeps what services put into it. */
import type { StoreDefinition } from "./migrate.ts";

export const stateStore: StoreDefinition = {
  schema: "dapr",
  role: "rondo_dapr",
  migrations: new URL("./state_migrations/", import.meta.url),
};
