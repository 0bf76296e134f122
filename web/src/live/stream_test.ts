import assert from "node:assert/strict";
import { openStream, pauseAfter } from "./stream.ts";

function aStream() {
  const sources: {
    url: string;
    listeners: Map<string, (event: MessageEvent<string>) => void>;
    closed: boolean;
  }[] = [];
  const calls: string[] = [];
  let retry: (() => void) | null = null;
  const clock = { now: 0 };
  const stream = openStream({
    onReady: (seq, resumed) => calls.push(`ready ${seq} ${resumed}`),
    onChange: (change) => calls.push(`change ${change.seq}`),
    onNotification: (notification) => calls.push(`notification ${notification.id}`),
    onResync: (seq) => calls.push(`resync ${seq}`),
    onDown: (attempt) => calls.push(`down ${attempt}`),
  }, {
    open(url) {
      const source = { url, listeners: new Map(), closed: false };
      sources.push(source);
      return {
        addEventListener: (type, listener) => void source.listeners.set(type, listener),
        close: () => {
          source.closed = true;
        },
      };
    },
    schedule(run) {
      retry = run;
      return () => {
        retry = null;
      };
    },
    random: () => 0.5,
    clock: () => clock.now,
  });
  const send = (type: string, data: unknown = {}) =>
    sources.at(-1)?.listeners.get(type)?.(new MessageEvent(type, { data: JSON.stringify(data) }));
  return { clock, stream, sources, calls, send, retry: () => retry?.(), waits: () => retry !== null };
}

Deno.test("openStream() resumes after the last change it saw, nothing twice", () => {
  const { sources, calls, send, retry } = aStream();
  send("ready", { seq: 7 });
  send("change", { seq: 8 });
  send("error");
  retry();
  assert.equal(sources[0]?.closed, true);
  assert.equal(sources[1]?.url, "/api/stream?lastEventId=8");
  send("ready", { seq: 10 });
  for (const seq of [8, 9, 10]) send("change", { seq });
  assert.deepEqual(calls, ["ready 7 false", "change 8", "down 0", "ready 10 true", "change 9", "change 10"]);
});

Deno.test("openStream() begins anew after a resync", () => {
  const { sources, calls, send, retry } = aStream();
  send("ready", { seq: 7 });
  send("resync", { seq: 9_000 });
  send("error");
  retry();
  assert.equal(sources[1]?.url, "/api/stream");
  assert.ok(calls.includes("resync 9000"));
});

Deno.test("openStream() does not listen to a source it has left", () => {
  const { sources, calls, send, retry } = aStream();
  send("ready", { seq: 0 });
  const [first] = sources;
  send("error");
  retry();
  first?.listeners.get("change")?.(new MessageEvent("change", { data: '{"seq":1}' }));
  assert.equal(calls.includes("change 1"), false);
});

Deno.test("wake() tries at once, close() never again", () => {
  const { stream, sources, send, waits } = aStream();
  send("error");
  stream.wake();
  assert.equal(sources.length, 2);
  stream.close();
  send("error");
  assert.equal(waits(), false);
  stream.wake();
  assert.equal(sources.length, 2);
});

Deno.test("pauseAfter() doubles, stays below its bound and never reaches zero", () => {
  const pauses = [0, 1, 2, 3, 20].map((attempt) => pauseAfter(attempt, () => 1));
  assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 20_000]);
  assert.equal(pauseAfter(0, () => 0), 250);
});

Deno.test("openStream() that is cut leaves its source at once and resumes when woken", () => {
  const { stream, sources, calls, send } = aStream();
  send("ready", { seq: 3 });
  stream.cut();
  stream.cut();
  assert.equal(sources[0]?.closed, true);
  stream.wake();
  assert.equal(sources[1]?.url, "/api/stream?lastEventId=3");
  assert.deepEqual(calls, ["ready 3 false", "down 0"]);
});

Deno.test("wake() opens a source anew that has been silent for long, where it ended, and gives it up without an answer", () => {
  const { clock, stream, sources, calls, send, retry, waits } = aStream();
  send("ready", { seq: 3 });
  clock.now = 20_000;
  stream.wake();
  assert.equal(sources.length, 1, "it was heard of just now");
  clock.now = 60_000;
  stream.wake();
  stream.wake();
  assert.deepEqual(sources.map(({ url, closed }) => [url, closed]), [
    ["/api/stream", true],
    ["/api/stream?lastEventId=3", false],
  ]);
  send("ready", { seq: 4 });
  assert.equal(waits(), false);
  assert.deepEqual(calls, ["ready 3 false", "ready 4 true"]);
  clock.now = 120_000;
  stream.wake();
  retry();
  assert.equal(sources[2]?.closed, true);
  assert.deepEqual(calls.slice(2), ["down 0"]);
});
