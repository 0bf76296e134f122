/** Calls between services: a function call in one process, HTTP to another; a shared token says who calls. */
import { prepareCall, tokenGuard } from "../calls.ts";
import { fetchInTrace } from "../../telemetry/trace.ts";
import type { Invoker, Service } from "../ports.ts";

const TOKEN_HEADER = "x-rondo-internal-token";

export interface InvokeOptions {
  /** The services of this process. */
  services: ReadonlyMap<string, Pick<Service, "fetch">>;
  /** Base addresses of services in other processes. */
  peers: Readonly<Record<string, string>>;
  /** Known to the services of one installation only. */
  internalToken: string;
  /** How long an answer may take, its body included; default 10,000 ms. */
  timeoutMs?: number;
}

/** Both ends of a call between services: asking, and telling who asks. */
interface Internal {
  invoke: Invoker["invoke"];
  isInternal(request: Request): boolean;
}

/**
 * Calls between services; one without an answer in time rejects with a `TimeoutError`.
 *
 * @throws RangeError for a token short enough to guess
 */
export function createInvoker(options: InvokeOptions): Internal {
  const { services, peers, internalToken, timeoutMs = 10_000 } = options;
  return {
    isInternal: tokenGuard(TOKEN_HEADER, internalToken),

    async invoke(service, path, init = {}) {
      const { headers, signal } = prepareCall(service, path, init, timeoutMs);
      headers.set(TOKEN_HEADER, internalToken);
      const local = services.get(service);
      if (local !== undefined) {
        const request = new Request(`http://${service}.internal${path}`, { ...init, headers, signal });
        return await unlessAborted(signal, async () => await local.fetch(request));
      }
      const peer = Object.hasOwn(peers, service) ? peers[service] : undefined;
      if (peer === undefined) throw new Error(`Cannot invoke ${service} as no service has that name`);
      // A redirect could carry the token to somebody else.
      return await fetchInTrace(new URL(path, peer), { ...init, headers, signal, redirect: "manual" });
    },
  };
}

/** The answer of `work`, which may know nothing of the signal. @throws the signal's reason as soon as it aborts */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
