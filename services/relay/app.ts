/** The relay: publishes what the other services wrote to their outboxes, and nothing else. */
import { createServiceApp, databaseReady, type ServiceDependencies } from "../shared/http/app.ts";
import { openSessionLocks } from "../shared/store/session_locks.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { type RelayLoop, startRelayLoop } from "./relay.ts";

export interface RelayDependencies extends ServiceDependencies {
  /** Schemas with an outbox that role `rondo_relay` may read and delete from (default: all that produce events). */
  sources?: string[];
  /** Milliseconds that one publish may take (default 5,000). */
  publishTimeoutMs?: number;
  /** Milliseconds before a key that failed is tried again (default 100); doubles up to `maxRetryMs` (default 5,000). */
  retryMs?: number;
  maxRetryMs?: number;
}

const SOURCES = ["tasks", "reminders", "notifications"];

/** Builds the service; any number of relays may run over one database. */
export function createRelay(dependencies: RelayDependencies): Service {
  const { sql, runtime, log, metrics, sources = SOURCES } = dependencies;
  const ready = databaseReady(sql);
  const app = createServiceApp({ name: "relay", dependencies, ready });
  const locks = openSessionLocks({ sql, log, membership: "rondo.relay" });
  let loop: RelayLoop | null = null;
  let unsubscribe = (): void => {};
  return {
    name: "relay",
    fetch: (request) => app.fetch(request),
    ready,
    async start() {
      await runtime.start();
      const started = startRelayLoop({
        ...{ sql, locks, publisher: runtime, log, metrics, sources },
        publishTimeoutMs: dependencies.publishTimeoutMs ?? 5_000,
        retryMs: dependencies.retryMs ?? 100,
        maxRetryMs: dependencies.maxRetryMs ?? 5_000,
      });
      unsubscribe = runtime.onWake("outbox", () => started.wake());
      loop = started;
    },
    async stop() {
      unsubscribe();
      await loop?.stop();
      await locks.close();
      await runtime.stop();
    },
  };
}
