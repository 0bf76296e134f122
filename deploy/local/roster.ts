/** The parts of a running stack: started and stopped in order, each change written to the run file. */
import type { ProcessIdentity } from "./process.ts";
import { removeRunFile, type RunFile, writeRunFile } from "./run_file.ts";
import { type Startable, supervise, type SupervisedPart } from "./supervisor.ts";

/** A part that is to be started, and what people are told of it. */
export interface PartPlan {
  name: string;
  /** Where it answers. */
  address: string;
  log: string;
  /** Where Prometheus may ask (default: nowhere). */
  metrics?: string;
  /** Starts it, and again whenever it has ended. */
  start: () => Promise<Startable>;
}

export interface RosterOptions {
  /** Of the run file. */
  folder: string;
  supervisor: ProcessIdentity;
  publicUrl: string;
  report: (line: string) => void;
}

export interface Roster {
  readonly run: RunFile;
  /** Starts parts all at once; they will be stopped group by group, the last one first. @throws StartError */
  start(...groups: PartPlan[][]): Promise<void>;
  /** Adds what became known about the stack. */
  describe(facts: Pick<RunFile, "brokers" | "databaseUrl">): void;
  /** Ends everything in the opposite order, and removes the run file. */
  stop(): Promise<void>;
}

export function createRoster({ folder, supervisor, publicUrl, report }: RosterOptions): Roster {
  const run: RunFile = { supervisor, publicUrl, brokers: "", databaseUrl: "", parts: [] };
  const groups: { plan: PartPlan; part: SupervisedPart }[][] = [];
  let writing: Promise<void> = Promise.resolve();

  /** One write after the other: the last state is what stays. */
  function changed(): void {
    run.parts = groups.flat().map(({ plan, part }) => ({
      name: plan.name,
      process: part.process,
      restarts: part.restarts,
      address: plan.address,
      log: plan.log,
      metrics: plan.metrics ?? null,
    }));
    const now = structuredClone(run);
    writing = writing.then(() => writeRunFile(folder, now));
  }

  return {
    run,
    async start(...plans) {
      const starting = plans.flatMap((group) => {
        const started: typeof groups[number] = [];
        groups.push(started);
        return group.map(async (plan) => {
          const part = await supervise({ name: plan.name, start: plan.start, report, changed });
          started.push({ plan, part });
          changed();
        });
      });
      // All of them, so that what has started is known when another has not.
      const failed = (await Promise.allSettled(starting)).find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      await writing;
    },
    describe(facts) {
      Object.assign(run, facts);
      changed();
    },
    async stop() {
      for (const group of groups.toReversed()) await Promise.all(group.map(({ part }) => part.stop()));
      await writing;
      await removeRunFile(folder);
    },
  };
}
