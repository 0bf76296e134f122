/** Settings: every knob is one environment variable, parsed once, with its default. */
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { BROWSER_PUSH_HOSTS, parsePushHosts } from "../domain/push_hosts.ts";

const PORT_RULE = "must be a whole number from 0 to 65535";
const LEVELS = ["debug", "info", "warn", "error"] as const;

/** A setting or a circumstance that keeps Rondo from starting; the message is one sentence for a person. */
export class StartError extends Error {
  override name = "StartError";
}

const Port = z.string().regex(/^\d{1,5}$/, PORT_RULE).transform(Number)
  .refine((port) => port <= 65_535, PORT_RULE);
const Flag = z.enum(["true", "false"]).transform((text) => text === "true");
const Address = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/$/, ""));

const Environment = z.object({
  PORT: Port.default(8_080),
  HOST: z.string().min(1).default("127.0.0.1"),
  PUBLIC_URL: Address.optional(),
  RONDO_DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, "must begin with postgres://").optional(),
  RONDO_SECRET: z.string().min(32, "must have at least 32 characters").optional(),
  INTERNAL_TOKEN: z.string().min(32, "must have at least 32 characters").optional(),
  /** `name=address` pairs, separated by commas: services that run in other processes. */
  PEERS: z.string().default("").transform((text, context) => {
    const pairs = text.split(",").filter((pair) => pair !== "").map((pair) => pair.split("="));
    if (pairs.some(([name, address]) => name === undefined || !/^https?:\/\//.test(address ?? ""))) {
      context.addIssue({ code: "custom", message: "must be name=http://address pairs, separated by commas" });
    }
    return Object.fromEntries(pairs) as Record<string, string>;
  }),
  /** Where this service's Dapr sidecar listens: with it the cluster's runtime is behind the ports. */
  DAPR_HTTP_PORT: Port.optional(),
  /** What the sidecar wants to see. */
  DAPR_API_TOKEN: z.string().optional(),
  /** What the sidecar proves itself with. */
  APP_API_TOKEN: z.string().min(16, "must have at least 16 characters").optional(),
  SMTP_URL: z.string().regex(/^smtps?:\/\//, "must begin with smtp:// or smtps://").optional(),
  SMTP_FROM: z.string().optional(),
  /** An endpoint that speaks OpenAI's protocol; without it and without a key the assistant takes plain commands. */
  OPENAI_BASE_URL: Address.optional(),
  OPENAI_API_KEY: z.string().min(1).optional(),
  OPENAI_MODEL: z.string().min(1).optional(),
  /** Push services that may be sent to; `none` turns web push off. */
  PUSH_HOSTS: z.string().default(BROWSER_PUSH_HOSTS).transform((text, context) => {
    try {
      return parsePushHosts(text);
    } catch {
      context.addIssue({ code: "custom", message: "must be host names, separated by commas, or none" });
      return z.NEVER;
    }
  }),
  /** The key pair for web push (base64url); without it one is made and kept in the database. */
  VAPID_PUBLIC_KEY: z.string().regex(/^[\w-]{87}$/, "must be 65 bytes as base64url").optional(),
  VAPID_PRIVATE_KEY: z.string().regex(/^[\w-]{43}$/, "must be 32 bytes as base64url").optional(),
  /** Whom push services can turn to. */
  VAPID_SUBJECT: z.string().regex(/^(mailto:|https:\/\/)/, "must begin with mailto: or https://").optional(),
  LOG_LEVEL: z.enum(LEVELS, `must be one of ${LEVELS.join(", ")}`).default("warn"),
  RATE_SIGN_IN_PER_MINUTE: z.coerce.number().int().min(1).default(20),
  RATE_CALLS_PER_SECOND: z.coerce.number().int().min(1).default(200),
  TRUST_PROXY: Flag.default(false),
  /** Whether webhooks go to the internet; absent: from a process of their own, not from all in one. */
  WEBHOOKS_ALLOW_PUBLIC: Flag.optional(),
  /** Whether webhooks go to loopback and private addresses. */
  WEBHOOKS_ALLOW_PRIVATE: Flag.default(false),
});

export type Config = Readonly<z.infer<typeof Environment> & { dataDir: string }>;

/** Reads the settings. @throws StartError naming the variable and the rule */
export function readConfig(env: Record<string, string | undefined> = Deno.env.toObject()): Config {
  const given = Object.fromEntries(
    Object.keys(Environment.shape).flatMap((name) =>
      env[name] === undefined || env[name] === "" ? [] : [[name, env[name]]]
    ),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new StartError(`${issue?.path.join(".")} ${issue?.message}`);
  }
  return { ...parsed.data, dataDir: parsed.data.RONDO_DATA_DIR ?? defaultDataDir(env) };
}

/** The folder of this user's data; for root the system's, since PostgreSQL runs as another user then. */
function defaultDataDir(env: Record<string, string | undefined>): string {
  switch (Deno.build.os) {
    case "windows":
      return join(env.LOCALAPPDATA ?? homedir(), "Rondo");
    case "darwin":
      return join(homedir(), "Library", "Application Support", "Rondo");
    default:
      if (Deno.uid() === 0) return "/var/lib/rondo";
      return join(env.XDG_DATA_HOME ?? join(homedir(), ".local", "share"), "rondo");
  }
}
