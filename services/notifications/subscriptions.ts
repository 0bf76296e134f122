/** Which browsers a user is told in, and the key that their push services know this installation by. */
import { uuidv7 } from "uuidv7";
import type { PushSubscription, PushSubscriptionInput } from "../shared/contracts/resources.ts";
import { formatInstant } from "../shared/domain/time.ts";
import { asUser, EVERY_USER, setUser, type Sql, type Tx } from "../shared/store/database.ts";
import { newVapidKeys, type PushTarget, type VapidKeys } from "./push.ts";

/** Browsers of one user; the one that was added first makes room. */
const MOST_BROWSERS = 20;

/** The key pair of this installation: made by whoever is first, the same for everybody from then on. */
export async function vapidKeys(sql: Sql): Promise<VapidKeys> {
  const { publicKey, privateKey } = newVapidKeys();
  await sql`
    insert into notifications.push_keys (public_key, private_key) values (${publicKey}, ${privateKey})
    on conflict do nothing`;
  const [kept] = await sql<VapidKeys[]>`
    select public_key as "publicKey", private_key as "privateKey" from notifications.push_keys`;
  if (kept === undefined) throw new Error("Cannot read the keys for web push");
  return kept;
}

/** A browser subscribes, or says again that it has; the transaction is this user's. */
export async function subscribe(
  tx: Tx,
  userId: string,
  input: PushSubscriptionInput,
  now: Temporal.Instant,
): Promise<PushSubscription> {
  const { endpoint, keys: { p256dh, auth }, label = "" } = input;
  // Whoever had this browser before is no longer told in it.
  await setUser(tx, EVERY_USER);
  await tx`
    delete from notifications.push_subscriptions where endpoint = ${endpoint} and user_id <> ${userId}`;
  await setUser(tx, userId);
  const [made] = await tx<PushSubscription[]>`
    insert into notifications.push_subscriptions as s (id, user_id, endpoint, p256dh, auth, label, created_at)
    values (${uuidv7()}, ${userId}, ${endpoint}, ${p256dh}, ${auth}, ${label}, ${formatInstant(now)})
    on conflict (endpoint) do update set p256dh = excluded.p256dh, auth = excluded.auth, label = excluded.label
    returning ${columns(tx)}`;
  if (made === undefined) throw new Error("Cannot keep a subscription");
  await tx`
    delete from notifications.push_subscriptions where user_id = ${userId} and id not in (
      select id from notifications.push_subscriptions where user_id = ${userId} order by id desc limit ${MOST_BROWSERS}
    )`;
  return made;
}

/** A user's browsers, newest first. */
export async function subscriptions(sql: Sql, userId: string): Promise<PushSubscription[]> {
  return await asUser(sql, userId, (tx) =>
    tx<PushSubscription[]>`
      select ${
      columns(tx)
    } from notifications.push_subscriptions as s where s.user_id = ${userId} order by s.id desc`);
}

/** False when there is no such subscription of this user. */
export async function unsubscribe(tx: Tx, userId: string, id: string): Promise<boolean> {
  const gone = await tx`
    delete from notifications.push_subscriptions where user_id = ${userId} and id = ${id} returning id`;
  return gone.length > 0;
}

const columns = (tx: Tx) =>
  tx`s.id, s.label, split_part(split_part(s.endpoint, '/', 3), ':', 1) as service,
    s.created_at as "createdAt", s.last_delivered_at as "lastDeliveredAt"`;

export interface Targets {
  /** Browsers that have not had the delivery. */
  open: (PushTarget & { id: string })[];
  /** How many have. */
  delivered: number;
}

/** To whom a delivery still has to go. */
export async function targetsOf(sql: Sql, userId: string, deliveryId: string): Promise<Targets> {
  return await asUser(sql, userId, async (tx) => {
    const open = await tx<Targets["open"]>`
      select s.id, s.endpoint, s.p256dh, s.auth from notifications.push_subscriptions as s
      where s.user_id = ${userId} and not exists (
        select 1 from notifications.push_receipts as r
        where r.delivery_id = ${deliveryId} and r.subscription_id = s.id
      )`;
    const [had] = await tx<{ count: number }[]>`
      select count(*)::int as count from notifications.push_receipts
      where delivery_id = ${deliveryId} and status = 'delivered'`;
    return { open: [...open], delivered: had?.count ?? 0 };
  });
}

export interface Receipts {
  delivered: readonly string[];
  refused: readonly string[];
  gone: readonly string[];
}

/** Records what became of an attempt, browser by browser; those that are gone are forgotten. */
export async function recordReceipts(
  sql: Sql,
  about: { userId: string; deliveryId: string; now: Temporal.Instant },
  { delivered, refused, gone }: Receipts,
): Promise<void> {
  const { userId, deliveryId } = about;
  const at = formatInstant(about.now);
  const rows = [
    ...delivered.map((id) => ({ id, status: "delivered" })),
    ...refused.map((id) => ({ id, status: "refused" })),
  ];
  await asUser(sql, userId, async (tx) => {
    await tx`
      insert into notifications.push_receipts (delivery_id, subscription_id, user_id, status, at)
      select ${deliveryId}, r.id, ${userId}, r.status, ${at}
      from jsonb_to_recordset(${tx.json(rows as never)}) as r (id uuid, status text)
      on conflict do nothing`;
    await tx`
      update notifications.push_subscriptions set last_delivered_at = ${at} where id in (
        select r.id from jsonb_to_recordset(${tx.json(rows as never)}) as r (id uuid, status text)
        where r.status = 'delivered'
      )`;
    await tx`
      delete from notifications.push_subscriptions where user_id = ${userId} and id in (
        select r.id from jsonb_to_recordset(${tx.json(gone.map((id) => ({ id })) as never)}) as r (id uuid)
      )`;
  });
}
