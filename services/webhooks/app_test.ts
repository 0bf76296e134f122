import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { uuidv7 } from "uuidv7";
import { waitFor } from "../shared/testing/fake_runtime.ts";
import { receiver, setUp, verifies } from "./testing.ts";
import { retryAfterSeconds } from "./sending.ts";

Deno.test("a change is sent once, signed as the specification says, and its delivery is logged", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  there.answer(() => new Response("thanks\0, got it", { status: 200 }));
  const webhook = await hooks.add(there.url, { description: "my script" });
  assert.match(webhook.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const [event] = hooks.happens(1);
  assert.ok(event);
  const outcomes = await hooks.deliver([event, event]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["ok", "ok"]);
  await waitFor(() => there.received.length === 1);
  await hooks.settled(webhook.id);

  const [message] = there.received;
  assert.ok(message);
  assert.equal(message.headers["webhook-id"], event.id);
  assert.equal(message.headers["content-type"], "application/json");
  assert.ok(verifies(message, webhook.secret), "by the library");
  const signed = `${event.id}.${message.headers["webhook-timestamp"]}.${message.body}`;
  const key = Uint8Array.fromBase64(webhook.secret.slice("whsec_".length));
  assert.equal(
    message.headers["webhook-signature"],
    `v1,${createHmac("sha256", key).update(signed).digest("base64")}`,
    "and by the specification's own words",
  );
  assert.deepEqual(message.json, {
    type: "task.created.v1",
    timestamp: event.time,
    data: {
      ...{ eventId: event.id, seq: 1, actor: event.data.actor, causationId: event.causationid },
      ...{ taskId: event.subject, task: event.data.task },
    },
  });

  const [delivery, ...others] = await hooks.deliveries(webhook.id);
  assert.equal(others.length, 0);
  assert.equal(delivery?.status, "delivered");
  assert.equal(delivery?.attempts, 1);
  assert.equal(delivery?.responseStatus, 200);
  assert.equal(delivery?.responseBody, "thanks, got it");
  assert.equal(delivery?.eventId, event.id);
  assert.equal((await hooks.get(webhook.id)).lastDeliveredAt, hooks.clock.now().toString());
  const page = await hooks.metrics.registry.metrics();
  assert.match(page, /webhooks_deliveries_total\{status="delivered"\} 1/);
  assert.match(page, /webhook_delivery_seconds_count 1/);
});

Deno.test("only the types that were asked for are sent, and nothing from before the webhook", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  hooks.happens(2);
  const webhook = await hooks.add(there.url, { types: ["task.completed.v1"] });
  const late = hooks.changes.length;
  const events = [...hooks.happens(2), ...hooks.happens(1, "task.completed.v1"), ...hooks.happens(1)];
  await hooks.deliver(events);
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs(), [late + 3]);
});

Deno.test("messages go out one at a time in the order of changes, also to two webhooks side by side", async () => {
  await using hooks = await setUp();
  await using one = receiver();
  await using other = receiver();
  let underWay = 0;
  let most = 0;
  one.answer(async () => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, 1));
    underWay--;
    return new Response();
  });
  const first = await hooks.add(one.url);
  const second = await hooks.add(other.url);
  const events = hooks.happens(20);
  await hooks.deliver(events.slice(0, 10));
  await hooks.deliver(events.slice(10));
  await Promise.all([hooks.settled(first.id), hooks.settled(second.id)]);
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
  assert.deepEqual(one.seqs(), numbers);
  assert.deepEqual(other.seqs(), numbers);
  assert.equal(most, 1);
});

