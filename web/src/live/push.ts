/** Web push as a browser offers it. */
import type { PushPlatform } from "../model/push.ts";

/** Null where a browser can't be pushed to. */
export function browserPush(): PushPlatform | null {
  const { serviceWorker: workers } = navigator;
  if (workers === undefined || !("PushManager" in globalThis) || !("Notification" in globalThis)) return null;
  return {
    label: labelOf(navigator.userAgent),
    permitted: () => Notification.permission === "granted",
    permit: async () => await Notification.requestPermission() === "granted",
    async subscribe(key) {
      const { pushManager } = await workers.ready;
      const known = await pushManager.getSubscription();
      const keyOf = (subscription: PushSubscription) => {
        const { applicationServerKey } = subscription.options;
        return applicationServerKey === null ? null : encode(new Uint8Array(applicationServerKey));
      };
      if (known !== null && keyOf(known) === key) return known.toJSON();
      // Another installation's, or one whose key was lost: a browser holds one at a time.
      await known?.unsubscribe();
      const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
      return made.toJSON();
    },
    async unsubscribe() {
      const registration = await workers.getRegistration();
      const known = await registration?.pushManager.getSubscription();
      await known?.unsubscribe();
    },
  };
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** `Firefox on Android`: enough to tell one's own browsers apart. */
export function labelOf(userAgent: string): string {
  const find = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = find([
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\//, "Firefox"],
    [/Chrome\/|CriOS\//, "Chrome"],
    [/Safari\//, "Safari"],
  ]);
  const system = find([
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Android/, "Android"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "Mac"],
    [/Linux/, "Linux"],
  ]);
  return [browser ?? "A browser", system].filter((word) => word !== undefined).join(" on ");
}
