/** Sentences that more than one place says. */
import { ApiError } from "../api/client.ts";

/** A title as it is quoted in a sentence. */
export function quoted(title: string): string {
  const short = title.length > 48 ? `${title.slice(0, 47).trimEnd()}…` : title;
  return `“${short}”`;
}

export const plural = (count: number, one: string, many: string) =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** Why a call failed and what became of the user's change: one or two plain sentences. */
export function failure(error: unknown, kept = "Nothing was changed."): string {
  if (!(error instanceof ApiError)) return `Something went wrong here in the browser. ${kept}`;
  switch (error.status) {
    case 0:
      return "The server did not answer, so the change may not be saved. Try again when you are connected.";
    case 401:
      return "You have been signed out. Sign in and try again.";
    case 404:
      return "It is no longer there: it may have been deleted elsewhere.";
    case 409:
    case 412:
      return error.problem.detail ?? `It was changed elsewhere in the meantime. ${kept}`;
    case 413:
      return "It is too large to be saved. Your text is still here.";
    case 422:
    case 400:
      return error.problem.errors?.[0]?.message ?? error.problem.detail ?? error.problem.title;
    case 429:
      return `That was too much at once. ${kept} Try again in ${
        plural(error.retryAfter ?? 1, "second", "seconds")
      }.`;
    default:
      return `${kept} Try again; if it stays, this code helps to find the cause: ${error.correlationId}`;
  }
}

/**
 * Why an undo was refused. The server names the change in the way by its event, which tells a reader nothing;
 * `later` says it in words.
 */
export function undoFailure(error: unknown, later?: string): string {
  const blocked = error instanceof ApiError && error.status === 409 && /in the way/.test(error.message);
  if (!blocked) return failure(error);
  return `A later change stands in the way${later === undefined ? "" : `: ${later}`}. Undo that one first.`;
}
