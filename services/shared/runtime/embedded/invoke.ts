/** Calls between services: a function call in one process, HTTP to another; a shared token says who calls. */
import { createHash, timingSafeEqual } from "node:crypto";
import { contextHeaders } from "../../http/app.ts";
import type { Invoker, Service } from "../ports.ts";

const TOKEN_HEADER = "x-rondo-internal-token";
const INTERNAL = "/internal/";

export interface InvokeOptions {
  /** The services of this process. */
  services: ReadonlyMap<string, Pick<Service, "fetch">>;
  /** Base addresses of services in other processes. */
  peers: Readonly<Record<string, string>>;
  /** Known to the services of one installation only. */
  internalToken: string;
}

export interface Internal {
  invoke: Invoker["invoke"];
  isInternal(request: Request): boolean;
}

/** @throws RangeError for a token short enough to guess */
export function createInvoker(options: InvokeOptions): Internal {
  const { services, peers, internalToken } = options;
  if (internalToken.length < 16) {
    throw new RangeError(
      `Cannot guard internal routes as the token is too short: current length is ${internalToken.length}`,
    );
  }
  const digest = (token: string) => createHash("sha256").update(token).digest();
  const expected = digest(internalToken);
  return {
    async invoke(service, path, init = {}) {
      if (!path.startsWith(INTERNAL)) {
        throw new TypeError(
          `Cannot invoke ${service} as the path must begin with ${INTERNAL}: current value is ${path}`,
        );
      }
      const headers = new Headers(init.headers);
      for (const [name, value] of Object.entries(contextHeaders())) headers.set(name, value);
      headers.set(TOKEN_HEADER, internalToken);
      const local = services.get(service);
      if (local !== undefined) {
        return await local.fetch(new Request(`http://${service}.internal${path}`, { ...init, headers }));
      }
      const peer = Object.hasOwn(peers, service) ? peers[service] : undefined;
      if (peer === undefined) throw new Error(`Cannot invoke ${service} as no service has that name`);
      // A redirect could carry the token to somebody else.
      return await fetch(new URL(path, peer), { ...init, headers, redirect: "manual" });
    },

    isInternal(request) {
      const given = request.headers.get(TOKEN_HEADER);
      return given !== null && timingSafeEqual(digest(given), expected);
    },
  };
}
