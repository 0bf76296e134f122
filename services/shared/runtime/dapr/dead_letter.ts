/**
 * The records of a `<topic>.dlq` topic, which the adapter writes and the operators' tool reads: letters, and marks
 * that say what became of a letter. Everything but the event itself is in the records' headers.
 *
 * Beside the adapter's letters there may be daprd's own, of events that never reached a service (no JSON, or a
 * retry policy that ended): they have no consumer and no error.
 */
import type { DeadLetter } from "../dead_letters.ts";

const SUFFIX = ".dlq";
/** Longest error that a letter carries: a header counts towards the record's size, which brokers limit. */
const LONGEST_ERROR = 1_000;
/** On a record of a topic itself: the one consumer that takes it, the others pass over it. */
const ADDRESSEE = "replay-for";
const RESOLVES = "resolves";
const RESOLUTION = "resolution";

/** The topic of a topic's dead letters. */
export function deadLetterTopic(topic: string): string {
  return topic + SUFFIX;
}

/** The headers of a letter. */
export function letterHeaders(
  letter: Pick<DeadLetter, "consumer" | "error" | "at"> & { attempts: number },
): Record<string, string> {
  return {
    consumer: letter.consumer,
    error: letter.error.slice(0, LONGEST_ERROR),
    attempts: String(letter.attempts),
    at: letter.at.toString(),
  };
}

/** The headers of the mark by which a letter (of the same topic) leaves the list; the mark's key is the letter's. */
export function resolutionHeaders(id: string, resolution: "replayed" | "dropped"): Record<string, string> {
  return { [RESOLVES]: id, [RESOLUTION]: resolution };
}

/** The headers of a record that hands a letter's event to its consumer again, and to no other one. */
export function replayHeaders(letter: Pick<DeadLetter, "consumer">): Record<string, string> {
  return letter.consumer === UNKNOWN ? {} : { [ADDRESSEE]: letter.consumer };
}

/** Whether a record with these headers is meant for a consumer. */
export function isMeantFor(consumer: string, headers: Readonly<Record<string, string>>): boolean {
  return (headers[ADDRESSEE] ?? consumer) === consumer;
}

/** A record of a dead-letter topic, as any Kafka client reads it. */
export interface DeadLetterRecord {
  /** With `.dlq`. */
  topic: string;
  partition: number;
  offset: string;
  key: string;
  value: string;
  headers: Readonly<Record<string, string>>;
  /** When the broker took it. */
  at: Temporal.Instant;
}

/** The consumer of letters that daprd wrote itself. */
const UNKNOWN = "unknown";

/**
 * The letters among these records that no mark resolves, in the order in which they were written. A letter's id is
 * its place in the broker, `<topic>.dlq/<partition>/<offset>`.
 */
export function openLetters(records: Iterable<DeadLetterRecord>): DeadLetter[] {
  const letters = new Map<string, DeadLetter>();
  const resolved = new Set<string>();
  for (const record of records) {
    const mark = record.headers[RESOLVES];
    if (mark === undefined) {
      const id = `${record.topic}/${record.partition}/${record.offset}`;
      letters.set(id, {
        id,
        topic: record.topic.slice(0, -SUFFIX.length),
        consumer: record.headers.consumer ?? UNKNOWN,
        key: record.key,
        event: parse(record.value),
        error: record.headers.error ?? "daprd gave no reason",
        at: instant(record.headers.at) ?? record.at,
      });
    } else {
      resolved.add(mark);
    }
  }
  return [...letters.values()].filter(({ id }) => !resolved.has(id));
}

/** What a letter holds may be what made it one: no JSON is text then. */
function parse(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function instant(text: string | undefined): Temporal.Instant | null {
  try {
    return text === undefined ? null : Temporal.Instant.from(text);
  } catch {
    return null;
  }
}
