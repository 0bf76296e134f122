/** Preferences, what goes out and comes in, and the account. Every change is saved as it is made. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { exportUrl } from "../api/rondo.ts";
import type {
  ApiKey,
  FeedState,
  ImportFormat,
  ImportResult,
  Preferences,
  ProfilePatch,
} from "../api/types.ts";
import { instantInSentence, zoneText } from "../model/dates.ts";
import type { PushState } from "../model/push.ts";
import { failure, plural, quoted } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { CopyLine } from "./copyline.tsx";
import { Devices } from "./devices.tsx";
import { Download, Trash2, Upload } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { Options } from "./options.tsx";
import { Popover } from "./popover.tsx";
import { Failed, Skeleton } from "./states.tsx";
import { Field } from "./viewheader.tsx";
import { zoneOptions } from "./zones.ts";

const Webhooks = lazy(async () => (await import("./webhooks.tsx")).Webhooks, () => <Skeleton rows={1} />);

export function SettingsView(): JSX.Element {
  return (
    <>
      <header class="view-header">
        <h1>Settings</h1>
      </header>
      <div class="settings">
        <Profile />
        <Look />
        <Channels />
        <Group title="Devices" text="Where you are signed in.">
          <Devices />
        </Group>
        <Keys />
        <Transfer />
        <Feed />
        <Group title="Webhooks" text="What changes in your tasks, told to an address of yours.">
          <Webhooks />
        </Group>
        <Account />
      </div>
    </>
  );
}

function Group(
  { title, text, children }: { title: string; text?: string; children: ComponentChildren },
): JSX.Element {
  return (
    <section class="settings-group">
      <header>
        <h2>{title}</h2>
        {text && <p>{text}</p>}
      </header>
      <div class="settings-body">{children}</div>
    </section>
  );
}

/** One line: what it is on the left, the control at its end. */
function Line(
  { label, hint, children }: { label: string; hint?: string; children: ComponentChildren },
): JSX.Element {
  return (
    <label class="settings-line">
      <span>
        <span>{label}</span>
        {hint && <span class="field-hint">{hint}</span>}
      </span>
      {children}
    </label>
  );
}

function usePatch(): (patch: ProfilePatch) => void {
  const { session, toasts } = useApp();
  return (patch) => {
    session.patch(patch).catch((error) =>
      toasts.show({
        tone: "error",
        text: "Could not save this setting",
        detail: failure(error, "The old value is back."),
        action: { label: "Try again", run: () => void session.patch(patch).catch(() => {}) },
      })
    );
  };
}

function Profile(): JSX.Element {
  const app = useApp();
  const patch = usePatch();
  const me = app.session.me.value;
  const [zones, setZones] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  return (
    <Group title="You">
      <Line label="Name">
        <input
          class="input"
          dir="auto"
          autoComplete="name"
          maxLength={100}
          value={me?.name ?? ""}
          onChange={(event) => {
            const name = event.currentTarget.value.trim();
            if (name === "") event.currentTarget.value = me?.name ?? "";
            else patch({ name });
          }}
        />
      </Line>
      <Line label="E-mail">
        <span class="settings-value">{me?.email}</span>
      </Line>
      <div class="settings-line">
        <span id="zone-label">
          <span>Time zone</span>
          <span class="field-hint">Times without a zone of their own are read in it</span>
        </span>
        <button
          ref={button}
          type="button"
          class="input settings-zone"
          aria-labelledby="zone-label zone-value"
          aria-haspopup="dialog"
          aria-expanded={zones}
          onClick={() => setZones(true)}
        >
          <span id="zone-value">{zoneText(me?.timeZone ?? "UTC")}</span>
        </button>
        {zones && (
          <Popover label="Time zone" anchor={() => button.current} onClose={() => setZones(false)}>
            <Options
              label="Time zone"
              filter="Find a time zone"
              most={60}
              options={zoneOptions(app.calendar.value.now)}
              selected={[me?.timeZone ?? ""]}
              onPick={(timeZone) => {
                setZones(false);
                patch({ timeZone });
              }}
            />
          </Popover>
        )}
      </div>
      <Line label="The week starts on">
        <select
          class="input"
          value={app.session.preferences.value.weekStart}
          onChange={(event) =>
            patch({ preferences: { weekStart: event.currentTarget.value as Preferences["weekStart"] } })}
        >
          <option value="monday">Monday</option>
          <option value="sunday">Sunday</option>
          <option value="saturday">Saturday</option>
        </select>
      </Line>
    </Group>
  );
}

