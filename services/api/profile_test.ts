import assert from "node:assert/strict";
import { testApi } from "../shared/testing/api.ts";

Deno.test("PATCH /api/me merges into what is there", async () => {
  await using api = await testApi();
  const ada = await api.signUp("Ada");
  await ada.call("PATCH", "/api/me", { preferences: { quietHours: { enabled: true } } });
  const { body } = await ada.call("PATCH", "/api/me", {
    name: "Countess",
    preferences: { channels: { email: true } },
  });
  assert.equal(body.name, "Countess");
  assert.deepEqual(body.preferences.quietHours, { enabled: true, from: "22:00", to: "07:00" });
  assert.deepEqual(body.preferences.channels, { inApp: true, email: true, push: false });
});

Deno.test("PATCH /api/me moves floating dues to the new zone and leaves fixed ones and dates alone", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  await ada.call("PATCH", "/api/me", { timeZone: "Europe/Berlin" });
  const make = async (due: Record<string, string>) =>
    (await ada.call("POST", "/api/tasks", { title: "Call", due })).body as { id: string; dueAt: string };
  const floating = await make({ date: "2027-01-31", time: "09:00" });
  const fixed = await make({ date: "2027-01-31", time: "09:00", timeZone: "Europe/Berlin" });
  const day = await make({ date: "2027-01-31" });
  assert.equal(floating.dueAt, "2027-01-31T08:00:00Z");
  await ada.call("PATCH", "/api/me", { timeZone: "America/New_York" });
  const now = async ({ id }: { id: string }) => (await ada.call("GET", `/api/tasks/${id}`)).body;
  assert.equal((await now(floating)).dueAt, "2027-01-31T14:00:00Z");
  assert.equal((await now(fixed)).dueAt, "2027-01-31T08:00:00Z");
  assert.equal((await now(day)).due.date, "2027-01-31");
  assert.equal((await now(day)).dueAt, "2027-01-31T05:00:00Z");
  assert.equal((await now(fixed)).version, 1, "what does not move is not touched");
});

Deno.test("/internal/profiles tells the profiles of those who are there, to other services alone", async () => {
  await using api = await testApi();
  const [ada, eve] = [await api.signUp("Ada"), await api.signUp("Eve")];
  // A profile is made with the first call of an account.
  for (const user of [ada, eve]) await user.call("GET", "/api/me");
  const ask = async (userIds: unknown) => {
    const answer = await api.hub.runtime("notifications").invoke("api", "/internal/profiles", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ userIds }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const nobody = crypto.randomUUID();
  const { status, body } = await ask([ada.userId, nobody, eve.userId, ada.userId]);
  assert.equal(status, 200);
  assert.deepEqual(body.profiles.map(({ name }: { name: string }) => name).toSorted(), ["Ada", "Eve"]);
  assert.deepEqual((await ask([])).body, { profiles: [] });
  const refused = await ask(["Ada"]);
  assert.equal(refused.status, 422);
  assert.equal(refused.body.errors[0].path, "userIds.0");
  const outside = await ada.call("POST", "/internal/profiles", { userIds: [ada.userId] });
  assert.ok([401, 403, 404].includes(outside.status), String(outside.status));
});
