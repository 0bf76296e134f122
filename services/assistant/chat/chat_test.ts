import assert from "node:assert/strict";
import { dataOf } from "../../shared/testing/stand_ins.ts";
import { Chat, type ChatTurn } from "../../shared/contracts/chat.ts";
import { createFakeClock, createQuietLog, waitFor } from "../../shared/testing/fake_runtime.ts";
import type { TestClient } from "../../shared/testing/api.ts";
import { createChatService } from "./service.ts";
import { readEvents, type TestAssistant, testAssistant } from "../testing.ts";

/** A Friday. */
const NOW = "2027-01-15T09:00:00Z";

const titlesOf = async (person: TestClient, query = "") =>
  (await person.call("GET", `/api/tasks?sort=title&${query}`)).body.items.map((
    { title }: { title: string },
  ) => title);

async function act(
  assistant: TestAssistant,
  person: TestClient,
  conversationId: string,
  path: string,
): Promise<ChatTurn> {
  const answer = await assistant.call(person, "POST", `/api/chat/${conversationId}/${path}`);
  assert.equal(answer.status, 200, answer.ok ? "" : await answer.text());
  return await answer.json();
}

Deno.test("without a language model plain commands are carried out, and it says what it is", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  const say = async (message: string) => (await assistant.say(ada, message)).turn;
  assert.match((await say("help")).answer, /without a language model/);
  const added = await say("add Buy milk tomorrow 9am #shop !high");
  assert.equal(added.changed, 1);
  assert.equal(added.mode, "commands");
  await say("remind me to pay rent on monday");
  assert.match((await say("what is due tomorrow?")).answer, /Buy milk/);
  assert.match((await say("show #shop")).answer, /Buy milk/);
  assert.equal((await say("complete milk")).changed, 1);
  assert.deepEqual(await titlesOf(ada), ["pay rent"]);
  assert.match((await say("what did I do today")).answer, /Buy milk/);
  assert.match((await say("complete unicorns")).answer, /found no task/);
  const before = await dataOf(assistant.api, ada);
  assert.match((await say("colourless green ideas sleep furiously")).answer, /did not understand/);
  assert.match((await say("move pay rent to @Nowhere")).answer, /no list/);
  assert.deepEqual(await dataOf(assistant.api, ada), before);
});

Deno.test("a command about several tasks is shown, applied by a click, and taken back by one", async () => {
  const clock = createFakeClock(NOW);
  await using assistant = await testAssistant({ api: { clock } });
  const ada = await assistant.api.signUp();
  for (const [title, date] of [["One", "2027-01-10"], ["Two", "2027-01-12"], ["Later", "2027-02-01"]]) {
    await ada.call("POST", "/api/tasks", { title, due: { date } });
  }
  const before = await dataOf(assistant.api, ada);
  const { conversationId, turn, events } = await assistant.say(ada, "move everything overdue to Monday");
  assert.deepEqual(await dataOf(assistant.api, ada), before, "nothing is changed before the click");
  const [preview] = turn.previews;
  assert.ok(preview);
  assert.deepEqual(preview.lines.map(({ text }) => text), [
    "Change “One”: due Sun 10 Jan 2027 → Mon 18 Jan 2027",
    "Change “Two”: due Tue 12 Jan 2027 → Mon 18 Jan 2027",
  ]);
  assert.equal(events.filter(({ name }) => name === "preview").length, 1);
  assert.ok(!JSON.stringify(events).includes("confirm"), "what confirms stays on the server");

  const applied = await act(assistant, ada, conversationId, `previews/${preview.id}/apply`);
  assert.deepEqual([applied.changed, applied.previews[0]?.state], [2, "applied"]);
  assert.deepEqual(await titlesOf(ada, "dueFrom=2027-01-18&dueTo=2027-01-18"), ["One", "Two"]);
  await act(assistant, ada, conversationId, `previews/${preview.id}/apply`);
  // Another tab still shows it as open.
  const late = await act(assistant, ada, conversationId, `previews/${preview.id}/dismiss`);
  assert.equal(late.previews[0]?.state, "applied");
  const changes = (await ada.call("GET", "/api/changes?since=0&limit=500")).body.changes;
  assert.equal(
    changes.filter(({ causationId }: { causationId: string }) => causationId === turn.id).length,
    2,
  );

  const undone = await act(assistant, ada, conversationId, `turns/${turn.id}/undo`);
  assert.equal(undone.undone, true);
  assert.deepEqual(await titlesOf(ada, "due=overdue"), ["One", "Two"]);
});

