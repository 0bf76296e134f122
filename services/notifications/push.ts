/** Web push: one message to one browser, by way of its push service (RFC 8030, 8291, 8292). */
import webpush from "web-push";
import { isPushAddress, type PushHost } from "../shared/domain/push_hosts.ts";

/** Where a browser is reached, and what its messages are encrypted with. */
export interface PushTarget {
  endpoint: string;
  p256dh: string;
  auth: string;
}

/** What the service worker shows. */
export interface PushMessage {
  /** Of the notification: a second message about it takes the place of the first. */
  id: string;
  title: string;
  body: string;
  /** A path of Rondo. */
  url: string;
  /** milliseconds since the epoch */
  timestamp: number;
}

export type PushResult =
  | { ok: true }
  /** `gone`: the browser no longer wants to be told. `final`: another attempt would end the same way. */
  | { ok: false; gone: boolean; final: boolean; error: string; retryAfterSeconds: number };

export interface Pusher {
  readonly publicKey: string;
  /** Never rejects: a refusal is an answer. */
  send(target: PushTarget, message: PushMessage): Promise<PushResult>;
}

export interface VapidKeys {
  publicKey: string;
  privateKey: string;
}

export interface PushOptions {
  keys: VapidKeys;
  /** Whom a push service can turn to: `mailto:` or `https:` (RFC 8292, section 2.1). */
  subject: string;
  hosts: readonly PushHost[];
  fetch?: typeof fetch;
}

/** A browser that was away longer than this is not told any more: it finds the notification in the application. */
const TTL_SECONDS = 24 * 3_600;
const TIMEOUT_MS = 10_000;
/** A push service may say when to come back, but not that it be next week. */
const LONGEST_WAIT_SECONDS = 3_600;
/** What every push service takes (RFC 8030, section 7.2), less what encryption and padding add. */
const MAX_BODY = 2_000;
const MAX_TITLE = 500;

/** A new key pair, as base64url. */
export const newVapidKeys = (): VapidKeys => webpush.generateVAPIDKeys();

/** A pusher with these keys. @throws Error when they are no pair, or the subject is no address */
export function createPusher(options: PushOptions): Pusher {
  const { keys, subject, hosts } = options;
  const send = options.fetch ?? fetch;
  webpush.setVapidDetails(subject, keys.publicKey, keys.privateKey);
  return {
    publicKey: keys.publicKey,
    async send(target, message) {
      const refused = (error: string, final = false, gone = false): PushResult => ({
        ...{ ok: false, gone, final, error, retryAfterSeconds: 0 },
      });
      // The list may have become shorter since the browser subscribed.
      if (!isPushAddress(hosts, target.endpoint)) {
        return refused("its push service is not allowed here", true, true);
      }
      try {
        const { headers, body } = webpush.generateRequestDetails(
          { endpoint: target.endpoint, keys: { p256dh: target.p256dh, auth: target.auth } },
          JSON.stringify({
            ...message,
            title: message.title.slice(0, MAX_TITLE),
            body: message.body.slice(0, MAX_BODY),
          }),
          {
            vapidDetails: { subject, ...keys },
            TTL: TTL_SECONDS,
            urgency: "high",
            contentEncoding: "aes128gcm",
            // One that waits at the push service is replaced by the next about the same thing (at most 32 characters).
            topic: message.id.replaceAll("-", "").slice(0, 32),
          },
        );
        const { "Content-Length": _, ...rest } = headers as Record<string, string | number>;
        const response = await send(target.endpoint, {
          method: "POST",
          headers: Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)])),
          body: new Uint8Array(body ?? []),
          // Only the address that was allowed.
          redirect: "manual",
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        await response.body?.cancel();
        return judge(response, target);
      } catch (cause) {
        return refused(cause instanceof Error ? cause.message.slice(0, 300) : String(cause));
      }
    },
  };
}

function judge(response: Response, target: PushTarget): PushResult {
  const { status } = response;
  if (status >= 200 && status < 300) return { ok: true };
  const gone = status === 404 || status === 410;
  const passing = status === 408 || status === 429 || status >= 500;
  const after = Number(response.headers.get("retry-after"));
  return {
    ok: false,
    gone,
    final: !gone && !passing,
    error: `${new URL(target.endpoint).hostname} answered ${status}`,
    retryAfterSeconds: Number.isFinite(after) ? Math.min(Math.max(after, 0), LONGEST_WAIT_SECONDS) : 0,
  };
}
