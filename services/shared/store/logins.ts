/** Roles that log in by themselves, for services in processes of their own. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { Sql } from "./database.ts";

const ITERATIONS = 4_096;

/**
 * Lets roles log in, each with its password; other roles stay as they are.
 *
 * @param sql a connection whose user may alter these roles, which are there
 */
export async function allowLogins(sql: Sql, passwords: ReadonlyMap<string, string>): Promise<void> {
  await sql.begin(async (tx) => {
    for (const [role, password] of passwords) {
      // The server gets the verifier alone: a statement may end up in its log. It holds no quote.
      await tx.unsafe(`alter role ${role} login password '${scramVerifier(password)}'`);
    }
  });
}

/** What PostgreSQL stores of a password (RFC 5803): enough to verify it, too little to log in with. */
export function scramVerifier(password: string, salt: Uint8Array = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
  const mac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(mac("Client Key")).digest("base64");
  const salt64 = btoa(String.fromCharCode(...salt));
  return `SCRAM-SHA-256$${ITERATIONS}:${salt64}$${stored}:${mac("Server Key").toString("base64")}`;
}
