import assert from "node:assert/strict";
import { TEST_ORIGIN, testApi } from "../shared/testing/api.ts";

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
  const again = await api.guest.call("POST", "/api/auth/sign-in/email", {
    email: ada.email,
    password: "correct horse",
  });
  const [cookie = ""] = again.headers.getSetCookie();
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Lax/);
});

Deno.test("/api/auth takes a program's calls with or without Origin, and none from a page of another site", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const credentials = { email: ada.email, password: "correct horse" };
  assert.equal(
    (await ada.call("POST", "/api/auth/sign-in/email", credentials)).status,
    200,
    "cookie, no Origin",
  );
  const own = await ada.call("POST", "/api/auth/sign-in/email", credentials, {
    headers: { origin: TEST_ORIGIN },
  });
  assert.equal(own.status, 200);
  const foreign = { headers: { origin: "https://evil.example" } };
  assert.equal((await ada.call("POST", "/api/auth/sign-in/email", credentials, foreign)).status, 403);
  assert.equal((await ada.call("POST", "/api/auth/sign-out", {}, foreign)).status, 403);
  assert.equal((await ada.call("GET", "/api/me")).status, 200, "still signed in");
  assert.equal((await ada.call("POST", "/api/auth/sign-out", {})).status, 200);
  assert.equal((await ada.call("GET", "/api/me")).status, 401);
});
