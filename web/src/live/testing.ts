/** A browser for tests: the locks and channels that its tabs share, and timers that the test lets go off. */
import type { ChannelLike, TabsOptions } from "./tabs.ts";

interface Channel {
  name: string;
  listeners: ((event: { data: unknown }) => void)[];
  deaf: boolean;
}
interface Holder {
  take: () => void;
  lose: () => void;
}

export function aBrowser() {
  const channels = new Set<Channel>();
  const timers: (() => void)[] = [];
  let holder: Holder | null = null;
  const queue: Holder[] = [];
  const next = () => {
    holder = queue.shift() ?? null;
    holder?.take();
  };
  const request = (
    _name: string,
    how: { steal?: boolean; signal?: AbortSignal },
    run: () => Promise<void>,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const mine: Holder = {
        // As a browser does it: later.
        take: () =>
          queueMicrotask(() => void run().then(() => holder === mine ? (next(), resolve()) : undefined)),
        lose: () => reject(new DOMException("stolen", "AbortError")),
      };
      how.signal?.addEventListener("abort", () => {
        const at = queue.indexOf(mine);
        if (at >= 0) queue.splice(at, 1);
        if (holder !== mine) reject(how.signal?.reason);
      });
      if (how.steal === true) {
        holder?.lose();
        holder = mine;
        return mine.take();
      }
      if (holder !== null) return void queue.push(mine);
      holder = mine;
      mine.take();
    });
  return {
    timers,
    /** A tab of it; one that is frozen hears nothing any more. */
    tab(): { options: TabsOptions; freeze(): void } {
      const own: Channel[] = [];
      const channel = (name: string): ChannelLike => {
        const mine: Channel = { name, listeners: [], deaf: false };
        channels.add(mine);
        own.push(mine);
        return {
          postMessage(message) {
            const data = structuredClone(message);
            for (const other of channels) {
              if (other === mine || other.name !== name || other.deaf) continue;
              queueMicrotask(() => other.listeners.forEach((listener) => listener({ data })));
            }
          },
          addEventListener: (_type, listener) => void mine.listeners.push(listener),
          close: () => void channels.delete(mine),
        };
      };
      const options: TabsOptions = {
        locks: { request } as unknown as LockManager,
        channel,
        schedule(run) {
          timers.push(run);
          return () => void timers.splice(timers.indexOf(run), 1);
        },
      };
      return { options, freeze: () => own.forEach((one) => one.deaf = true) };
    },
  };
}
