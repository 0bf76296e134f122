/** The reminder ledger: what fires when, what fired, and why something did or did not. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ReminderEntry } from "../api/types.ts";
import { failure } from "../model/wording.ts";
import { ledgerText } from "./activity.tsx";
import { useApp } from "./context.ts";
import { BellRing } from "./icons.tsx";
import { Empty, Failed, Skeleton } from "./states.tsx";

type Status = ReminderEntry["status"];
type Read = { state: "loading" } | { state: "failed"; error: unknown } | {
  state: "ready";
  items: ReminderEntry[];
  next: string | null;
};

const STATUSES: readonly { value: Status | null; label: string }[] = [
  { value: null, label: "All" },
  { value: "scheduled", label: "Planned" },
  { value: "delivered", label: "Delivered" },
  { value: "cancelled", label: "Cancelled" },
  { value: "failed", label: "Failed" },
];

export function LedgerView(): JSX.Element {
  const app = useApp();
  const { router, store } = app;
  const calendar = app.calendar.value;
  const [status, setStatus] = useState<Status | null>(null);
  const [read, setRead] = useState<Read>({ state: "loading" });
  const load = async (cursor: string | null = null) => {
    try {
      const page = await app.calls.ledger(status, cursor);
      setRead((before) => ({
        state: "ready",
        items: cursor !== null && before.state === "ready" ? [...before.items, ...page.items] : page.items,
        next: page.nextCursor,
      }));
    } catch (error) {
      setRead({ state: "failed", error });
    }
  };
  // A reminder that fires is an entry that changes.
  useEffect(() => void load(), [status, app.notifications.data.value.items.length]);
  const title = (entry: ReminderEntry) => store.get(entry.taskId)?.title ?? "A task that is not open";
  store.revision.value;
  return (
    <>
      <header class="view-header">
        <h1>Reminders</h1>
        <span class="view-sub" data-sentence>Why each one fired, waits or did not</span>
        <label class="sort">
          <span class="visually-hidden">Show</span>
          <select
            class="quiet-select"
            value={status ?? ""}
            onChange={(event) =>
              setStatus(STATUSES.find(({ value }) => value === event.currentTarget.value)?.value ?? null)}
          >
            {STATUSES.map(({ value, label }) => <option value={value ?? ""} key={label}>{label}</option>)}
          </select>
        </label>
      </header>
      {read.state === "loading" ? <Skeleton rows={5} /> : read.state === "failed"
        ? (
          <Failed
            title="The reminders could not be loaded"
            detail={failure(read.error, "They are not affected.")}
            retry={() => void load()}
          />
        )
        : read.items.length === 0
        ? (
          <Empty
            icon={<BellRing size={28} />}
            title={status === null ? "No reminders yet" : "None of this kind"}
            text="Each reminder leaves a line here: when it is planned, that it was delivered, or why it was not."
          />
        )
        : (
          <ol class="activity log" role="list">
            {read.items.map((entry) => (
              <li key={entry.id}>
                <div class="activity-words">
                  <span class="log-line">
                    <button
                      type="button"
                      class="log-task"
                      dir="auto"
                      onClick={() => router.openTask(entry.taskId, "reminders")}
                    >
                      {title(entry)}
                    </button>
                  </span>
                  <span>
                    <i class="state-dot" data-state={entry.status} aria-hidden="true" />
                    {ledgerText(entry, calendar)}
                  </span>
                  <span class="activity-when">{entry.reason}</span>
                </div>
              </li>
            ))}
          </ol>
        )}
      {read.state === "ready" && read.next !== null && (
        <button
          type="button"
          class="button quiet"
          onClick={() => void load(read.next)}
        >
          Show older
        </button>
      )}
    </>
  );
}
