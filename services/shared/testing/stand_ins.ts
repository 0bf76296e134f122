/** The services behind the api, and a user's data, for tests of whoever asks the api. */
import { USER_HEADER } from "../http/app.ts";
import type { TestApi, TestClient } from "./api.ts";

interface Asked {
  service: string;
  userId: string;
  path: string;
  /** The `Idempotency-Key`, if one came along. */
  key: string | null;
}

/** Stands in for the services that the api asks; answers who was asked for in `X-Asked-For`. */
export function standIns(api: TestApi): { asked: Asked[] } {
  const asked: Asked[] = [];
  const at = "2027-01-31T08:00:00Z";
  const id = "01990000-0000-7000-8000-0000000000aa";
  const notification = {
    ...{ id, type: "reminder.due", taskId: null, title: "Rent", body: "", late: false, createdAt: at },
    ...{ readAt: null, deliveries: [{ channel: "in-app", status: "delivered", attempts: 1, error: null }] },
  };
  const webhook = {
    ...{
      id,
      url: "https://example.test/hook",
      description: "",
      types: ["task.created.v1"],
      status: "active",
    },
    ...{ pausedReason: null, failures: 0, pending: 0, behind: false, lastDeliveredAt: null },
    ...{ previousSecretUntil: null, createdAt: at, updatedAt: at },
  };
  const delivery = {
    ...{ id, eventId: id, seq: 1, type: "task.created.v1", status: "delivered", attempts: 1 },
    ...{ nextAttemptAt: null, responseStatus: 204, responseBody: "", error: null, durationMs: 12 },
    ...{ createdAt: at, attemptedAt: at },
  };
  const browser = {
    ...{ id, label: "Firefox", service: "push.example.test", createdAt: at, lastDeliveredAt: null },
  };
  /** What is not 200, by method and path. */
  const others: Record<string, { status: number; body: unknown }> = {
    "POST /internal/webhooks": { status: 201, body: { ...webhook, secret: "whsec_dGVzdA==" } },
    [`POST /internal/webhooks/${id}/replay`]: { status: 202, body: webhook },
    "GET /internal/push/subscriptions": { status: 200, body: { items: [browser] } },
    "POST /internal/push/subscriptions": { status: 201, body: browser },
    [`DELETE /internal/push/subscriptions/${id}`]: { status: 204, body: null },
  };
  const answers: Record<string, unknown> = {
    "/internal/webhooks": { items: [webhook] },
    [`/internal/webhooks/${id}`]: webhook,
    [`/internal/webhooks/${id}/rotate`]: { ...webhook, secret: "whsec_dGVzdA==" },
    [`/internal/webhooks/${id}/deliveries`]: { items: [delivery], nextCursor: null },
    "/internal/push/key": { publicKey: "key" },
    "/internal/notifications": { items: [notification], nextCursor: null, unread: 1 },
    "/internal/notifications/read-all": { read: 1 },
    [`/internal/notifications/${id}/read`]: notification,
    "/internal/reminders": { items: [], nextCursor: null },
    "/internal/audit": { items: [], nextCursor: null },
    "/internal/audit/verify": { ok: true, checked: 0, firstBroken: null },
  };
  for (const service of ["notifications", "reminders", "audit", "webhooks"]) {
    api.hub.register({
      name: service,
      fetch(request) {
        const { pathname } = new URL(request.url);
        const { headers } = request;
        const [userId, key] = [headers.get(USER_HEADER) ?? "", headers.get("idempotency-key")];
        asked.push({ service, userId, path: pathname, key });
        const { status, body } = others[`${request.method} ${pathname}`] ??
          { status: 200, body: answers[pathname] };
        if (status === 204) return new Response(null, { status });
        return Response.json(body, { status });
      },
    });
  }
  return { asked };
}

const TABLES = ["profiles", "streams", "changes", "outbox", "lists", "filters", "tasks", "feeds"];

/** Everything that is stored of a user. */
export async function dataOf(api: TestApi, client: TestClient): Promise<unknown> {
  const rows: Record<string, unknown> = {};
  for (const table of TABLES) {
    const [row] = await api.admin`
      select json_agg(to_jsonb(t) order by to_jsonb(t)::text) as rows
      from tasks.${api.admin(table)} t where user_id = ${client.userId}`;
    rows[table] = row?.rows;
  }
  const [keys] = await api.admin`
    select json_agg(json_build_array("id", "name", "permissions") order by "id") as rows
    from accounts."apikey" where "referenceId" = ${client.userId}`;
  return { ...rows, keys: keys?.rows };
}
