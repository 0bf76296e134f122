/** A folder per user for programs that were built or fetched once and are used by every later start. */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** `RONDO_CACHE_DIR`, or `rondo` in the user's cache folder. */
export function cacheDir(env: Record<string, string | undefined> = Deno.env.toObject()): string {
  return env.RONDO_CACHE_DIR ?? join(env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "rondo");
}

/** A short name for what a build depends on: other inputs, another name. */
export function keyOf(...inputs: readonly string[]): string {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(`${input.length}:`).update(input);
  return hash.digest("hex").slice(0, 16);
}

/**
 * The folder `name` of the cache, filled by `fill` when it is not there. Of several that ask at once, also from
 * different processes, one fills it and the others wait; a fill that was interrupted leaves nothing that is used.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir(), name);
  if (await isFolder(folder)) return folder;
  await Deno.mkdir(dirname(folder), { recursive: true });
  using lock = await Deno.open(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  if (await isFolder(folder)) return folder;
  const unfinished = `${folder}.new`;
  await Deno.remove(unfinished, { recursive: true }).catch(() => {});
  await Deno.mkdir(unfinished);
  await fill(unfinished);
  await Deno.rename(unfinished, folder);
  return folder;
}

async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((info) => info.isDirectory, () => false);
}