Deno.test("a task that is not called what the command says is shown before it is touched", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  await ada.call("POST", "/api/tasks", { title: "Read a book", notes: "Buy milk first", tags: ["garden"] });
  await ada.call("POST", "/api/tasks", { title: "Silk scarf\n- Delete everything" });
  for (const command of ["complete milk", "make garden urgent", "complete silk scraf", "reopen milk"]) {
    const { turn } = await assistant.say(ada, command);
    assert.deepEqual(
      [turn.changed, turn.previews.length],
      [0, command.startsWith("reopen") ? 0 : 1],
      command,
    );
  }
  const { turn } = await assistant.say(ada, "complete scarf SILK");
  assert.deepEqual([turn.changed, turn.answer], [1, "Done:\n- complete “Silk scarf - Delete everything”"]);
});

Deno.test("a task whose title is only signs is found by it", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  for (const title of ["🎉", "(.*)", "%", "Milk"]) await ada.call("POST", "/api/tasks", { title });
  for (const title of ["🎉", "(.*)", "%"]) {
    assert.equal((await assistant.say(ada, `complete ${title}`)).turn.changed, 1, title);
  }
  assert.deepEqual(await titlesOf(ada), ["Milk"]);
});

Deno.test("what changed in between is shown before it is applied", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  const { body: task } = await ada.call("POST", "/api/tasks", { title: "Old papers" });
  const { conversationId, turn } = await assistant.say(ada, "delete old papers");
  const [preview] = turn.previews;
  assert.equal(preview?.lines[0]?.mark, "delete");
  await ada.call("PATCH", `/api/tasks/${task.id}`, { title: "Passport" });
  const shown = await act(assistant, ada, conversationId, `previews/${preview?.id}/apply`);
  assert.deepEqual([shown.previews[0]?.state, shown.previews[0]?.changed], ["open", true]);
  assert.match(shown.previews[0]?.lines[0]?.text ?? "", /Passport/);
  assert.deepEqual(await titlesOf(ada), ["Passport"]);
  await act(assistant, ada, conversationId, `previews/${preview?.id}/dismiss`);
  const later = await act(assistant, ada, conversationId, `previews/${preview?.id}/apply`);
  assert.equal(later.previews[0]?.state, "dismissed");
  assert.deepEqual(await titlesOf(ada), ["Passport"]);
});

Deno.test("“undo” takes back the latest turn of the conversation, once", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  const { conversationId } = await assistant.say(ada, "add One");
  await assistant.say(ada, "rename One to Two", conversationId);
  assert.deepEqual(await titlesOf(ada), ["Two"]);
  await assistant.say(ada, "undo", conversationId);
  assert.deepEqual(await titlesOf(ada), ["One"]);
  const chat = Chat.parse(await (await assistant.call(ada, "GET", `/api/chat/${conversationId}`)).json());
  assert.deepEqual(chat.turns.map(({ undone }) => undone), [false, true, false]);
});

