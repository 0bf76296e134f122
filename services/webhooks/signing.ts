/** Signatures by the Standard Webhooks specification. */
import { Webhook } from "standardwebhooks";

/** Bytes of a secret; the specification asks for 24 to 64. */
const SECRET_BYTES = 32;

/** A new secret as receivers' libraries take it. */
export function newSecret(): string {
  return `whsec_${crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toBase64()}`;
}

export interface Message {
  /** The same at every attempt: receivers know a repeat by it. */
  id: string;
  /** Of this attempt. */
  at: Temporal.Instant;
  payload: string;
}

/** The headers of a message, signed with each of the secrets. */
export function signedHeaders(
  { id, at, payload }: Message,
  secrets: readonly string[],
): Record<string, string> {
  const seconds = Math.floor(at.epochMilliseconds / 1_000);
  // All that the library asks of a date.
  const date = { getTime: () => seconds * 1_000 } as Parameters<Webhook["sign"]>[1];
  return {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, date, payload)).join(" "),
  };
}
