/**
 * Dead letters on Kafka, for an operator. A broker can't forget one record, so what became of a letter is a record
 * behind it in the same topic: a letter is open while there is none.
 */
import { TOPICS } from "../../services/shared/contracts/events.ts";
import {
  deadLetterTopic,
  openLetters,
  replayHeaders,
  resolutionHeaders,
} from "../../services/shared/runtime/dapr/dead_letter.ts";
import type { DeadLetters } from "../../services/shared/runtime/dead_letters.ts";
import { kafkaClient } from "./client.ts";
import { readRecords } from "./records.ts";

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
      const records = await readRecords(kafka, (topic === undefined ? topics : [topic]).map(deadLetterTopic));
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
    const records = await readRecords(kafka, [dead]);
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