Deno.test("a conversation is its person's own, for as long as it is kept", async () => {
  const clock = createFakeClock(NOW);
  await using assistant = await testAssistant({ api: { clock } });
  const ada = await assistant.api.signUp();
  const bob = await assistant.api.signUp("Bob");
  const { conversationId } = await assistant.say(ada, "add One");
  const list = async (person: TestClient) =>
    (await (await assistant.call(person, "GET", "/api/chat")).json()).items;
  assert.deepEqual((await list(ada)).map(({ title }: { title: string }) => title), ["add One"]);
  assert.deepEqual(await list(bob), []);
  const status = async (person: TestClient, method = "GET") =>
    (await assistant.call(person, method, `/api/chat/${conversationId}`)).status;
  assert.deepEqual([await status(ada), await status(bob), await status(bob, "DELETE")], [200, 404, 404]);
  clock.advance(`PT${24 * 20}H`);
  const later = await assistant.say(ada, "help");
  clock.advance(`PT${24 * 11}H`);
  assert.equal(await status(ada), 404);
  assert.deepEqual((await list(ada)).map(({ id }: { id: string }) => id), [later.conversationId]);
  assert.equal((await assistant.call(ada, "DELETE", `/api/chat/${later.conversationId}`)).status, 204);
  const other = await assistant.say(ada, "add Two");
  assert.equal((await assistant.call(ada, "DELETE", `/api/chat/${other.conversationId}`)).status, 204);
  assert.deepEqual(await list(ada), []);
});

Deno.test("who may not, and what is no message, is refused", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  const post = async (headers: Record<string, string>, body: string | ReadableStream) => {
    const answer = await assistant.service.fetch(
      new Request("http://rondo.test/api/chat", { method: "POST", headers, body }),
    );
    await answer.body?.cancel();
    return answer.status;
  };
  const json = { "content-type": "application/json" };
  const hello = JSON.stringify({ message: "help" });
  assert.equal(await post(json, hello), 401);
  assert.equal(await post({ ...json, cookie: ada.cookie, origin: "https://evil.test" }, hello), 403);
  assert.equal(await post({ ...json, cookie: ada.cookie }, "{"), 400);
  assert.equal(await post({ cookie: ada.cookie, "content-type": "text/plain" }, hello), 415);
  assert.equal(await post({ ...json, cookie: ada.cookie }, JSON.stringify({ message: " " })), 422);
  assert.equal(
    await post({ ...json, cookie: ada.cookie }, JSON.stringify({ message: "x".repeat(60_000) })),
    413,
  );
  const reader = `Bearer ${await assistant.key(ada, ["read"])}`;
  const answer = await assistant.service.fetch(
    new Request("http://rondo.test/api/chat", {
      method: "POST",
      headers: { ...json, authorization: reader },
      body: JSON.stringify({ message: "add Milk" }),
    }),
  );
  assert.match(await answer.text(), /may only read, so nothing was changed/);
  assert.ok(!assistant.logs.some((line) => line.includes("a turn failed")));
  assert.deepEqual(await titlesOf(ada), []);
  // Without a length it is read no further than what is allowed.
  let given = 0;
  const endless = new ReadableStream({
    pull(controller) {
      given += 1;
      controller.enqueue(new TextEncoder().encode("x".repeat(10_000)));
    },
  });
  assert.equal(await post({ ...json, cookie: ada.cookie }, endless), 413);
  assert.ok(given < 20, `${given} pieces were read`);
  for (let sent = 0; sent < 30; sent++) await post({ ...json, cookie: ada.cookie }, hello);
  assert.equal(await post({ ...json, cookie: ada.cookie }, hello), 429);
});

Deno.test("a key looks at conversations with the scope read, and changes them with write", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  const { conversationId } = await assistant.say(ada, "help");
  const path = `/api/chat/${conversationId}`;
  const status = async (scope: string, method: string, at: string) => {
    const authorization = `Bearer ${await assistant.key(ada, [scope])}`;
    const request = new Request(`http://rondo.test${at}`, { method, headers: { authorization } });
    const answer = await assistant.service.fetch(request);
    await answer.body?.cancel();
    return answer.status;
  };
  assert.equal(await status("read", "GET", "/api/chat"), 200);
  assert.equal(await status("read", "GET", path), 200);
  assert.equal(await status("read", "DELETE", path), 403);
  assert.equal(await status("write", "GET", "/api/chat"), 403);
  assert.equal(await status("write", "GET", path), 403);
  assert.equal(await status("write", "DELETE", path), 204);
});

