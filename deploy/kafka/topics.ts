/** The topics as they should be on a broker, made and compared. */
import { ConfigResourceTypes } from "kafkajs";
import { TOPICS } from "../../services/shared/contracts/events.ts";
import { deadLetterTopic } from "../../services/shared/runtime/dapr/dead_letter.ts";
import { withAdmin } from "./client.ts";

export interface TopicPlan {
  topic: string;
  partitions: number;
  retentionMs: number;
}

/**
 * Room for as many replicas of a consumer. A sidecar hands over each partition by itself, so more of them mean smaller
 * batches and more work for each event (ADR 13). The number can't be lowered, and raising it moves keys.
 */
const PARTITIONS = 4;
/** As long as the longest topic: whoever looks after a month still finds it. */
const DEAD_LETTER_RETENTION_MS = 30 * 86_400_000;

/** Every topic, and one for its dead letters. */
export const PLAN: readonly TopicPlan[] = Object.entries(TOPICS).flatMap(([topic, { retentionMs }]) => [
  { topic, partitions: PARTITIONS, retentionMs },
  // One partition: letters and what became of them are read from the first to the last.
  { topic: deadLetterTopic(topic), partitions: 1, retentionMs: DEAD_LETTER_RETENTION_MS },
]);

export interface TopicState extends TopicPlan {
  replicas: number;
}

export interface CreateTopicsOptions {
  plan?: readonly TopicPlan[];
  /** Copies of each partition (default 1, as there is one broker). */
  replicas?: number;
}

/** Makes what is missing and sets the retention of what is there; answers the topics that were made. */
export async function createTopics(brokers: string, options: CreateTopicsOptions = {}): Promise<string[]> {
  const { plan = PLAN, replicas = 1 } = options;
  return await withAdmin(brokers, async (admin) => {
    const there = new Set(await admin.listTopics());
    const missing = plan.filter(({ topic }) => !there.has(topic));
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ topic, partitions, retentionMs }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replicas,
          configEntries: [{ name: "retention.ms", value: String(retentionMs) }],
        })),
      });
    }
    const known = plan.filter(({ topic }) => there.has(topic));
    if (known.length > 0) {
      await admin.alterConfigs({
        validateOnly: false,
        resources: known.map(({ topic, retentionMs }) => ({
          type: ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: "retention.ms", value: String(retentionMs) }],
        })),
      });
    }
    return missing.map(({ topic }) => topic);
  });
}

/** The planned topics that are there, as they are. */
export async function describeTopics(brokers: string, plan = PLAN): Promise<TopicState[]> {
  return await withAdmin(brokers, async (admin) => {
    const there = new Set(await admin.listTopics());
    const names = plan.map(({ topic }) => topic).filter((topic) => there.has(topic));
    if (names.length === 0) return [];
    const [{ topics }, { resources }] = await Promise.all([
      admin.fetchTopicMetadata({ topics: names }),
      admin.describeConfigs({
        includeSynonyms: false,
        resources: names.map((name) => ({
          type: ConfigResourceTypes.TOPIC,
          name,
          configNames: ["retention.ms"],
        })),
      }),
    ]);
    const retention = new Map(
      resources.map((
        { resourceName, configEntries },
      ) => [resourceName, Number(configEntries[0]?.configValue)]),
    );
    return topics.map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions.length,
      retentionMs: retention.get(name) ?? NaN,
      replicas: partitions[0]?.replicas.length ?? 0,
    }));
  });
}

/** What differs from the plan, one sentence each. */
export function differences(states: readonly TopicState[], plan: readonly TopicPlan[] = PLAN): string[] {
  const there = new Map(states.map((state) => [state.topic, state]));
  return plan.flatMap(({ topic, partitions, retentionMs }) => {
    const state = there.get(topic);
    if (state === undefined) return [`${topic} is missing`];
    return [
      ...(state.partitions === partitions
        ? []
        : [`${topic} has ${state.partitions} partitions and should have ${partitions}`]),
      ...(state.retentionMs === retentionMs
        ? []
        : [`${topic} keeps events for ${days(state.retentionMs)} and should for ${days(retentionMs)}`]),
    ];
  });
}

/** Milliseconds as days. */
export function days(ms: number): string {
  return `${Math.round(ms / 86_400_000 * 10) / 10} d`;
}
