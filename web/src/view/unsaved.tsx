/** What the server has not got: changes that wait for a connection, and those it did not take. */
import type { JSX } from "preact";
import { instantInSentence } from "../model/dates.ts";
import type { Operation, Refusal } from "../model/intents.ts";
import { wordsOf } from "../model/unsaved.ts";
import { plural } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { CircleCheck } from "./icons.tsx";
import { Empty } from "./states.tsx";

export function UnsavedView(): JSX.Element {
  const { sync, router } = useApp();
  const refusals = sync.refusals.value;
  const waiting = sync.operations.value;
  return (
    <>
      <header class="view-header">
        <h1>Not saved</h1>
      </header>
      {refusals.length + waiting.length === 0 && (
        <Empty
          icon={<CircleCheck size={28} />}
          title="Everything is saved"
          text="Changes that could not be saved appear here with what you wrote, until you dismiss them."
          action={{ label: "Go to the Inbox", run: () => router.go("/inbox") }}
        />
      )}
      {refusals.length > 0 && (
        <section class="settings-group" aria-labelledby="refused">
          <header>
            <h2 id="refused">Could not be saved</h2>
            <p>What you wrote is kept here until you dismiss it.</p>
          </header>
          <ul class="settings-list" role="list">
            {refusals.map((refusal) => <Refused refusal={refusal} key={refusal.operation.key} />)}
          </ul>
        </section>
      )}
      {waiting.length > 0 && (
        <section class="settings-group" aria-labelledby="waiting">
          <header>
            <h2 id="waiting">Waiting for a connection</h2>
            <p>{plural(waiting.length, "change is", "changes are")} sent in this order.</p>
          </header>
          <ul class="settings-list" role="list">
            {waiting.map((operation) => (
              <li key={operation.key}>
                <Words operation={operation} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Words({ operation, text }: { operation: Operation; text?: string }): JSX.Element {
  const { lists, calendar } = useApp();
  const { what, fields } = wordsOf(operation, lists.value, calendar.value);
  return (
    <span>
      <span dir="auto">{what}</span>
      {fields.map(({ name, value }) => (
        <span class="kept-field" key={name}>
          <span class="field-hint">{name}</span> <span dir="auto">{value}</span>
        </span>
      ))}
      <span class="field-hint">
        {text !== undefined && `${text} `}
        Made {instantInSentence(operation.at, calendar.value)}
      </span>
    </span>
  );
}

function Refused({ refusal }: { refusal: Refusal }): JSX.Element {
  const { sync } = useApp();
  return (
    <li>
      <Words operation={refusal.operation} text={refusal.text} />
      <span class="inline-form">
        <button type="button" class="button" onClick={() => void sync.tryAgain(refusal)}>Try again</button>
        <button
          type="button"
          class="button quiet"
          onClick={() => void sync.dismiss(refusal.operation.key)}
        >
          Dismiss
        </button>
      </span>
    </li>
  );
}
