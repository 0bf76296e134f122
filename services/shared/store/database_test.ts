import assert from "node:assert/strict";
import postgres from "postgres";
import { testDatabase } from "../testing/database.ts";
import { waitFor } from "../testing/fake_runtime.ts";
import {
  asUser,
  connect,
  parseInstant,
  poolUse,
  selectAsUser,
  setUser,
  type Sql,
  transact,
  type Tx,
} from "./database.ts";

const userOf = (statements: Tx) =>
  statements<{ user: string; pid: number; at: string }[]>`
    select current_setting('rondo.user_id', true) as user, pg_backend_pid() as pid, now() as at`;

/** A profile for each of these users, made as the user itself. */
async function profiles(sql: Sql, count: number): Promise<string[]> {
  const users = Array.from({ length: count }, () => crypto.randomUUID());
  await Promise.all(users.map((user) =>
    asUser(sql, user, (tx) =>
      tx`
        insert into tasks.profiles (user_id, name, email, preferences, created_at)
        values (${user}, ${user}, 'a@example.test', '{}', now())`)
  ));
  return users;
}

/** What the connections of the api's role are in the middle of. */
async function unfinished(admin: Sql, name: string): Promise<number> {
  const [row] = await admin<{ count: number }[]>`
    select count(*) as count from pg_stat_activity
    where application_name = ${name} and state like 'idle in transaction%'`;
  return row?.count ?? NaN;
}

Deno.test("parseInstant() rewrites what PostgreSQL stores, as reading it would", () => {
  assert.equal(parseInstant("2027-01-31 08:00:00+00"), "2027-01-31T08:00:00Z");
  assert.equal(parseInstant("2027-01-31 08:00:00.5+00"), "2027-01-31T08:00:00.5Z");
  assert.equal(parseInstant("2027-01-31 08:00:00.120999+00"), "2027-01-31T08:00:00.12Z");
  assert.equal(parseInstant("2027-01-31 08:00:00.000999+00"), "2027-01-31T08:00:00Z");
  assert.equal(parseInstant("1901-01-31 08:00:00.9999+00"), "1901-01-31T08:00:00.999Z");
  assert.equal(parseInstant("2027-01-31 10:00:00+02"), "2027-01-31T08:00:00Z");
});

