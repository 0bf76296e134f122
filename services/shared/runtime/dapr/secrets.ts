/** Secrets out of the sidecar's store. */
import { z } from "zod";
import type { Secrets } from "../ports.ts";
import { errorCodeOf, type Sidecar, SidecarError } from "./sidecar.ts";

const Values = z.record(z.string(), z.string());

export function createSecrets(sidecar: Sidecar, component: string): Secrets {
  return {
    async get(name) {
      const { ok, status, text } = await sidecar.send(
        "GET",
        `secrets/${component}/${encodeURIComponent(name)}`,
      );
      if (ok) {
        // A store of files and of variables knows one value by the name, Kubernetes several below it.
        const values = text === "" ? {} : Values.parse(JSON.parse(text));
        return (values[name] ?? Object.values(values)[0]) || undefined;
      }
      // The sidecar has no other word for a secret that does not exist.
      if (errorCodeOf(text) === "ERR_SECRET_GET" && /not found/i.test(text)) return undefined;
      throw new SidecarError("read a secret", status, text);
    },
  };
}
