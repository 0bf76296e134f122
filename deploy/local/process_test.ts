import assert from "node:assert/strict";
import { end, identify, isRunning, signal } from "./process.ts";

Deno.test("isRunning() knows a process again, and no other one with its pid", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const process = await identify(child.pid);
  assert.ok(process !== null);
  assert.equal(await isRunning(process), true);
  const earlier = { ...process, started: "1" };
  assert.equal(await isRunning(earlier), false);
  assert.equal(await signal(earlier, "SIGKILL"), false);
  assert.equal(await isRunning(process), true);
  const [status] = await Promise.all([child.status, end(process)]);
  assert.equal(status.signal, "SIGTERM");
  assert.equal(await isRunning(process), false);
  assert.equal(await signal(process, "SIGTERM"), false);
});
