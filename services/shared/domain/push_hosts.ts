/** Which push services may be sent to. A subscription's address comes from a browser, so anybody can make one up. Pure. */

export interface PushHost {
  protocol: "https:" | "http:";
  /** Without a wildcard's `*.`. */
  hostname: string;
  /** Empty for the protocol's own. */
  port: string;
  /** Also every name below it, and not the name itself. */
  below: boolean;
}

/** The push services of the browsers there are. */
export const BROWSER_PUSH_HOSTS =
  "fcm.googleapis.com,*.push.services.mozilla.com,web.push.apple.com,*.push.apple.com,*.notify.windows.com";

/**
 * Reads a list such as `push.example.org,*.push.example.net`, separated by commas. An entry may name a port, and
 * `http://` before it allows what is not encrypted; `none` is the empty list.
 *
 * @throws TypeError for an entry that is no host
 */
export function parsePushHosts(text: string): PushHost[] {
  if (text.trim() === "none") return [];
  return text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "").map((entry) => {
    const [, scheme = "https", wildcard = "", rest = ""] = /^(?:(https?):\/\/)?(\*\.)?(.*)$/.exec(entry) ??
      [];
    const url = URL.parse(`${scheme}://${rest}`);
    const plain = url !== null && /^[\w.:[\]-]+$/.test(rest) && url.hostname !== "";
    if (!plain) throw new TypeError(`Cannot read a push host as it must be a host name: ${entry}`);
    return {
      protocol: scheme === "http" ? "http:" : "https:",
      hostname: url.hostname,
      port: url.port,
      below: wildcard !== "",
    };
  });
}

/** Whether an address is one of a push service of the list. */
export function isPushAddress(hosts: readonly PushHost[], address: string): boolean {
  const url = URL.parse(address);
  if (url === null || url.username !== "" || url.password !== "") return false;
  return hosts.some(({ protocol, hostname, port, below }) =>
    url.protocol === protocol && url.port === port &&
    (below ? url.hostname.endsWith(`.${hostname}`) : url.hostname === hostname)
  );
}
