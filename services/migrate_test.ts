import assert from "node:assert/strict";
import { migrateAll, passwordVariable } from "./migrate.ts";
import { checkDatabase } from "./shared/host/host.ts";
import { connect } from "./shared/store/database.ts";
import { testDatabase } from "./shared/testing/database.ts";

/** The database's address as one of its roles sees it. */
function asRole(url: string, role: string, password: string): string {
  const address = new URL(url);
  address.username = role;
  address.password = password;
  return address.href;
}

Deno.test("migrateAll() lets a service log in as its role, with its rights and no others", async () => {
  await using database = await testDatabase();
  const password = 'rondo\'s "own" password: $1 ü';
  const roles = ["rondo_audit", "rondo_dapr"];
  await migrateAll(database.url, Object.fromEntries(roles.map((role) => [passwordVariable(role), password])));
  const admin = database.connect();
  try {
    await checkDatabase(asRole(database.url, "rondo_audit", password), "rondo_audit");
    const audit = connect({ url: asRole(database.url, "rondo_audit", password), name: "audit", max: 1 });
    try {
      await audit`select from audit.entries`;
      await assert.rejects(audit`select from tasks.tasks`, { code: "42501" });
      await assert.rejects(audit`set role rondo_api`, { code: "42501" });
    } finally {
      await audit.end();
    }
    const dapr = connect({ url: asRole(database.url, "rondo_dapr", password), name: "dapr", max: 1 });
    try {
      await dapr`create table dapr.state (key text primary key)`;
    } finally {
      await dapr.end();
    }
  } finally {
    // Roles are of the whole server, which other tests use as well.
    for (const role of roles) await admin.unsafe(`alter role ${role} nologin password null`);
  }
});

Deno.test("checkDatabase() takes the schema that it knows, and says what to do about another", async () => {
  await using database = await testDatabase();
  const admin = database.connect();
  const versions = async () =>
    await admin<{ version: number }[]>`
    select version from audit.schema_version order by version desc`;
  await checkDatabase(database.url, "rondo_audit");
  await checkDatabase(database.url, "rondo_realtime");
  const [newest] = await versions();
  await admin`insert into audit.schema_version (version) values (${(newest?.version ?? 0) + 1})`;
  await assert.rejects(checkDatabase(database.url, "rondo_audit"), { message: /start the newer Rondo/ });
  await admin`delete from audit.schema_version`;
  await assert.rejects(checkDatabase(database.url, "rondo_audit"), { message: /run the migration first/ });
});
