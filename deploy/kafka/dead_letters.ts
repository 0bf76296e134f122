/**
 * Dead letters on Kafka, for an operator. A broker can't forget one record, so what became of a letter is a record
 * behind it in the same topic: a letter is open while there is none.
 */
import type { Kafka } from "kafkajs";
import { TOPICS } from "../../services/shared/contracts/events.ts";
import {
  type DeadLetterRecord,
  deadLetterTopic,
  openLetters,
  replayHeaders,
  resolutionHeaders,
} from "../../services/shared/runtime/dapr/dead_letter.ts";
import type { DeadLetters } from "../../services/shared/runtime/dead_letters.ts";
import { kafkaClient } from "./client.ts";

const DEFAULT_LIMIT = 100;

export interface DeadLetterOptions {
  /** Topics whose letters are looked for (default: every one). */
  topics?: readonly string[];
}

/** The dead letters of a broker. Each call reads what is there; nothing is kept open. */
export function kafkaDeadLetters(brokers: string, options: DeadLetterOptions = {}): DeadLetters {
  const { topics = Object.keys(TOPICS) } = options;
  const kafka = kafkaClient(brokers);
  return {
    async list({ topic, limit = DEFAULT_LIMIT } = {}) {
      const records = await readAll(kafka, (topic === undefined ? topics : [topic]).map(deadLetterTopic));
      // Stable: of those that were written at the same time the last one comes first, too.
      return openLetters(records).toReversed()
        .sort((a, b) => Temporal.Instant.compare(b.at, a.at))
        .slice(0, limit);
    },
    replay: (id) => resolve(id, "replayed"),
    drop: (id) => resolve(id, "dropped"),
  };

  async function resolve(id: string, resolution: "replayed" | "dropped"): Promise<boolean> {
    const dead = id.split("/")[0] ?? "";
    if (!topics.some((topic) => deadLetterTopic(topic) === dead)) return false;
    const records = await readAll(kafka, [dead]);
    const letter = openLetters(records).find((one) => one.id === id);
    const record = records.find(({ partition, offset }) => id === `${dead}/${partition}/${offset}`);
    if (letter === undefined || record === undefined) return false;
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    try {
      const key = record.key === "" ? null : record.key;
      if (resolution === "replayed") {
        // First the event, then the mark: a crash in between means a second replay, which the inbox makes harmless.
        await producer.send({
          topic: letter.topic,
          messages: [{ key, value: record.value, headers: replayHeaders(letter) }],
        });
      }
      await producer.send({
        topic: dead,
        messages: [{ key, value: "", headers: resolutionHeaders(id, resolution) }],
      });
    } finally {
      await producer.disconnect();
    }
    return true;
  }
}

/** Every record of these topics, up to where they end now; a topic that is not there has none. */
async function readAll(kafka: Kafka, topics: readonly string[]): Promise<DeadLetterRecord[]> {
  const groupId = `rondo-operator-${crypto.randomUUID()}`;
  const admin = kafka.admin();
  await admin.connect();
  try {
    const there = new Set(await admin.listTopics());
    const names = topics.filter((topic) => there.has(topic));
    /** Where reading ends, by topic and partition; those that were read to there are taken out. */
    const ends = new Map<string, number>();
    for (const topic of names) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        if (Number(high) > Number(low)) ends.set(`${topic}/${partition}`, Number(high));
      }
    }
    if (ends.size === 0) return [];
    const records = await readUntil(kafka, groupId, names, ends);
    // The group's only purpose was this reading.
    await admin.deleteGroups([groupId]).catch(() => {});
    return records;
  } finally {
    await admin.disconnect();
  }
}

async function readUntil(
  kafka: Kafka,
  groupId: string,
  topics: string[],
  ends: Map<string, number>,
): Promise<DeadLetterRecord[]> {
  const records: DeadLetterRecord[] = [];
  const consumer = kafka.consumer({ groupId });
  const done = Promise.withResolvers<void>();
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) done.reject(payload.error);
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch({ batch: { topic, partition, messages } }) {
        const place = `${topic}/${partition}`;
        const end = ends.get(place) ?? 0;
        for (const message of messages) {
          if (Number(message.offset) >= end) break;
          records.push({
            ...{ topic, partition, offset: message.offset },
            key: message.key?.toString() ?? "",
            value: message.value?.toString() ?? "",
            headers: Object.fromEntries(
              Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
            ),
            at: Temporal.Instant.fromEpochMilliseconds(Number(message.timestamp)),
          });
        }
        if (Number(messages.at(-1)?.offset ?? -1) >= end - 1) ends.delete(place);
        if (ends.size === 0) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
    return records;
  } finally {
    await consumer.disconnect();
  }
}