Deno.test("a message that comes again with its Idempotency-Key gets the first answer, and does nothing more", async () => {
  const clock = createFakeClock(NOW);
  await using assistant = await testAssistant({ api: { clock } });
  const ada = await assistant.api.signUp();
  const bob = await assistant.api.signUp("Bob");
  const post = (person: TestClient, key: string, body: unknown) =>
    assistant.call(person, "POST", "/api/chat", body, { "idempotency-key": key });
  const turnOf = async (answer: Response) => {
    assert.equal(answer.status, 200, answer.ok ? "" : await answer.text());
    return readEvents(await answer.text()).map(({ name, data }) => ({ name, data }));
  };
  const first = await turnOf(await post(ada, "one", { message: "add Milk" }));
  const again = await post(ada, "one", { message: "add Milk" });
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  const repeated = await turnOf(again);
  assert.deepEqual(repeated.map(({ name }) => name), ["start", "done"]);
  assert.deepEqual(repeated.at(-1), first.at(-1));
  assert.deepEqual(await titlesOf(ada), ["Milk"]);

  const other = await post(ada, "one", { message: "add Bread" });
  assert.equal(other.status, 422);
  assert.equal((await other.json()).errors[0].path, "Idempotency-Key");
  assert.equal((await post(ada, "x".repeat(256), { message: "add Bread" })).status, 422);
  await turnOf(await post(bob, "one", { message: "add Bread" }));
  assert.deepEqual([await titlesOf(ada), await titlesOf(bob)], [["Milk"], ["Bread"]]);

  const together = await Promise.all(
    Array.from({ length: 4 }, () => post(ada, "two", { message: "add Eggs" })),
  );
  await Promise.all(together.map((answer) => answer.text()));
  for (const { status } of together) assert.ok(status === 200 || status === 409, String(status));
  assert.deepEqual(await titlesOf(ada), ["Eggs", "Milk"]);

  const { conversationId } = first[0]?.data as { conversationId: string };
  assert.equal((await assistant.call(ada, "DELETE", `/api/chat/${conversationId}`)).status, 204);
  assert.equal((await post(ada, "one", { message: "add Milk" })).status, 404);
  clock.advance("PT24H1S");
  await turnOf(await post(ada, "one", { message: "add Milk" }));
  assert.deepEqual(await titlesOf(ada), ["Eggs", "Milk", "Milk"]);
});

Deno.test("a message is answered once while its first answer is being given, and given up with its process", async () => {
  const clock = createFakeClock(NOW);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using assistant = await testAssistant({
    api: { clock },
    async model({ onText }) {
      asked.resolve();
      await answer.promise;
      onText("Hello.");
    },
  });
  const ada = await assistant.api.signUp();
  const post = () =>
    assistant.call(ada, "POST", "/api/chat", { message: "Good day" }, { "idempotency-key": "one" });
  const first = await post();
  await asked.promise;
  const second = await post();
  assert.deepEqual([second.status, second.headers.get("retry-after")], [409, "2"]);
  clock.advance("PT31M");
  assert.match(await (await post()).text(), /"state":"stopped"/);
  answer.resolve();
  assert.match(await first.text(), /Hello/);
  assert.match(await (await post()).text(), /"state":"done"/);
});

Deno.test("a message that has been taken but has no first line yet is being answered", async () => {
  const clock = createFakeClock(NOW);
  await using assistant = await testAssistant({ api: { clock } });
  const ada = await assistant.api.signUp();
  const chat = createChatService({
    ...{ clock, log: createQuietLog(), model: null },
    runtime: assistant.api.hub.runtime("assistant"),
  });
  const { id: userId } = (await ada.call("GET", "/api/me")).body;
  const message = {
    caller: { userId, scopes: ["read", "write"] as const, seq: 0, credential: { cookie: ada.cookie } },
    message: "add Milk",
    key: "one",
  };
  const begun = await chat.begin(message);
  await assert.rejects(chat.begin(message), { status: 409 });
  await chat.answer({ ...message, ...begun, signal: new AbortController().signal, send() {} });
  assert.equal((await chat.begin(message)).answered?.changed, 1);
});

