/** Which Kafka the commands of an operator are about. */
import { readConfig, StartError } from "../../services/shared/host/config.ts";
import { isRunning } from "../local/process.ts";
import { readRunFile, stackFolder } from "../local/run_file.ts";

/** `KAFKA_BROKERS`, or the broker of the stack that runs on this machine, or null. */
export async function findBrokers(): Promise<string | null> {
  const given = Deno.env.get("KAFKA_BROKERS");
  if (given !== undefined && given !== "") return given;
  const run = await readRunFile(stackFolder(readConfig()));
  return run !== null && await isRunning(run.supervisor) ? run.brokers : null;
}

/** The same. @throws StartError when there is none */
export async function requireBrokers(): Promise<string> {
  const brokers = await findBrokers();
  if (brokers !== null) return brokers;
  throw new StartError("No Kafka is known: set KAFKA_BROKERS, or start the stack by `deno task stack`");
}
