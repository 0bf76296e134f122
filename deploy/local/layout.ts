/** What the processes of one run are given: ports, tokens, logins and settings. All are made anew for each run. */
import { randomBytes } from "node:crypto";
import { passwordVariable } from "../../services/migrate.ts";
import { SERVICES } from "../../services/permissions.ts";
import { STORES } from "../../services/stores.ts";
import type { DaprdPorts } from "./dapr.ts";
import { freePorts, LOOPBACK } from "./ports.ts";
import type { SidecarService } from "./service.ts";

/** The services, each beside a sidecar. */
export const NAMES = SERVICES.filter((name): name is SidecarService => name !== "embedded");
const OWN = ["postgres", "kafka", "scheduler", "scheduler-metrics", "web", "lag-exporter"] as const;

type Env = Readonly<Record<string, string | undefined>>;

export interface Layout {
  /** Kept when a part is started again, as a cluster's addresses are. */
  ports: {
    own: Record<typeof OWN[number], number>;
    apps: Record<SidecarService, number>;
    sidecars: Record<SidecarService, DaprdPorts>;
  };
  tokens: Record<SidecarService, { dapr: string; app: string }>;
  /** The passwords of all roles, as a migration takes them. */
  passwords: Record<string, string>;
  /** A database's address as a role logs in there. */
  login(databaseUrl: string, role: string): string;
}

export function createLayout(): Layout {
  const free = freePorts(OWN.length + NAMES.length * 5);
  const next = () => free.pop() ?? 0;
  const passwords = Object.fromEntries(STORES.map(({ role }) => [passwordVariable(role), secret()]));
  return {
    ports: {
      own: each(OWN, next),
      apps: each(NAMES, next),
      sidecars: each(NAMES, () => ({ http: next(), grpc: next(), internal: next(), metrics: next() })),
    },
    tokens: each(NAMES, () => ({ dapr: secret(), app: secret() })),
    passwords,
    login(databaseUrl, role) {
      const address = new URL(databaseUrl);
      address.username = role;
      address.password = passwords[passwordVariable(role)] ?? "";
      return address.href;
    },
  };
}

/** An address of this machine. */
export function local(port: number, path = ""): string {
  return `http://${LOOPBACK}:${port}${path}`;
}

/** The settings that a service is handed on from this process: those of mail and webhooks only to who needs them. */
export function serviceSettings(name: string, env: Env): Record<string, string> {
  const mails = name === "api" || name === "notifications";
  const own = mails ? pick(env, /^SMTP_/) : name === "webhooks" ? pick(env, /^WEBHOOKS_/) : {};
  return { ...pick(env, /^(RATE_|OTEL_|LOG_LEVEL$)/), ...own };
}

/** Where a sidecar sends its spans: it knows the same settings, but takes every address for one with TLS. */
export function tracingSettings(env: Env): Record<string, string> {
  const insecure = String(env.OTEL_EXPORTER_OTLP_ENDPOINT?.startsWith("http:") === true);
  return { OTEL_EXPORTER_OTLP_INSECURE: insecure, ...pick(env, /^OTEL_EXPORTER_OTLP_/) };
}

function pick(env: Env, wanted: RegExp): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      wanted.test(name) && value !== undefined ? [[name, value]] : []
    ),
  );
}

function each<Name extends string, Value>(names: readonly Name[], value: () => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name) => [name, value()])) as Record<Name, Value>;
}

function secret(): string {
  return randomBytes(24).toString("hex");
}
