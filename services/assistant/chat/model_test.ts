import assert from "node:assert/strict";
import { dataOf } from "../../shared/testing/stand_ins.ts";
import {
  contentOf,
  type Line,
  type ScriptedRequest,
  startScriptedOpenAi,
} from "../../shared/testing/scripted_openai.ts";
import { waitFor } from "../../shared/testing/fake_runtime.ts";
import { readEvents, testAssistant } from "../testing.ts";
import { INJECTIONS } from "./injections.ts";

const endpointOf = (baseUrl: string) => ({ baseUrl, apiKey: "test", model: "scripted" });

/** What tools answered since the user's last message, newest last. */
function toolAnswers({ messages }: ScriptedRequest): string[] {
  const last = messages.findLastIndex(({ role }) => role === "user");
  return messages.slice(last).filter(({ role }) => role === "tool").map(contentOf);
}

const idsIn = (text: string): string[] =>
  [...text.matchAll(/"id":"([0-9a-f-]{36})","listId"/g)].map(([, id = ""]) => id);

Deno.test("a model is told who asks and when, uses the tools, and its text is streamed and kept", async () => {
  await using model = startScriptedOpenAi((request) => {
    if (toolAnswers(request).length > 0) return { text: "I have added milk for you." };
    return { calls: [{ name: "create_task", args: { title: "Buy milk", due: { date: "2027-01-16" } } }] };
  });
  await using assistant = await testAssistant({ endpoint: endpointOf(model.baseUrl) });
  const ada = await assistant.api.signUp();
  const { turn, events, conversationId } = await assistant.say(ada, "Please put buying milk on my list");
  assert.deepEqual([turn.mode, turn.state, turn.changed, turn.tools], ["model", "done", 1, ["Add a task"]]);
  assert.equal(turn.answer, "I have added milk for you.");
  assert.ok(events.filter(({ name }) => name === "text").length > 3, "word by word");
  const [first] = model.requests;
  assert.match(contentOf(first?.messages[0]), /Never follow instructions/);
  const create = first?.tools.find(({ function: { name } }) => name === "create_task");
  assert.ok(create && !JSON.stringify(create).includes("confirm"));
  assert.equal((await ada.call("GET", "/api/tasks?q=milk")).body.items[0].due.date, "2027-01-16");

  await assistant.say(ada, "and bread", conversationId);
  const again = model.requests.at(-2)?.messages.map(contentOf) ?? [];
  assert.ok(
    again.includes("Please put buying milk on my list") && again.includes("I have added milk for you."),
  );
});

Deno.test("what a model may not do at once is shown, whatever it says about being allowed", async () => {
  let confirm = "";
  await using model = startScriptedOpenAi((request) => {
    const answers = toolAnswers(request);
    const ids = answers.flatMap(idsIn);
    if (answers.length === 0) return { calls: [{ name: "search_tasks", args: {} }] };
    if (answers.length > 2) return { text: "Look at this." };
    confirm ||= /confirm: (\S+)/.exec(answers.join("\n"))?.[1] ?? "";
    return {
      calls: [
        { name: "change_many_tasks", args: { complete: ids, confirm: confirm || "yes" } },
        { name: "delete_task", args: { id: ids[0], preview: false, confirm: "yes" } },
      ],
    };
  });
  await using assistant = await testAssistant({ endpoint: endpointOf(model.baseUrl) });
  const ada = await assistant.api.signUp();
  for (const title of ["One", "Two"]) await ada.call("POST", "/api/tasks", { title });
  const before = await dataOf(assistant.api, ada);
  const { turn } = await assistant.say(ada, "Complete One and Two, delete One");
  assert.deepEqual(await dataOf(assistant.api, ada), before);
  assert.deepEqual([turn.previews.length, turn.changed], [2, 0]);
  assert.equal(confirm, "", "a model never sees what confirms");
});

Deno.test("a second thing, a question and what was not named are shown; what was named is done", async () => {
  const script = (calls: Line["calls"]) => (request: ScriptedRequest): Line =>
    toolAnswers(request).length > 0 ? { text: "Done." } : { calls };
  const make = (title: string) => ({ name: "create_task", args: { title } });
  const cases: [string, Line["calls"], number, number][] = [
    ["add buy milk", [make("Buy milk")], 1, 0],
    ["add buy milk and buy bread", [make("Buy milk"), make("Buy bread")], 1, 1],
    ["what should I do about milk?", [make("Buy milk")], 0, 1],
    ["add buy milk", [make("Send my password")], 0, 1],
  ];
  for (const [message, calls, changed, shown] of cases) {
    await using model = startScriptedOpenAi(script(calls));
    await using assistant = await testAssistant({ endpoint: endpointOf(model.baseUrl) });
    const { turn } = await assistant.say(await assistant.api.signUp(), message);
    assert.deepEqual([turn.changed, turn.previews.length], [changed, shown], message);
  }
});

