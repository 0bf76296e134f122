/** One open stream: server-sent events to one reader, bounded in what waits for it. */

/** What may wait for a slow reader before it is cut. */
export interface StreamLimits {
  messages: number;
  bytes: number;
}

export interface StreamOptions {
  limits: StreamLimits;
  /** Called whenever the reader has taken everything. */
  onDrain(): void;
  /** Called once, however the stream ends. */
  onEnd(): void;
}

/** One server-sent event; `id` becomes what a client resumes from. */
export interface Message {
  event?: string;
  id?: number;
  data?: unknown;
  /** milliseconds until the client connects again */
  retry?: number;
  comment?: string;
}

const encoder = new TextEncoder();

/** The wire form of a message (WHATWG HTML, section 9.2.5); JSON holds no line break, so data is one line. */
export function format(message: Message): Uint8Array<ArrayBuffer> {
  let text = message.comment === undefined ? "" : `: ${message.comment}\n`;
  if (message.retry !== undefined) text += `retry: ${message.retry}\n`;
  if (message.event !== undefined) text += `event: ${message.event}\n`;
  if (message.id !== undefined) text += `id: ${message.id}\n`;
  if (message.data !== undefined) text += `data: ${JSON.stringify(message.data)}\n`;
  return encoder.encode(text + "\n");
}

/** Server-sent events to one reader, who takes `body` at their own pace; what waits is bounded by `limits`. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #limits: StreamLimits;
  readonly #onDrain: () => void;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;
  #pulled: (() => void) | null = null;
  #ended = false;

  constructor(options: StreamOptions) {
    this.#limits = options.limits;
    this.#onDrain = options.onDrain;
    this.#onEnd = options.onEnd;
    this.body = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Whether nothing more is sent, for whatever reason. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the reader has taken everything so far. */
  get idle(): boolean {
    return this.#queue.length === 0;
  }

  /** Whether a replay may go on: it stops at half of what may wait, so that it never cuts its own reader. */
  get roomy(): boolean {
    return this.#queue.length < this.#limits.messages / 2 && this.#bytes < this.#limits.bytes / 2;
  }

  /** Queues an encoded message; a reader too far behind is cut: it connects again and resumes. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#ended) return;
    this.#queue.push(bytes);
    this.#bytes += bytes.byteLength;
    if (this.#queue.length > this.#limits.messages || this.#bytes > this.#limits.bytes) {
      this.#queue = [];
      this.#end();
      this.#controller?.error(new Error("the reader is too slow"));
      return;
    }
    this.#pulled?.();
  }

  /** Ends the stream after what still waits. */
  close(): void {
    if (this.#ended) return;
    this.#flush();
    this.#end();
    this.#controller?.close();
  }

  #pull(): Promise<void> | void {
    if (this.#ended) return;
    if (this.#queue.length > 0) return this.#flush();
    return new Promise((resolve) => {
      this.#pulled = () => {
        this.#pulled = null;
        this.#flush();
        resolve();
      };
    });
  }

  /** Everything that waits in one chunk: a burst costs one write. */
  #flush(): void {
    const [only] = this.#queue;
    if (only === undefined) return;
    let chunk = only;
    if (this.#queue.length > 1) {
      chunk = new Uint8Array(this.#bytes);
      let offset = 0;
      for (const bytes of this.#queue) {
        chunk.set(bytes, offset);
        offset += bytes.byteLength;
      }
    }
    this.#queue = [];
    this.#bytes = 0;
    this.#controller?.enqueue(chunk);
    this.#onDrain();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pulled?.();
    this.#onEnd();
  }
}
