/** Where the account is signed in. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Device } from "../api/calls.ts";
import { instantInSentence } from "../model/dates.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { Failed, Skeleton } from "./states.tsx";

type Read = { state: "loading" } | { state: "failed"; error: unknown } | {
  state: "ready";
  items: Device[];
  here: string | null;
};

const BROWSERS: readonly [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/Firefox\//, "Firefox"],
  [/OPR\//, "Opera"],
  [/Chrom(e|ium)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** "Firefox on Linux", as far as a browser says who it is. */
export function deviceText(userAgent: string | null): string {
  if (userAgent === null || userAgent === "") return "A program";
  const of = (table: readonly [RegExp, string][]) => table.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = of(BROWSERS);
  const system = of(SYSTEMS);
  if (browser === undefined) return system ?? "A program";
  return system === undefined ? browser : `${browser} on ${system}`;
}

export function Devices(): JSX.Element {
  const app = useApp();
  const calendar = app.calendar.value;
  const [read, setRead] = useState<Read>({ state: "loading" });
  const load = async () => {
    try {
      const [items, current] = await Promise.all([app.calls.devices(), app.calls.device()]);
      const here = current?.session.id ?? null;
      // This one first, then the one used last.
      items.sort((a, b) =>
        Number(b.id === here) - Number(a.id === here) || (a.updatedAt < b.updatedAt ? 1 : -1)
      );
      setRead({ state: "ready", items, here });
    } catch (error) {
      setRead({ state: "failed", error });
    }
  };
  useEffect(() => void load(), []);
  const end = async (call: () => Promise<unknown>, said: string) => {
    try {
      await call();
      app.toasts.show({ text: said });
      await load();
    } catch (error) {
      app.actions.complain("Could not sign the device out", error);
    }
  };
  switch (read.state) {
    case "loading":
      return <Skeleton rows={2} />;
    case "failed":
      return (
        <Failed
          title="Your devices could not be loaded"
          detail={failure(read.error, "They are still signed in.")}
          retry={() => void load()}
        />
      );
    case "ready":
      return (
        <>
          <ul class="settings-list" role="list" aria-label="Devices">
            {read.items.map((device) => {
              const name = deviceText(device.userAgent);
              const here = device.id === read.here;
              return (
                <li key={device.id}>
                  <span>
                    <span>{name}</span>
                    <span class="field-hint">
                      {here ? "This device · " : ""}
                      since {instantInSentence(device.createdAt, calendar)}
                      {device.ipAddress ? ` · ${device.ipAddress}` : ""}
                    </span>
                  </span>
                  {!here && (
                    <button
                      type="button"
                      class="button quiet danger small"
                      aria-label={`Sign out ${name}`}
                      onClick={() => void end(() => app.calls.endDevice(device.token), `Signed out ${name}`)}
                    >
                      Sign out
                    </button>
                  )}
                </li>
              );
            })}
          </ul>
          {read.items.length > 1 && (
            <button
              type="button"
              class="button quiet danger"
              onClick={() => void end(app.calls.endOtherDevices, "Signed out all other devices")}
            >
              Sign out all others
            </button>
          )}
        </>
      );
  }
}
