/** Everything that is in topics, for operators and tests. */
import type { Kafka } from "kafkajs";
import type { DeadLetterRecord } from "../../services/shared/runtime/dapr/dead_letter.ts";

/** Every record of these topics, up to where they end now; a topic that is not there has none. */
export async function readRecords(kafka: Kafka, topics: readonly string[]): Promise<DeadLetterRecord[]> {
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
