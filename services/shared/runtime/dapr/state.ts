/** A service's state in the sidecar's store; the store puts the service's name before each key. */
import type { StateStore } from "../ports.ts";
import { type Sidecar, SidecarError } from "./sidecar.ts";

const CONFLICT = 409;
const NO_CONTENT = 204;
/** The store's words for a key that is there already: it has no error of its own for that. */
const NOT_WRITTEN = "no item was updated";

export function createState(sidecar: Sidecar, component: string): StateStore {
  const path = (key: string): string => `state/${component}/${encodeURIComponent(key)}`;
  return {
    async get(key) {
      const { ok, status, headers, text } = await sidecar.send("GET", path(key));
      if (!ok) throw new SidecarError("read state", status, text);
      if (status === NO_CONTENT || text === "") return null;
      return { value: JSON.parse(text), etag: headers.get("etag") ?? "" };
    },

    async set(key, value, { etag, ttlSeconds } = {}) {
      const entry = {
        key,
        value: value ?? null,
        // First-write without an etag writes what is not there.
        ...(etag === undefined ? {} : { options: { concurrency: "first-write" } }),
        ...(typeof etag === "string" ? { etag } : {}),
        ...(ttlSeconds === undefined ? {} : { metadata: { ttlInSeconds: String(Math.ceil(ttlSeconds)) } }),
      };
      const { ok, status, text } = await sidecar.send("POST", `state/${component}`, {
        body: JSON.stringify([entry]),
      });
      if (status === CONFLICT && etag !== undefined) return false;
      if (etag === null && text.includes(NOT_WRITTEN)) return false;
      if (!ok) throw new SidecarError("write state", status, text);
      return true;
    },

    async delete(key) {
      const { ok, status, text } = await sidecar.send("DELETE", path(key));
      if (!ok) throw new SidecarError("delete state", status, text);
    },
  };
}
