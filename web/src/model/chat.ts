/** The chat with the assistant: one conversation on screen, its answer as it comes, and what waits for a click. */
import { computed, signal } from "@preact/signals";
import { ApiError, type Client, randomId, toProblem } from "../api/client.ts";
import type {
  Chat,
  ChatEvents,
  ChatMode,
  ChatPreview,
  ChatSummary,
  ChatTurn,
} from "../../../services/shared/contracts/chat.ts";
import { failure } from "./wording.ts";

export type { ChatPreview, ChatTurn };

export interface ChatState {
  state: "idle" | "loading" | "ready" | "failed";
  error: unknown;
  mode: ChatMode;
  /** Null: a new conversation. */
  id: string | null;
  earlier: readonly ChatSummary[];
  turns: readonly ChatTurn[];
  /** Whether an answer is under way. */
  answering: boolean;
  /** What went wrong with the last thing that was done here. */
  problem: string | null;
}

const EMPTY: ChatState = {
  state: "idle",
  error: null,
  mode: "commands",
  id: null,
  earlier: [],
  turns: [],
  answering: false,
  problem: null,
};

/** One event of the answer's stream, still as text. */
export interface Block {
  event: string;
  data: string;
}

/** Cuts what arrives into events; `rest` is the beginning of the next one. */
export function blocksOf(text: string): { blocks: Block[]; rest: string } {
  const parts = text.split("\n\n");
  const rest = parts.pop() ?? "";
  const blocks = parts.flatMap((part) => {
    const fields = new Map(
      part.split("\n").map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at), line.slice(at + 1).trimStart()];
      }),
    );
    const event = fields.get("event");
    return event === undefined ? [] : [{ event, data: fields.get("data") ?? "" }];
  });
  return { blocks, rest };
}

export type ChatModel = ReturnType<typeof createChat>;

export function createChat(client: Client, send: typeof fetch = (input, init) => fetch(input, init)) {
  const data = signal<ChatState>(EMPTY);
  let stopping: AbortController | null = null;
  const set = (change: Partial<ChatState>) => {
    data.value = { ...data.peek(), ...change };
  };
  const put = (turn: ChatTurn) => {
    const { turns } = data.peek();
    const known = turns.some(({ id }) => id === turn.id);
    set({ turns: known ? turns.map((each) => each.id === turn.id ? turn : each) : [...turns, turn] });
  };
  const last = (change: (turn: ChatTurn) => ChatTurn) => {
    const turn = data.peek().turns.at(-1);
    if (turn !== undefined) put(change(turn));
  };

  function take({ event, data: text }: Block): void {
    const read = <Name extends keyof ChatEvents>() => JSON.parse(text) as ChatEvents[Name];
    switch (event as keyof ChatEvents) {
      case "start": {
        const { conversationId, turn } = read<"start">();
        unanswered = null;
        set({ id: conversationId });
        return put(turn);
      }
      case "text":
        return last((turn) => ({ ...turn, answer: turn.answer + read<"text">().text }));
      case "tool": {
        const { title } = read<"tool">();
        return last((turn) => turn.tools.includes(title) ? turn : { ...turn, tools: [...turn.tools, title] });
      }
      case "preview":
        return last((turn) => ({ ...turn, previews: [...turn.previews, read<"preview">()] }));
      case "done":
        return put(read<"done">().turn);
    }
  }

  /** The last message whose answer has not begun: said again, it is the same request. */
  let unanswered: { message: string; conversation: string | null; key: string } | null = null;

  async function listen(message: string, signal: AbortSignal): Promise<void> {
    const correlationId = randomId();
    const { id } = data.peek();
    if (unanswered?.message !== message || unanswered.conversation !== id) {
      unanswered = { message, conversation: id, key: randomId() };
    }
    const response = await send("/api/chat", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": unanswered.key,
        "x-correlation-id": correlationId,
      },
      body: JSON.stringify({ message, ...(id === null ? {} : { conversationId: id }) }),
      credentials: "same-origin",
      signal,
    });
    if (!response.ok || response.body === null) {
      throw new ApiError(toProblem(await response.json().catch(() => null), response.status), correlationId);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const read = blocksOf(rest + value);
      rest = read.rest;
      read.blocks.forEach(take);
    }
  }

  /** Does one thing to the conversation, and shows what became of the turn. */
  async function act(path: string): Promise<void> {
    const { id } = data.peek();
    if (id === null) return;
    try {
      set({ problem: null });
      put(await client.request<ChatTurn>("POST", `/api/chat/${id}/${path}`));
    } catch (error) {
      set({ problem: failure(error, "Nothing was changed.") });
    }
  }

  async function loadEarlier(): Promise<void> {
    const { mode, items } = await client.request<{ mode: ChatMode; items: ChatSummary[] }>(
      "GET",
      "/api/chat",
    );
    set({ mode, earlier: items });
  }

  return {
    data: computed(() => data.value),
    async load(): Promise<void> {
      if (data.peek().state === "ready") return;
      set({ state: "loading" });
      try {
        await loadEarlier();
        set({ state: "ready" });
      } catch (error) {
        set({ state: "failed", error });
      }
    },
    async open(id: string): Promise<void> {
      try {
        const { turns } = await client.request<Chat>("GET", `/api/chat/${id}`);
        set({ id, turns, problem: null });
      } catch (error) {
        set({ problem: failure(error, "The conversation could not be opened.") });
      }
    },
    begin(): void {
      stopping?.abort();
      set({ id: null, turns: [], problem: null });
    },
    async forget(id: string): Promise<void> {
      try {
        await client.request<void>("DELETE", `/api/chat/${id}`);
        set({ earlier: data.peek().earlier.filter((each) => each.id !== id) });
        if (data.peek().id === id) set({ id: null, turns: [] });
      } catch (error) {
        set({ problem: failure(error, "The conversation is still there.") });
      }
    },
    /** Says something; true when it was taken. */
    async say(message: string): Promise<boolean> {
      const text = message.trim();
      if (text === "" || data.peek().answering) return false;
      const mine = stopping = new AbortController();
      const before = data.peek().turns.length;
      set({ answering: true, problem: null });
      try {
        await listen(text, mine.signal);
      } catch (error) {
        const known = error instanceof ApiError && error.status < 500 && error.status !== 409;
        // What was stopped or refused is another request when it is said again.
        if (mine.signal.aborted || known) unanswered = null;
        if (!mine.signal.aborted) set({ problem: failure(error, "Nothing was changed.") });
      }
      const begun = data.peek().turns.length > before;
      // A stream that ended without its last word was stopped, here or on the way.
      last((turn) => turn.state === "running" ? { ...turn, state: "stopped" } : turn);
      set({ answering: false });
      if (begun) await loadEarlier().catch(() => {});
      return begun;
    },
    stop: () => stopping?.abort(),
    apply: (preview: ChatPreview) => act(`previews/${preview.id}/apply`),
    dismiss: (preview: ChatPreview) => act(`previews/${preview.id}/dismiss`),
    undo: (turn: ChatTurn) => act(`turns/${turn.id}/undo`),
  };
}
