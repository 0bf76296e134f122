/** A small HTTP/1.1 client on one kept connection: it costs little beside what it measures. */

export interface WireAnswer {
  status: number;
  body: string;
}

export interface Wire extends Disposable {
  /** One call; the next one waits for its answer. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<WireAnswer>;
}

const CRLF = "\r\n";
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Connects to a server on this machine; `headers` go out with every call. */
export async function openWire(port: number, headers: Record<string, string> = {}): Promise<Wire> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const chunk = new Uint8Array(256 * 1_024);
  let waiting = new Uint8Array(0);

  async function more(): Promise<void> {
    const read = await connection.read(chunk);
    if (read === null) throw new Error("Cannot read an answer as the server closed the connection");
    const joined = new Uint8Array(waiting.length + read);
    joined.set(waiting);
    joined.set(chunk.subarray(0, read), waiting.length);
    waiting = joined;
  }

  async function until(mark: string): Promise<string> {
    for (;;) {
      const at = indexOf(waiting, mark);
      if (at >= 0) return decoder.decode(take(at + mark.length)).slice(0, -mark.length);
      await more();
    }
  }

  async function exactly(length: number): Promise<Uint8Array> {
    while (waiting.length < length) await more();
    return take(length);
  }

  function take(length: number): Uint8Array {
    const taken = waiting.subarray(0, length);
    waiting = waiting.subarray(length);
    return taken;
  }

  async function readBody(head: string): Promise<string> {
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    if (length !== undefined) return decoder.decode(await exactly(Number(length)));
    if (!/^transfer-encoding: *chunked/im.test(head)) return "";
    let body = "";
    for (;;) {
      const size = parseInt(await until(CRLF), 16);
      const part = await exactly(size);
      body += decoder.decode(part, { stream: size > 0 });
      await until(CRLF);
      if (size === 0) return body;
    }
  }

  const fixed = Object.entries({ host: `localhost:${port}`, ...headers });
  return {
    async call(method, path, body, extra = {}) {
      const payload = body === undefined
        ? new Uint8Array(0)
        : encoder.encode(typeof body === "string" ? body : JSON.stringify(body));
      const lines = [
        `${method} ${path} HTTP/1.1`,
        ...[...fixed, ...Object.entries(extra)].map(([name, value]) => `${name}: ${value}`),
        ...(body === undefined
          ? []
          : [`content-type: ${typeof body === "string" ? "text/plain" : "application/json"}`]),
        ...(method === "GET" ? [] : [`content-length: ${payload.length}`]),
      ];
      const head = encoder.encode(lines.join(CRLF) + CRLF + CRLF);
      const packet = new Uint8Array(head.length + payload.length);
      packet.set(head);
      packet.set(payload, head.length);
      for (let sent = 0; sent < packet.length;) sent += await connection.write(packet.subarray(sent));
      const answer = await until(CRLF + CRLF);
      return { status: Number(answer.slice(9, 12)), body: await readBody(answer) };
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

function indexOf(bytes: Uint8Array, mark: string): number {
  const codes = [...mark].map((letter) => letter.charCodeAt(0));
  for (let at = 0; at + codes.length <= bytes.length; at++) {
    if (codes.every((code, offset) => bytes[at + offset] === code)) return at;
  }
  return -1;
}
