/** Calls between services through their sidecars, which find the other one and prove who calls. */
import { prepareCall } from "../calls.ts";
import { fetchInTrace } from "../../telemetry/trace.ts";
import type { Invoker } from "../ports.ts";
import { errorCodeOf, type Sidecar } from "./sidecar.ts";

const JSON_ANSWER = /^application\/json\b/;

/** @param timeoutMs how long an answer may take, its body included */
export function createInvoker(sidecar: Sidecar, timeoutMs: number): Invoker {
  return {
    async invoke(service, path, init = {}) {
      const { headers, signal } = prepareCall(service, path, init, timeoutMs);
      const target = sidecar.request(`invoke/${service}/method${path}`);
      for (const [name, value] of target.headers) headers.set(name, value);
      const response = await fetchInTrace(target.url, { ...init, headers, signal, redirect: "manual" });
      if (response.status < 400 || !JSON_ANSWER.test(response.headers.get("content-type") ?? "")) {
        return response;
      }
      // Services tell of problems in a type of their own: this may be the sidecar, which could not reach one.
      const text = await response.text();
      if (errorCodeOf(text)?.startsWith("ERR_DIRECT_INVOKE")) {
        throw new Error(`Cannot reach ${service}: ${text.slice(0, 500)}`);
      }
      return new Response(text, { status: response.status, headers: response.headers });
    },
  };
}
