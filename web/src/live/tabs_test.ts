import assert from "node:assert/strict";
import { type ChannelLike, joinTabs, type TabsOptions } from "./tabs.ts";

/** A browser: the locks and channels that its tabs share, and timers that the test lets go off. */
function aBrowser() {
  const channels = new Set<
    { name: string; listeners: ((event: { data: unknown }) => void)[]; deaf: boolean }
  >();
  const timers: (() => void)[] = [];
  interface Holder {
    take: () => void;
    lose: () => void;
  }
  let holder: Holder | null = null;
  const queue: Holder[] = [];
  const next = () => {
    holder = queue.shift() ?? null;
    holder?.take();
  };
  const request = (
    _name: string,
    how: { steal?: boolean; signal?: AbortSignal },
    run: () => Promise<void>,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const mine: Holder = {
        take: () => void run().then(() => holder === mine ? (next(), resolve()) : undefined),
        lose: () => reject(new DOMException("stolen", "AbortError")),
      };
      how.signal?.addEventListener("abort", () => {
        const at = queue.indexOf(mine);
        if (at >= 0) queue.splice(at, 1);
        if (holder !== mine) reject(how.signal?.reason);
      });
      if (how.steal === true) {
        holder?.lose();
        holder = mine;
        return mine.take();
      }
      if (holder !== null) return void queue.push(mine);
      holder = mine;
      mine.take();
    });
  return {
    timers,
    tab(name: string) {
      const heard: unknown[] = [];
      const states: string[] = [];
      const own: { deaf: boolean }[] = [];
      const channel = (named: string): ChannelLike => {
        const mine = { name: named, listeners: [] as ((event: { data: unknown }) => void)[], deaf: false };
        channels.add(mine);
        own.push(mine);
        return {
          postMessage(data) {
            for (const other of channels) {
              if (other === mine || other.name !== named || other.deaf) continue;
              // As a channel does it: later.
              queueMicrotask(() => other.listeners.forEach((listener) => listener({ data })));
            }
          },
          addEventListener: (_type, listener) => void mine.listeners.push(listener),
          close: () => void channels.delete(mine),
        };
      };
      const options: TabsOptions = {
        locks: { request } as unknown as LockManager,
        channel,
        schedule(run) {
          timers.push(run);
          return () => void timers.splice(timers.indexOf(run), 1);
        },
      };
      const tabs = joinTabs<string>(name, {
        onMessage: (message) => heard.push(message),
        onLead: () => states.push("leads"),
        onFollow: () => states.push("follows"),
      }, options);
      return { tabs, heard, states, freeze: () => own.forEach((one) => one.deaf = true) };
    },
  };
}
const turn = () => new Promise((done) => setTimeout(done, 0));

Deno.test("joinTabs() lets one tab lead, and the next one when it closes", async () => {
  const browser = aBrowser();
  const first = browser.tab("u1");
  const second = browser.tab("u1");
  assert.deepEqual([first.tabs.leads(), second.tabs.leads()], [true, false]);
  first.tabs.close();
  await turn();
  assert.deepEqual([first.tabs.leads(), second.tabs.leads()], [false, true]);
  assert.deepEqual(second.states, ["leads"]);
  second.tabs.close();
});

Deno.test("post() reaches all other tabs of that name, not its own and none that has closed", async () => {
  const browser = aBrowser();
  const [one, two, other, gone] = ["u1", "u1", "u2", "u1"].map((name) => browser.tab(name));
  gone?.tabs.close();
  one?.tabs.post("hello");
  await turn();
  assert.deepEqual([one, two, other, gone].map((tab) => tab?.heard), [[], ["hello"], [], []]);
  gone?.tabs.post("from beyond");
  await turn();
  assert.deepEqual(two?.heard, ["hello"]);
});

Deno.test("check() leaves a leader that answers alone, and takes the place of one that does not", async () => {
  const browser = aBrowser();
  const leader = browser.tab("u1");
  const follower = browser.tab("u1");
  follower.tabs.check();
  assert.equal(browser.timers.length, 1, "it waits for an answer");
  await turn();
  assert.equal(browser.timers.length, 0, "the answer ended the waiting");
  leader.freeze();
  follower.tabs.check();
  follower.tabs.check();
  assert.equal(browser.timers.length, 1, "one question at a time");
  browser.timers[0]?.();
  await turn();
  assert.deepEqual([leader.tabs.leads(), follower.tabs.leads()], [false, true]);
  assert.deepEqual(leader.states, ["leads", "follows"]);
});

Deno.test("joinTabs() without locks lets every tab lead itself", async () => {
  const states: string[] = [];
  const tabs = joinTabs<string>("u1", {
    onMessage: () => {},
    onLead: () => states.push("leads"),
    onFollow: () => states.push("follows"),
  }, {});
  await turn();
  assert.equal(tabs.leads(), true);
  tabs.check();
  tabs.close();
  assert.deepEqual([tabs.leads(), states], [false, ["leads"]]);
});
