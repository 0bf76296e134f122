import assert from "node:assert/strict";
import { allowedAddresses, checkUrl, ForbiddenAddress, kindOf } from "./addresses.ts";

const INTERNET = { allowPublic: true, allowPrivate: false };
const EVERYTHING = { allowPublic: true, allowPrivate: true };

/** Addresses of each kind, with what they are. */
const ADDRESSES = {
  public: ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1"],
  private: [
    ...["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::127.0.0.1"],
    ...["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.0.0.1", "::ffff:a00:1"],
    ...["169.254.1.1", "fe80::1", "::ffff:169.254.1.1"],
    ...["fc00::1", "fd12:3456:789a::1"],
    "100.64.0.1",
  ],
  never: [
    ...["169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "fd00:ec2::254"],
    ...["100.100.100.200", "168.63.129.16"],
    ...["0.0.0.0", "0.1.2.3", "::", "255.255.255.255", "224.0.0.1", "ff02::1", "240.0.0.1"],
    ...["192.0.2.1", "198.18.0.1", "2001:db8::1"],
    ...["64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "::7f00:1", "fec0::1", "4000::1"],
    ...["", "localhost", "1.2.3.4.5"],
  ],
} as const;

for (const [kind, addresses] of Object.entries(ADDRESSES)) {
  Deno.test(`kindOf() knows ${kind} addresses`, () => {
    for (const address of addresses) assert.equal(kindOf(address), kind, address);
  });
}

const refuses = (work: () => unknown, message: RegExp) =>
  assert.throws(work, (cause) => cause instanceof ForbiddenAddress && message.test(cause.message));

Deno.test("checkUrl() refuses inner addresses however they are written", () => {
  for (
    const host of [
      ...["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "[::1]", "localhost"],
      ...["LOCALHOST", "api.localhost", "localhost.", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "192.168.0.1"],
      ...["169.254.1.1", "[fe80::1]", "[fd00::1]", "10.1.2.3"],
    ]
  ) {
    refuses(() => checkUrl(new URL(`https://${host}/`), INTERNET), /inside of a network/);
    checkUrl(new URL(`http://${host}/`), EVERYTHING);
  }
  for (const host of ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "0"]) {
    refuses(() => checkUrl(new URL(`https://${host}/`), EVERYTHING), /never go to/);
  }
});

Deno.test("checkUrl() wants https for the internet, and a setting for anything at all", () => {
  checkUrl(new URL("https://hooks.example.com/"), INTERNET);
  refuses(() => checkUrl(new URL("http://hooks.example.com/"), INTERNET), /must be https/);
  refuses(() => checkUrl(new URL("http://1.1.1.1/"), EVERYTHING), /must be https/);
  // What the name leads to decides.
  checkUrl(new URL("http://printer.lan/"), EVERYTHING);
  const nothing = { allowPublic: false, allowPrivate: false };
  refuses(() => checkUrl(new URL("https://hooks.example.com/"), nothing), /WEBHOOKS_ALLOW_PUBLIC/);
  refuses(
    () => checkUrl(new URL("https://1.1.1.1/"), { allowPublic: false, allowPrivate: true }),
    /nothing to the internet/,
  );
});

Deno.test("allowedAddresses() looks at every address behind a name, and puts IPv4 first", async () => {
  const url = new URL("https://hooks.example.com/");
  const behind = (...addresses: string[]) =>
    allowedAddresses(url, INTERNET, (name) => {
      assert.equal(name, "hooks.example.com");
      return Promise.resolve(addresses);
    });
  assert.deepEqual(await behind("2606:4700::1111", "1.1.1.1"), ["1.1.1.1", "2606:4700::1111"]);
  for (const bad of [...ADDRESSES.private, ...ADDRESSES.never]) {
    await assert.rejects(behind("1.1.1.1", bad), ForbiddenAddress, bad);
  }
  await assert.rejects(behind(), /no address/);
  const literal = allowedAddresses(new URL("https://[2606:4700::1111]:444/"), INTERNET, () => {
    throw new Error("nothing is to be looked up");
  });
  assert.deepEqual(await literal, ["2606:4700::1111"]);
});
