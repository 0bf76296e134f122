/** Jobs in Dapr's scheduler, which calls back at their time through the sidecar. */
import { z } from "zod";
import type { Log } from "../../telemetry/log.ts";
import type { Job, Jobs } from "../ports.ts";
import { bounded } from "../waiting.ts";
import { type Sidecar, SidecarError } from "./sidecar.ts";

/** The sidecar itself would wait half a minute for a scheduler that is down. */
const SCHEDULE_TIMEOUT_MS = 5_000;

const Data = z.record(z.string(), z.unknown()).catch({});

export interface JobsOptions {
  sidecar: Sidecar;
  log: Log;
  /** Milliseconds between two attempts. */
  retryMs: number;
  /** Milliseconds that one run may take. */
  timeoutMs: number;
}

export interface DaprJobs extends Jobs {
  /** Runs the handler for a job that came due; rejects when it is to come again. */
  run(name: string, data: unknown, signal: AbortSignal): Promise<void>;
}

export function createJobs(options: JobsOptions): DaprJobs {
  const { sidecar, log, retryMs, timeoutMs } = options;
  let handler: ((job: Job, signal: AbortSignal) => Promise<void>) | null = null;
  return {
    async schedule({ name, data, dueAt }) {
      const { ok, status, text } = await sidecar.send("POST", path(name), {
        body: JSON.stringify({
          data,
          dueTime: dueAt.toString(),
          overwrite: true,
          // Without a policy the scheduler forgets a job after three failures, and with a number after that many.
          failurePolicy: { constant: { interval: `${retryMs / 1_000}s` } },
        }),
        timeoutMs: SCHEDULE_TIMEOUT_MS,
      });
      if (!ok) throw new SidecarError("schedule a job", status, text);
    },

    async cancel(name) {
      const { ok, status, text } = await sidecar.send("DELETE", path(name), {
        timeoutMs: SCHEDULE_TIMEOUT_MS,
      });
      if (!ok) throw new SidecarError("cancel a job", status, text);
    },

    handle: (given) => void (handler = given),

    async run(name, data, signal) {
      const handle = handler;
      if (handle === null) throw new Error(`Cannot run job ${name} as this service handles none`);
      try {
        await bounded(
          timeoutMs,
          signal,
          async (limit) => await handle({ name, data: Data.parse(data) }, limit),
        );
      } catch (cause) {
        log.warn("a job failed and is tried again", { job: name, cause });
        throw cause;
      }
    },
  };
}

const path = (name: string): string => `jobs/${encodeURIComponent(name)}`;
