/** The frame: sidebar, the view, the pane beside it, and the layers above. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { untracked, useSignalEffect } from "@preact/signals";
import { useApp } from "./context.ts";
import { focusMain, isWide } from "./dom.ts";
import { listenToDrag } from "./drag.ts";
import { X } from "./icons.tsx";
import { closePane, KEY_GROUPS, listenToKeys } from "./keys.ts";
import { lazy } from "./lazy.tsx";
import { TaskMenu } from "./menus.tsx";
import { BottomBar, ConnectionMark, Mark, Navigation, Sidebar } from "./sidebar.tsx";
import { Empty, Failed, Skeleton, useAfter } from "./states.tsx";
import { TaskView } from "./tasklist.tsx";
import { Toasts } from "./toasts.tsx";
import { viewTitle } from "./viewheader.tsx";
import { afterSignIn, signInUrl, viewUrl } from "../model/route.ts";
import { failure } from "../model/wording.ts";

const Auth = lazy(async () => (await import("./pages.ts")).Auth, () => null);
const BoardView = lazy(async () => (await import("./wide.ts")).BoardView);
const CalendarView = lazy(async () => (await import("./wide.ts")).CalendarView);
const ActivityView = lazy(async () => (await import("./past.ts")).ActivityView);
const LedgerView = lazy(async () => (await import("./past.ts")).LedgerView);
const Palette = lazy(async () => (await import("./palette.tsx")).Palette, () => null);
const BulkBar = lazy(async () => (await import("./bulkbar.tsx")).BulkBar, () => null);
const Detail = lazy(async () => (await import("./editing.ts")).Detail, () => <Skeleton rows={5} />);
const SettingsView = lazy(async () => (await import("./pages.ts")).SettingsView);
const UnsavedView = lazy(async () => (await import("./pages.ts")).UnsavedView);
const ChatView = lazy(async () => (await import("./chat.tsx")).ChatView);
const NotificationsView = lazy(async () => (await import("./pages.ts")).NotificationsView);

export function Root(): JSX.Element {
  const app = useApp();
  const session = app.session.session.value;
  const waiting = useAfter(150);
  const left = useRef(false);

  useSignalEffect(() => {
    const { view, ...rest } = app.router.route.value;
    const current = app.session.session.value;
    const { state } = current;
    const signingIn = view.name === "sign-in" || view.name === "sign-up";
    document.title = `${viewTitle(view, app.lists.value, app.filters.items.value)} · Rondo`;
    untracked(() => {
      if (current.state === "signed-in" && signingIn) {
        app.router.go(afterSignIn(app.platform.history.read()), { replace: true });
      }
      if (current.state === "signed-out" && !signingIn) {
        // Who leaves by choice begins anew; a link, or a session that ended, leads back to where it was.
        const from = left.current && !current.expired ? "/inbox" : viewUrl(view, rest);
        app.router.go(signInUrl(from), { replace: true });
      }
      left.current = state === "signed-in";
    });
  });

  switch (session.state) {
    case "unknown":
      return <div class="boot" aria-busy="true">{waiting && <Mark />}</div>;
    case "failed":
      return (
        <main class="boot">
          <Failed
            title="Rondo could not be reached"
            detail={failure(session.error, "Nothing was lost.")}
            retry={() => void app.start()}
          />
          <Toasts />
        </main>
      );
    case "signed-out":
      return (
        <>
          <Auth />
          <Toasts />
        </>
      );
    case "signed-in":
      return <Frame />;
  }
}

function Frame(): JSX.Element {
  const app = useApp();
  const { router } = app;
  const main = useRef<HTMLElement>(null);
  const open = router.taskId.value !== null;
  const viewKey = router.viewKey.value;
  const { name } = router.view.value;
  const wide = name === "board" || name === "calendar";
  const first = useRef(true);

  useEffect(() => listenToKeys(app), []);
  useEffect(() => listenToDrag(app), []);
  // A new view begins at its top, and the keyboard with it.
  useEffect(() => {
    app.ui.setFocused(null);
    if (first.current) {
      first.current = false;
      return;
    }
    globalThis.scrollTo(0, 0);
    main.current?.scrollTo(0, 0);
    if (!document.activeElement?.matches("input, textarea")) focusMain();
  }, [viewKey]);

  return (
    <div class="frame" data-pane={open || undefined}>
      <a
        class="skip-link"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          focusMain();
        }}
      >
        Skip to the tasks
      </a>
      <Sidebar />
      <main
        id="main"
        class="main"
        ref={main}
        tabIndex={-1}
        aria-label={viewTitle(router.view.value, app.lists.value, app.filters.items.value)}
      >
        <div class="column" data-wide={wide || undefined}>
          <View />
        </div>
      </main>
      {open && <Pane />}
      <BottomBar />
      <TaskMenu />
      {app.selection.size.value > 0 && <BulkBar />}
      {app.ui.palette.value && <Palette />}
      <Sheets />
      <Toasts />
    </div>
  );
}

function View(): JSX.Element {
  const { router } = useApp();
  switch (router.view.value.name) {
    case "settings":
      return <SettingsView />;
    case "chat":
      return <ChatView />;
    case "notifications":
      return <NotificationsView />;
    case "not-saved":
      return <UnsavedView />;
    case "board":
      return <BoardView />;
    case "calendar":
      return <CalendarView />;
    case "activity":
      return <ActivityView />;
    case "reminders":
      return <LedgerView />;
    case "not-found":
      return (
        <Empty
          icon={null}
          title="There is nothing at this address"
          text="The link may be old, or a letter of it got lost."
          action={{ label: "Go to the Inbox", run: () => router.go("/inbox") }}
        />
      );
    default:
      return <TaskView />;
  }
}

function Pane(): JSX.Element {
  const app = useApp();
  const pane = useRef<HTMLElement>(null);
  const id = app.router.taskId.value;
  // Where the pane covers the list the focus goes into it; beside the list it stays where it is.
  useEffect(() => {
    if (!isWide()) pane.current?.focus();
  }, [id === null]);
  return (
    <>
      <div class="pane-veil" onClick={() => closePane(app)} aria-hidden="true" />
      <aside class="pane" ref={pane} tabIndex={-1} aria-label="Task">
        {id !== null && <Detail key={id} id={id} />}
      </aside>
    </>
  );
}

function Sheets(): JSX.Element | null {
  const { ui } = useApp();
  switch (ui.sheet.value) {
    case "keys":
      return (
        <Sheet label="Keyboard shortcuts" kind="keys">
          <div class="key-groups">
            {KEY_GROUPS.map((group) => (
              <section key={group.title}>
                <h3>{group.title}</h3>
                <dl>
                  {group.keys.map(([keys, text]) => (
                    <div key={text}>
                      <dt>{text}</dt>
                      <dd>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            ))}
          </div>
        </Sheet>
      );
    case "more":
      return (
        <Sheet label="More" kind="more">
          <nav
            aria-label="All views"
            class="more-nav"
            onClick={(event) => {
              if ((event.target as Element).closest("a") !== null) ui.closeSheet();
            }}
          >
            <Navigation />
            <ul class="nav-group" role="list">
              <li>
                <a class="nav-item" href="/settings">
                  <ConnectionMark />
                  <span class="nav-label">Settings</span>
                </a>
              </li>
            </ul>
          </nav>
        </Sheet>
      );
    case null:
      return null;
  }
}

function Sheet(
  { label, kind, children }: { label: string; kind: string; children: JSX.Element },
): JSX.Element {
  const { ui } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      data-kind={kind}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        ui.closeSheet();
      }}
      onClose={() => ui.closeSheet()}
      onClick={(event) => {
        if (event.target === dialog.current) ui.closeSheet();
      }}
    >
      <div class="sheet-inner">
        <header class="sheet-head">
          <h2>{label}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => ui.closeSheet()}>
            <X size={18} />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
