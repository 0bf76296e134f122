import assert from "node:assert/strict";
import { StartError } from "./config.ts";
import { checkServerVersion } from "./host.ts";

Deno.test("checkServerVersion() refuses a PostgreSQL before 15 in one sentence", () => {
  for (const version of [150_000, 150_018, 180_004]) checkServerVersion(version);
  for (const [version, name] of [[140_019, "14"], [90_624, "9"], [0, "0"]] as const) {
    assert.throws(
      () => checkServerVersion(version),
      (cause) => cause instanceof StartError && cause.message.endsWith(`15 or newer: this one is ${name}`),
    );
  }
});
