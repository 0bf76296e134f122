/**
 * A stand-in for a language model: a server that speaks OpenAI's chat completions, streamed, and says what a script
 * says. It proves the plumbing, never what a model would understand.
 */
import { z } from "zod";

const Request_ = z.object({
  model: z.string(),
  stream: z.boolean().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
  tools: z.array(z.object({ function: z.object({ name: z.string(), parameters: z.unknown() }) })).default([]),
});
export type ScriptedRequest = z.infer<typeof Request_>;

/** What the stand-in says to one request. */
export interface Line {
  text?: string;
  calls?: { name: string; args: Record<string, unknown> }[];
}

export interface ScriptedOpenAi extends AsyncDisposable {
  /** For `OPENAI_BASE_URL`. */
  readonly baseUrl: string;
  readonly requests: ScriptedRequest[];
}

/** Text of a message, whatever shape it has. */
export function contentOf(message: ScriptedRequest["messages"][number] | undefined): string {
  const content = message?.content;
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map((part) => String(part?.text ?? "")).join("") : "";
}

/** Starts it on a free port of this machine. `script` may wait; one that throws is answered with status 500. */
export function startScriptedOpenAi(
  script: (request: ScriptedRequest) => Line | Promise<Line>,
): ScriptedOpenAi {
  const requests: ScriptedRequest[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (incoming) => {
    if (!new URL(incoming.url).pathname.endsWith("/chat/completions")) {
      return new Response(null, { status: 404 });
    }
    const request = Request_.parse(await incoming.json());
    requests.push(request);
    try {
      return new Response(chunks(await script(request), request.model), {
        headers: { "content-type": "text/event-stream" },
      });
    } catch {
      return Response.json({ error: { message: "The script failed", type: "server_error" } }, {
        status: 500,
      });
    }
  });
  return {
    baseUrl: `http://127.0.0.1:${server.addr.port}/v1`,
    requests,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
    },
  };
}

/** An answer as the protocol streams it: deltas, the reason it ended, and the usage. */
function chunks({ text = "", calls = [] }: Line, model: string): string {
  const id = `chatcmpl-${crypto.randomUUID()}`;
  const event = (delta: unknown, finish: string | null = null) =>
    `data: ${
      JSON.stringify({
        ...{ id, object: "chat.completion.chunk", created: 1, model },
        choices: [{ index: 0, delta, finish_reason: finish }],
      })
    }\n\n`;
  const words = text.match(/\S+\s*/g) ?? [];
  return [
    event({ role: "assistant", content: "" }),
    ...words.map((content) => event({ content })),
    ...calls.map(({ name, args }, index) =>
      event({
        tool_calls: [{
          index,
          id: `call_${crypto.randomUUID()}`,
          type: "function",
          function: { name, arguments: JSON.stringify(args) },
        }],
      })
    ),
    event({}, calls.length > 0 ? "tool_calls" : "stop"),
    "data: [DONE]\n\n",
  ].join("");
}
