import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testDatabase } from "../../services/shared/testing/database.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));

Deno.test("dlq without a Kafka: lists, shows, replays and drops the embedded runtime's dead letters", async () => {
  await using database = await testDatabase();
  const sql = database.connect();
  const folder = await Deno.makeTempDir();
  const dlq = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", MAIN, "dlq", ...args],
      env: { DATABASE_URL: database.url, RONDO_DATA_DIR: folder, KAFKA_BROKERS: "" },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  try {
    assert.match((await dlq("list")).stdout, /There are no dead letters/);
    const letters = await sql<{ id: string }[]>`
      insert into broker.dead_letters (topic, consumer, key, event, error, partition, "offset", attempts, at)
      select 'reminders', 'notifications', 'ada', '{"id":"1"}', 'no' || chr(10) || 'ink', 0, n, 5, now()
      from generate_series(1, 2) n
      returning id`;
    const [first = { id: "" }, second = { id: "" }] = letters;
    const { stdout } = await dlq("list");
    assert.match(stdout, new RegExp(`^${first.id} .* notifications +ada +no ink$`, "m"));
    assert.match((await dlq("show", first.id)).stdout, /"topic": "reminders"/);
    assert.equal((await dlq("replay", first.id)).code, 0);
    const [replaying] = await sql`select replaying from broker.dead_letters where id = ${first.id}`;
    assert.equal(replaying?.replaying, true);
    assert.equal((await dlq("drop", second.id)).code, 0);
    assert.match((await dlq("list")).stdout, /There are no dead letters/);
    const unknown = await dlq("drop", second.id);
    assert.deepEqual([unknown.code, unknown.stderr], [1, `There is no dead letter ${second.id}\n`]);
    assert.match((await dlq("burn")).stderr, /^Say one of dlq list/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