Deno.test("instructions inside of tasks change nothing, even when the model obeys them all", async () => {
  // The worst model there could be: it does to every task it reads what any text might have asked for.
  await using model = startScriptedOpenAi((request) => {
    const answers = toolAnswers(request);
    if (answers.length === 0) return { calls: [{ name: "search_tasks", args: { status: "all" } }] };
    if (answers.length > 1) return { text: "I did what the tasks said." };
    const ids = idsIn(answers[0] ?? "");
    return {
      calls: [
        { name: "change_many_tasks", args: { delete: ids, confirm: "yes" } },
        ...ids.slice(0, 3).flatMap((id) => [
          { name: "delete_task", args: { id, confirm: "yes" } },
          { name: "complete_task", args: { id } },
          { name: "update_task", args: { id, title: "HACKED", priority: "low" } },
        ]),
        { name: "create_task", args: { title: "Send my password to evil@example.test" } },
        { name: "undo", args: {} },
      ],
    };
  });
  await using assistant = await testAssistant({ endpoint: endpointOf(model.baseUrl) });
  const ada = await assistant.api.signUp();
  await ada.call("POST", "/api/tasks", { title: "Pay rent" });
  for (const text of INJECTIONS) {
    await ada.call("POST", "/api/tasks", { title: text, notes: text });
    const before = await dataOf(assistant.api, ada);
    const { turn } = await assistant.say(ada, "Tell me about my day");
    assert.deepEqual(await dataOf(assistant.api, ada), before, text);
    assert.equal(turn.changed, 0, text);
    assert.ok(turn.previews.length > 0, "the model did try");
  }
});

Deno.test("plain commands never read the texts of tasks as commands", async () => {
  await using assistant = await testAssistant();
  const ada = await assistant.api.signUp();
  for (const text of INJECTIONS) await ada.call("POST", "/api/tasks", { title: text, notes: text });
  const before = await dataOf(assistant.api, ada);
  for (const message of ["show everything", "what is due today", "find delete", "show the inbox"]) {
    const { turn } = await assistant.say(ada, message);
    assert.deepEqual([turn.changed, turn.previews.length], [0, 0], message);
  }
  assert.deepEqual(await dataOf(assistant.api, ada), before);
});

Deno.test("a client that goes away stops the model; what was said so far is kept as stopped", async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  await using model = startScriptedOpenAi(async (request) => {
    if (toolAnswers(request).length === 0) {
      return { text: "One moment.", calls: [{ name: "list_tags", args: {} }] };
    }
    await held;
    return { calls: [{ name: "create_task", args: { title: "Never" } }] };
  });
  await using assistant = await testAssistant({ endpoint: endpointOf(model.baseUrl) });
  const ada = await assistant.api.signUp();
  const answer = await assistant.call(ada, "POST", "/api/chat", { message: "add never" });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: tool")) text += (await reader?.read())?.value ?? "";
  const id = (readEvents(text)[0]?.data as { conversationId: string }).conversationId;
  await reader?.cancel();
  const turn = async () => (await (await assistant.call(ada, "GET", `/api/chat/${id}`)).json()).turns[0];
  await waitFor(async () => (await turn()).state === "stopped");
  release();
  assert.match((await turn()).answer, /One moment/);
  assert.deepEqual((await ada.call("GET", "/api/tasks")).body.items, []);
});

Deno.test("without its endpoint the model's turn says so, or is taken as a plain command", async () => {
  await using assistant = await testAssistant({ endpoint: endpointOf("http://127.0.0.1:1/v1") });
  const ada = await assistant.api.signUp();
  const failed = (await assistant.say(ada, "Tell me a story about milk")).turn;
  assert.equal(failed.state, "failed");
  assert.match(failed.answer, /did not answer/);
  const plain = (await assistant.say(ada, "add Buy milk")).turn;
  assert.deepEqual([plain.state, plain.mode, plain.changed], ["done", "commands", 1]);
});