function Look(): JSX.Element {
  const { session } = useApp();
  const patch = usePatch();
  const { theme, density } = session.preferences.value;
  return (
    <Group title="Look">
      <Line label="Theme">
        <select
          class="input"
          value={theme}
          onChange={(event) =>
            patch({ preferences: { theme: event.currentTarget.value as Preferences["theme"] } })}
        >
          <option value="system">Like the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </Line>
      <Line label="Density">
        <select
          class="input"
          value={density}
          onChange={(event) =>
            patch({ preferences: { density: event.currentTarget.value as Preferences["density"] } })}
        >
          <option value="comfortable">Comfortable</option>
          <option value="compact">Compact</option>
        </select>
      </Line>
    </Group>
  );
}

function Switch(
  { label, hint, checked, disabled, onChange }: {
    label: string;
    hint?: string;
    checked: boolean;
    disabled?: boolean;
    onChange: (checked: boolean) => void;
  },
): JSX.Element {
  return (
    <Line label={label} hint={hint}>
      <input
        type="checkbox"
        role="switch"
        class="switch"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </Line>
  );
}

const PUSH_HINTS: Record<PushState, string | undefined> = {
  unsupported: "This browser can’t be told; on an iPhone, add Rondo to the home screen first",
  off: "Also when Rondo is closed",
  working: "Asking the browser",
  on: "This browser is told, also when Rondo is closed",
  refused: "This browser does not allow it: change that in its settings for this page",
};

/** The preference holds for all browsers; turning it on here also subscribes this one. */
function PushSwitch(): JSX.Element {
  const { session, push, toasts } = useApp();
  const patch = usePatch();
  const me = session.me.value;
  const wanted = me?.preferences.channels.push ?? false;
  const canPush = me?.capabilities.push ?? false;
  const state = push.state.value;
  const change = async (on: boolean) => {
    try {
      if (on) {
        await push.turnOn();
        if (push.state.peek() === "refused") return;
      } else await push.turnOff();
      patch({ preferences: { channels: { push: on } } });
    } catch (error) {
      toasts.show({
        tone: "error",
        text: "Could not turn on notifications in this browser",
        detail: failure(error, "It is off as before."),
      });
    }
  };
  return (
    <Switch
      label="By this browser"
      hint={canPush ? PUSH_HINTS[state] : "Push is off on this server"}
      checked={canPush && wanted && state === "on"}
      disabled={!canPush || state === "unsupported" || state === "working"}
      onChange={(on) => void change(on)}
    />
  );
}

function Channels(): JSX.Element {
  const { session } = useApp();
  const patch = usePatch();
  const { channels, quietHours } = session.preferences.value;
  const canMail = session.me.value?.capabilities.email ?? false;
  const time = (field: "from" | "to", label: string) => (
    <input
      type="time"
      class="input"
      aria-label={label}
      required
      value={quietHours[field]}
      onChange={(event) => {
        const value = event.currentTarget.value.slice(0, 5);
        if (value !== "") patch({ preferences: { quietHours: { [field]: value } } });
      }}
    />
  );
  return (
    <Group title="Reminders" text="How you are told when a task is due.">
      <Switch
        label="In the app"
        checked={channels.inApp}
        onChange={(inApp) => patch({ preferences: { channels: { inApp } } })}
      />
      <Switch
        label="By e-mail"
        hint={canMail ? undefined : "E-mail is off on this server"}
        checked={canMail && channels.email}
        disabled={!canMail}
        onChange={(email) => patch({ preferences: { channels: { email } } })}
      />
      <PushSwitch />
      <Switch
        label="Quiet hours"
        hint="E-mail and push wait until they end"
        checked={quietHours.enabled}
        onChange={(enabled) => patch({ preferences: { quietHours: { enabled } } })}
      />
      {quietHours.enabled && (
        <div class="settings-line">
          <span>From and to</span>
          <span class="inline-form">{time("from", "Quiet from")} – {time("to", "Quiet until")}</span>
        </div>
      )}
    </Group>
  );
}

type Listed<T> = { state: "loading" } | { state: "failed"; error: unknown } | { state: "ready"; items: T[] };

