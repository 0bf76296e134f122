/** What runs: written by the stack, read by its commands in other terminals. */
import { join } from "node:path";
import { z } from "zod";
import type { Config } from "../../services/shared/host/config.ts";

const Process = z.object({ pid: z.number().int(), started: z.string() });

const RunningPart = z.object({
  name: z.string(),
  /** Null while it is down. */
  process: Process.nullable(),
  /** Times that it was started again. */
  restarts: z.number().int(),
  /** Where it answers, for people. */
  address: z.string(),
  log: z.string(),
  /** Where Prometheus may ask. */
  metrics: z.string().nullable().default(null),
});
export type RunningPart = z.infer<typeof RunningPart>;

const RunFile = z.object({
  supervisor: Process,
  publicUrl: z.string(),
  brokers: z.string(),
  /** Of a superuser: the file is for its owner alone. */
  databaseUrl: z.string(),
  /** In the order in which they were started. */
  parts: z.array(RunningPart),
});
export type RunFile = z.infer<typeof RunFile>;

/** The folder of the stack's data. */
export function stackFolder(config: Pick<Config, "dataDir">): string {
  return join(config.dataDir, "stack");
}

/** What was written last, or null when there is nothing. */
export async function readRunFile(folder: string): Promise<RunFile | null> {
  const text = await Deno.readTextFile(join(folder, "run.json")).catch(() => null);
  return text === null ? null : RunFile.parse(JSON.parse(text));
}

/** Replaces the file at once, so that no reader sees half of it. */
export async function writeRunFile(folder: string, content: RunFile): Promise<void> {
  const unfinished = join(folder, "run.json.new");
  await Deno.writeTextFile(unfinished, JSON.stringify(content, null, 2), { mode: 0o600 });
  await Deno.rename(unfinished, join(folder, "run.json"));
}

export async function removeRunFile(folder: string): Promise<void> {
  await Deno.remove(join(folder, "run.json")).catch(() => {});
}
