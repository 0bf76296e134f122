import assert from "node:assert/strict";
import { joinTabs } from "./tabs.ts";
import { aBrowser } from "./testing.ts";

/** A browser whose tabs tell what they heard and became. */
function withTabs() {
  const browser = aBrowser();
  return {
    timers: browser.timers,
    tab(name: string) {
      const heard: unknown[] = [];
      const states: string[] = [];
      const { options, freeze } = browser.tab();
      const tabs = joinTabs<string>(name, {
        onMessage: (message) => heard.push(message),
        onLead: () => states.push("leads"),
        onFollow: () => states.push("follows"),
      }, options);
      return { tabs, heard, states, freeze };
    },
  };
}
const turn = () => new Promise((done) => setTimeout(done, 0));

Deno.test("joinTabs() lets one tab lead, and the next one when it closes", async () => {
  const browser = withTabs();
  const first = browser.tab("u1");
  const second = browser.tab("u1");
  await turn();
  assert.deepEqual([first.tabs.leads(), second.tabs.leads()], [true, false]);
  first.tabs.close();
  await turn();
  assert.deepEqual([first.tabs.leads(), second.tabs.leads()], [false, true]);
  assert.deepEqual(second.states, ["leads"]);
  second.tabs.close();
});

Deno.test("post() reaches all other tabs of that name, not its own and none that has closed", async () => {
  const browser = withTabs();
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
  const browser = withTabs();
  const leader = browser.tab("u1");
  const follower = browser.tab("u1");
  await turn();
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
