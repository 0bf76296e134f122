/** The api's options out of the settings. */
import type { Config } from "../shared/host/config.ts";
import type { Host } from "../shared/host/host.ts";
import type { ApiOptions } from "./app.ts";

/** The api's options, with its pool on the accounts opened on the host. */
export function apiOptions(
  host: Host,
  config: Config,
  options: { publicUrl: string; secret: string },
): ApiOptions {
  return {
    ...options,
    accountsSql: host.connect({
      name: "accounts",
      role: "rondo_api",
      searchPath: "accounts",
      nativeTypes: true,
      max: 4,
    }),
    trustProxy: config.TRUST_PROXY,
    emailEnabled: config.SMTP_URL !== undefined,
    pushEnabled: config.PUSH_HOSTS.length > 0,
    rateLimits: {
      signInPerMinute: config.RATE_SIGN_IN_PER_MINUTE,
      callsPerSecond: config.RATE_CALLS_PER_SECOND,
    },
  };
}
