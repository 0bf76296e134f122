/** Turns of a conversation: begun, streamed, kept, applied and undone. */
import { z } from "zod";
import type { Chat, ChatEvents, ChatMode, ChatSummary, ChatTurn } from "../../shared/contracts/chat.ts";
import { Me } from "../../shared/contracts/resources.ts";
import { type Clock, formatInstant } from "../../shared/domain/time.ts";
import { keyUsedForAnother } from "../../shared/http/idempotency.ts";
import { notFound, ProblemError } from "../../shared/http/problem.ts";
import type { Runtime } from "../../shared/runtime/ports.ts";
import type { Log } from "../../shared/telemetry/log.ts";
import { createApi } from "../api.ts";
import type { Caller } from "../caller.ts";
import { createJudge } from "./certainty.ts";
import { type Claim, createConversations, type KeptTurn, publicTurn, sha256 } from "./conversations.ts";
import { linesOf } from "./lines.ts";
import type { Model } from "./model.ts";
import { answerPlainly, isPlain } from "./plain.ts";
import { openToolbox, type ToolboxOptions, type ToolCall, ToolRefusal } from "./toolbox.ts";

export interface ChatServiceOptions {
  runtime: Pick<Runtime, "invoke" | "state">;
  log: Log;
  clock: Clock;
  /** Without one, plain commands are understood. */
  model: Model | null;
  observe?(call: ToolCall): void;
}

export interface Message {
  caller: Caller;
  message: string;
  /** Absent: a new conversation. */
  conversationId?: string;
  /** The client's `Idempotency-Key`. */
  key?: string;
}

/** Where a message is answered; `answered` when it has been, for the same key. */
export interface Begun {
  conversationId: string;
  turnId: string;
  /** What its key was taken for. */
  claim?: Claim;
  answered?: ChatTurn;
}

export interface Asked extends Message, Begun {
  conversationId: string;
  signal: AbortSignal;
  send<Name extends keyof ChatEvents>(name: Name, data: ChatEvents[Name]): void;
}

export interface ChatService {
  readonly mode: ChatMode;
  /**
   * Finds the turn of a message, a new one unless its key was used for it before.
   *
   * @throws ProblemError 404 when it was forgotten, 409 while it is being answered, 422 for a key of another message
   */
  begin(message: Message): Promise<Begun>;
  /** Answers one message; what the caller sees is sent as it comes, and kept. Never rejects for what a model does. */
  answer(asked: Asked): Promise<void>;
  list(caller: Caller): Promise<ChatSummary[]>;
  get(caller: Caller, id: string): Promise<Chat>;
  remove(caller: Caller, id: string): Promise<void>;
  apply(caller: Caller, id: string, previewId: string): Promise<ChatTurn>;
  dismiss(caller: Caller, id: string, previewId: string): Promise<ChatTurn>;
  /** Takes back everything that a turn changed. */
  undo(caller: Caller, id: string, turnId: string): Promise<ChatTurn>;
}

const LONGEST_ANSWER = 20_000;
/** More than all rounds with a model can take. */
const LONGEST_MINUTES = 30;
const MODEL_FAILED =
  "The language model did not answer, so I stopped. What was changed before that can be undone.";

