/** The chat: what was said, what was done, and cards for what waits for a click. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type ChatModel, type ChatPreview, type ChatTurn, createChat } from "../model/chat.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { Failed, Skeleton } from "./states.tsx";

const EXAMPLES = [
  "add pay rent on the 1st at 9am #home every month",
  "what is due tomorrow",
  "move everything overdue to Monday",
];

export function ChatView(): JSX.Element {
  const app = useApp();
  const chat = useMemo(() => createChat(app.client), [app]);
  const { state, error, turns, mode, problem, earlier, id } = chat.data.value;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    void chat.load();
    return () => chat.stop();
  }, [chat]);
  const latest = turns.at(-1);
  useEffect(() => end.current?.scrollIntoView({ block: "end" }), [
    latest?.id,
    latest?.answer.length,
    latest?.previews.length,
  ]);
  return (
    <div class="chat">
      <header class="view-header">
        <h1>Assistant</h1>
        {turns.length > 0 && (
          <button type="button" class="button quiet" onClick={() => chat.begin()}>New conversation</button>
        )}
      </header>
      {state === "failed" && (
        <Failed
          title="The assistant could not be reached"
          detail={failure(error, "Nothing was lost.")}
          retry={() => void chat.load()}
        />
      )}
      {state === "loading" && <Skeleton rows={3} />}
      {state === "ready" && turns.length === 0 && (
        <Beginning
          chat={chat}
          mode={mode}
          earlier={earlier.filter((each) => each.id !== id)}
        />
      )}
      <ol class="chat-turns" role="list" aria-label="Conversation">
        {turns.map((turn) => <Turn key={turn.id} chat={chat} turn={turn} />)}
      </ol>
      {problem !== null && <p class="field-problem" role="alert">{problem}</p>}
      <div class="chat-end" ref={end} />
      {state === "ready" && <Composer chat={chat} />}
    </div>
  );
}

function Beginning(
  { chat, mode, earlier }: {
    chat: ChatModel;
    mode: "model" | "commands";
    earlier: readonly { id: string; title: string }[];
  },
): JSX.Element {
  return (
    <>
      <p class="chat-intro">
        {mode === "model"
          ? "Say what you want to do with your tasks. What changes several, or deletes, is shown to you first."
          : "There is no language model here, so I understand plain commands; say “help” for all of them. What changes several tasks, or deletes, is shown to you first."}
      </p>
      <ul class="chat-examples" role="list" aria-label="Examples">
        {EXAMPLES.map((example) => (
          <li key={example}>
            <button type="button" class="button quiet" onClick={() => void chat.say(example)}>
              {example}
            </button>
          </li>
        ))}
      </ul>
      {earlier.length > 0 && (
        <section aria-labelledby="chat-earlier">
          <h2 id="chat-earlier">Earlier</h2>
          <ul class="chat-earlier" role="list">
            {earlier.map(({ id, title }) => (
              <li key={id}>
                <button type="button" class="link" dir="auto" onClick={() => void chat.open(id)}>
                  {title}
                </button>
                <button
                  type="button"
                  class="button quiet small"
                  aria-label={`Forget: ${title}`}
                  onClick={() => void chat.forget(id)}
                >
                  Forget
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Turn({ chat, turn }: { chat: ChatModel; turn: ChatTurn }): JSX.Element {
  const { state, answer, question, tools, previews, changed, undone } = turn;
  return (
    <li class="chat-turn">
      <p class="chat-question" dir="auto">{question}</p>
      <div class="chat-answer" aria-live="polite" aria-busy={state === "running"}>
        {tools.length > 0 && <p class="chat-tools">{tools.join(" · ")}</p>}
        {answer !== "" && <p class="chat-text" dir="auto">{answer}</p>}
        {state === "running" && answer === "" && <p class="chat-tools">Working…</p>}
        {state === "stopped" && <p class="chat-tools">Stopped</p>}
        {previews.map((preview) => <Card key={preview.id} chat={chat} preview={preview} />)}
        {changed > 0 && state !== "running" && (
          <p class="chat-done">
            {undone ? "Undone" : changed === 1 ? "One change made" : `${changed} changes made`}
            {!undone && (
              <button
                type="button"
                class="button quiet small"
                aria-label={`Undo: ${question}`}
                onClick={() => void chat.undo(turn)}
              >
                Undo
              </button>
            )}
          </p>
        )}
      </div>
    </li>
  );
}

const STATES = { open: "Nothing was changed yet", applied: "Applied", dismissed: "Dismissed" } as const;

function Card({ chat, preview }: { chat: ChatModel; preview: ChatPreview }): JSX.Element {
  const { title, lines, more, state, changed } = preview;
  const [busy, setBusy] = useState(false);
  const decide = async (act: () => Promise<void>) => {
    setBusy(true);
    await act();
    setBusy(false);
  };
  return (
    <section class="chat-card" aria-label={`${title}: preview`} data-state={state}>
      <h2>{title}</h2>
      {changed && state === "open" && (
        <p class="chat-changed" role="alert">Something has changed meanwhile. Now it would be this:</p>
      )}
      <ul role="list">
        {lines.map((line, index) => <li key={index} data-mark={line.mark} dir="auto">{line.text}</li>)}
        {more > 0 && <li>and {more} more</li>}
      </ul>
      <div class="chat-decide">
        <span>{STATES[state]}</span>
        {state === "open" && (
          <>
            <button
              type="button"
              class="button quiet"
              disabled={busy}
              onClick={() => void decide(() => chat.dismiss(preview))}
            >
              Dismiss
            </button>
            <button
              type="button"
              class="button primary"
              disabled={busy}
              onClick={() => void decide(() => chat.apply(preview))}
            >
              Apply
            </button>
          </>
        )}
      </div>
    </section>
  );
}

function Composer({ chat }: { chat: ChatModel }): JSX.Element {
  const [text, setText] = useState("");
  const { answering } = chat.data.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const say = async () => {
    const message = text;
    if (message.trim() === "") return;
    setText("");
    // What was not taken is not to be typed again.
    if (!await chat.say(message)) setText((now) => now === "" ? message : now);
    field.current?.focus();
  };
  return (
    <form
      class="chat-composer"
      onSubmit={(event) => {
        event.preventDefault();
        void say();
      }}
    >
      <textarea
        ref={field}
        class="input"
        aria-label="Message to the assistant"
        placeholder="What shall I do?"
        dir="auto"
        rows={1}
        maxLength={4_000}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          if (!answering) void say();
        }}
      />
      {answering
        ? <button type="button" class="button" onClick={() => chat.stop()}>Stop</button>
        : <button type="submit" class="button primary" disabled={text.trim() === ""}>Send</button>}
    </form>
  );
}
