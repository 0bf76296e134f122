/** The worker that reads one large import file. */
import { type ParseAnswer, parseHere, type ParseRequest } from "./import_parser.ts";

self.onmessage = ({ data }: MessageEvent<ParseRequest>) => {
  self.postMessage(answer(data));
};

function answer(request: ParseRequest): ParseAnswer {
  try {
    return { result: parseHere(request) };
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  }
}
