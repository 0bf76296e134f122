/** Keeps parts running: what ends by itself is said so and started again, after a pause that grows. */
import { pause } from "../../services/shared/runtime/waiting.ts";
import { identify, type ProcessIdentity } from "./process.ts";

/** What the supervisor needs to know of a started part. */
export interface Startable {
  readonly pid: number;
  /** How it ended, null when that can't be known. */
  readonly ended: Promise<Deno.CommandStatus | null>;
  stop(): Promise<void>;
}

export interface SupervisedPart {
  readonly name: string;
  readonly process: ProcessIdentity | null;
  readonly restarts: number;
  /** Ends it for good. */
  stop(): Promise<void>;
}

export interface SuperviseOptions {
  name: string;
  /** Starts it, once more after each end. */
  start: () => Promise<Startable>;
  /** Says what happened, in one line. */
  report: (line: string) => void;
  /** Called after each change of `process`. */
  changed: () => void;
  /** First and longest pause before a restart, and how long a part must have run for the pauses to begin anew. */
  pauses?: { firstMs: number; mostMs: number; soundMs: number };
}

const PAUSES = { firstMs: 1_000, mostMs: 30_000, soundMs: 60_000 };

/** Starts a part and keeps it running. @throws what the first start throws */
export async function supervise(options: SuperviseOptions): Promise<SupervisedPart> {
  const { name, start, report, changed, pauses = PAUSES } = options;
  const stopping = new AbortController();
  let process: ProcessIdentity | null = null;
  let restarts = 0;
  let part = await start();
  process = await identify(part.pid);
  changed();
  const kept = keep();

  async function keep(): Promise<void> {
    let pauseMs = pauses.firstMs;
    for (;;) {
      const since = performance.now();
      const status = await part.ended;
      process = null;
      if (stopping.signal.aborted) return;
      if (performance.now() - since > pauses.soundMs) pauseMs = pauses.firstMs;
      let next = `${name} ended${howOf(status)}`;
      changed();
      for (let running = false; !running;) {
        report(`${next}: it is started again in ${pauseMs / 1_000} s`);
        await pause(stopping.signal, pauseMs);
        if (stopping.signal.aborted) return;
        pauseMs = Math.min(pauseMs * 2, pauses.mostMs);
        try {
          part = await start();
          running = true;
        } catch (cause) {
          next = `${name} did not start (${cause instanceof Error ? cause.message : String(cause)})`;
        }
      }
      if (stopping.signal.aborted) return await part.stop();
      restarts++;
      process = await identify(part.pid);
      report(`${name} is running again`);
      changed();
    }
  }

  return {
    name,
    get process() {
      return process;
    },
    get restarts() {
      return restarts;
    },
    async stop() {
      stopping.abort();
      await Promise.all([part.stop(), kept]);
      changed();
    },
  };
}

function howOf(status: Deno.CommandStatus | null): string {
  if (status === null) return "";
  return status.signal === null ? ` with code ${status.code}` : ` by ${status.signal}`;
}
