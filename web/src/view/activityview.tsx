/** Everything that happened, newest first; each step can be undone, and each task seen as it was. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { AuditEntry, HistoryEntry } from "../api/types.ts";
import { agoText, type Calendar, dayOf, instantText, longDayText } from "../model/dates.ts";
import { failure, plural, quoted, undoFailure } from "../model/wording.ts";
import { actorText, entryText } from "./activity.tsx";
import { useApp } from "./context.ts";
import { Activity } from "./icons.tsx";
import { Empty, Failed, Skeleton } from "./states.tsx";
import { TimeTravel } from "./timetravel.tsx";

type Read = { state: "loading" } | { state: "failed"; error: unknown } | {
  state: "ready";
  items: AuditEntry[];
  next: string | null;
};

/** Changes with one cause stand together: an import, a bulk, a completion with what it made. */
interface Group {
  cause: string;
  entries: AuditEntry[];
}

/** A step that the user (or a program for them) made; what services note besides is not undone. */
const isChange = (entry: AuditEntry) => /^(task|list|filter|profile)\./.test(entry.type);

export function ActivityView(): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const [read, setRead] = useState<Read>({ state: "loading" });
  const [travel, setTravel] = useState<{ taskId: string; at: string } | null>(null);
  const load = async (cursor: string | null = null) => {
    try {
      const page = await app.calls.audit(cursor);
      setRead((before) => ({
        state: "ready",
        items: cursor !== null && before.state === "ready" ? [...before.items, ...page.items] : page.items,
        next: page.nextCursor,
      }));
    } catch (error) {
      setRead((before) => {
        if (before.state !== "ready") return { state: "failed", error };
        app.actions.complain("Could not read the activity", error, () => void load(cursor));
        return before;
      });
    }
  };
  // The log follows what happens: it is read again shortly after the last change.
  const revision = app.store.revision.value;
  useEffect(() => {
    const timer = setTimeout(() => void load(), read.state === "ready" ? 400 : 0);
    return () => clearTimeout(timer);
  }, [revision]);

  return (
    <>
      <header class="view-header">
        <h1>Activity</h1>
        <span class="view-sub" data-sentence>What happened, and the way back</span>
      </header>
      {read.state === "loading" ? <Skeleton rows={6} /> : read.state === "failed"
        ? (
          <Failed
            title="The activity could not be loaded"
            detail={failure(read.error, "Nothing was lost.")}
            retry={() => void load()}
          />
        )
        : read.items.length === 0
        ? (
          <Empty
            icon={<Activity size={28} />}
            title="Nothing has happened yet"
            text="Each change appears here, with who made it and a way to undo it."
            action={{ label: "Go to the Inbox", run: () => app.router.go("/inbox") }}
          />
        )
        : (
          <Days
            groups={groupsOf(read.items.filter(isChange))}
            calendar={calendar}
            more={read.next !== null}
            look={(taskId, at) => setTravel({ taskId, at })}
          />
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
      {travel !== null && <TimeTravel taskId={travel.taskId} at={travel.at} close={() => setTravel(null)} />}
    </>
  );
}

function groupsOf(entries: readonly AuditEntry[]): Group[] {
  const groups: Group[] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last?.cause === entry.causationId) last.entries.push(entry);
    else groups.push({ cause: entry.causationId, entries: [entry] });
  }
  return groups;
}

interface DaysProps {
  groups: readonly Group[];
  calendar: Calendar;
  /** Older entries have not been read: the last group may go on there. */
  more: boolean;
  look: (taskId: string, at: string) => void;
}

function Days({ groups, calendar, more, look }: DaysProps): JSX.Element {
  const days = Map.groupBy(
    groups,
    (group) => dayOf(group.entries[0]?.at ?? calendar.now.toString(), calendar.timeZone).toString(),
  );
  return (
    <div class="log">
      {[...days].map(([day, of]) => (
        <section key={day} class="section" aria-labelledby={`log-${day}`}>
          <h2 class="section-heading" id={`log-${day}`}>
            <span>{longDayText(Temporal.PlainDate.from(day), calendar)}</span>
          </h2>
          <ol class="activity" role="list">
            {of.map((group) => (
              <Step
                key={group.entries[0]?.eventId ?? group.cause}
                group={group}
                cut={more && group === groups.at(-1)}
                look={look}
              />
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function Step(
  { group, cut, look }: { group: Group; cut: boolean; look: DaysProps["look"] },
): JSX.Element | null {
  const app = useApp();
  const { store, router } = app;
  const calendar = app.calendar.value;
  const [problem, setProblem] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const [first] = group.entries;
  if (first === undefined) return null;
  const several = group.entries.length > 1;
  const words = several
    ? `${plural(group.entries.length, "change", "changes")}${cut ? " or more" : ""} at once`
    : stepText(first, calendar, app.lists.value);
  const undo = async () => {
    setProblem(null);
    try {
      await app.actions.undoEvent(several ? { causationId: group.cause } : { eventId: first.eventId });
      app.toasts.show({ text: `Undone: ${words}` });
    } catch (error) {
      setProblem(undoFailure(error));
    }
  };
  const title = (entry: AuditEntry): string | null => {
    const name = (entry.taskId === null ? undefined : store.get(entry.taskId)?.title) ??
      entry.after?.title ?? entry.after?.name ?? entry.before?.title;
    return typeof name === "string" ? name : null;
  };
  const line = (entry: AuditEntry) => (
    <span class="log-line" key={entry.eventId}>
      <span dir="auto">{stepText(entry, calendar, app.lists.value)}</span>
      {entry.taskId !== null && (
        <button
          type="button"
          class="log-task"
          dir="auto"
          onClick={() => entry.taskId !== null && router.openTask(entry.taskId)}
        >
          {title(entry) ?? "a task"}
        </button>
      )}
      {entry.taskId === null && title(entry) !== null && <span dir="auto">{quoted(title(entry) ?? "")}</span>}
      {entry.taskId !== null && (
        <button
          type="button"
          class="log-look"
          aria-label={`${title(entry) ?? "the task"} as it was`}
          onClick={() => entry.taskId !== null && look(entry.taskId, entry.at)}
        >
          as it was
        </button>
      )}
    </span>
  );
  return (
    <li>
      <div class="activity-words">
        {several ? <span>{words}</span> : line(first)}
        {several && (all ? group.entries : group.entries.slice(0, 3)).map(line)}
        {several && !all && group.entries.length > 3 && (
          <button
            type="button"
            class="log-look"
            onClick={() => setAll(true)}
          >
            and {group.entries.length - 3} more
          </button>
        )}
        <span class="activity-when">
          <time title={instantText(first.at, calendar)}>{agoText(first.at, calendar)}</time>
          {actorText(first.actor)}
        </span>
        {problem !== null && <span class="field-problem" role="alert">{problem}</span>}
      </div>
      <button
        type="button"
        class="button quiet small"
        aria-label={`Undo: ${words}${several ? "" : ` ${title(first) ?? ""}`}`}
        onClick={() => void undo()}
      >
        Undo
      </button>
    </li>
  );
}

function stepText(
  entry: AuditEntry,
  calendar: Calendar,
  lists: readonly { id: string; name: string }[],
): string {
  const [kind = "", verb = ""] = entry.type.split(".");
  if (kind === "task") return entryText(entry as unknown as HistoryEntry, calendar, lists);
  if (kind === "profile") return "Changed the settings";
  const done = { created: "Made", updated: "Changed", deleted: "Deleted", restored: "Restored" }[verb] ??
    "Changed";
  return `${done} the ${kind}`;
}
