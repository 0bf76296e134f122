/** The folder of an installation: one Rondo at a time, and what it has to remember outside the database. */
import { join } from "node:path";
import { StartError } from "./config.ts";

export interface DataDir extends Disposable {
  readonly path: string;
  /** Signs sessions; made on the first start. */
  readonly secret: string;
}

/** Makes and locks the folder. @throws StartError when it can't be written or another Rondo runs on it */
export async function openDataDir(path: string): Promise<DataDir> {
  try {
    // Others may pass through to what is theirs (PostgreSQL's own user), not look around.
    await Deno.mkdir(path, { recursive: true, mode: 0o711 });
    const lock = await Deno.open(join(path, "rondo.lock"), { create: true, write: true });
    if (!await lock.tryLock(true)) {
      lock.close();
      throw new StartError(
        `Another Rondo is running on ${path}: stop it, or set RONDO_DATA_DIR to another folder`,
      );
    }
    return { path, secret: await readSecret(join(path, "secret")), [Symbol.dispose]: () => lock.close() };
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(`Cannot write to ${path}: set RONDO_DATA_DIR to a folder that this user may write`, {
      cause,
    });
  }
}

async function readSecret(file: string): Promise<string> {
  const stored = await Deno.readTextFile(file).catch(() => "");
  if (stored.length >= 32) return stored;
  const secret = [...crypto.getRandomValues(new Uint8Array(32))].map((byte) =>
    byte.toString(16).padStart(2, "0")
  )
    .join("");
  await Deno.writeTextFile(file, secret, { mode: 0o600 });
  return secret;
}