Deno.test("while a receiver is away everything of it waits, ever longer, and then comes in order", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  there.answer((_, n) => new Response("not now", { status: n <= 3 ? 503 : 200 }));
  await hooks.deliver(hooks.happens(3));
  const waits: number[] = [];
  for (const seconds of [5, 30, 120]) {
    await hooks.settled(webhook.id);
    const [row] = (await hooks.deliveries(webhook.id)).filter(({ attempts }) => attempts > 0);
    assert.equal(row?.status, "pending");
    assert.equal(row?.error, "The receiver answered 503");
    assert.equal(row?.responseBody, "not now");
    waits.push(
      Temporal.Instant.from(row?.nextAttemptAt ?? "").since(hooks.clock.now()).total("seconds"),
    );
    hooks.advance(`PT${seconds - 1}S`);
    await hooks.settled(webhook.id);
    assert.deepEqual(there.seqs(), Array(waits.length).fill(1), "the second waits for the first");
    hooks.advance("PT1S");
  }
  await hooks.settled(webhook.id);
  assert.deepEqual(waits, [5, 30, 120]);
  assert.deepEqual(there.seqs(), [1, 1, 1, 1, 2, 3]);
  assert.equal(new Set(there.received.slice(0, 4).map(({ headers }) => headers["webhook-id"])).size, 1);
  assert.equal((await hooks.get(webhook.id)).failures, 0);
});

Deno.test("a message that is refused steps aside, is tried again and given up; the others pass", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  there.answer(({ json }) => new Response("no", { status: json.data.seq === 2 ? 422 : 200 }));
  await hooks.deliver(hooks.happens(4));
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs(), [1, 2, 3, 4]);
  for (let attempts = 1; attempts < 13; attempts++) {
    // Others go well in between, so the webhook is not paused.
    await hooks.deliver(hooks.happens(1));
    hooks.advance("PT9H");
    await hooks.settled(webhook.id);
  }
  const refused = (await hooks.deliveries(webhook.id)).find(({ seq }) => seq === 2);
  assert.equal(refused?.status, "failed");
  assert.equal(refused?.attempts, 13);
  assert.equal(refused?.nextAttemptAt, null);
  assert.equal(there.seqs().filter((seq) => seq === 2).length, 13);
  hooks.advance("PT72H");
  await hooks.settled(webhook.id);
  assert.equal(there.seqs().filter((seq) => seq === 2).length, 13);
  assert.equal((await hooks.get(webhook.id)).status, "active");
});

Deno.test("Retry-After is waited for, up to an hour", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  there.answer((_, n) =>
    new Response("", { status: 429, headers: { "retry-after": n === 1 ? "77" : "999999" } })
  );
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(webhook.id);
  const wait = async () => {
    const [row] = await hooks.deliveries(webhook.id);
    return Temporal.Instant.from(row?.nextAttemptAt ?? "").since(hooks.clock.now()).total("seconds");
  };
  assert.equal(await wait(), 77);
  hooks.advance("PT77S");
  await hooks.settled(webhook.id);
  assert.equal(await wait(), 3_600);
});

Deno.test("retryAfterSeconds() reads seconds and dates, and nothing else", () => {
  const now = Temporal.Instant.from("2027-01-15T09:00:00Z");
  const cases: [string | null, number][] = [
    [null, 0],
    ["0", 0],
    ["90", 90],
    ["99999999", 3_600],
    ["Fri, 15 Jan 2027 09:20:00 GMT", 1_200],
    ["Sat, 16 Jan 2027 09:20:00 GMT", 3_600],
    ["Thu, 14 Jan 2027 09:20:00 GMT", 0],
    ["Fri, 31 Feb 2027 09:20:00 GMT", 0],
    ["Fri, 15 Foo 2027 09:20:00 GMT", 0],
    ["-5", 0],
    ["soon", 0],
  ];
  for (const [header, seconds] of cases) {
    assert.equal(retryAfterSeconds(header, now), seconds, String(header));
  }
});

Deno.test("a webhook that fails for long is paused, says why, and sends all it missed when it is resumed", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  there.answer(() => new Response("", { status: 500 }));
  await hooks.deliver(hooks.happens(1));
  for (let hour = 0; hour < 200 && (await hooks.get(webhook.id)).status === "active"; hour++) {
    hooks.advance("PT1H");
    await hooks.settled(webhook.id);
  }
  const paused = await hooks.get(webhook.id);
  assert.equal(paused.status, "paused");
  assert.equal(paused.pausedReason, "The last 12 attempts failed");
  assert.equal(paused.failures, 12);
  const before = there.received.length;
  assert.equal(before, 12);
  await hooks.deliver(hooks.happens(3));
  hooks.advance("PT48H");
  assert.equal((await hooks.get(webhook.id)).pending, 1, "a webhook that stands still gathers nothing");

  there.answer(() => new Response());
  const { status, body } = await hooks.call("PATCH", `/${webhook.id}`, { status: "active" });
  assert.equal(status, 200);
  assert.equal(body.pausedReason, null);
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs().slice(before), [1, 2, 3, 4]);
});

