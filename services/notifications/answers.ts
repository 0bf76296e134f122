/** What a repeat of a request gets: the answer of the first one with its Idempotency-Key, kept for a day. */
import { createHash } from "node:crypto";
import { formatInstant } from "../shared/domain/time.ts";
import { KEPT_HOURS, keyUsedForAnother } from "../shared/http/idempotency.ts";
import { asUser, EVERY_USER, lockUser, type Sql, type Tx } from "../shared/store/database.ts";

const KEPT = { hours: KEPT_HOURS };

export interface WriteOptions {
  userId: string;
  /** Of the client; absent: every request is another one. */
  key: string | undefined;
  /** What the key is bound to. */
  request: string;
  now: Temporal.Instant;
}

/**
 * Runs a write in its transaction, once per key. What it throws is not kept.
 *
 * @throws ProblemError 422 when the key came with another request
 */
export async function once<T>(
  sql: Sql,
  options: WriteOptions,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const { userId, key, now } = options;
  return await asUser(sql, userId, async (tx) => {
    if (key === undefined) return await work(tx);
    await lockUser(tx, "notifications", userId);
    const request = createHash("sha256").update(options.request).digest("hex");
    const [known] = await tx<{ request: string; body: T }[]>`
      select request, body from notifications.answers
      where user_id = ${userId} and key = ${key} and created_at > ${formatInstant(now.subtract(KEPT))}`;
    if (known !== undefined && known.request !== request) throw keyUsedForAnother();
    if (known !== undefined) return known.body;
    const body = await work(tx);
    await tx`
      insert into notifications.answers (user_id, key, request, body, created_at)
      values (${userId}, ${key}, ${request}, ${JSON.stringify(body)}::text::json, ${formatInstant(now)})
      on conflict (user_id, key) do update
      set request = excluded.request, body = excluded.body, created_at = excluded.created_at`;
    return body;
  });
}

/** Forgets answers that nobody gets again. */
export async function pruneAnswers(sql: Sql, now: Temporal.Instant): Promise<void> {
  await asUser(
    sql,
    EVERY_USER,
    (tx) => tx`delete from notifications.answers where created_at <= ${formatInstant(now.subtract(KEPT))}`,
  );
}
