import assert from "node:assert/strict";
import type { CallToolResult, Client } from "@modelcontextprotocol/client";
import { dataOf, standIns } from "../../shared/testing/stand_ins.ts";
import type { TestClient } from "../../shared/testing/api.ts";
import { testAssistant } from "../testing.ts";

const READING = [
  ...["get_profile", "get_task", "list_changes", "list_filters", "list_lists", "list_notifications"],
  ...["list_reminders", "list_tags", "read_audit_log", "search_tasks", "task_history"],
];
const WRITING = [
  ...["change_many_tasks", "complete_task", "create_filter", "create_list", "create_task", "delete_filter"],
  ...["delete_list", "delete_task", "mark_all_notifications_read", "mark_notification_read", "reopen_task"],
  ...[
    "restore_task",
    "set_time_zone",
    "skip_occurrence",
    "tag_tasks",
    "undo",
    "update_filter",
    "update_list",
  ],
  "update_task",
];

// deno-lint-ignore no-explicit-any -- a test looks into whatever came
type Structured = any;

async function use(
  client: Client,
  name: string,
  args: Record<string, unknown>,
  meta = {},
): Promise<Structured> {
  const result = await client.callTool({ name, arguments: args, _meta: meta }) as CallToolResult;
  assert.equal(result.isError ?? false, false, JSON.stringify(result.content));
  return result.structuredContent;
}

async function refused(
  client: Client,
  name: string,
  args: Record<string, unknown>,
  meta = {},
): Promise<string> {
  const result = await client.callTool({ name, arguments: args, _meta: meta }) as CallToolResult;
  assert.equal(result.isError, true, JSON.stringify(result));
  return JSON.stringify(result.content);
}

const changesOf = async (person: TestClient) =>
  (await person.call("GET", "/api/changes?since=0&limit=500")).body.changes as {
    type: string;
    actor: { kind: string };
    causationId: string;
  }[];

Deno.test("the official client finds tools with schemas and hints, resources and prompts", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  const client = await assistant.connect(await assistant.key(ada));
  assert.equal(client.getServerVersion()?.name, "rondo");
  assert.match(client.getInstructions() ?? "", /never follow instructions/);
  const { tools } = await client.listTools();
  assert.deepEqual(tools.map(({ name }) => name).sort(), [...READING, ...WRITING].sort());
  for (const { name, description = "", inputSchema, annotations } of tools) {
    assert.ok(description.length > 10, name);
    assert.equal(inputSchema.type, "object", name);
    assert.equal(annotations?.readOnlyHint, READING.includes(name), name);
  }
  const create = tools.find(({ name }) => name === "create_task");
  assert.deepEqual(create?.inputSchema.required, ["title"]);
  assert.ok("confirm" in (create?.inputSchema.properties ?? {}));
  assert.deepEqual((await client.listPrompts()).prompts.map(({ name }) => name).sort(), [
    "plan_my_day",
    "weekly_review",
  ]);
  assert.ok((await client.listResources()).resources.some(({ uri }) => uri === "rondo://today"));
  assert.deepEqual(
    (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate).sort(),
    ["rondo://list/{id}", "rondo://task/{id}"],
  );
});

Deno.test("a credential offers what it may do: read alone, and nobody without one", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  const reader = await assistant.connect(await assistant.key(ada, ["read"]));
  assert.deepEqual((await reader.listTools()).tools.map(({ name }) => name).sort(), [...READING].sort());
  const before = await dataOf(assistant.api, ada);
  await assert.rejects(use(reader, "create_task", { title: "x" }));
  assert.deepEqual(await dataOf(assistant.api, ada), before);
  const token = (await ada.call("GET", "/api/auth/token")).body.token;
  assert.equal((await use(await assistant.connect(token), "get_profile", {})).email, ada.email);

  const post = (headers: Record<string, string>) =>
    assistant.service.fetch(
      new Request("http://rondo.test/mcp", {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
      }),
    );
  const bad: Record<string, string>[] = [{}, { cookie: ada.cookie }, {
    authorization: "Bearer rondo_nonsense",
  }];
  for (const headers of bad) {
    const answer = await post(headers);
    assert.equal(answer.status, 401, JSON.stringify(headers));
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
    await answer.body?.cancel();
  }
  const foreign = await post({ authorization: `Bearer ${token}`, origin: "https://evil.test" });
  assert.equal(foreign.status, 403);
  await foreign.body?.cancel();
});

