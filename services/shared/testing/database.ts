/** Fresh, migrated databases for tests, on one PostgreSQL that the whole run shares. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STORES } from "../../stores.ts";
import { connect, type Sql } from "../store/database.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../store/embedded_postgres.ts";
import { migrate } from "../store/migrate.ts";
import { createLog } from "../telemetry/log.ts";

export interface TestDatabase extends AsyncDisposable {
  /** Of the superuser, on this database. */
  readonly url: string;
  /** A pool that acts as `role` (absent: the superuser); closed with the database. */
  connect(role?: string): Sql;
}

const TEMPLATE_LOCK = 7_274_002;

/**
 * A new database of its own, migrated. PostgreSQL comes from `TEST_DATABASE_URL`, which the gate sets for all
 * test files, or is started here for one file run alone and left to the next run.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = await serverUrl();
  const admin = connect({ url: withDatabase(server, "postgres"), name: "test-admin", max: 1 });
  const name = `rondo_test_${crypto.randomUUID().replaceAll("-", "")}`;
  try {
    const template = await makeTemplate(admin, server);
    await admin.unsafe(`create database ${name} template ${template}`);
  } finally {
    await admin.end();
  }
  const url = withDatabase(server, name);
  const pools: Sql[] = [];
  return {
    url,
    connect(role) {
      const sql = connect({ url, role, name: `test-${role ?? "admin"}`, max: 6 });
      pools.push(sql);
      return sql;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(pools.map((sql) => sql.end({ timeout: 5 })));
      const last = connect({ url: withDatabase(server, "postgres"), name: "test-admin", max: 1 });
      await last.unsafe(`drop database if exists ${name} with (force)`);
      await last.end();
    },
  };
}

/** A PostgreSQL of its own for one test run, in a folder that goes with it: runs side by side do not meet. */
export async function startTestServer(): Promise<{ url: string } & AsyncDisposable> {
  const dataDir = join(tmpdir(), `rondo-test-run-${Deno.pid}`);
  const server = await startServer(dataDir);
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

/** Starts a PostgreSQL without durability, since nothing of it is kept. */
async function startServer(dataDir: string): Promise<EmbeddedPostgres> {
  await Deno.mkdir(dataDir, { recursive: true, mode: 0o711 });
  return await startEmbeddedPostgres({
    dataDir,
    log: createLog({ service: "test", level: "warn" }),
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "400" },
  });
}

/** Started once, also when a test asks for two databases at a time. */
let started: Promise<EmbeddedPostgres> | null = null;

async function serverUrl(): Promise<string> {
  const given = Deno.env.get("TEST_DATABASE_URL");
  if (given !== undefined) return given;
  started ??= startServer(join(tmpdir(), `rondo-test-${Deno.uid() ?? "user"}`));
  const { url } = await started;
  Deno.env.set("TEST_DATABASE_URL", url);
  return url;
}

/**
 * The name of the database that every test database is a copy of: migrated once per set of migrations, so that
 * two checkouts can share one server.
 */
async function makeTemplate(admin: Sql, server: string): Promise<string> {
  const template = `rondo_template_${(await migrationStamp()).slice(0, 16)}`;
  await admin`select pg_advisory_lock(${TEMPLATE_LOCK})`;
  try {
    const [made] = await admin`
      select shobj_description(oid, 'pg_database') as state from pg_database where datname = ${template}`;
    if (made?.state === "migrated") return template;
    // One that was begun and not finished is of no use.
    await admin.unsafe(`drop database if exists ${template} with (force)`);
    await admin.unsafe(`create database ${template}`);
    const sql = connect({ url: withDatabase(server, template), name: "test-template", max: 1 });
    await migrate(sql, STORES);
    await sql.end();
    await admin.unsafe(`comment on database ${template} is 'migrated'`);
    return template;
  } finally {
    await admin`select pg_advisory_unlock(${TEMPLATE_LOCK})`;
  }
}

async function migrationStamp(): Promise<string> {
  const texts: string[] = [];
  for (const { migrations, role } of STORES) {
    if (migrations === undefined) continue;
    for await (const entry of Deno.readDir(migrations)) {
      if (entry.isFile) {
        texts.push(`${role} ${entry.name} ${await Deno.readTextFile(new URL(entry.name, migrations))}`);
      }
    }
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(texts.sort().join("\n")));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function withDatabase(url: string, name: string): string {
  const target = new URL(url);
  target.pathname = `/${name}`;
  return target.href;
}
