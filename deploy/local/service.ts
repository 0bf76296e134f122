/** Rondo's own processes: each a sandboxed Deno of its own. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags, type ServiceName } from "../../services/permissions.ts";
import { answers, type Part, startPart } from "./part.ts";
import { LOOPBACK } from "./ports.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The services that run beside a sidecar. */
export type SidecarService = Exclude<ServiceName, "embedded">;

/** Programs that are no services: they speak to no sidecar and own no data. */
const HELPERS = {
  web: {
    script: "web/main.ts",
    flags: [`--allow-read=${join(ROOT, "web", "dist")}`, "--allow-sys=uid,homedir"],
  },
  gateway: { script: "deploy/local/gateway.ts", flags: [] },
  "lag-exporter": { script: "deploy/kafka/lag_exporter.ts", flags: ["--allow-sys=hostname,uid,homedir"] },
} as const;
export type Helper = keyof typeof HELPERS;

export interface ProcessOptions {
  /** Everything that it may see of the environment. */
  env: Record<string, string>;
  /** Where it listens. */
  port: number;
  logFile: string;
}

/** Starts a service with the permissions of its own, and waits until it answers. @throws StartError */
export function startService(name: SidecarService, options: ProcessOptions): Promise<Part> {
  const env = { ...options.env, HOST: LOOPBACK, PORT: String(options.port) };
  return startDeno(name, [...permissionFlags(name, env), `services/${name}/main.ts`], env, options);
}

/** Starts a helper, which may listen, connect and read its own settings. @throws StartError */
export function startHelper(name: Helper, options: ProcessOptions): Promise<Part> {
  const { script, flags } = HELPERS[name];
  const env: Record<string, string> = { HOST: LOOPBACK, PORT: String(options.port), ...options.env };
  const names = Object.keys(env).join(",");
  const hosts = [LOOPBACK, env.HOST ?? "", ...(env.KAFKA_BROKERS ?? "").split(",")].filter((host) =>
    host !== ""
  );
  const permissions = [
    `--allow-net=${hosts.join(",")}`,
    `--allow-env=${names}`,
    "--ignore-env",
    "--no-remote",
  ];
  return startDeno(name, [...permissions, ...flags, script], env, options);
}

function startDeno(
  name: string,
  args: string[],
  env: Record<string, string>,
  { port, logFile }: ProcessOptions,
): Promise<Part> {
  return startPart({
    name,
    command: Deno.execPath(),
    args: ["run", "--no-prompt", ...args],
    env: { NO_COLOR: "1", ...env },
    cwd: ROOT,
    logFile,
    ready: (signal) => answers(`http://${LOOPBACK}:${port}/health`, signal),
  });
}
