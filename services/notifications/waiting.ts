/**
 * Due reminders that wait for the api: without a profile nobody can be told, and that is no fault of the event. They
 * are recorded with the inbox, so that the broker is done with them, and told in order when profiles can be read.
 */
import type { Envelope } from "../shared/contracts/events.ts";
import type { Profile } from "../shared/contracts/resources.ts";
import { type Clock, formatInstant } from "../shared/domain/time.ts";
import { forEachLimited } from "../shared/runtime/loop.ts";
import type { Runtime } from "../shared/runtime/ports.ts";
import { asUser, EVERY_USER, lockUser, type Sql, type Tx } from "../shared/store/database.ts";
import { newContext, runInContext } from "../shared/telemetry/context.ts";
import type { Log } from "../shared/telemetry/log.ts";
import { askProfiles } from "./profiles.ts";

/** Users who are told at a time; of one user always one event. */
const CONCURRENCY = 4;
/** Rows that one look takes. */
const PAGE = 500;

interface Row {
  userId: string;
  event: Envelope;
}

export interface WaitingOptions {
  sql: Sql;
  runtime: Pick<Runtime, "invoke">;
  log: Log;
  /** Tells one event, in the transaction that also ends its waiting. */
  tell(tx: Tx, event: Envelope, profile: Profile): Promise<unknown>;
  /** Called when some were told. */
  told(): void;
}

/** Records events of many users, in the transaction of the inbox. */
export async function keepWaiting(tx: Tx, events: readonly Envelope[], clock: Clock): Promise<void> {
  if (events.length === 0) return;
  await tx`
    insert into notifications.waiting (event_id, user_id, seq, event, received_at)
    select (e ->> 'id')::uuid, (e ->> 'partitionkey')::uuid, (e -> 'data' ->> 'seq')::bigint, e,
      ${formatInstant(clock.now())}
    from json_array_elements(${JSON.stringify(events)}::text::json) as e
    on conflict (event_id) do nothing`;
}

/** Of which of these users something waits: what comes now has its turn after it. */
export async function whoWaits(tx: Tx, userIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx<{ userId: string }[]>`
    select distinct user_id as "userId" from notifications.waiting where user_id = any(${userIds}::uuid[])`;
  return new Set(rows.map(({ userId }) => userId));
}

/** Tells all that wait. The answer rejects when the api can't be asked: then they go on waiting. */
export function createWaiting(options: WaitingOptions): () => Promise<void> {
  const { sql, runtime, log } = options;

  return async () => {
    for (;;) {
      const page = await read();
      if (page.length === 0) return;
      const users = Map.groupBy(page, ({ userId }) => userId);
      const profiles = await askProfiles(runtime, [...users.keys()]);
      let failing = 0;
      await forEachLimited(users.values(), CONCURRENCY, async (rows) => {
        for (const { userId, event } of rows) {
          await runInContext(contextOf(event), () => tellOne(event, profiles.get(userId))).catch((cause) => {
            // The others of that user have nothing to do with it.
            failing++;
            log.warn("a reminder that waits was not told", { eventId: event.id, cause });
          });
        }
      });
      if (failing < page.length) options.told();
      if (failing > 0) return;
    }
  };

  /** Those that have waited longest, each user's in order. */
  function read(): Promise<Row[]> {
    return asUser(sql, EVERY_USER, (tx) =>
      tx<Row[]>`
        select user_id as "userId", event from notifications.waiting
        order by received_at, user_id, seq
        limit ${PAGE}`);
  }

  async function tellOne(event: Envelope, profile: Profile | undefined): Promise<void> {
    const userId = event.partitionkey;
    await asUser(sql, userId, async (tx) => {
      await lockUser(tx, "notifications", userId);
      const mine = await tx`delete from notifications.waiting where event_id = ${event.id} returning 1`;
      // Another replica was faster, or the account is gone and has nobody to tell.
      if (mine.length === 0 || profile === undefined) return;
      await options.tell(tx, event, profile);
    });
  }
}

const contextOf = ({ correlationid: correlationId, traceparent }: Envelope) =>
  newContext({ correlationId, traceparent });
