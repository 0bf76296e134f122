import assert from "node:assert/strict";
import { type TestApi, testApi, type TestClient } from "../../shared/testing/api.ts";
import { asUser } from "../../shared/store/database.ts";
import type { TransactionSql } from "postgres";
import { dataOf, openJudge, standIns } from "./testing.ts";

/** What the owner has before each call. */
interface Fixture {
  task: string;
  completed: string;
  trashed: string;
  list: string;
  filter: string;
  key: string;
  secret: string;
  eventId: string;
}

interface Scenario {
  /** As the document names it. */
  call: string;
  path?(fixture: Fixture): string;
  body?(fixture: Fixture): unknown;
  type?: string;
  status?: number;
  /** What another user gets for the owner's thing; absent: the call names no thing, and theirs is another answer. */
  stranger?: number;
  /** Types of the events that the call writes, in order. */
  events?: string[];
  /** No credential is needed. */
  open?: boolean;
  /** A key may not do this whatever its scopes. */
  personal?: boolean;
  /** It writes, and what it makes can read: a key that may only write may not do it. */
  reads?: boolean;
}

/** What the stand-ins for other services have. */
const THEIRS = "01990000-0000-7000-8000-0000000000aa";
const task = ({ task }: Fixture) => `/api/tasks/${task}`;

