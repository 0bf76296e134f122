/** The service worker from the side of a tab: registering it, its new versions, what it asks tabs to do. */

export interface InstalledHandlers {
  /** A new version is here; `use` makes this tab run it. */
  onUpdate(use: () => void): void;
  /** A notification was clicked. */
  onOpen(url: string): void;
  /** The browser gave up the push subscription. */
  onSubscriptionChanged(): void;
}

/** Between two questions for a new version in a tab that stays open. */
const ASK_EVERY_MS = 3_600_000;

/** Registers the service worker; where there is none (insecure origins) the application works without. */
export async function install(handlers: InstalledHandlers): Promise<void> {
  const { serviceWorker: workers } = navigator;
  if (workers === undefined) return;
  let reloading = false;
  workers.addEventListener("message", ({ data }: MessageEvent<{ type?: string; url?: string } | null>) => {
    if (data?.type === "open" && typeof data.url === "string") handlers.onOpen(data.url);
    if (data?.type === "subscription-changed") handlers.onSubscriptionChanged();
  });
  // Refused by the browser's settings, it may also simply give nothing.
  const registration: ServiceWorkerRegistration | null | undefined = await workers.register("/sw.js")
    .catch(() => null);
  if (!registration) return;

  const use = (worker: ServiceWorker) => () => {
    reloading = true;
    // Another tab was faster: it leads already.
    if (worker.state === "activated") location.reload();
    else worker.postMessage({ type: "take-over" });
  };
  workers.addEventListener("controllerchange", () => {
    // Only the tab in which somebody asked for it: others may hold a draft.
    if (reloading) location.reload();
  });
  /** The first worker ever is no news: the page that registered it is its version. */
  const watch = (worker: ServiceWorker | null) => {
    if (worker === null || workers.controller === null) return;
    const offer = () => {
      if (worker.state !== "installed") return;
      worker.removeEventListener("statechange", offer);
      handlers.onUpdate(use(worker));
    };
    worker.addEventListener("statechange", offer);
    offer();
  };
  watch(registration.waiting);
  registration.addEventListener("updatefound", () => watch(registration.installing));

  const ask = () => void registration.update().catch(() => {});
  setInterval(ask, ASK_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") ask();
  });
}
