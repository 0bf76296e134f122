/** What a credential may do. */
import { ProblemError } from "./problem.ts";

/** What an API key may do; a person may do both. */
export type Scope = "read" | "write";

/** @throws ProblemError 403 when an API key lacks the scope */
export function requireScope({ scopes }: { scopes: readonly Scope[] }, scope: Scope): void {
  if (!scopes.includes(scope)) {
    throw new ProblemError(403, `This API key may not ${scope}: make one with the scope ${scope}`);
  }
}