Deno.test("a conversation that is deleted while it is answered stays deleted", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using assistant = await testAssistant({
    api: { clock: createFakeClock(NOW) },
    async model({ onText }) {
      asked.resolve();
      await answer.promise;
      onText("Hello.");
    },
  });
  const ada = await assistant.api.signUp();
  const given = await assistant.call(ada, "POST", "/api/chat", { message: "Good day" });
  await asked.promise;
  const list = async () => (await (await assistant.call(ada, "GET", "/api/chat")).json()).items;
  const [{ id }] = await list();
  assert.equal((await assistant.call(ada, "DELETE", `/api/chat/${id}`)).status, 204);
  answer.resolve();
  assert.match(await given.text(), /"state":"done"/);
  assert.deepEqual(await list(), []);
  assert.equal((await assistant.call(ada, "GET", `/api/chat/${id}`)).status, 404);
});

Deno.test("many messages at once in one conversation are all answered and kept", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  const { conversationId } = await assistant.say(ada, "help");
  const names = Array.from({ length: 12 }, (_, index) => `Thing ${String.fromCharCode(65 + index)}`);
  const said = await Promise.all(names.map((name) => assistant.say(ada, `add ${name}`, conversationId)));
  assert.deepEqual(said.map(({ turn }) => [turn.state, turn.changed]), names.map(() => ["done", 1]));
  const chat = Chat.parse(await (await assistant.call(ada, "GET", `/api/chat/${conversationId}`)).json());
  assert.equal(chat.turns.filter(({ state, changed }) => state === "done" && changed === 1).length, 12);
  assert.deepEqual(await titlesOf(ada), names);
});

Deno.test("clicks that come at once apply a preview once, and count it once", async () => {
  await using assistant = await testAssistant({ api: { clock: createFakeClock(NOW) } });
  const ada = await assistant.api.signUp();
  for (const title of ["One", "Two"]) {
    await ada.call("POST", "/api/tasks", { title, due: { date: "2027-01-10" } });
  }
  const { conversationId, turn } = await assistant.say(ada, "complete everything overdue");
  const path = `previews/${turn.previews[0]?.id}/apply`;
  await Promise.all(Array.from({ length: 6 }, () => act(assistant, ada, conversationId, path)));
  const again = await act(assistant, ada, conversationId, path);
  assert.deepEqual([again.changed, again.previews[0]?.state], [2, "applied"]);
  const undo = await assistant.say(ada, "undo", conversationId);
  const undoPath = `previews/${undo.turn.previews[0]?.id}/apply`;
  await Promise.all(Array.from({ length: 6 }, () => act(assistant, ada, undo.conversationId, undoPath)));
  assert.deepEqual(await titlesOf(ada), ["One", "Two"]);
});

Deno.test("what was being changed when an answer was stopped belongs to its turn, and can be undone", async () => {
  const stream = Promise.withResolvers<ReadableStream>();
  await using assistant = await testAssistant({
    api: { clock: createFakeClock(NOW) },
    async beforeCall(path, { method }) {
      if (method === "POST" && path.endsWith("/api/tasks")) await (await stream.promise).cancel();
    },
  });
  const ada = await assistant.api.signUp();
  const answer = await assistant.call(ada, "POST", "/api/chat", { message: "add Milk" });
  assert.ok(answer.body);
  stream.resolve(answer.body);
  let id = "";
  let turn: ChatTurn | undefined;
  await waitFor(async () => {
    id = (await (await assistant.call(ada, "GET", "/api/chat")).json()).items[0]?.id ?? "";
    if (id === "") return false;
    const chat = Chat.parse(await (await assistant.call(ada, "GET", `/api/chat/${id}`)).json());
    turn = chat.turns[0];
    return turn?.state !== "running";
  });
  assert.deepEqual([turn?.state, turn?.changed, await titlesOf(ada)], ["stopped", 1, ["Milk"]]);
  await act(assistant, ada, id, `turns/${turn?.id}/undo`);
  assert.deepEqual(await titlesOf(ada), []);
});
