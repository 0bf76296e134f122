/** Reads import files: small ones here, large ones in a worker, so that other requests go on meanwhile. */
import { type ImportResult, parseICal, parseTodoistCsv, parseTodoTxt } from "../shared/domain/formats/mod.ts";

export const IMPORT_FORMATS = ["todotxt", "todoist-csv", "ical"] as const;
type ImportFormat = typeof IMPORT_FORMATS[number];

/** What a worker is asked; `now` is an RFC 3339 instant, as a message can't hold a Temporal one. */
export interface ParseRequest {
  format: ImportFormat;
  text: string;
  /** IANA zone of the user. */
  timeZone: string;
  now: string;
}

export type ParseAnswer = { result: ImportResult } | { error: string };

/** From this many characters on a worker is worth its start. */
const WORKER_FROM = 200_000;

/** Reads a file where it is called. */
export function parseHere({ format, text, timeZone, now }: ParseRequest): ImportResult {
  const options = { timeZone, now: Temporal.Instant.from(now) };
  switch (format) {
    case "todotxt":
      return parseTodoTxt(text, options);
    case "todoist-csv":
      return parseTodoistCsv(text, options);
    case "ical":
      return parseICal(text, options);
  }
}

/** The large files of one process are read one after the other: several at once would only fight for cores. */
let last: Promise<unknown> = Promise.resolve();

/** Reads a file, in a worker when it is large. @throws what `signal` was aborted with */
export function parseImport(request: ParseRequest, signal?: AbortSignal): Promise<ImportResult> {
  if (request.text.length < WORKER_FROM) return Promise.resolve(parseHere(request));
  const result = last.then(() => parseInWorker(request, signal));
  last = result.catch(() => {});
  return result;
}

async function parseInWorker(request: ParseRequest, signal?: AbortSignal): Promise<ImportResult> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./import_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<ImportResult>();
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  worker.onmessage = ({ data }: MessageEvent<ParseAnswer>) => {
    if ("result" in data) resolve(data.result);
    else reject(new Error(data.error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  try {
    worker.postMessage(request);
    return await promise;
  } finally {
    signal?.removeEventListener("abort", abort);
    worker.terminate();
  }
}
