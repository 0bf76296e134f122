/** The stores of every service: what a migration makes. */
import type { StoreDefinition } from "./shared/store/migrate.ts";
import { brokerStore } from "./shared/runtime/embedded/store.ts";
import { apiStore } from "./api/store.ts";

export const STORES: readonly StoreDefinition[] = [apiStore, brokerStore];
