import type { JSX } from "preact";
export function SettingsView(): JSX.Element {
  return <h1>Settings</h1>;
}
