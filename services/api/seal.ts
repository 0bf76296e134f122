/** Keeps texts that may hold a secret so that the database alone does not give them away. */

export interface Seal {
  /** `text` encrypted, as base64; `context` says where it is kept, and it opens nowhere else. */
  seal(text: string, context: string): Promise<string>;
  /** The text that was sealed for this context. @throws when it was sealed with another secret, or elsewhere */
  open(sealed: string, context: string): Promise<string>;
}

/** The nonce's bytes that AES-GCM is made for (NIST SP 800-38D, section 8.2.2). */
const NONCE_BYTES = 12;
const encoder = new TextEncoder();

/** AES-256-GCM with a key of its own, derived from `secret` by HKDF (RFC 5869). */
export function createSeal(secret: string): Seal {
  let key: Promise<CryptoKey> | undefined;
  const keyOf = () => key ??= deriveKey(secret);
  const settings = (iv: Uint8Array<ArrayBuffer>, context: string) => ({
    name: "AES-GCM",
    iv,
    additionalData: encoder.encode(context),
  });
  return {
    async seal(text, context) {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const box = await crypto.subtle.encrypt(
        settings(nonce, context),
        await keyOf(),
        encoder.encode(text),
      );
      const sealed = new Uint8Array(NONCE_BYTES + box.byteLength);
      sealed.set(nonce);
      sealed.set(new Uint8Array(box), NONCE_BYTES);
      return sealed.toBase64();
    },
    async open(sealed, context) {
      const bytes = Uint8Array.fromBase64(sealed);
      const text = await crypto.subtle.decrypt(
        settings(bytes.slice(0, NONCE_BYTES), context),
        await keyOf(),
        bytes.slice(NONCE_BYTES),
      );
      return new TextDecoder().decode(text);
    },
  };
}

async function deriveKey(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("rondo kept answers") },
    material,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}
