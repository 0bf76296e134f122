import assert from "node:assert/strict";
import { standIns } from "../../shared/testing/stand_ins.ts";
import { testApi } from "../../shared/testing/api.ts";

Deno.test("writes that notifications answers take their Idempotency-Key along", async () => {
  await using api = await testApi();
  const { asked } = standIns(api);
  const ada = await api.signUp();
  const theirs = "01990000-0000-7000-8000-0000000000aa";
  const keys = { p256dh: `B${"A".repeat(86)}`, auth: "A".repeat(22) };
  const writes: [string, string, unknown?][] = [
    ["POST", "/api/notifications/read-all"],
    ["POST", `/api/notifications/${theirs}/read`],
    ["POST", "/api/push/subscriptions", { endpoint: "https://push.example.test/1", keys }],
    ["DELETE", `/api/push/subscriptions/${theirs}`],
  ];
  for (const [index, [method, path, body]] of writes.entries()) {
    const headers = { "idempotency-key": `k${index}` };
    const answer = await ada.call(method, path, body, { headers });
    assert.ok(answer.status < 300, answer.text);
    await ada.call(method, path, body);
  }
  assert.deepEqual(asked.map(({ key }) => key), ["k0", null, "k1", null, "k2", null, "k3", null]);
});
