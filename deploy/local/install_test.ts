import assert from "node:assert/strict";
import { join } from "node:path";
import { cached, cacheDir, keyOf } from "./cache.ts";
import { javaVersion } from "./install.ts";

Deno.test("javaVersion() reads what every Java says of itself", () => {
  for (
    const [text, version] of [
      ['openjdk version "17.0.15" 2025-04-15', 17],
      ['openjdk version "21" 2023-09-19', 21],
      ['java version "1.8.0_392"', 8],
      ["no such thing", 0],
    ] as const
  ) assert.equal(javaVersion(text), version, text);
});

Deno.test("cacheDir() is the user's own, where the user says", () => {
  assert.equal(cacheDir({ RONDO_CACHE_DIR: "/a" }), "/a");
  assert.equal(cacheDir({ XDG_CACHE_HOME: "/b" }), join("/b", "rondo"));
});

Deno.test("keyOf() is another for other inputs, also when they only differ in where they end", () => {
  assert.equal(keyOf("a", "b"), keyOf("a", "b"));
  assert.notEqual(keyOf("ab", "c"), keyOf("a", "bc"));
});

Deno.test("cached() fills a folder once, and again after a failure", async () => {
  const folder = await Deno.makeTempDir();
  const before = Deno.env.get("RONDO_CACHE_DIR");
  Deno.env.set("RONDO_CACHE_DIR", folder);
  let fills = 0;
  const fill = async (target: string) => {
    fills++;
    await Deno.writeTextFile(join(target, "program"), "x");
    if (fills === 1) throw new Error("interrupted");
  };
  try {
    await assert.rejects(cached("tool", fill), { message: "interrupted" });
    const paths = await Promise.all([cached("tool", fill), cached("tool", fill), cached("tool", fill)]);
    assert.deepEqual(paths, Array(3).fill(join(folder, "tool")));
    assert.equal(fills, 2);
    assert.equal(await Deno.readTextFile(join(folder, "tool", "program")), "x");
  } finally {
    if (before === undefined) Deno.env.delete("RONDO_CACHE_DIR");
    else Deno.env.set("RONDO_CACHE_DIR", before);
    await Deno.remove(folder, { recursive: true });
  }
});
