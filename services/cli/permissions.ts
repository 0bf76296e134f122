/** Prints Deno's flags of the command: its server, its one file, and nothing else. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "./failure.ts";
import { configFile, readSettings, VARIABLES } from "./settings.ts";

const LIBRARIES = ["HOME", "USERPROFILE", "NO_COLOR"];

type Env = Readonly<Record<string, string | undefined>>;

/** Without a server or a file when the settings can't be understood: the command itself says so then. */
export function cliFlags(env: Env): string[] {
  const file = given(() => configFile(env));
  const server = given(() => new URL(readSettings(env).server));
  const code = join(fileURLToPath(new URL("..", import.meta.url)));
  return [
    ...(server === null ? [] : [
      `--allow-net=${server.hostname}:${server.port || (server.protocol === "https:" ? 443 : 80)}`,
    ]),
    `--allow-read=${file === null ? code : `${file},${code}`}`,
    ...(file === null ? [] : [`--allow-write=${file},${dirname(file)}`]),
    `--allow-env=${[...VARIABLES, ...LIBRARIES].join(",")}`,
    "--ignore-env",
    "--allow-sys=homedir,uid",
    "--no-remote",
    "--no-prompt",
  ];
}

function given<T>(read: () => T): T | null {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof Failure) return null;
    throw cause;
  }
}

if (import.meta.main) console.log(cliFlags(Deno.env.toObject()).join(" "));
