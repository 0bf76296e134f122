/** A short run of `deno task test:faults`, and whether its checker would see what is wrong. */
import assert from "node:assert/strict";
import { runFaults } from "../faults/run.ts";
import { violations, type World } from "../process/invariants.ts";
import type { Follower } from "../support/follow.ts";

/** Its first rounds hit Kafka, consumers and sidecars, and there is a poisoned topic. */
const SEED = 1;
const ROUNDS = 5;

Deno.test("faults: a seeded run loses nothing and repeats nothing, and the checker sees what would be", async () => {
  const said: string[] = [];
  const { problems, faults } = await runFaults({
    seed: SEED,
    rounds: ROUNDS,
    say: (line) => void said.push(line),
    checked: seesWhatIsWrong,
  }).catch((cause) => {
    throw new Error(said.join("\n"), { cause });
  });
  assert.deepEqual(problems, [], said.join("\n"));
  assert.ok(faults.length >= ROUNDS);
});

const changesOf = ({ events }: Follower): Follower["events"] =>
  events.filter(({ event }) => event === "change");

/** Does to a sound world what no fault may do, one thing after the other. */
async function seesWhatIsWrong(world: World, quietSince: Temporal.Instant): Promise<void> {
  const { sql, operations, followers, poison = [] } = world;
  const reports = async (pattern: RegExp, changed: Partial<World> = {}) => {
    const found = await violations({ ...world, ...changed }, quietSince);
    assert.ok(found.some((one) => pattern.test(one)), `nothing like ${pattern} in ${found.join("\n")}`);
  };
  const acknowledged = operations.find(({ kind, answer }) => kind === "create" && answer?.status === 201);
  await reports(/changes that nobody asked for/, {
    operations: operations.filter((one) => one !== acknowledged),
  });
  await reports(/an acknowledged state that is not in the change log/, {
    operations: operations.map((one) =>
      one !== acknowledged || one.answer === undefined
        ? one
        : { ...one, answer: { ...one.answer, body: { ...one.answer.body as object, title: "Another" } } }
    ),
  });
  // Streams tell other things as well, and begin anew where too much was missed.
  const telling = followers.filter(({ follower }) => changesOf(follower).length > 1);
  assert.ok(telling.length > 0, "nobody saw two changes");
  const streams = (change: (follower: Follower) => Follower["events"]) =>
    telling.map(({ client, follower }) => ({ client, follower: { ...follower, events: change(follower) } }));
  await reports(/a stream that jumped/, {
    followers: streams((follower) => {
      const [last] = changesOf(follower).slice(-2);
      return follower.events.filter((event) => event !== last);
    }),
  });
  await reports(/a stream that jumped/, {
    followers: streams((follower) => [...follower.events, ...changesOf(follower).slice(-1)]),
  });
  await reports(/no dead letter of audit for the poison/, {
    poison: [...poison, { id: crypto.randomUUID(), topic: "task-events", consumers: ["audit"] }],
  });
  if (poison.length > 0) await reports(/a dead letter: /, { poison: [] });

  const [user] = world.clients;
  assert.ok(user !== undefined);
  // Without triggers: the log of changes and the audit log refuse this to everybody.
  const damage = (statement: string) =>
    sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      const { count } = await tx.unsafe(statement, [user.id]);
      assert.ok(count <= 1, statement);
      return count === 1;
    });
  let seen = 0;
  /** Where the run left such a row: what remains at its end depends on its timing. */
  const damaged = async (statement: string, as: RegExp) => {
    if (!await damage(statement)) return;
    await reports(as);
    seen++;
  };
  await damaged(
    `delete from webhooks.inbox where event_id =
    (select event_id from tasks.changes where user_id = $1 order by seq limit 1)`,
    /changes that webhooks did not take/,
  );
  await damaged(
    `update tasks.tasks set title = 'Another' where id =
    (select id from tasks.tasks where user_id = $1 order by id limit 1)`,
    /tasks that differ from the replay of their changes/,
  );
  await damaged(
    `delete from notifications.notifications where id =
    (select id from notifications.notifications where user_id = $1 order by id limit 1)`,
    /a reminder that was not told once/,
  );
  await damaged(
    `delete from reminders.ledger where id =
    (select id from reminders.ledger where user_id = $1 and status = 'scheduled' order by id limit 1)`,
    /a reminder without its row/,
  );
  await damaged(`delete from audit.entries where user_id = $1 and n = 3`, /events without an audit row/);
  await reports(/a chain that does not verify/);
  await damaged(
    `delete from tasks.tasks where id = (select one.id from tasks.tasks one join tasks.tasks before
    on before.series_id = one.series_id and before.occurrence = one.occurrence - 1
    where one.user_id = $1 and before.status = 'completed' and not exists (select from tasks.tasks after
      where after.series_id = one.series_id and after.occurrence = one.occurrence + 1) limit 1)`,
    /an ended occurrence without a next one/,
  );
  await damaged(`delete from tasks.changes where user_id = $1 and seq = 2`, /change numbers with holes/);
  assert.ok(seen >= 3, `${seen} damages could be done`);
}
