/** A broadcast subscription at one partition: every replica sees every event from now on, once, without retry. */
import type { Sql } from "../../store/database.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Subscription } from "../ports.ts";
import type { Loop } from "./member.ts";
import { type PartitionId, read } from "./topic_log.ts";
import { bounded, pause, Wakeup } from "../waiting.ts";

export interface BroadcastOptions {
  sql: Sql;
  log: Log;
  subscription: Subscription;
  at: PartitionId;
  /** The first offset to deliver. */
  from: number;
  /** Milliseconds that a handler may take for one batch. */
  timeoutMs: number;
  stopping: AbortSignal;
  abandoned: AbortSignal;
}

const OUTAGE_PAUSE_MS = 500;

/** Starts the loop; it remembers its position in memory only. */
export function startBroadcast(options: BroadcastOptions): Loop {
  const { sql, log, subscription, at, timeoutMs, stopping, abandoned } = options;
  const maxBatch = subscription.maxBatch ?? 100;
  const wakeup = new Wakeup();
  let position = options.from;
  return {
    at,
    consumer: null,
    position: () => position,
    wake: () => wakeup.wake(),
    wakeForReplay: () => {},
    ended: run(),
  };

  async function run(): Promise<void> {
    while (!stopping.aborted) {
      try {
        const entries = await read(sql, at, position, maxBatch);
        const last = entries.at(-1);
        if (last !== undefined) {
          position = last.offset + 1;
          const deliveries = entries.map(({ key, event }) => ({ topic: at.topic, key, event }));
          await bounded(
            timeoutMs,
            abandoned,
            async (signal) => await subscription.handle(deliveries, signal),
          );
        }
        if (entries.length < maxBatch) await wakeup.wait(stopping);
      } catch (cause) {
        if (abandoned.aborted) return;
        log.warn("a broadcast was not taken", { consumer: subscription.consumer, ...at, cause });
        await pause(stopping, OUTAGE_PAUSE_MS);
      }
    }
  }
}