function Keys(): JSX.Element {
  const app = useApp();
  const [keys, setKeys] = useState<Listed<ApiKey>>({ state: "loading" });
  const [name, setName] = useState("");
  const [writes, setWrites] = useState(true);
  const [problem, setProblem] = useState<string | null>(null);
  const [fresh, setFresh] = useState<{ id: string; name: string; key: string } | null>(null);
  const load = async () => {
    try {
      setKeys({ state: "ready", items: (await app.rondo.keys()).items });
    } catch (error) {
      setKeys({ state: "failed", error });
    }
  };
  useEffect(() => void load(), []);
  const create = async () => {
    const wanted = name.trim();
    if (wanted === "") return setProblem("Give the key a name, such as the program that will use it.");
    try {
      const made = await app.calls.createKey(wanted, writes ? ["read", "write"] : ["read"]);
      setFresh({ id: made.id, name: made.name, key: made.key });
      setName("");
      await load();
    } catch (error) {
      setProblem(failure(error, "No key was made."));
    }
  };
  const revoke = async (key: ApiKey) => {
    try {
      await app.rondo.deleteKey(key.id);
      if (fresh?.id === key.id) setFresh(null);
      app.toasts.show({ text: `Revoked ${quoted(key.name)}` });
      await load();
    } catch (error) {
      app.toasts.show({
        tone: "error",
        text: `Could not revoke ${quoted(key.name)}`,
        detail: failure(error),
      });
    }
  };
  return (
    <Group title="API keys" text="For programs that read and change your tasks.">
      {fresh !== null && (
        <div class="settings-fresh" role="status">
          <p>
            The key of {quoted(fresh.name)}. It is shown only now: keep it somewhere safe.
          </p>
          <CopyLine value={fresh.key} label="Copy the key" />
        </div>
      )}
      {keys.state === "loading" && <Skeleton rows={1} />}
      {keys.state === "failed" && (
        <Failed
          title="Your keys could not be loaded"
          detail={failure(keys.error, "They still work.")}
          retry={() => void load()}
        />
      )}
      {keys.state === "ready" && keys.items.length > 0 && (
        <ul class="settings-list" role="list" aria-label="API keys">
          {keys.items.map((key) => (
            <li key={key.id}>
              <span>
                <span dir="auto">{key.name}</span>
                <span class="field-hint">
                  {key.start !== null && `${key.start}… · `}
                  {key.scopes.includes("write") ? "reads and changes" : "only reads"} ·{" "}
                  {key.lastUsedAt === null
                    ? "never used"
                    : `last used ${instantInSentence(key.lastUsedAt, app.calendar.value)}`}
                </span>
              </span>
              <button
                type="button"
                class="button quiet danger small"
                aria-label={`Revoke ${key.name}`}
                onClick={() => void revoke(key)}
              >
                Revoke
              </button>
            </li>
          ))}
        </ul>
      )}
      <form
        class="settings-form"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <Field label="New key" problem={problem}>
          {(id, described) => (
            <span class="inline-form">
              <input
                id={id}
                class="input"
                dir="auto"
                maxLength={32}
                placeholder="What uses it"
                value={name}
                aria-describedby={described}
                aria-invalid={problem !== null}
                onInput={(event) => {
                  setName(event.currentTarget.value);
                  setProblem(null);
                }}
              />
              <select
                class="input"
                aria-label="What it may do"
                value={writes ? "write" : "read"}
                onChange={(event) => setWrites(event.currentTarget.value === "write")}
              >
                <option value="write">Read and change</option>
                <option value="read">Only read</option>
              </select>
              <button type="submit" class="button">Create key</button>
            </span>
          )}
        </Field>
      </form>
    </Group>
  );
}

const FORMATS: readonly { value: ImportFormat; label: string; accept: string }[] = [
  { value: "todotxt", label: "todo.txt", accept: ".txt,text/plain" },
  { value: "todoist-csv", label: "Todoist (CSV)", accept: ".csv,text/csv" },
  { value: "ical", label: "iCalendar", accept: ".ics,text/calendar" },
];
const LARGEST_FILE = 20 * 1024 * 1024;

