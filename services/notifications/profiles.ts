/** Whom a notification is for: asked of the api each time, since preferences hold from the moment they are set. */
import { z } from "zod";
import { Profile } from "../shared/contracts/resources.ts";
import type { Runtime } from "../shared/runtime/ports.ts";

const Answer = z.object({ profiles: z.array(Profile) });

/** The profiles by user; accounts that are gone are left out. @throws Error when the api can't tell now */
export async function askProfiles(
  runtime: Pick<Runtime, "invoke">,
  userIds: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, Profile>> {
  const response = await runtime.invoke("api", "/internal/profiles", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userIds }),
    signal,
  });
  // Nobody else's word: whoever answers at a wrong address knows nothing of the accounts.
  const answer = response.status === 200
    ? Answer.safeParse(await response.json().catch(() => null))
    : undefined;
  if (answer?.success) return new Map(answer.data.profiles.map((profile) => [profile.id, profile]));
  if (answer === undefined) await response.body?.cancel();
  throw new Error(`Cannot read profiles as the api answered ${response.status}`);
}
