import assert from "node:assert/strict";
import { createChat } from "./chat.ts";
import type { Client } from "../api/client.ts";

const TURN = {
  id: "01a201aa-a8f0-7b01-b57e-897d90214e30",
  at: "2027-01-15T09:00:00Z",
  mode: "commands",
  question: "add Milk",
  answer: "",
  state: "running",
  tools: [],
  previews: [],
  changed: 0,
  undone: false,
};
const CONVERSATION = "01a201aa-a8f0-7b01-b57e-897d90214e31";

/** A chat whose requests are answered by `answers`, one after the other, and the keys that they came with. */
function chatWith(answers: (() => Promise<Response>)[]) {
  const keys: string[] = [];
  const client = { request: () => Promise.resolve({ mode: "commands", items: [] }) } as unknown as Client;
  const chat = createChat(client, (_, init) => {
    keys.push(new Headers(init?.headers).get("idempotency-key") ?? "");
    return answers.shift()?.() ?? Promise.reject(new TypeError("nobody answers"));
  });
  return { chat, keys };
}

const lost = () => Promise.reject(new TypeError("the network is away"));
const refused = (status: number) => () =>
  Promise.resolve(Response.json({ type: "about:blank", title: "No", status, detail: "No" }, { status }));
const taken = (id = TURN.id) => () =>
  Promise.resolve(
    new Response(
      `event: start\ndata: ${JSON.stringify({ conversationId: CONVERSATION, turn: { ...TURN, id } })}\n\n` +
        `event: done\ndata: ${JSON.stringify({ turn: { ...TURN, id, state: "done" } })}\n\n`,
    ),
  );

Deno.test("what may have been heard is said again with the same key, until it is answered", async () => {
  const { chat, keys } = chatWith([lost, refused(503), refused(409), taken(), taken("another")]);
  assert.equal(await chat.say("add Milk"), false);
  assert.notEqual(chat.data.value.problem, null);
  assert.equal(await chat.say("add Milk"), false);
  assert.equal(await chat.say("add Milk"), false);
  assert.equal(await chat.say("add Milk"), true);
  assert.equal(new Set(keys).size, 1);
  assert.equal(await chat.say("add Milk"), true, "the same words once more are another message");
  assert.equal(new Set(keys).size, 2);
});

Deno.test("other words, and what was refused or stopped, are another request", async () => {
  const stopped = Promise.withResolvers<Response>();
  const { chat, keys } = chatWith([lost, refused(422), lost, () => stopped.promise, lost]);
  await chat.say("add Milk");
  await chat.say("add Bread");
  await chat.say("add Bread");
  const saying = chat.say("add Eggs");
  chat.stop();
  stopped.reject(new DOMException("stopped", "AbortError"));
  await saying;
  assert.equal(chat.data.value.problem, null);
  await chat.say("add Eggs");
  assert.equal(new Set(keys).size, 5);
});
