/** Operators' view of the dead letters for tests: follows the topics, so that asking again and again costs nothing. */
import { Kafka, logLevel } from "kafkajs";
import type { DeadLetters } from "../../services/shared/runtime/dead_letters.ts";
import {
  type DeadLetterRecord,
  deadLetterTopic,
  openLetters,
  replayHeaders,
  resolutionHeaders,
} from "../../services/shared/runtime/dapr/dead_letter.ts";

export async function createDeadLetters(
  brokers: string,
  topics: string[],
): Promise<DeadLetters & AsyncDisposable> {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
  const records: DeadLetterRecord[] = [];
  const consumer = kafka.consumer({ groupId: `dlq-${crypto.randomUUID()}` });
  const producer = kafka.producer();
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topics: topics.map(deadLetterTopic), fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic, partition, message }) => {
      records.push({
        topic,
        partition,
        offset: message.offset,
        key: message.key?.toString() ?? "",
        value: message.value?.toString() ?? "",
        headers: Object.fromEntries(Object.entries(message.headers ?? {}).map(([k, v]) => [k, String(v)])),
        at: Temporal.Instant.fromEpochMilliseconds(Number(message.timestamp)),
      });
      return Promise.resolve();
    },
  });
  const find = (id: string) => openLetters(records).find((letter) => letter.id === id);
  const resolve = async (id: string, topic: string, key: string, how: "replayed" | "dropped") => {
    await producer.send({
      topic: deadLetterTopic(topic),
      messages: [{ key, value: "", headers: resolutionHeaders(id, how) }],
    });
    while (find(id) !== undefined) await new Promise((done) => setTimeout(done, 5));
  };
  return {
    list: ({ topic, limit = 100 } = {}) =>
      Promise.resolve(
        openLetters(records).filter((l) => topic === undefined || l.topic === topic).reverse().slice(
          0,
          limit,
        ),
      ),
    async replay(id) {
      const letter = find(id);
      if (letter === undefined) return false;
      await producer.send({
        topic: letter.topic,
        messages: [{ key: letter.key, value: JSON.stringify(letter.event), headers: replayHeaders(letter) }],
      });
      await resolve(id, letter.topic, letter.key, "replayed");
      return true;
    },
    async drop(id) {
      const letter = find(id);
      if (letter === undefined) return false;
      await resolve(id, letter.topic, letter.key, "dropped");
      return true;
    },
    async [Symbol.asyncDispose]() {
      await consumer.disconnect();
      await producer.disconnect();
    },
  };
}
