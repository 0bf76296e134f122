/** The command line of Rondo. */
import { run } from "./run.ts";

const ending = new AbortController();
for (const signal of Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => ending.abort());
}

const encoder = new TextEncoder();
const line = (to: { writeSync(bytes: Uint8Array): number }) => (text: string) => {
  let bytes = encoder.encode(`${text}\n`);
  // A pipe takes as much as fits.
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
};

Deno.exitCode = await run({
  args: Deno.args,
  env: Deno.env.toObject(),
  write: line(Deno.stdout),
  complain: line(Deno.stderr),
  input: async () => await new Response(Deno.stdin.readable).text(),
  signal: ending.signal,
});
