import assert from "node:assert/strict";
import { TURN_HEADER } from "../../shared/http/assistant.ts";
import { testApi } from "../../shared/testing/api.ts";

const TURN = "01990000-0000-7000-8000-000000000001";

Deno.test("what the assistant does for a user is the user's right, the assistant's hand and one cause", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const { invoke } = api.hub.runtime("assistant");
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    invoke("api", `/internal/assistant${path}`, {
      method,
      headers: { cookie: ada.cookie, "content-type": "application/json", [TURN_HEADER]: TURN, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  for (const title of ["Milk", "Bread"]) {
    assert.equal((await call("POST", "/api/tasks", { title })).status, 201);
  }
  const { body } = await ada.call("GET", "/api/changes?since=0&limit=500");
  const made = body.changes.filter(({ type }: { type: string }) => type === "task.created.v1");
  assert.deepEqual(
    made.map(({ actor, causationId }: { actor: unknown; causationId: string }) => [actor, causationId]),
    Array(2).fill([{ kind: "assistant", id: ada.userId }, TURN]),
  );
  const undone = await ada.call("POST", "/api/undo", { causationId: TURN });
  assert.equal(undone.body.changes.length, 2);

  const { body: key } = await ada.call("POST", "/api/keys", { name: "reader", scopes: ["read"] });
  const asKey = { authorization: `Bearer ${key.key}`, cookie: "" };
  assert.equal((await call("GET", "/api/tasks", undefined, asKey)).status, 200);
  assert.equal((await call("POST", "/api/tasks", { title: "x" }, asKey)).status, 403);
  const session = await invoke("api", "/internal/session", { headers: asKey });
  assert.deepEqual((await session.json()).scopes, ["read"]);
  assert.equal((await call("GET", "/api/tasks", undefined, { cookie: "" })).status, 401);
  for (const path of ["/api/keys", "/api/auth/get-session", "/internal/profile", "/api/export"]) {
    assert.equal((await call("GET", path)).status, 404, path);
  }
});

Deno.test("nobody outside is the assistant by saying so", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const claimed = await ada.call("POST", "/api/tasks", { title: "Milk" }, {
    headers: { [TURN_HEADER]: TURN },
  });
  assert.equal(claimed.status, 201);
  const inside = await ada.call("POST", "/internal/assistant/api/tasks", { title: "x" }, {
    headers: { [TURN_HEADER]: TURN },
  });
  assert.equal(inside.status, 403);
  const { body } = await ada.call("GET", "/api/changes?since=0&limit=500");
  const { actor, causationId } = body.changes.at(-1);
  assert.deepEqual(actor, { kind: "user", id: ada.userId });
  assert.notEqual(causationId, TURN);
});