Deno.test("a receiver that answers 410 wants no more: its webhook is paused at once", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  there.answer(() => new Response("", { status: 410 }));
  await hooks.deliver(hooks.happens(2));
  await hooks.settled(webhook.id);
  const { status, pausedReason } = await hooks.get(webhook.id);
  assert.equal(status, "paused");
  assert.match(pausedReason ?? "", /410/);
  assert.deepEqual(there.seqs(), [1]);
});

Deno.test("a pause sends nothing, and what happened in it comes afterwards", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  await hooks.call("PATCH", `/${webhook.id}`, { status: "paused" });
  await hooks.deliver(hooks.happens(2));
  assert.equal((await hooks.get(webhook.id)).pausedReason, "You paused it");
  await hooks.call("PATCH", `/${webhook.id}`, { status: "active" });
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs(), [1, 2, 3]);
});

Deno.test("replay sends everything after a number again, once and in order, with new changes behind it", async () => {
  await using hooks = await setUp({ limits: { most: 20, few: 4, page: 7 } });
  await using there = receiver();
  hooks.happens(20);
  const webhook = await hooks.add(there.url);
  await hooks.deliver(hooks.happens(2));
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs(), [21, 22]);
  const { status, body } = await hooks.call("POST", `/${webhook.id}/replay?since=15`);
  assert.equal(status, 202);
  assert.equal(body.behind, true);
  await hooks.deliver(hooks.happens(3));
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs().slice(2), Array.from({ length: 10 }, (_, index) => 16 + index));
  const [live, again] = [
    there.received[0],
    there.received.find(({ json }, n) => n > 1 && json.data.seq === 21),
  ];
  assert.equal(again?.headers["webhook-id"], live?.headers["webhook-id"]);
  assert.deepEqual(again?.json, live?.json, "what the api tells is what the event told");

  there.received.length = 0;
  await hooks.call("POST", `/${webhook.id}/replay?since=0`);
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs(), Array.from({ length: 25 }, (_, index) => index + 1), "over several pages");
});

Deno.test("a receiver that hangs keeps its queue short, holds up nobody else, and misses nothing", async () => {
  await using hooks = await setUp({ limits: { most: 20, few: 4, page: 7 } });
  await using there = receiver();
  await using quick = receiver();
  const release = there.hold();
  const slow = await hooks.add(there.url);
  const fast = await hooks.add(quick.url);
  const events = hooks.happens(60);
  for (let start = 0; start < events.length; start += 10) {
    await hooks.deliver(events.slice(start, start + 10));
  }
  await hooks.settled(fast.id);
  assert.equal(quick.received.length, 60);
  assert.equal(there.received.length, 1);
  const { pending, behind } = await hooks.get(slow.id);
  assert.equal(pending, 20);
  assert.equal(behind, true);
  release();
  await hooks.settled(slow.id);
  assert.deepEqual(there.seqs(), Array.from({ length: 60 }, (_, index) => index + 1));
});

Deno.test("an event that was left out is asked of the api, before the one that showed it", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  const events = hooks.happens(4);
  hooks.setApiDown(true);
  await hooks.deliver([events[0], events[3]]);
  await waitFor(() => there.received.length === 1);
  hooks.setApiDown(false);
  hooks.advance("PT0S");
  await hooks.settled(webhook.id);
  assert.deepEqual(there.seqs(), [1, 2, 3, 4]);
});

