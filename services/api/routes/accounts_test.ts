import assert from "node:assert/strict";
import { OpenAPIHono } from "@hono/zod-openapi";
import { accountRoutes } from "./accounts.ts";

Deno.test("/api/auth forgets what it knew of credentials only for who has one", async () => {
  let forgotten = 0;
  const app = new OpenAPIHono();
  accountRoutes(app, {
    accounts: { handler: () => Promise.resolve(Response.json({})) },
    authenticator: { forget: () => void forgotten++ },
    limiter: { signIn: () => Promise.resolve() },
    publicUrl: "http://rondo.test",
    trustProxy: false,
  });
  const signOut = (headers: Record<string, string>) =>
    app.request("/api/auth/sign-out", { method: "POST", headers });
  for (const headers of [{}, { cookie: "theme=dark" }, { authorization: "Bearer x.y.z" }]) {
    assert.equal((await signOut(headers as Record<string, string>)).status, 200);
  }
  assert.equal(forgotten, 0, "anybody could have sent these");
  await signOut({ cookie: "theme=dark; rondo.session_token=abc" });
  await signOut({ cookie: "__Secure-rondo.session_token=abc" });
  assert.equal(forgotten, 2);
});
