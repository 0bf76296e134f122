/**
 * Passwords, tokens and keys, made where they are needed and never in git: each is made once and stays until it is
 * rotated.
 */
import { randomBytes } from "node:crypto";
import { passwordVariable } from "../../services/migrate.ts";
import { SERVICES } from "../../services/permissions.ts";
import { STORES } from "../../services/stores.ts";
import { apply, kubectlJson, type Resource } from "./kubectl.ts";

/** Services that stand beside a sidecar. */
const NAMES = SERVICES.filter((name) => name !== "embedded");

export interface SecretOptions {
  namespace: string;
  /** Of Kafka (default: the one of the component `kafka`). */
  brokers?: string;
  /** Of PostgreSQL for a user who may create roles (default: the one of the component `postgres`). */
  databaseUrl?: string;
}

type Values = Record<string, Record<string, string>>;

/** Makes the secrets that are missing; answers their names. @throws StartError */
export async function ensureSecrets(options: SecretOptions): Promise<string[]> {
  const { namespace } = options;
  const { items } = await kubectlJson<{ items: Resource[] }>("get", "secrets", "-n", namespace);
  const known: Values = Object.fromEntries(items.map(({ metadata, data = {} }) => [
    metadata.name,
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, atob(value)])),
  ]));
  const wanted = secretsFor(known, options);
  const missing = Object.keys(wanted).filter((name) =>
    // A service that is new has a password among the others'.
    known[name] === undefined || (name === "logins" && lacks(known[name], wanted[name]))
  );
  await apply(missing.map((name) => secret(namespace, name, wanted[name] ?? {})));
  return missing;
}

function lacks(known: Record<string, string>, wanted: Record<string, string> = {}): boolean {
  return Object.keys(wanted).some((key) => known[key] === undefined);
}

/** New tokens between a service and its sidecar; both take them when they are started again. @throws StartError */
export async function rotateTokens(namespace: string, service: string): Promise<void> {
  await apply(
    ["dapr", "app"].map((kind) => secret(namespace, `${service}-${kind}-token`, { token: random() })),
  );
}

/** Every secret as it should be, given those that are there. */
export function secretsFor(known: Values, options: Omit<SecretOptions, "namespace">): Values {
  const admin = known.postgres?.password ?? random();
  const databaseUrl = known.postgres?.url ?? options.databaseUrl ??
    `postgres://postgres:${admin}@postgres:5432/rondo`;
  // A service that is new has no password in what was made before.
  const logins = {
    ...Object.fromEntries(STORES.map(({ role }) => [passwordVariable(role), random()])),
    ...known.logins,
  };
  const login = (role: string) => {
    const url = new URL(databaseUrl);
    url.username = role;
    url.password = logins[passwordVariable(role)] ?? "";
    return { url: url.href };
  };
  return {
    "kafka": { brokers: options.brokers ?? "kafka:9092" },
    "postgres": { password: admin, url: databaseUrl },
    "logins": logins,
    "state-database": login("rondo_dapr"),
    "api-session": { secret: random() },
    ...Object.fromEntries(NAMES.flatMap((name) => [
      [`${name}-dapr-token`, { token: random() }],
      [`${name}-app-token`, { token: random() }],
      [`${name}-database`, login(`rondo_${name}`)],
    ])),
  };
}

function secret(namespace: string, name: string, values: Record<string, string>): unknown {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, labels: { "app.kubernetes.io/part-of": "rondo" } },
    stringData: values,
  };
}

function random(): string {
  return randomBytes(24).toString("hex");
}
