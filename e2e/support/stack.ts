/** The real stack on this machine as an operator starts it, on a folder and ports of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePorts } from "../../deploy/local/ports.ts";
import { readRunFile, type RunFile } from "../../deploy/local/run_file.ts";
import { inherited, type RunningProcess, spawn, stopProcess, waitFor } from "./rondo.ts";

/** On a busy machine; what is built is built by then. */
const START_MS = 180_000;
const STOP_MS = 60_000;
/** Where Dapr and Kafka are, when the user says it. */
const PLACES = [
  "RONDO_CACHE_DIR",
  "XDG_CACHE_HOME",
  "DAPRD",
  "DAPR_SCHEDULER",
  "DAPR_PLACEMENT",
  "JAVA_HOME",
];

export interface StackOptions {
  dataDir: string;
  /** Of the gateway; default: a free one. */
  port?: number;
  /** Settings beside those that it needs. */
  env?: Record<string, string>;
}

export interface RunningStack extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** Where the stack's own folder is. */
  readonly dataDir: string;
  readonly process: RunningProcess;
  /** What runs at this moment. */
  run(): Promise<RunFile>;
  /** Runs a command of an operator, such as `stack status` or `lag`; the answer is what it wrote. */
  command(...args: string[]): Promise<string>;
  /** Ends everything as an operator does and gives the exit code; twice is fine. */
  stop(): Promise<number>;
}

/** Starts the stack and waits until every part is ready. @throws Error with what it wrote when it is not */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const { dataDir, port = freePorts(1)[0] ?? 0 } = options;
  const env = {
    ...inherited(PLACES),
    RONDO_DATA_DIR: dataDir,
    PORT: String(port),
    ...options.env,
  };
  const process = spawn(["run", "-A", "deploy/local/stack.ts"], env);
  const stop = () => stopProcess(process, STOP_MS);
  try {
    await waitFor(() => process.gone || process.output.stdout.includes("stack is running on"), START_MS);
    assert.ok(!process.gone, process.output.stderr + process.output.stdout);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    origin: `http://localhost:${port}`,
    ...{ port, dataDir, process, stop },
    async run() {
      const run = await readRunFile(join(dataDir, "stack"));
      assert.ok(run !== null);
      return run;
    },
    async command(...args) {
      const [program = "", ...rest] = args;
      const script = program === "stack" ? ["deploy/local/stack.ts"] : ["deploy/kafka/main.ts", program];
      const child = spawn(["run", "-A", ...script, ...rest], env);
      assert.equal(await child.ended, 0, child.output.stderr);
      return child.output.stdout;
    },
    [Symbol.asyncDispose]: async () => void await stop(),
  };
}
