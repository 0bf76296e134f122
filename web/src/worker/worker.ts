/**
 * The service worker: keeps the application itself, so that it opens without a network, and shows what is pushed.
 * Data is not its business: tasks are in the local copy, calls go to the network as if it were not there.
 *
 * A new version is fetched whole beside the old one, and waits until a tab asks for it; the files of the version
 * before stay for the tabs that still run it.
 */
import { noticeOf } from "./notice.ts";
import type { WindowClient, WorkerScope } from "./scope.ts";

/** Filled in by the build. */
declare const FILES: readonly string[];
declare const VERSION: string;

const scope = self as unknown as WorkerScope;
const PREFIX = "rondo-app-";
const CACHE = PREFIX + VERSION;
const PAGE = "/index.html";
/** What is no page of the application. */
const ELSEWHERE = /^\/(api|mcp|health|ready|metrics)(\/|$)/;

scope.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    // Browsers with Temporal never ask for it.
    const files = FILES.filter((file) => !("Temporal" in self && file.includes("/global.esm-")));
    await cache.addAll([new Request(PAGE, { cache: "reload" }), ...files]);
  })());
});

scope.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const ours = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
    // In the order in which they were made.
    await Promise.all(ours.slice(0, -1).map((name) => caches.delete(name)));
    await scope.clients.claim();
  })());
});

scope.addEventListener("message", (event) => {
  if ((event.data as { type?: unknown } | null)?.type === "take-over") void scope.skipWaiting();
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.location.origin) return;
  if (request.mode === "navigate") {
    if (!ELSEWHERE.test(url.pathname)) event.respondWith(cached(PAGE, request));
  } else if (url.pathname.startsWith("/assets/")) event.respondWith(cached(url.pathname, request));
});

async function cached(path: string, request: Request): Promise<Response> {
  const own = await (await caches.open(CACHE)).match(path);
  return own ?? await caches.match(path) ?? await fetch(request);
}

scope.addEventListener("push", (event) => {
  event.waitUntil((async () => {
    const notice = noticeOf(event.data);
    // A push that shows nothing costs the permission: something is said even when the message is not understood.
    await scope.registration.showNotification(notice.title, {
      body: notice.body,
      tag: notice.tag,
      data: { url: notice.url },
      timestamp: notice.timestamp,
      icon: "/icon-192.png",
      badge: "/badge-96.png",
    });
  })());
});

scope.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url = "/notifications" } = (event.notification.data ?? {}) as { url?: string };
  event.waitUntil(show(url));
});

/** Shows an address in a tab that is open, else in a new one. */
async function show(url: string): Promise<void> {
  const tabs = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab: WindowClient | undefined = tabs.find(({ focused }) => focused) ??
    tabs.find(({ visibilityState }) => visibilityState === "visible") ?? tabs[0];
  if (tab === undefined) {
    await scope.clients.openWindow(url);
    return;
  }
  tab.postMessage({ type: "open", url });
  // Not every browser lets a tab be brought to the front.
  await tab.focus().catch(() => {});
}

scope.addEventListener("pushsubscriptionchange", (event) => {
  // The tabs hold the session's state: the next one that opens subscribes again.
  event.waitUntil((async () => {
    const tabs = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
    for (const tab of tabs) tab.postMessage({ type: "subscription-changed" });
  })());
});
