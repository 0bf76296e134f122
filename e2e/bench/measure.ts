/** Timings of several subjects in one run: they take turns, so that what disturbs one disturbs all. */

export interface Timing {
  p50: number;
  p95: number;
  p99: number;
  perSecond: number;
  calls: number;
}

export interface Subject {
  name: string;
  /** One call, by one of the workers (0 to `concurrency` - 1). */
  call(worker: number): Promise<void>;
}

export interface MeasureOptions {
  concurrency: number;
  /** Calls of each subject at most. */
  calls: number;
  /** Calls of a subject before the next has its turn. */
  turn: number;
  /** Milliseconds after which no new round begins. */
  maxMs: number;
}

/** Measures every subject under the same load, in turns; the first turn of each warms it up and is not counted. */
export async function takeTurns(
  subjects: readonly Subject[],
  options: MeasureOptions,
): Promise<Map<string, Timing>> {
  const { concurrency, calls, turn, maxMs } = options;
  const taken = new Map(subjects.map(({ name }) => [name, { latencies: [] as number[], busyMs: 0 }]));
  const started = performance.now();
  // However slow it is, one turn is counted.
  for (let done = -turn; done < calls && (done <= 0 || performance.now() - started < maxMs); done += turn) {
    for (const { name, call } of subjects) {
      const began = performance.now();
      const latencies = await loop(call, concurrency, turn);
      const record = taken.get(name);
      if (done < 0 || record === undefined) continue;
      record.busyMs += performance.now() - began;
      record.latencies.push(...latencies);
    }
  }
  return new Map(
    [...taken].map(([name, { latencies, busyMs }]) => [name, {
      ...percentiles(latencies),
      perSecond: latencies.length / (busyMs / 1_000),
      calls: latencies.length,
    }]),
  );
}

async function loop(call: Subject["call"], concurrency: number, calls: number): Promise<number[]> {
  const latencies: number[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, worker) => {
      while (next < calls) {
        next += 1;
        const began = performance.now();
        await call(worker);
        latencies.push(performance.now() - began);
      }
    }),
  );
  return latencies;
}

/** The 50th, 95th and 99th percentile, by nearest rank. */
export function percentiles(values: readonly number[]): { p50: number; p95: number; p99: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export const median = (values: readonly number[]): number => percentiles(values).p50;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Seconds of processor time that a process has had, where the system tells. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  // The name may hold spaces; it ends with the last bracket. Times are in ticks of 1/100 s.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
