/** Kafka as a checker asks it. */
import { kafkaClient } from "../../deploy/kafka/client.ts";
import { kafkaDeadLetters } from "../../deploy/kafka/dead_letters.ts";
import { isBroadcast, readLag } from "../../deploy/kafka/lag.ts";
import { readRecords } from "../../deploy/kafka/records.ts";
import { type BrokerView, MOST_LETTERS } from "../process/broker_view.ts";

/** @param brokers such as `127.0.0.1:9092` */
export function kafkaBroker(brokers: string): BrokerView {
  return {
    async behind() {
      const lags = (await readLag(brokers)).filter(({ group }) => !isBroadcast(group));
      return lags.reduce((sum, { events }) => sum + events, 0);
    },
    async events(topics) {
      const records = await readRecords(kafkaClient(brokers), topics);
      return records.map(({ key, value }) => {
        const { id, type, data } = JSON.parse(value) as { id: string; type: string; data: unknown };
        return { key, id, type, data };
      });
    },
    deadLetters: () => kafkaDeadLetters(brokers).list({ limit: MOST_LETTERS }),
  };
}
