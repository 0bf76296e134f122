// deno-lint-ignore-file rondo/no-foreign-service -- the way through all of them is what is tested here
/** A change's whole way: from the api through relay and broker to every consumer and back into an open stream. */
import assert from "node:assert/strict";
import { createAudit } from "../audit/app.ts";
import { createNotifications } from "../notifications/app.ts";
import { createRecurrence } from "../recurrence/app.ts";
import { createRelay } from "../relay/app.ts";
import { createReminders } from "../reminders/app.ts";
import { systemClock } from "../shared/domain/time.ts";
import type { ServiceDependencies } from "../shared/http/app.ts";
import { TEST_ORIGIN, testApi } from "../shared/testing/api.ts";
import { createQuietLog, waitFor } from "../shared/testing/fake_runtime.ts";
import { createRealtime } from "./app.ts";

async function everything() {
  const api = await testApi();
  const lines: string[] = [];
  const dependencies = (name: string): ServiceDependencies => ({
    sql: api.database.connect(`rondo_${name}`),
    runtime: api.hub.runtime(name),
    log: createQuietLog(lines),
    metrics: api.metrics,
    clock: systemClock,
  });
  const realtime = createRealtime(dependencies("realtime"));
  const services = [
    createRelay(dependencies("relay")),
    createRecurrence(dependencies("recurrence")),
    createReminders(dependencies("reminders")),
    createNotifications({ ...dependencies("notifications"), publicUrl: TEST_ORIGIN }),
    createAudit(dependencies("audit")),
    realtime,
  ];
  for (const service of services) api.hub.register(service);
  for (const service of services) await service.start();
  return {
    api,
    realtime,
    lines,
    async [Symbol.asyncDispose]() {
      for (const service of services.toReversed()) await service.stop();
      await api[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a completed occurrence brings the next one, its reminder a notification, and audit has it all", async () => {
  await using all = await everything();
  const ada = await all.api.signUp();
  const response = await all.realtime.fetch(
    new Request(`${TEST_ORIGIN}/api/stream`, { headers: { cookie: ada.cookie } }),
  );
  assert.equal(response.status, 200);
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
  })();
  const shown = (type: string) => text.split("\n").filter((line) => line.includes(`"type":"${type}"`)).length;

  // Whenever this runs, the next occurrence's reminder is hours away.
  const time = Temporal.Now.plainTimeISO("UTC").add({ hours: 6 }).toString({ smallestUnit: "minute" });
  const created = await ada.call("POST", "/api/tasks", {
    title: "Water the plants",
    due: { date: "2026-01-01", time, timeZone: "UTC" },
    recurrence: "daily",
    reminders: [{ before: "PT30M" }],
  });
  assert.equal(created.status, 201, created.text);
  await waitFor(() => shown("reminder.due") === 1, 15_000);
  const completed = await ada.call("POST", `/api/tasks/${created.body.id}/complete`, {});
  assert.equal(completed.status, 200, completed.text);
  await waitFor(() => shown("task.created.v1") === 2, 15_000);
  assert.equal(shown("task.completed.v1"), 1);

  const ids = [...text.matchAll(/^event: change\nid: (\d+)$/gm)].map(([, id]) => Number(id));
  assert.deepEqual(ids, ids.map((_, index) => (ids[0] ?? 0) + index));
  const { body: list } = await ada.call("GET", "/api/tasks");
  assert.deepEqual(list.items.map(({ occurrence }: { occurrence: number }) => occurrence), [2]);
  const { body: notifications } = await ada.call("GET", "/api/notifications?unread=true");
  assert.equal(notifications.unread, 1);
  assert.equal(notifications.items[0].late, true);
  await waitFor(async () => {
    const { body } = await ada.call("GET", `/api/reminders?taskId=${list.items[0].id}&status=scheduled`);
    return body.items.length === 1;
  }, 15_000);
  await waitFor(async () => {
    const { body } = await ada.call("GET", "/api/audit?type=reminder.scheduled.v1");
    return body.items.length === 2;
  }, 15_000);
  const { body: verdict } = await ada.call("GET", "/api/audit/verify");
  assert.equal(verdict.ok, true);
  assert.equal((await ada.call("POST", "/api/notifications/read-all", {})).body.read, 1);
  // The stream as the api tells it, change by change.
  const { body: told } = await ada.call("GET", `/api/changes?since=${(ids[0] ?? 1) - 1}`);
  const seen = [...text.matchAll(/^event: change\nid: \d+\ndata: (.*)$/gm)].map(([, data = ""]) =>
    JSON.parse(data)
  );
  assert.deepEqual(seen, told.changes.slice(0, seen.length));
  await all.realtime.stop();
  await reading;
});
