import assert from "node:assert/strict";
import { join } from "node:path";
import { StartError } from "../../services/shared/host/config.ts";
import { waitFor } from "../../services/shared/testing/fake_runtime.ts";
import { type PartOptions, startPart } from "./part.ts";
import { identify } from "./process.ts";

/** Runs a shell's script as a part; the folder goes with the test. */
async function withPart(
  script: string,
  work: (options: PartOptions, log: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const logFile = join(folder, "logs", "one.log");
  try {
    await work({
      name: "one",
      command: "/bin/sh",
      args: ["-c", script],
      env: { COLOUR: "blue" },
      logFile,
      ready: async () => (await Deno.readTextFile(logFile)).includes("ready"),
    }, () => Deno.readTextFile(logFile));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("startPart() waits until a process is ready, keeps what it writes, and ends it", async () => {
  Deno.env.set("NOT_FOR_PARTS", "secret");
  try {
    await withPart('echo "$COLOUR $NOT_FOR_PARTS." >&2; echo ready; exec sleep 60', async (options, log) => {
      const part = await startPart(options);
      assert.equal(await log(), "blue .\nready\n");
      await part.stop();
      await part.stop();
      assert.equal((await part.ended).signal, "SIGTERM");
      part.kill();
    });
  } finally {
    Deno.env.delete("NOT_FOR_PARTS");
  }
});

Deno.test("startPart() kills what does not stop", async () => {
  await withPart('trap "echo no" TERM; echo ready; while :; do sleep 0.05; done', async (options, log) => {
    const part = await startPart({ ...options, stopMs: 200 });
    await part.stop();
    assert.equal((await part.ended).signal, "SIGKILL");
    await waitFor(async () => (await log()).includes("no"));
  });
});

Deno.test("startPart() does not take another's answer for that of a process that has ended", async () => {
  await withPart("echo in use; exit 1", async (options, log) => {
    const ready = async () => {
      await waitFor(async () => (await log()).includes("in use"));
      // Its end is known a moment after its last word.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return true;
    };
    await assert.rejects(startPart({ ...options, ready }), /one ended before it was ready: in use/);
  });
});

Deno.test("startPart() says what a process said that ended too early", async () => {
  await withPart(`echo '{"level":"fatal","msg":"no broker"}'; exit 3`, async (options) => {
    await assert.rejects(
      startPart(options),
      (cause) =>
        cause instanceof StartError && cause.message === "one ended before it was ready: no broker (one.log)",
    );
  });
});

Deno.test("startPart() ends a process that is not ready in time", async () => {
  await withPart("echo $$; exec sleep 60", async (options, log) => {
    await assert.rejects(startPart({ ...options, readyMs: 300 }), {
      message: /^one was not ready after 0 s: \d+/,
    });
    assert.equal(await identify(Number(await log())), null);
  });
});
