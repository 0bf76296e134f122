/** The webhooks of the settings: made, paused, sent again, and what became of their deliveries. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Webhook, WebhookDelivery } from "../api/types.ts";
import { instantInSentence } from "../model/dates.ts";
import { failure, plural } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { CopyLine } from "./copyline.tsx";
import { Failed, Skeleton } from "./states.tsx";
import { Field } from "./viewheader.tsx";

type Loaded<T> = { state: "loading" } | { state: "failed"; error: unknown } | { state: "ready"; items: T[] };

export function Webhooks(): JSX.Element {
  const app = useApp();
  const [webhooks, setWebhooks] = useState<Loaded<Webhook>>({ state: "loading" });
  const [url, setUrl] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [fresh, setFresh] = useState<{ id: string; secret: string } | null>(null);
  const load = async () => {
    try {
      setWebhooks({ state: "ready", items: (await app.rondo.webhooks()).items });
    } catch (error) {
      setWebhooks({ state: "failed", error });
    }
  };
  useEffect(() => void load(), []);
  const create = async () => {
    try {
      const { id, secret } = await app.rondo.createWebhook(url.trim());
      setFresh({ id, secret });
      setUrl("");
      await load();
    } catch (error) {
      setProblem(failure(error, "No webhook was made."));
    }
  };
  const change = async (work: () => Promise<unknown>, done: string) => {
    try {
      await work();
      app.toasts.show({ text: done });
      await load();
    } catch (error) {
      app.toasts.show({ tone: "error", text: "The webhook was not changed", detail: failure(error) });
    }
  };
  return (
    <>
      {fresh !== null && (
        <div class="settings-fresh" role="status">
          <p>The secret that signs. It is shown only now: give it to the receiver.</p>
          <CopyLine value={fresh.secret} label="Copy the webhook’s secret" />
        </div>
      )}
      {webhooks.state === "loading" && <Skeleton rows={1} />}
      {webhooks.state === "failed" && (
        <Failed
          title="Your webhooks could not be loaded"
          detail={failure(webhooks.error, "They still work.")}
          retry={() => void load()}
        />
      )}
      {webhooks.state === "ready" && webhooks.items.length > 0 && (
        <ul class="settings-list" role="list" aria-label="Webhooks">
          {webhooks.items.map((webhook) => (
            <li key={webhook.id}>
              <span>
                <span dir="ltr">{webhook.url}</span>
                <span class="field-hint">{stateOf(webhook)}</span>
                <Deliveries webhook={webhook} />
              </span>
              <span class="inline-form">
                <button
                  type="button"
                  class="button quiet small"
                  onClick={() =>
                    void (webhook.status === "active"
                      ? change(() => app.rondo.patchWebhook(webhook.id, { status: "paused" }), "Paused")
                      : change(
                        () =>
                          app.rondo.patchWebhook(webhook.id, { status: "active" }),
                        "Resumed: what was missed is sent now",
                      ))}
                >
                  {webhook.status === "active" ? "Pause" : "Resume"}
                </button>
                <button
                  type="button"
                  class="button quiet small"
                  onClick={() =>
                    void change(() =>
                      app.rondo.replayWebhook(webhook.id), "Everything is sent again, in order")}
                >
                  Send all again
                </button>
                <button
                  type="button"
                  class="button quiet danger small"
                  aria-label={`Delete the webhook to ${webhook.url}`}
                  onClick={() => {
                    if (fresh?.id === webhook.id) {
                      setFresh(null);
                    }
                    void change(() =>
                      app.rondo.deleteWebhook(webhook.id), "The webhook was deleted");
                  }}
                >
                  Delete
                </button>
              </span>
            </li>
          ))}
        </ul>
      )}
      <form
        class="settings-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (url.trim() === "") setProblem("Give the address that changes are sent to.");
          else void create();
        }}
      >
        <Field label="New webhook" problem={problem}>
          {(id, described) => (
            <span class="inline-form">
              <input
                id={id}
                class="input"
                type="url"
                dir="ltr"
                maxLength={2_000}
                placeholder="https://hooks.example.com/rondo"
                value={url}
                aria-describedby={described}
                aria-invalid={problem !== null}
                onInput={(event) => {
                  setUrl(event.currentTarget.value);
                  setProblem(null);
                }}
              />
              <button type="submit" class="button">Create webhook</button>
            </span>
          )}
        </Field>
      </form>
    </>
  );

  function stateOf(webhook: Webhook): string {
    if (webhook.status === "paused") return `Paused. ${webhook.pausedReason ?? ""}`;
    const last = webhook.lastDeliveredAt === null
      ? "nothing delivered yet"
      : `last delivered ${instantInSentence(webhook.lastDeliveredAt, app.calendar.value)}`;
    const waiting = webhook.pending === 0 ? "" : ` · ${plural(webhook.pending, "waits", "wait")}`;
    const failing = webhook.failures === 0
      ? ""
      : ` · ${plural(webhook.failures, "failure", "failures")} in a row`;
    return `Active · ${last}${waiting}${failing}`;
  }
}

/** The latest deliveries of one webhook, asked for when they are opened. */
function Deliveries({ webhook }: { webhook: Webhook }): JSX.Element {
  const app = useApp();
  const [deliveries, setDeliveries] = useState<Loaded<WebhookDelivery>>({ state: "loading" });
  const load = async () => {
    try {
      setDeliveries({ state: "ready", items: (await app.rondo.webhookDeliveries(webhook.id)).items });
    } catch (error) {
      setDeliveries({ state: "failed", error });
    }
  };
  return (
    <details onToggle={(event) => event.currentTarget.open && void load()}>
      <summary class="field-hint">Deliveries</summary>
      {deliveries.state === "loading" && <Skeleton rows={1} />}
      {deliveries.state === "failed" && (
        <Failed
          title="The deliveries could not be loaded"
          detail={failure(deliveries.error)}
          retry={() => void load()}
        />
      )}
      {deliveries.state === "ready" && (
        <ul role="list" aria-label="Deliveries">
          {deliveries.items.length === 0 && <li class="field-hint">Nothing was sent yet</li>}
          {deliveries.items.map((delivery) => (
            <li class="field-hint" key={delivery.id}>
              {[
                `${delivery.seq}`,
                delivery.type.replace(/\.v\d+$/, ""),
                delivery.status,
                instantInSentence(delivery.createdAt, app.calendar.value),
                delivery.error ?? "",
              ].filter((part) => part !== "").join(" · ")}
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
