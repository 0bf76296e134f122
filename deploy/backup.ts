/** A copy of everything that Rondo knows, and a Rondo out of it, by PostgreSQL's own programs. */
import { StartError } from "../services/shared/host/config.ts";
import { connect } from "../services/shared/store/database.ts";

export interface BackupOptions {
  /** Of a superuser. */
  databaseUrl: string;
  file: string;
  report: (line: string) => void;
  /** Where `pg_dump` and `pg_restore` are (default: found by PATH); as new as the server at least. */
  programs?: { dump: string; restore: string };
}

const PROGRAMS = { dump: "pg_dump", restore: "pg_restore" };

/**
 * Writes one moment of the whole database to a file, while people go on working. @throws StartError
 */
export async function backup(options: BackupOptions): Promise<void> {
  const { databaseUrl, file, report, programs = PROGRAMS } = options;
  await run(programs.dump, ["--format=custom", "--no-password", `--file=${file}`], databaseUrl);
  const { size } = await Deno.stat(file);
  report(`Wrote ${file}, ${(size / 1_000_000).toFixed(1)} MB`);
}

/**
 * Fills an empty database, all or nothing. Roles belong to a server: missing ones are made, without a password, as a
 * migration makes them. What was delivered to people since the backup may be delivered again.
 *
 * @throws StartError when there is something in the database already
 */
export async function restore(options: BackupOptions): Promise<void> {
  const { databaseUrl, file, report, programs = PROGRAMS } = options;
  const list = await run(programs.restore, ["--list", file]);
  const sql = connect({ url: databaseUrl, name: "restore", max: 1 });
  try {
    const [row] = await sql<{ tables: number }[]>`
      select count(*) as tables from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`;
    if ((row?.tables ?? 0) > 0) {
      throw new StartError("Cannot restore into a database that has tables already");
    }
    for (const role of rolesOf(await run(programs.restore, ["--schema-only", "--file=-", file]))) {
      const [known] = await sql`select from pg_roles where rolname = ${role}`;
      if (known === undefined) await sql`create role ${sql(role)} nologin`;
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
  const entries = list.split("\n").filter((line) => line !== "" && !line.startsWith(";")).length;
  await run(
    programs.restore,
    ["--single-transaction", "--exit-on-error", "--no-password", "--dbname=", file],
    databaseUrl,
  );
  report(`Restored ${entries} objects from ${file}`);
}

/** The roles of Rondo that a schema names. */
function rolesOf(schema: string): string[] {
  return [...new Set(schema.match(/\brondo_[a-z_]+(?=[\s;,)])/g) ?? [])];
}

/** Runs a program on a database. The password goes by the environment: everybody may read arguments. */
async function run(program: string, args: string[], databaseUrl?: string): Promise<string> {
  const env = databaseUrl === undefined ? {} : connection(new URL(databaseUrl));
  const name = env.PGDATABASE ?? "";
  let output;
  try {
    output = await new Deno.Command(program, {
      args: args.map((arg) => arg === "--dbname=" ? `--dbname=${name}` : arg),
      env,
      stdin: "null",
    }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new StartError(`Cannot go on as there is no ${program}: install PostgreSQL's client programs`, {
      cause,
    });
  }
  const decoder = new TextDecoder();
  if (!output.success) {
    throw new StartError(`${program} failed: ${decoder.decode(output.stderr).trim().slice(-1_000)}`);
  }
  return decoder.decode(output.stdout);
}

function connection(url: URL): Record<string, string> {
  return {
    PGHOST: url.hostname,
    PGPORT: url.port || "5432",
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: url.pathname.slice(1),
  };
}
