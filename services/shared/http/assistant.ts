/** How the assistant says that it acts for a user: on calls between the services of one installation only. */
import { z } from "zod";
import type { Actor } from "../contracts/events.ts";

/** Present on every call of the assistant: the cause that all changes of one turn have. */
export const TURN_HEADER = "x-rondo-turn";
/** Where the api takes the assistant's calls: what follows is the address of the call itself. */
export const ASSISTANT_ROUTE = "/internal/assistant";

const Turn = z.uuid();

/**
 * Whose hand a request is: the caller's own, or the assistant's for the caller. What a request says of itself counts
 * only when a service of this installation says it.
 */
export function actingAs(
  request: Request,
  actor: Actor,
  isInternal: (request: Request) => boolean,
): { actor: Actor; causationId?: string } {
  const turn = Turn.safeParse(request.headers.get(TURN_HEADER));
  if (!turn.success || !isInternal(request)) return { actor };
  return { actor: { kind: "assistant", id: actor.id }, causationId: turn.data };
}
