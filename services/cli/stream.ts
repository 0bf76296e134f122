/** Server-sent events, as far as the command needs them. */
export interface StreamEvent {
  event: string;
  id: string;
  data: string;
}

/** The events of a stream, until it ends. */
export async function* readEvents(response: Response): AsyncGenerator<StreamEvent> {
  if (response.body === null) return;
  let waiting = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (waiting + text).split("\n\n");
    waiting = blocks.pop() ?? "";
    for (const block of blocks) {
      const event: StreamEvent = { event: "message", id: "", data: "" };
      for (const line of block.split("\n")) {
        const [, field, value = ""] = /^(event|id|data): ?(.*)$/.exec(line) ?? [];
        if (field === "event" || field === "id") event[field] = value;
        if (field === "data") event.data += value;
      }
      if (!/^(:[^\n]*\n?)*$/.test(block)) yield event;
    }
  }
}
