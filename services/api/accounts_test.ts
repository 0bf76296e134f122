import assert from "node:assert/strict";
import { testApi } from "../shared/testing/api.ts";

Deno.test("sign-up makes an account with an Inbox and a cookie that scripts can't read", async () => {
  await using api = await testApi();
  const ada = await api.signUp("Ada Lovelace");
  const me = await ada.call("GET", "/api/me");
  assert.equal(me.status, 200);
  assert.equal(me.body.name, "Ada Lovelace");
  const lists = await ada.call("GET", "/api/lists");
  assert.deepEqual(
    lists.body.items.map(({ name, inbox }: { name: string; inbox: boolean }) => ({ name, inbox })),
    [
      { name: "Inbox", inbox: true },
    ],
  );
});
