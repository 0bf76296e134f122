/** The operator's commands: `topics create|check|describe`, `lag`, `dlq list|show|replay|drop`. */
import { join } from "node:path";
import { readConfig, StartError } from "../../services/shared/host/config.ts";
import { runMain } from "../../services/shared/host/serve.ts";
import type { DeadLetter, DeadLetters } from "../../services/shared/runtime/dead_letters.ts";
import { createDeadLetters } from "../../services/shared/runtime/embedded/dead_letters.ts";
import { connect } from "../../services/shared/store/database.ts";
import { startPostgres } from "../local/postgres.ts";
import { table } from "../local/table.ts";
import { findBrokers, requireBrokers } from "./brokers.ts";
import { kafkaDeadLetters } from "./dead_letters.ts";
import { readLag } from "./lag.ts";
import { createTopics, days, describeTopics, differences } from "./topics.ts";

const MOST_LETTERS = 1_000;

async function topics(command: string | undefined): Promise<void> {
  const brokers = await requireBrokers();
  switch (command) {
    case "create": {
      const made = await createTopics(brokers);
      return console.log(made.length === 0 ? "Every topic is there" : `Made ${made.join(", ")}`);
    }
    case "check": {
      const found = differences(await describeTopics(brokers));
      if (found.length > 0) throw new StartError(found.join("\n"));
      return console.log("The topics are as they should be");
    }
    case "describe":
      return console.log(
        table((await describeTopics(brokers)).map(({ topic, partitions, replicas, retentionMs }) => [
          topic,
          `${partitions} partitions`,
          `${replicas} ${replicas === 1 ? "replica" : "replicas"}`,
          days(retentionMs),
        ])),
      );
    default:
      throw new StartError("Say one of topics create, topics check, topics describe");
  }
}

async function lag(): Promise<void> {
  const lags = await readLag(await requireBrokers());
  console.log(
    lags.length === 0
      ? "No group has read anything yet"
      : table(lags.map(({ group, topic, events }) => [group, topic, String(events)])),
  );
}

async function dlq([command, ...names]: string[]): Promise<void> {
  await using letters = await openDeadLetters();
  switch (command) {
    case "list":
      return console.log(listed(await letters.list({ topic: names[0], limit: MOST_LETTERS })));
    case "show":
      return console.log(JSON.stringify(await find(letters, names[0]), null, 2));
    case "replay":
      return await each(letters, names, "replayed", (id) => letters.replay(id));
    case "drop":
      return await each(letters, names, "dropped", (id) => letters.drop(id));
    default:
      throw new StartError(
        "Say one of dlq list [topic], dlq show <id>, dlq replay <id …|all>, dlq drop <id …>",
      );
  }
}

function listed(letters: readonly DeadLetter[]): string {
  if (letters.length === 0) return "There are no dead letters";
  return table(letters.map(({ id, consumer, key, error, at }) => [
    id,
    at.toString({ smallestUnit: "second" }),
    consumer,
    key,
    error.replaceAll(/\s+/g, " ").slice(0, 100),
  ]));
}

async function find(letters: DeadLetters, id: string | undefined): Promise<DeadLetter> {
  const letter = (await letters.list({ limit: MOST_LETTERS })).find((one) => one.id === id);
  if (letter === undefined) throw new StartError(`There is no dead letter ${id ?? "without an id"}`);
  return letter;
}

/** `all` is every letter, the oldest first: events of one user come in their order then. */
async function each(
  letters: DeadLetters,
  names: string[],
  done: string,
  act: (id: string) => Promise<boolean>,
): Promise<void> {
  if (names.length === 0) throw new StartError("Name the letters, or all");
  const ids = names[0] === "all"
    ? (await letters.list({ limit: MOST_LETTERS })).map(({ id }) => id).toReversed()
    : names;
  for (const id of ids) {
    if (!await act(id)) throw new StartError(`There is no dead letter ${id}`);
    console.log(`${id} is ${done}`);
  }
}

/** Those of Kafka where there is one, else those of the embedded runtime. */
async function openDeadLetters(): Promise<DeadLetters & AsyncDisposable> {
  const brokers = await findBrokers();
  if (brokers !== null) {
    return { ...kafkaDeadLetters(brokers), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const database = await openDatabase();
  const sql = connect({ url: database.url, name: "dlq", role: "rondo_broker", max: 1 });
  return {
    // Whoever has the consumer looks for replays every second.
    ...createDeadLetters(sql, () => {}),
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 5 });
      await database[Symbol.asyncDispose]();
    },
  };
}

async function openDatabase(): Promise<{ url: string } & AsyncDisposable> {
  const { DATABASE_URL, dataDir } = readConfig();
  if (DATABASE_URL !== undefined) {
    return { url: DATABASE_URL, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const there = await Deno.stat(join(dataDir, "pg", "PG_VERSION")).then(() => true, () => false);
  if (!there) throw new StartError(`There is no Rondo in ${dataDir}: set RONDO_DATA_DIR or DATABASE_URL`);
  const server = await startPostgres({ dataDir });
  return {
    url: server.url,
    // It belongs to a Rondo that is running.
    [Symbol.asyncDispose]: () => server.adopted ? Promise.resolve() : server.stop(),
  };
}

if (import.meta.main) {
  await runMain(async () => {
    const [what, ...rest] = Deno.args;
    switch (what) {
      case "topics":
        return await topics(rest[0]);
      case "lag":
        return await lag();
      case "dlq":
        return await dlq(rest);
      default:
        throw new StartError("Say one of topics, lag, dlq");
    }
  });
}