const SCENARIOS: Scenario[] = [
  { call: "POST /api/tasks", body: () => ({ title: "New" }), status: 201, events: ["task.created.v1"] },
  { call: "GET /api/tasks" },
  {
    call: "POST /api/tasks/bulk",
    body: ({ task, completed }) => ({
      create: [{ title: "New" }],
      update: [{ id: task, title: "Other" }],
      complete: [task],
      delete: [completed],
    }),
    stranger: 404,
    events: ["task.created.v1", "task.updated.v1", "task.completed.v1", "task.deleted.v1"],
  },
  { call: "GET /api/tasks/{id}", path: task, stranger: 404 },
  {
    call: "PATCH /api/tasks/{id}",
    path: task,
    body: () => ({ title: "Other" }),
    stranger: 404,
    events: ["task.updated.v1"],
  },
  { call: "DELETE /api/tasks/{id}", path: task, stranger: 404, events: ["task.deleted.v1"] },
  {
    call: "POST /api/tasks/{id}/restore",
    path: ({ trashed }) => `/api/tasks/${trashed}/restore`,
    stranger: 404,
    events: ["task.restored.v1"],
  },
  {
    call: "POST /api/tasks/{id}/complete",
    path: (fixture) => `${task(fixture)}/complete`,
    body: () => ({}),
    stranger: 404,
    events: ["task.completed.v1"],
  },
  {
    call: "POST /api/tasks/{id}/reopen",
    path: ({ completed }) => `/api/tasks/${completed}/reopen`,
    stranger: 404,
    events: ["task.reopened.v1"],
  },
  {
    call: "POST /api/tasks/{id}/skip",
    path: (fixture) => `${task(fixture)}/skip`,
    stranger: 404,
    events: ["task.skipped.v1"],
  },
  { call: "GET /api/tasks/{id}/history", path: (fixture) => `${task(fixture)}/history`, stranger: 404 },
  {
    call: "POST /api/undo",
    body: ({ eventId }) => ({ eventId }),
    stranger: 404,
    events: ["task.deleted.v1"],
  },
  { call: "GET /api/changes", path: () => "/api/changes?since=0" },
  { call: "GET /api/me" },
  {
    call: "PATCH /api/me",
    body: () => ({ name: "Countess" }),
    events: ["profile.updated.v1"],
  },
  { call: "GET /api/tags" },
  { call: "GET /api/lists" },
  { call: "POST /api/lists", body: () => ({ name: "Home" }), status: 201, events: ["list.created.v1"] },
  { call: "GET /api/lists/{id}", path: ({ list }) => `/api/lists/${list}`, stranger: 404 },
  {
    call: "PATCH /api/lists/{id}",
    path: ({ list }) => `/api/lists/${list}`,
    body: () => ({ name: "Garden" }),
    stranger: 404,
    events: ["list.updated.v1"],
  },
  {
    call: "DELETE /api/lists/{id}",
    path: ({ list }) => `/api/lists/${list}`,
    stranger: 404,
    events: ["list.deleted.v1", "task.deleted.v1"],
  },
  { call: "GET /api/filters" },
  {
    call: "POST /api/filters",
    body: () => ({ name: "Urgent", query: "priority=urgent" }),
    status: 201,
    events: ["filter.created.v1"],
  },
  { call: "GET /api/filters/{id}", path: ({ filter }) => `/api/filters/${filter}`, stranger: 404 },
  {
    call: "PATCH /api/filters/{id}",
    path: ({ filter }) => `/api/filters/${filter}`,
    body: () => ({ name: "Now" }),
    stranger: 404,
    events: ["filter.updated.v1"],
  },
  {
    call: "DELETE /api/filters/{id}",
    path: ({ filter }) => `/api/filters/${filter}`,
    stranger: 404,
    events: ["filter.deleted.v1"],
  },
  {
    call: "POST /api/keys",
    body: () => ({ name: "script", scopes: ["read"] }),
    status: 201,
    personal: true,
  },
  { call: "GET /api/keys", personal: true },
  {
    call: "DELETE /api/keys/{id}",
    path: ({ key }) => `/api/keys/${key}`,
    stranger: 404,
    personal: true,
  },
  {
    call: "POST /api/import",
    path: () => "/api/import?format=todotxt",
    body: () => "Water the plants",
    type: "text/plain",
    events: ["task.created.v1"],
  },
  { call: "GET /api/export", path: () => "/api/export?format=json" },
  { call: "GET /api/feed" },
  { call: "POST /api/feed", status: 201, reads: true },
  { call: "DELETE /api/feed" },
  { call: "GET /api/feed/{secret}.ics", path: ({ secret }) => `/api/feed/${secret}.ics`, open: true },
  { call: "GET /api/notifications" },
  { call: "POST /api/notifications/read-all" },
  { call: "POST /api/notifications/{id}/read", path: () => `/api/notifications/${THEIRS}/read` },
  { call: "GET /api/push/key" },
  { call: "GET /api/push/subscriptions" },
  {
    call: "POST /api/push/subscriptions",
    body: () => ({
      endpoint: "https://push.example.test/1",
      keys: { p256dh: "A".repeat(87), auth: "A".repeat(22) },
    }),
    status: 201,
  },
  {
    call: "DELETE /api/push/subscriptions/{id}",
    path: () => `/api/push/subscriptions/${THEIRS}`,
    status: 204,
  },
  { call: "GET /api/reminders" },
  { call: "GET /api/audit" },
  { call: "GET /api/audit/verify" },
  {
    call: "POST /api/webhooks",
    body: () => ({ url: "https://example.test/hook" }),
    status: 201,
    reads: true,
  },
  { call: "GET /api/webhooks" },
  { call: "GET /api/webhooks/{id}", path: () => `/api/webhooks/${THEIRS}` },
  {
    call: "PATCH /api/webhooks/{id}",
    path: () => `/api/webhooks/${THEIRS}`,
    body: () => ({ status: "paused" }),
    reads: true,
  },
  { call: "DELETE /api/webhooks/{id}", path: () => `/api/webhooks/${THEIRS}`, reads: true },
  { call: "POST /api/webhooks/{id}/rotate", path: () => `/api/webhooks/${THEIRS}/rotate`, reads: true },
  {
    call: "POST /api/webhooks/{id}/replay",
    path: () => `/api/webhooks/${THEIRS}/replay?since=0`,
    status: 202,
    reads: true,
  },
  { call: "GET /api/webhooks/{id}/deliveries", path: () => `/api/webhooks/${THEIRS}/deliveries` },
  { call: "GET /api/auth/jwks", open: true },
  { call: "GET /api/auth/token", personal: true },
];

