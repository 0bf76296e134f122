/** Where a webhook may go: every address behind a name is looked at before anything is connected to one of them. */
import ipaddr from "ipaddr.js";

/** Which addresses this installation sends to. */
export interface AddressRules {
  /** Those of the internet. */
  allowPublic: boolean;
  /** Loopback, private and link-local ones; never those where clouds keep a machine's secrets. */
  allowPrivate: boolean;
}

/** An address, or what is behind a name, that nothing is sent to; the message is for the webhook's owner. */
export class ForbiddenAddress extends Error {
  override name = "ForbiddenAddress";
}

/** Where clouds answer a machine's questions about itself: AWS and most others, AWS by IPv6, Alibaba, Azure. */
const METADATA = new Set(["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16"]);
const NEAR = new Set(["loopback", "private", "uniqueLocal", "linkLocal", "carrierGradeNat"]);

type Kind = "public" | "private" | "never";

/** What kind of address this is; IPv4 inside of IPv6 counts as what it is. */
export function kindOf(address: string): Kind {
  if (!ipaddr.isValid(address)) return "never";
  const parsed = ipaddr.process(address);
  if (METADATA.has(parsed.toString())) return "never";
  const range = parsed.range();
  if (NEAR.has(range)) return "private";
  if (range !== "unicast") return "never";
  // Of IPv6 only 2000::/3 is given out (RFC 4291, section 2.4): the rest holds what a router may still understand.
  const foreign = parsed.kind() === "ipv6" && (parsed.toByteArray()[0] ?? 0) >> 5 !== 1;
  return foreign ? "never" : "public";
}

/** @throws ForbiddenAddress unless the rules allow the address, over this protocol */
export function checkAddress(address: string, protocol: string, rules: AddressRules): void {
  switch (kindOf(address)) {
    case "never":
      throw new ForbiddenAddress("The address is one that webhooks never go to");
    case "private":
      if (rules.allowPrivate) return;
      throw new ForbiddenAddress(
        "The address is inside of a network, and this Rondo only sends to the internet (WEBHOOKS_ALLOW_PRIVATE)",
      );
    case "public":
      if (!rules.allowPublic) {
        throw new ForbiddenAddress("This Rondo sends nothing to the internet (WEBHOOKS_ALLOW_PUBLIC)");
      }
      if (protocol !== "https:") throw new ForbiddenAddress("Over the internet an address must be https");
  }
}

/** All addresses behind a name. Rejects when there is none. */
export type Resolve = (hostname: string) => Promise<string[]>;

/**
 * The addresses of a URL's host, each of which the rules allow: whoever connects to one of them can't be led
 * elsewhere by a name server that answers differently the next time.
 *
 * @throws ForbiddenAddress when one of them is not allowed
 */
export async function allowedAddresses(url: URL, rules: AddressRules, resolve: Resolve): Promise<string[]> {
  const literal = literalOf(url);
  const addresses = literal === null ? await resolve(url.hostname) : [literal];
  if (addresses.length === 0) throw new Error(`${url.hostname} has no address`);
  for (const address of addresses) checkAddress(address, url.protocol, rules);
  // Where IPv6 leads nowhere, it would take the time that IPv4 needs.
  return addresses.toSorted((one, other) => Number(one.includes(":")) - Number(other.includes(":")));
}

/** What can be said of a URL before a name is looked up. @throws ForbiddenAddress */
export function checkUrl(url: URL, rules: AddressRules): void {
  if (!rules.allowPublic && !rules.allowPrivate) {
    throw new ForbiddenAddress(
      "This Rondo sends no webhooks: its operator can allow that (WEBHOOKS_ALLOW_PUBLIC)",
    );
  }
  const literal = literalOf(url);
  if (literal !== null) return checkAddress(literal, url.protocol, rules);
  if (/(^|\.)localhost\.?$/.test(url.hostname)) return checkAddress("127.0.0.1", url.protocol, rules);
  if (url.protocol !== "https:" && !rules.allowPrivate) {
    throw new ForbiddenAddress("Over the internet an address must be https");
  }
}

/** The address that stands in a URL in place of a name, or null. URLs write every form of IPv4 as four numbers. */
function literalOf(url: URL): string | null {
  const bare = url.hostname.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(bare) ? bare : null;
}
