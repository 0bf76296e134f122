/** How far consumer groups are behind. */
import { withAdmin } from "./client.ts";

export interface Lag {
  group: string;
  topic: string;
  /** Events that are in the topic and that the group has not taken. */
  events: number;
}

/**
 * The lag of every group on every topic that it has read. A partition of which a group never took anything counts
 * from its beginning, unless the group takes only what is new.
 */
export async function readLag(brokers: string): Promise<Lag[]> {
  return await withAdmin(brokers, async (admin) => {
    const { groups } = await admin.listGroups();
    const read = await Promise.all(
      groups.map(async ({ groupId }) => ({
        group: groupId,
        topics: await admin.fetchOffsets({ groupId }),
      })),
    );
    const topics = new Set(read.flatMap((one) => one.topics.map(({ topic }) => topic)));
    const ends = new Map(
      await Promise.all([...topics].map(async (topic) => {
        const offsets = await admin.fetchTopicOffsets(topic);
        return [topic, new Map(offsets.map((one) => [one.partition, one]))] as const;
      })),
    );
    return read.flatMap(({ group, topics }) =>
      topics.map(({ topic, partitions }) => ({
        group,
        topic,
        // Kafka names only those partitions of which the group took something.
        events: [...ends.get(topic)?.values() ?? []].reduce((sum, { partition, low, high }) => {
          const { offset = "-1" } = partitions.find((one) => one.partition === partition) ?? {};
          if (offset === "-1" && isBroadcast(group)) return sum;
          // What retention has removed can't be taken any more.
          return sum + Math.max(0, Number(high) - Math.max(Number(offset), Number(low)));
        }, 0),
      }))
    ).sort((a, b) => a.group.localeCompare(b.group) || a.topic.localeCompare(b.topic));
  });
}

/** The group of one replica: it begins at the end and leaves nothing that anyone would catch up on. */
export function isBroadcast(group: string): boolean {
  return group.startsWith("realtime-");
}
