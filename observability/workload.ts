/** A little of everything that people do, so that every metric has something to tell. */
import assert from "node:assert/strict";
import type { Client } from "../e2e/support/client.ts";
import { waitFor } from "../e2e/support/rondo.ts";

/** How long a reminder may take on a busy machine. */
const PATIENCE_MS = 60_000;

/** Writes, reads and is reminded once; the stream of the client should be open. */
export async function workOnce(client: Client): Promise<void> {
  const made = async (task: Record<string, unknown>): Promise<string> => {
    const { status, body } = await client.call<{ id: string }>("POST", "/api/tasks", task);
    assert.equal(status, 201, JSON.stringify(body));
    return body.id;
  };
  const series = await made({ title: "Water the plants", due: { date: "2027-01-31" }, recurrence: "daily" });
  await client.call("POST", `/api/tasks/${series}/complete`, {});
  await client.call("DELETE", `/api/tasks/${await made({ title: "Not this one", priority: "low" })}`);
  await client.call("GET", "/api/tasks");
  await client.call("GET", "/api/audit");
}

/** A task whose reminder fires at this instant; the answer is its id. */
export async function remindAt(client: Client, at: Temporal.Instant): Promise<string> {
  const { status, body } = await client.call<{ id: string }>("POST", "/api/tasks", {
    title: "Call Ada",
    reminders: [{ at: at.round("second").toString() }],
  });
  assert.equal(status, 201, JSON.stringify(body));
  await waitFor(async () => (await reminderOf(client, body.id)) !== undefined, PATIENCE_MS);
  return body.id;
}

/** Waits until a task's reminder has this status. */
export async function untilReminder(client: Client, taskId: string, status: string): Promise<void> {
  await waitFor(async () => (await reminderOf(client, taskId)) === status, PATIENCE_MS);
}

async function reminderOf(client: Client, taskId: string): Promise<string | undefined> {
  const { body } = await client.call<{ items?: { status: string }[] }>(
    "GET",
    `/api/reminders?taskId=${taskId}`,
  );
  return body.items?.[0]?.status;
}
