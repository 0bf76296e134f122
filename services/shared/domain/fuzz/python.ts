/** What the scripts beside this file answer: a line of JSON for each line that they are given. */

/** Asks a script, run by the interpreter in PYTHON (default `python3`). @throws Error when the script fails */
export async function askPython<Answer>(script: string, questions: readonly unknown[]): Promise<Answer[]> {
  const python = new Deno.Command(Deno.env.get("PYTHON") ?? "python3", {
    args: [new URL(script, import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const answer = python.output();
  await ReadableStream.from([`${questions.map((one) => JSON.stringify(one)).join("\n")}\n`])
    .pipeThrough(new TextEncoderStream())
    .pipeTo(python.stdin);
  const { success, stdout } = await answer;
  if (!success) throw new Error(`Cannot compare as ${script} must answer: it failed`);
  return new TextDecoder().decode(stdout).trimEnd().split("\n").map((line): Answer => JSON.parse(line));
}
