import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { App } from "../model/app.ts";

const AppContext = createContext<App | null>(null);
export const AppProvider = AppContext.Provider;

/** The application of this window; every component is inside its provider. */
export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error("Cannot render outside of AppProvider");
  return app;
}
