/** Dead letters: what consumers gave up on, for an operator. Services do not see them. */

/** A dead letter with its reason, as an operator lists and replays it. */
export interface DeadLetter {
  id: string;
  topic: string;
  consumer: string;
  key: string;
  event: unknown;
  error: string;
  at: Temporal.Instant;
}

export interface DeadLetters {
  /** Those that nobody has replayed or dropped, the latest first; `limit` is 100 by default. */
  list(options?: { topic?: string; limit?: number }): Promise<DeadLetter[]>;
  /** Hands the event to its consumer again; it leaves the list. False: no such letter. */
  replay(id: string): Promise<boolean>;
  drop(id: string): Promise<boolean>;
}
