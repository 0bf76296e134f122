/** Whether this browser is told by web push: its subscription, kept in step with the preference and the server. */
import { computed, signal } from "@preact/signals";
import type { Rondo } from "../api/rondo.ts";

/** What a browser offers; injected, so that the model stays free of the DOM. */
export interface PushPlatform {
  /** Asks for permission where it has not been given; false when it is refused. */
  permit(): Promise<boolean>;
  /** Whether permission has been given before. */
  permitted(): boolean;
  /** The subscription with this key (a new one when there was one with another), as the server takes it. */
  subscribe(applicationServerKey: string): Promise<PushSubscriptionJSON>;
  /** Ends the subscription, if there is one. */
  unsubscribe(): Promise<void>;
  /** What a user would call this browser. */
  readonly label: string;
}

export type PushState = "unsupported" | "off" | "working" | "on" | "refused";

export function createPush(rondo: Rondo, platform: PushPlatform | null) {
  const state = signal<PushState>(platform === null ? "unsupported" : "off");
  let id: string | null = null;

  async function subscribe(given: PushPlatform): Promise<void> {
    const { publicKey } = await rondo.pushKey();
    const subscription = await given.subscribe(publicKey);
    id = (await rondo.subscribePush({ ...subscription, label: given.label })).id;
    state.value = "on";
  }

  return {
    state: computed(() => state.value),
    /** Asks, subscribes and tells the server. Throws as the API or the browser does. */
    async turnOn(): Promise<void> {
      if (platform === null) return;
      state.value = "working";
      try {
        if (await platform.permit()) await subscribe(platform);
        else state.value = "refused";
      } catch (error) {
        state.value = "off";
        throw error;
      }
    },
    async turnOff(): Promise<void> {
      if (platform === null) return;
      const gone = id;
      id = null;
      state.value = "off";
      await platform.unsubscribe();
      if (gone !== null) await rondo.unsubscribePush(gone).catch(() => {});
    },
    /** Says again that this browser wants to be told, as its subscription may have changed. Nobody is asked. */
    async renew(): Promise<void> {
      if (platform === null || !platform.permitted()) return;
      await subscribe(platform).catch(() => {
        // Without a connection it stays as it was; the next start says it again.
      });
    },
  };
}
export type PushModel = ReturnType<typeof createPush>;
