/**
 * The real stack on this machine: `start` (the default), and from another terminal `status`, `logs <part>`,
 * `kill <part>` and `stop`.
 */
import { readConfig, StartError } from "../../services/shared/host/config.ts";
import { openDataDir } from "../../services/shared/host/data_dir.ts";
import { runMain, stopSignal } from "../../services/shared/host/serve.ts";
import { end, isRunning, signal } from "./process.ts";
import { readRunFile, removeRunFile, type RunFile, type RunningPart, stackFolder } from "./run_file.ts";
import { buildWeb, startStack } from "./start.ts";
import { table } from "./table.ts";

const LOG_LINES = 50;
/** Longer than every part may take to stop, one stage after the other. */
const STOP_MS = 120_000;

async function start(folder: string): Promise<void> {
  const config = readConfig();
  const env = Deno.env.toObject();
  const stopped = stopSignal();
  using dataDir = await openDataDir(folder);
  await endLeftovers(folder);
  await buildWeb();
  const stack = await startStack({
    dataDir,
    config,
    env,
    external: {
      databaseUrl: config.DATABASE_URL,
      brokers: env.KAFKA_BROKERS,
      scheduler: env.DAPR_SCHEDULER_ADDRESS,
    },
    report: (line) =>
      console.log(`${Temporal.Now.plainTimeISO().toString({ smallestUnit: "second" })} ${line}`),
  });
  console.log(`\n${overview(stack.run)}\n\nRondo's stack is running on ${stack.run.publicUrl}`);
  console.log(`Data and logs: ${folder}. Stop with Ctrl-C.`);
  const name = await stopped;
  console.log(`Stopping on ${name}`);
  await stack.stop();
}

/** A stack that was killed leaves its parts running: they would hold the data folders. */
async function endLeftovers(folder: string): Promise<void> {
  const run = await readRunFile(folder).catch(() => null);
  for (const { name, process } of run?.parts.toReversed() ?? []) {
    if (process === null || !await isRunning(process)) continue;
    console.log(`Ending ${name}, which a stack that was killed has left behind`);
    await end(process);
  }
  await removeRunFile(folder);
}

async function status(folder: string): Promise<void> {
  const run = await requireRun(folder);
  console.log(overview(run));
  console.log(
    await isRunning(run.supervisor)
      ? `\nRondo's stack is running on ${run.publicUrl}`
      : "\nWhat started these parts has ended: `deno task stack stop` ends them, too",
  );
}

async function logs(folder: string, name: string | undefined): Promise<void> {
  const { log } = await requirePart(folder, name);
  const lines = (await Deno.readTextFile(log).catch(() => "")).trimEnd().split("\n");
  console.log(lines.slice(-LOG_LINES).join("\n"));
}

async function kill(folder: string, name: string | undefined): Promise<void> {
  const part = await requirePart(folder, name);
  if (part.process === null || !await signal(part.process, "SIGKILL")) {
    throw new StartError(`${part.name} is not running`);
  }
  console.log(`${part.name} (${part.process.pid}) is killed`);
}

async function stop(folder: string): Promise<void> {
  const run = await requireRun(folder);
  await end(run.supervisor, STOP_MS);
  await endLeftovers(folder);
  console.log("The stack is stopped");
}

async function requireRun(folder: string): Promise<RunFile> {
  const run = await readRunFile(folder);
  if (run === null) throw new StartError("No stack is running: `deno task stack` starts one");
  return run;
}

async function requirePart(folder: string, name: string | undefined): Promise<RunningPart> {
  const { parts } = await requireRun(folder);
  const part = parts.find((one) => one.name === name);
  if (part === undefined) throw new StartError(`Name one of ${parts.map((one) => one.name).join(", ")}`);
  return part;
}

function overview({ parts }: RunFile): string {
  return table(parts.map(({ name, process, restarts, address, log }) => [
    name,
    process === null ? "down" : String(process.pid),
    restarts === 0 ? "" : `${restarts} ${restarts === 1 ? "restart" : "restarts"}`,
    address,
    log,
  ]));
}

if (import.meta.main) {
  await runMain(async () => {
    const [command = "start", name] = Deno.args;
    const folder = stackFolder(readConfig());
    switch (command) {
      case "start":
        return await start(folder);
      case "status":
        return await status(folder);
      case "logs":
        return await logs(folder, name);
      case "kill":
        return await kill(folder, name);
      case "stop":
        return await stop(folder);
      default:
        throw new StartError("Say one of start, status, logs <part>, kill <part>, stop");
    }
  });
}
