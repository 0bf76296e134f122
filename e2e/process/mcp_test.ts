/** A running Rondo as programs and words use it: the official MCP client and the chat over the real port. */
import assert from "node:assert/strict";
import type { AuditEntry } from "../../services/shared/contracts/events.ts";
import { connectMcp, say } from "../support/mcp.ts";
import { startRondo, waitFor } from "../support/rondo.ts";

Deno.test("the official MCP client works over the real port, within its scopes, one cause and one key at a time", async () => {
  await using rondo = await startRondo();
  const ada = await rondo.signUp();
  await using writer = await connectMcp(ada, ["read", "write"]);
  await using reader = await connectMcp(ada, ["read"]);

  const offered = (await reader.client.listTools()).tools;
  assert.ok(offered.length > 5 && offered.every(({ annotations }) => annotations?.readOnlyHint === true));
  await assert.rejects(reader.use("create_task", { title: "Not by a reader" }));

  const turn = { "rondo/turn": crypto.randomUUID() };
  const made = await writer.use("create_task", { title: "Pay rent" }, turn);
  const { id } = made.changes[0];
  await writer.use("update_task", { id, priority: "high" }, turn);
  const once = { ...turn, "rondo/idempotencyKey": crypto.randomUUID() };
  for (let attempt = 0; attempt < 2; attempt++) await writer.use("create_task", { title: "Once" }, once);
  const { items } = await reader.use("search_tasks", { sort: "title" });
  assert.deepEqual(items.map(({ title }: { title: string }) => title), ["Once", "Pay rent"]);

  const audit = async () => (await ada.call<{ items: AuditEntry[] }>("GET", "/api/audit")).body.items;
  await waitFor(async () => (await audit()).filter(({ type }) => type.startsWith("task.")).length === 3);
  const entries = (await audit()).filter(({ type }) => type.startsWith("task."));
  assert.deepEqual([...new Set(entries.map(({ causationId }) => causationId))], [turn["rondo/turn"]]);
  assert.deepEqual([...new Set(entries.map(({ actor }) => actor.kind))], ["assistant"]);

  const undo = await writer.use("undo", { causationId: turn["rondo/turn"] });
  assert.equal(undo.status, "needs_confirmation");
  await writer.use("undo", { causationId: turn["rondo/turn"], confirm: undo.confirm });
  assert.deepEqual((await reader.use("search_tasks")).items, []);

  const said = await say(ada, "add Buy milk tomorrow");
  assert.deepEqual([said.state, said.changed], ["done", 1]);
  assert.match((await say(ada, "what is due tomorrow")).answer, /Buy milk/);
});