/** Calls whose users are made and signed in or out: `auth_test.ts` has them; the stream is realtime's, the rest the assistant's. */
const ELSEWHERE = [
  "POST /api/auth/sign-up/email",
  "POST /api/auth/sign-in/email",
  "POST /api/auth/sign-out",
  "GET /api/stream",
  "POST /api/chat",
  "GET /api/chat",
  "GET /api/chat/{id}",
  "DELETE /api/chat/{id}",
  "POST /api/chat/{id}/previews/{previewId}/apply",
  "POST /api/chat/{id}/previews/{previewId}/dismiss",
  "POST /api/chat/{id}/turns/{turnId}/undo",
  "POST /mcp",
];

async function prepare(ada: TestClient): Promise<Fixture> {
  const list = await ada.call("POST", "/api/lists", { name: "Errands" });
  const made = await ada.call("POST", "/api/tasks", {
    title: "Pay rent",
    listId: list.body.id,
    due: { date: "2027-01-31" },
    recurrence: "monthly",
  });
  const [completed, trashed] = [
    await ada.call("POST", "/api/tasks", { title: "Done" }),
    await ada.call("POST", "/api/tasks", { title: "Gone" }),
  ];
  await ada.call("POST", `/api/tasks/${completed.body.id}/complete`);
  await ada.call("DELETE", `/api/tasks/${trashed.body.id}`);
  const filter = await ada.call("POST", "/api/filters", { name: "Soon", query: "due=today" });
  const key = await ada.call("POST", "/api/keys", { name: "📱".repeat(32) });
  const feed = await ada.call("POST", "/api/feed");
  const history = await ada.call("GET", `/api/tasks/${made.body.id}/history`);
  return {
    task: made.body.id,
    completed: completed.body.id,
    trashed: trashed.body.id,
    list: list.body.id,
    filter: filter.body.id,
    key: key.body.id,
    secret: /feed\/(.+)\.ics/.exec(feed.body.url)?.[1] ?? "",
    eventId: history.body.items[0].eventId,
  };
}

Deno.test("every endpoint of the document knows guest, owner, another user, and keys that only read or only write", async (test) => {
  await using api = await testApi();
  const judge = await openJudge(api);
  const { asked } = standIns(api);
  const [ada, eve] = [await api.signUp("Ada"), await api.signUp("Eve")];
  const readOnly = await keyOf(api, ada, ["read"]);
  const writeOnly = await keyOf(api, eve, ["write"]);

  assert.deepEqual(
    SCENARIOS.map(({ call }) => call).concat(ELSEWHERE).sort(),
    judge.calls.toSorted(),
    "the table covers the document",
  );

  for (const scenario of SCENARIOS) {
    await test.step(scenario.call, async () => {
      const fixture = await prepare(ada);
      const [method = "", template = ""] = scenario.call.split(" ");
      const path = scenario.path?.(fixture) ?? template;
      const headers: Record<string, string> = scenario.type === undefined
        ? {}
        : { "content-type": scenario.type };
      const run = (client: TestClient) => client.call(method, path, scenario.body?.(fixture), { headers });
      const before = await dataOf(api, ada);

      const asGuest = await run(api.guest);
      judge.check(scenario.call, asGuest);
      assert.equal(asGuest.status, scenario.open ? 200 : 401, `as guest: ${asGuest.text}`);

      asked.length = 0;
      const asEve = await run(eve);
      judge.check(scenario.call, asEve);
      assert.equal(asEve.status, scenario.stranger ?? scenario.status ?? 200, `as Eve: ${asEve.text}`);
      if (!scenario.open) {
        for (const [name, id] of Object.entries(fixture)) {
          assert.ok(!asEve.text.includes(id), `Eve's answer holds Ada's ${name}`);
        }
      }
      assert.ok(asked.every(({ userId }) => userId === eve.userId));

      const asReader = await run(readOnly);
      const refused = !scenario.open && (method !== "GET" || scenario.personal);
      if (template !== "/api/auth/token") {
        judge.check(scenario.call, asReader);
        assert.equal(asReader.status, refused ? 403 : scenario.status ?? 200, `by key: ${asReader.text}`);
      } else assert.equal(asReader.status, 401);
      const asWriter = await run(writeOnly);
      if (template !== "/api/auth/token") {
        judge.check(scenario.call, asWriter);
        const barred = !scenario.open && (method === "GET" || scenario.personal || scenario.reads);
        const status = barred ? 403 : scenario.stranger ?? scenario.status ?? 200;
        assert.equal(asWriter.status, status, `by a key that only writes: ${asWriter.text}`);
      } else assert.equal(asWriter.status, 401);
      assert.deepEqual(await dataOf(api, ada), before, "nobody else changed anything of Ada's");

      const had = (await api.events(ada.userId)).length;
      const asOwner = await run(ada);
      judge.check(scenario.call, asOwner);
      assert.equal(asOwner.status, scenario.status ?? 200, `as owner: ${asOwner.text}`);
      const events = (await api.events(ada.userId)).slice(had);
      assert.deepEqual(events.map(({ type }) => type), scenario.events ?? []);
      for (const event of events) assert.deepEqual(event.topics, ["task-events", "task-updates"]);
    });
  }
});

