import assert from "node:assert/strict";
import { freePorts, isOpen, LOOPBACK, reservePort } from "./ports.ts";

Deno.test("freePorts() gives no port twice, none that is reserved, none that is listened on", async () => {
  const [first = 0] = freePorts(1);
  using listener = Deno.listen({ hostname: LOOPBACK, port: first });
  assert.ok(await isOpen(listener.addr.port));
  // Every second port of the range is somebody's: a choice that did not look would soon hit one.
  for (let port = 20_000; port < 32_000; port += 2) reservePort(port);
  const given = freePorts(200);
  assert.equal(new Set([first, ...given]).size, 201);
  assert.ok(given.every((port) => port % 2 === 1));
});
