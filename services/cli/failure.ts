/** What ends the command early; each kind has an exit code of its own. */
export const EXIT_CODES = {
  /** The server refused, or something broke. */
  failed: 1,
  /** The command was not understood. */
  usage: 2,
  /** Nobody is signed in, or the key is not good for this. */
  access: 3,
  /** There is no such task, or more than one. */
  "not-found": 4,
  /** The server can't be reached. */
  unreachable: 5,
} as const;

/** A failure with one sentence for a person. */
export class Failure extends Error {
  override name = "Failure";
  constructor(readonly kind: keyof typeof EXIT_CODES, message: string) {
    super(message);
  }
}