async function keyOf(api: TestApi, client: TestClient, scopes: string[]): Promise<TestClient> {
  const made = await client.call("POST", "/api/keys", { name: "test", scopes });
  assert.equal(made.status, 201, made.text);
  return api.bearer(made.body.key);
}

Deno.test("row-level security shows rondo_api one user's rows, and takes rows for that user alone", async () => {
  await using api = await testApi();
  const [ada, eve] = [await api.signUp("Ada"), await api.signUp("Eve")];
  await prepare(ada);
  await ada.call("POST", "/api/tasks", { title: "Once" }, { headers: { "idempotency-key": "k" } });
  const tables = await api.admin<{ name: string }[]>`
    select table_name as name from information_schema.columns
    where table_schema = 'tasks' and column_name = 'user_id' order by 1`;
  assert.ok(tables.length >= 10);
  const sql = api.database.connect("rondo_api");
  const count = async (tx: TransactionSql, table: string): Promise<number | string> => {
    try {
      const [row] = await tx.savepoint((inner) =>
        inner<{ n: number }[]>`
        select count(*) as n from tasks.${inner(table)} where user_id = ${ada.userId}`
      );
      return row?.n ?? -1;
    } catch (cause) {
      return String(cause);
    }
  };
  for (const { name } of tables) {
    const [stored] = await api.admin<{ n: number }[]>`
      select count(*) as n from tasks.${api.admin(name)} where user_id = ${ada.userId}`;
    assert.ok((stored?.n ?? 0) > 0, `the fixture has rows of ${name}`);
    const none = await sql.begin((tx) => count(tx, name));
    const asEve = await asUser(sql, eve.userId, (tx) => count(tx, name));
    for (const seen of [none, asEve]) {
      assert.ok(seen === 0 || /permission denied/.test(String(seen)), `${name}: ${seen}`);
    }
    // A copy of one of Ada's rows, offered as somebody else.
    const [row] = await api.admin`
      select to_jsonb(t) as row from tasks.${api.admin(name)} t where user_id = ${ada.userId} limit 1`;
    for (const user of [eve.userId, ""]) {
      await assert.rejects(
        asUser(sql, user, (tx) =>
          tx`
          insert into tasks.${tx(name)} select * from jsonb_populate_record(null::tasks.${tx(name)}, ${
            tx.json(row?.row)
          })`),
        /row-level security|permission denied|non-DEFAULT/,
        `${name} took a row of Ada's`,
      );
    }
    await assert.rejects(
      asUser(sql, eve.userId, async (tx) => {
        const { count } = await tx`update tasks.${
          tx(name)
        } set user_id = user_id where user_id = ${ada.userId}`;
        assert.equal(count, 0);
        throw new Error("as wanted");
      }),
      /as wanted|permission denied/,
    );
  }
  const hits = await asUser(sql, eve.userId, (tx) => tx`select * from tasks.search('rent')`);
  assert.equal(hits.length, 0);
});