/** The chat over its ports. */
export function createChatService({ runtime, log, clock, model, observe }: ChatServiceOptions): ChatService {
  const mode: ChatMode = model === null ? "commands" : "model";
  const of = (caller: Caller) => createConversations(runtime.state, caller.userId, clock);
  const toolbox = (caller: Caller, turn: string, options: Partial<ToolboxOptions> = {}) =>
    openToolbox({ runtime, caller, log, turn, ...options });

  async function begin({ caller, message, conversationId, key }: Message): Promise<Begun> {
    const mine = { conversationId: conversationId ?? crypto.randomUUID(), turnId: crypto.randomUUID() };
    if (key === undefined) return mine;
    const request = sha256(JSON.stringify([conversationId ?? null, message]));
    const claim = { ...mine, request, at: formatInstant(clock.now()), begun: false };
    const first = await of(caller).claim(key, claim);
    if (first === null) return { ...mine, claim };
    if (first.request !== request) throw keyUsedForAnother();
    // Between the claim and the turn's first line nothing is kept yet.
    if (!first.begun && minutesSince(first.at) <= LONGEST_MINUTES) throw stillAnswered();
    const { turns } = await of(caller).get(first.conversationId);
    const answered = turns.find(({ id }) => id === first.turnId);
    if (answered === undefined) throw notFound("There is no such turn, or it is too long ago");
    const turn = settled(answered);
    if (turn.state === "running") throw stillAnswered();
    return { conversationId: first.conversationId, turnId: first.turnId, answered: turn };
  }

  const minutesSince = (at: string): number => clock.now().since(Temporal.Instant.from(at)).total("minutes");

  /** A turn as it is: one that runs for longer than any can was given up with its process. */
  const settled = (turn: KeptTurn): ChatTurn => {
    const givenUp = turn.state === "running" && minutesSince(turn.at) > LONGEST_MINUTES;
    return publicTurn(givenUp ? { ...turn, state: "stopped" } : turn);
  };

  async function answer(
    { caller, conversationId, turnId, message, key, claim, signal, send }: Asked,
  ): Promise<void> {
    const conversations = of(caller);
    const now = clock.now();
    const history = await conversations.get(conversationId).then(({ turns }) => turns, (cause) => {
      if (cause instanceof ProblemError && cause.status === 404) return [];
      throw cause;
    });
    const turn: KeptTurn = {
      id: turnId,
      at: formatInstant(now),
      mode,
      question: message,
      answer: "",
      state: "running",
      tools: [],
      previews: [],
      changed: 0,
      undone: false,
    };
    await conversations.keep(conversationId, turn).catch(async (cause) => {
      // Nothing was done: the same key may try again.
      if (key !== undefined) await conversations.release(key);
      throw cause;
    });
    if (key !== undefined && claim !== undefined) await conversations.begun(key, claim);
    send("start", { conversationId, turn: publicTurn(turn) });
    const say = (text: string): void => {
      if (signal.aborted || turn.answer.length + text.length > LONGEST_ANSWER) return;
      turn.answer += text;
      send("text", { text });
    };
    await using tools = await toolbox(caller, turn.id, {
      signal,
      ...(model === null ? {} : { uncertain: createJudge(message) }),
      onTool(title, call) {
        observe?.(call);
        if (!turn.tools.includes(title)) turn.tools.push(title);
        send("tool", { title });
      },
      onPreview: (preview) => send("preview", preview),
    });
    try {
      const me = Me.parse(
        await createApi({ runtime, caller, turn: turn.id, signal })({ method: "GET", path: "/api/me" }),
      );
      const person = { name: me.name, timeZone: me.timeZone, weekStart: me.preferences.weekStart };
      const plainly = async () => {
        const last = history.findLast(({ changed, undone }) => changed > 0 && !undone)?.id ?? null;
        say(await answerPlainly({ message, toolbox: tools, person, now, lastTurn: last }));
      };
      if (model === null) await plainly();
      else {
        try {
          await model({ message, history, toolbox: tools, person, now, signal, onText: say });
        } catch (cause) {
          if (signal.aborted) throw cause;
          log.warn("the language model failed", { cause });
          turn.state = "failed";
          const untouched = turn.answer === "" && tools.calls.length === 0;
          if (untouched && isPlain(message, { now, person })) {
            turn.mode = "commands";
            say("The language model does not answer; I took this as a plain command.\n");
            await plainly();
            turn.state = "done";
          } else say(turn.answer === "" ? MODEL_FAILED : `\n\n${MODEL_FAILED}`);
        }
      }
      if (turn.state === "running") turn.state = "done";
    } catch (cause) {
      if (!signal.aborted) {
        if (!(cause instanceof ProblemError)) log.error("a turn failed", { cause });
        turn.state = "failed";
        say(
          cause instanceof ProblemError
            ? cause.message
            : "Something went wrong. What was changed can be undone.",
        );
      }
    }
    // What was under way when it was stopped may have been done: it belongs to the turn, so that it can be undone.
    await tools.idle();
    if (signal.aborted) turn.state = "stopped";
    turn.previews = [...tools.previews];
    turn.changed = tools.changed;
    await conversations.change(conversationId, turn.id, () => turn).catch((cause) => {
      // The user has deleted the conversation meanwhile: it stays away.
      if (!(cause instanceof ProblemError && cause.status === 404)) throw cause;
    });
    await markUndone(caller, conversationId, tools.undone);
    send("done", { turn: publicTurn(turn) });
  }

  async function markUndone(caller: Caller, id: string, turnIds: readonly string[]): Promise<void> {
    for (const turnId of turnIds) {
      await of(caller).change(id, turnId, asUndone).catch((cause) => {
        // A cause of another conversation, or of none.
        if (!(cause instanceof ProblemError && cause.status === 404)) throw cause;
      });
    }
  }

  /** The turn with this preview, as it is kept. */
  async function find(caller: Caller, id: string, previewId: string): Promise<KeptTurn> {
    const { turns } = await of(caller).get(id);
    const turn = turns.find(({ previews }) => previews.some((preview) => preview.id === previewId));
    if (turn === undefined) throw notFound("There is no such preview, or it is too long ago");
    return turn;
  }

  const withPreview = (
    turn: KeptTurn,
    previewId: string,
    change: Partial<KeptTurn["previews"][number]>,
  ): KeptTurn => ({
    ...turn,
    previews: turn.previews.map((preview) => preview.id === previewId ? { ...preview, ...change } : preview),
  });

  return {
    mode,
    begin,
    answer,
    list: (caller) => of(caller).list(),
    async get(caller, id) {
      const { turns, ...chat } = await of(caller).get(id);
      return { ...chat, turns: turns.map(settled) };
    },
    remove: (caller, id) => of(caller).remove(id),
    async apply(caller, id, previewId) {
      const turn = await find(caller, id, previewId);
      const preview = turn.previews.find((each) => each.id === previewId);
      if (preview === undefined) throw notFound("There is no such preview");
      if (preview.state !== "open") return publicTurn(turn);
      await using tools = await toolbox(caller, turn.id);
      const outcome = await tools.apply(preview).catch((cause) => {
        throw cause instanceof ToolRefusal ? new ProblemError(409, cause.message) : cause;
      });
      const changed = outcome.status === "changed_meanwhile";
      const kept = await of(caller).change(id, turn.id, (now) => {
        const other = now.previews.find((each) => each.id === previewId);
        // Another click was first: both did the same once, and it counts once.
        if (other === undefined || other.state === "applied") return now;
        return changed
          ? withPreview(now, previewId, {
            ...linesOf(outcome.changes),
            changed,
            confirm: outcome.confirm ?? preview.confirm,
          })
          : withPreview(
            { ...now, changed: now.changed + preview.lines.length + preview.more },
            previewId,
            { state: "applied" },
          );
      });
      await markUndone(caller, id, tools.undone);
      return publicTurn(kept);
    },
    async dismiss(caller, id, previewId) {
      const turn = await find(caller, id, previewId);
      return publicTurn(
        await of(caller).change(id, turn.id, (now) =>
          // What was applied meanwhile stays so.
          now.previews.some((each) => each.id === previewId && each.state === "open")
            ? withPreview(now, previewId, { state: "dismissed" })
            : now),
      );
    },
    async undo(caller, id, turnId) {
      const { turns } = await of(caller).get(id);
      const turn = turns.find((each) => each.id === turnId);
      if (turn === undefined) throw notFound("There is no such turn, or it is too long ago");
      if (turn.undone || turn.changed === 0) return publicTurn(turn);
      const api = createApi({ runtime, caller, turn: crypto.randomUUID() });
      // The click itself says so: a whole turn goes back without another question.
      z.object({ changes: z.array(z.unknown()) }).parse(
        await api({ method: "POST", path: "/api/undo", body: { causationId: turnId } }, {
          idempotencyKey: `undo-${turnId}`,
        }),
      );
      return publicTurn(await of(caller).change(id, turnId, asUndone));
    },
  };
}

const stillAnswered = (): ProblemError =>
  new ProblemError(409, "The first request with this Idempotency-Key is still being answered", {
    headers: { "retry-after": "2" },
  });

/** A turn that was taken back: what it only showed goes with it, since one cause is undone once. */
const asUndone = (turn: KeptTurn): KeptTurn => ({
  ...turn,
  undone: true,
  previews: turn.previews.map((preview) =>
    preview.state === "open" ? { ...preview, state: "dismissed" } : preview
  ),
});
