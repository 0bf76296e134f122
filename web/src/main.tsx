/** Starts the application in a browser. */
import { render } from "preact";
import { effect } from "@preact/signals";
import { createApp } from "./model/app.ts";
import { install } from "./live/installed.ts";
import { browserPush } from "./live/push.ts";
import { indexedCopies } from "./local/indexed.ts";
import type { History } from "./model/route.ts";
import { AppProvider } from "./view/context.ts";
import { Root } from "./view/shell.tsx";

function browserHistory(): History {
  return {
    read: () => new URL(location.href),
    push: (url) => history.pushState(null, "", url),
    replace: (url) => history.replaceState(null, "", url),
    listen: (changed) => addEventListener("popstate", changed),
  };
}

// Browsers that have Temporal do not fetch it.
if (!("Temporal" in globalThis)) await import("temporal-polyfill/global");

const app = createApp({
  history: browserHistory(),
  locale: navigator.language,
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  copies: indexedCopies(),
  push: browserPush(),
  online: () => navigator.onLine,
  tabs: { locks: navigator.locks, channel: (name) => new BroadcastChannel(name) },
});

// Links are the way from view to view: plain clicks on own addresses stay in this page.
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (link === null || link.target !== "" || link.hasAttribute("download")) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
  event.preventDefault();
  app.router.go(url.pathname + url.search);
});

effect(() => {
  if (app.session.session.value.state !== "signed-in") return;
  const { theme, density } = app.session.preferences.value;
  const root = document.documentElement;
  root.dataset.theme = theme;
  root.dataset.density = density;
  try {
    // Read before the first paint of the next visit, so that it does not flash.
    localStorage.setItem("rondo.look", JSON.stringify({ theme, density }));
  } catch {
    // Without storage the look arrives with the profile.
  }
});

addEventListener("online", () => app.wake());
addEventListener("offline", () => app.cut());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") app.wake();
  else app.hide();
});

const root = document.getElementById("app");
if (root !== null) {
  render(
    <AppProvider value={app}>
      <Root />
    </AppProvider>,
    root,
  );
}
void app.start();
void install({
  onUpdate: (use) =>
    app.toasts.show({
      text: "A new version of Rondo is ready",
      action: { label: "Reload", run: use },
      lasting: true,
    }),
  onOpen: (url) => app.router.go(url),
  onSubscriptionChanged: () => void app.push.renew(),
});
