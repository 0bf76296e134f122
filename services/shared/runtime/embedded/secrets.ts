/** Secrets out of a map, else out of the environment. */
import type { Secrets } from "../ports.ts";

/** `smtp-password` is `RONDO_SECRET_SMTP_PASSWORD`. */
export function createSecrets(given: Readonly<Record<string, string>> = {}): Secrets {
  return {
    get(name) {
      if (Object.hasOwn(given, name)) return Promise.resolve(given[name]);
      const variable = `RONDO_SECRET_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
      return Promise.resolve(Deno.env.get(variable));
    },
  };
}
