/** Keeps texts that may hold a secret so that the database alone does not give them away. */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

export interface Seal {
  /** `text` encrypted, as base64; `context` says where it is kept, and it opens nowhere else. */
  seal(text: string, context: string): string;
  /** The text that was sealed for this context. @throws when it was sealed with another secret, or elsewhere */
  open(sealed: string, context: string): string;
}

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
/** The nonce's bytes that AES-GCM is made for (NIST SP 800-38D, section 8.2.2). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with a key of its own, derived from `secret` by HKDF (RFC 5869). What is sealed is small, so it
 * waits for no other thread, as it would by WebCrypto.
 */
export function createSeal(secret: string): Seal {
  const key = new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), "rondo kept answers", KEY_BYTES));
  return {
    seal(text, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce);
      cipher.setAAD(Buffer.from(context));
      const box = [cipher.update(text, "utf8"), cipher.final()];
      return Buffer.concat([nonce, ...box, cipher.getAuthTag()]).toString("base64");
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed, "base64");
      const tagAt = bytes.length - TAG_BYTES;
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(tagAt));
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, tagAt)), decipher.final()]).toString(
        "utf8",
      );
    },
  };
}
