/** Conversations in the runtime's state store, each with a time to live. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { Chat, ChatPreview, type ChatSummary, ChatTurn } from "../../shared/contracts/chat.ts";
import type { Clock } from "../../shared/domain/time.ts";
import { KEPT_HOURS } from "../../shared/http/idempotency.ts";
import { notFound, ProblemError } from "../../shared/http/problem.ts";
import type { StateStore } from "../../shared/runtime/ports.ts";
import { pause } from "../../shared/runtime/waiting.ts";

const TTL_SECONDS = 30 * 86_400;
const MOST_TURNS = 100;
const MOST_CONVERSATIONS = 20;
/** With a pause before each that grows and differs, so that tabs which speak at once all get their turn. */
const TRIES = 20;
const LONGEST_PAUSE_MS = 500;
const TITLE = 60;

const KeptPreview = ChatPreview.extend({ args: z.record(z.string(), z.unknown()), confirm: z.string() });
const KeptTurn = ChatTurn.extend({ previews: z.array(KeptPreview) });
export type KeptTurn = z.infer<typeof KeptTurn>;
const Kept = Chat.extend({ turns: z.array(KeptTurn) });
export type Conversation = z.infer<typeof Kept>;
/** What an Idempotency-Key was used for. */
const Claim = z.object({
  conversationId: z.uuid(),
  turnId: z.uuid(),
  request: z.string(),
  /** When it was taken, and whether its turn has been kept since. */
  at: z.string(),
  begun: z.boolean(),
});
export type Claim = z.infer<typeof Claim>;
const Index = z.array(z.object({ id: z.uuid(), title: z.string(), updatedAt: z.string() }));

export interface Conversations {
  list(): Promise<ChatSummary[]>;
  /** @throws ProblemError 404 */
  get(id: string): Promise<Conversation>;
  /** Adds a turn, or puts it in the place of the one with its id; makes the conversation when there is none. */
  keep(id: string, turn: KeptTurn): Promise<void>;
  /** Changes a turn. @throws ProblemError 404 */
  change(id: string, turnId: string, change: (turn: KeptTurn) => KeptTurn): Promise<KeptTurn>;
  remove(id: string): Promise<void>;
  /** Takes a key for a turn: null, or what it is taken for already. */
  claim(key: string, claim: Claim): Promise<Claim | null>;
  /** Says that the turn of a key is kept. */
  begun(key: string, claim: Claim): Promise<void>;
  /** Gives a key back whose turn never began. */
  release(key: string): Promise<void>;
}

/** The conversations of one user: the key holds whose they are, so that nobody reaches another's. */
export function createConversations(state: StateStore, userId: string, clock: Clock): Conversations {
  const keyOf = (id: string): string => `conversation:${userId}:${id}`;
  const indexKey = `conversations:${userId}`;
  const claimKey = (key: string): string => `claim:${userId}:${sha256(key)}`;

  /** Writes what `change` makes of the stored value; another writer in between is asked for its result first. */
  async function update<T>(
    key: string,
    read: (value: unknown) => T | null,
    change: (before: T | null) => T,
  ): Promise<T> {
    const never = new AbortController().signal;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt > 0) await pause(never, Math.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** attempt));
      const stored = await state.get(key);
      const after = change(stored === null ? null : read(stored.value));
      const options = { ttlSeconds: TTL_SECONDS, etag: stored?.etag ?? null };
      if (await state.set(key, after, options)) return after;
    }
    throw new ProblemError(503, "The conversation is being changed elsewhere; try again", {
      headers: { "retry-after": "1" },
    });
  }

  const readIndex = (value: unknown) => Index.safeParse(value).data ?? [];
  const read = (value: unknown) => Kept.safeParse(value).data ?? null;

  async function summarise({ id, title, updatedAt }: Conversation): Promise<void> {
    await update(
      indexKey,
      readIndex,
      (before) =>
        [{ id, title, updatedAt }, ...(before ?? []).filter((each) => each.id !== id)].slice(
          0,
          MOST_CONVERSATIONS,
        ),
    );
  }

  return {
    async list() {
      // The index lives on with the latest conversation; one that has ended by itself is not in it any more.
      const first = clock.now().subtract({ seconds: TTL_SECONDS });
      return readIndex((await state.get(indexKey))?.value).filter(({ updatedAt }) =>
        Temporal.Instant.compare(Temporal.Instant.from(updatedAt), first) > 0
      );
    },
    async get(id) {
      const kept = read((await state.get(keyOf(id)))?.value);
      if (kept === null) throw notFound("There is no such conversation, or it is too long ago");
      return kept;
    },
    async keep(id, turn) {
      const kept = await update(keyOf(id), read, (before) => {
        const known = before ?? { id, title: titleOf(turn.question), updatedAt: turn.at, turns: [] };
        const others = known.turns.filter((each) => each.id !== turn.id);
        return { ...known, updatedAt: turn.at, turns: [...others, turn].slice(-MOST_TURNS) };
      });
      await summarise(kept);
    },
    async change(id, turnId, change) {
      const kept = await update(keyOf(id), read, (before) => {
        if (before === null || !before.turns.some((turn) => turn.id === turnId)) {
          throw notFound("There is no such turn, or it is too long ago");
        }
        return { ...before, turns: before.turns.map((turn) => turn.id === turnId ? change(turn) : turn) };
      });
      const turn = kept.turns.find((each) => each.id === turnId);
      if (turn === undefined) throw notFound("There is no such turn");
      return turn;
    },
    async remove(id) {
      await state.delete(keyOf(id));
      await update(indexKey, readIndex, (before) => (before ?? []).filter((each) => each.id !== id));
    },
    async claim(key, claim) {
      const at = claimKey(key);
      if (await state.set(at, claim, { etag: null, ttlSeconds: KEPT_HOURS * 3_600 })) return null;
      // It may have ended in between.
      return Claim.safeParse((await state.get(at))?.value).data ?? null;
    },
    async begun(key, claim) {
      await state.set(claimKey(key), { ...claim, begun: true }, { ttlSeconds: KEPT_HOURS * 3_600 });
    },
    release: (key) => state.delete(claimKey(key)),
  };
}

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Without what only the server needs to know of it. */
export function publicTurn(turn: KeptTurn): ChatTurn {
  return ChatTurn.parse(turn);
}

const titleOf = (question: string): string =>
  question.length > TITLE ? `${question.slice(0, TITLE - 1)}…` : question;