Deno.test("whoever dies after sending sends again with the same webhook-id, and the result is recorded once", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  // The database refuses the result: as if the process had ended between the act and its record.
  await hooks.admin`alter table webhooks.deliveries add constraint broken check (status <> 'delivered')`;
  await hooks.deliver(hooks.happens(1));
  await waitFor(() => there.received.length === 1);
  await waitFor(() => hooks.logs.some((line) => line.includes("it is sent again")));
  hooks.advance("PT29S");
  const [intent] = await hooks.deliveries(webhook.id);
  assert.equal(intent?.attempts, 1);
  assert.equal(there.received.length, 1, "the intent holds");
  await hooks.admin`alter table webhooks.deliveries drop constraint broken`;
  hooks.advance("PT1S");
  await hooks.settled(webhook.id);
  assert.equal(there.received.length, 2);
  assert.equal(there.received[0]?.headers["webhook-id"], there.received[1]?.headers["webhook-id"]);
  assert.equal(there.received[0]?.body, there.received[1]?.body);
  const [delivery, ...others] = await hooks.deliveries(webhook.id);
  assert.equal(others.length, 0);
  assert.deepEqual([delivery?.status, delivery?.attempts], ["delivered", 2]);
});

Deno.test("two replicas send each message once, in order", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const twin = hooks.create();
  await twin.start();
  try {
    const webhook = await hooks.add(there.url);
    await hooks.deliver(hooks.happens(15));
    await hooks.settled(webhook.id);
    assert.deepEqual(there.seqs(), Array.from({ length: 15 }, (_, index) => index + 1));
  } finally {
    await twin.stop();
  }
});

Deno.test("after a rotation both secrets sign for a day, then the new one alone", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  const { status, body } = await hooks.call("POST", `/${webhook.id}/rotate`);
  assert.equal(status, 200);
  assert.notEqual(body.secret, webhook.secret);
  assert.equal(body.previousSecretUntil, hooks.clock.now().add({ hours: 24 }).toString());
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(webhook.id);
  const [both] = there.received;
  assert.ok(both && verifies(both, webhook.secret) && verifies(both, body.secret));
  assert.equal(both.headers["webhook-signature"]?.split(" ").length, 2);
  hooks.advance("PT24H");
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(webhook.id);
  assert.equal(there.received[1]?.headers["webhook-signature"]?.split(" ").length, 1);
  const signed = there.received[1];
  const seconds = Number(signed?.headers["webhook-timestamp"]);
  assert.equal(seconds * 1_000, hooks.clock.now().epochMilliseconds, "each attempt has its own time");
  const key = Uint8Array.fromBase64(body.secret.slice("whsec_".length));
  const content = `${signed?.headers["webhook-id"]}.${seconds}.${signed?.body}`;
  assert.equal(
    signed?.headers["webhook-signature"],
    `v1,${createHmac("sha256", key).update(content).digest("base64")}`,
  );
});

Deno.test("a write with a key has one effect, and the key is bound to its request", async () => {
  await using hooks = await setUp();
  const input = { url: "http://127.0.0.1:9/hook" };
  const first = await hooks.call("POST", "?seq=0", input, hooks.userId, "k1");
  const again = await hooks.call("POST", "?seq=7", input, hooks.userId, "k1");
  assert.equal(first.status, 201);
  assert.deepEqual(again, first, "the same secret too");
  const other = await hooks.call("POST", "?seq=0", { url: "http://127.0.0.1:9/b" }, hooks.userId, "k1");
  assert.equal(other.status, 422);
  assert.equal((await hooks.call("GET")).body.items.length, 1);
  const rotated = await hooks.call("POST", `/${first.body.id}/rotate`, undefined, hooks.userId, "k2");
  assert.deepEqual(
    await hooks.call("POST", `/${first.body.id}/rotate`, undefined, hooks.userId, "k2"),
    rotated,
  );
  // What another user does with the same key is theirs.
  assert.equal((await hooks.call("POST", "?seq=0", input, uuidv7(), "k1")).status, 201);
});