Deno.test("a small change is done at once, by the assistant, under the turn that the client names", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  const client = await assistant.connect(await assistant.key(ada));
  const turn = { "rondo/turn": crypto.randomUUID() };
  const made = await use(client, "create_task", {
    title: "Pay rent",
    due: { date: "2027-01-31", time: "09:00" },
    recurrence: "monthly",
    reminders: [{ before: "PT30M" }],
    tags: ["home"],
  }, turn);
  assert.equal(made.status, "done");
  const [{ id }] = (await use(client, "search_tasks", { text: "rent" })).items;
  assert.equal((await use(client, "update_task", { id, priority: "high" }, turn)).status, "done");
  assert.equal(
    (await use(client, "tag_tasks", { ids: [id], add: ["money"], remove: ["nothing"] }, turn)).status,
    "done",
  );
  assert.equal((await use(client, "complete_task", { id }, turn)).status, "done");
  assert.equal((await use(client, "complete_task", { id }, turn)).status, "nothing_to_change");
  const task = await use(client, "get_task", { id });
  assert.deepEqual([task.priority, task.tags, task.status], ["high", ["home", "money"], "completed"]);
  const mine = (await changesOf(ada)).filter(({ type }) => type.startsWith("task."));
  assert.deepEqual(new Set(mine.map(({ causationId }) => causationId)), new Set([turn["rondo/turn"]]));
  assert.deepEqual(new Set(mine.map(({ actor }) => actor.kind)), new Set(["assistant"]));

  const key = { "rondo/idempotencyKey": "one" };
  for (let attempt = 0; attempt < 2; attempt++) await use(client, "create_task", { title: "Once" }, key);
  assert.equal((await use(client, "search_tasks", { text: "once" })).items.length, 1);
  assert.match(await refused(client, "update_task", { id, due: { date: "2027-02-30" } }), /date/);
  assert.match(await refused(client, "get_task", { id: crypto.randomUUID() }), /no such task/i);
});

Deno.test("a confirmed call that comes again with its key is done once and said to be done", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  const client = await assistant.connect(await assistant.key(ada));
  const turn = { "rondo/turn": crypto.randomUUID() };
  for (const title of ["One", "Two"]) await use(client, "create_task", { title }, turn);
  const args = { causationId: turn["rondo/turn"] };
  const { confirm } = await use(client, "undo", args);
  const key = { "rondo/idempotencyKey": "undo once" };
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.equal((await use(client, "undo", { ...args, confirm }, key)).status, "done");
  }
  assert.match(await refused(client, "undo", { ...args, confirm }), /stands in the way/);
  assert.match(
    await refused(client, "undo", { ...args, confirm }, { "rondo/idempotencyKey": "another" }),
    /stands in the way/,
  );
  assert.equal((await changesOf(ada)).filter(({ type }) => type === "task.deleted.v1").length, 2);
});

Deno.test("a key or a turn that can't be used is refused, and nothing is done", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  const client = await assistant.connect(await assistant.key(ada));
  const title = "Not made";
  for (const key of ["", "x".repeat(256), "two\nlines", " ", "é", 5]) {
    const said = await refused(client, "create_task", { title }, { "rondo/idempotencyKey": key });
    assert.match(said, /rondo\/idempotencyKey/, String(key));
  }
  assert.match(await refused(client, "create_task", { title }, { "rondo/turn": "today" }), /rondo\/turn/);
  assert.deepEqual((await use(client, "search_tasks", {})).items, []);
});

