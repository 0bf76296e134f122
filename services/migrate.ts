/**
 * Migrates every schema and lets the services' roles log in, then ends: the step before services start that connect
 * as their own role and may not migrate.
 *
 * `DATABASE_URL` is of a user who may create roles and schemas; `RONDO_PASSWORD_<SERVICE>` is what a service's role
 * logs in with, `RONDO_PASSWORD_DAPR` that of the sidecars' state store.
 */
import { StartError } from "./shared/host/config.ts";
import { prepareDatabase } from "./shared/host/host.ts";
import { runMain } from "./shared/host/serve.ts";
import { connect } from "./shared/store/database.ts";
import { allowLogins } from "./shared/store/logins.ts";
import { STORES } from "./stores.ts";

/** The setting that holds a role's password. */
export function passwordVariable(role: string): string {
  return `RONDO_PASSWORD_${role.replace("rondo_", "").toUpperCase()}`;
}

/**
 * Migrates every schema and lets those roles log in for which a password is given.
 *
 * @throws StartError with one sentence for a person
 */
export async function migrateAll(url: string, env: Record<string, string | undefined>): Promise<void> {
  await prepareDatabase(url);
  const passwords = new Map(STORES.flatMap(({ role }) => {
    const password = env[passwordVariable(role)];
    return password === undefined || password === "" ? [] : [[role, password] as const];
  }));
  const sql = connect({ url, name: "logins", max: 1 });
  try {
    await allowLogins(sql, passwords);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

if (import.meta.main) {
  await runMain(async () => {
    const env = Deno.env.toObject();
    if (env.DATABASE_URL === undefined) throw new StartError("DATABASE_URL must be set for a migration");
    await migrateAll(env.DATABASE_URL, env);
    console.log("The database is migrated");
  });
}
