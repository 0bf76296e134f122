/** Prints Deno's flags of the command: its server, its one file, and nothing else. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { configFile, readSettings, VARIABLES } from "./settings.ts";

const LIBRARIES = ["HOME", "USERPROFILE", "NO_COLOR"];

/** @throws Failure when the settings can't be understood */
export function cliFlags(env: Readonly<Record<string, string | undefined>>): string[] {
  const { hostname, port, protocol } = new URL(readSettings(env).server);
  const file = configFile(env);
  return [
    `--allow-net=${hostname}:${port || (protocol === "https:" ? 443 : 80)}`,
    `--allow-read=${[file, join(fileURLToPath(new URL("..", import.meta.url)))].join(",")}`,
    `--allow-write=${[file, dirname(file)].join(",")}`,
    `--allow-env=${[...VARIABLES, ...LIBRARIES].join(",")}`,
    "--ignore-env",
    "--allow-sys=homedir,uid",
    "--no-remote",
    "--no-prompt",
  ];
}

if (import.meta.main) {
  try {
    console.log(cliFlags(Deno.env.toObject()).join(" "));
  } catch (cause) {
    console.error(cause instanceof Error ? cause.message : cause);
    Deno.exitCode = 2;
  }
}