function Transfer(): JSX.Element {
  const app = useApp();
  const [format, setFormat] = useState<ImportFormat>("todotxt");
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<{ result: ImportResult } | { problem: string } | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const chosen = FORMATS.find(({ value }) => value === format);

  const run = async (picked: File) => {
    if (picked.size > LARGEST_FILE) {
      return setOutcome({ problem: "The file is larger than 20 MB. Nothing was imported." });
    }
    setBusy(true);
    setOutcome(null);
    try {
      const result = await app.rondo.importFile(format, picked);
      setOutcome({ result });
      await app.loadTasks();
    } catch (error) {
      setOutcome({ problem: failure(error, "Nothing was imported.") });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Group title="Import and export">
      <div class="settings-line">
        <span id="import-label">
          <span>Import a file</span>
          <span class="field-hint">Up to 20 MB; nothing that you have is changed</span>
        </span>
        <span class="inline-form">
          <select
            class="input"
            aria-label="Format of the file"
            value={format}
            onChange={(event) => setFormat(event.currentTarget.value as ImportFormat)}
          >
            {FORMATS.map(({ value, label }) => <option value={value} key={value}>{label}</option>)}
          </select>
          <button
            type="button"
            class="button"
            disabled={busy}
            aria-busy={busy}
            onClick={() => file.current?.click()}
          >
            <Upload size={15} aria-hidden="true" /> {busy ? "Importing…" : "Choose a file"}
          </button>
          <input
            ref={file}
            type="file"
            class="visually-hidden"
            tabIndex={-1}
            aria-labelledby="import-label"
            accept={chosen?.accept}
            onChange={(event) => {
              const picked = event.currentTarget.files?.[0];
              event.currentTarget.value = "";
              if (picked !== undefined) void run(picked);
            }}
          />
        </span>
      </div>
      {outcome !== null && (
        <div class="import-outcome" role="status">
          {"problem" in outcome
            ? <p class="field-problem">{outcome.problem}</p>
            : <Outcome result={outcome.result} />}
        </div>
      )}
      <div class="settings-line">
        <span>Export everything</span>
        <span class="inline-form">
          {(["json", "todotxt", "ical"] as const).map((kind) => (
            <a class="button" href={exportUrl(kind)} download key={kind}>
              <Download size={15} aria-hidden="true" />
              {kind === "json" ? "JSON" : kind === "ical" ? "iCalendar" : "todo.txt"}
            </a>
          ))}
        </span>
      </div>
    </Group>
  );
}

/** More lines than these are counted, not listed. */
const LISTED_PROBLEMS = 50;

function Outcome({ result }: { result: ImportResult }): JSX.Element {
  const { imported, skipped, problems } = result;
  return (
    <>
      <p>
        {plural(imported, "task", "tasks")} imported
        {skipped > 0 && `, ${skipped.toLocaleString()} skipped`}
        {problems.length > 0 && `, ${plural(problems.length, "line", "lines")} with a problem`}.
      </p>
      {problems.length > 0 && (
        <ol role="list">
          {problems.slice(0, LISTED_PROBLEMS).map((problem, index) => (
            <li key={index}>
              <span class="field-hint">Line {problem.line.toLocaleString()}</span> {problem.message}
            </li>
          ))}
          {problems.length > LISTED_PROBLEMS && <li>and {problems.length - LISTED_PROBLEMS} more</li>}
        </ol>
      )}
    </>
  );
}

function Feed(): JSX.Element {
  const app = useApp();
  const [feed, setFeed] = useState<Listed<FeedState>>({ state: "loading" });
  const read = async (call: () => Promise<FeedState>) => {
    try {
      const answer = await call();
      setFeed({ state: "ready", items: answer.createdAt === null ? [] : [answer] });
    } catch (error) {
      setFeed({ state: "failed", error });
    }
  };
  useEffect(() => void read(app.rondo.feed), []);
  const revoke = async () => {
    await read(async () => {
      await app.rondo.deleteFeed();
      return { url: null, createdAt: null };
    });
    app.toasts.show({ text: "The address no longer works" });
  };
  return (
    <Group title="Calendar feed" text="Your dated tasks in any calendar. Who has the address can read them.">
      {feed.state === "loading" && <Skeleton rows={1} />}
      {feed.state === "failed" && (
        <Failed
          title="The feed could not be loaded"
          detail={failure(feed.error)}
          retry={() => void read(app.rondo.feed)}
        />
      )}
      {feed.state === "ready" && (feed.items[0] === undefined
        ? (
          <div class="settings-line">
            <span class="field-hint">There is no address yet</span>
            <button
              type="button"
              class="button"
              onClick={() => void read(app.rondo.createFeed)}
            >
              Create an address
            </button>
          </div>
        )
        : (
          <>
            {feed.items[0].url === null
              ? <p class="field-hint">The address was shown when it was made, and still works</p>
              : <CopyLine value={feed.items[0].url} label="Copy the feed’s address" />}
            <div class="settings-line">
              <span class="field-hint">The address is shown once; a new one ends the old one</span>
              <span class="inline-form">
                <button
                  type="button"
                  class="button"
                  onClick={() => void read(app.rondo.createFeed)}
                >
                  New address
                </button>
                <button
                  type="button"
                  class="button quiet danger"
                  onClick={() =>
                    void revoke()}
                >
                  <Trash2 size={15} aria-hidden="true" /> Revoke
                </button>
              </span>
            </div>
          </>
        ))}
    </Group>
  );
}

function Account(): JSX.Element {
  const app = useApp();
  return (
    <Group title="Account">
      <div class="settings-line">
        <span>Signed in as {app.session.me.value?.email}</span>
        <button
          type="button"
          class="button"
          onClick={() => void app.signOut()}
        >
          Sign out
        </button>
      </div>
    </Group>
  );
}
