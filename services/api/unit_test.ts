import assert from "node:assert/strict";
import { createSeal } from "./seal.ts";
import { createTurns } from "./turns.ts";
import { createUnits } from "./unit.ts";
import { systemClock } from "../shared/domain/time.ts";
import { asUser } from "../shared/store/database.ts";
import { createMetrics } from "../shared/telemetry/metrics.ts";
import { testApi } from "../shared/testing/api.ts";

Deno.test("an answer with a secret is kept sealed, and comes again as it was", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const headers = (key: string) => ({ headers: { "idempotency-key": key } });
  const key = () => ada.call("POST", "/api/keys", { name: "phone" }, headers("k1"));
  const feed = () => ada.call("POST", "/api/feed", undefined, headers("k2"));
  for (const make of [key, feed]) {
    const [first, again] = [await make(), await make()];
    assert.equal(first.status, 201);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    const secret = first.body.key ?? first.body.url.split("/").at(-1);
    const rows = await api.admin<{ row: string }[]>`select i::text as row from tasks.idempotency i`;
    assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes(secret)));
  }
  // Put into another row it is no answer, and the work is not done a second time.
  await api.admin`
    update tasks.idempotency set body = (select body from tasks.idempotency where key = 'k2') where key = 'k1'`;
  assert.equal((await key()).status, 409);
  assert.equal((await ada.call("GET", "/api/keys")).body.items.length, 1);
});

Deno.test("createSeal() opens with the same secret and context alone", () => {
  const [mine, other] = [createSeal("a".repeat(32)), createSeal("b".repeat(32))];
  const sealed = mine.seal("hällo", "here");
  assert.notEqual(sealed, mine.seal("hällo", "here"), "no two are alike");
  assert.equal(createSeal("a".repeat(32)).open(sealed, "here"), "hällo");
  assert.throws(() => mine.open(sealed, "there"));
  assert.throws(() => other.open(sealed, "here"));
  assert.throws(() => mine.open("AAAA", "here"));
});

Deno.test("createTurns() runs one of a user at a time, in order, after failures too, and refuses too many", async () => {
  const turn = createTurns(2);
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const first = turn("ada", async () => {
    await gate.promise;
    order.push("first");
    throw new Error("as wanted");
  });
  const waiting = ["second", "third"].map((name) => turn("ada", () => Promise.resolve(order.push(name))));
  await assert.rejects(turn("ada", () => Promise.resolve()), { status: 429 });
  await turn("eve", () => Promise.resolve(order.push("eve")));
  gate.resolve();
  await assert.rejects(first, /as wanted/);
  await Promise.all(waiting);
  await turn("ada", () => Promise.resolve(order.push("last")));
  assert.deepEqual(order, ["eve", "first", "second", "third", "last"]);
});

Deno.test("a user whose lock is held takes one connection at most, and is told to come back", async () => {
  await using api = await testApi();
  const [ada, eve] = [await api.signUp(), await api.signUp()];
  for (const user of [ada, eve]) await user.call("GET", "/api/me");
  const units = createUnits({
    sql: api.database.connect("rondo_api"),
    runtime: { wake() {} },
    metrics: createMetrics(),
    now: () => systemClock.now(),
    seal: createSeal("test-secret-test-secret-test-secret-test"),
    lockTimeoutMs: 100,
  });
  const work = (userId: string) =>
    units.run({ userId, actor: { kind: "user", id: userId } }, (unit) => unit.profile());
  await asUser(api.admin, ada.userId, async (tx) => {
    await tx`select from tasks.streams where user_id = ${ada.userId} for update`;
    // More than the pool has connections.
    const waiting = Promise.allSettled(Array.from({ length: 8 }, () => work(ada.userId)));
    assert.equal((await work(eve.userId)).id, eve.userId);
    for (const result of await waiting) {
      assert.equal(result.status, "rejected");
      if (result.status === "rejected") {
        assert.equal(result.reason.status, 503);
        assert.ok(result.reason.options.headers["retry-after"]);
      }
    }
  });
  assert.equal((await work(ada.userId)).id, ada.userId);
});
