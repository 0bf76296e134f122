/** Whom a notification is for: asked of the api each time, since preferences hold from the moment they are set. */
import { Profile } from "../shared/contracts/resources.ts";
import { USER_HEADER } from "../shared/http/app.ts";
import { isProblem } from "../shared/http/problem.ts";
import type { Runtime } from "../shared/runtime/ports.ts";

/** The profile, or null when the account is gone. @throws Error when the api can't tell now */
export async function askProfile(runtime: Pick<Runtime, "invoke">, userId: string): Promise<Profile | null> {
  const response = await runtime.invoke("api", "/internal/profile", { headers: { [USER_HEADER]: userId } });
  if (response.status === 200) return Profile.parse(await response.json());
  await response.body?.cancel();
  // Only the api's own word: whoever else answers at a wrong address knows nothing of the account.
  if (response.status === 404 && isProblem(response)) return null;
  throw new Error(`Cannot read the profile as the api answered ${response.status}`);
}
