/** Where the command's server is and what it signs in with: the environment, or one file that is its owner's alone. */
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Failure } from "./failure.ts";

export const VARIABLES = ["RONDO_SERVER", "RONDO_API_KEY", "RONDO_CONFIG", "XDG_CONFIG_HOME", "APPDATA"];
const DEFAULT_SERVER = "http://localhost:8080";

type Env = Readonly<Record<string, string | undefined>>;

export interface Settings {
  /** An origin, such as `http://localhost:8080`. */
  server: string;
  /** Null: nobody has signed in. */
  apiKey: string | null;
}

const Stored = z.object({ server: z.string(), apiKey: z.string() });

/** The file that `login` writes. @throws Failure when its path can't be said in a permission */
export function configFile(env: Env): string {
  const base = env.XDG_CONFIG_HOME || env.APPDATA || join(homedir(), ".config");
  const file = env.RONDO_CONFIG || join(base, "rondo", "cli.json");
  if (/[\s,]/.test(file)) {
    throw new Failure("usage", `RONDO_CONFIG must name a file without white space or a comma: it is ${file}`);
  }
  return file;
}

/** The settings that hold: the environment's before the file's. @throws Failure for a file that can't be understood */
export function readSettings(env: Env): Settings {
  const stored = readFile(configFile(env));
  const server = originOf(env.RONDO_SERVER || stored?.server || DEFAULT_SERVER);
  // A key is for the server that gave it: named another one, it is not sent there.
  const known = stored !== null && originOf(stored.server) === server ? stored.apiKey : null;
  return { server, apiKey: env.RONDO_API_KEY || known };
}

/** Keeps a key, readable for its owner alone. */
export async function writeSettings(env: Env, settings: z.infer<typeof Stored>): Promise<string> {
  const file = configFile(env);
  await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(file, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
  // The mode above is for a new file.
  if (Deno.build.os !== "windows") await Deno.chmod(file, 0o600);
  return file;
}

function readFile(file: string): z.infer<typeof Stored> | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw new Failure("failed", `Cannot read ${file}: ${cause instanceof Error ? cause.message : cause}`);
  }
  try {
    return Stored.parse(JSON.parse(text));
  } catch {
    throw new Failure("failed", `${file} holds no settings: sign in again, or remove it`);
  }
}

function originOf(server: string): string {
  const url = URL.parse(server);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Failure("usage", `RONDO_SERVER must be an address such as ${DEFAULT_SERVER}: it is ${server}`);
  }
  return url.origin;
}