Deno.test("selectAsUser() shows each of many concurrent users its own rows and nobody else's", async () => {
  await using database = await testDatabase();
  const sql = connect({ url: database.url, role: "rondo_api", name: "select-many", max: 6 });
  try {
    const users = await profiles(sql, 40);
    const asked = Array.from({ length: 1_000 }, (_, index) => users[index % users.length] ?? "");
    const answers = await Promise.all(asked.map((user, index) =>
      // Statements of several shapes: a new one takes a question of its own before it is sent.
      index % 3 === 0
        ? selectAsUser(sql, user, (q) => q<{ name: string }[]>`select name from tasks.profiles`)
        : selectAsUser(
          sql,
          user,
          (q) =>
            q<{
              name: string;
            }[]>`select name from tasks.profiles where created_at > ${"2020-01-01T00:00:00Z"}`,
        )
    ));
    assert.deepEqual(answers.map((rows) => rows.map(({ name }) => name)), asked.map((user) => [user]));
    const pids = new Set(
      (await Promise.all(asked.slice(0, 50).map((user) => selectAsUser(sql, user, userOf)))).map(([row]) =>
        row?.pid
      ),
    );
    assert.ok(pids.size <= 3, `${pids.size} connections`);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("selectAsUser() leaves no user and no transaction behind", async () => {
  await using database = await testDatabase();
  const admin = database.connect();
  const sql = connect({ url: database.url, role: "rondo_api", name: "select-left", max: 2 });
  try {
    const [first] = await selectAsUser(sql, "0195a000-0000-7000-8000-000000000001", userOf);
    assert.equal(first?.user, "0195a000-0000-7000-8000-000000000001");
    const refused = () =>
      selectAsUser(sql, "0195a000-0000-7000-8000-000000000002", (q) => q`select 1 / ${0}::int`);
    await assert.rejects(refused, { code: "22012" });
    await assert.rejects(refused, { code: "22012" });
    await assert.rejects(
      () =>
        selectAsUser(
          sql,
          "0195a000-0000-7000-8000-000000000002",
          (q) => q`select ${undefined as unknown as string}`,
        ),
      /undefined/i,
    );
    await assert.rejects(
      () =>
        selectAsUser(sql, "0195a000-0000-7000-8000-000000000002", () => {
          throw new Error("no statement");
        }),
      /no statement/,
    );
    const [next] = await selectAsUser(sql, "0195a000-0000-7000-8000-000000000003", userOf);
    assert.equal(next?.user, "0195a000-0000-7000-8000-000000000003");
    const [pooled] = await userOf(sql);
    assert.equal(pooled?.user ?? "", "");
    assert.equal(await unfinished(admin, "select-left"), 0);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("selectAsUser() changes nothing", async () => {
  await using database = await testDatabase();
  const sql = database.connect("rondo_api");
  const user = crypto.randomUUID();
  await assert.rejects(
    () => selectAsUser(sql, user, (q) => q`insert into tasks.streams (user_id, seq) values (${user}, 0)`),
    { code: "25006" },
  );
});

Deno.test("selectAsUser() reads on after a connection was cut, and answers nobody with nothing", async () => {
  await using database = await testDatabase();
  const admin = database.connect();
  const sql = connect({ url: database.url, role: "rondo_api", name: "select-cut", max: 4 });
  try {
    const [user = ""] = await profiles(sql, 1);
    let [answered, failed, cutting] = [0, 0, true];
    const reading = Promise.all(Array.from({ length: 4 }, async () => {
      while (cutting) {
        try {
          const rows = await selectAsUser(
            sql,
            user,
            (q) => q`select name from tasks.profiles where name <> ${"-"}`,
          );
          assert.equal(rows.length, 1, "a read outside of its transaction sees nothing");
          answered++;
        } catch (cause) {
          if (cause instanceof assert.AssertionError) throw cause;
          failed++;
        }
      }
    }));
    for (let round = 0; round < 20; round++) {
      const before = answered;
      await waitFor(() => answered > before + 5);
      await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'select-cut'`;
    }
    cutting = false;
    await reading;
    assert.ok(failed > 0);
    const [row] = await selectAsUser(sql, user, userOf);
    assert.equal(row?.user, user);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("selectAsUser() reads again when a statement's plan has become stale", async () => {
  await using database = await testDatabase();
  const admin = database.connect();
  const sql = connect({ url: database.url, role: "rondo_api", name: "select-stale", max: 2 });
  try {
    const [user = ""] = await profiles(sql, 1);
    const read = () => selectAsUser(sql, user, (q) => q<{ name: string }[]>`select * from tasks.profiles`);
    for (let round = 0; round < 8; round++) assert.equal((await read()).length, 1);
    await admin`alter table tasks.profiles add column extra int`;
    assert.deepEqual((await read()).map(({ name }) => name), [user]);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("selectAsUser() refuses a pool that has ended, and one that connect() did not make", async () => {
  await using database = await testDatabase();
  const sql = connect({ url: database.url, role: "rondo_api", name: "select-ended", max: 2 });
  await selectAsUser(sql, crypto.randomUUID(), userOf);
  await sql.end();
  await assert.rejects(() => selectAsUser(sql, crypto.randomUUID(), userOf), /pool has ended/);
  const foreign = postgres(database.url, { max: 1 }) as unknown as Sql;
  await assert.rejects(() => selectAsUser(foreign, crypto.randomUUID(), userOf), /not made by connect/);
  await foreign.end();
});

Deno.test("transact() commits what it has begun, and nothing of a transaction in which anything failed", async () => {
  await using database = await testDatabase();
  const admin = database.connect();
  const sql = connect({ url: database.url, role: "rondo_api", name: "transact-all", max: 2 });
  const user = crypto.randomUUID();
  const make = (tx: Tx, name: string) =>
    tx`
      insert into tasks.profiles (user_id, name, email, preferences, created_at)
      values (${user}, ${name}, 'a@example.test', '{}', now())`.execute();
  const names = async () =>
    (await admin<{ name: string }[]>`select name from tasks.profiles where user_id = ${user}`).map((row) =>
      row.name
    );
  const twice = (tx: Tx) =>
    Promise.resolve({ result: "done", begun: [setUser(tx, user), make(tx, "Ada"), make(tx, "Eve")] });
  try {
    await assert.rejects(() => transact(sql, twice), { code: "23505" });
    assert.deepEqual(await names(), []);
    await assert.rejects(
      () =>
        transact(sql, async (tx) => {
          await Promise.all([setUser(tx, user), make(tx, "Ada")]);
          throw new Error("on second thoughts");
        }),
      /on second thoughts/,
    );
    assert.deepEqual(await names(), []);
    // A failure that nobody looked at undoes everything too.
    await assert.rejects(
      () =>
        transact(sql, async (tx) => {
          await Promise.all([setUser(tx, user), make(tx, "Ada")]);
          await make(tx, "Eve").catch(() => {});
          return { result: "done" };
        }),
      /has failed/,
    );
    assert.deepEqual(await names(), []);
    await assert.rejects(
      () =>
        transact(sql, async (tx) => {
          await Promise.all([setUser(tx, user), make(tx, undefined as unknown as string)]);
          return { result: "done" };
        }),
      /undefined/,
    );
    // What goes on after the failure finds no transaction to go on in.
    let late: Promise<unknown> | undefined;
    await assert.rejects(
      () =>
        transact(sql, (tx) => {
          late = tx`select pg_sleep(0.05)`.then(() => make(tx, "Eve"));
          // It may fail before anybody looks.
          late.catch(() => {});
          return Promise.reject(new Error("not so"));
        }),
      /not so/,
    );
    await assert.rejects(late ?? Promise.resolve(), /transaction is over/);
    assert.deepEqual(await names(), []);
    const once = (tx: Tx) => Promise.resolve({ result: "done", begun: [setUser(tx, user), make(tx, "Ada")] });
    assert.equal(await transact(sql, once), "done");
    assert.deepEqual(await names(), ["Ada"]);
    assert.equal(await unfinished(admin, "transact-all"), 0);
    const [next] = await transact(sql, async (tx) => ({ result: await userOf(tx) }));
    assert.equal(next?.user ?? "", "");
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("transact() writes all or nothing when its connection is cut at any moment", async () => {
  await using database = await testDatabase();
  const admin = database.connect();
  await admin`create table tasks.pairs (n int primary key, side text)`;
  await admin`create table tasks.partners (n int primary key)`;
  await admin`grant all on tasks.pairs, tasks.partners to rondo_api`;
  const sql = connect({ url: database.url, role: "rondo_api", name: "transact-cut", max: 8 });
  try {
    let [next, failed, cutting] = [0, 0, true];
    const answered: number[] = [];
    // Neither table has row-level security: only the transaction keeps the two rows together.
    const writing = Promise.all(Array.from({ length: 4 }, async () => {
      while (cutting) {
        const n = next++;
        await transact(sql, async (tx) => {
          const first = tx`insert into tasks.pairs (n, side) values (${n}, 'left') returning n`;
          assert.equal((await first).length, 1);
          const [row] = await tx<
            { count: number }[]
          >`select count(*) as count from tasks.pairs where n = ${n}`;
          return { result: row?.count, begun: [tx`insert into tasks.partners (n) values (${n})`.execute()] };
        }).then((count) => {
          assert.equal(count, 1);
          answered.push(n);
        }, () => void failed++);
      }
    }));
    for (let round = 0; round < 30; round++) {
      const before = answered.length;
      await waitFor(() => answered.length > before + 3);
      await admin`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'transact-cut'`;
    }
    cutting = false;
    await writing;
    assert.ok(failed > 0, "no cut hit a transaction");
    const halves = await admin`
      select n from tasks.pairs full join tasks.partners using (n)
      where pairs.n is null or partners.n is null`;
    assert.deepEqual([...halves], []);
    const stored = new Set((await admin<{ n: number }[]>`select n from tasks.pairs`).map(({ n }) => n));
    assert.deepEqual(answered.filter((n) => !stored.has(n)), [], "what was answered is there");
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("selectAsUser() and transact() keep nothing of what they gave", async () => {
  await using database = await testDatabase();
  const sql = connect({ url: database.url, role: "rondo_api", name: "keeps", max: 2 });
  const user = crypto.randomUUID();
  const large = (tx: Tx) => tx<{ text: string }[]>`select md5(random()::text) || repeat('x', 100000) as text`;
  try {
    const before = Deno.memoryUsage().heapUsed;
    for (let round = 0; round < 1_500; round++) {
      await selectAsUser(sql, user, large);
      await transact(sql, async (tx) => ({ result: await large(tx) }));
    }
    // Kept, they would be 300 MB. What is not kept goes when V8 has a reason to look, which new garbage is.
    let garbage: number[][] = [];
    await waitFor(() => {
      garbage = Array.from({ length: 20 }, () => new Array<number>(100_000).fill(garbage.length));
      return Deno.memoryUsage().heapUsed - before < 150e6;
    }, 20_000);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

Deno.test("poolUse() counts who holds a connection and who waits for one", async () => {
  await using database = await testDatabase();
  const sql = connect({ url: database.url, role: "rondo_api", name: "pool-use", max: 2 });
  const kinds = poolUse(sql);
  const use = () => [kinds.pool(), kinds.reads(), kinds.writes()].map(({ used, waiting }) => [used, waiting]);
  const idle = [[0, 0], [0, 0], [0, 0]];
  try {
    assert.deepEqual([kinds.pool().most, kinds.reads().most, kinds.writes().most], [2, 1, 1]);
    assert.deepEqual(use(), idle);
    const gate = Promise.withResolvers<void>();
    const held = [
      ...[1, 2, 3].map(() => sql.begin(() => gate.promise)),
      ...[1, 2].map(() => transact(sql, async () => ({ result: await gate.promise }))),
    ];
    await waitFor(() => use().flat().join() === "2,1,0,0,1,1");
    gate.resolve();
    await Promise.all(held);
    assert.deepEqual(use(), idle);
    await assert.rejects(sql.begin(() => Promise.reject(new Error("refused"))), /refused/);
    const reserved = await sql.reserve();
    assert.deepEqual(use()[0], [1, 0]);
    reserved.release();
    reserved.release();
    assert.deepEqual(use(), idle);
  } finally {
    await sql.end({ timeout: 5 });
  }
});