Deno.test("a user has ten webhooks at most, and sees none of another's", async () => {
  await using hooks = await setUp();
  const made = [];
  for (let count = 0; count < 10; count++) made.push(await hooks.add(`http://127.0.0.1:9/${count}`));
  const more = await hooks.call("POST", "?seq=0", { url: "http://127.0.0.1:9/more" });
  assert.equal(more.status, 409);
  const [first] = made;
  const stranger = uuidv7();
  for (
    const [method, path, body] of [
      ["GET", ""],
      ["PATCH", "", { status: "paused" }],
      ["DELETE", ""],
      ["POST", "/rotate"],
      ["POST", "/replay?since=0"],
      ["GET", "/deliveries"],
    ] as const
  ) {
    const answer = await hooks.call(method, `/${first?.id}${path}`, body, stranger);
    assert.equal(answer.status, 404, `${method} ${path}`);
  }
  assert.deepEqual((await hooks.call("GET", "", undefined, stranger)).body.items, []);
  const { secret: _, ...shown } = first ?? {};
  assert.deepEqual((await hooks.call("GET", `/${first?.id}`)).body, shown, "the secret is shown once");
  assert.equal((await hooks.call("DELETE", `/${first?.id}`)).status, 200);
  assert.equal((await hooks.call("GET", `/${first?.id}`)).status, 404);
  await hooks.add("http://127.0.0.1:9/again");
});

Deno.test("a deleted webhook sends nothing more, also while a message is under way", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const release = there.hold();
  const webhook = await hooks.add(there.url);
  await hooks.deliver(hooks.happens(3));
  await waitFor(() => there.received.length === 1);
  assert.equal((await hooks.call("DELETE", `/${webhook.id}`)).status, 200);
  release();
  const next = await hooks.add(there.url);
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(next.id);
  assert.deepEqual(there.seqs(), [1, 4]);
});

Deno.test("deliveries are paged newest first, and by what became of them", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  there.answer(({ json }) => new Response("", { status: json.data.seq % 2 === 0 ? 400 : 200 }));
  await hooks.deliver(hooks.happens(5));
  await hooks.settled(webhook.id);
  const page = async (query: string) => (await hooks.call("GET", `/${webhook.id}/deliveries?${query}`)).body;
  const first = await page("limit=2");
  const second = await page(`limit=2&cursor=${first.nextCursor}`);
  const third = await page(`limit=2&cursor=${second.nextCursor}`);
  const seqs = [first, second, third].flatMap(({ items }) => items.map(({ seq }: { seq: number }) => seq));
  assert.deepEqual(seqs, [5, 4, 3, 2, 1]);
  assert.equal(third.nextCursor, null);
  const waiting = await page("status=pending");
  assert.deepEqual(waiting.items.map(({ seq }: { seq: number }) => seq), [4, 2]);
});

Deno.test("logs name a webhook and its host, never its path, its secret or what was sent", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  there.answer(() => new Response("answer-of-the-receiver", { status: 500 }));
  const webhook = await hooks.add(`${there.url}/token-in-the-path?key=token-in-the-query`);
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(webhook.id);
  const all = hooks.logs.join("\n");
  assert.match(all, /a webhook was not delivered/);
  for (const word of ["token-in-the", "whsec_", webhook.secret, "Task 1", "answer-of-the-receiver"]) {
    assert.ok(!all.includes(word), word);
  }
});

Deno.test("row-level security shows rondo_webhooks one user's rows", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const webhook = await hooks.add(there.url);
  await hooks.call("POST", "?seq=0", { url: there.url }, hooks.userId, "key");
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(webhook.id);
  for (const table of ["endpoints", "deliveries", "answers", "inbox_positions"]) {
    const count = async (user: string) => {
      const rows = await hooks.sql.begin(async (tx) => {
        await tx`select set_config('rondo.user_id', ${user}, true)`;
        return await tx`select 1 from webhooks.${tx(table)} where user_id = ${hooks.userId}`;
      });
      return rows.length;
    };
    assert.ok(await count(hooks.userId) > 0, table);
    assert.equal(await count(uuidv7()), 0, table);
    assert.equal(await count(""), 0, table);
  }
});

Deno.test("what is old is forgotten: the log after 30 days, answers after one", async () => {
  await using hooks = await setUp();
  await using there = receiver();
  const made = await hooks.call("POST", "?seq=0", { url: there.url }, hooks.userId, "key");
  await hooks.deliver(hooks.happens(1));
  await hooks.settled(made.body.id);
  hooks.clock.advance("PT721H");
  const twin = hooks.create();
  await twin.start();
  await waitFor(async () => (await hooks.deliveries(made.body.id)).length === 0);
  await waitFor(async () => (await hooks.admin`select 1 from webhooks.answers`).length === 0);
  await twin.stop();
});