Deno.test("what changes several tasks or deletes is shown first, and done as it was shown", async () => {
  await using assistant = await testAssistant();
  const { api } = assistant;
  const ada = await api.signUp();
  const client = await assistant.connect(await assistant.key(ada));
  const ids: string[] = [];
  for (const title of ["One", "Two", "Three"]) {
    ids.push((await ada.call("POST", "/api/tasks", { title })).body.id);
  }
  const cases: [string, Record<string, unknown>][] = [
    ["delete_task", { id: ids[0] }],
    ["change_many_tasks", { complete: ids }],
    ["tag_tasks", { ids, add: ["x"] }],
    ["create_task", { title: "Perhaps", preview: true }],
  ];
  for (const [name, args] of cases) {
    const before = await dataOf(api, ada);
    const shown = await use(client, name, args);
    assert.equal(shown.status, "needs_confirmation", name);
    assert.deepEqual(await dataOf(api, ada), before, name);
    const done = await use(client, name, { ...args, confirm: shown.confirm });
    assert.equal(done.status, "done", name);
    assert.deepEqual(done.changes.length, shown.changes.length);
    const undo = await use(client, "undo", { causationId: done.causationId });
    const undone = undo.status === "done" ? undo : await use(client, "undo", {
      causationId: done.causationId,
      confirm: undo.confirm,
    });
    assert.equal(undone.status, "done", `undo of ${name}`);
  }
  const shown = await use(client, "delete_task", { id: ids[1] });
  await ada.call("PATCH", `/api/tasks/${ids[1]}`, { notes: "still needed" });
  const stale = await use(client, "delete_task", { id: ids[1], confirm: shown.confirm });
  assert.equal(stale.status, "changed_meanwhile");
  assert.equal((await ada.call("GET", `/api/tasks/${ids[1]}`)).body.deletedAt, null);
  assert.equal((await use(client, "delete_task", { id: ids[1], confirm: stale.confirm })).status, "done");
  const last = await use(client, "undo", { preview: true });
  assert.equal(last.changes[0].id, ids[1]);
});

Deno.test("every tool is carried out, and every resource and prompt is read", async () => {
  await using assistant = await testAssistant();
  const { api } = assistant;
  standIns(api);
  const ada = await api.signUp();
  const client = await assistant.connect(await assistant.key(ada));
  const used = new Set<string>();
  const run = async (name: string, args: Record<string, unknown> = {}): Promise<Structured> => {
    used.add(name);
    const first = await use(client, name, args);
    return first?.status === "needs_confirmation"
      ? await use(client, name, { ...args, confirm: first.confirm })
      : first;
  };
  const list = (await run("create_list", { name: "Home" })).changes[0];
  const { id: listId } = (await run("list_lists")).items.find(({ name }: { name: string }) =>
    name === "Home"
  );
  assert.equal(list.kind, "list");
  await run("update_list", { id: listId, colour: "rose" });
  const today = Temporal.Now.plainDateISO("UTC").toString();
  await run("create_task", { title: "Water plants", listId, due: { date: today }, recurrence: "daily" });
  const [{ id }] = (await run("search_tasks", { listId, due: "today", tags: [] })).items;
  await run("update_task", { id, notes: "both" });
  await run("tag_tasks", { ids: [id], add: ["green"] });
  assert.deepEqual((await run("list_tags")).items, [{ tag: "green", open: 1 }]);
  assert.equal((await run("task_history", { id, limit: 1 })).items.length, 1);
  await run("complete_task", { id });
  await run("reopen_task", { id });
  await run("skip_occurrence", { id });
  await run("restore_task", { id });
  await run("delete_task", { id });
  await run("restore_task", { id });
  await run("change_many_tasks", { create: [{ title: "a" }], update: [{ id, title: "Water the plants" }] });
  await run("undo");
  assert.equal((await run("get_task", { id })).title, "Water plants");
  await run("create_filter", { name: "Soon", query: "due:today" });
  const [filter] = (await run("list_filters")).items;
  await run("update_filter", { id: filter.id, name: "Sooner" });
  await run("delete_filter", { id: filter.id });
  await run("set_time_zone", { timeZone: "Europe/Berlin" });
  assert.equal((await run("get_profile")).timeZone, "Europe/Berlin");
  await run("list_reminders", { taskId: id });
  const [notification] = (await run("list_notifications", { unread: true })).items;
  await run("mark_notification_read", { id: notification.id });
  await run("mark_all_notifications_read");
  await run("read_audit_log", { taskId: id });
  assert.ok((await run("list_changes", { since: 0 })).changes.length > 5);
  const read = async (uri: string) => {
    const [content] = (await client.readResource({ uri })).contents;
    return JSON.parse(content !== undefined && "text" in content ? content.text : "null");
  };
  const inToday = await read("rondo://today");
  assert.deepEqual([...inToday.overdue, ...inToday.today].map(({ id }: { id: string }) => id), [id]);
  assert.equal((await read(`rondo://task/${id}`)).id, id);
  assert.equal((await read(`rondo://list/${listId}`)).tasks[0].id, id);
  for (const name of ["plan_my_day", "weekly_review"]) {
    const { messages } = await client.getPrompt({ name, arguments: {} });
    assert.equal(messages.length, 2, name);
    assert.ok(JSON.stringify(messages[1]).includes("Water plants"), name);
  }
  await run("delete_list", { id: listId });
  assert.deepEqual([...used].sort(), [...READING, ...WRITING].sort());
});
