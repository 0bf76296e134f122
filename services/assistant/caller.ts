/** Who asks the assistant, as the api knows them. */
import { z } from "zod";
import { ProblemError } from "../shared/http/problem.ts";
import type { Scope } from "../shared/http/scopes.ts";
import type { Runtime } from "../shared/runtime/ports.ts";

/** A user whose credential the api has taken; every call for them carries it again. */
export interface Caller {
  userId: string;
  scopes: readonly Scope[];
  /** The number of their last change when they asked. */
  seq: number;
  /** The header that proves it. */
  credential: Readonly<Record<string, string>>;
}

const Session = z.object({
  userId: z.uuid(),
  scopes: z.array(z.enum(["read", "write"])),
  seq: z.int().min(0),
});

/**
 * Asks the api who a request comes from.
 *
 * @param by headers that may prove it: a browser sends a cookie on its own, so programs may not use one
 * @throws ProblemError 401, 503
 */
export async function identify(
  runtime: Pick<Runtime, "invoke">,
  request: Request,
  by: readonly ("authorization" | "cookie")[],
): Promise<Caller> {
  const name = by.find((each) => request.headers.get(each) !== null);
  if (name === undefined) throw unauthorized("Give an API key or a token as Authorization: Bearer");
  const credential = { [name]: request.headers.get(name) ?? "" };
  const answer = await runtime.invoke("api", "/internal/session", { headers: credential }).catch((cause) => {
    throw unavailable(cause);
  });
  if (answer.status === 200) return { ...Session.parse(await answer.json()), credential };
  await answer.body?.cancel();
  if (answer.status === 401) throw unauthorized("The credential is not valid or has expired");
  throw unavailable(new Error(`the api answered ${answer.status}`));
}

function unauthorized(detail: string): ProblemError {
  return new ProblemError(401, detail, { headers: { "www-authenticate": "Bearer" } });
}

function unavailable(cause: unknown): ProblemError {
  return new ProblemError(503, "Who you are can't be checked now", {
    cause,
    headers: { "retry-after": "2" },
  });
}
