/** Brings the schemas to the state that this code expects; safe when two start at once. */
import { fileURLToPath } from "node:url";
import Postgrator from "postgrator";
import type { Sql, Tx } from "./database.ts";

/** What a service stores: its schema, the role it acts as, and where its migrations are. */
export interface StoreDefinition {
  schema: string;
  role: string;
  /** A folder of `NNN.do.<what>.sql`, append-only; absent for a service that only reads what others grant it. */
  migrations?: URL;
}

/** The database was migrated by a newer Rondo than this one. */
export class NewerSchemaError extends Error {
  override name = "NewerSchemaError";
}

/** The database was not yet migrated to what this Rondo needs. */
export class OlderSchemaError extends Error {
  override name = "OlderSchemaError";
}

/** Any number: it only has to be the same for every Rondo. */
const MIGRATION_LOCK = 7_274_001;

/**
 * Creates roles, extensions and schemas that are missing and runs the migrations that are due, in one
 * transaction.
 *
 * @param sql a connection whose user may create roles, schemas and trusted extensions
 * @throws NewerSchemaError when a schema's version is above the newest migration here
 */
export async function migrate(sql: Sql, stores: readonly StoreDefinition[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${MIGRATION_LOCK})`;
    for (const extension of ["unaccent", "pg_trgm", "fuzzystrmatch", "btree_gin"]) {
      await tx`create extension if not exists ${tx(extension)} with schema public`;
    }
    for (const { role } of stores) await createRole(tx, role);
    for (const { schema, role, migrations } of stores) {
      if (migrations === undefined) continue;
      await tx.unsafe(`create schema if not exists ${schema}; grant usage on schema ${schema} to ${role}`);
      await migrateOne(tx, { schema, role, migrations });
    }
  });
}

/** Roles belong to the whole cluster, so another database's migration may make the same one at this moment. */
async function createRole(tx: Tx, role: string): Promise<void> {
  const [known] = await tx`select 1 from pg_roles where rolname = ${role}`;
  if (known === undefined) {
    await tx.unsafe(`
      do $$ begin
        create role ${role} nologin noinherit;
      exception when duplicate_object or unique_violation then null;
      end $$`);
  }
  // Since PostgreSQL 16 whoever makes a role may administer it, but act as it only once that is granted as well.
  const [member] = await tx`
    select pg_has_role(
      current_user, ${role}, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end
    ) as yes`;
  if (member?.yes !== true) await tx.unsafe(`grant ${role} to current_user`);
}

async function migrateOne(tx: Tx, { schema, role, migrations }: MigratedStore): Promise<void> {
  const postgrator = migrator(tx, schema, migrations);
  await versions(postgrator, schema);
  // Also with nothing to do: it verifies that no released migration was changed.
  await postgrator.migrate();
  // A service that connects as its role looks whether the schema is the one that it knows.
  await tx.unsafe(`grant select on ${schema}.schema_version to ${role}`);
}

/**
 * Whether a schema is what this code expects, for a service that may not migrate.
 *
 * @param sql a connection as the store's role
 * @throws OlderSchemaError when a migration is missing
 * @throws NewerSchemaError when the schema's version is above the newest migration here
 */
export async function checkSchema(sql: Sql, store: StoreDefinition): Promise<void> {
  const { schema, migrations } = store;
  if (migrations === undefined) return;
  const { version, newest } = await versions(migrator(sql, schema, migrations), schema);
  if (version < newest) {
    throw new OlderSchemaError(
      `Cannot use schema ${schema} as it is at version ${version} and this Rondo needs ${newest}: ` +
        "run the migration first",
    );
  }
}

type MigratedStore = StoreDefinition & { migrations: URL };

function migrator(sql: Sql | Tx, schema: string, migrations: URL): Postgrator {
  return new Postgrator({
    driver: "pg",
    migrationPattern: `${fileURLToPath(migrations)}*.sql`,
    schemaTable: `${schema}.schema_version`,
    newline: "LF",
    execQuery: async (query: string) => ({ rows: [...await sql.unsafe(query)] }),
  });
}

async function versions(
  postgrator: Postgrator,
  schema: string,
): Promise<{ version: number; newest: number }> {
  const [version, newest] = [await postgrator.getDatabaseVersion(), await postgrator.getMaxVersion()];
  if (version > newest) {
    throw new NewerSchemaError(
      `Cannot use schema ${schema} as it is at version ${version} and this Rondo knows ${newest}: ` +
        "start the newer Rondo that made it",
    );
  }
  return { version, newest };
}
