/** The header by which a client says that two requests are one. */
import { invalid, ProblemError } from "./problem.ts";

const HEADER = "Idempotency-Key";
const LONGEST = 255;
/** For how long a repeat gets the first answer. */
export const KEPT_HOURS = 24;

/** The key of a request, if it has one. @throws ProblemError 422 */
export function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.headers.get(HEADER) ?? undefined;
  if (key === "" || key !== undefined && key.length > LONGEST) {
    throw invalid(HEADER, `must be 1 to ${LONGEST} characters`);
  }
  return key;
}

/** The key came with another request before. */
export function keyUsedForAnother(): ProblemError {
  return new ProblemError(422, "This Idempotency-Key was used for another request", {
    errors: [{ path: HEADER, message: "must be new for a new request" }],
  });
}
