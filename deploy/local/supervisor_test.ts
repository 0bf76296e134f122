import assert from "node:assert/strict";
import { waitFor } from "../../services/shared/testing/fake_runtime.ts";
import { supervise } from "./supervisor.ts";

/** `sleep` as a part. */
function sleeper(): { pid: number; ended: Promise<Deno.CommandStatus>; stop(): Promise<void>; kill(): void } {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  let gone = false;
  const ended = child.status.finally(() => gone = true);
  return {
    pid: child.pid,
    ended,
    kill: () => child.kill("SIGKILL"),
    async stop() {
      if (!gone) child.kill("SIGTERM");
      await ended;
    },
  };
}

const pauses = { firstMs: 5, mostMs: 20, soundMs: 60_000 };

Deno.test("supervise() says that a part ended and starts it again, until it is stopped", async () => {
  const lines: string[] = [];
  const started: ReturnType<typeof sleeper>[] = [];
  let failures = 0;
  const part = await supervise({
    name: "one",
    pauses,
    report: (line) => lines.push(line),
    changed: () => {},
    start() {
      // The second start fails twice.
      if (started.length === 1 && failures++ < 2) return Promise.reject(new Error("no broker"));
      const one = sleeper();
      started.push(one);
      return Promise.resolve(one);
    },
  });
  const first = part.process;
  assert.equal(first?.pid, started[0]?.pid);
  started[0]?.kill();
  await waitFor(() => part.restarts === 1 && part.process !== null);
  assert.notEqual(part.process?.pid, first?.pid);
  assert.deepEqual(lines, [
    "one ended by SIGKILL: it is started again in 0.005 s",
    "one did not start (no broker): it is started again in 0.01 s",
    "one did not start (no broker): it is started again in 0.02 s",
    "one is running again",
  ]);
  await part.stop();
  await part.stop();
  assert.equal(part.process, null);
  assert.equal(started.length, 2);
});

Deno.test("supervise() stops a part that is just being started again", async () => {
  const gate = Promise.withResolvers<void>();
  const started: ReturnType<typeof sleeper>[] = [];
  const part = await supervise({
    name: "one",
    pauses,
    report: () => {},
    changed: () => {},
    async start() {
      if (started.length === 1) await gate.promise;
      const one = sleeper();
      started.push(one);
      return one;
    },
  });
  started[0]?.kill();
  await waitFor(() => part.process === null);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const stopped = part.stop();
  gate.resolve();
  await stopped;
  assert.equal(started.length, 2);
  assert.equal((await started[1]?.ended)?.signal, "SIGTERM");
});

Deno.test("supervise() fails with the first start", async () => {
  const start = () => Promise.reject(new Error("no"));
  await assert.rejects(supervise({ name: "one", start, report: () => {}, changed: () => {} }), {
    message: "no",
  });
});
